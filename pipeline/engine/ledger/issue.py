"""Issuing: the awards of one activity become one decision, with the lots that they open."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.ledger.accounts import account_of
from schemas.facts import Award, IssuedFor, LotOpened, PointsIssued


class Candidate(msgspec.Struct, frozen=True, gc=False):
    """Points on their way from a rule to the ledger."""

    issued_for: IssuedFor
    rule_id: str
    points: int


class Issuing:
    """Issues the awards of one stage, activity by activity, each decision with the balances after it.

    Awards of one activity have equal terms today, so they share one lot.
    """

    __slots__ = ("_balance", "_closes_at", "_currency", "_expires_on", "_lifetime", "_lot_id")

    def __init__(self, turn: ProgramTurn) -> None:
        program = turn.program
        account = account_of(turn.section, program.currency)
        self._currency = program.currency
        self._balance = account.balance
        self._lifetime = account.lifetime
        self._lot_id = account.lots_opened
        expiry = program.expiry_of(turn.day)
        self._expires_on: int | None = expiry[0]
        self._closes_at: int | None = expiry[1]

    def issue(self, candidates: Sequence[Candidate], activity: str = "", bill_number: str = "") -> PointsIssued:
        """Points for one activity; `bill_number` is the bill that a return would take them back with."""
        self._lot_id = lot_id = self._lot_id + 1
        points = 0
        awards: list[Award] = []
        for candidate in candidates:
            points += candidate.points
            awards.append(
                Award(
                    issued_for=candidate.issued_for,
                    rule_id=candidate.rule_id,
                    points=candidate.points,
                    lot_id=lot_id,
                )
            )
        self._balance += points
        self._lifetime += points
        return PointsIssued(
            currency=self._currency,
            points=points,
            activity=activity,
            awards=tuple(awards),
            lots=(LotOpened(lot_id=lot_id, points=points, expires_on=self._expires_on, closes_at=self._closes_at),),
            balance=self._balance,
            lifetime=self._lifetime,
            bill_number=bill_number,
        )
