"""Notifications about milestones, which downstream systems call targets."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from pipeline.engine.calendar import NEVER
from pipeline.notify.activity import Activity, triggered_by
from pipeline.notify.context import Context
from pipeline.notify.numbers import instant_text, padded, plain
from pipeline.notify.parts import CustomerIdentifiers, NoActivity, Pair, TriggeringActivity, entered_at
from pipeline.notify.program_view import MilestoneView
from pipeline.notify.shared import taken_back_by
from pipeline.notify.table import News, Table
from schemas.facts import (
    CycleAwaited,
    CycleBegan,
    CycleEnded,
    EnrolledBy,
    Envelope,
    MilestoneAchieved,
    MilestoneCounted,
    MilestoneEnrolled,
    MilestoneLowered,
    MilestoneMeasured,
    MilestoneProgressed,
    MilestoneRecorded,
    MilestoneTallied,
    MilestoneUnachieved,
    MilestoneUnenrolled,
    ProgressGiven,
    TargetChanged,
    UnifiedAchieved,
    UnifiedMoved,
    UnifiedPart,
    UnifiedUnachieved,
    ValueIgnored,
    WindowMoved,
)
from schemas.notifications import EventName
from schemas.records import TransactionAdded, TransactionReturned


class TargetData(msgspec.Struct, frozen=True, kw_only=True, gc=False, rename="camel"):
    """The `data` of targetAchievedValueUpdated and targetValueAchieved."""

    customer_identifiers: CustomerIdentifiers
    event_name: str | UnsetType
    event_id: int | UnsetType
    transaction_id: int | UnsetType
    target_details: msgspec.Raw
    current_event_target_value: str | UnsetType
    achieved_target_value: str
    defined_target_value: str
    triggering_activity: TriggeringActivity | NoActivity
    milestone_details: list[object] | UnsetType


def target_value_updated(decision: MilestoneProgressed, envelope: Envelope, context: Context) -> TargetData:
    """The `data` of targetAchievedValueUpdated."""
    return _target(decision, envelope, context, details=[])


def target_value_achieved(decision: MilestoneAchieved, envelope: Envelope, context: Context) -> TargetData:
    """The `data` of targetValueAchieved."""
    return _target(decision, envelope, context, details=UNSET)


def target_value_lowered(decision: MilestoneLowered, envelope: Envelope, context: Context) -> TargetData:
    """The `data` of targetAchievedValueUpdated for a return: what it took off, above zero (S4 l.2930).

    RULE: ReturnBill says that it fell. TransactionUpdate does not, so what an update took off is below zero.
    """
    milestone = context.program_of(envelope).milestone(decision.milestone_id)
    activity = taken_back_by(envelope, context, decision.of_bill)
    removed = -decision.removed if envelope.correction_of else decision.removed
    number = str(activity.transaction_id)
    return TargetData(
        customer_identifiers=context.customer,
        event_name=activity.name,
        event_id=UNSET,
        transaction_id=UNSET if activity.transaction_id is None else activity.transaction_id,
        target_details=milestone.details(decision.period),
        current_event_target_value=plain(removed, milestone.digits),
        achieved_target_value=padded(decision.value, milestone.digits),
        defined_target_value=padded(decision.target, milestone.digits),
        triggering_activity=triggered_by(activity, identifiers=[Pair(key="TransactionId", value=number)]),
        milestone_details=[],
    )


def _target(
    decision: MilestoneProgressed | MilestoneAchieved,
    envelope: Envelope,
    context: Context,
    *,
    details: list[object] | UnsetType,
) -> TargetData:
    milestone = context.program_of(envelope).milestone(decision.milestone_id)
    digits = milestone.digits
    name: str | UnsetType = UNSET
    number: int | UnsetType = UNSET
    transaction_id: int | UnsetType = UNSET
    identifiers: list[Pair] | None = None
    activity = context.cause_of(envelope).activity
    if activity is not None:
        name = activity.name
        if activity.event_number is not None:
            number = activity.event_number
        if activity.transaction_id is not None:
            transaction_id = activity.transaction_id
            identifiers = [Pair(key="TransactionId", value=str(transaction_id))]
    return TargetData(
        customer_identifiers=context.customer,
        event_name=name,
        event_id=number,
        transaction_id=transaction_id,
        target_details=milestone.details(decision.period),
        current_event_target_value=UNSET if not decision.added else plain(decision.added, digits),
        achieved_target_value=padded(decision.value, digits),
        defined_target_value=padded(decision.target, digits),
        triggering_activity=triggered_by(activity, identifiers=identifiers),
        milestone_details=details,
    )


def target_changed(decision: TargetChanged, envelope: Envelope, context: Context) -> dict[str, object]:
    """The `data` of targetValueUpdated, whose payload is ours: what the target was and is."""
    milestone = context.program_of(envelope).milestone(decision.milestone_id)
    activity = context.cause_of(envelope).activity if decision.requested else None
    return {
        "customerIdentifiers": context.customer,
        "targetDetails": milestone.details(decision.period),
        "previousTargetValue": padded(decision.previous, milestone.digits),
        "definedTargetValue": padded(decision.target, milestone.digits),
        "triggeringActivity": triggered_by(activity),
    }


def cycle_began(decision: CycleBegan, envelope: Envelope, context: Context) -> dict[str, object]:
    """The `data` of targetPeriodStart, whose payload is ours, as that of streakStart."""
    return _cycle(decision, envelope, context, "targetPeriodStartEvent", _window_of(decision))


def cycle_ended(decision: CycleEnded, envelope: Envelope, context: Context) -> dict[str, object]:
    """The `data` of targetPeriodEnd, whose payload is ours: how far the customer came."""
    digits = context.program_of(envelope).milestone(decision.milestone_id).digits
    reached = {
        "achievedTargetValue": padded(decision.value, digits),
        "isAchieved": decision.achieved,
        "endDate": instant_text(decision.ends_at - 1000),
    }
    return _cycle(decision, envelope, context, "targetPeriodEndEvent", reached)


def enrolled(decision: MilestoneEnrolled, envelope: Envelope, context: Context) -> dict[str, object]:
    """The `data` of targetCustomerEnrolment, whose payload is ours, as that of streakCustomerEnrolment (S4 l.2747)."""
    milestone = context.program_of(envelope).milestone(decision.milestone_id)
    cause = context.cause_of(envelope)
    return {
        "customerIdentifiers": context.customer,
        "targetEnrolmentData": [
            {
                "targetName": milestone.name,
                "definedTargetValue": padded(decision.target, milestone.digits),
                "startDate": instant_text(envelope.at),
            }
        ],
        "targetData": [milestone.details(decision.period)],
        "triggeringActivity": {
            "name": "enrolmentIntoTarget",
            "identifiers": [Pair(key=_ENROLLED_VIA[decision.enrolled_by], value=cause.token)],
            "additionalAttributes": [],
        },
    }


def unified_achieved(decision: UnifiedAchieved, envelope: Envelope, context: Context) -> dict[str, object]:
    """The `data` of unifiedTargetsAchieved, with the targets that the record moved (S4 l.2465)."""
    return _unified(decision, envelope, context, context.cause_of(envelope).activity)


def unified_unachieved(decision: UnifiedUnachieved, envelope: Envelope, context: Context) -> dict[str, object]:
    """The `data` of unifiedTargetsUnAchieved.

    RULE (trigger): the return or update that lowered a value; the sample (S4 l.2550) is a copy of the other one.
    """
    return _unified(decision, envelope, context, taken_back_by(envelope, context, decision.of_bill))


def _unified(
    decision: UnifiedAchieved | UnifiedUnachieved, envelope: Envelope, context: Context, activity: Activity | None
) -> dict[str, object]:
    program = context.program_of(envelope)
    identifiers = [Pair(key="eventLogId", value=context.cause_of(envelope).token)]
    transaction: dict[str, object] = {}
    if activity is not None and activity.transaction_id is not None:
        identifiers.append(Pair(key="transactionId", value=str(activity.transaction_id)))
        transaction["transactionId"] = activity.transaction_id
    return {
        "customerIdentifiers": context.member_in(envelope),
        "targetData": [_united(program.milestone(part.milestone_id), decision.period, part) for part in decision.parts],
        **transaction,
        "triggeringActivity": triggered_by(_at_the_till(activity, context), identifiers=identifiers),
        "unifiedTargetGroupDetails": program.unified(decision.unified_id),
    }


def _at_the_till(activity: Activity | None, context: Context) -> Activity | None:
    """The activity with the store and the till where a bill was paid or came back."""
    record = context.record
    if activity is None or not isinstance(record, TransactionAdded | TransactionReturned):
        return activity
    return msgspec.structs.replace(activity, entered_by=entered_at(record))


def _united(milestone: MilestoneView, period: int, part: UnifiedPart) -> dict[str, object]:
    return {
        "achievedTargetValue": padded(part.value, milestone.digits),
        "definedTargetValue": padded(part.target, milestone.digits),
        "targetId": milestone.target_id,
        "targetName": milestone.name,
        "targetPeriodId": period,
        "targetPeriodName": milestone.period_name(period),
    }


_ENROLLED_VIA: Final = {
    EnrolledBy.COMMAND: "ENROL_VIA_API",
    EnrolledBy.TRANSACTION: "ENROL_VIA_TRANSACTION",
    EnrolledBy.EVERYBODY: "ENROL_VIA_PROGRAM",
}


def _window_of(decision: CycleBegan) -> dict[str, object]:
    ends = {} if decision.ends_at == NEVER else {"endDate": instant_text(decision.ends_at - 1000)}
    return {"startDate": instant_text(decision.begins_at), **ends}


def _cycle(
    decision: CycleBegan | CycleEnded, envelope: Envelope, context: Context, name: str, more: dict[str, object]
) -> dict[str, object]:
    milestone = context.program_of(envelope).milestone(decision.milestone_id)
    return {
        "customerIdentifiers": context.customer,
        "targetDetails": milestone.details(decision.period),
        "definedTargetValue": padded(decision.target, milestone.digits),
        **more,
        "triggeringActivity": {
            "name": name,
            "identifiers": [Pair(key="TargetRuleId", value=str(milestone.target_id))],
            "additionalAttributes": [],
        },
    }


def _subject(decision: MilestoneProgressed | MilestoneAchieved | TargetChanged | CycleBegan | CycleEnded) -> str:
    return f"{decision.milestone_id}/{decision.period}"


TABLE: Final = Table(
    topic="notifications.milestones",
    news={
        MilestoneProgressed: News(
            event=EventName.TARGET_ACHIEVED_VALUE_UPDATED, subject=_subject, data=target_value_updated
        ),
        MilestoneLowered: News(
            event=EventName.TARGET_ACHIEVED_VALUE_UPDATED,
            subject=lambda decision: f"{decision.milestone_id}/{decision.period}/{decision.of_bill}",
            data=target_value_lowered,
        ),
        MilestoneAchieved: News(event=EventName.TARGET_VALUE_ACHIEVED, subject=_subject, data=target_value_achieved),
        TargetChanged: News(event=EventName.TARGET_VALUE_UPDATED, subject=_subject, data=target_changed),
        UnifiedAchieved: News(
            event=EventName.UNIFIED_TARGETS_ACHIEVED,
            subject=lambda decision: f"{decision.unified_id}/{decision.period}",
            data=unified_achieved,
        ),
        UnifiedUnachieved: News(
            event=EventName.UNIFIED_TARGETS_UN_ACHIEVED,
            subject=lambda decision: f"{decision.unified_id}/{decision.period}",
            data=unified_unachieved,
        ),
        CycleBegan: News(event=EventName.TARGET_PERIOD_START, subject=_subject, data=cycle_began),
        CycleEnded: News(event=EventName.TARGET_PERIOD_END, subject=_subject, data=cycle_ended),
        MilestoneEnrolled: News(
            event=EventName.TARGET_CUSTOMER_ENROLMENT, subject=lambda decision: decision.milestone_id, data=enrolled
        ),
    },
    silent=(
        ProgressGiven,
        CycleAwaited,
        MilestoneCounted,
        MilestoneMeasured,
        MilestoneRecorded,
        MilestoneTallied,
        MilestoneUnachieved,
        MilestoneUnenrolled,
        UnifiedMoved,
        ValueIgnored,
        WindowMoved,
    ),
)
