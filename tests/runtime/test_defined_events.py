"""Custom events and the settings of their org, from the input topic to the reply."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.intake.org_settings import entries_of
from pipeline.log.embedded import EmbeddedLog
from pipeline.log.port import Message, Outgoing
from schemas.records import CustomEventReceived, decode_record
from schemas.settings import EventDefinition, EventField, Org
from tests.runtime.workshop import PATIENCE_SECONDS, Workshop, activation
from tests.verify.damage import found, verified

START = 1_600_000_000_000
ORG = Org(
    org_id=1,
    name="Cafe",
    zone="UTC",
    currency="GBP",
    country="GB",
    unknown_events="reject",
    events=(
        EventDefinition(
            name="review",
            fields=(EventField(name="sku", type="productSku", is_required=True, is_unique_key_field=True),),
        ),
        EventDefinition(name="viewed", actions=("EIConsumer",)),
    ),
)


def event(name: str, **changes: Any) -> bytes:
    message = {"type": "customEvent", "orgId": 1, "customerId": 5, "eventTime": START, "eventName": name}
    return json.dumps(message | changes).encode()


def headers(message: Message) -> dict[str, bytes]:
    return dict(message.headers)


@pytest.fixture
def workshop(embedded_log: EmbeddedLog, tmp_path: Path) -> Workshop:
    workshop = Workshop(embedded_log, tmp_path, "events.", partitions=1)
    workshop.clock.shown = START
    producer = embedded_log.producer()
    producer.produce([Outgoing(workshop.topic("settings"), key, value, 0) for key, value in entries_of(ORG).items()])
    producer.flush(PATIENCE_SECONDS)
    producer.close()
    return workshop


def test_what_is_judged_is_a_dead_letter_with_a_reply_and_never_halts_intake(workshop: Workshop) -> None:
    for value in (event("reviw"), event("review"), event("viewed"), event("review", attributes={"sku": "S"})):
        workshop.send("events", b"1:5", value, 0)

    loop = workshop.intake(dead_letters_per_minute_max=1)
    loop.run(workshop.until_read("intake", "events"))

    records = [decode_record(message.value or b"") for message in workshop.read("journal")]
    assert [(one.event_name, one.analytics_only) for one in records if isinstance(one, CustomEventReceived)] == [
        ("viewed", True),
        ("review", False),
    ]
    letters = workshop.read("deadletters")
    assert [headers(one)["accrue.reason"] for one in letters] == [b"UNKNOWN_EVENT", b"INVALID_EVENT"]
    replies = [json.loads(one.value or b"") for one in workshop.read("replies")]
    assert [(one["outcome"], one["reason"], one["vendorCode"]) for one in replies] == [
        ("rejected", "UNKNOWN_EVENT", None),
        ("rejected", "INVALID_EVENT", 1802),
    ]


def test_a_second_event_with_the_same_unique_key_is_a_duplicate(workshop: Workshop) -> None:
    workshop.send("events", b"1:5", event("review", id="a", attributes={"sku": "S"}), 0)
    workshop.send("events", b"1:5", event("review", id="b", attributes={"sku": "S", "stars": 5}), 0)
    workshop.send("events", b"1:5", event("review", id="c", attributes={"sku": "T"}), 0)
    workshop.journal(activation())
    workshop.intake().run(workshop.until_read("intake", "events"))
    workshop.decide_all()

    replies = [json.loads(one.value or b"") for one in workshop.read("replies")]
    assert [(one["outcome"], one["firstOutcome"]) for one in replies] == [("duplicate", "done")]
    assert replies[0]["recordId"].startswith("u:")
    assert len(workshop.read("facts")) == 2


def test_events_without_definition_are_counted_by_name(workshop: Workshop, embedded_log: EmbeddedLog) -> None:
    producer = embedded_log.producer()
    accepting = entries_of(ORG.model_copy(update={"unknown_events": "accept"}))
    producer.produce([Outgoing(workshop.topic("settings"), key, value, 0) for key, value in accepting.items()])
    producer.flush(PATIENCE_SECONDS)
    producer.close()
    for name in ("reviw", "reviw", "viewed"):
        workshop.send("events", b"1:5", event(name), 0)

    loop = workshop.intake()
    loop.run(workshop.until_read("intake", "events"))

    assert loop.progress.unknown_events == {"1/reviw": 2}


def test_what_came_by_an_earlier_definition_counts_by_it_however_long_it_is_on_its_way(
    workshop: Workshop, embedded_log: EmbeddedLog
) -> None:
    workshop.journal(activation())
    stars = EventField(name="stars", type="number", is_required=True)
    (review, _) = ORG.events
    stricter = ORG.model_copy(update={"events": (review.model_copy(update={"fields": (*review.fields, stars)}),)})
    by_mail = {"customerId": None, "identifiers": {"email": "jo@example.com"}}
    workshop.send("events", b"1:0", event("review", attributes={"sku": "S"}, **by_mail), 0)
    workshop.send("events", b"1:0", event("viewed", **by_mail), 0)
    workshop.intake().run(workshop.until_read("intake", "events"))

    producer = embedded_log.producer()
    gone = Outgoing(workshop.topic("settings"), b"event:1/viewed", None, 0)
    changed = [Outgoing(workshop.topic("settings"), key, value, 0) for key, value in entries_of(stricter).items()]
    producer.produce([*changed, gone])
    producer.flush(PATIENCE_SECONDS)
    producer.close()
    for name in ("review", "viewed"):
        workshop.send("events", b"1:5", event(name, attributes={"sku": "T"}), 0)
    linked = {"type": "customerAdded", "orgId": 1, "customerId": 5, "eventTime": START, "email": "jo@example.com"}
    workshop.send("events", b"1:5", json.dumps(linked).encode(), 0)
    workshop.intake().run(workshop.until_read("intake", "events"))
    for _ in range(3):
        workshop.decide_all()

    letters = workshop.read("deadletters")
    assert [headers(one)["accrue.reason"] for one in letters] == [b"INVALID_EVENT", b"UNKNOWN_EVENT"]
    replies = [json.loads(one.value or b"") for one in workshop.read("replies")]
    assert [one["outcome"] for one in replies if one["type"] == "customEvent"] == [
        "rejected",
        "rejected",
        "held",
        "held",
        "done",
        "done",
    ]
    assert found(verified(workshop, 0)) == []
