"""Drawdown: where the points come from that are taken back of awards.

RULE (source): from the lot that the award lies in, as far as it is still open, promised or current, claims of one lot
in the order of the awards. Then, as far as the program says, from other lots in the order of spending, and the rest is
owed; but never for more than what was spent of the lot, or is held of it. What is left is forgiven.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pipeline.engine.ledger.state import Account
from schemas.facts import Reversal, Taken
from schemas.program import Shortfall


class Claim(NamedTuple):
    """Points of one award that are asked back."""

    rule_id: str
    lot_id: int
    points: int


class Drawdown(NamedTuple):
    """What is taken for some claims."""

    reversals: tuple[Reversal, ...]
    others: tuple[Taken, ...]
    owed: int

    @property
    def promised(self) -> int:
        """What was still promised."""
        return sum(reversal.promised for reversal in self.reversals)

    @property
    def points(self) -> int:
        """All that is taken, and owed."""
        return sum(reversal.points + reversal.beyond for reversal in self.reversals)


def draw(account: Account, claims: Sequence[Claim], shortfall: Shortfall, paid_at: int) -> Drawdown:
    """Where what is claimed of a bill that was paid then comes from."""
    counted = counted_in(account)
    left = {lot.lot_id: lot.open_points for lot in account.lots}
    promised = {lot.lot_id: lot.open_points for lot in account.promised_lots}
    early = [take_from(promised, claim.lot_id, claim.points) for claim in claims]
    own = [part + take_from(left, claim.lot_id, claim.points - part) for claim, part in zip(claims, early, strict=True)]
    if shortfall is Shortfall.OWN_LOT:
        beyond = [0] * len(claims)
    else:
        spent = account.spent
        beyond = [take_from(spent, claim.lot_id, claim.points - part) for claim, part in zip(claims, own, strict=True)]
    others: list[Taken] = []
    missing = sum(beyond)
    for lot_id, points in left.items():
        part = min(points, missing)
        if part:
            others.append(Taken(lot_id=lot_id, points=part))
            missing -= part
    if shortfall is not Shortfall.DEFICIT:
        beyond = _without(beyond, missing)
        missing = 0
    reversals = tuple(
        Reversal(
            rule_id=claim.rule_id,
            lot_id=claim.lot_id,
            claimed=claim.points,
            points=part,
            forgiven=claim.points - part - more,
            promised=still,
            beyond=more,
            counted_at=0 if (at := counted.get(claim.lot_id, paid_at)) == paid_at else at,
        )
        for claim, part, still, more in zip(claims, own, early, beyond, strict=True)
    )
    return Drawdown(reversals=reversals, others=tuple(others), owed=missing)


def counted_in(account: Account) -> dict[int, int]:
    """By lot, where it is known: when its points became current."""
    counted = {lot_id: use.counted_at for lot_id, use in account.uses.items()}
    return counted | {lot.lot_id: lot.issued_at for lot in account.lots}


def take_from(left: dict[int, int], lot_id: int, wanted: int) -> int:
    """At most `wanted` of a lot, which then is no longer left."""
    part = min(wanted, left.get(lot_id, 0))
    if part:
        left[lot_id] -= part
    return part


def _without(parts: list[int], missing: int) -> list[int]:
    """The parts less what is missing, which the last ones go without."""
    kept: list[int] = []
    for part in reversed(parts):
        cut = min(part, missing)
        missing -= cut
        kept.append(part - cut)
    return kept[::-1]
