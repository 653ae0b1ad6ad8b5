"""Render: facts become notifications, as the tables of all topics say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from pipeline.notify import customers, milestones, points, redemptions, streaks, tiers, transfers
from pipeline.notify.context import Context
from pipeline.notify.profiles import body_of
from pipeline.notify.program_view import Delivery
from pipeline.notify.table import Table
from schemas.facts import CustomerChanged, CustomerRegistered, Decision, Envelope, Fact, Group
from schemas.notifications import Notification

_PROFILED: Final = (CustomerRegistered, CustomerChanged)
"""Decisions that change what is known of the customer."""


class _Rendering(NamedTuple):
    event: str
    topic: str
    subject: Callable[[Any], str]
    data: Callable[[Any, Envelope, Context], object]
    ref: Callable[[Any, Context], int] | None
    learns: bool
    """Whether the decision changes what is known of the customer."""


class Renderer:
    """Renders the facts of every kind that its tables name."""

    def __init__(self, *tables: Table) -> None:
        self._renderings: dict[type[Decision], _Rendering | None] = {}
        for table in tables:
            for kind, news in table.news.items():
                self._register(
                    kind,
                    _Rendering(
                        event=str(news.event),  # a plain string is formatted faster than a member of an enum
                        topic=table.topic,
                        subject=news.subject,
                        data=news.data,
                        ref=news.ref,
                        learns=kind in _PROFILED,
                    ),
                )
            for kind in table.silent:
                self._register(kind, None)

    def render(self, fact: Fact, context: Context) -> Notification | None:
        """The notification of a fact; None if it is silent or switched off; raises as `render_all` does."""
        group = Group(envelope=fact.envelope, decisions=[fact.decision])  # type: ignore[list-item]  # a kind that a table names
        return next(iter(self.render_all([group], fact.seq, context)), None)

    def render_all(self, groups: Iterable[Group], first_seq: int, context: Context) -> list[Notification]:
        """The notifications of all facts of one message, in order, in the profile of their program.

        Raises `KeyError` for a kind of decision that no table names, `LookupError` for a version of a program that
        `context` does not hold, `TypeError` for a bill without its record, and `RuntimeError` if two notifications have
        the same event id.
        """
        renderings = self._renderings
        notifications: list[Notification] = []
        seq = first_seq
        for group in groups:
            envelope = group.envelope
            delivery: Delivery | None = None
            for decision in group.decisions:
                rendering = renderings[type(decision)]
                if rendering is not None:
                    if rendering.learns:
                        context.learn(decision.profile)  # type: ignore[union-attr]  # of those kinds
                    if delivery is None:
                        delivery = context.delivery_of(envelope)
                    if rendering.event not in delivery.off:
                        notification = _render(rendering, seq, envelope, decision, delivery, context)
                        if notification is not None:
                            notifications.append(notification)
                seq += 1
        if len({notification.id for notification in notifications}) < len(notifications):
            raise RuntimeError(_collision(notifications, context))
        return notifications

    def _register(self, kind: type[Decision], rendering: _Rendering | None) -> None:
        if kind in self._renderings:
            message = f"{kind.__name__} stands in two tables of notifications, or twice in one: leave it in one place"
            raise ValueError(message)
        self._renderings[kind] = rendering


def _render(
    rendering: _Rendering, seq: int, envelope: Envelope, decision: Decision, delivery: Delivery, context: Context
) -> Notification | None:
    event = rendering.event
    data = rendering.data(decision, envelope, context)
    if data is None:
        return None
    cause = context.cause_of(envelope)
    event_id = cause.ids.event_id(envelope.program_id, event, rendering.subject(decision))
    ref_id = cause.ref_id
    if rendering.ref is not None and delivery.profile == "as-published":
        ref_id = f"{context.org_id}_{rendering.ref(decision, context)}"
    return Notification(
        event=event,
        topic=rendering.topic,
        id=event_id,
        body=body_of(delivery.profile, event, event_id, ref_id, data, seq, cause, context),
    )


def _collision(notifications: list[Notification], context: Context) -> str:
    times = Counter((notification.event, notification.id) for notification in notifications)
    event, event_id = max(times, key=times.__getitem__)
    return (
        f"customer {context.org_id}:{context.customer_id} would get two {event} with the event id {event_id}: "
        f"the subject of {event} must tell apart all decisions of one cause"
    )


TABLES: Final = (
    points.TABLE,
    redemptions.TABLE,
    transfers.TABLE,
    tiers.TABLE,
    milestones.TABLE,
    streaks.TABLE,
    customers.TABLE,
)
RENDERER: Final = Renderer(*TABLES)
"""Renders every kind of decision of the product."""
