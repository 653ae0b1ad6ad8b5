"""Render: facts become notifications. What each fact becomes, or that it stays silent, stands here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from pipeline.notify import customers, points, progress
from pipeline.notify.context import Context
from pipeline.notify.envelope import flat, wrapped
from schemas.facts import (
    CustomerChanged,
    CustomerRegistered,
    Fact,
    MilestoneAchieved,
    MilestoneProgressed,
    PointsDebited,
    PointsExpired,
    PointsIssued,
    PointsRedeemed,
    PointsReversed,
    ProgramAdopted,
    ProgramFact,
    PurchaseCounted,
    RecordAccepted,
    RecordRefused,
    ReturnCounted,
    ReturnRecorded,
    StreakEnded,
    StreakExtended,
    StreakLevelReached,
    StreakStarted,
    TierUpgraded,
    TransactionRecorded,
)
from schemas.notifications import TOPIC_OF, EventName, Notification


class Rendering(NamedTuple):
    """What a kind of fact becomes."""

    event: EventName
    name: str
    topic: str
    subject: Callable[[Any], str]
    data: Callable[[Any, Context], object]
    in_program: bool


def _news(
    kind: type[Fact],
    event: EventName,
    subject: Callable[[Any], str],
    data: Callable[[Any, Context], object],
) -> tuple[type[Fact], Rendering]:
    """`subject` tells events of one name and cause apart; `data` gives None when there is nothing to tell."""
    name = event.value  # a plain str is formatted faster
    return kind, Rendering(event, name, TOPIC_OF[event], subject, data, issubclass(kind, ProgramFact))


_SILENT: Final[tuple[type[Fact], ...]] = (
    RecordAccepted,
    RecordRefused,
    ReturnRecorded,
    ProgramAdopted,
    PurchaseCounted,
    ReturnCounted,
    PointsDebited,
    StreakExtended,
)
"""What is no news downstream."""

_NEWS: Final = (
    _news(CustomerRegistered, EventName.CUSTOMER_ADDED, lambda _: "", customers.customer_added),
    _news(CustomerChanged, EventName.CUSTOMER_UPDATED, lambda _: "", customers.customer_updated),
    _news(TransactionRecorded, EventName.TRANSACTION_ADDED, lambda fact: fact.bill_number, customers.transaction_added),
    _news(
        PointsIssued,
        EventName.POINTS_ISSUED,
        lambda fact: f"{fact.currency}/{fact.issued_for}/{fact.rule_id}",
        points.points_issued,
    ),
    _news(
        PointsRedeemed,
        EventName.POINTS_REDEEMED,
        lambda fact: f"{fact.currency}/{fact.redemption_id}",
        points.points_redeemed,
    ),
    _news(
        PointsExpired,
        EventName.POINTS_EXPIRED,
        lambda fact: f"{fact.currency}/{fact.expired_on}",
        points.points_expired,
    ),
    _news(
        PointsReversed,
        EventName.ISSUED_POINTS_REVERSED,
        lambda fact: f"{fact.currency}/{fact.of_bill}",
        points.issued_points_reversed,
    ),
    _news(TierUpgraded, EventName.TIER_UPGRADED, lambda fact: str(fact.reached), points.tier_upgraded),
    _news(
        MilestoneProgressed,
        EventName.TARGET_ACHIEVED_VALUE_UPDATED,
        lambda fact: f"{fact.milestone_id}/{fact.period}",
        progress.target_value_updated,
    ),
    _news(
        MilestoneAchieved,
        EventName.TARGET_VALUE_ACHIEVED,
        lambda fact: f"{fact.milestone_id}/{fact.period}",
        progress.target_value_achieved,
    ),
    _news(StreakStarted, EventName.STREAK_START, lambda fact: fact.streak_id, progress.streak_start),
    _news(
        StreakLevelReached,
        EventName.STREAK_LEVEL_ACHIEVED,
        lambda fact: f"{fact.streak_id}/{fact.level}",
        progress.streak_level_achieved,
    ),
    _news(StreakEnded, EventName.STREAK_END, lambda fact: fact.streak_id, progress.streak_end),
)
RENDERINGS: Final[dict[type[Fact], Rendering | None]] = {**dict(_NEWS), **dict.fromkeys(_SILENT)}
"""Every kind of fact; None for the silent ones."""


def render(fact: Fact, context: Context, ordinal: int = 0) -> Notification | None:
    """The notification of a fact, in the envelope of its program; None for one that is silent or switched off.

    `ordinal` tells apart events that name, cause and subject do not. Raises `KeyError` for a program that `context`
    does not hold, and `TypeError` for a bill without its record.
    """
    rendering = RENDERINGS[type(fact)]
    return None if rendering is None else _render(rendering, fact, context, ordinal)


def render_all(facts: Iterable[Fact], context: Context) -> list[Notification]:
    """The notifications of the facts of one message, in order, no two with one id."""
    notifications: list[Notification] = []
    ids: set[str] = set()
    for fact in facts:
        rendering = RENDERINGS[type(fact)]
        if rendering is None:
            continue
        notification = _render(rendering, fact, context, 0)
        ordinal = 0
        while notification is not None and notification.id in ids:
            ordinal += 1
            notification = _render(rendering, fact, context, ordinal)
        if notification is not None:
            ids.add(notification.id)
            notifications.append(notification)
    return notifications


def _render(rendering: Rendering, fact: Fact, context: Context, ordinal: int) -> Notification | None:
    event, name, topic, subject_of, data_of, in_program = rendering
    program_id: int = fact.program_id if in_program else 0  # type: ignore[attr-defined]  # as the table says
    delivery = context.programs[program_id].delivery if in_program else context.house
    if name in delivery.off:
        return None
    data = data_of(fact, context)
    if data is None:
        return None
    cause = context.cause_of(fact)
    event_id = cause.ids.event_id(program_id, name, ordinal, subject_of(fact))
    envelope = wrapped if delivery.wrapped else flat
    return Notification(event, topic, event_id, envelope(name, event_id, data, fact.seq, cause, context))
