"""Earning: what rules pay for a bill or a custom event. Every rule that matches pays, each as one award."""

from __future__ import annotations

from pipeline.engine.ledger import Purse
from pipeline.engine.moment import Moment
from pipeline.engine.programs import Program
from pipeline.engine.state import CustomerState
from schemas.facts import Fact, IssuedFor
from schemas.records import CustomEventReceived, TransactionAdded


def earn_on_bill(state: CustomerState, record: TransactionAdded, moment: Moment, program: Program) -> list[Fact]:
    """One award for each spend rule that gives points for the bill."""
    if not program.spends:
        return []
    day = program.calendar.day_of(moment.at)
    weighted = program.weighted(record, day)
    awards = [
        (spend.rule_id, points)
        for spend in program.spends
        if spend.span.holds(day) and (points := spend.points(record, weighted))
    ]
    return _issue(state, moment, program, awards, IssuedFor.SPEND, record.bill_number)


def earn_on_event(state: CustomerState, record: CustomEventReceived, moment: Moment, program: Program) -> list[Fact]:
    """One award for each rule on events of this name."""
    rules = program.event_awards.get(record.event_name)
    if rules is None:
        return []
    day = program.calendar.day_of(moment.at)
    awards = [(rule.rule_id, rule.points) for rule in rules if rule.span.holds(day)]
    return _issue(state, moment, program, awards, IssuedFor.EVENT)


def _issue(
    state: CustomerState,
    moment: Moment,
    program: Program,
    awards: list[tuple[str, int]],
    issued_for: IssuedFor,
    bill_number: str = "",
) -> list[Fact]:
    if not awards:
        return []
    purse = Purse(state, moment, program)
    first = state.head.seq + 1
    return [
        purse.award(seq, points, issued_for, rule_id, bill_number)
        for seq, (rule_id, points) in enumerate(awards, first)
    ]
