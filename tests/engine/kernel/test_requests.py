"""Requests: what a decision asks of another customer is a function of the decision, its envelope and its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pytest

from pipeline.engine.kernel.requests import requests_of
from pipeline.engine.merging.passing import forward
from schemas.facts import Envelope, Group, RecordPassedOn, RecordRefused, RegisteredEarlier
from schemas.records import AnswerTransfer, ForwardRecord, Request, encode_record
from tests.steps import bought

ME: Final = (1, 7)
OTHER: Final = 8


def ask(_decision: RegisteredEarlier, envelope: Envelope, stated: Mapping[str, Any]) -> AnswerTransfer:
    """Something to be asked of the other customer."""
    return AnswerTransfer(
        customer_id=OTHER, transfer_id="x", program_id=envelope.program_id, currency="POINTS", **stated
    )


def asked(*groups: Group, offset: int = 5) -> list[Request]:
    """What the first customer asks."""
    return requests_of(ME, groups, {RegisteredEarlier: ask}, source="loyalty.journal:0", offset=offset)


def group(count: int = 1, cause: str = "TransferPoints:x", at: int = 100, via: str = "") -> Group:
    """So many decisions that ask, and one that asks nothing."""
    envelope = Envelope(cause=cause, at=at, as_of=200, program_id=3, via=via)
    return Group(envelope=envelope, decisions=[*[RegisteredEarlier()] * count, RecordRefused(reason=1)])  # type: ignore[arg-type]


def test_request_says_who_asks_when_and_at_which_place_of_the_journal() -> None:
    (one,) = asked(group())
    assert (one.org_id, one.customer_id, one.sender_id) == (1, OTHER, 7)
    assert (one.received_at, one.event_time) == (200, 100)
    assert (one.source, one.offset) == ("loyalty.journal:0", 5)


def test_request_is_the_same_whenever_it_is_decided_again() -> None:
    assert asked(group(2)) == asked(group(2))


def test_ids_differ_by_place_in_the_cause_by_cause_and_by_its_instant() -> None:
    requests = asked(group(2), group(), group(cause="TransferPoints:y"), group(cause="TransferPoints:z", at=101))
    later = asked(group(at=101))
    assert len({one.id for one in [*requests, *later]}) == 6
    assert len({one.digest for one in requests}) == 5


def test_root_of_what_a_request_leads_to_is_that_of_the_request() -> None:
    (first,) = asked(group())
    (second,) = asked(group(via="9:50:TransferPoints:y"))
    assert (first.via, second.via) == ("7:100:TransferPoints:x", "9:50:TransferPoints:y")


@pytest.mark.parametrize("was_held", [False, True])
def test_record_that_was_held_and_is_passed_on_was_held_there_too(was_held: bool) -> None:  # noqa: FBT001 - a parameter
    envelope = Envelope(cause="TransactionAdded:t", at=100, as_of=200)
    passed = RecordPassedOn(survivor_id=OTHER, record=encode_record(bought("B1", 500, "2011-03-01")))
    both = [Group(envelope=envelope, decisions=[passed, RegisteredEarlier()])]
    asks = {RecordPassedOn: forward, RegisteredEarlier: ask}

    one, other = requests_of(ME, both, asks, source="loyalty.journal:0", offset=5, was_held=was_held)

    assert isinstance(one, ForwardRecord)
    assert one.was_held is was_held
    assert isinstance(other, AnswerTransfer), "nothing else waits for its customer"
