"""Progress of a role, shown by the web pages: plain numbers, written by one thread and read by others."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from pipeline.clock import SYSTEM_CLOCK, Clock
from pipeline.log.port import Partition

_STUCK_SECONDS: Final = 8.0
"""So long without a commit, while there is something to read, is not ready: told within ten seconds, as the lag is
looked at every second and a look may take one."""
_STARVED_SECONDS: Final = 60.0
"""How long others may commit before one partition: they take turns, but each may have much to read."""
_SILENT_SECONDS: Final = 6.0
"""So long without an answer of the log is not ready: what the lag says is out of date by then."""
_NEWS_SECONDS: Final = 5.0
"""How often a restore is written to the log."""

OPERATIONS: Final = ("poll", "process", "send", "commit")
"""What is timed: a call that read something, a slice of that being decided, messages being enqueued, and the end of a
transaction with its offsets."""
DURATION_BOUNDS: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Seconds; of a histogram's buckets."""


class Durations:
    """How long something took each time, counted in buckets; nothing is asked of the hot path but once a round."""

    def __init__(self) -> None:
        self.counts = [0] * (len(DURATION_BOUNDS) + 1)
        """By bucket, the last one for what took longer than any bound."""
        self.seconds = 0.0
        """All of them together."""

    def took(self, seconds: float) -> None:
        """Adds a measurement."""
        self.counts[bisect_left(DURATION_BOUNDS, seconds)] += 1
        self.seconds += seconds


Award = tuple[int, int, str]
"""Org, program, and the rule, milestone or streak level of it that gives points."""


class Restoring(NamedTuple):
    """One partition's restore."""

    total: int
    """Changelog offsets that were to be read when it began, or more where the changelog has grown since."""
    left: int
    """Changelog offsets still to be read."""
    begun: float
    """Monotonic seconds."""
    read: float
    """Monotonic seconds at which something was read last; of the beginning, before the first."""


class Pace(NamedTuple):
    """How far restores are, together."""

    total: int
    left: int
    seconds: float
    """Since the first of them began."""
    silence: float
    """Seconds since something was read."""

    @property
    def rate(self) -> float:
        """Changelog offsets read in a second."""
        return (self.total - self.left) / self.seconds if self.seconds > 0 else 0.0

    def __str__(self) -> str:
        told = f"{self.left:,} of {self.total:,} changelog records left"
        if self.silence > _SILENT_SECONDS:
            return f"{told}, nothing was read for {self.silence:.0f} s"
        return f"{told}, {self.rate:,.0f} a second, {self.left / self.rate:,.0f} s to go" if self.rate else told


def pace(restores: Iterable[Restoring], now: float) -> Pace:
    """How far restores are at `now`, monotonic seconds."""
    several = tuple(restores)
    begun = min((one.begun for one in several), default=now)
    read = max((one.read for one in several), default=now)
    return Pace(sum(one.total for one in several), sum(one.left for one in several), now - begun, now - read)


