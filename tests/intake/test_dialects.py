"""The registry of dialects: complete, and each entry keeps the promise of its type."""

from __future__ import annotations

import json
import pkgutil
from importlib import import_module

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.intake import dialects
from pipeline.intake.dialects.registry import DIALECTS, NATIVE, read
from pipeline.intake.letters.letter import dead_letter_of
from pipeline.intake.letters.replays import DeadLetter, headers_again, read_entry
from pipeline.intake.verdict import Accepted, Reason, Rejected
from tests.intake.dialects.vendors import ORGS, rejected, topic, verdict
from tests.intake.incoming import LIMITS, WALL, Sent


def _nested(children: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3)


def test_every_module_that_reads_messages_is_registered_under_its_own_name() -> None:
    modules = [import_module(f"{dialects.__name__}.{found.name}") for found in pkgutil.iter_modules(dialects.__path__)]
    readers = {
        module.__name__.rpartition(".")[2]: module.normalise for module in modules if "normalise" in vars(module)
    }
    assert readers == DIALECTS


def test_our_own_dialect_comes_first() -> None:
    assert next(iter(DIALECTS)) == NATIVE


@pytest.mark.parametrize("name", DIALECTS)
def test_a_dialect_refuses_a_message_without_a_value(name: str) -> None:
    verdict = DIALECTS[name](Sent(None), wall=WALL, limits=LIMITS)
    assert isinstance(verdict, Rejected)
    assert verdict.reason is Reason.EMPTY


@pytest.mark.parametrize("name", DIALECTS)
def test_a_dialect_names_what_is_wrong_with_bytes_that_are_no_message(name: str) -> None:
    verdict = DIALECTS[name](Sent(b"\xff\xfe"), wall=WALL, limits=LIMITS)
    assert isinstance(verdict, Rejected)
    assert verdict.defects


EVENT = {"event": "login", "customer": {"id": 4711}}


def read_as(topic_dialect: str | None = None, header: str | None = None) -> Accepted | Rejected:
    topics = (
        {}
        if topic_dialect is None
        else {"loyalty.transactions": topic("transactions", dialect=topic_dialect, org_id=100)}
    )
    headers = () if header is None else (("accrue.dialect", header.encode()),)
    message = Sent(json.dumps(EVENT).encode(), headers=headers)
    return read(message, wall=WALL, limits=LIMITS._replace(orgs=ORGS, topics=topics))


def test_a_message_is_read_by_its_header_then_by_its_topic_then_as_native() -> None:
    assert isinstance(read_as("voucherify"), Accepted)
    for refused, reason in (
        (read_as(), Reason.UNKNOWN_TYPE),
        (read_as("voucherify", header="native"), Reason.UNKNOWN_TYPE),
        (read_as("native", header="openloyalty"), Reason.INVALID_FIELDS),
        (read_as("voucherify", header="Voucherify"), Reason.UNKNOWN_DIALECT),
    ):
        assert isinstance(refused, Rejected)
        assert refused.reason is reason


@pytest.mark.parametrize(
    ("options", "defect"),
    [
        (
            {"org": ""},
            "names no org; send the header accrue.org, or give its topic an org with `accrue settings apply`",
        ),
        (
            {"org": "7"},
            'names org "7", which has no settings; add it with `accrue settings apply`, or name another',
        ),
        (
            {"store": "NOWHERE"},
            (
                'came for the store "NOWHERE", which org 100 does not have; correct the address, or the header '
                "accrue.store, or add the store with `accrue settings apply`"
            ),
        ),
    ],
)
def test_a_message_of_an_org_or_store_that_nobody_knows_is_rejected(options: dict[str, str], defect: str) -> None:
    assert rejected("voucherify", EVENT, **options) == ("ORG_UNKNOWN", [defect])


def test_a_message_for_one_org_that_names_another_is_rejected() -> None:
    body = {"eventName": "login", "orgId": 7, "data": {}}
    assert rejected("capillary", body) == (
        "ORG_UNKNOWN",
        ["orgId is 7, and the message came for org 100; write 100, or leave it out"],
    )


def test_a_dead_letter_and_its_replay_are_read_the_same_way() -> None:
    said = (("accrue.dialect", b"voucherify"), ("accrue.org", b"100"), ("accrue.store", b"A"), ("accrue.request", b"r"))
    message = Sent(b"{}", headers=(*said, ("accrue.reason", b"mine"), ("own", b"1")))

    letter = dead_letter_of(message, "INVALID_FIELDS", (), stage="intake")
    assert letter.headers[:5] == (*said, ("own", b"1"))
    entry = read_entry(Sent(b"{}", headers=letter.headers))
    assert isinstance(entry, DeadLetter)
    assert headers_again(letter.headers, entry)[:5] == (*said, ("own", b"1"))


@pytest.mark.parametrize("name", [name for name in DIALECTS if name != NATIVE])
@given(body=st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), _nested, max_leaves=20))
@settings(max_examples=60, deadline=None)
def test_whatever_a_body_holds_there_is_a_verdict(name: str, body: object) -> None:
    for content in (
        body,
        {"event": body, "customer": body},
        {"event": {"type": body, "customerData": body, "body": body}},
    ):
        assert isinstance(verdict(name, content), Accepted | Rejected)
    data = {
        "eventName": "transactionAdded",
        "createdAt": body,
        "data": {"amount": body, "transactionId": 1, "enteredAt": body},
    }
    assert isinstance(verdict(name, data), Accepted | Rejected)
    transaction = {
        "transactionData": {"documentType": "sell", "documentNumber": body},
        "items": body,
        "customerData": {"customerId": 5},
    }
    assert isinstance(verdict(name, {"transaction": transaction}), Accepted | Rejected)
