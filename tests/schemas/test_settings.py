"""What settings may say, and what may follow what."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.limits import WRITTEN
from schemas.settings import FIELD_TYPES, IDENTIFIERS, Org, OrgSettings
from schemas.settings.succession import breaches

ORG: dict[str, Any] = {"org_id": 100, "name": "Cafe", "zone": "Europe/London", "currency": "GBP", "country": "GB"}
FIELD: dict[str, Any] = {"name": "sku", "type": "productSku", "is_required": True}
SUBJECT: dict[str, Any] = {
    "name": "who",
    "type": "customer",
    "identifier_type": "email",
    "is_subject": True,
    "is_required": True,
}
UNIQUE = FIELD | {"is_unique_key_field": True}


def org(**changes: Any) -> Org:
    return Org.model_validate_json(json.dumps(ORG | changes), context=WRITTEN)


def event(**changes: Any) -> dict[str, Any]:
    return {"name": "app_login"} | changes


def problems(**changes: Any) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        org(**changes)
    return [
        str(one["ctx"]["error"]) if "ctx" in one and "error" in one["ctx"] else one["type"]
        for one in caught.value.errors()
    ]


def test_an_org_needs_no_more_than_where_it_is_and_what_money_it_takes() -> None:
    plain = org()

    assert (plain.ids, plain.unknown_events, plain.stores, plain.events) == ("upstream", "accept", (), ())
    assert plain.identifiers == IDENTIFIERS[:4]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"zone": "Europe/Lodon"},
            "'Europe/Lodon' is not an IANA time zone; write one such as 'Europe/London' or 'UTC'",
        ),
        ({"currency": "gbp"}, "'gbp' is not an ISO 4217 code; write three capitals such as 'GBP'"),
        ({"country": "UK1"}, "'UK1' is not an ISO 3166 code; write two capitals such as 'GB'"),
        ({"identifiers": ["email", "email"]}, "names email twice; their order says which decides, so name each once"),
        ({"stores": [{"code": "A"}, {"code": "A"}]}, "repeats the code 'A'; give each store its own"),
        (
            {"stores": [{"code": "A", "tills": [{"code": "1"}, {"code": "1"}]}]},
            "repeats the code '1'; give each till its own",
        ),
        (
            {"events": [event(), event()]},
            "repeats the name 'app_login'; an event of this name exists already (1806); give each its own",
        ),
        (
            {"events": [event(actions=["Email"])]},
            "'Email' is invalid as event actions (1810); write one or both of EMFConsumer, EIConsumer",
        ),
        (
            {"events": [event(actions=[])]},
            "an empty list is invalid as event actions (1810); write one or both of EMFConsumer, EIConsumer",
        ),
        ({"events": [event(name="")]}, "is an invalid event name (1811) of 0 characters; write 1 to 300"),
        ({"events": [event(name="n" * 301)]}, "is an invalid event name (1811) of 301 characters; write 1 to 300"),
        (
            {"events": [event(fields=[FIELD | {"type": "tillCod"}])]},
            f"'tillCod' is an invalid event field type (1823); write one of {', '.join(FIELD_TYPES)}",
        ),
        ({"events": [event(fields=[FIELD, FIELD])]}, "repeats the name 'sku'; give each field its own"),
        (
            {"events": [event(fields=[UNIQUE | {"is_required": False}])]},
            "a field of the unique key must be there in every event; write `is_required: true` beside it",
        ),
        (
            {"events": [event(fields=[FIELD | {"values": ["a"]}])]},
            "only a field of type enum has values, and this is a productSku; leave them out",
        ),
        (
            {"events": [event(fields=[{"name": "size", "type": "enum"}])]},
            "the field size of type enum needs `values`, the list of what it may hold",
        ),
        (
            {"events": [event(fields=[FIELD], unique="forever")]},
            "no field makes two events the same; mark one with `is_unique_key_field: true`, or leave it out",
        ),
        (
            {"events": [event(fields=[UNIQUE], unique="forever", actions=["EIConsumer"])]},
            "only what programs get is remembered for ever; add EMFConsumer to the actions, or leave it out",
        ),
        (
            {"events": [event(fields=[FIELD | {"identifier_type": "email"}])]},
            "only a field of type customer is an identifier, and this is a productSku; leave it out",
        ),
        (
            {"events": [event(fields=[{"name": "who", "type": "customer", "is_subject": True}])]},
            (
                "who it is about is known by something in every event; write `is_required: true` and "
                "`identifier_type: email`, or another type, beside it"
            ),
        ),
        (
            {"events": [event(fields=[FIELD | {"add_customer_if_not_exists": True}])]},
            "only who the event is about becomes a customer; write `is_subject: true` beside it",
        ),
        (
            {"events": [event(fields=[SUBJECT, SUBJECT | {"name": "friend"}])]},
            "is about somebody else than 'who'; an event is about one customer",
        ),
        (
            {"events": [event(fields=[SUBJECT | {"identifier_type": "wechat"}])]},
            "wechat names nobody in this org; add it to its `identifiers`",
        ),
        (
            {"events": [event(fields=[SUBJECT | {"add_customer_if_not_exists": True}])]},
            "customer ids come from upstream here, so nobody can be added; leave it out, or write `ids: accrue`",
        ),
    ],
)
def test_a_mistake_is_told_with_what_would_be_right(changes: dict[str, Any], told: str) -> None:
    assert problems(**changes) == [told]


def test_a_file_says_all_about_an_org_in_one_place() -> None:
    with pytest.raises(ValidationError, match="repeats the org 100; write all about an org in one place"):
        OrgSettings.model_validate_json(json.dumps({"orgs": [ORG, ORG]}), context=WRITTEN)


@pytest.mark.parametrize(
    ("before", "after", "paths"),
    [
        ({}, {"zone": "Europe/Paris", "unknown_events": "reject", "stores": [{"code": "A"}]}, []),
        ({"stores": [{"code": "A"}]}, {}, []),
        ({}, {"ids": "accrue"}, ["ids"]),
        ({"events": [event()]}, {}, ["events"]),
        ({"events": [event()]}, {"events": [event(retired=True)]}, []),
        ({"events": [event()]}, {"events": [event(fields=[FIELD])]}, []),
        ({"events": [event(fields=[FIELD])]}, {"events": [event(fields=[UNIQUE])]}, ["events[0].fields"]),
        (
            {"events": [event(fields=[UNIQUE])]},
            {"events": [event(name="new"), event(fields=[UNIQUE | {"type": "string"}])]},
            ["events[1].fields"],
        ),
        (
            {"events": [event(fields=[UNIQUE])]},
            {"events": [event(fields=[UNIQUE], unique="forever")]},
            ["events[0].unique"],
        ),
        ({"events": [event(fields=[SUBJECT])]}, {"events": [event(fields=[])]}, ["events[0].fields"]),
    ],
    ids=[
        "what may change",
        "a store goes",
        "ids",
        "an event goes",
        "an event ends",
        "fields",
        "a key",
        "its type",
        "for how long",
        "its subject",
    ],
)
def test_what_makes_ids_and_duplicates_never_changes(
    before: dict[str, Any], after: dict[str, Any], paths: list[str]
) -> None:
    assert [breach.path for breach in breaches(org(**before), org(**after))] == paths
