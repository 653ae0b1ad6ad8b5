"""Open Loyalty's events (S0) and transactions (S2 l.8620), from the bodies that its documents print."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from pipeline.intake.dialects.vendor_ids import uuid_of
from pipeline.intake.verdict import Accepted
from schemas.records import (
    CustomerAdded,
    CustomerUpdated,
    CustomEventReceived,
    Label,
    Line,
    LineWords,
    Profile,
    ResolveCustomer,
    TransactionAdded,
    TransactionReturned,
    Words,
    decode_record,
)
from tests.intake.dialects.vendors import record, rejected, verdict
from tests.intake.incoming import WALL

EVENT: dict[str, Any] = json.loads(
    """{
      "event": {
        "type": "app_login",
        "eventDate": "2024-05-01T00:00:00",
        "customerData": {
          "email": "[email protected]"
        }
      }
    }"""
)
SALE: dict[str, Any] = {
    "transaction": {
        "items": [
            {
                "sku": {"code": "test0101"},
                "name": "Product name",
                "quantity": "1",
                "grossValue": "1500.00",
                "category": "Category Name",
                "maker": "Marker name",
                "labels": [{"key": "Label key", "value": "Label value"}],
            }
        ],
        "customerData": {
            "name": "Firstname Lastname",
            "email": "tomasztest8@wp.pl",
            "phone": "00000000000000",
            "loyaltyCardNumber": "11111111111",
            "nip": "00000000000000",
            "address": {
                "street": "Street name",
                "address1": "123",
                "postal": "00-000",
                "city": "Wroclaw",
                "country": "PL",
            },
        },
        "transactionData": {
            "documentNumber": "214124124125",
            "purchaseDate": "2019-02-20 09:28",
            "documentType": "sell",
        },
    }
}


def by_id(body: dict[str, Any]) -> dict[str, Any]:
    """The printed body, of a customer with an id of ours."""
    (kind,) = body
    return {kind: body[kind] | {"customerData": body[kind]["customerData"] | {"customerId": 4711}}}


def sale(data: dict[str, Any] | None = None, item: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    body = by_id(SALE)["transaction"]
    body |= {"transactionData": body["transactionData"] | (data or {}), "items": [body["items"][0] | (item or {})]}
    return {"transaction": body | changes}


def at(*moment: int) -> int:
    return int(datetime(*moment, tzinfo=UTC).timestamp() * 1000)  # type: ignore[misc, arg-type]


def test_the_printed_event_happened_on_the_stores_clock() -> None:
    event = record("openloyalty", by_id(EVENT), store="DEFAULT")

    assert isinstance(event, CustomEventReceived)
    assert (event.customer_id, event.event_name, event.event_time) == (4711, "app_login", at(2024, 4, 30, 22))
    assert record("openloyalty", by_id(EVENT)).event_time == at(2024, 4, 30, 23), "the org's clock"


@pytest.mark.parametrize(
    ("written", "instant"),
    [("2024-05-01T00:00:00Z", at(2024, 5, 1)), ("2024-05-01 00:00:00-05:00", at(2024, 5, 1, 5)), (None, WALL - 5)],
)
def test_a_time_with_an_offset_is_no_local_time_and_none_is_when_it_was_sent(written: str | None, instant: int) -> None:
    body = by_id(EVENT)
    body["event"]["eventDate"] = written
    assert record("openloyalty", body, store="DEFAULT").event_time == instant


def test_the_attributes_of_an_event_are_its_body() -> None:
    body = by_id(EVENT)
    body["event"]["body"] = {"screen": "home", "seconds": 3}
    assert record("openloyalty", body).attributes == {"screen": "home", "seconds": 3}


def test_the_printed_sale_is_a_bill_of_the_store() -> None:
    bill = record("openloyalty", by_id(SALE), store="DEFAULT")

    assert isinstance(bill, TransactionAdded)
    assert (bill.id, bill.bill_number) == ("DEFAULT/sell/214124124125", "214124124125")
    assert (bill.amount_minor, bill.currency, bill.store) == (150_000, "PLN", "DEFAULT")
    label = Label("Label key", "Label value")
    assert bill.words == Words(lines=(LineWords("Product name", "Marker name", (label,)),))
    assert bill.event_time == at(2019, 2, 20, 8, 28)
    assert bill.lines == (Line("test0101", 150_000, 1, "Category Name"),)


def test_a_return_names_its_sale() -> None:
    body = sale({"documentType": "return", "documentNumber": "R1"}, revisedDocument="214124124125")
    returned = record("openloyalty", body, store="DEFAULT")

    assert isinstance(returned, TransactionReturned)
    assert (returned.id, returned.bill_number, returned.of_bill) == ("DEFAULT/return/R1", "R1", "214124124125")


def test_the_printed_customer_is_looked_for_by_what_identifies_somebody() -> None:
    resolve = record("openloyalty", SALE)

    assert isinstance(resolve, ResolveCustomer)
    assert (resolve.org_id, resolve.customer_id) == (100, 0)
    assert [one.kind for one in resolve.identifiers] == ["email", "cardNumber"], "a phone number of zeros names nobody"
    bill = decode_record(resolve.record)
    assert isinstance(bill, TransactionAdded)
    assert (bill.customer_id, bill.bill_number) == (0, "214124124125")


def by_email(address: str) -> dict[str, Any]:
    return {"event": EVENT["event"] | {"customerData": {"email": address}}}


def test_an_event_by_e_mail_is_looked_for() -> None:
    assert isinstance(record("openloyalty", by_email("jo@example.com")), ResolveCustomer)
    reason, defects = rejected("openloyalty", by_email("nobody"))
    assert reason == "IDENTIFIER_UNKNOWN"
    assert defects[0].startswith("event.customerData name a customer by email, which identifies nobody")


@pytest.mark.parametrize(
    ("body", "defect"),
    [
        ({}, "has neither `event` nor `transaction` nor `customer`; wrap the body in one of them"),
        ({"event": 5}, "event is 5; write an object"),
        (sale({"documentType": "rent"}), "transaction.transactionData.documentType is 'rent'; write sell or return"),
        (sale({"documentType": ""}), "transaction.transactionData.documentType is empty; add sell or return"),
        (
            sale({"documentNumber": None}),
            "transaction.transactionData.documentNumber is missing; add the number of the document",
        ),
        (sale({"documentType": "return"}), "transaction.revisedDocument is missing; add the number of the sale"),
        (sale(items=[]), "transaction.items holds no item; add at least one item with its grossValue"),
        (sale(items=5), "transaction.items is 5; write a list of objects"),
        (sale(item={"sku": None}), "transaction.items[0].sku is missing; add an object with code"),
        (
            sale(item={"sku": {"code": "s" * 65}}),
            f'transaction.items[0].sku.code is "{"s" * 59}… (67 characters); write a string of 1 to 64 characters',
        ),
        (
            sale(item={"grossValue": "12.345"}),
            'transaction.items[0].grossValue is "12.345"; write an amount from 0 with at most 2 decimals (GBP)',
        ),
        (
            sale(item={"grossValue": "-1"}),
            'transaction.items[0].grossValue is "-1"; write an amount from 0 with at most 2 decimals (GBP)',
        ),
        (sale(item={"quantity": "many"}), 'transaction.items[0].quantity is "many"; write a whole number'),
        (
            sale({"purchaseDate": "yesterday"}),
            (
                "transaction.transactionData.purchaseDate is 'yesterday', without a time of day; "
                "write a time such as 2011-03-09T14:30:00+01:00"
            ),
        ),
    ],
)
def test_every_defect_has_the_vendors_path(body: dict[str, Any], defect: str) -> None:
    reason, found = rejected("openloyalty", body)
    assert reason == "INVALID_FIELDS"
    assert found[0] == defect


REGISTRATION: dict[str, Any] = {
    "customer": {
        "firstName": "John",
        "lastName": "Kowalski",
        "email": "john3@example.com",
        "phone": "000000004000",
        "birthDate": "1990-01-01",
        "createdAt": "2017-01-01 14:15:16",
        "address": {"street": "Street", "postal": "00-000"},
        "company": {"nip": "111-222-33-44", "name": "Company name"},
        "loyaltyCardNumber": "00000000000000002",
        "agreement1": "1",
    }
}


def registered(**fields: Any) -> dict[str, Any]:
    return {"customer": REGISTRATION["customer"] | fields}


def test_the_printed_registration_is_a_profile_and_says_who_has_the_card() -> None:
    accepted = verdict("openloyalty", registered(customerId="4711"))

    assert isinstance(accepted, Accepted)
    added = accepted.record
    assert isinstance(added, CustomerAdded)
    assert (added.customer_id, added.event_time) == (4711, WALL - 5), "not createdAt, which is long ago"
    assert added.profile == Profile(
        first_name="John",
        last_name="Kowalski",
        mobile="000000004000",
        email="john3@example.com",
        extended={
            "birthDate": "1990-01-01",
            "createdAt": "2017-01-01 14:15:16",
            "loyaltyCardNumber": "00000000000000002",
            "agreement1": "1",
            "address.street": "Street",
            "address.postal": "00-000",
            "company.name": "Company name",
            "company.nip": "111-222-33-44",
        },
    )
    assert accepted.links is not None
    assert [one.kind for one in accepted.links.identifiers] == ["email", "cardNumber"]


@pytest.mark.parametrize(("sent", "kept"), [(True, "1"), (False, "0"), (1, "1"), ("0", "0")])
def test_an_agreement_may_be_true_or_false(sent: object, kept: str) -> None:
    added = record("openloyalty", registered(agreement1=sent, customerId="4711"))
    updated = record("openloyalty", {"customerId": 4711, "customer": {"agreement2": sent}})
    assert (added.profile.extended["agreement1"], updated.profile.extended) == (kept, {"agreement2": kept})


def test_a_registration_by_identifiers_is_looked_for() -> None:
    resolve = record("openloyalty", REGISTRATION)
    assert isinstance(resolve, ResolveCustomer)
    assert [one.kind for one in resolve.identifiers] == ["email", "cardNumber"]


@pytest.mark.parametrize("customer", [4711, "4711", uuid_of(4711)])
def test_an_update_clears_what_is_empty_and_the_rest_of_what_is_given_as_a_whole(customer: object) -> None:
    body = {"customerId": customer, "customer": {"phone": "", "labels": "", "address": {"city": "York"}}}
    updated = record("openloyalty", body)

    assert isinstance(updated, CustomerUpdated)
    assert (updated.customer_id, updated.profile) == (4711, Profile(extended={"address.city": "York"}))
    assert sorted(updated.clear) == [
        *(f"extended.address.{name}" for name in ("address1", "address2", "country", "postal", "province", "street")),
        "extended.labels",
        "mobile",
    ]


@pytest.mark.parametrize(
    ("fields", "defect"),
    [
        ({"firstName": ""}, "customer.firstName is empty; add the customer's firstName"),
        ({"email": None}, "customer.email is missing; add the customer's email"),
        (
            {"phone": "+440000000"},
            "customer.phone is not a valid phone number; write it with its country code, such as +48234234000",
        ),
        (
            {"phone": " 440000000"},
            "customer.phone is not a valid phone number; write it with its country code, such as +48234234000",
        ),
        ({"gender": "x"}, "customer.gender is 'x'; write one of male, female, not_disclosed"),
        (
            {"birthDate": "1990-13-01"},
            "customer.birthDate is '1990-13-01', which no calendar has; write a date such as 2027-03-31",
        ),
        ({"agreement1": "yes"}, "customer.agreement1 is 'yes'; write 1 for yes, 0 for no"),
        ({"address": "x"}, 'customer.address is "x"; write an object'),
    ],
)
def test_a_registration_with_a_mistake_is_told_by_its_field(fields: dict[str, Any], defect: str) -> None:
    reason, found = rejected("openloyalty", registered(**fields))
    assert (reason, found) == ("INVALID_FIELDS", [defect])


def test_a_plus_that_a_form_made_a_space_is_one() -> None:
    added = record("openloyalty", registered(phone=" 48234234000", customerId="4711"))
    assert added.profile.mobile == "+48234234000"
    body = sale({"purchaseDate": "2019-02-20T09:28:00 0100"})
    assert record("openloyalty", body).event_time == at(2019, 2, 20, 8, 28)


def test_labels_are_kept_and_told_at_their_place_where_they_are_none() -> None:
    bill = record("openloyalty", sale(labels=[{"key": "scan_id", "value": "123"}]))
    assert isinstance(bill, TransactionAdded)
    assert bill.words is not None
    assert bill.words.labels == (Label("scan_id", "123"),)

    _, odd = rejected("openloyalty", sale(item={"labels": [{"value": "x"}]}, labels="x"))
    assert {one.partition(" ")[0] for one in odd} == {"transaction.items[0].labels[0].key", "transaction.labels"}
    _, (long,) = rejected("openloyalty", sale(item={"name": "x" * 201}))
    assert long.startswith("transaction.items[0].name ")
