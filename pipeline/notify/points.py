"""Notifications about points."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from pipeline.notify.activity import triggered_by
from pipeline.notify.alternates import alternate_currencies_issued, alternate_currencies_reversed
from pipeline.notify.context import Context
from pipeline.notify.identity import number_of
from pipeline.notify.numbers import date_text
from pipeline.notify.parts import CustomerIdentifiers, Entity, NoActivity, Pair, TriggeringActivity
from pipeline.notify.shared import points_fields, taken_back_by
from pipeline.notify.table import News, Table
from schemas.facts import (
    AlternatePointsIssued,
    AlternatePointsReversed,
    Awaits,
    AwardsCorrected,
    AwardTermsKept,
    ClaimsKept,
    ConvertedBy,
    Envelope,
    ExpiryMoved,
    ExpiryReminded,
    IssuedFor,
    LotConverted,
    LotPromised,
    LotsTracked,
    PointsCancelled,
    PointsConverted,
    PointsDebited,
    PointsExpired,
    PointsIssued,
    PointsReclaimed,
    PointsRestored,
    PointsReversed,
    PointsSettled,
    PromiseCancelled,
    RemindersPlanned,
    RewardKept,
)
from schemas.notifications import EventName

_TEXTS: Final = {reason: reason.text for reason in IssuedFor}  # the property is three times slower
_SOURCES: Final = {
    ConvertedBy.DATE: "systemTrigger",
    ConvertedBy.DELIVERY: "deliveryStatus",
    ConvertedBy.TRIGGER: "externalTrigger",
    ConvertedBy.COMMAND: "manual",
}
"""The first is Capillary's, the others are ours."""
_EARNED_BY: Final = {
    IssuedFor.SPEND: ("TransactionAdd", "billNumber"),
    IssuedFor.EVENT: ("CustomEvent", "eventId"),
    IssuedFor.MILESTONE: ("TargetCompleted", "activity"),
    IssuedFor.STREAK: ("StreakLevelAchieved", "activity"),
    IssuedFor.ADJUSTMENT: ("PointsAdjustment", "adjustmentId"),
}
"""The name of an earning activity, and what its reference is called."""


class _Lot(msgspec.Struct, frozen=True, kw_only=True, gc=False, rename="camel"):
    points: float
    expiry_at: str | UnsetType


class _PromisedLot(msgspec.Struct, frozen=True, kw_only=True, gc=False, rename="camel"):
    promised_points: float
    is_external_trigger_based: bool
    promised_points_conversion_date: str | UnsetType


class _Award(msgspec.Struct, frozen=True, kw_only=True, gc=False, rename="camel"):
    issued_for: str
    rule_id: str
    points: float


class PointsIssuedData(msgspec.Struct, frozen=True, kw_only=True, gc=False, rename="camel"):
    """The `data` of pointsIssued."""

    customer_identifiers: CustomerIdentifiers
    entity_information: Entity
    triggering_activity: TriggeringActivity | NoActivity
    loyalty_program_details: msgspec.Raw
    loyalty_program_id: int
    program_current_points: float
    program_lifetime_points: float
    total_points_issued: float
    regular_points_issued: float
    regular_points_breakup: list[_Lot]
    promotional_points_issued: list[_Lot]
    promised_points_issued: list[_PromisedLot]
    awards: list[_Award]


def points_issued(decision: PointsIssued, envelope: Envelope, context: Context) -> PointsIssuedData:
    """The `data` of pointsIssued: regular points can be spent, promised ones later.

    The total is of both. `awards` is ours: which rule gave how many points.
    """
    return PointsIssuedData(
        customer_identifiers=context.contact_in(envelope),
        entity_information=context.entity,
        triggering_activity=triggered_by(context.cause_of(envelope).activity, entity=context.entity),
        loyalty_program_details=context.program_of(envelope).details,
        loyalty_program_id=envelope.program_id,
        program_current_points=float(decision.balance),
        program_lifetime_points=float(decision.lifetime),
        total_points_issued=float(decision.points),
        regular_points_issued=float(decision.current),
        regular_points_breakup=[
            _Lot(points=float(lot.points), expiry_at=UNSET if lot.expires_on is None else date_text(lot.expires_on))
            for lot in decision.lots
        ],
        promotional_points_issued=[],
        promised_points_issued=[_promised(lot) for lot in decision.promised_lots],
        awards=[
            _Award(issued_for=_TEXTS[award.issued_for], rule_id=award.rule_id, points=float(award.points))
            for award in decision.awards
        ],
    )


