"""The one error of reading files: it stops the file before anything is staged."""

from consentory.errors import ConsentoryError


class SourceError(ConsentoryError):
    """A file that cannot be read on; the text names the file, the place, the fault and the remedy."""

    def __init__(self, name: str, place: str, fault: str) -> None:
        super().__init__(f"{name}{', ' if place else ''}{place}: {fault}")
        self.name = name
        self.place = place
        self.fault = fault
