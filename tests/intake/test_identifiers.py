"""Identifiers, from how they are written to what they are known by; and messages that name their customer by them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.intake.dialects.native import normalise
from pipeline.intake.identifiers import fingerprint_of, known_by, normalised
from pipeline.intake.org_settings import KnownOrg, known
from pipeline.intake.verdict import Accepted, Reason, Rejected
from schemas.records import (
    AssignTransaction,
    CustomerAdded,
    CustomEventReceived,
    KnownBy,
    LinkIdentifiers,
    ResolveCustomer,
    TransactionAdded,
    decode_record,
)
from schemas.settings import Org, Store
from tests.intake.incoming import LIMITS, ORG, WALL, Sent, example

KEY = b"a key of the tests"
SHOP = known(ORG)


def kinds(identifiers: dict[str, str], org: KnownOrg = SHOP, store: str = "") -> list[str]:
    return [one.kind for one in known_by(identifiers, org, store, KEY)]


@pytest.mark.parametrize(
    ("kind", "written", "country", "one"),
    [
        ("email", " Jo@Example.COM ", "GB", "jo@example.com"),
        ("email", "jo", "GB", ""),
        ("mobile", "07911 123456", "GB", "+447911123456"),
        ("mobile", "+44 7911-123456", "ID", "+447911123456"),
        ("mobile", "6282396092287", "ID", "+6282396092287"),
        ("mobile", "6282396092287", "GB", "+6282396092287"),
        ("mobile", "00000000000000", "PL", ""),
        ("mobile", "12345", "GB", ""),
        ("mobile", "call me", "GB", ""),
        ("cardNumber", " 4000 1234 ", "GB", "4000 1234"),
    ],
)
def test_an_identifier_has_one_spelling(kind: str, written: str, country: str, one: str) -> None:
    assert normalised(kind, written, country) == one


def test_two_spellings_are_one_identifier_and_orgs_and_keys_share_none() -> None:
    first = known_by({"email": "jo@example.com"}, SHOP, "", KEY)
    assert first == known_by({"email": " JO@example.com"}, SHOP, "", KEY)
    other = known(ORG.model_copy(update={"org_id": 7}))
    digests = {
        first[0].digest,
        known_by({"email": "jo@example.com"}, other, "", KEY)[0].digest,
        known_by({"email": "jo@example.com"}, SHOP, "", b"another key")[0].digest,
    }
    assert len(digests) == 3
    assert all(len(one) == 32 for one in digests)


def test_the_org_says_which_types_count_and_which_decides() -> None:
    named = {"email": "jo@example.com", "cardNumber": "C", "sourceId": "s"}
    assert kinds(named) == ["email", "cardNumber"]
    assert kinds(named, known(ORG.model_copy(update={"identifiers": ("sourceId", "email")}))) == ["sourceId", "email"]


def test_placeholders_name_nobody_however_they_are_written() -> None:
    org = known(ORG.model_copy(update={"placeholders": ("+44 7911 123456", "None@Example.com", "X")}))
    assert kinds({"mobile": "07911123456", "email": "none@example.com", "cardNumber": "X"}, org) == []


def test_a_number_is_read_in_the_country_of_the_store() -> None:
    org = known(ORG.model_copy(update={"stores": (Store(code="JKT", country="ID"), Store(code="OWN"))}))
    local = {"mobile": "0823 9609 2287"}
    assert known_by(local, org, "JKT", KEY) == known_by({"mobile": "+6282396092287"}, org, "", KEY)
    assert known_by(local, org, "OWN", KEY) == ()


def judged(kind: str, limits: Any = LIMITS, **changes: Any) -> Accepted | Rejected:
    message = {name: value for name, value in (example(kind) | changes).items() if value is not None}
    return normalise(Sent(json.dumps(message).encode()), wall=WALL, limits=limits)


def accepted(kind: str, **changes: Any) -> Accepted:
    verdict = judged(kind, **changes)
    assert isinstance(verdict, Accepted), verdict
    return verdict


def of(**identifiers: str) -> tuple[KnownBy, ...]:
    return known_by(identifiers, SHOP, "", KEY)


def test_a_message_by_identifiers_goes_to_the_org_with_its_record_inside() -> None:
    verdict = accepted("transactionAdded", customerId=None, identifiers={"email": "jo@example.com"})

    resolve = verdict.record
    assert isinstance(resolve, ResolveCustomer)
    assert (verdict.key, resolve.customer_id, resolve.id) == (b"100:0", 0, "loyalty.transactions:2:7")
    assert resolve.identifiers == of(email="jo@example.com")
    bill, own = decode_record(resolve.record), accepted("transactionAdded").record
    assert isinstance(bill, TransactionAdded)
    assert isinstance(own, TransactionAdded)
    assert (bill.customer_id, bill.id, bill.digest, bill.source) == (0, own.id, own.digest, own.source)


def test_an_event_by_identifiers_is_judged_by_its_definition_first() -> None:
    org = known(Org.model_validate(ORG.model_dump() | {"unknown_events": "reject"}))
    verdict = judged("customEvent", LIMITS._replace(orgs={100: org}), customerId=None, identifiers={"email": "jo@x.y"})
    assert isinstance(verdict, Rejected)
    assert verdict.reason is Reason.UNKNOWN_EVENT


def test_who_registers_has_these_identifiers_and_a_bill_links_none() -> None:
    profile = {"mobile": "07911123456", "email": "jo@example.com", "externalId": ""}
    verdict = accepted("customerAdded", **profile, identifiers={"cardNumber": "C"})

    assert isinstance(verdict.record, CustomerAdded)
    links = verdict.links
    assert isinstance(links, LinkIdentifiers)
    assert (links.customer_id, links.person, links.unlink) == (0, 4711, False)
    assert links.identifiers == of(mobile="+447911123456", email="jo@example.com", cardNumber="C")
    assert accepted("transactionAdded", identifiers={"email": "jo@example.com"}).links is None
    assert accepted("customerAdded", mobile="", email="", externalId="").links is None


def test_who_registers_by_identifiers_is_known_by_the_profile_too() -> None:
    profile = {"mobile": "07911123456", "email": "jo@new.example.com", "externalId": "no"}
    named = {"cardNumber": "C", "email": "jo@old.example.com"}
    resolve = accepted("customerUpdated", customerId=None, **profile, identifiers=named).record

    assert isinstance(resolve, ResolveCustomer)
    assert resolve.identifiers == of(email="jo@old.example.com", cardNumber="C")
    assert {*resolve.own} == {*of(mobile="+447911123456", email="jo@new.example.com", externalId="no", cardNumber="C")}
    bill = accepted("transactionAdded", customerId=None, identifiers=named).record
    assert isinstance(bill, ResolveCustomer)
    assert bill.own == ()


@pytest.mark.parametrize(("kind", "unlink"), [("linkIdentifiers", False), ("unlinkIdentifiers", True)])
def test_links_are_made_and_ended_by_messages_of_their_own(kind: str, unlink: bool) -> None:  # noqa: FBT001
    verdict = accepted(kind)
    assert isinstance(verdict.record, LinkIdentifiers)
    assert (verdict.key, verdict.record.person, verdict.record.unlink) == (b"100:0", 4711, unlink)
    assert verdict.record.identifiers == of(cardNumber="4000 1234")


@pytest.mark.parametrize("named", [{}, {"identifiers": None}])
@pytest.mark.parametrize("limits", [LIMITS, LIMITS._replace(orgs={}), LIMITS._replace(identity_key=None)])
def test_a_customer_may_lose_all_identifiers_whatever_they_are(named: dict[str, Any], limits: Any) -> None:
    verdict = judged("unlinkIdentifiers", limits, everything=True, **named)
    assert isinstance(verdict, Accepted)
    assert isinstance(verdict.record, LinkIdentifiers)
    assert (verdict.record.unlink, verdict.record.everything, verdict.record.identifiers) == (True, True, ())
    other = accepted("unlinkIdentifiers").record
    assert isinstance(other, LinkIdentifiers)
    assert not other.everything


@pytest.mark.parametrize(
    ("kind", "changes", "limits", "told"),
    [
        ("unlinkIdentifiers", {"identifiers": None, "everything": False}, LIMITS, "identifiers is missing"),
        ("unlinkIdentifiers", {"customerId": None, "everything": True}, LIMITS, "customerId is missing"),
        ("customEvent", {"customerId": None}, LIMITS, "customerId is missing"),
        ("linkIdentifiers", {"customerId": None}, LIMITS, "customerId is missing"),
        ("linkIdentifiers", {"identifiers": None}, LIMITS, "identifiers is missing"),
        ("customEvent", {"identifiers": {"e-mail": "a"}}, LIMITS, "identifiers.e-mail as a key is"),
    ],
)
def test_a_message_that_names_nobody_is_told_so(kind: str, changes: dict[str, Any], limits: Any, told: str) -> None:
    verdict = judged(kind, limits, **changes)
    assert isinstance(verdict, Rejected)
    assert verdict.reason is Reason.INVALID_FIELDS
    assert f"{verdict.defects[0].path} {verdict.defects[0].problem}".startswith(told)


@pytest.mark.parametrize(
    ("limits", "named", "told"),
    [
        (
            LIMITS._replace(orgs={}),
            {"email": "jo@example.com"},
            "name a customer by email, and org 100 has no settings",
        ),
        (
            LIMITS._replace(identity_key=None),
            {"email": "a@b.c"},
            "name a customer by email, and there is no ACCRUE_IDENTITY_KEY",
        ),
        (LIMITS, {"email": "nobody"}, "name a customer by email, which identifies nobody"),
    ],
    ids=["no settings", "no key", "no identifier"],
)
@pytest.mark.parametrize("kind", ["customEvent", "linkIdentifiers"])
def test_an_identifier_that_cannot_be_looked_up_is_a_dead_letter(
    limits: Any, named: dict[str, str], told: str, kind: str
) -> None:
    customer = {} if kind == "linkIdentifiers" else {"customerId": None}
    verdict = judged(kind, limits, identifiers=named, **customer)
    assert isinstance(verdict, Rejected)
    assert (verdict.reason, verdict.defects[0].problem) == (Reason.IDENTIFIER_UNKNOWN, told)


def test_an_id_beside_identifiers_decides() -> None:
    verdict = accepted("customEvent", identifiers={"email": "jo@example.com"})
    assert isinstance(verdict.record, CustomEventReceived)
    assert verdict.record.customer_id == 4711


def test_two_orgs_with_a_store_of_one_code_read_their_numbers_in_their_own_countries() -> None:
    """A number without a country code is read in the country of the sender's own store DEFAULT."""
    orgs = {
        number: known(ORG.model_copy(update={"org_id": number, "stores": (Store(code="DEFAULT", country=country),)}))
        for number, country in ((1, "GB"), (2, "ID"))
    }
    limits = LIMITS._replace(orgs=orgs, identity_key=KEY)
    bill = {key: value for key, value in example("transactionAdded").items() if key != "customerId"}
    numbers = {1: "07911 123456", 2: "0812 3456 789"}
    for org_id, org in orgs.items():
        body = bill | {"orgId": org_id, "store": "DEFAULT", "identifiers": {"mobile": numbers[org_id]}}
        verdict = normalise(Sent(json.dumps(body).encode()), wall=WALL, limits=limits)
        assert isinstance(verdict, Accepted)
        assert isinstance(verdict.record, ResolveCustomer)
        international = {1: "+447911123456", 2: "+628123456789"}[org_id]
        assert verdict.record.identifiers == known_by({"mobile": international}, org, "", KEY)
        assert verdict.key == b"%d:0" % org_id


