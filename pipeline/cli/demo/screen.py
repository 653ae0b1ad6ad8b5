"""Progress of a running demo: a live view on a terminal, occasional lines elsewhere.

No threads and no clock: the caller passes the time with each snapshot.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import Final, NamedTuple, Self

from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

_FEED_MAX: Final = 8
"""Notifications in view; older ones scroll away."""
_REDRAW_SECONDS: Final = 0.125
_LINE_SECONDS: Final = 2.0
_BAR_WIDTH: Final = 24
_WARMING_UP_SECONDS: Final = 1.0
"""Before that, a rate is not meaningful."""


class Notice(NamedTuple):
    """A notification in one line."""

    event: str
    """Its name, such as `pointsIssued`."""
    customer_id: int
    text: str
    """What it says, such as `25 points, balance 310`."""


class Snapshot(NamedTuple):
    """Progress of a run."""

    now: float
    """Seconds on any clock that only goes forward; the same clock for all snapshots of a run."""
    done: float
    """The part done, 0 to 1."""
    records: int
    """Records decided so far."""
    at: str
    """What time it is in the data, such as `2024-03-09`."""
    figures: Sequence[tuple[str, int]]
    """Running totals, such as points issued."""
    tiers: Sequence[tuple[str, int]]
    """Customers by tier, from the lowest."""
    notices: Sequence[Notice] = ()
    """Notifications since the last snapshot; only the last few are shown."""


class Pace:
    """Rate and time left, over the whole run so far."""

    def __init__(self) -> None:
        self._began: float | None = None

    def of(self, snapshot: Snapshot) -> str:
        """Such as `8,512 records/s, 0:42 left`."""
        if self._began is None:
            self._began = snapshot.now
        elapsed = snapshot.now - self._began
        if elapsed < _WARMING_UP_SECONDS or not snapshot.done:
            return "getting up to speed"
        left = elapsed * (1 - snapshot.done) / snapshot.done
        return f"{snapshot.records / elapsed:,.0f} records/s, {_clock(left)} left"


class LiveScreen:
    """The view for a terminal: progress, the last notifications, totals and tiers; it clears itself at the end."""

    def __init__(self, console: Console, title: str) -> None:
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._title = title
        self._pace = Pace()
        self._feed: deque[Notice] = deque(maxlen=_FEED_MAX)
        self._drawn: float | None = None

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._live.stop()

    def update(self, snapshot: Snapshot) -> None:
        """Draws a snapshot, unless the last drawing is recent."""
        self._feed.extend(snapshot.notices[-_FEED_MAX:])
        if self._drawn is None or snapshot.now - self._drawn >= _REDRAW_SECONDS or snapshot.done >= 1:
            self._drawn = snapshot.now
            self._live.update(self._drawing(snapshot), refresh=True)

    def _drawing(self, snapshot: Snapshot) -> RenderableType:
        progress = Table.grid(padding=(0, 2), expand=True)
        progress.add_column(ratio=1)
        for _ in range(3):
            progress.add_column(no_wrap=True)
        bar = ProgressBar(total=1.0, completed=snapshot.done)
        counts = f"{snapshot.records:,} records"
        progress.add_row(bar, f"{snapshot.done:4.0%}", f"{counts}, {self._pace.of(snapshot)}", f"[bold]{snapshot.at}")
        feed = Table.grid(padding=(0, 2))
        feed.add_column(style="cyan", no_wrap=True, min_width=20)
        feed.add_column(style="dim", justify="right", no_wrap=True)
        feed.add_column(no_wrap=True, overflow="ellipsis", min_width=34, max_width=44)
        for notice in self._feed:
            feed.add_row(notice.event, str(notice.customer_id), Text(notice.text))
        for _ in range(_FEED_MAX - len(self._feed)):
            feed.add_row("", "", "")
        figures = Group(_pairs(snapshot.figures), Text(), _bars(snapshot.tiers))
        panes = [Panel(feed, title="notifications"), Panel(figures, title="so far")]
        return Panel(Group(progress, Columns(panes)), title=Text(self._title), title_align="left")


class PlainScreen:
    """The view for logs and pipes: one line every two seconds, and one at the end."""

    def __init__(self, console: Console, title: str) -> None:
        self._console = console
        self._title = title
        self._pace = Pace()
        self._printed: float | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        pass

    def update(self, snapshot: Snapshot) -> None:
        """Prints a snapshot, unless the last line is recent."""
        pace = self._pace.of(snapshot)
        if self._printed is None or snapshot.now - self._printed >= _LINE_SECONDS or snapshot.done >= 1:
            self._printed = snapshot.now
            counted = ", ".join(f"{what} {count:,}" for what, count in (*snapshot.figures, *snapshot.tiers))
            line = (
                f"{self._title}: {snapshot.done:4.0%}  {snapshot.at}  {snapshot.records:,} records, {pace}  {counted}"
            )
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)


def screen_on(console: Console, title: str) -> LiveScreen | PlainScreen:
    """The view for a console: plain lines unless it is a terminal. `NO_COLOR` only removes colours."""
    live = console.is_terminal and not console.is_dumb_terminal
    return LiveScreen(console, title) if live else PlainScreen(console, title)


def _pairs(figures: Sequence[tuple[str, int]]) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim")
    grid.add_column(justify="right", style="bold")
    for what, count in figures:
        grid.add_row(what, f"{count:,}")
    return grid


def _bars(tiers: Sequence[tuple[str, int]]) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim")
    grid.add_column(width=_BAR_WIDTH)
    grid.add_column(justify="right", style="bold")
    whole = sum(count for _, count in tiers) or 1
    for name, count in tiers:
        bar = ProgressBar(total=whole, completed=count, width=_BAR_WIDTH, complete_style="yellow")
        grid.add_row(name, bar, f"{count:,}")
    return grid


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"
