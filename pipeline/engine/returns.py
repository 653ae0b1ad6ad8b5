"""Returns: points that a bill earned are taken back in proportion to what came back of it.

RULE (source and shortfall): from that award's own lot as far as it is still open; the rest is forgiven. What a return
asks for does not depend on whether earlier returns could take all that they asked for. Rewards of milestones and
streaks stay.
"""

from __future__ import annotations

from pipeline.engine.amounts import reversal_due
from pipeline.engine.bills import entry_of
from pipeline.engine.ledger import account_of
from pipeline.engine.state import Award
from pipeline.engine.turn import Turn
from schemas.facts import Fact, PointsReversed, Reversal
from schemas.records import TransactionReturned


def reverse(turn: Turn, record: TransactionReturned) -> list[Fact]:
    """One reversal for each points currency of which the return asks something back."""
    program = turn.program
    bill = turn.state.entries[entry_of(record.of_bill)]
    asked: dict[str, list[tuple[Award, int]]] = {}
    for award in bill.awards:
        if award.program_id == program.id:
            due = reversal_due(award.points, bill.amount_minor, bill.returned_minor) - award.due
            if due > 0:
                asked.setdefault(award.currency, []).append((award, due))
    facts: list[Fact] = []
    for currency, dues in asked.items():
        account = account_of(turn.section, currency)
        still_open = {lot.lot_id: lot.open_points for lot in account.lots}
        reversals: list[Reversal] = []
        for award, due in dues:
            points = min(due, still_open.get(award.lot_id, 0))
            reversals.append(Reversal(award.rule_id, award.lot_id, due, points, due - points))
        points = sum(one.points for one in reversals)
        before = sum(one.reversed for one in bill.awards if one.program_id == program.id and one.currency == currency)
        facts.append(
            PointsReversed(
                turn.head.seq + len(facts) + 1,
                turn.cause,
                turn.at,
                program.id,
                program.version,
                currency,
                points,
                record.of_bill,
                tuple(reversals),
                before + points,
                account.balance - points,
                account.lifetime - points,
            )
        )
    return facts
