"""The face of the ledger."""

from __future__ import annotations

from typing import Final

from pipeline.engine.bills.state import entry_of
from pipeline.engine.kernel.concern import Concern, Effect
from pipeline.engine.ledger import cancelling, correction, undo
from pipeline.engine.ledger.accounts import close_taken, convert_lots, move_expiry, open_lots
from pipeline.engine.ledger.conversion import CONVERSION
from pipeline.engine.ledger.expiry import EXPIRY
from pipeline.engine.ledger.holds import HOLD_END, note_held, note_released
from pipeline.engine.ledger.lateness import note_expired, note_restored
from pipeline.engine.ledger.redeemed import redemption_of
from pipeline.engine.ledger.redemptions import kept_of, note_redeemed
from pipeline.engine.ledger.reversal import note_redemption_reversed
from pipeline.engine.ledger.uses import note_current, note_reversed, note_taken_back, note_used, track
from pipeline.engine.merging import points
from pipeline.engine.state import CustomerState
from schemas.facts import (
    AlternatePointsIssued,
    AlternatePointsReversed,
    AwardsCorrected,
    AwardTermsKept,
    Envelope,
    ExpiryMoved,
    LotsTracked,
    PointsCancelled,
    PointsConverted,
    PointsDebited,
    PointsExpired,
    PointsHandedOver,
    PointsHeld,
    PointsIssued,
    PointsReceived,
    PointsReclaimed,
    PointsRedeemed,
    PointsReleased,
    PointsRestored,
    PointsReversed,
    PointsSettled,
    PointsTakenOver,
    PointsTransferred,
    PromiseCancelled,
    RedemptionReversed,
)
from schemas.records import CancelPoints, ReverseRedemption


def _each_currency(effect: Effect) -> Effect:
    """What folds the part of each currency as a decision about that currency alone."""

    def fold(
        state: CustomerState, envelope: Envelope, decision: AlternatePointsIssued | AlternatePointsReversed
    ) -> None:
        for currency in decision.currencies:
            effect(state, envelope, currency)

    return fold


def _bill_that_earned(issued: PointsIssued) -> str:
    return entry_of(issued.bill_number) if issued.bill_number else ""


def _bill_returned(taken_back: PointsReversed) -> str:
    return entry_of(taken_back.of_bill) if taken_back.of_bill else ""


LEDGER: Final = Concern(
    name="ledger",
    effects={
        PointsHandedOver: points.note_handed_over,
        PointsTakenOver: open_lots,
        PointsIssued: open_lots,
        PointsRedeemed: note_redeemed,
        PointsExpired: note_expired,
        PointsRestored: note_restored,
        PointsDebited: close_taken,
        PointsReversed: close_taken,
        PointsCancelled: close_taken,
        PointsReclaimed: close_taken,
        PointsSettled: close_taken,
        PointsHeld: note_held,
        PointsReleased: note_released,
        AlternatePointsIssued: _each_currency(open_lots),
        AlternatePointsReversed: _each_currency(close_taken),
        ExpiryMoved: move_expiry,
        RedemptionReversed: note_redemption_reversed,
        PointsTransferred: close_taken,
        PointsReceived: open_lots,
        PointsConverted: convert_lots,
        PromiseCancelled: close_taken,
    },
    entries={PointsRedeemed: kept_of, RedemptionReversed: lambda decision: redemption_of(decision.redemption_id)},
    needs={ReverseRedemption: lambda _head, record, _org: (redemption_of(record.redemption_id),)},
    timers=(HOLD_END, CONVERSION, EXPIRY),
)
USES: Final = Concern(
    name="uses",
    effects={
        PointsHandedOver: points.note_uses_gone,
        LotsTracked: track,
        PointsConverted: note_current,
        PointsRedeemed: note_used,
        PointsTransferred: note_used,
        PointsSettled: note_used,
        RedemptionReversed: note_taken_back,
        PointsReversed: note_reversed,
        PointsCancelled: note_reversed,
        PointsReclaimed: note_reversed,
        AlternatePointsReversed: _each_currency(note_reversed),
    },
)
"""What was spent of lots that a return may ask back."""
AWARDS: Final = Concern(
    name="awards",
    effects={
        PointsIssued: undo.note_award,
        AwardTermsKept: undo.note_terms,
        AwardsCorrected: correction.note_corrected,
        PointsReversed: undo.note_reversed,
        PointsCancelled: cancelling.note_cancelled,
        AlternatePointsIssued: _each_currency(undo.note_award),
        AlternatePointsReversed: _each_currency(undo.note_reversed),
    },
    entries={
        PointsIssued: _bill_that_earned,
        AwardTermsKept: lambda decision: entry_of(decision.bill_number),
        AwardsCorrected: lambda decision: entry_of(decision.bill_number),
        PointsReversed: _bill_returned,
        PointsCancelled: _bill_returned,
        AlternatePointsIssued: lambda decision: _bill_that_earned(decision.currencies[0]),
        AlternatePointsReversed: lambda decision: _bill_returned(decision.currencies[0]),
    },
    needs={CancelPoints: cancelling.bill_to_cancel},
)
"""What bills remember of the points they earned."""
