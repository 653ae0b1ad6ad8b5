"""Trials with the settings of the org."""

from __future__ import annotations

import json
from typing import Any

from tests.trial.trying import Trying, balance, event, message, program

REVIEWS = program(rules=[{"id": "review", "kind": "event", "event": "review", "points": 10}])
SKU = {"name": "sku", "type": "productSku", "is_required": True, "is_unique_key_field": True}
ORG: dict[str, Any] = {"org_id": 100, "name": "Club", "zone": "Europe/London", "currency": "GBP", "country": "GB"}
SETTINGS = {
    "orgs": [
        ORG
        | {
            "unknown_events": "reject",
            "events": [{"name": "review", "fields": [SKU]}, {"name": "viewed", "actions": ["EIConsumer"]}],
        }
    ]
}


def test_events_are_judged_and_one_unique_key_pays_once(trying: Trying) -> None:
    options = ("--json", "--settings", trying.file("settings.yaml", SETTINGS))
    ended = trying.run(
        event("review", "2026-03-01T10:00:00Z", attributes={"sku": "S"}, id="a"),
        event("review", "2026-03-02T10:00:00Z", attributes={"sku": "S", "stars": 5}, id="b"),
        event("review", "2026-03-03T10:00:00Z", attributes={"sku": "T"}),
        event("review", "2026-03-04T10:00:00Z"),
        event("reviw", "2026-03-05T10:00:00Z", attributes={"sku": "U"}),
        event("viewed", "2026-03-06T10:00:00Z"),
        programs=(REVIEWS,),
        options=options,
    )

    assert ended.code == 1
    assert [(step["outcome"], step["reason"]) for step in ended.json["steps"]] == [
        ("accepted", None),
        ("duplicate", None),
        ("accepted", None),
        ("dead_letter", "INVALID_EVENT"),
        ("dead_letter", "UNKNOWN_EVENT"),
        ("accepted", None),
    ]
    assert balance(ended.json) == 20
    assert ended.json["steps"][-1]["warnings"] == []


def test_settings_with_mistakes_are_told_and_nothing_is_tried(trying: Trying) -> None:
    broken = json.dumps({"orgs": [ORG | {"zone": "Lodon"}]})
    ended = trying.run(event("review", 0), options=("--settings", trying.file("settings.yaml", broken)))

    assert ended.code == 2
    assert "orgs[0].zone: 'Lodon' is not an IANA time zone" in ended.err


def test_the_app_by_e_mail_and_the_till_by_phone_are_one_customer(trying: Trying) -> None:
    settings = {"orgs": [ORG]}
    who = {"orgId": 100, "type": "transactionAdded", "currency": "GBP"}
    bills = [
        who | {"billNumber": "B1", "amountMinor": 1_000, "eventTime": "2026-03-02T10:00:00Z", "identifiers": named}
        for named in ({"email": "JO@example.com"}, {"mobile": "+44 7911 123456"}, {"email": "nobody@example.com"})
    ]
    for number, one in enumerate(bills, 1):
        one["billNumber"] = f"B{number}"
    ended = trying.run(
        message("customerAdded", "2026-03-01T10:00:00Z", email="jo@example.com", mobile="07911 123456"),
        *bills,
        options=("--json", "--settings", trying.file("settings.yaml", settings)),
    )

    assert [(step["outcome"], step["reason"]) for step in ended.json["steps"]] == [
        ("accepted", None),
        ("accepted", None),
        ("accepted", None),
        ("parked", None),
    ]
    assert list(ended.json["customers"]) == ["100:4711"]
    assert balance(ended.json) == 20
    told = trying.run(
        message("customerAdded", "2026-03-01T10:00:00Z", email="jo@example.com"),
        bills[0],
        options=("--settings", trying.file("settings.yaml", settings)),
    )
    assert "customer 4711, known by email" in told.out
