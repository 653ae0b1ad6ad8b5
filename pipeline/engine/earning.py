"""Earning: what rules pay for a bill or a custom event. Every rule that matches pays, each as one award.

The way of an award is candidates → issue: each step is one function over candidates.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pipeline.engine.kernel.concern import ProgramStage
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.ledger.issue import Activity, Candidate, issue
from pipeline.engine.ledger.promises import reference_of
from pipeline.engine.ledger.uses import all_tracked
from pipeline.engine.rules.calculation import terms_kept
from pipeline.engine.rules.earning import Weighted
from schemas.facts import Decision, IssuedFor, RecordRefused
from schemas.records import CustomEventReceived, TransactionAdded

_SPEND: Final = IssuedFor.SPEND
_EVENT: Final = IssuedFor.EVENT


def _earn_on_bill(turn: ProgramTurn, record: TransactionAdded) -> Sequence[Decision]:
    """One award for each spend rule that gives points for the bill."""
    program = turn.program
    tier = turn.section.tier_id
    weighted = program.earning.weighted(record, turn.day, tier)
    candidates = candidates_on_bill(turn, record, weighted, tier)
    if not candidates:
        return ()
    bill_number = record.bill_number if program.return_days is not None else ""
    decisions = issue(turn, (Activity(key="", candidates=candidates, reference=record.bill_number),), bill_number)
    if type(decisions[-1]) is RecordRefused:
        return decisions
    tracked = all_tracked(decisions, turn)
    if program.keeps_lines:
        kept = terms_kept(program.earning, record, weighted, {one.rule_id for one in candidates})
        decisions += [] if kept is None else [kept]
    return decisions + tracked


def _earn_on_event(turn: ProgramTurn, record: CustomEventReceived) -> Sequence[Decision]:
    """One award for each rule on events of this name."""
    candidates = [
        Candidate(
            issued_for=_EVENT,
            rule_id=earner.rule_id,
            points=earner.points,
            currency=earner.currency,
            terms=earner.terms,
        )
        for earner in turn.program.earning.on_event.get(record.event_name, ())
        if earner.when is None or earner.when.holds(turn.day, turn.section.tier_id)
    ]
    if not candidates:
        return ()
    decisions = issue(turn, (Activity(key="", candidates=candidates, reference=reference_of(record)),))
    return decisions if type(decisions[-1]) is RecordRefused else decisions + all_tracked(decisions, turn)


def candidates_on_bill(turn: ProgramTurn, record: TransactionAdded, weighted: Weighted, tier: str) -> list[Candidate]:
    """What each rule gives for the bill on the day of the turn in a tier, given its weighted lines."""
    earning, day = turn.program.earning, turn.day
    total = sum(weighted) if weighted else record.amount_minor
    candidates: list[Candidate] = []
    for rule_id, when, points_for_bill, _, currency, terms in earning.on_bill:
        points = points_for_bill(record, weighted, total)
        if points and (when is None or when.holds(day, tier)):
            candidates.append(
                Candidate(issued_for=_SPEND, rule_id=rule_id, points=points, currency=currency, terms=terms)
            )
    return candidates


ON_BILL: Final = ProgramStage(_earn_on_bill, used=lambda program: bool(program.earning.on_bill))
ON_EVENT: Final = ProgramStage(_earn_on_event, used=lambda program: bool(program.earning.on_event))
