"""Tables: which kinds of decision become notifications, one table for each topic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from pipeline.notify.context import Context
from schemas.facts import Decision, Envelope


class News(NamedTuple):
    """What a kind of decision becomes."""

    event: str
    """The name of the notification."""
    subject: Callable[[Any], str]
    """The key of the decision's activity. It tells apart events of the same name, program and cause."""
    data: Callable[[Any, Envelope, Context], object]
    """The notification's `data`; None if there is nothing to report."""
    ref: Callable[[Any, Context], int] | None = None
    """What `refId` names as published, where it is not the event's cause."""


class Table(NamedTuple):
    """The decisions of one topic."""

    topic: str
    """One of `schemas.notifications.FAMILIES`."""
    news: Mapping[type[Decision], News]
    silent: tuple[type[Decision], ...] = ()
    """Decisions that give no notification."""
