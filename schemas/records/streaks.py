"""What is asked of streaks."""

from __future__ import annotations

from schemas.records.record import ProgramCommand


class StreakCommand(ProgramCommand, frozen=True):
    """Something that somebody asks of one streak of a customer."""

    streak: str
    """Its id."""


class EnrolStreak(StreakCommand, frozen=True):
    """The customer is to take part."""

    entered_by: str = ""


class UnenrolStreak(StreakCommand, frozen=True):
    """The customer is to take part no longer."""

    reason: str = ""
    entered_by: str = ""


class PauseStreak(StreakCommand, frozen=True):
    """Missed periods are to break no run, until the streak is resumed."""

    reason: str
    entered_by: str = ""


class ResumeStreak(StreakCommand, frozen=True):
    """A streak that is paused is to run on."""

    reason: str
    entered_by: str = ""


class FreezeStreak(StreakCommand, frozen=True):
    """Missed periods that touch some days are to break no run."""

    first_day: int
    days: int
    reason: str
    entered_by: str = ""
