"""Messages that nobody's are: what was held too long, or could not be held, becomes a dead letter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from pipeline.intake.verdict import Defect
from pipeline.replies.refusals import REASONS
from schemas.facts import Group, HoldEnded, RecordRefused, Refusal
from schemas.records import CustomerRecord, EndHold, ResolveCustomer, as_object, as_sent, record_in

GIVEN_UP: Final = (Refusal.IDENTIFIER_UNKNOWN, Refusal.TOO_MANY_HELD, Refusal.HOLD_ENDED)
"""The reasons, by whose names the dead letters are known."""


class GivenUp(NamedTuple):
    """What becomes a dead letter, and why."""

    reason: str
    defect: Defect
    value: bytes
    """The record as a JSON object: the message itself was never in the journal."""
    sent_at: int
    """When intake took it."""


def given_up(record: CustomerRecord, groups: Sequence[Group]) -> GivenUp | None:
    """The message that is given up by what was decided of a record; None where none is."""
    if not isinstance(record, ResolveCustomer | EndHold):
        return None
    decided = [decision for group in groups for decision in group.decisions]
    refused = next((one for one in decided if isinstance(one, RecordRefused) and one.reason in GIVEN_UP), None)
    if refused is None:
        return None
    held = [one.record for one in decided if isinstance(one, HoldEnded)]
    sent = record_in(held[0]) if isinstance(record, EndHold) else as_sent(record)
    meaning, remedy = REASONS[refused.reason]
    return GivenUp(
        reason=refused.reason.name,
        defect=Defect(path="", problem=meaning.format(subject=refused.subject), remedy=remedy),
        value=msgspec.json.encode({"type": type(sent).__name__, **as_object(sent)}),
        sent_at=sent.received_at,
    )