@dataclass(slots=True)
class Progress:
    """How far one role is."""

    role: str
    clock: Clock = SYSTEM_CLOCK
    ready: bool = False
    """Whether it has partitions and all of them are restored."""
    trouble: str = ""
    """Why it is not at work though it runs: shown until it works again."""
    restoring: int = 0
    """Partitions that are not ready yet."""
    restores: dict[int, Restoring] = field(default_factory=dict)
    """By partition: its restore, while it runs."""
    commits: int = 0
    aborts_by_cause: dict[str, int] = field(default_factory=dict)
    """Rounds that had no effect, or whose outcome is unknown."""
    records: int = 0
    """Messages read in committed rounds."""
    sent: int = 0
    """Messages written in committed rounds."""
    committed_at: float = field(init=False)
    """Monotonic seconds of the last commit; of the start, before the first."""
    heard_at: float = field(init=False)
    """Monotonic seconds of the log's last answer about all partitions; of the start, before the first."""
    ready_at: float = field(init=False)
    """Monotonic seconds at which it became ready last; of the start, before the first time."""
    caught_up_at: float | None = None
    """Monotonic seconds of the last look that found nothing left to read."""
    timestamp: int = 0
    """Of the message read last, milliseconds since the epoch."""
    lag: dict[Partition, int] = field(default_factory=dict)
    """By input partition: messages still to be read."""
    committed_of: dict[Partition, float] = field(default_factory=dict)
    """By input partition: monotonic seconds of the last commit, or of the last look that found nothing left to read."""
    dead_letters_by_reason: dict[str, int] = field(default_factory=dict)
    odd_keys: Mapping[str, int] = field(default_factory=dict)
    """By input topic: messages with another key than their customer's."""
    unknown_events: Mapping[str, int] = field(default_factory=dict)
    """By `org/name`: events that no program of their org knows."""
    repeats: int = 0
    facts: int = 0
    notifications: int = 0
    awards: dict[Award, int] = field(default_factory=dict)
    """How often each gave points."""
    clocks: dict[int, int] = field(default_factory=dict)
    """By journal partition: its clock, milliseconds since the epoch."""
    durations: dict[str, Durations] = field(default_factory=lambda: {name: Durations() for name in OPERATIONS})
    """By operation."""
    _told_at: float = field(init=False)
    """Monotonic seconds of the last news of a restore; of the start, before the first."""

    def __post_init__(self) -> None:
        """Nothing has been heard before the start."""
        self.committed_at = self.heard_at = self.ready_at = self._told_at = self.clock.now()

    @property
    def aborts(self) -> int:
        """Rounds that had no effect, or whose outcome is unknown."""
        return sum(dict(self.aborts_by_cause).values())

    @property
    def dead_letters(self) -> int:
        """Dead letters that took effect."""
        return sum(dict(self.dead_letters_by_reason).values())

    def round_committed(self, records: int, now: float, sent: int = 0, touched: Iterable[Partition] = ()) -> None:
        """One more round took effect: it read so many records, of these partitions, and sent so many."""
        self.commits += 1
        self.records += records
        self.sent += sent
        self.committed_at = now
        self.committed_of.update(dict.fromkeys(touched, now))

    def round_aborted(self, cause: Exception) -> None:
        """Counts a round that had no effect, or whose outcome is unknown."""
        name = type(cause).__name__
        self.aborts_by_cause[name] = self.aborts_by_cause.get(name, 0) + 1

    def placed(self, *, ready: bool, restoring: int) -> None:
        """Whether it has partitions and all of them are restored, and how many are not."""
        if ready and not self.ready:
            self.ready_at = self.heard_at = self.clock.now()
        self.ready, self.restoring = ready, restoring

    def looked(self, now: float) -> None:
        """The log has told where its partitions end, and `lag` says how far that is away."""
        self.heard_at = now
        self.committed_of.update(dict.fromkeys((one for one, lag in self.lag.items() if not lag), now))
        if not any(self.lag.values()):
            self.caught_up_at = now

    def restored(self, partition: int, left: int) -> str:
        """So much of a partition's changelog is still to be read, the first time: in all; news, when they are due."""
        now = self.clock.now()
        total, before, begun, read = self.restores.get(partition, (left, left, now, now))
        self.restores[partition] = Restoring(max(total, left), left, begun, read if left == before else now)
        if now - self._told_at < _NEWS_SECONDS:
            return ""
        self._told_at = now
        return self._restoring()

    def oldest_age(self) -> float:
        """How long the next message has been waiting at most, seconds; 0 when there is none."""
        if not any(dict(self.lag).values()):
            return 0.0
        since_read = self.clock.wall() / 1_000 - self.timestamp / 1_000 if self.timestamp else math.inf
        since_caught_up = self.clock.now() - self.caught_up_at if self.caught_up_at is not None else math.inf
        age = min(since_read, since_caught_up)
        return max(0.0, age) if age < math.inf else self.clock.now() - self.ready_at

    def counted(self, facts: int, notifications: int, repeats: int, awards: Mapping[Award, int]) -> None:
        """So much came of a round that took effect."""
        self.facts += facts
        self.notifications += notifications
        self.repeats += repeats
        for award, count in awards.items():
            self.awards[award] = self.awards.get(award, 0) + count

    def status(self) -> tuple[bool, str]:
        """Whether the role is ready: partitions assigned and restored, the log answering, commits made; if not, why.

        Most fundamental cause first.
        """
        if self.trouble:
            return False, self.trouble
        if self.restoring:
            return False, self._restoring()
        if not self.ready:
            return False, "no partition is assigned"
        silent = self.clock.now() - self.heard_at
        if silent > _SILENT_SECONDS:
            return False, f"the log has not answered for {silent:.0f} s"
        stuck = self._stuck()
        return not stuck, stuck

    def _stuck(self) -> str:
        """What has been read but not committed, and for how long; empty while the role makes progress."""
        now = self.clock.now()
        lags = dict(self.lag)
        behind = sum(lags.values())
        stuck = now - max(self.committed_at, self.ready_at, self.caught_up_at or 0.0)
        if behind and stuck > _STUCK_SECONDS:
            return f"no commit for {stuck:.0f} s with {behind} messages to read"
        for partition, lag in lags.items():
            starved = now - max(self.ready_at, self.committed_of.get(partition, 0.0))
            if lag and starved > _STARVED_SECONDS:
                return f"no commit of {partition} for {starved:.0f} s with {lag} messages to read"
        return ""

    def _restoring(self) -> str:
        restores = dict(self.restores).values()
        if not restores:
            return f"{_partitions(self.restoring)} without their committed offsets yet"
        return f"restoring {_partitions(len(restores))}: {pace(restores, self.clock.now())}"


def _partitions(count: int) -> str:
    return f"{count} partition{'' if count == 1 else 's'}"
