"""Capillary's events, from the samples that its page prints, with what the page broke (S4 l.136, l.213)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.intake.org_settings import known
from pipeline.intake.verdict import Accepted
from schemas.records import (
    CustomerAdded,
    CustomerUpdated,
    CustomEventReceived,
    KnownBy,
    Profile,
    ResolveCustomer,
    TransactionAdded,
    TransactionReturned,
    TransactionUpdated,
)
from schemas.settings import Store
from tests.intake.dialects import vendors
from tests.intake.dialects.golden import ORGS, SAMPLES, accepted, path_of, told
from tests.notify.seed_samples import published

ADDED: dict[str, Any] = json.loads(published("transactionAdded"))
UPDATED: dict[str, Any] = json.loads(published("transactionUpdated"))
WECHAT = {
    "accounts": [
        {"accountId": "A1", "identifiers": [{"identifierType": "wechatId", "identifierValue": "w1"}]},
        {"accountId": "A/2", "identifiers": [{"identifierType": "wechatId", "identifierValue": "w2"}]},
    ]
}
"""S4 l.561, with other ids."""


def rejected(body: object) -> tuple[str, list[str]]:
    return vendors.rejected("capillary", body, org="", orgs=ORGS)


def record(body: object) -> Any:
    return accepted(body).record


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


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_published_sample_is_taken_as_it_is_printed(sample: str) -> None:
    assert told(sample) == path_of(sample).read_text()


def test_a_customer_is_known_by_accounts_from_then_on() -> None:
    body = json.loads(
        published("customerAdded").replace(
            '"customerIdentifiers": {', f'"customerIdentifiers": {{"wechat": {json.dumps(WECHAT)},'
        )
    )
    verdict = accepted(body)

    assert isinstance(verdict.record, CustomerAdded)
    assert verdict.record.profile.extended == {"wechat/A1/wechatId": "w1", "wechat/A/2/wechatId": "w2"}
    assert verdict.links is not None
    assert [one.kind for one in verdict.links.identifiers] == ["mobile", "externalId", "wechat"]


def test_a_card_is_the_customers_from_then_on() -> None:
    body = json.loads(published("customerAdded").replace('"externalId": "226682932023"', '"card_number": "4000 1"'))
    links = accepted(body).links
    assert links is not None
    assert [one.kind for one in links.identifiers] == ["mobile", "cardNumber"]


def test_an_update_changes_what_it_says() -> None:
    updated = record(json.loads(published("customerUpdated")))
    assert isinstance(updated, CustomerUpdated)
    assert updated.profile == Profile(
        first_name="VEERAISH",
        last_name="PATAL",
        mobile="918395082082",
        external_id="AE-22009739375",
        loyalty_type="LOYALTY",
        channel="instore",
    )
    assert (updated.store, updated.till, updated.entered_by) == (
        "vh.up.budaun.104458",
        "vh.up.budaun.104458.1",
        "200325652",
    )


def test_a_bill_without_a_customer_id_is_of_whom_store_and_accounts_name() -> None:
    identifiers = {**ADDED["attributes"]["data"]["customerIdentifiers"], "customerId": None, "wechat": WECHAT}
    resolve = accepted(added(customerIdentifiers=identifiers)).record
    assert isinstance(resolve, ResolveCustomer)
    assert [one.kind for one in resolve.identifiers] == ["mobile", "cuid", "wechat"]
    alone = accepted(added(customerIdentifiers={"wechat": {"accounts": WECHAT["accounts"][:1]}})).record
    assert isinstance(alone, ResolveCustomer)
    assert alone.identifiers == (KnownBy(kind="wechat", digest=resolve.identifiers[2].digest),)


def test_a_return_names_what_came_back() -> None:
    returned = record(added(billType="RE TURN", transactionId=65658571, returnedBillNumber=65658570, amount=4500))
    assert isinstance(returned, TransactionReturned)
    assert (returned.bill_number, returned.of_bill, returned.amount_minor) == ("65658571", "65658570", 450_000)
    assert (returned.store, returned.till) == ("prod.shell.id.12591538", "prod.shell.id.12591538.1")
    assert returned.entered_by == "200280487"


def test_the_return_that_the_readme_shows_is_taken() -> None:
    readme = Path("README.md").read_text("utf-8")
    body = readme[readme.index('{"eventName": "transactionAdded", "eventId": "r-1"') :].partition("```")[0]
    verdict = vendors.verdict("capillary", body.encode(), org="")
    assert isinstance(verdict, Accepted)
    assert isinstance(verdict.record, TransactionReturned)


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
    flat |= {"eventId": ADDED["eventId"]}
    assert record(flat) == record(ADDED)
    assert record({"event": {"body": flat, "method": "POST", "path": "/"}}) == record(ADDED)


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
            "attributes.data.returnedBillNumber is missing; add the transactionId of what came back",
        ),
        ({"event": {"body": "{}"}, "orgId": 151195}, "eventName is missing; add the name of the event"),
        ({"event": "app_login", "orgId": 151195}, "eventName is missing; add the name of the event"),
        (added(billType="NOT_INTERESTED"), "attributes.data.billType is NOT_INTERESTED; write REGULAR or RETURN"),
        (
            added(customerIdentifiers={"wechat": {"accounts": [{"identifiers": []}]}}),
            "attributes.data.customerIdentifiers.wechat.accounts[0].accountId is missing; add the id of the account",
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
            "names no customer; add a customer id, or one of mobile, email, externalId, cuid, wechat",
        ),
    ],
)
def test_every_defect_has_the_vendors_path(body: dict[str, Any], found: str) -> None:
    reason, defects = rejected(body)
    assert (reason, defects[0]) == ("INVALID_FIELDS", found)


def test_a_notification_of_ours_does_not_come_back() -> None:
    body = ADDED | {"attributes": ADDED["attributes"] | {"seq": 4}}
    assert rejected(body)[1][0].startswith("seq is one of Accrue's own notifications")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param({"enteredAt": "--5"}, id="two signs"),
        pytest.param({"enteredAt": "\u0663"}, id="digits of another script"),
        pytest.param({"eventDateTime": "9" * 5_000}, id="more digits than are read"),
    ],
)
def test_a_time_that_nobody_can_read_is_a_dead_letter(data: dict[str, Any]) -> None:
    reason, defects = rejected(added(**data))
    assert (reason, len(defects)) == ("INVALID_FIELDS", 1)


def test_a_clock_that_shows_the_end_of_time_gives_way_to_the_time_of_storing() -> None:
    assert record(added(enteredAt=253_402_300_799_999)).event_time == ADDED["attributes"]["createdAt"]


def at_store(body: dict[str, Any], **parts: str) -> Any:
    """The record of a message in its org, which has the store of the printed bill."""
    org_id = body["attributes"]["orgId"]
    store = Store(code="prod.shell.id.12591538", **parts)
    org = known(ORGS[org_id].org.model_copy(update={"stores": (store,)}))
    return vendors.record("capillary", body, org="", orgs={org_id: org})


@pytest.mark.parametrize(("parts", "hours"), [({"zone": "Asia/Makassar"}, -1), ({}, 0)])
def test_the_clock_is_that_of_the_store_that_the_event_names(parts: dict[str, str], hours: int) -> None:
    assert at_store(ADDED, **parts).event_time - record(ADDED).event_time == hours * 3_600_000


def updated(**data: Any) -> dict[str, Any]:
    inside = UPDATED["attributes"]
    return UPDATED | {"attributes": inside | {"data": inside["data"] | data}}


def test_an_update_is_in_the_currency_that_it_or_else_its_store_names() -> None:
    by = {"store": {"code": "prod.shell.id.12591538"}}
    assert record(updated(amount=500)).amount_minor == 50_000
    assert record(updated(amount=500, currencyCode="J PY")).amount_minor == 500
    assert at_store(updated(amount=500, enteredBy=by), currency="JPY").amount_minor == 500
    assert at_store(updated(amount=500, enteredBy=by)).amount_minor == 50_000


@pytest.mark.parametrize(
    "named", ["2023-05-12T08:00:00+02:00", "2023-05-12T13:00:00", 1_683_871_200_000, "1683871200000"]
)
def test_a_time_of_its_own_is_an_instant_or_in_the_zone_of_its_store(named: object) -> None:
    assert record(added(eventDateTime=named)).event_time == 1_683_871_200_000
