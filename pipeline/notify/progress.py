"""Notifications about milestones and streaks."""

from __future__ import annotations

from pipeline.notify.activity import Activity, Pairs, pair
from pipeline.notify.context import Context
from pipeline.notify.identity import number_of
from pipeline.notify.numbers import date_text, instant_text, padded, plain
from pipeline.notify.program_view import StreakView
from schemas.facts import MilestoneAchieved, MilestoneProgressed, StreakEnded, StreakLevelReached, StreakStarted


def target_value_updated(fact: MilestoneProgressed, context: Context) -> dict[str, object]:
    """The `data` of targetAchievedValueUpdated."""
    return {**_target(fact, context), "milestoneDetails": []}


def target_value_achieved(fact: MilestoneAchieved, context: Context) -> dict[str, object]:
    """The `data` of targetValueAchieved."""
    return _target(fact, context)


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
    identifiers = [pair("eventLogId", context.cause_of(fact).token)]
    if activity is not None and activity.transaction_id is not None:
        identifiers.append(pair("transactionId", activity.transaction_id))
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


def _target(fact: MilestoneProgressed | MilestoneAchieved, context: Context) -> dict[str, object]:
    milestone = context.program_of(fact).milestone(fact.milestone_id)
    activity = context.cause_of(fact).activity
    data: dict[str, object] = {"customerIdentifiers": context.customer}
    identifiers: Pairs = []
    if activity is not None:
        data["eventName"] = activity.name
        if activity.event_number is not None:
            data["eventId"] = activity.event_number
        identifiers = activity.identifiers
        if activity.transaction_id is not None:
            data["transactionId"] = activity.transaction_id
            identifiers = [pair("TransactionId", activity.transaction_id)]
    data["targetDetails"] = milestone.details(fact.period)
    if fact.added:  # 0 where the fact does not say
        data["currentEventTargetValue"] = plain(fact.added, milestone.digits)
    data["achievedTargetValue"] = padded(fact.value, milestone.digits)
    data["definedTargetValue"] = padded(fact.target, milestone.digits)
    data["triggeringActivity"] = _activity(activity, identifiers)
    return data


def _activity(activity: Activity | None, identifiers: Pairs) -> dict[str, object]:
    if activity is None:
        return {}
    return {"name": activity.name, "identifiers": identifiers, "enteredBy": {}, "additionalAttributes": []}


def _window_activity(name: str, streak: StreakView) -> dict[str, object]:
    return {
        "name": name,
        "identifiers": [pair("TargetRuleId", streak.milestone.target_id)],
        "additionalAttributes": [],
    }


def _description(streak: StreakView) -> dict[str, object]:
    return {
        "streakName": streak.name,
        "descriptionOfTheStreak": streak.description,
        "numberOfLevel": len(streak.levels),
        "levelValues": [str(level) for level in streak.levels],
    }
