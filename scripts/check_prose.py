"""Check the prose rule of CONTRIBUTING.md that a machine can check: the first word of each sentence.

The check reads the documents, and the docstrings and comments of the code. A sentence that begins with "What",
"Whoever" or "Of which" hides its subject. The check prints each such sentence, and ends with exit code 1.
"""

from __future__ import annotations

import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDERS = ("src", "docs", "bench", "scripts", "tests")
SUFFIXES = frozenset({".md", ".py", ".sql"})

OPENER = re.compile(r'(?:^|(?<=[.!?:;] )|(?<=\| )|(?<="""))(?:What|Whatever|Whoever|Of which|Of what)\b[^?]*$')
"""A question may begin with such a word."""


def list_texts(path: Path) -> Iterator[tuple[int, str]]:
    """The number of the first line, and the text, of each line of a document, each comment and each docstring."""
    text = path.read_text("utf-8")
    if path.suffix == ".py":
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string.lstrip("# ")
            elif token.type == tokenize.STRING and token.string.startswith('"""'):
                yield token.start[0], " ".join(token.string.split())
    else:
        for number, line in enumerate(text.splitlines(), 1):
            if path.suffix == ".md":
                yield number, line
            elif line.lstrip().startswith("--"):
                yield number, line.lstrip("- ")


def find_breaches(path: Path) -> Iterator[str]:
    """Each sentence of a file that begins with one of the words, with its line."""
    for number, text in list_texts(path):
        for sentence in re.split(r"(?<=[.!?]) ", text):
            if OPENER.search(sentence):
                yield f"{path}:{number}: name the subject first: {sentence[:100]}"


def list_files(root: Path) -> Iterator[Path]:
    """The documents at the root and the files of the folders, without migrations: these never change."""
    yield from sorted(root.glob("*.md"))
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in SUFFIXES and "migrations" not in path.parts:
                yield path


def main() -> int:
    breaches = [breach for path in list_files(ROOT) for breach in find_breaches(path)]
    print("\n".join(breaches) or "Prose: each sentence names its subject first.")
    return int(bool(breaches))


if __name__ == "__main__":
    sys.exit(main())
