"""Earning: what rules pay for a bill or a custom event. Every rule that matches pays, each as one award."""

from __future__ import annotations

from typing import Final

from pipeline.engine.ledger import issue
from pipeline.engine.turn import Turn
from schemas.facts import Fact, IssuedFor
from schemas.records import CustomEventReceived, TransactionAdded

_SPEND: Final = IssuedFor.SPEND
_EVENT: Final = IssuedFor.EVENT


def earn_on_bill(turn: Turn, record: TransactionAdded) -> list[Fact]:
    """One award for each spend rule that gives points for the bill."""
    program, day = turn.program, turn.day
    if not program.spends:
        return []
    weighted = program.weighted(record, day)
    awards: list[tuple[str, int]] = []
    for rule_id, span, points_for_bill in program.spends:
        points = points_for_bill(record, weighted)
        if points and (span is None or span.holds(day)):
            awards.append((rule_id, points))
    return (
        issue(turn, turn.head.seq + 1, awards, _SPEND, record.bill_number if program.returns else "") if awards else []
    )


def earn_on_event(turn: Turn, record: CustomEventReceived) -> list[Fact]:
    """One award for each rule on events of this name."""
    day = turn.day
    rules = turn.program.event_awards.get(record.event_name, ())
    awards = [(rule.rule_id, rule.points) for rule in rules if rule.span is None or rule.span.holds(day)]
    return issue(turn, turn.head.seq + 1, awards, _EVENT) if awards else []
