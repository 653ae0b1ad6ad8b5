"""Standing: what a customer may do. Who is blocked or marked for fraud redeems nothing.

RULE (newest write): the status with the newest event time holds, whatever order they come in; of two with the same
time, the one that came later. An older one is refused.
"""

from __future__ import annotations

from typing import Final

from pipeline.engine.kernel.concern import Concern
from pipeline.engine.kernel.turn import Turn
from pipeline.engine.state import CustomerState
from schemas.facts import CustomerStatusChanged, Decision, Envelope, RecordRefused, Refusal, Standing
from schemas.records import CustomerStatus


def change(turn: Turn, record: CustomerStatus) -> list[Decision]:
    """The customer has the status from then on, unless a newer one is known."""
    head = turn.head
    if turn.at < head.standing_at:
        return [RecordRefused(reason=Refusal.STATUS_OUTDATED, subject=head.standing.text)]
    return [
        CustomerStatusChanged(
            status=Standing[record.status],
            previous=head.standing,
            profile=head.profile,
            reason=record.reason,
            entered_by=record.entered_by,
        )
    ]


def _note_changed(state: CustomerState, envelope: Envelope, decision: CustomerStatusChanged) -> None:
    state.head.standing = decision.status
    state.head.standing_at = envelope.at


CONCERN: Final = Concern(name="standing", effects={CustomerStatusChanged: _note_changed})
