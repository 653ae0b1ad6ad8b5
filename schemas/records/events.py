"""Custom events."""

from __future__ import annotations

import msgspec

from schemas.records.record import CustomerRecord


class CustomEventReceived(CustomerRecord, frozen=True):
    """A customer did something that is no purchase."""

    event_name: str
    attributes: dict[str, int | bool | str] = msgspec.field(default_factory=dict)
    """As sent; numbers with a fraction are kept as decimal strings."""
    analytics_only: bool = False
    """Whether it is kept for analysts, and no program gets it (S1: actions without EMFConsumer)."""
    zone: str = ""
    """The IANA zone in which it happened, as the message names it; empty where it does not."""
    unique: bool = False
    """Whether its id is remembered for ever."""
    entered_by: str = ""
    """Who entered it; empty where nobody is named."""
