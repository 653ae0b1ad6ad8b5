"""Notifications about streaks."""

from __future__ import annotations

from typing import Final

from pipeline.notify.activity import Activity, triggered_by
from pipeline.notify.context import Context
from pipeline.notify.identity import number_of
from pipeline.notify.numbers import instant_text, padded
from pipeline.notify.parts import Pair
from pipeline.notify.program_view import StreakView
from pipeline.notify.shared import taken_back_by
from pipeline.notify.table import News, Table
from schemas.facts import (
    Envelope,
    StreakAtRisk,
    StreakBroken,
    StreakEnded,
    StreakEnrolled,
    StreakExtended,
    StreakFrozen,
    StreakLevelReached,
    StreakLevelUnachieved,
    StreakPaused,
    StreakResumed,
    StreakRiskPlanned,
    StreakStarted,
    StreakUnenrolled,
)
from schemas.notifications import EventName


def streak_start(decision: StreakStarted, envelope: Envelope, context: Context) -> dict[str, object]:
    """The `data` of streakStart; the start is local time in the program's zone."""
    streak = context.program_of(envelope).streak(decision.streak_id)
    return {
        "customerIdentifiers": context.customer,
        "targetDetails": streak.milestone.details_on(decision.starts_on),
        "streakStartData": [
            {
                **_description(streak),
                "userStreakValueAtTheStart": "0",
                "startDate": context.program_of(envelope).first_second(decision.starts_on),
            }
        ],
        "triggeringActivity": _window_activity("streakStartEvent", streak),
    }


def streak_customer_enrolment(decision: StreakEnrolled, envelope: Envelope, context: Context) -> dict[str, object]:
    """The `data` of streakCustomerEnrolment; the dates are those of the running period (S4 l.2748)."""
    asked = ("enrolmentIntoStreak", "ENROL_VIA_API")
    return {
        "customerIdentifiers": context.customer,
        "streakEnrolmentData": [_enrolment(decision, envelope, context)],
        **_asked(decision, envelope, context, *asked),
    }


def streak_customer_unenrolment(decision: StreakUnenrolled, envelope: Envelope, context: Context) -> dict[str, object]:
    """The `data` of streakCustomerUnEnrolment; the dates are those of the running period (S4 l.2799)."""
    asked = ("streak unenrollment", "UNENROL_VIA_API")
    return {
        "customerIdentifiers": context.customer,
        "streakUnEnrolmentData": [_enrolment(decision, envelope, context)],
        **_asked(decision, envelope, context, *asked),
    }


def _enrolment(decision: StreakEnrolled | StreakUnenrolled, envelope: Envelope, context: Context) -> dict[str, object]:
    program = context.program_of(envelope)
    streak = program.streak(decision.streak_id)
    last = decision.last_day
    return {
        "streakName": streak.name,
        "numberOfLevel": len(streak.levels),
        "levelValues": [str(level) for level in streak.levels],
        "startDate": program.first_second(decision.first_day),
        "endDate": "" if last is None else program.last_second(last),
    }


def _asked(
    decision: StreakEnrolled | StreakUnenrolled, envelope: Envelope, context: Context, name: str, key: str
) -> dict[str, object]:
    streak = context.program_of(envelope).streak(decision.streak_id)
    return {
        "targetData": [streak.milestone.details(decision.period)],
        "triggeringActivity": {
            "name": name,
            "identifiers": [Pair(key=key, value=context.cause_of(envelope).token)],
            "additionalAttributes": [],
        },
    }


def streak_level_achieved(decision: StreakLevelReached, envelope: Envelope, context: Context) -> dict[str, object]:
    """The `data` of streakLevelAchieved."""
    activity = context.cause_of(envelope).activity
    return _level(decision, envelope, context, activity=activity, achieved_at=envelope.at)


def streak_level_unachieved(decision: StreakLevelUnachieved, envelope: Envelope, context: Context) -> dict[str, object]:
    """The `data` of streakLevelUnAchieved: the date is that of the achievement."""
    activity = taken_back_by(envelope, context, decision.of_bill)
    return _level(decision, envelope, context, activity=activity, achieved_at=decision.achieved_at)


