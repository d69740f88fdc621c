"""Progress bars of an import, one for each phase."""

from collections.abc import Callable

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from consentory.client.import_run import ImportProgress

PHASES = {
    "check": "Checking",
    "stage": "Staging",
    "preview": "Previewing",
    "execute": "Executing",
    "exceptions": "Fetching refused",
}
"""The phases of an import, in words for a person."""


class ImportBars:
    """A progress bar for each phase. It is made when the phase begins."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<18}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[note]}"),
            TimeRemainingColumn(),
            console=console,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> "ImportBars":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def ask(self, question: Callable[[], bool]) -> bool:
        """Ask a person a question, while the bars are hidden."""
        self._progress.stop()
        try:
            return question()
        finally:
            self._progress.start()

    def show_preview(self, done: int, total: int) -> None:
        """Move the bar of a preview."""
        self.show_progress(ImportProgress("preview", done, total, done))

    def tell(self, lines: list[str]) -> None:
        """Write lines above the bars."""
        for line in lines:
            self._progress.console.print(line)

    def show_progress(self, step: ImportProgress) -> None:
        """Move the bar of a phase."""
        if step.phase not in self._tasks:
            self._tasks[step.phase] = self._progress.add_task(PHASES[step.phase], total=step.total, note="")
        # A phase without records is a phase that is done.
        self._progress.update(
            self._tasks[step.phase],
            completed=step.done if step.total else 1,
            total=step.total or 1,
            note=f"{step.records:,} records",
        )