HOLDING = known(ORG.model_copy(update={"unassigned_bills": "hold"}))


def judged_by(kind: str, org: KnownOrg, key: bytes | None = KEY, **changes: Any) -> Accepted | Rejected:
    body = {name: value for name, value in (example(kind) | changes).items() if value is not None}
    limits = LIMITS._replace(orgs={org.org.org_id: org}, identity_key=key)
    return normalise(Sent(json.dumps(body).encode()), wall=WALL, limits=limits)


def held(kind: str = "transactionAdded", **changes: Any) -> ResolveCustomer:
    verdict = judged_by(kind, HOLDING, customerId=None, **changes)
    assert isinstance(verdict, Accepted)
    assert isinstance(verdict.record, ResolveCustomer)
    return verdict.record


def test_a_bill_that_names_nobody_is_held_under_its_store_and_number_where_the_org_asks() -> None:
    alone = held(store="S", billNumber="888")
    assert ([one.kind for one in alone.identifiers], alone.days) == (["bill"], 30)
    named = held(store="S", billNumber="888", identifiers={"email": "jo@example.com"})
    assert ([one.kind for one in named.identifiers], named.days) == (["email", "bill"], 365)
    assert named.identifiers[1] == alone.identifiers[0] != held(store="S8", billNumber="88").identifiers[0]
    assigned = judged_by("assignTransaction", HOLDING, store="S", billNumber="888", customerId=4711)
    assert isinstance(assigned, Accepted)
    assert isinstance(assigned.record, AssignTransaction)
    assert (assigned.record.bill, assigned.record.person, assigned.key) == (alone.identifiers[0], 4711, b"100:0")


