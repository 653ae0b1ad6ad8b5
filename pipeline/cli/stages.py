"""How far a long check is: bars at a terminal, else a line now and then."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from pipeline.cli.printing import say
from pipeline.clock import SYSTEM_CLOCK, Clock
from pipeline.verify.report import Watcher

_SAY_EVERY_SECONDS: Final = 10.0


@contextmanager
def watcher_for(console: Console) -> Iterator[Watcher]:
    """The progress display for this output."""
    if not console.is_terminal:
        yield Lines(SYSTEM_CLOCK)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        yield _Bars(progress)


class Lines:
    """A line about the stage at hand every now and then, for a log; implements `report.Watcher`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._said_at = clock.now()
        self._name, self._total, self._done = "", 0, 0

    def stage(self, name: str, total: int) -> None:
        """Begin another stage."""
        self._name, self._total, self._done = name, max(1, total), 0
        self.step(0)

    def step(self, count: int) -> None:
        """Say how far the stage is, if it is time."""
        self._done += count
        now = self._clock.now()
        if now - self._said_at >= _SAY_EVERY_SECONDS:
            self._said_at = now
            say(f"{self._name}: {self._done:,} of {self._total:,}", err=True)


class _Bars:
    """A bar for the stage at hand; implements `report.Watcher`."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID | None = None

    def stage(self, name: str, total: int) -> None:
        """Begin another bar in the place of the last."""
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._task = self._progress.add_task(name, total=max(1, total))

    def step(self, count: int) -> None:
        """Move the bar."""
        if self._task is not None:
            self._progress.update(self._task, advance=count)
