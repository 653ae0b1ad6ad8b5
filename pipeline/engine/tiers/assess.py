"""Assessing tiers, last, after everything that a record earned.

RULE: a customer makes one move at a time: up, by one tier or several; or, when their tier is retired and they do not
rise, down to the next lower tier that is left; or down after a return, where the program says so.
RULE (after a return): a return costs a tier where it is what took the value below the tier's threshold. A raised
threshold, points that were spent and days that passed do not. A tier won back by a renewal is one that the basis
reaches, so a return costs it as any other.
RULE (after a loss): who lost a tier while the basis still reaches it rises again when the basis reaches a higher one,
or when what came in since then would renew it.
"""

from __future__ import annotations

from typing import Final

from pipeline.engine.bills.entries import bill_of
from pipeline.engine.calendar import NEVER
from pipeline.engine.kernel.concern import ProgramStage
from pipeline.engine.kernel.identity import key_of
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.programs import Program
from pipeline.engine.tiers.terms import reminders_after
from pipeline.engine.tiers.values import (
    basis_values,
    floor_of,
    now_of,
    renewal_values,
    tenure_of,
    term_from,
    today,
    upgraded,
)
from schemas.facts import (
    Decision,
    TierCheckSet,
    TierDowngraded,
    TierLossExcused,
    TierMoved,
    TierPeriodBegun,
    TierReassigned,
    TierReminder,
    TierRemindersPlanned,
    TierRenewed,
    TierTenureBegun,
    TierUpgraded,
)
from schemas.records import CancelPoints, CustomerRecord, TransactionReturned, TransactionUpdated

_BY_VALUE: Final = TierMoved.VALUE  # bound once: looking up a member of an enum costs as much as a call
_TAKING_BACK: Final = (TransactionReturned, TransactionUpdated, CancelPoints)
"""What may lower the basis as if it had never been so high: a plain debit does not."""


def has_tiers(program: Program) -> bool:
    """Whether the program has tiers."""
    return program.base_tier > 0


def upgrade(turn: ProgramTurn, begins_at: int) -> TierUpgraded | None:
    """The move up that the customer's values give by now, to a term that begins at that instant."""
    rules = turn.program.tier_rules
    section, program = turn.section, turn.program
    now = now_of(turn)
    values = basis_values(section, program, now)
    reached, by = rules.upgrade.reached(values), _BY_VALUE
    if reached <= tenure_of(section).mark:
        renewed = rules.renewal.reached(renewal_values(section, program, now))
        reached, by = min(reached, renewed), TierMoved.RENEWAL
    if reached <= section.tier:
        return None
    return upgraded(turn, reached, values, begins_at, by)


def fall_after_return(turn: ProgramTurn, begins_at: int) -> TierDowngraded | None:
    """The move down to what the basis still reaches, not below a tier that somebody gave."""
    rules = turn.program.tier_rules
    section, program = turn.section, turn.program
    values = basis_values(section, program, now_of(turn))
    reached = rules.upgrade.reached(values)
    if rules.definition.downgrade == "one_lower":
        reached = max(reached, rules.next_lower(section.tier))
    reached = max(reached, floor_of(section, program))
    if reached >= section.tier:
        return None
    decisive = rules.upgrade.decisive(values, section.tier)
    return TierDowngraded(
        previous=section.tier,
        reached=reached,
        reached_id=program.tier_ids[reached],
        measured=decisive.value,
        needed=decisive.needed,
        mark=0,
        term=term_from(turn, reached, begins_at),
        by=TierMoved.RETURN,
    )


def _check_set(turn: ProgramTurn, because: TierMoved) -> list[Decision]:
    """The move is decided when the day, or the period, ends, unless that is settled already."""
    tenure = tenure_of(turn.section)
    if tenure.check_at != NEVER:
        falls_too = because is TierMoved.RETURN and not tenure.falls_then
        return [TierCheckSet(at=tenure.check_at, because=because)] if falls_too else []
    if tenure.period is not None and turn.program.tier_rules.definition.upgrade == "end_of_period":
        return [TierCheckSet(at=tenure.period.ends_at - 1, because=because)]
    return [TierCheckSet(at=turn.program.calendar.start_of(today(turn) + 1), because=because)]


def _excuse(turn: ProgramTurn, record: TransactionReturned | TransactionUpdated | CancelPoints) -> list[Decision]:
    """What takes something back where the value lay below the tier's threshold is not what took it there."""
    program, section = turn.program, turn.section
    if section.tier <= 1 or program.tier_rules.upgrade.met(basis_values(section, program, now_of(turn)), section.tier):
        return []
    if not isinstance(record, CancelPoints):
        number = record.of_bill if isinstance(record, TransactionReturned) else record.bill_number
        if not bill_of(turn.state, number).takes(program.id, turn.at):
            return []
    return [TierLossExcused(record=key_of(record.id))]