def test_a_return_that_names_nobody_is_held_under_its_bill() -> None:
    sale = held(store="S", billNumber="888")
    alone = held("transactionReturned", store="S", ofBill="888")
    assert (alone.identifiers, alone.days) == (sale.identifiers, 30)
    assert isinstance(judged_by("transactionReturned", SHOP, customerId=None), Rejected)


@pytest.mark.parametrize(
    ("kind", "days"),
    [
        ("transactionAdded", 365),
        ("transactionReturned", 365),
        ("transactionUpdated", 365),
        ("customEvent", 365),
        ("customerUpdated", 0),
        ("redeemPoints", 0),
    ],
)
def test_bills_and_events_are_held_for_a_year_and_others_for_as_long_as_ids_are_remembered(
    kind: str, days: int
) -> None:
    assert held(kind, identifiers={"email": "jo@example.com"}).days == days


def test_a_bill_that_names_nobody_is_rejected_elsewhere() -> None:
    for verdict in (
        judged_by("transactionAdded", SHOP, customerId=None),
        judged_by("transactionAdded", HOLDING, key=None, customerId=None),
        judged_by("assignTransaction", HOLDING, key=None),
        judged_by("assignTransaction", HOLDING, customerId=None),
        judged_by("assignTransaction", known(HOLDING.org.model_copy(update={"ids": "accrue"})), customerId=4711),
    ):
        assert isinstance(verdict, Rejected), verdict


def test_a_key_is_told_from_others_by_its_fingerprint_which_is_none_of_its_text() -> None:
    first, other = (fingerprint_of(key) for key in (b"a key of the tests", b"a key of the tests."))
    assert first == fingerprint_of(b"a key of the tests") != other
    assert len(first) == 16
