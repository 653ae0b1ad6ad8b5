"""Replies to dead letters: where the bytes name a customer, and whatever else is wrong with them."""

from __future__ import annotations

import json

import pytest

from pipeline.intake.verdict import Defect, in_words
from pipeline.replies.rejected import Addressed, addressed, record_id_in, reply_to_rejected
from schemas.replies import ReplyOutcome

ORIGIN = "loyalty.commands:0:17"


@pytest.mark.parametrize(
    ("value", "about"),
    [
        pytest.param(
            b'{"type":"redeemPoints","orgId":1,"customerId":7,"id":"r1"}',
            ("r1", "redeemPoints"),
            id="whole",
        ),
        pytest.param(b'{"orgId":1,"customerId":7}', (ORIGIN, ""), id="without-id-and-type"),
        pytest.param(b'{"orgId":1,"customerId":7,"id":5,"type":[]}', (ORIGIN, ""), id="id-and-type-are-no-text"),
        pytest.param(b'{"orgId":1,"customerId":7,"id":""}', (ORIGIN, ""), id="empty-id"),
        pytest.param(b'{"orgId":1,"customerId":7,"id":"\xff"}', (ORIGIN, ""), id="id-is-no-utf-8"),
        pytest.param(
            json.dumps({"orgId": 1, "customerId": 7, "id": "i" * 500, "type": "t" * 500}).encode(),
            ("i" * 128, "t" * 64),
            id="long-id-and-type",
        ),
    ],
)
def test_what_can_be_read_is_read(value: bytes, about: tuple[str, str]) -> None:
    assert addressed(value, ORIGIN) == Addressed(org_id=1, customer_id=7, record_id=about[0], type=about[1])


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"{", id="no-json"),
        pytest.param(b"[1]", id="no-object"),
        pytest.param(b'{"orgId":1}', id="no-customer"),
        pytest.param(b'{"orgId":1,"customerId":"7"}', id="customer-is-no-number"),
        pytest.param(b'{"orgId":1,"customerId":0}', id="customer-below-one"),
        pytest.param(b'{"orgId":1,"customerId":9007199254740993}', id="customer-beyond-what-is-taken"),
        pytest.param(b'{"a":' + b"[" * 100_000, id="too-deep"),
    ],
)
def test_nobody_is_answered_where_no_customer_can_be_named(value: bytes) -> None:
    assert addressed(value, ORIGIN) is None


def test_id_is_read_without_a_customer() -> None:
    assert (record_id_in(b'{"id":"r1"}', ORIGIN), record_id_in(b"{", ORIGIN)) == ("r1", ORIGIN)


def test_reply_says_why_and_has_the_id_of_the_place() -> None:
    about = Addressed(org_id=1, customer_id=7, record_id="r1", type="redeemPoints")

    reply = reply_to_rejected(about, ORIGIN, "INVALID_FIELDS", "points is missing; add it", 1_000)

    assert (reply.outcome, reply.reason, reply.request_id) == (ReplyOutcome.REJECTED, "INVALID_FIELDS", ORIGIN)
    assert (reply.message, reply.at, reply.seq) == (
        "Rejected: points is missing; add it.",
        "1970-01-01T00:00:01.000Z",
        0,
    )
    assert reply == reply_to_rejected(about, ORIGIN, "INVALID_FIELDS", "points is missing; add it", 1_000)
    assert reply.reply_id != reply_to_rejected(about, f"{ORIGIN}0", "INVALID_FIELDS", "", 1_000).reply_id


@pytest.mark.parametrize(
    ("defects", "words"),
    [
        pytest.param((Defect("a", "is 1", "write 2"),), "a is 1; write 2", id="one"),
        pytest.param((Defect("", "is odd", "mend it"),), "is odd; mend it", id="of-the-whole"),
        pytest.param((Defect("a", "is 1", "write 2"),) * 3, "a is 1; write 2 (and 2 more)", id="three"),
    ],
)
def test_first_defect_is_told_in_words_and_the_others_are_counted(defects: tuple[Defect, ...], words: str) -> None:
    assert in_words(defects) == words
