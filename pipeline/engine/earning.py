"""Earning: what rules pay for a bill or a custom event. Every rule that matches pays, each as one award."""

from __future__ import annotations

from typing import Final

from pipeline.engine.ledger import Purse
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
    facts: list[Fact] = []
    weighted = program.weighted(record, day)
    purse: Purse | None = None
    seq = turn.head.seq
    for rule_id, span, points_for_bill in program.spends:
        points = points_for_bill(record, weighted)
        if points and (span is None or span.holds(day)):
            purse = purse or Purse(turn)
            seq += 1
            facts.append(purse.award(seq, points, _SPEND, rule_id, record.bill_number))
    return facts


def earn_on_event(turn: Turn, record: CustomEventReceived) -> list[Fact]:
    """One award for each rule on events of this name."""
    rules = turn.program.event_awards.get(record.event_name)
    if rules is None:
        return []
    purse = Purse(turn)
    in_force = [rule for rule in rules if rule.span is None or rule.span.holds(turn.day)]
    return [purse.award(seq, rule.points, _EVENT, rule.rule_id) for seq, rule in enumerate(in_force, turn.head.seq + 1)]