def _level(
    decision: StreakLevelReached | StreakLevelUnachieved,
    envelope: Envelope,
    context: Context,
    *,
    activity: Activity | None,
    achieved_at: int,
) -> dict[str, object]:
    streak = context.program_of(envelope).streak(decision.streak_id)
    enrolment = f"streak:{context.org_id}:{context.customer_id}:{envelope.program_id}:{decision.streak_id}"
    identifiers = [Pair(key="eventLogId", value=context.cause_of(envelope).token)]
    if activity is not None and activity.transaction_id is not None:
        identifiers.append(Pair(key="transactionId", value=str(activity.transaction_id)))
    return {
        "customerIdentifiers": context.customer,
        "streakData": [
            {
                "userCurrentStreakValue": str(decision.run),
                "streakLevelName": streak.levels.get(decision.level, str(decision.level)),
                "streakName": streak.name,
                "streakId": str(streak.streak_id),
                "userStreakId": str(number_of(enrolment)),
                "streakLevelAchievedDate": instant_text(achieved_at),
            }
        ],
        "targetData": [streak.milestone.details(decision.period)],
        "triggeringActivity": triggered_by(activity, identifiers=identifiers),
    }


def streak_end(decision: StreakEnded, envelope: Envelope, context: Context) -> dict[str, object]:
    """The `data` of streakEnd; the end is the last second of the last day, local time in the program's zone."""
    streak = context.program_of(envelope).streak(decision.streak_id)
    return {
        "customerIdentifiers": context.customer,
        "targetDetails": streak.milestone.details_on(decision.ends_on),
        "streakEndData": [
            {
                **_description(streak),
                "numberOfLevelsAchievedByTheUser": str(len(decision.levels)),
                "levelsAchievedByTheUser": [str(level) for level in decision.levels],
                "userStreakValueByTheEnd": decision.run,
                "endDate": context.program_of(envelope).last_second(decision.ends_on),
            }
        ],
        "triggeringActivity": _window_activity("streakEndEvent", streak),
    }


def streak_at_risk(decision: StreakAtRisk, envelope: Envelope, context: Context) -> dict[str, object]:
    """The `data` of streakAtRisk (ours): the run that missing this period breaks, and what is missing in it."""
    program = context.program_of(envelope)
    streak = program.streak(decision.streak_id)
    return {
        "customerIdentifiers": context.customer,
        "targetDetails": streak.milestone.details(decision.period),
        "streakAtRiskData": [
            {
                **_description(streak),
                "userCurrentStreakValue": str(decision.run),
                "missingTargetValue": padded(decision.missing, streak.milestone.digits),
                "endDate": program.last_second(decision.last_day),
            }
        ],
        "triggeringActivity": _window_activity("streakAtRiskEvent", streak),
    }


def _window_activity(name: str, streak: StreakView) -> dict[str, object]:
    return {
        "name": name,
        "identifiers": [Pair(key="TargetRuleId", value=str(streak.milestone.target_id))],
        "additionalAttributes": [],
    }


def _description(streak: StreakView) -> dict[str, object]:
    return {
        "streakName": streak.name,
        "descriptionOfTheStreak": streak.description,
        "numberOfLevel": len(streak.levels),
        "levelValues": [str(level) for level in streak.levels],
    }


def _time(again: int) -> str:
    """Which time a level is reached, where that is not the first."""
    return f"#{again + 1}" if again else ""


TABLE: Final = Table(
    topic="notifications.streaks",
    news={
        StreakEnrolled: News(
            event=EventName.STREAK_CUSTOMER_ENROLMENT,
            subject=lambda decision: decision.streak_id,
            data=streak_customer_enrolment,
        ),
        StreakUnenrolled: News(
            event=EventName.STREAK_CUSTOMER_UN_ENROLMENT,
            subject=lambda decision: decision.streak_id,
            data=streak_customer_unenrolment,
        ),
        StreakStarted: News(
            event=EventName.STREAK_START, subject=lambda decision: decision.streak_id, data=streak_start
        ),
        StreakLevelReached: News(
            event=EventName.STREAK_LEVEL_ACHIEVED,
            subject=lambda decision: f"{decision.streak_id}/{decision.level}{_time(decision.again)}",
            data=streak_level_achieved,
        ),
        StreakLevelUnachieved: News(
            event=EventName.STREAK_LEVEL_UN_ACHIEVED,
            subject=lambda decision: f"{decision.streak_id}/{decision.level}{_time(decision.again)}/{decision.of_bill}",
            data=streak_level_unachieved,
        ),
        StreakEnded: News(event=EventName.STREAK_END, subject=lambda decision: decision.streak_id, data=streak_end),
        StreakAtRisk: News(
            event=EventName.STREAK_AT_RISK,
            subject=lambda decision: f"{decision.streak_id}/{decision.period}",
            data=streak_at_risk,
        ),
    },
    silent=(StreakExtended, StreakBroken, StreakPaused, StreakResumed, StreakFrozen, StreakRiskPlanned),
)
