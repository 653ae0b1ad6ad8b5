"""Decide: what a record means for one customer, as facts. The order of the stages stands here, on one screen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pipeline.engine import bills, customers, earning, milestones, redemption, repeats, returns, streaks, tiers
from pipeline.engine.adoption import adopt
from pipeline.engine.apply import EFFECTS
from pipeline.engine.programs import Programs
from pipeline.engine.state import CustomerState, Head
from pipeline.engine.timers import fall_due
from pipeline.engine.turn import Turn
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

Stage = Callable[[Turn, Any], list[Fact]]

CUSTOMER_STAGES: Final[dict[type[CustomerRecord], tuple[Stage, ...]]] = {
    CustomerAdded: (repeats.admit, customers.register),
    CustomerUpdated: (repeats.admit, customers.welcome, customers.update),
    TransactionAdded: (repeats.admit, customers.welcome, bills.record_bill),
    TransactionReturned: (repeats.admit, customers.welcome, bills.record_return),
    CustomEventReceived: (repeats.admit, customers.welcome),
    RedeemPoints: (repeats.admit, customers.welcome, redemption.address),
    AdjustPoints: (repeats.admit, customers.welcome, redemption.address),
}
PROGRAM_STAGES: Final[dict[type[CustomerRecord], tuple[Stage, ...]]] = {
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
    org = programs.org(record.org_id)
    facts = fire(state, clock) if head.due <= clock else []
    turn = Turn(state, head, org, cause, at, clock)
    if _refused(turn, record, CUSTOMER_STAGES[kind], facts):
        return facts
    for program in org.programs:
        section = head.sections.get(program.id)
        if section is None or section.version != program.version:
            _keep(state, facts, adopt(turn, program))
            section = head.sections[program.id]
        turn.program, turn.section, turn.day = program, section, program.calendar.day_of(at)
        _refused(turn, record, PROGRAM_STAGES[kind], facts)
    if head.due <= clock:
        facts += fire(state, clock)
    return facts


def fire(state: CustomerState, until: int) -> list[Fact]:
    """The facts of all timers due at or before `until`, in order, already applied to `state`."""
    facts: list[Fact] = []
    while state.head.due <= until:
        _keep(state, facts, fall_due(state, state.head.due))
    return facts


def needs(_head: Head, record: AnyCustomerRecord, programs: Programs) -> tuple[str, ...]:
    """The entries beside the head that `decide` must see; those that don't exist are left out of the state."""
    if isinstance(record, TransactionAdded):
        kept = programs.org(record.org_id).return_window_ms is not None
        return (bills.entry_of(record.bill_number),) if kept else ()
    if isinstance(record, TransactionReturned):
        return (bills.entry_of(record.of_bill),)
    return ()


def _refused(turn: Turn, record: CustomerRecord, stages: tuple[Stage, ...], facts: list[Fact]) -> bool:
    """Run the stages, each on what the one before it left; whether one refused, which ends them."""
    for stage in stages:
        decided = stage(turn, record)
        if decided:
            _keep(turn.state, facts, decided)
            if type(decided[-1]) is RecordRefused:
                return True
    return False


def _keep(state: CustomerState, facts: list[Fact], decided: list[Fact]) -> None:
    for fact in decided:
        EFFECTS[type(fact)](state, fact)
    state.head.seq += len(decided)
    facts += decided
