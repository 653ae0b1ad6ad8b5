"""Notifications about points and tiers."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

from pipeline.notify.context import Context
from pipeline.notify.identity import number_of
from pipeline.notify.numbers import date_text, major
from pipeline.notify.parts import NO_ACTIVITY, CustomerIdentifiers, Entity, NoActivity, TriggeringActivity
from schemas.facts import (
    IssuedFor,
    PointsExpired,
    PointsIssued,
    PointsRedeemed,
    PointsReversed,
    ProgramFact,
    TierUpgraded,
)


class _Lot(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    points: float
    expiry_at: str | UnsetType


class PointsIssuedData(msgspec.Struct, frozen=True, gc=False, rename="camel"):
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
    promised_points_issued: list[_Lot]
    issued_for: IssuedFor
    rule_id: str


def points_issued(fact: PointsIssued, context: Context) -> PointsIssuedData:
    """All points are regular ones; `issuedFor` and `ruleId` say why, and are ours."""
    points = float(fact.points)
    return PointsIssuedData(
        context.customer,
        context.entity,
        _activity(fact, context),
        context.program_of(fact).details,
        fact.program_id,
        float(fact.balance),
        float(fact.lifetime),
        points,
        points,
        [_Lot(points, UNSET if fact.expires_on is None else date_text(fact.expires_on))],
        [],
        [],
        fact.issued_for,
        fact.rule_id,
    )


def points_redeemed(fact: PointsRedeemed, context: Context) -> dict[str, object]:
    """The `data` of pointsRedeemed."""
    points = float(fact.points)
    currency = context.program_of(fact).currency
    return {
        **_shared(fact, context),
        "totalPointsRedeemed": points,
        "redemptionSummaryId": number_of(f"redemption:{context.org_id}:{context.customer_id}:{fact.redemption_id}"),
        "redeemedPointsCurrencyValue": major(fact.value_minor, currency),
        "redemptionNotes": fact.notes,
        "redemptionBillNumber": fact.bill_number,
        "isGroupRedemption": False,
        "redemptionFromEarningPrograms": [
            {"programId": fact.program_id, "pointsRedeemed": points, "programCurrentPoints": float(fact.balance)}
        ],
    }


def points_expired(fact: PointsExpired, context: Context) -> dict[str, object]:
    """The `data` of pointsExpired: nobody's activity, and the one count of points that is an integer."""
    return {
        "customerIdentifiers": context.customer,
        "triggeringActivity": {},
        "loyaltyProgramId": fact.program_id,
        "pointsExpired": fact.points,
    }


def issued_points_reversed(fact: PointsReversed, context: Context) -> dict[str, object] | None:
    """The `data` of issuedPointsReversed; None for a return that found nothing left to take.

    RULE: `total…` and `…Reversed` are cumulative for the bill, `currentEvent…` is this return.
    """
    if not fact.points:
        return None
    of_bill, now = float(fact.reversed_of_bill), float(fact.points)
    return {
        **_shared(fact, context),
        "programCurrentPoints": float(fact.balance),
        "programLifetimePoints": float(fact.lifetime),
        "totalIssuedPointsReversed": of_bill,
        "regularPointsReversed": of_bill,
        "promisedPointsReversed": 0.0,
        "promotionalPointsReversed": [],
        "currentEventPromisedPointsReturned": 0.0,
        "currentEventRegularPointsReturned": now,
        "currentEventTotalPointsReturned": now,
        "currentEventPromotionPointsReturnedDetails": [],
    }


def tier_upgraded(fact: TierUpgraded, context: Context) -> dict[str, object]:
    """The `data` of tierUpgraded; the type of an upgrade is what the program measures."""
    return {
        **_shared(fact, context),
        "previousTierNumber": fact.previous,
        "upgradedTierNumber": fact.reached,
        "upgradeType": context.program_of(fact).upgrade_type,
        "notes": "",
    }


def _shared(fact: ProgramFact, context: Context) -> dict[str, object]:
    return {
        "customerIdentifiers": context.customer,
        "entityInformation": context.entity,
        "triggeringActivity": _activity(fact, context),
        "loyaltyProgramDetails": context.program_of(fact).details,
        "loyaltyProgramId": fact.program_id,
    }


def _activity(fact: ProgramFact, context: Context) -> TriggeringActivity | NoActivity:
    activity = context.cause_of(fact).activity
    if activity is None:
        return NO_ACTIVITY
    return TriggeringActivity(activity.name, activity.identifiers, entity_information=context.entity)
