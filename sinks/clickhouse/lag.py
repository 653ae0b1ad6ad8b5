"""Measures periodically how far ClickHouse is behind the log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pipeline.clock import Clock
from pipeline.log.port import Log, LogError, Partition
from sinks.clickhouse.health import Health

_EVERY_SECONDS: Final = 2.0
_ANSWER_SECONDS: Final = 1.0


class Lag:
    """Also detects an unavailable log, which a poll does not report."""

    def __init__(self, log: Log, clock: Clock, health: Health) -> None:
        self.behind: dict[Partition, int] = {}
        """By partition: offsets at the log's end that were not in ClickHouse at the last look."""
        self._log = log
        self._clock = clock
        self._health = health
        self._due = 0.0

    def look(self, stored: Mapping[Partition, int]) -> None:
        """Ask the log for its ends, if it is time; `stored`: of our partitions, what ClickHouse has all before."""
        self.behind = {partition: lag for partition, lag in self.behind.items() if partition in stored}
        now = self._clock.now()
        if now < self._due or not stored:
            return
        self._due = now + _EVERY_SECONDS
        try:
            ends = self._log.ends(stored, _ANSWER_SECONDS)
        except LogError:  # a broker that has just started may not know its topics; a real loss shows when reading
            self._health.heard(answer=False)
        else:
            self._health.heard(answer=True)
            self.behind = {partition: max(0, end - stored[partition]) for partition, end in ends.items()}
            if not any(self.behind.values()):
                self._health.gets_on()
