"""Reminders: so many days before points expire their owner is told how many.

RULE: one for each currency, last day and lead, at the start of the day that is so many days before; of what is open
then, and none of nothing. A date whose reminder is over when points get it has none: of points that come late, or
whose expiry was moved.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import Final

from pipeline.engine.calendar import NEVER, Calendar
from pipeline.engine.kernel.concern import Concern, ProgramStage, Subject
from pipeline.engine.kernel.timers import section_timer
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.ledger.accounts import account_of
from pipeline.engine.merging import sections
from pipeline.engine.programs import Program
from pipeline.engine.state import CustomerState
from schemas.facts import Decision, Envelope, ExpiryReminded, RemindersPlanned, SectionHandedOver
from schemas.records import CustomerRecord


def _plan(turn: ProgramTurn, record: CustomerRecord | None) -> list[Decision]:
    """When the next reminder falls due, where that has changed."""
    now = turn.head.clock if record is not None else max(turn.head.clock, turn.at)
    if turn.section.reminder_at == now:
        return []  # it fires next: points that expire at the same instant go first
    due = min(_next(turn, turn.program.calendar.day_of(now)), default=NEVER)
    planned = None if due == NEVER else due
    return [] if turn.section.reminder_at == planned else [RemindersPlanned(due=planned)]


def _next(turn: ProgramTurn, today: int) -> Iterator[int]:
    """Of each currency and lead the first reminder after today."""
    calendar = turn.program.calendar
    for currency in turn.program.currencies.values():
        lots = account_of(turn.section, currency.id).lots
        for lead in currency.terms.reminders:
            first = bisect_right(lots, calendar.start_of(today + lead + 1), key=lambda lot: lot.closes_at)
            if first < len(lots):
                last = lots[first].expires_on
                yield NEVER if last is None else calendar.start_of(last - lead)


def _remind(turn: ProgramTurn, subject: Subject) -> list[Decision]:  # noqa: ARG001 - a timer
    """What of each currency expires so many days from now; nothing any more where all is spent or moved."""
    reminders: list[Decision] = []
    for currency in turn.program.currencies.values():
        lots = account_of(turn.section, currency.id).lots
        for lead in currency.terms.reminders:
            for day in _days_from(turn.program.calendar, turn.at):
                left = sum(lot.open_points for lot in lots if lot.expires_on == day + lead)
                if left:
                    reminders.append(
                        ExpiryReminded(currency=currency.id, expires_on=day + lead, lead_days=lead, remaining=left)
                    )
    return reminders or [RemindersPlanned(due=None)]


def _days_from(calendar: Calendar, start: int) -> list[int]:
    """The days that begin at an instant: one, and dates before it that the zone skipped."""
    days = [calendar.day_of(start)]
    while calendar.start_of(days[-1] - 1) == start:
        days.append(days[-1] - 1)
    return sorted(days)


def _note_planned(state: CustomerState, envelope: Envelope, decision: RemindersPlanned) -> None:
    state.head.sections[envelope.program_id].reminder_at = decision.due


def _note_reminded(state: CustomerState, envelope: Envelope, decision: ExpiryReminded) -> None:  # noqa: ARG001 - an effect
    state.head.sections[envelope.program_id].reminder_at = None


def _reminds(program: Program) -> bool:
    return any(currency.terms.reminders for currency in program.currencies.values())


REMINDER: Final = section_timer(
    kind=4,
    name="expiryReminder",
    at=lambda section: NEVER if section.reminder_at is None else section.reminder_at,
    fire=_remind,
)
PLAN: Final = ProgramStage(_plan, used=_reminds)
CONCERN: Final = Concern(
    name="reminders",
    effects={
        SectionHandedOver: sections.emptied("reminder_at"),
        RemindersPlanned: _note_planned,
        ExpiryReminded: _note_reminded,
    },
    timers=(REMINDER,),
)
