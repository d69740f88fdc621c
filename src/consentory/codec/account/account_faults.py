"""The faults of an account document: all faults are collected, each with its line, and then raised at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from consentory.errors import ConsentoryError

MOST_FAULTS = 1000
"""A document of megabytes can have a fault in every line. Reading stops after this number of faults."""


@dataclass(frozen=True, slots=True)
class DocumentFault:
    """One fault. `line` counts from 1 and is None if it is not known; `path` is a JSON path (`$.users[0].id`)."""

    line: int | None
    path: str
    code: str
    message: str


class AccountDocumentInvalid(ConsentoryError):
    """The document cannot be applied, and nothing was changed. `faults` holds every fault, in the order of lines.

    The text of the exception is for people: one line `source:line: path: message` for each fault.
    """

    def __init__(self, source: str, faults: list[DocumentFault]) -> None:
        self.source = source
        self.faults = sorted(faults, key=lambda fault: (fault.line is None, fault.line or 0))
        super().__init__("\n".join(_describe(source, fault) for fault in self.faults))


class FaultLog:
    """Collects the faults of reading, of the rules and of the comparison.

    `lines` maps the JSON path of every value of the document to its line.
    """

    def __init__(self, source: str, lines: Mapping[str, int] | None = None) -> None:
        self.source = source
        self.lines: dict[str, int] = dict(lines or {})
        self._faults: list[DocumentFault] = []
        self._broken: set[str] = set()

    def refuse(self, path: str, code: str, message: str) -> None:
        """Add a fault, unless the value at `path`, or a value that contains it, could not be read.

        A value that could not be read has a placeholder. A rule that fails on the placeholder would report the same
        fault again, in wrong words.
        """
        if not any(self.is_broken(place) for place in _trail(path)):
            self._add(path, code, message)

    def refuse_unread(self, path: str, code: str, message: str) -> None:
        """Add a fault of a value that could not be read, and mark the path of the value as broken."""
        self._broken.add(path)
        self._add(path, code, message)

    def is_broken(self, path: str) -> bool:
        """True if the value at exactly this path could not be read and has a placeholder."""
        return path in self._broken

    def raise_any(self) -> None:
        """Raise AccountDocumentInvalid if there is any fault."""
        if self._faults:
            raise AccountDocumentInvalid(self.source, self._faults)

    def _add(self, path: str, code: str, message: str) -> None:
        # A missing value has no line of its own, so the line of the value that should contain it is used.
        line = next((self.lines[place] for place in _trail(path) if place in self.lines), None)
        self._faults.append(DocumentFault(line, path, f"Configuration.{code}", message))
        if len(self._faults) >= MOST_FAULTS:
            message = f"{MOST_FAULTS} faults were found, and reading stopped here. Correct these faults first"
            self._faults.append(DocumentFault(None, "$", "Configuration.TooManyFaults", message))
            self.raise_any()


def _trail(path: str) -> list[str]:
    """The path itself, then the paths of the values that contain it, outwards: `$.a[0].b`, `$.a[0]`, `$.a`, `$`."""
    cuts = [place for place, letter in enumerate(path) if letter in ".[" and place > 0]
    return [path, *(path[:cut] for cut in reversed(cuts))]


def _describe(source: str, fault: DocumentFault) -> str:
    place = source if fault.line is None else f"{source}:{fault.line}"
    return f"{place}: {fault.path}: {fault.message}"
