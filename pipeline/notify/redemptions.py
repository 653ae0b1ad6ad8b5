"""Notifications about redemptions."""

from __future__ import annotations

from typing import Final

from pipeline.notify.activity import redemption_of, triggered_by
from pipeline.notify.context import Context
from pipeline.notify.identity import number_of
from pipeline.notify.numbers import major
from pipeline.notify.program_view import ProgramView
from pipeline.notify.shared import entered_as, points_fields, taken_back_by
from pipeline.notify.table import News, Table
from schemas.facts import Envelope, PointsHeld, PointsMoved, PointsRedeemed, PointsReleased, RedemptionReversed
from schemas.notifications import EventName


def points_redeemed(decision: PointsRedeemed, envelope: Envelope, context: Context) -> dict[str, object]:
    """The `data` of pointsRedeemed; where another currency than the points was spent, it says which (ours)."""
    program = context.program_of(envelope)
    points, balance = (_amount(one, decision, program) for one in (decision.points, decision.balance))
    activity = entered_as(
        redemption_of(context.org_id, context.customer_id, decision.redemption_id, decision.bill_number),
        envelope,
        context,
    )
    return {
        **points_fields(envelope, context),
        "triggeringActivity": triggered_by(activity, entity=context.entity),
        "totalPointsRedeemed": points,
        "redemptionSummaryId": _summary(context, decision.redemption_id),
        "redeemedPointsCurrencyValue": major(decision.value_minor, program.currency),
        "redemptionNotes": decision.notes,
        "redemptionBillNumber": decision.bill_number,
        "isGroupRedemption": False,
        "redemptionFromEarningPrograms": [
            {
                "programId": envelope.program_id,
                "pointsRedeemed": points,
                "programCurrentPoints": balance,
            }
        ],
        **_other_currency(decision, program),
    }


def redeemed_points_reversed(decision: RedemptionReversed, envelope: Envelope, context: Context) -> dict[str, object]:
    """The `data` of redeemedPointsReversed; points that were issued anew are available.

    Where another currency than the points had been spent, it says which (ours).
    """
    program = context.program_of(envelope)
    points, available, expired, balance = (
        _amount(one, decision, program)
        for one in (decision.points, decision.points - decision.expired, decision.expired, decision.balance)
    )
    details = {"available": available, "expired": expired}
    of_bill = decision.of_bill
    activity = taken_back_by(envelope, context, of_bill) if of_bill else context.cause_of(envelope).activity
    return {
        **points_fields(envelope, context),
        "triggeringActivity": triggered_by(activity),
        "redeemedPointsReversed": points,
        "redeemedPointsReversedDetails": details,
        "redemptionSummaryId": _summary(context, decision.redemption_id),
        "redemptionReversalToEarningPrograms": [
            {
                "programId": envelope.program_id,
                "redeemedPointsReversed": points,
                "redeemedPointsReversedDetails": details,
                "programCurrentPoints": balance,
            }
        ],
        **_other_currency(decision, program),
    }


def _amount(points: int, decision: PointsMoved, program: ProgramView) -> int | float:
    alternate = program.alternates.get(decision.currency)
    return float(points) if alternate is None else alternate.amount(points)


def _other_currency(decision: PointsMoved, program: ProgramView) -> dict[str, object]:
    alternate = program.alternates.get(decision.currency)
    return {} if alternate is None else dict(alternate.fields)


def _summary(context: Context, redemption_id: str) -> int:
    return number_of(f"redemption:{context.org_id}:{context.customer_id}:{redemption_id}")


TABLE: Final = Table(
    topic="notifications.points",
    news={
        PointsRedeemed: News(
            event=EventName.POINTS_REDEEMED,
            subject=lambda decision: f"{decision.currency}/{decision.redemption_id}",
            data=points_redeemed,
        ),
        RedemptionReversed: News(
            event=EventName.REDEEMED_POINTS_REVERSED,
            subject=lambda decision: f"{decision.currency}/{decision.redemption_id}",
            data=redeemed_points_reversed,
        ),
    },
    silent=(PointsHeld, PointsReleased),
)