def _promised(lot: LotPromised) -> _PromisedLot:
    dated = lot.awaits is Awaits.DATE
    return _PromisedLot(
        promised_points=float(lot.points),
        is_external_trigger_based=not dated,
        promised_points_conversion_date=date_text(lot.due_on) if dated and lot.due_on is not None else UNSET,
    )


def points_converted(decision: PointsConverted, envelope: Envelope, context: Context) -> dict[str, object]:
    """The `data` of promisedToCurrentPointsConversion: what the points were earned by, instead of an activity.

    Where it is another currency than the points, it says which (ours).
    """
    program = context.program_of(envelope)
    alternate = program.alternates.get(decision.currency)
    amount = float if alternate is None else alternate.amount
    return {
        "customerIdentifiers": context.contact_in(envelope),
        "entityInformation": context.entity,
        "earningActivityReference": [_earned_by(lot, amount(lot.points), context) for lot in decision.lots],
        "loyaltyProgramDetails": program.details,
        "loyaltyProgramId": envelope.program_id,
        "pointsConverted": amount(decision.points),
        "programCurrentPoints": amount(decision.balance),
        "programLifetimePoints": amount(decision.lifetime),
        "pointsConversionSource": _SOURCES[decision.converted_by],
        "pointsConvertedBreakup": [
            _Lot(points=amount(lot.points), expiry_at=UNSET if lot.expires_on is None else date_text(lot.expires_on))
            for lot in decision.lots
        ],
        **({} if alternate is None else alternate.fields),
    }


def _earned_by(lot: LotConverted, points: float, context: Context) -> dict[str, object]:
    name, key = _EARNED_BY[lot.issued_for]
    activity = number_of(f"activity:{context.org_id}:{context.customer_id}:{lot.promised_at}:{lot.reference}")
    return {
        "name": name,
        "enteredAt": float(lot.promised_at),
        "pointsConverted": points,
        "identifiers": [Pair(key=key, value=lot.reference), Pair(key="EventLogId", value=str(activity))],
    }


def points_expired(decision: PointsExpired, envelope: Envelope, context: Context) -> dict[str, object]:
    """The `data` of pointsExpired: without an activity, and with the only points that are printed as an integer.

    Where it is another currency than the points, it says which (ours).
    """
    alternate = context.program_of(envelope).alternates.get(decision.currency)
    return {
        "customerIdentifiers": context.contact_in(envelope),
        "triggeringActivity": {},
        "loyaltyProgramId": envelope.program_id,
        "pointsExpired": decision.points if alternate is None else alternate.amount(decision.points),
        **({} if alternate is None else alternate.fields),
    }


def expiry_reminder(decision: ExpiryReminded, envelope: Envelope, context: Context) -> dict[str, object]:
    """The `data` of pointsExpiryReminder; where it is another currency than the points, it says which (ours)."""
    program = context.program_of(envelope)
    alternate = program.alternates.get(decision.currency)
    return {
        "customerIdentifiers": context.customer,
        "entityInformation": context.entity,
        "loyaltyProgramDetails": program.details,
        "loyaltyProgramId": envelope.program_id,
        "pointsScheduledForExpiry": decision.remaining if alternate is None else alternate.amount(decision.remaining),
        "scheduledExpiryDate": date_text(decision.expires_on),
        **({} if alternate is None else alternate.fields),
    }


def expiry_updated(decision: ExpiryMoved, envelope: Envelope, context: Context) -> dict[str, object]:
    """The `data` of singlePointsExpiryUpdated: points by the old and the new date, which may be equal.

    Where it is another currency than the points, it says which (ours).
    """
    alternate = context.program_of(envelope).alternates.get(decision.currency)
    return {
        "customerIdentifiers": context.customer,
        "entityInformation": context.entity,
        "updatedPointsExpiry": [
            {
                "programId": envelope.program_id,
                "points": float(one.remaining) if alternate is None else alternate.amount(one.remaining),
                "pointsType": "billRegular",
                **({} if one.old_on is None else {"oldExpiryDate": date_text(one.old_on)}),
                **({} if one.new_on is None else {"newExpiryDate": date_text(one.new_on)}),
            }
            for one in decision.moved
        ],
        **({} if alternate is None else alternate.fields),
    }


def issued_points_reversed(decision: PointsReversed, envelope: Envelope, context: Context) -> dict[str, object] | None:
    """The `data` of issuedPointsReversed; None if the return found no points left to take.

    RULE: `total…` and `…Reversed` are cumulative for the bill, `currentEvent…` is this return.
    """
    if not decision.points:
        return None
    activity = taken_back_by(envelope, context, decision.of_bill)
    return {
        **points_fields(envelope, context),
        "triggeringActivity": triggered_by(activity, entity=context.entity),
        **_taken_back(decision, float),
    }


