"""What is asked of streaks."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from schemas.messages.message import CustomerMessage
from schemas.messages.values import CalendarDate, Code, Program, Reason, Short


class EnrolStreak(CustomerMessage, frozen=True, kw_only=True):
    """A customer is to take part in a streak: periods count from that of the event time on."""

    program_id: Program
    streak: Code
    """The id of the streak in the program's file."""
    entered_by: Short = ""


class UnenrolStreak(CustomerMessage, frozen=True, kw_only=True):
    """A customer is to take part in a streak no longer; levels and rewards stay."""

    program_id: Program
    streak: Code
    reason: Short = ""
    entered_by: Short = ""


class PauseStreak(CustomerMessage, frozen=True, kw_only=True):
    """Missed periods are to break no run, from that of the event time on, until the streak is resumed."""

    program_id: Program
    streak: Code
    reason: Reason
    entered_by: Short = ""


class ResumeStreak(CustomerMessage, frozen=True, kw_only=True):
    """A streak that is paused is to run on; the period of the event time is the last one that may be missed."""

    program_id: Program
    streak: Code
    reason: Reason
    entered_by: Short = ""


class FreezeStreak(CustomerMessage, frozen=True, kw_only=True):
    """Missed periods that touch some days are to break no run, past days or days to come."""

    program_id: Program
    streak: Code
    first_day: CalendarDate
    """In the program's zone."""
    days: Annotated[int, Meta(ge=1, le=366)]
    reason: Reason
    entered_by: Short = ""
