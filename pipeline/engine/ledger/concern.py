"""The face of the ledger."""

from __future__ import annotations

from typing import Final

from pipeline.engine.bills.state import entry_of
from pipeline.engine.kernel.concern import Concern
from pipeline.engine.ledger import undo
from pipeline.engine.ledger.accounts import close_taken, open_lots
from pipeline.engine.ledger.expiry import EXPIRY
from pipeline.engine.ledger.holds import HOLD_END, note_held, note_released
from schemas.facts import (
    PointsDebited,
    PointsExpired,
    PointsHeld,
    PointsIssued,
    PointsRedeemed,
    PointsReleased,
    PointsReversed,
)

LEDGER: Final = Concern(
    name="ledger",
    effects={
        PointsIssued: open_lots,
        PointsRedeemed: close_taken,
        PointsExpired: close_taken,
        PointsDebited: close_taken,
        PointsReversed: close_taken,
        PointsHeld: note_held,
        PointsReleased: note_released,
    },
    timers=(HOLD_END, EXPIRY),
)
AWARDS: Final = Concern(
    name="awards",
    effects={PointsIssued: undo.note_award, PointsReversed: undo.note_reversed},
    entries={
        PointsIssued: lambda decision: entry_of(decision.bill_number) if decision.bill_number else "",
        PointsReversed: lambda decision: entry_of(decision.of_bill),
    },
)
"""What bills remember of the points they earned."""
