"""Uses: what was spent of lots whose points a return may ask back.

RULE: a return takes from elsewhere at most what of its award was spent or is held: points that expired unused were
never a benefit. What was spent is counted by lot, from the bill until it can no longer be returned; what made good for
points that were spent of another lot is spent, too.
"""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.ledger.accounts import account_of
from pipeline.engine.ledger.state import LotUse
from pipeline.engine.programs import DAY_MS
from pipeline.engine.state import CustomerState
from schemas.facts import (
    Decision,
    Envelope,
    LotsTracked,
    PointsConverted,
    PointsIssued,
    PointsRedeemed,
    PointsReversed,
    PointsSettled,
    PointsTransferred,
    RedemptionReversed,
    movements_in,
)


def tracked(issued: PointsIssued, turn: ProgramTurn, since: int | None = None) -> LotsTracked:
    """From now on it is counted what is spent of the lots that were issued, for bills until `since`, else of now."""
    return LotsTracked(
        currency=issued.currency,
        lots=(*(lot.lot_id for lot in issued.lots), *(lot.lot_id for lot in issued.promised_lots)),
        until=(turn.at if since is None else since) + (turn.program.return_days or 0) * DAY_MS,
    )


def all_tracked(decisions: Sequence[Decision], turn: ProgramTurn) -> list[Decision]:
    """From now on it is counted what is spent of the lots of all that was issued, where the program asks for it."""
    if not turn.program.tracks_lots:
        return []
    moved = (part for decision in decisions for part in movements_in(decision))
    return [tracked(one, turn) for one in moved if isinstance(one, PointsIssued)]


def track(state: CustomerState, envelope: Envelope, decision: LotsTracked) -> None:
    """Nothing of the lots is spent yet; lots of bills that can no longer be returned are forgotten."""
    account = account_of(state.head.sections[envelope.program_id], decision.currency)
    horizon = state.head.horizon
    for lot_id in [lot_id for lot_id, use in account.uses.items() if use.until <= horizon]:
        del account.uses[lot_id]
    for lot_id in decision.lots:
        account.uses[lot_id] = LotUse(until=decision.until, counted_at=envelope.at)


def note_current(state: CustomerState, envelope: Envelope, decision: PointsConverted) -> None:
    """Promised points have become current."""
    uses = account_of(state.head.sections[envelope.program_id], decision.currency).uses
    for lot in decision.lots:
        if lot.lot_id in uses:
            uses[lot.lot_id].counted_at = envelope.at


def note_used(
    state: CustomerState, envelope: Envelope, decision: PointsRedeemed | PointsTransferred | PointsSettled
) -> None:
    """The points are spent."""
    uses = account_of(state.head.sections[envelope.program_id], decision.currency).uses
    for part in decision.taken:
        if part.lot_id in uses:
            uses[part.lot_id].points += part.points


def note_taken_back(state: CustomerState, envelope: Envelope, decision: RedemptionReversed) -> None:
    """What comes back was not spent after all; what is issued anew, in a lot that no bill knows, still was."""
    uses = account_of(state.head.sections[envelope.program_id], decision.currency).uses
    for part in decision.restored if decision.lots else (*decision.restored, *decision.past):
        if part.lot_id in uses:
            uses[part.lot_id].points -= part.points


def note_reversed(state: CustomerState, envelope: Envelope, decision: PointsReversed) -> None:
    """What was taken from elsewhere makes good for what was spent."""
    uses = account_of(state.head.sections[envelope.program_id], decision.currency).uses
    for reversal in decision.reversals:
        if reversal.beyond:
            uses[reversal.lot_id].points -= reversal.beyond
    for part in decision.others:
        if part.lot_id in uses:
            uses[part.lot_id].points += part.points
