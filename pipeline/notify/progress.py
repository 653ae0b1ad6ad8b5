"""Notifications about milestones and streaks."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

from pipeline.notify.activity import Activity
from pipeline.notify.context import Context
from pipeline.notify.identity import number_of
from pipeline.notify.numbers import date_text, instant_text, padded, plain
from pipeline.notify.parts import NO_ACTIVITY, CustomerIdentifiers, NoActivity, Pair, TriggeringActivity
from pipeline.notify.program_view import StreakView
from schemas.facts import MilestoneAchieved, MilestoneProgressed, StreakEnded, StreakLevelReached, StreakStarted


class TargetData(msgspec.Struct, frozen=True, gc=False, rename="camel"):
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


def target_value_updated(fact: MilestoneProgressed, context: Context) -> TargetData:
    """What counts towards a milestone changed."""
    return _target(fact, context, [])


def target_value_achieved(fact: MilestoneAchieved, context: Context) -> TargetData:
    """The target was met."""
    return _target(fact, context, UNSET)


def streak_start(fact: StreakStarted, context: Context) -> dict[str, object]:
    """The `data` of streakStart; the start is local time in the program's zone."""
    streak = context.program_of(fact).streak(fact.streak_id)
    return {
        "customerIdentifiers": context.customer,
        "targetDetails": streak.milestone.details_on(fact.starts_on),
        "streakStartData": [
            {
                **_description(streak),
                "userStreakValueAtTheStart": "0",
                "startDate": f"{date_text(fact.starts_on)} 00:00:00",
            }
        ],
        "triggeringActivity": _window_activity("streakStartEvent", streak),
    }


def streak_level_achieved(fact: StreakLevelReached, context: Context) -> dict[str, object]:
    """The `data` of streakLevelAchieved."""
    streak = context.program_of(fact).streak(fact.streak_id)
    activity = context.cause_of(fact).activity
    user_streak_id = number_of(f"streak:{context.org_id}:{context.customer_id}:{fact.program_id}:{fact.streak_id}")
    identifiers = [Pair("eventLogId", context.cause_of(fact).token)]
    if activity is not None and activity.transaction_id is not None:
        identifiers.append(Pair("transactionId", str(activity.transaction_id)))
    return {
        "customerIdentifiers": context.customer,
        "streakData": [
            {
                "userCurrentStreakValue": str(fact.run),
                "streakLevelName": streak.levels.get(fact.level, str(fact.level)),
                "streakName": streak.name,
                "streakId": str(streak.streak_id),
                "userStreakId": str(user_streak_id),
                "streakLevelAchievedDate": instant_text(fact.at),
            }
        ],
        "targetData": [streak.milestone.details(fact.period)],
        "triggeringActivity": _activity(activity, identifiers),
    }


def streak_end(fact: StreakEnded, context: Context) -> dict[str, object]:
    """The `data` of streakEnd; the end is the last second of the last day, local time in the program's zone."""
    streak = context.program_of(fact).streak(fact.streak_id)
    return {
        "customerIdentifiers": context.customer,
        "targetDetails": streak.milestone.details_on(fact.ends_on),
        "streakEndData": [
            {
                **_description(streak),
                "numberOfLevelsAchievedByTheUser": str(len(fact.levels)),
                "levelsAchievedByTheUser": [str(level) for level in fact.levels],
                "userStreakValueByTheEnd": fact.run,
                "endDate": f"{date_text(fact.ends_on)} 23:59:59",
            }
        ],
        "triggeringActivity": _window_activity("streakEndEvent", streak),
    }


def _target(
    fact: MilestoneProgressed | MilestoneAchieved, context: Context, details: list[object] | UnsetType
) -> TargetData:
    milestone = context.program_of(fact).milestone(fact.milestone_id)
    digits = milestone.digits
    name: str | UnsetType = UNSET
    number: int | UnsetType = UNSET
    transaction_id: int | UnsetType = UNSET
    identifiers: list[Pair] = []
    activity = context.cause_of(fact).activity
    if activity is not None:
        name, identifiers = activity.name, activity.identifiers
        if activity.event_number is not None:
            number = activity.event_number
        if activity.transaction_id is not None:
            transaction_id = activity.transaction_id
            identifiers = [Pair("TransactionId", str(transaction_id))]
    return TargetData(
        context.customer,
        name,
        number,
        transaction_id,
        milestone.details(fact.period),
        plain(fact.added, digits) if fact.added else UNSET,  # 0 where the fact does not say
        padded(fact.value, digits),
        padded(fact.target, digits),
        _activity(activity, identifiers),
        details,
    )


def _activity(activity: Activity | None, identifiers: list[Pair]) -> TriggeringActivity | NoActivity:
    return NO_ACTIVITY if activity is None else TriggeringActivity(activity.name, identifiers)


def _window_activity(name: str, streak: StreakView) -> dict[str, object]:
    return {
        "name": name,
        "identifiers": [Pair("TargetRuleId", str(streak.milestone.target_id))],
        "additionalAttributes": [],
    }


def _description(streak: StreakView) -> dict[str, object]:
    return {
        "streakName": streak.name,
        "descriptionOfTheStreak": streak.description,
        "numberOfLevel": len(streak.levels),
        "levelValues": [str(level) for level in streak.levels],
    }
