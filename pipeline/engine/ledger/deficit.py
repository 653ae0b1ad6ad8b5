"""Deficit: points that a return took back and that were not there are owed, and repaid by the next ones.

RULE: whatever credits points, they repay what is owed before they can be spent; so there are never open lots beside a
deficit between two records. A program that no longer lets points be owed still has what is owed repaid.
"""

from __future__ import annotations

from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.ledger.accounts import take
from schemas.facts import Decision, PointsSettled
from schemas.records import CustomerRecord


def settle(turn: ProgramTurn, record: CustomerRecord | None) -> list[Decision]:  # noqa: ARG001 - a stage
    """One repayment for each currency in which something is owed and something has come."""
    settled: list[Decision] = []
    for currency, account in turn.section.accounts.items():
        owed = account.deficit
        if owed and account.lots:
            points = min(owed, account.balance)
            settled.append(
                PointsSettled(
                    currency=currency,
                    points=points,
                    taken=take(account, points),
                    balance=account.balance - points,
                    deficit=owed - points,
                )
            )
    return settled