def _assess(turn: ProgramTurn, record: CustomerRecord | None) -> list[Decision]:
    """The move from the old tier to the tier that the values give now, if any."""
    rules, section = turn.program.tier_rules, turn.section
    begins_at = turn.at if record is None else turn.at + 1
    if section.tier in rules.retired:
        return [_reassigned(turn, begins_at)]
    up = upgrade(turn, begins_at)
    if up is not None:
        if rules.definition.upgrade == "at_once":
            return [up]
        return _check_set(turn, TierMoved.VALUE)
    if tenure_of(section).in_grace:
        return _renewed_in_grace(turn, begins_at)
    if _may_fall(turn, record):
        down = fall_after_return(turn, begins_at)
        if down is not None:
            return [down] if rules.definition.on_return == "at_once" else _check_set(turn, TierMoved.RETURN)
    return []


def _may_fall(turn: ProgramTurn, record: CustomerRecord | None) -> bool:
    return (
        turn.program.tier_rules.definition.on_return != "keep"
        and isinstance(record, _TAKING_BACK)
        and tenure_of(turn.section).excused != key_of(record.id)
    )


def _reassigned(turn: ProgramTurn, begins_at: int) -> Decision:
    rules, section = turn.program.tier_rules, turn.section
    up = upgrade(turn, begins_at)
    if up is not None:
        return up
    reached = rules.next_lower(section.tier)
    return TierReassigned(
        previous=section.tier,
        reached=reached,
        basis_value=rules.upgrade.decisive(basis_values(section, turn.program, now_of(turn)), reached).value,
        reached_id=turn.program.tier_ids[reached],
    )


def _renewed_in_grace(turn: ProgramTurn, begins_at: int) -> list[Decision]:
    rules, section = turn.program.tier_rules, turn.section
    values = renewal_values(section, turn.program, now_of(turn))
    if not rules.renewal.met(values, section.tier):
        return []
    measured, needed = rules.renewal.decisive(values, section.tier)
    return [
        TierRenewed(
            tier=section.tier,
            measured=measured,
            needed=needed,
            term=term_from(turn, section.tier, begins_at),
            by=TierMoved.RENEWAL,
        )
    ]


def _begin(turn: ProgramTurn, record: None) -> list[Decision]:  # noqa: ARG001 - a stage
    """Begin to measure, for a customer of whom nothing was kept so far; else what the version changes of the term."""
    program, section, tenure = turn.program, turn.section, turn.section.tenure
    if tenure is None or not tenure.currency:
        return [TierTenureBegun(currency=program.tier_rules.currency, term=term_from(turn, section.tier, turn.at))]
    if tenure.expires_on is None:
        term = term_from(turn, section.tier, turn.at)
        by_itself = floor_of(section, program) < program.tier_rules.left_of(section.tier)
        limited = term.expires_on is not None and by_itself
        return [TierTenureBegun(currency=tenure.currency, term=term)] if limited else []
    return [] if tenure.in_grace else _reminders_planned(turn, tenure.expires_on, tenure.reminders)


def _reminders_planned(turn: ProgramTurn, expires_on: int, before: list[TierReminder]) -> list[Decision]:
    tiers, calendar = turn.program.tier_rules.definition, turn.program.calendar
    due_now = tuple(one for one in before if one.at <= turn.at and one.lead_days in tiers.reminders)
    reminders = due_now + reminders_after(tiers, calendar, expires_on, turn.at)
    return [] if reminders == tuple(before) else [TierRemindersPlanned(reminders=reminders)]


def _begin_period(turn: ProgramTurn, record: CustomerRecord | None) -> list[Decision]:  # noqa: ARG001 - a stage
    """The period that the customer's clock has come to, unless it has begun."""
    periods, period = turn.program.tier_rules.periods, tenure_of(turn.section).period
    now = now_of(turn)
    if periods is None or (period is not None and now < period.ends_at):
        return []
    running = periods.around(turn.program.calendar.day_of(now))
    return [TierPeriodBegun(begins_at=running.begins_at, ends_at=running.ends_at, mark=_mark_left(turn, now))]


def _mark_left(turn: ProgramTurn, now: int) -> int:
    """What is left of the mark of a loss, where only what does not begin anew still reaches a tier; 0 for nothing."""
    mark = tenure_of(turn.section).mark
    if not mark:
        return 0
    left = min(mark, turn.program.tier_rules.upgrade.reached(basis_values(turn.section, turn.program, now)))
    return left if left > 1 else 0


EXCUSE: Final = ProgramStage(
    _excuse, used=lambda program: has_tiers(program) and program.tier_rules.definition.on_return != "keep"
)
"""Before anything of a return counts."""
ASSESS: Final = ProgramStage(_assess, used=has_tiers)
BEGIN: Final = ProgramStage(_begin, used=lambda program: program.tier_rules.keeps_tenure)
"""At the adoption of a version: a validity that it brings begins then, and no reminder is due before."""
BEGIN_PERIOD: Final = ProgramStage(_begin_period, used=lambda program: program.tier_rules.periods is not None)
