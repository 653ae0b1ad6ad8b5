"""What a customer can be reached by stands where the vendor's samples have it, as it was known at the fact."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from pipeline.notify.render import RENDERER
from schemas.facts import CustomerChanged, CustomerRegistered, Group
from schemas.notifications import EventName
from schemas.records import Profile
from tests.notify.cases import (
    BILL,
    CASES,
    CHANGE,
    CUSTOMER,
    EXPIRED,
    ISSUED,
    NOBODY,
    PERSON,
    PROGRAM,
    REGISTRATION,
    context,
    of_customer,
    view,
    with_decision,
    with_envelope,
)
from tests.notify.seed_samples import UNPUBLISHED, normalised, published, shape_of

KNOWN = {"mobile": "447700900123", "email": "ada@example.org", "externalId": "X-1"}
PROFILED = {EventName.CUSTOMER_ADDED, EventName.CUSTOMER_UPDATED}
"""Events that bring a profile of their own."""


def has_contact(event: EventName) -> bool:
    if event in UNPUBLISHED:
        return False
    return any(path.endswith("data.customerIdentifiers.instore") for path in shape_of(normalised(published(event))))


REACHED = [event for event in EventName if has_contact(event)]


def identifiers_of(body: bytes) -> dict[str, Any]:
    document = msgspec.json.decode(body)
    data = document.get("attributes", document)["data"]
    told: dict[str, Any] = data.get("customerIdentifiers") or data["survivorCustomerIdentifiers"]
    return told


def told(event: EventName, known: Profile = PERSON, **notifications: object) -> bytes:
    case = CASES[event]
    notification = RENDERER.render(case.fact, context(case.record, view(notifications=notifications), profile=known))
    assert notification is not None
    return notification.body


@pytest.mark.parametrize("layout", ["flat", "wrapped", "as-published"])
@pytest.mark.parametrize("event", EventName)
def test_contact_data_stands_in_the_events_whose_sample_has_it(event: EventName, layout: str) -> None:
    instore = identifiers_of(told(event, profile=layout)).get("instore")
    assert instore == (KNOWN if event in REACHED else None)


@pytest.mark.parametrize("event", REACHED)
def test_contact_data_is_left_out_if_the_program_says_so(event: EventName) -> None:
    body = told(event, identifiers=False)
    assert [secret for secret in KNOWN.values() if secret.encode() in body] == []


@pytest.mark.parametrize("event", [event for event in REACHED if event not in PROFILED])
def test_a_customer_without_contact_data_is_named_by_the_number_alone(event: EventName) -> None:
    assert identifiers_of(told(event, NOBODY)).keys() <= {"customerId", "loyaltyType"}


def test_only_what_is_known_is_told() -> None:
    body = told(EventName.POINTS_ISSUED, Profile(email="ada@example.org"))
    assert identifiers_of(body) == {"customerId": CUSTOMER, "instore": {"email": "ada@example.org"}}


@pytest.mark.parametrize(("loyalty_type", "expected"), [("", "loyalty"), ("NON_LOYALTY", "non_loyalty")])
def test_a_bill_says_what_kind_of_member_paid_it(loyalty_type: str, expected: str) -> None:
    body = told(EventName.TRANSACTION_ADDED, Profile(loyalty_type=loyalty_type))
    assert identifiers_of(body) == {"customerId": CUSTOMER, "loyaltyType": expected}


@pytest.mark.parametrize(
    ("record", "change", "before"),
    [
        (REGISTRATION, CustomerRegistered(profile=PERSON), NOBODY),
        (CHANGE, CustomerChanged(profile=PERSON, updated_fields=("mobile",)), Profile(mobile="old", email="old")),
    ],
    ids=["registered", "changed"],
)
@pytest.mark.parametrize("off", [(), ("customerAdded", "customerUpdated")], ids=["told", "not told"])
def test_points_before_a_change_have_what_was_known_before_it_and_points_after_it_what_it_says(
    record: Any, change: Any, before: Profile, off: tuple[str, ...]
) -> None:
    groups = [
        Group(envelope=EXPIRED.envelope, decisions=(EXPIRED.decision,)),
        Group(envelope=of_customer(f"{type(record).__name__}:{record.id}"), decisions=(change,)),
        Group(envelope=ISSUED.envelope, decisions=(ISSUED.decision,)),
    ]
    all_told = RENDERER.render_all(groups, 1, context(record, view(notifications={"off": off}), profile=before))
    earlier, *_, later = [identifiers_of(one.body).get("instore") for one in all_told]
    known_before = {"mobile": before.mobile, "email": before.email} if before.mobile else None
    assert (earlier, later) == (known_before, KNOWN)


def test_each_program_says_for_itself_whether_contact_data_is_told() -> None:
    open_, closed = view(), view(program_id=8, notifications={"identifiers": False})
    around = context(BILL, open_, closed, profile=PERSON)
    bodies = [RENDERER.render(with_envelope(ISSUED, program_id=number), around) for number in (PROGRAM, 8)]
    assert [identifiers_of(one.body).get("instore") for one in bodies if one is not None] == [KNOWN, None]


def test_what_is_known_of_the_other_customer_of_a_transfer_stays_with_that_customer() -> None:
    fact = with_decision(CASES[EventName.POINTS_TRANSFERRED_INITIATED].fact, receiver_id=43)
    notification = RENDERER.render(fact, context(CASES[EventName.POINTS_TRANSFERRED_INITIATED].record, profile=PERSON))
    assert notification is not None
    data = msgspec.json.decode(notification.body)["data"]
    assert data["transferReceivingCustomerIdentifiers"] == {"customerId": 43}


@pytest.mark.parametrize("event", REACHED)
def test_accounts_stand_beside_the_contact_data(event: EventName) -> None:
    identifiers = identifiers_of(told(event))
    assert identifiers["web_engage"] == {
        "accounts": [
            {
                "accountId": "~1341059d8",
                "identifiers": [
                    {"identifierType": "cuid", "identifierValue": "447700900123"},
                    {"identifierType": "mobile", "identifierValue": "447700900123"},
                ],
            }
        ]
    }
    assert [one["accountId"] for one in identifiers["wechat"]["accounts"]] == ["HDHSDHS32347287D"]


def test_customer_known_by_an_account_alone_is_told_with_it() -> None:
    known = Profile(extended={"wechat/A/wechatId": "w", "wechat/A": "no type", "line/A/lineId": "other", "milk": "oat"})
    identifiers = identifiers_of(told(EventName.POINTS_ISSUED, known))
    account = {"accountId": "A", "identifiers": [{"identifierType": "wechatId", "identifierValue": "w"}]}
    assert identifiers == {"customerId": CUSTOMER, "wechat": {"accounts": [account]}}
