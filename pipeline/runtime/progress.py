"""Progress: what a role's thread tells the web pages; plain numbers, written by one thread and read by others."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.log.port import Partition


@dataclass(slots=True)
class Progress:
    """How far one role is."""

    role: str
    ready: bool = False
    """Whether it has partitions and all of them are restored."""
    restoring: int = 0
    """Partitions that are not ready yet."""
    restore_left: dict[int, int] = field(default_factory=dict)
    """By partition: changelog offsets still to be read."""
    commits: int = 0
    aborts: int = 0
    records: int = 0
    """Records in committed rounds."""
    committed_at: float | None = None
    """Monotonic seconds of the last commit."""
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
        self.committed_at = now
