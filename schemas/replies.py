"""Replies: what senders of messages are answered, on a topic of its own."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec


class ReplyOutcome(StrEnum):
    """What became of a record."""

    DONE = "done"
    REFUSED = "refused"
    DUPLICATE = "duplicate"
    """The same record came before, and this one does not count again."""
    HELD = "held"
    """It waits for another record; a further reply tells how that ended."""
    REJECTED = "rejected"
    """The message is a dead letter: it was not understood, or may not come so."""


class Reply(msgspec.Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """One answer, as JSON; every key is always there."""

    reply_id: str
    """The same on every replay, and of no other reply."""
    request_id: str | None
    """`topic:partition:offset` of the message that this answers: it tells two with the same id apart. None where time
    passed, or the receiver of a transfer answered, and not a message decided the record."""
    record_id: str
    """The `id` of the message; its place where it had none."""
    org_id: int
    customer_id: int
    type: str
    """The `type` of the message, such as `redeemPoints`."""
    outcome: ReplyOutcome
    first_outcome: ReplyOutcome | None
    """Of a duplicate: the outcome of the record that came first."""
    reason: str | None
    """Why it was refused, or of a duplicate: why the first was; such as `balance_too_low`."""
    vendor_code: int | None
    """Capillary's number for the reason, where it has one."""
    message: str
    """The answer as a sentence."""
    at: str
    """When it was decided, ISO 8601 in UTC."""
    seq: int
    """The customer's count of facts when it was decided; 0 for a message that was rejected."""
    result: list[dict[str, Any]]
    """What was done, one object for each decision that moved points."""
