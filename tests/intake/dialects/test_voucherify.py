"""Voucherify's events, from the body that its document prints (S3)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from schemas.records import CustomEventReceived
from tests.intake.dialects.vendors import record, rejected
from tests.intake.incoming import WALL

PRINTED: dict[str, Any] = json.loads(
    """{
"event": "user_subscribed",
"customer": {
"source_id": "source_customer_event"
},
"referral": {
"code": "46jL0kYI",
"referrer_id": "cust_Vzck5i8U3OhcEUFY6MKhN9Rv"
},
"metadata": {
"login": "bob",
"pricing_plan": "PP1",
"volume_number": 4
}
}"""
)
OURS = PRINTED | {"customer": {"id": 4711}}


def test_the_printed_event_is_one_of_its_customer() -> None:
    event = record("voucherify", OURS)

    assert isinstance(event, CustomEventReceived)
    assert (event.org_id, event.customer_id, event.event_name, event.event_time) == (
        100,
        4711,
        "user_subscribed",
        WALL - 5,
    )
    assert event.attributes == {
        "login": "bob",
        "pricing_plan": "PP1",
        "volume_number": 4,
        "referral_code": "46jL0kYI",
        "referral_referrer_id": "cust_Vzck5i8U3OhcEUFY6MKhN9Rv",
    }


def test_the_printed_customer_is_known_by_an_identifier_alone() -> None:
    assert rejected("voucherify", PRINTED) == (
        "IDENTIFIER_UNKNOWN",
        [
            (
                "customer name a customer by sourceId, which identifies nobody; send a valid one of "
                "mobile, email, externalId, cardNumber"
            )
        ],
    )


def test_metadata_keep_their_digits_and_nested_values() -> None:
    body = OURS | {
        "referral": None,
        "loyalty": {"code": "C1"},
        "metadata": {"a": 1.10, "b": None, "c": [1, {"d": 2}], "e": True},
    }
    assert record("voucherify", body).attributes == {"a": "1.1", "c": '[1, {"d": 2}]', "e": True, "loyalty_code": "C1"}


@pytest.mark.parametrize(
    ("changes", "defects"),
    [
        ({"event": ""}, ["event is empty; add the event name"]),
        ({"event": "n" * 301}, [f'event is "{"n" * 59}… (303 characters); write a string of 1 to 300 characters']),
        ({"event": None}, ["event is missing; add the event name"]),
        ({"customer": None}, ["customer is missing; add an object with id or source_id"]),
        ({"customer": {}}, ["names no customer; add a customer id, or one of mobile, email, externalId, cardNumber"]),
        ({"customer": "cust"}, ['customer is "cust"; write an object with id or source_id']),
        ({"metadata": [1]}, ["metadata is [1]; write an object"]),
        ({"metadata": {"m": ["x" * 1_000]}}, ["metadata.m has 1004 characters; write at most 1000"]),
        ({"orgs": 1}, ["orgs is not a known field; remove it; known are customer, event, loyalty, metadata, referral"]),
        (
            {"seq": 5},
            ["seq is one of Accrue's own notifications, as `seq` shows; send what happened, not what Accrue told"],
        ),
    ],
)
def test_every_defect_has_the_vendors_path(changes: dict[str, Any], defects: list[str]) -> None:
    reason, found = rejected("voucherify", OURS | changes)
    assert reason == "INVALID_FIELDS"
    assert found[: len(defects)] == defects


def test_the_header_request_is_the_id() -> None:
    assert record("voucherify", OURS, request="key-1").id == "key-1"
    assert record("voucherify", OURS).id == "loyalty.transactions:2:7"
