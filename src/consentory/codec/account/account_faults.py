"""The faults of an account document: collected all together, each with its line, then raised at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from consentory.errors import ConsentoryError

MOST_FAULTS = 1000
"""A document of megabytes can be wrong at every line; reading stops at so many faults."""


@dataclass(frozen=True, slots=True)
class DocumentFault:
    """One fault. `line` is 1-based, None where it is not known; `path` is a JSON path (`$.users[0].id`)."""

    line: int | None
    path: str
    code: str
    message: str


class AccountDocumentInvalid(ConsentoryError):
    """The document cannot be applied; nothing was changed. `faults` holds every fault, in order of line.

    The text of the exception is for people: one `source:line: path: message` a fault.
    """

    def __init__(self, source: str, faults: list[DocumentFault]) -> None:
        self.source = source
        self.faults = sorted(faults, key=lambda fault: (fault.line is None, fault.line or 0))
        super().__init__("\n".join(_describe(source, fault) for fault in self.faults))


class FaultLog:
    """Where reading, rules and comparison write down what they find.

    `lines` maps the JSON path of every value of the document to its line.
    """

    def __init__(self, source: str, lines: Mapping[str, int] | None = None) -> None:
        self.source = source
        self.lines: dict[str, int] = dict(lines or {})
        self._faults: list[DocumentFault] = []
        self._broken: set[str] = set()

    def refuse(self, path: str, code: str, message: str) -> None:
        """Add a fault, unless the value there, or what it stands in, could not even be read.

        A value that could not be read has a stand-in; a rule that trips over the stand-in
        would only tell a second time, and wrongly, what is told already.
        """
        if not any(self.is_broken(place) for place in _trail(path)):
            self._add(path, code, message)

    def refuse_unread(self, path: str, code: str, message: str) -> None:
        """Add a fault of a value that could not be read, and mark its path as broken."""
        self._broken.add(path)
        self._add(path, code, message)

    def is_broken(self, path: str) -> bool:
        """Whether the value at exactly this path could not be read and has a stand-in."""
        return path in self._broken

    def raise_any(self) -> None:
        """Raise AccountDocumentInvalid if there is any fault."""
        if self._faults:
            raise AccountDocumentInvalid(self.source, self._faults)

    def _add(self, path: str, code: str, message: str) -> None:
        # What is missing has no line of its own: the line of what it is missing from.
        line = next((self.lines[place] for place in _trail(path) if place in self.lines), None)
        self._faults.append(DocumentFault(line, path, f"Configuration.{code}", message))
        if len(self._faults) >= MOST_FAULTS:
            message = f"{MOST_FAULTS} faults already, and reading stopped here; correct these first"
            self._faults.append(DocumentFault(None, "$", "Configuration.TooManyFaults", message))
            self.raise_any()


def _trail(path: str) -> list[str]:
    """The path itself, then what it stands in, outwards: `$.a[0].b`, `$.a[0]`, `$.a`, `$`."""
    cuts = [place for place, letter in enumerate(path) if letter in ".[" and place > 0]
    return [path, *(path[:cut] for cut in reversed(cuts))]


def _describe(source: str, fault: DocumentFault) -> str:
    place = source if fault.line is None else f"{source}:{fault.line}"
    return f"{place}: {fault.path}: {fault.message}"
