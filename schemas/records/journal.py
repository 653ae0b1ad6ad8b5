"""What a journal partition itself goes by: its clock, its mode, its programs."""

from __future__ import annotations

from typing import Final

from schemas.records.record import Record


class ClockAdvanced(Record, frozen=True):
    """No record of `clock_source` before `time` will follow in this partition."""

    clock_source: str
    time: int
    last: bool = False
    """The source's last word: when all sources have spoken it, the partition turns to wall mode for good."""


class BackfillBegun(Record, frozen=True):
    """This journal partition is in event mode: its clock waits for all of these sources."""

    sources: tuple[str, ...]


class ProgramActivated(Record, frozen=True):
    """A version of a program is to be in force from here on, or from `starts_at` on."""

    org_id: int
    program_id: int
    version: int
    hash: str
    """SHA-256 of `definition`, hexadecimal."""
    definition: str
    """The program as canonical JSON (`schemas.program.ProgramDefinition`)."""
    starts_at: int | None = None
    """The instant, in the partition's own kind of time, from which it is in force; None: from here on."""


WALL_SOURCE: Final = "wall"
"""The one clock source of a journal partition in wall mode."""
