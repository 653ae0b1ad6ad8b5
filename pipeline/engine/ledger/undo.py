"""Undoing awards: a return takes back points that its bill earned, as many as the program's method says.

RULE (source and shortfall): as `drawdown` says. What a return claims does not depend on whether earlier returns could
take all that they claimed; what was not there is waited for (`claims`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from pipeline.engine.bills.entries import bill_of
from pipeline.engine.bills.state import AwardContribution, Bill, TermsContribution
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.ledger.accounts import account_of
from pipeline.engine.ledger.claims import keep, of_awards
from pipeline.engine.ledger.drawdown import Claim, draw
from pipeline.engine.ledger.methods import due
from pipeline.engine.ledger.state import Account
from pipeline.engine.state import CustomerState
from schemas.facts import (
    AlternatePointsReversed,
    AwardTermsKept,
    Decision,
    Envelope,
    PointsIssued,
    PointsReversed,
)
from schemas.program import Returns, Shortfall
from schemas.records import TransactionReturned

_DEFAULT: Final = Returns()
"""For bills of a version before one without returns."""


def undo(turn: ProgramTurn, record: TransactionReturned) -> list[Decision]:
    """A reversal of points, and one of all other currencies, as far as the return claims something back of them."""
    bill = bill_of(turn.state, record.of_bill)
    if not bill.takes(turn.program.id, turn.at):
        return []
    part = bill.parts[turn.program.id]
    method = policy_of(turn).method
    claims = [(award, due(method, award, bill, part) - award.claimed) for award in part.awards]
    return taken_back(turn, record.of_bill, bill, [(award, claim) for award, claim in claims if claim > 0])


def policy_of(turn: ProgramTurn) -> Returns:
    """How the program takes points back, in the version in force."""
    return turn.program.returns or _DEFAULT


def taken_back(
    turn: ProgramTurn, of_bill: str, bill: Bill, claims: Sequence[tuple[AwardContribution, int]]
) -> list[Decision]:
    """What is asked back of awards is taken, from where the program says: the points, and all other currencies."""
    by_currency: dict[str, list[tuple[AwardContribution, int]]] = {}
    for award, claim in claims:
        by_currency.setdefault(award.currency, []).append((award, claim))
    shortfall = policy_of(turn).shortfall
    reversals: list[PointsReversed] = []
    kept: list[Decision] = []
    for currency, some in by_currency.items():
        asked = by_lot(account_of(turn.section, currency), some)
        taken = _reversed(turn, of_bill, bill, currency, asked, shortfall)
        reversals.append(taken)
        kept += keep(turn, currency, of_bill, of_awards(taken.reversals, lots_of(some)), shortfall, bill.paid_at)
    return [*by_kind(turn.program.currency, reversals), *kept]


def lots_of(claims: Sequence[tuple[AwardContribution, int]]) -> dict[str, tuple[int, ...]]:
    """The lots of each rule's award."""
    return {award.rule_id: award.lots for award, _ in claims}


def by_kind(main: str, reversals: Sequence[PointsReversed]) -> list[Decision]:
    """The reversal in the program's main currency, and one decision for all other currencies."""
    decisions: list[Decision] = [one for one in reversals if one.currency == main]
    alternates = tuple(one for one in reversals if one.currency != main)
    if alternates:
        decisions.append(AlternatePointsReversed(currencies=alternates))
    return decisions


def note_award(state: CustomerState, envelope: Envelope, decision: PointsIssued) -> None:
    """The bill keeps what it earned, until it can no longer be returned; a correction adds a lot to its award."""
    if decision.bill_number:
        part = bill_of(state, decision.bill_number).parts[envelope.program_id]
        known = {(one.currency, one.rule_id): one for one in part.awards} if envelope.correction_of else {}
        for award in decision.awards:
            corrected = known.get((decision.currency, award.rule_id))
            if corrected is not None:
                corrected.further.append(award.lot_id)
                continue
            part.contributions.append(
                AwardContribution(
                    currency=decision.currency, rule_id=award.rule_id, lot_id=award.lot_id, points=award.points
                )
            )


def note_terms(state: CustomerState, envelope: Envelope, decision: AwardTermsKept) -> None:
    """The bill keeps what its awards were calculated with."""
    bill = bill_of(state, decision.bill_number)
    part = bill.parts[envelope.program_id]
    before = part.terms
    if before is not None:
        part.contributions.remove(before)
    part.contributions.append(
        TermsContribution(
            awards={terms.rule_id: terms for terms in decision.terms},
            factors=list(decision.factors),
            denominator=decision.denominator,
            returned_minor=bill.returned_by_line(part),
            unnamed_minor=0 if before is None else before.unnamed_minor,
        )
    )


def note_reversed(state: CustomerState, envelope: Envelope, decision: PointsReversed) -> None:
    """The bill's awards know what returns claimed and took of them; what a correction takes, it says by itself."""
    if envelope.correction_of or decision.rewards:
        return
    part = bill_of(state, decision.of_bill).parts[envelope.program_id]
    awards = {(award.currency, award.rule_id, lot_id): award for award in part.awards for lot_id in award.lots}
    for reversal in decision.reversals:
        award = awards[decision.currency, reversal.rule_id, reversal.lot_id]
        award.claimed += reversal.claimed
        award.reversed += reversal.points + reversal.beyond
        award.promised_reversed += reversal.promised


def by_lot(account: Account, claims: Sequence[tuple[AwardContribution, int]]) -> list[Claim]:
    """What is claimed of each lot of the awards: what is there, then what was spent; the last lot has the rest.

    A lot that several awards share is left to those that have no other.
    """
    shared = Counter(lot_id for award, _ in claims for lot_id in award.lots)
    there = {lot.lot_id: lot.open_points for lot in account.lots}
    there |= {lot.lot_id: lot.open_points for lot in account.promised_lots}
    spent = account.spent
    found: list[Claim] = []
    for award, claim in sorted(claims, key=lambda one: len(one[0].lots)):
        parts = dict.fromkeys(sorted(award.lots, key=lambda lot_id: shared[lot_id]), 0)
        left = claim
        for lots in (there, spent):
            for lot_id in parts:
                points = min(left, lots.get(lot_id, 0))
                lots[lot_id] = lots.get(lot_id, 0) - points
                parts[lot_id] += points
                left -= points
        parts[award.lots[-1]] += left
        found += [
            Claim(rule_id=award.rule_id, lot_id=lot_id, points=points) for lot_id, points in parts.items() if points
        ]
    return found


def _reversed(
    turn: ProgramTurn, of_bill: str, bill: Bill, currency: str, claims: list[Claim], shortfall: Shortfall
) -> PointsReversed:
    account = account_of(turn.section, currency)
    drawn = draw(account, claims, shortfall, bill.paid_at)
    contributions = [one for one in bill.parts[turn.program.id].awards if one.currency == currency]
    return PointsReversed(
        currency=currency,
        points=drawn.points,
        of_bill=of_bill,
        reversals=drawn.reversals,
        reversed_of_bill=drawn.points + sum(one.reversed for one in contributions),
        balance=account.balance - (drawn.points - drawn.promised - drawn.owed),
        lifetime=account.lifetime - (drawn.points - drawn.promised),
        paid_at=bill.paid_at,
        promised_reversed_of_bill=drawn.promised + sum(one.promised_reversed for one in contributions),
        others=drawn.others,
        owed=drawn.owed,
    )
