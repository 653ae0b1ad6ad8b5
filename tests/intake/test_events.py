"""Custom events judged by the definitions of their org (S1, S3)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.intake.dialects.native import normalise
from pipeline.intake.identifiers import known_by
from pipeline.intake.org_settings import KnownOrg, known
from pipeline.intake.verdict import Accepted, Defect, Reason, Rejected
from schemas.records import MADE_FROM, CustomEventReceived, ResolveCustomer, decode_record
from schemas.settings import EventDefinition, EventField, Org
from tests.intake.incoming import LIMITS, WALL, Sent, example

EVENT = example("customEvent") | {"eventName": "review", "id": "own"}


def field(
    name: str, kind: str, *, unique: bool = False, required: bool = True, values: tuple[str, ...] = ()
) -> EventField:
    return EventField(name=name, type=kind, is_required=required, is_unique_key_field=unique, values=values)


def org(*fields: EventField, unknown: str = "accept", **changes: Any) -> KnownOrg:
    definition = EventDefinition(name="review", fields=fields, **changes)
    return known(
        Org(
            org_id=EVENT["orgId"],
            name="Cafe",
            zone="UTC",
            currency="GBP",
            country="GB",
            unknown_events=unknown,  # type: ignore[arg-type]
            events=(definition,),
        )
    )


def sent(place: KnownOrg, offset: int = 7, **changes: Any) -> Accepted | Rejected:
    message = Sent(json.dumps(EVENT | changes).encode(), offset=offset)
    return normalise(message, wall=WALL, limits=LIMITS._replace(orgs={place.org.org_id: place}))


def taken(place: KnownOrg, **changes: Any) -> CustomEventReceived:
    verdict = sent(place, **changes)
    assert isinstance(verdict, Accepted), verdict
    assert isinstance(verdict.record, CustomEventReceived)
    return verdict.record


def defects(place: KnownOrg, **changes: Any) -> list[str]:
    verdict = sent(place, **changes)
    assert isinstance(verdict, Rejected)
    assert verdict.reason is Reason.INVALID_EVENT
    return [f"{one.path} {one.problem}; {one.remedy}" for one in verdict.defects]


@pytest.mark.parametrize(
    ("kind", "right", "wrong", "wanted"),
    [
        ("string", ["a", "5"], [5, True], "a text"),
        ("tillCode", ["t-1"], [1], "a text"),
        ("couponCode", ["c"], [1], "a text"),
        ("productSku", ["s"], [1], "a text"),
        ("productBrand", ["b"], [1], "a text"),
        ("productCategory", ["c"], [1.5], "a text"),
        ("customer", ["x@example.com", 4711], [1.5, True], "a text or a whole number"),
        ("number", [4, "4", "-4"], [4.5, "4.5", True, "four"], "a whole number"),
        ("double", [4, 4.5, "4.50"], [True, "4,5", "1e3"], "a number"),
        (
            "date",
            ["2026-03-01", "2026-03-01T10:00:00+01:00"],
            ["1.3.2026", 5],
            "an ISO 8601 date or time such as 2026-03-01",
        ),
        ("boolean", [True, False], ["true", 1], "true or false"),
        ("enum", ["app", "web"], ["App", 1], "one of app, web"),
    ],
)
def test_a_field_holds_what_its_type_says(kind: str, right: list[Any], wrong: list[Any], wanted: str) -> None:
    place = org(field("it", kind, values=("app", "web") if kind == "enum" else ()))

    for value in right:
        taken(place, attributes={"it": value})
    for value in wrong:
        assert defects(place, attributes={"it": value}) == [f"attributes.it is {json.dumps(value)}; write {wanted}"]


def test_what_is_required_must_be_there_and_every_defect_is_told() -> None:
    place = org(field("sku", "productSku"), field("stars", "number"), field("note", "string", required=False))

    assert defects(place, attributes={"sku": "", "note": 5}) == [
        "attributes.sku is empty, and review needs it; add a text",
        "attributes.stars is missing, and review needs it; add a whole number",
        "attributes.note is 5; write a text",
    ]
    assert taken(place, attributes={"sku": "S", "stars": 5, "more": True}).attributes == {
        "sku": "S",
        "stars": 5,
        "more": True,
    }


def test_an_event_without_definition_goes_by_the_org() -> None:
    accepted = sent(org(), eventName="reviw")
    assert isinstance(accepted, Accepted)
    assert accepted.undefined_event == "100/reviw"
    assert sent(org(unknown="reject"), eventName="reviw") == Rejected(
        Reason.UNKNOWN_EVENT,
        (
            Defect(
                "eventName",
                'is "reviw", which org 100 does not define; its events: review',
                "correct the name, or define the event with `accrue settings apply`",
            ),
        ),
    )
    retired = sent(org(unknown="reject", retired=True))
    assert isinstance(retired, Rejected)
    assert retired.reason is Reason.UNKNOWN_EVENT


def test_an_org_that_defines_no_events_misses_none() -> None:
    place = org()._replace(events={})
    accepted = sent(place)
    assert isinstance(accepted, Accepted)
    assert accepted.undefined_event == ""


def test_events_for_analysts_alone_are_marked() -> None:
    assert taken(org(actions=("EIConsumer",))).analytics_only
    assert not taken(org(actions=("EMFConsumer", "EIConsumer"))).analytics_only


KEY = org(
    field("sku", "productSku", unique=True),
    field("size", "number", unique=True),
    field("note", "string", required=False),
)


def unique(**attributes: Any) -> str:
    return taken(KEY, attributes={"sku": "S", "size": 4} | attributes).id


def test_a_unique_key_is_the_id_whatever_else_differs() -> None:
    first = taken(KEY, attributes={"sku": "S", "size": 4}, offset=1)
    other = taken(
        KEY, attributes={"size": "4", "sku": "S", "note": "again"}, offset=2, id="another", eventTime=EVENT["eventTime"]
    )

    assert first.id == "u:f9e339f2ce061b0caa25581f05524a51"
    assert (first.id, first.digest) == (other.id, other.digest)


def test_a_unique_key_tells_names_types_and_values_apart() -> None:
    moved = org(field("sku", "productSku", unique=True), field("size", "double", unique=True))
    shorter = org(field("sku", "productSku", unique=True))
    ids = [
        unique(),
        unique(sku="S4"),
        unique(size=5),
        taken(moved, attributes={"sku": "S", "size": 4}).id,
        taken(shorter, attributes={"sku": "S"}).id,
    ]
    assert len({*ids}) == len(ids)
    assert unique(size=4) == unique(size="4")
    assert unique(sku="4") != unique(sku="4.0")


@pytest.mark.parametrize(
    ("one", "kind", "other"), [("0", "number", "-0"), (0, "double", -0.0), (0, "double", "-0.0"), (4, "double", 4.0)]
)
def test_equal_numbers_are_one_key_however_they_are_written(one: object, kind: str, other: object) -> None:
    place = org(field("size", kind, unique=True))
    assert taken(place, attributes={"size": one}).id == taken(place, attributes={"size": other}).id


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("mobile", "+44 7400 123456", "07400123456"),
        ("mobile", 447400123456, "07400123456"),
        ("mobile", "1111", 1111),
        ("email", "Jo@Example.com", " jo@example.com"),
    ],
)
def test_an_identifier_is_one_key_however_it_is_written(kind: Any, one: object, other: object) -> None:
    who = EventField(name="who", type="customer", is_required=True, is_unique_key_field=True, identifier_type=kind)
    place = org(who)
    assert taken(place, attributes={"who": one}).id == taken(place, attributes={"who": other}).id
    assert taken(place, attributes={"who": one}).id != taken(place, attributes={"who": "x"}).id


def test_an_event_without_unique_key_keeps_its_own_id() -> None:
    assert taken(org(field("sku", "productSku")), attributes={"sku": "S"}).id == "own"


def test_an_event_that_is_unique_for_ever_says_so() -> None:
    place = org(field("product", "productSku", unique=True), unique="forever")
    assert taken(place, attributes={"product": "MUG"}).unique
    assert not taken(org(field("product", "productSku", unique=True)), attributes={"product": "MUG"}).unique


SECRET = b"a key of the tests"
WHO = EventField(name="who", type="customer", identifier_type="email", is_subject=True, is_required=True)


def unnamed(place: KnownOrg, **changes: Any) -> Accepted | Rejected:
    message = Sent(json.dumps({key: value for key, value in (EVENT | changes).items() if key != "customerId"}).encode())
    return normalise(message, wall=WALL, limits=LIMITS._replace(orgs={place.org.org_id: place}, identity_key=SECRET))


def resolving(place: KnownOrg, **changes: Any) -> ResolveCustomer:
    verdict = unnamed(place, **changes)
    assert isinstance(verdict, Accepted), verdict
    assert isinstance(verdict.record, ResolveCustomer)
    return verdict.record


def test_an_event_is_about_its_subject_and_keeps_a_hash_in_place_of_who_that_is() -> None:
    record = resolving(org(WHO), attributes={"who": " Jo@example.com", "stars": 4})
    assert record.identifiers == known_by({"email": "jo@example.com"}, org(WHO), "", SECRET)
    assert not record.makes
    inside = decode_record(record.record)
    assert isinstance(inside, CustomEventReceived)
    assert inside.attributes == {"who": record.identifiers[0].digest, "stars": 4}


def test_who_else_is_named_is_hashed_and_not_looked_for() -> None:
    friend = EventField(name="friend", type="customer", identifier_type="email")
    place = org(friend, field("plain", "customer", required=False))
    message = Sent(json.dumps(EVENT | {"attributes": {"friend": "Al@example.com", "plain": "x"}}).encode())
    limits = LIMITS._replace(orgs={place.org.org_id: place}, identity_key=SECRET)
    verdict = normalise(message, wall=WALL, limits=limits)
    assert isinstance(verdict, Accepted)
    assert isinstance(verdict.record, CustomEventReceived)
    digest = known_by({"email": "al@example.com"}, place, "", SECRET)[0].digest
    assert verdict.record.attributes == {"friend": digest, "plain": "x"}
    absent = normalise(Sent(json.dumps(EVENT).encode()), wall=WALL, limits=limits)
    assert isinstance(absent, Accepted)
    assert absent.record is not None


@pytest.mark.parametrize("changes", [{"attributes": {}}, {"eventName": "other"}])
def test_an_event_without_its_subject_names_nobody(changes: dict[str, Any]) -> None:
    verdict = unnamed(org(WHO), **changes)
    assert isinstance(verdict, Rejected)
    assert [one.path for one in verdict.defects] == ["customerId"]


def test_identifiers_of_the_message_stand_before_its_subject() -> None:
    record = resolving(org(WHO), attributes={"who": "jo@example.com"}, identifiers={"cardNumber": "C"})
    assert [one.kind for one in record.identifiers] == ["cardNumber"]


def accruing(*fields: EventField) -> KnownOrg:
    review = EventDefinition(name="review", fields=fields)
    return known(org().org.model_copy(update={"ids": "accrue", "events": (review,)}))


@pytest.mark.parametrize("adds", [False, True])
def test_an_event_makes_a_customer_where_its_definition_says_so(*, adds: bool) -> None:
    place = accruing(WHO.model_copy(update={"add_customer_if_not_exists": adds}))
    assert resolving(place, attributes={"who": "jo@example.com"}).makes is adds


def test_an_event_without_a_definition_makes_nobody() -> None:
    assert not resolving(accruing(), identifiers={"email": "jo@example.com"}).makes


@pytest.mark.parametrize(
    ("kind", "makes"), [("customerAdded", True), ("transactionAdded", True), ("redeemPoints", False)]
)
def test_registrations_and_bills_make_customers_and_commands_do_not(kind: str, *, makes: bool) -> None:
    sample = {key: value for key, value in example(kind).items() if key != "customerId"}
    limits = LIMITS._replace(orgs={EVENT["orgId"]: accruing()}, identity_key=SECRET)
    message = Sent(json.dumps(sample | {"identifiers": {"email": "jo@example.com"}}).encode())
    verdict = normalise(message, wall=WALL, limits=limits)
    assert isinstance(verdict, Accepted)
    assert isinstance(verdict.record, ResolveCustomer)
    assert verdict.record.makes is makes


@pytest.mark.parametrize("kind", ["customEvent", "linkIdentifiers"])
@pytest.mark.parametrize(("customer", "taken"), [(4711, False), (MADE_FROM, True)])
def test_where_accrue_makes_ids_no_other_is_one(kind: str, customer: int, *, taken: bool) -> None:
    limits = LIMITS._replace(orgs={EVENT["orgId"]: accruing()}, identity_key=SECRET)
    body = example(kind) | {"customerId": customer, "identifiers": {"email": "jo@example.com"}}
    verdict = normalise(Sent(json.dumps(body).encode()), wall=WALL, limits=limits)
    assert isinstance(verdict, Accepted) is taken
    if isinstance(verdict, Rejected):
        assert [one.path for one in verdict.defects] == ["customerId"]
        assert "made by Accrue" in verdict.defects[0].problem


def test_an_event_on_its_way_is_judged_by_the_definition_of_the_time_at_which_it_is_taken() -> None:
    """What the journal has keeps its verdict and its id; a later definition changes neither."""
    sku, channel = field("sku", "productSku", unique=True), field("channel", "enum", values=("app", "web"))
    before, after = org(sku), org(sku, channel)
    body = {"attributes": {"sku": "MUG"}}
    taken_before = taken(before, **body)
    assert defects(after, **body) == ["attributes.channel is missing, and review needs it; add one of app, web"]
    again = taken(after, attributes={"sku": "MUG", "channel": "app"})
    assert (again.id, again.digest) == (taken_before.id, taken_before.digest)
    retired = known(
        after.org.model_copy(update={"events": (after.org.events[0].model_copy(update={"retired": True}),)})
    )
    assert taken(retired, **body).id == "own"
