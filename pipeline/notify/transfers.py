"""What notifications say about points that one customer gives to another.

Where it is another currency than the points, they say which (ours).
"""

from __future__ import annotations

from typing import Final

from pipeline.notify.context import Context
from pipeline.notify.parts import CustomerIdentifiers, Entity
from pipeline.notify.table import News, Table
from schemas.facts import (
    Envelope,
    PointsHandedOver,
    PointsReceived,
    PointsTakenOver,
    PointsTransferred,
    TransferInitiated,
    TransferRefused,
)
from schemas.notifications import EventName


def points_transferred_initiated(
    decision: PointsTransferred, envelope: Envelope, context: Context
) -> dict[str, object]:
    """The `data` of pointsTransferredInitiated, at the sender.

    RULE: sent when the receiver has the points, not when they are put aside: it says what was transferred and what is
    left (S4 l.873, l.885), and the vendor has no event that would take it back after a refusal.
    """
    alternate = context.program_of(envelope).alternates.get(decision.currency)
    points, balance = (
        float(one) if alternate is None else alternate.amount(one) for one in (decision.points, decision.balance)
    )
    return {
        **_fields(decision, envelope, context),
        "transferReceivingCustomerIdentifiers": CustomerIdentifiers(customer_id=decision.receiver_id),
        "transferReceivingEntityInformation": Entity(entity_type="USER", entity_id=decision.receiver_id),
        "redemptionFromEarningPrograms": [
            {"programId": envelope.program_id, "pointsRedeemed": points, "programCurrentPoints": balance}
        ],
    }


def points_transferred_received(decision: PointsReceived, envelope: Envelope, context: Context) -> dict[str, object]:
    """The `data` of pointsTransferredReceived, at the receiver."""
    return {
        **_fields(decision, envelope, context),
        "transferInitiatingCustomerIdentifiers": CustomerIdentifiers(customer_id=decision.sender_id),
        "transferInitiatingEntityInformation": Entity(entity_type="USER", entity_id=decision.sender_id),
    }


def _fields(decision: PointsTransferred | PointsReceived, envelope: Envelope, context: Context) -> dict[str, object]:
    program = context.program_of(envelope)
    alternate = program.alternates.get(decision.currency)
    return {
        "customerIdentifiers": context.contact_in(envelope),
        "entityInformation": context.entity,
        "loyaltyProgramDetails": program.details,
        "loyaltyProgramId": envelope.program_id,
        "totalPointsTransferred": float(decision.points) if alternate is None else alternate.amount(decision.points),
        **({} if alternate is None else alternate.fields),
    }


TABLE: Final = Table(
    topic="notifications.points",
    news={
        PointsTransferred: News(
            event=EventName.POINTS_TRANSFERRED_INITIATED,
            subject=lambda decision: f"{decision.currency}/{decision.transfer_id}",
            data=points_transferred_initiated,
        ),
        PointsReceived: News(
            event=EventName.POINTS_TRANSFERRED_RECEIVED,
            subject=lambda decision: f"{decision.currency}/{decision.transfer_id}",
            data=points_transferred_received,
        ),
    },
    silent=(TransferInitiated, TransferRefused, PointsHandedOver, PointsTakenOver),
)
