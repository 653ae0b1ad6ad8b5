"""Issuing: the awards of one activity become one decision, with the lots that they open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from pipeline.engine.amounts import TOTAL_MAX
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.ledger.accounts import account_of
from schemas.facts import Award, Decision, IssuedFor, LotOpened, PointsIssued, RecordRefused, Refusal

LOTS_MAX: Final = 100_000
"""Open lots of one customer, at most 3 MB of a head, which must fit a message of the changelog."""


class Candidate(msgspec.Struct, frozen=True, gc=False):
    """Points on their way from a rule to the ledger."""

    issued_for: IssuedFor
    rule_id: str
    points: int


class Activity(msgspec.Struct, frozen=True, gc=False):
    """What points are issued for at once: a record, one milestone met, one streak level reached."""

    key: str
    """Empty for the record itself; else as `PointsIssued.activity`."""
    candidates: Sequence[Candidate]


def issue(turn: ProgramTurn, activities: Sequence[Activity], bill_number: str = "") -> list[Decision]:
    """One decision for each activity, with the balances after it; a refusal ends them where the account is full.

    `bill_number` is the bill that a return would take the points back with. The awards of one activity have equal terms
    today, so they share one lot.
    """
    program = turn.program
    currency = program.currency
    account = account_of(turn.section, currency)
    balance, lifetime, lot_id = account.balance, account.lifetime, account.lots_opened
    expires_on, closes_at = program.expiry_of(turn.day)
    room = LOTS_MAX - turn.head.lots
    issued: list[Decision] = []
    for activity in activities:
        lot_id += 1
        points = 0
        awards: list[Award] = []
        for candidate in activity.candidates:
            points += candidate.points
            awards.append(
                Award(
                    issued_for=candidate.issued_for,
                    rule_id=candidate.rule_id,
                    points=candidate.points,
                    lot_id=lot_id,
                )
            )
        balance += points
        lifetime += points
        if lifetime > TOTAL_MAX or len(issued) >= room:
            return [*issued, RecordRefused(reason=Refusal.TOTAL_TOO_LARGE, subject=currency)]
        issued.append(
            PointsIssued(
                currency=currency,
                points=points,
                balance=balance,
                activity=activity.key,
                awards=tuple(awards),
                lots=(LotOpened(lot_id=lot_id, points=points, expires_on=expires_on, closes_at=closes_at),),
                lifetime=lifetime,
                bill_number=bill_number,
            )
        )
    return issued
