"""Capillary's events, from the samples that its page prints, with what the page broke (S4 l.136, l.213)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.intake.org_settings import known
from pipeline.intake.verdict import Accepted
from schemas.records import CustomEventReceived, TransactionAdded, TransactionUpdated
from schemas.settings import Org
from tests.intake.dialects import vendors
from tests.intake.dialects.vendors import rejected

ADDED: dict[str, Any] = json.loads(
    """{
"eventId": "7a2716a8-9cc7-4beb-999a-a8f02ad9f02d",
"eventType": "transactionAdded",
"consumerGroupId": null,
"actionType": "STA RT",
"timeStamp": 1683874800103,
"attributes": {
"createdAt": 1683874800089,
"data": {
"amount": 89000.0,
"billNumber": "2_134577_12591538_487122",
"enteredAt": 1683880160000,
"transactionId": 65658570,
"billType": "REGULAR",
"lineItemCount": 1,
"discount": 0.0,
"currencyCode": "IDR",
"enteredBy": {
"id": 200280487,
"till": {
"code": "prod.shell.id.12591538.1",
"name ": "prod.shell.id.12591538.1"
},
"store": {
"code": "prod.shell.id.12591538",
"name": "SHELL JABABEKA-1 BKS",
"externalId": "12591538",
"externalId1": "",
"externalId2": ""
}
},
"customerIdentifiers": {
"customerId": 3122204,
"loyaltyType": "loyalty",
"instore": {
"mobile": "6285692704128"
},
"web_engage": {
"accounts": [
{
"accountId": "~1341059d8",
"identifiers ": [
{
"identifierType": "cuid",
"identifierValue": "6285692704128"
},
{
"identifierType": "mobile",
"identifierValue": "6285692704128"
}
]
}
]
}
}
},
"eventName": "transactionAdded",
"refId": "151195_65658570",
"apiRequestId": "e0c09ab511e9f942526944012967b5c4",
"orgId": 151195
}
}"""
)
UPDATED: dict[str, Any] = json.loads(
    """{
"eventId": "b9383037-89ce-43a9-9db1-99c5ac96e2b9",
"eventType": "transactionUpdated",
"consumerGroupId": null,
"actionType": "START",
"timeStamp": 1683874807284,
"attributes": {
"createdAt": 1683874807271,
"data": {
"amount": 50.0,
"enteredAt": 1683883802000,
"transactionId": 65658586,
"deliveryStatus": "DELIV ERED",
"billType": "REGULAR",
"discount": 0.0,
"grossAmount": 0.0,
"enteredBy": {
"id": 200315709
},
"customerIdentifiers": {
"customerId": 6675787,
"instore": {
"mobile": "609110544825 ",
"externalId": "6018840184080212"
}
}
},
"eventName": "transactionUpdated",
"refId": "151229_65658586",
"apiRequestId": "0cb47446178e9fa4d66b985087a0f6f5",
"orgId": 151229
}
}"""
)
JAKARTA = Org(org_id=151195, name="Shell", zone="Asia/Jakarta", currency="IDR", country="ID")
SINGAPORE = Org(org_id=151229, name="Mall", zone="Asia/Singapore", currency="MYR", country="MY")


@pytest.fixture(autouse=True)
def _orgs(monkeypatch: pytest.MonkeyPatch) -> None:
    for org in (JAKARTA, SINGAPORE):
        monkeypatch.setitem(vendors.ORGS, org.org_id, known(org))


def record(body: object) -> Any:
    accepted = vendors.verdict("capillary", body, org="")
    assert isinstance(accepted, Accepted), accepted
    return accepted.record


def added(**data: Any) -> dict[str, Any]:
    inside = ADDED["attributes"]
    return ADDED | {"attributes": inside | {"data": inside["data"] | data}}


def test_the_printed_bill_is_one_of_its_customer() -> None:
    bill = record(ADDED)

    assert isinstance(bill, TransactionAdded)
    assert (bill.org_id, bill.customer_id, bill.id) == (151195, 3122204, ADDED["eventId"])
    assert (bill.bill_number, bill.amount_minor, bill.currency) == ("65658570", 8_900_000, "IDR")
    assert (bill.store, bill.till) == ("prod.shell.id.12591538", "prod.shell.id.12591538.1")


def test_the_clock_of_the_store_is_read_as_such() -> None:
    # 13:59:20 on the store's clock, encoded as if in India: 06:59:20 UTC, 40 s before it was stored.
    assert record(ADDED).event_time == 1_683_880_160_000 - 5_400_000 == ADDED["attributes"]["createdAt"] - 40_089


def test_what_would_be_in_the_future_happened_when_it_was_stored() -> None:
    assert record(added(enteredAt=4_000_000_000_000)).event_time == ADDED["attributes"]["createdAt"]
    assert record(added(enteredAt=None)).event_time == ADDED["attributes"]["createdAt"]


def test_the_printed_update_is_healed() -> None:
    update = record(UPDATED)

    assert isinstance(update, TransactionUpdated)
    assert (update.bill_number, update.amount_minor, update.delivery_status) == ("65658586", 5_000, "DELIVERED")


def test_the_flat_envelope_says_the_same() -> None:
    inside = ADDED["attributes"]
    flat = {name: inside[name] for name in ("eventName", "orgId", "refId", "createdAt", "data")}
    assert record(flat | {"eventId": ADDED["eventId"]}) == record(ADDED)


def test_any_other_name_is_a_behavioural_event() -> None:
    body = {
        "eventName": "review_written",
        "orgId": 151195,
        "createdAt": 1683874800089,
        "data": {
            "product": "S",
            "stars": 5,
            "eventDateTime": "2023-05-12T13:00:00",
            "customerIdentifiers": {"customerId": 7, "Instore": {"mobile": "1"}},
        },
    }
    event = record(body)
    assert isinstance(event, CustomEventReceived)
    assert (event.customer_id, event.event_name) == (7, "review_written")
    assert event.attributes == {"product": "S", "stars": 5}
    assert event.event_time == 1_683_871_200_000


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (
            added(billType="RETURN"),
            "attributes.data.billType is RETURN; write REGULAR; a return names no bill in this event",
        ),
        (
            added(amount="much"),
            'attributes.data.amount is "much"; write an amount from 0 with at most 2 decimals (IDR)',
        ),
        (added(amount=None), "attributes.data.amount is missing; add the net amount"),
        (added(transactionId=""), "attributes.data.transactionId is empty; add the id of the transaction"),
        (added(currencyCode="RUPIAH"), 'attributes.data.currencyCode is "RUPIAH"; write an ISO 4217 code such as GBP'),
        (
            added(customerIdentifiers={}),
            "names no customer; add a customer id, or one of mobile, email, externalId, cardNumber",
        ),
    ],
)
def test_every_defect_has_the_vendors_path(body: dict[str, Any], found: str) -> None:
    reason, defects = rejected("capillary", body, org="")
    assert (reason, defects[0]) == ("INVALID_FIELDS", found)


def test_a_notification_of_ours_does_not_come_back() -> None:
    body = ADDED | {"attributes": ADDED["attributes"] | {"seq": 4}}
    assert rejected("capillary", body, org="")[1][0].startswith("seq is one of Accrue's own notifications")