def points_cancelled(
    decision: PointsCancelled | PointsReclaimed, envelope: Envelope, context: Context
) -> dict[str, object] | None:
    """The `data` of issuedPointsReversed for an award that was cancelled, or came back and had been asked back before.

    None if no points were left. RULE: `total…` and `…Reversed` are cumulative for the bill, where the request names
    one; of points that came back, they are what is taken now. Where it is another currency than the points, it says
    which (ours).
    """
    if not decision.points:
        return None
    alternate = context.program_of(envelope).alternates.get(decision.currency)
    return {
        **points_fields(envelope, context),
        **_taken_back(decision, float if alternate is None else alternate.amount),
        **({} if alternate is None else alternate.fields),
    }


def _taken_back(decision: PointsReversed, amount: Callable[[int], float]) -> dict[str, object]:
    """What was taken. Ours, where there are any: points of other lots, regular ones, too, and those that are owed."""
    others = sum([one.points for one in decision.others])
    return {
        "programCurrentPoints": amount(decision.balance),
        "programLifetimePoints": amount(decision.lifetime),
        "totalIssuedPointsReversed": amount(decision.reversed_of_bill),
        "regularPointsReversed": amount(decision.reversed_of_bill - decision.promised_reversed_of_bill),
        "promisedPointsReversed": amount(decision.promised_reversed_of_bill),
        "promotionalPointsReversed": [],
        "currentEventPromisedPointsReturned": amount(decision.promised),
        "currentEventRegularPointsReturned": amount(decision.current),
        "currentEventTotalPointsReturned": amount(decision.points),
        "currentEventPromotionPointsReturnedDetails": [],
        **({"currentEventOtherLotsPointsReturned": amount(others)} if others else {}),
        **({"currentEventPointsOwed": amount(decision.owed)} if decision.owed else {}),
    }


def _bill_of(decision: PointsReversed) -> str:
    """The bill whose points are taken back, told apart from the rewards that go with it."""
    return f"{decision.of_bill}/rewards" if decision.rewards else decision.of_bill


TABLE: Final = Table(
    topic="notifications.points",
    news={
        PointsIssued: News(
            event=EventName.POINTS_ISSUED,
            subject=lambda decision: f"{decision.currency}/{decision.activity}",
            data=points_issued,
        ),
        PointsConverted: News(
            event=EventName.PROMISED_TO_CURRENT_POINTS_CONVERSION,
            subject=lambda decision: f"{decision.currency}/{decision.lots[0].lot_id}",
            data=points_converted,
        ),
        PointsExpired: News(
            event=EventName.POINTS_EXPIRED,
            subject=lambda decision: f"{decision.currency}/{decision.expired_on}",
            data=points_expired,
        ),
        ExpiryReminded: News(
            event=EventName.POINTS_EXPIRY_REMINDER,
            subject=lambda decision: f"{decision.currency}/{decision.expires_on}/{decision.lead_days}",
            data=expiry_reminder,
        ),
        ExpiryMoved: News(
            event=EventName.SINGLE_POINTS_EXPIRY_UPDATED,
            subject=lambda decision: decision.currency,
            data=expiry_updated,
        ),
        PointsReversed: News(
            event=EventName.ISSUED_POINTS_REVERSED,
            subject=lambda decision: f"{decision.currency}/{_bill_of(decision)}",
            data=issued_points_reversed,
        ),
        PointsCancelled: News(
            event=EventName.ISSUED_POINTS_REVERSED,
            subject=lambda decision: decision.currency,
            data=points_cancelled,
        ),
        PointsReclaimed: News(
            event=EventName.ISSUED_POINTS_REVERSED,
            subject=lambda decision: f"{decision.currency}/claim/{decision.claim}",
            data=points_cancelled,
        ),
        AlternatePointsIssued: News(
            event=EventName.ALTERNATE_CURRENCIES_ISSUED,
            subject=lambda decision: decision.currencies[0].activity,
            data=alternate_currencies_issued,
        ),
        AlternatePointsReversed: News(
            event=EventName.ISSUED_ALTERNATE_CURRENCIES_REVERSED,
            subject=lambda decision: _bill_of(decision.currencies[0]),
            data=alternate_currencies_reversed,
        ),
    },
    silent=(
        RemindersPlanned,
        PointsRestored,
        PointsDebited,
        AwardTermsKept,
        AwardsCorrected,
        PromiseCancelled,
        PointsSettled,
        LotsTracked,
        ClaimsKept,
        RewardKept,
    ),
)
