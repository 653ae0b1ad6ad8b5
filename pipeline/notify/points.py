"""Notifications about points and tiers."""

from __future__ import annotations

from pipeline.notify.context import Context
from pipeline.notify.identity import number_of
from pipeline.notify.numbers import date_text, major
from schemas.facts import PointsExpired, PointsIssued, PointsRedeemed, PointsReversed, ProgramFact, TierUpgraded


def points_issued(fact: PointsIssued, context: Context) -> dict[str, object]:
    """The `data` of pointsIssued: all points are regular ones; `issuedFor` and `ruleId` say why, and are ours."""
    points = float(fact.points)
    lot: dict[str, object] = {"points": points}
    if fact.expires_on is not None:
        lot["expiryAt"] = date_text(fact.expires_on)
    data = _shared(fact, context)
    data["programCurrentPoints"] = float(fact.balance)
    data["programLifetimePoints"] = float(fact.lifetime)
    data["totalPointsIssued"] = points
    data["regularPointsIssued"] = points
    data["regularPointsBreakup"] = [lot]
    data["promotionalPointsIssued"] = []
    data["promisedPointsIssued"] = []
    data["issuedFor"] = fact.issued_for
    data["ruleId"] = fact.rule_id
    return data


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


def _activity(fact: ProgramFact, context: Context) -> dict[str, object]:
    activity = context.cause_of(fact).activity
    if activity is None:
        return {}
    return {
        "name": activity.name,
        "identifiers": activity.identifiers,
        "enteredBy": {},
        "entityInformation": context.entity,
        "additionalAttributes": [],
    }
