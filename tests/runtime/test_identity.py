"""Messages by e-mail and phone, from the input topic to points, and what `verify` says of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.intake.org_settings import entries_of
from pipeline.log.embedded import EmbeddedLog
from pipeline.log.port import Outgoing
from schemas.facts import PointsIssued, decode_facts
from schemas.settings import Org, Store
from tests.runtime.workshop import PATIENCE_SECONDS, PROGRAM, Workshop, activation
from tests.verify.damage import found, verified

START = 1_600_000_000_000
ORG = Org(org_id=1, name="Cafe", zone="UTC", currency="GBP", country="GB")


def message(kind: str, offset: int, **fields: Any) -> bytes:
    return json.dumps(
        {"type": kind, "orgId": 1, "eventTime": START + offset, "id": f"{kind}-{offset}"} | fields
    ).encode()


def bill(number: int, **who: Any) -> bytes:
    return message("transactionAdded", number, billNumber=f"B{number}", amountMinor=1_000, currency="GBP", **who)


@pytest.fixture
def workshop(embedded_log: EmbeddedLog, tmp_path: Path) -> Workshop:
    workshop = Workshop(embedded_log, tmp_path, "who.", partitions=2)
    workshop.clock.shown = START + 1_000
    producer = embedded_log.producer()
    producer.produce([Outgoing(workshop.topic("settings"), key, value, 0) for key, value in entries_of(ORG).items()])
    producer.flush(PATIENCE_SECONDS)
    producer.close()
    workshop.journal(activation())
    return workshop


def decided(workshop: Workshop) -> dict[int, list[int]]:
    """By customer: the points that were issued."""
    points: dict[int, list[int]] = {}
    for one in workshop.read("facts"):
        facts = decode_facts(one.value or b"")
        issued = [fact.decision.points for fact in facts.facts() if isinstance(fact.decision, PointsIssued)]
        if issued:
            points.setdefault(facts.customer_id, []).extend(issued)
    return points


def told(workshop: Workshop) -> list[dict[str, Any]]:
    """The replies."""
    return [json.loads(one.value or b"") for one in workshop.read("replies")]


def run(workshop: Workshop) -> None:
    workshop.intake().run(workshop.until_read("intake", "customers", "transactions"))
    for _ in range(3):  # what the org forwards is decided in a later round
        workshop.decide_all()


def test_a_bill_by_e_mail_is_one_of_the_customer_and_verify_finds_nothing(workshop: Workshop) -> None:
    who = {"customerId": 5, "email": "Jo@Example.com", "mobile": "07911 123456"}
    workshop.send("customers", b"1:5", message("customerAdded", 0, **who), 0)
    run(workshop)
    workshop.send("transactions", None, bill(1, identifiers={"email": "jo@example.com"}), 0)
    workshop.send("transactions", None, bill(2, identifiers={"mobile": "+447911123456", "cardNumber": "C"}), 1)
    workshop.send("transactions", None, bill(2, identifiers={"cardNumber": "C"}), 1)
    workshop.send("transactions", None, bill(3, identifiers={"email": "nobody@example.com"}), 1)
    run(workshop)

    by_id = bill(9, customerId=6)
    workshop.send("transactions", b"1:6", by_id, 0)
    run(workshop)
    points = decided(workshop)
    assert points[5] == points[6] * 2, "two bills count, the copy of one does not"

    replies = told(workshop)
    assert {(one["recordId"], one["type"], one["outcome"], one["reason"]) for one in replies} == {
        ("transactionAdded-2", "transactionAdded", "duplicate", None),
        ("transactionAdded-3", "transactionAdded", "held", None),
    }
    late = {"customerId": 8, "email": "nobody@example.com"}
    workshop.send("customers", b"1:8", message("customerAdded", 20, **late), 0)
    run(workshop)
    assert decided(workshop)[8] == points[6], "what was held counts once its customer is known"
    (ended,) = [one for one in told(workshop) if one["customerId"] == 8]
    assert (ended["recordId"], ended["outcome"], ended["message"]) == ("transactionAdded-3", "done", "Done.")
    assert found(verified(workshop)) == []


def test_who_says_whose_identifiers_are_is_answered(workshop: Workshop) -> None:
    mail, card = {"email": "jo@example.com"}, {"cardNumber": "C1"}
    for number, (kind, customer, identifiers) in enumerate(
        [
            ("linkIdentifiers", 5, mail),
            ("linkIdentifiers", 6, {**mail, **card}),
            ("unlinkIdentifiers", 6, card),
            ("unlinkIdentifiers", 6, card),
        ]
    ):
        about = message(kind, number, customerId=customer, identifiers=identifiers)
        workshop.send("customers", b"1:0", about, 0)
    workshop.send("customers", b"1:7", message("customerAdded", 9, customerId=7, email="lee@example.com"), 0)
    run(workshop)

    assert [(one["customerId"], one["recordId"], one["type"], one["message"]) for one in told(workshop)] == [
        (5, "linkIdentifiers-0", "linkIdentifiers", "Done."),
        (6, "linkIdentifiers-1", "linkIdentifiers", "Done, but another customer has the email."),
        (6, "unlinkIdentifiers-2", "unlinkIdentifiers", "Done."),
        (6, "unlinkIdentifiers-3", "unlinkIdentifiers", "Done."),
    ], "a profile says so, too, and nobody asked"


def test_what_was_held_for_somebody_who_was_merged_is_answered_by_the_survivor(workshop: Workshop) -> None:
    survivor, victim = 5, 6
    for number, customer in enumerate((survivor, victim)):
        workshop.send("transactions", b"1:%d" % customer, bill(number, customerId=customer), 0)
    run(workshop)
    workshop.send("transactions", b"1:5", message("mergeCustomers", 10, customerId=5, victimCustomerId=victim), 0)
    workshop.send("transactions", b"1:0", bill(11, identifiers={"cardNumber": "C1"}), 0)
    run(workshop)
    linked = message("linkIdentifiers", 12, customerId=victim, identifiers={"cardNumber": "C1"})
    workshop.send("transactions", b"1:0", linked, 0)
    for _ in range(2):
        workshop.send("transactions", b"1:6", bill(13, customerId=victim), 0)
    run(workshop)

    answers = [(one["customerId"], one["outcome"]) for one in told(workshop) if one["type"] == "transactionAdded"]
    assert sorted(answers) == [(0, "held"), (survivor, "done"), (survivor, "duplicate")]
    assert found(verified(workshop)) == []


def test_one_address_in_two_orgs_whose_stores_have_one_code_is_two_customers(workshop: Workshop) -> None:
    second = ORG.model_copy(update={"org_id": 2, "name": "Bakery", "country": "ID"})
    shops = [org.model_copy(update={"stores": (Store(code="DEFAULT"),)}) for org in (ORG, second)]
    producer = workshop.log.producer()
    entries = {key: value for org in shops for key, value in entries_of(org).items()}
    producer.produce([Outgoing(workshop.topic("settings"), key, value, 0) for key, value in entries.items()])
    producer.flush(PATIENCE_SECONDS)
    producer.close()
    workshop.journal(activation(PROGRAM.model_copy(update={"org_id": 2})))
    mail = {"identifiers": {"email": "jo@example.com"}}
    for org_id, customer in ((1, 5), (2, 6)):
        joins = message("customerAdded", 0, orgId=org_id, customerId=customer, email="jo@example.com")
        workshop.send("customers", b"%d:%d" % (org_id, customer), joins, 0)
    run(workshop)
    for org_id in (1, 2):
        workshop.send("transactions", b"%d:0" % org_id, bill(1, orgId=org_id, store="DEFAULT", **mail), 0)
    run(workshop)

    points = decided(workshop)
    assert set(points) == {5, 6}
    assert points[5] == points[6]
    assert found(verified(workshop)) == []
