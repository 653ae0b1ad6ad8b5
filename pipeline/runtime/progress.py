"""Progress: what a role's thread tells the web pages; plain numbers, written by one thread and read by others."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Final

from pipeline.log.port import Partition

_STUCK_SECONDS: Final = 30.0
"""So long without a commit, while there is something to read, is not ready."""
_SILENT_SECONDS: Final = 30.0
"""So long without an answer of the log is not ready: what the lag says is out of date by then."""


@dataclass(slots=True)
class Progress:
    """How far one role is."""

    role: str
    ready: bool = False
    """Whether it has partitions and all of them are restored."""
    trouble: str = ""
    """Why it is not at work though it runs: shown until it works again."""
    restoring: int = 0
    """Partitions that are not ready yet."""
    restore_left: dict[int, int] = field(default_factory=dict)
    """By partition: changelog offsets still to be read."""
    commits: int = 0
    aborts: int = 0
    records: int = 0
    """Records in committed rounds."""
    committed_at: float = field(default_factory=time.monotonic)
    """Monotonic seconds of the last commit; of the start, before the first."""
    heard_at: float = field(default_factory=time.monotonic)
    """Monotonic seconds of the log's last answer about all partitions; of the start, before the first."""
    timestamp: int = 0
    """Of the message read last, milliseconds since the epoch."""
    lag: dict[Partition, int] = field(default_factory=dict)
    """By input partition: messages still to be read."""
    dead_letters: int = 0
    repeats: int = 0
    facts: int = 0
    notifications: int = 0
    clocks: dict[int, int] = field(default_factory=dict)
    """By journal partition: its clock, milliseconds since the epoch."""

    def round_committed(self, records: int, now: float) -> None:
        """One more round took effect."""
        self.commits += 1
        self.records += records
        self.committed_at = self.heard_at = now

    def status(self) -> tuple[bool, str]:
        """Whether it has partitions, all restored, hears from the log and commits what there is to read; why not."""
        if self.restoring:
            left = sum(dict(self.restore_left).values())
            return False, f"restoring {self.restoring} partitions, {left} changelog records to read"
        if not self.ready:
            return False, "no partition is assigned"
        now = time.monotonic()
        silent = now - self.heard_at
        if silent > _SILENT_SECONDS:
            return False, f"the log has not answered for {silent:.0f} s"
        behind = sum(dict(self.lag).values())
        stuck = now - self.committed_at
        if behind and stuck > _STUCK_SECONDS:
            return False, f"no commit for {stuck:.0f} s with {behind} messages to read"
        return True, ""
