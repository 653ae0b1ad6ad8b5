"""Decide: what a record means for one customer, as facts. The order of the stages stands here, on one screen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pipeline.engine import bills, customers, earning, milestones, redemption, repeats, returns, streaks, tiers
from pipeline.engine.adoption import adopt
from pipeline.engine.apply import apply
from pipeline.engine.moment import Moment, Turn
from pipeline.engine.programs import Programs
from pipeline.engine.state import CustomerState, Head
from pipeline.engine.timers import due_by, fall_due
from schemas.facts import Fact, RecordRefused
from schemas.records import (
    AdjustPoints,
    AnyCustomerRecord,
    CustomerAdded,
    CustomerRecord,
    CustomerUpdated,
    CustomEventReceived,
    RedeemPoints,
    TransactionAdded,
    TransactionReturned,
)

CustomerStage = Callable[[CustomerState, Any, Moment], list[Fact]]
ProgramStage = Callable[[Turn, Any], list[Fact]]

CUSTOMER_STAGES: Final[dict[type[CustomerRecord], tuple[CustomerStage, ...]]] = {
    CustomerAdded: (repeats.admit, customers.register),
    CustomerUpdated: (repeats.admit, customers.welcome, customers.update),
    TransactionAdded: (repeats.admit, customers.welcome, bills.record_bill),
    TransactionReturned: (repeats.admit, customers.welcome, bills.record_return),
    CustomEventReceived: (repeats.admit, customers.welcome),
    RedeemPoints: (repeats.admit, customers.welcome, redemption.address),
    AdjustPoints: (repeats.admit, customers.welcome, redemption.address),
}
PROGRAM_STAGES: Final[dict[type[CustomerRecord], tuple[ProgramStage, ...]]] = {
    CustomerAdded: (),
    CustomerUpdated: (),
    TransactionAdded: (bills.count_purchase, earning.earn_on_bill, milestones.progress, streaks.extend, tiers.assess),
    TransactionReturned: (bills.count_return, returns.reverse),
    CustomEventReceived: (earning.earn_on_event, milestones.progress, streaks.extend, tiers.assess),
    RedeemPoints: (redemption.redeem,),
    AdjustPoints: (redemption.adjust, tiers.assess),
}
_PREFIX: Final = {kind: f"{kind.__name__}:" for kind in CUSTOMER_STAGES}


def decide(state: CustomerState, record: AnyCustomerRecord, programs: Programs, as_of: int) -> list[Fact]:
    """The facts that `record` makes at the instant `as_of`, in order, already applied to `state`.

    A repeat gives none and changes nothing, not even the clock. Else: the timers that are due by then, the customer's
    own stages, and the record's stages for each of the org's programs in id order. Each stage sees the state that the
    stage before it left; a refusal ends the part it belongs to. Last, timers that the record itself made overdue (a
    late bill whose points have expired already).
    """
    kind = type(record)
    cause = _PREFIX[kind] + record.id
    head = state.head
    if repeats.is_repeat(head, record, cause):
        return []
    at, clock = record.event_time, max(head.clock, as_of)
    moment = Moment(programs.org(record.org_id), cause, at, clock)
    facts = fire(state, clock)
    for customer_stage in CUSTOMER_STAGES[kind]:
        decided = customer_stage(state, record, moment)
        if decided and _keep(state, facts, decided):
            return facts
    for program in moment.org.programs:
        _keep(state, facts, adopt(state, moment, program))
        turn = Turn(state, head, head.sections[program.id], program, cause, at, clock, program.calendar.day_of(at))
        for stage in PROGRAM_STAGES[kind]:
            decided = stage(turn, record)
            if decided and _keep(state, facts, decided):
                break
    if at < clock:
        facts += fire(state, clock)
    return facts


def fire(state: CustomerState, until: int) -> list[Fact]:
    """The facts of all timers due at or before `until`, in order, already applied to `state`."""
    facts: list[Fact] = []
    while (due := due_by(state, until)) is not None:
        _keep(state, facts, fall_due(state, due))
    return facts


def needs(head: Head, record: AnyCustomerRecord, programs: Programs) -> tuple[str, ...]:  # noqa: ARG001 - the protocol
    """The entries beside the head that `decide` must see; those that don't exist are left out of the state."""
    if isinstance(record, TransactionAdded):
        return (bills.entry_of(record.bill_number),)
    if isinstance(record, TransactionReturned):
        return (bills.entry_of(record.of_bill),)
    return ()


def _keep(state: CustomerState, facts: list[Fact], decided: list[Fact]) -> bool:
    """Apply what a stage decided and add it to the facts; whether it ends in a refusal."""
    for fact in decided:
        apply(state, fact)
    facts += decided
    return bool(decided) and type(decided[-1]) is RecordRefused
