"""Moving the expiry of lots: the decision that tells all lots that were looked at, those that keep theirs included."""

from __future__ import annotations

from pipeline.engine.calendar import NEVER
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.ledger.state import Lot
from schemas.facts import ExpiryMoved, LotsMoved, MovedBy

Moves = dict[tuple[int | None, int | None], list[Lot]]
"""Lots by the last day that they had and have, None for never."""


def moved(
    turn: ProgramTurn, currency: str, by: MovedBy, moves: Moves, *, reason: str = "", entered_by: str = ""
) -> ExpiryMoved | None:
    """The decision; None where every lot keeps its last day."""
    if all(old == new for old, new in moves):
        return None
    return ExpiryMoved(
        currency=currency,
        moved_by=by,
        moved=tuple(
            LotsMoved(
                remaining=sum(lot.open_points for lot in lots),
                lots=tuple(dict.fromkeys(lot.lot_id for lot in lots)),
                old_on=old,
                new_on=new,
                closes_at=NEVER if new is None else turn.program.calendar.start_of(new + 1),
            )
            for (old, new), lots in moves.items()
        ),
        reason=reason,
        entered_by=entered_by,
    )
