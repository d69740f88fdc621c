"""The error of reading files. It stops the reading of a file."""

from pathlib import Path

from consentory.errors import ConsentoryError


class SourceError(ConsentoryError):
    """A file cannot be read. The text names the file, the place, the fault and the remedy."""

    def __init__(self, path: Path | str, place: str, fault: str) -> None:
        super().__init__(f"{path}{', ' if place else ''}{place}: {fault}")
        self.path = Path(path)
        self.place = place
        self.fault = fault
