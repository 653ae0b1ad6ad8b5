"""Whom identifiers name."""

from __future__ import annotations

import pytest
from msgspec import structs

from pipeline.engine.calendar import NEVER
from pipeline.engine.identity import concern, holding
from pipeline.engine.identity.state import Held, Link, Made, Person
from schemas.facts import (
    CustomerMade,
    CustomerResolved,
    IdentifierClaimed,
    IdentifierLinked,
    IdentifiersKnown,
    IdentifierUnlinked,
    MessageAwaits,
    MessageHeld,
    MessageReleased,
    RecordRefused,
    Refusal,
    UnlinkedBecause,
)
from schemas.records import (
    BILL,
    MADE_FROM,
    ForwardRecord,
    KnownBy,
    Profile,
    ResolveCustomer,
    decode_record,
    forwarded,
    with_customer,
)
from tests.dsl import Story
from tests.steps import BACKFILL, assigned, bought, changed, instant, linked, program, spend, unnamed
from tests.town import Town

PROGRAM = program(rules=[{"id": "login", "kind": "event", "event": "login", "points": 5}])
EMAIL, CARD = ("email", "e"), ("cardNumber", "c")


def org() -> Story:
    return Story(PROGRAM, customer=0)


def gained(person: int, *identifiers: tuple[str, str]) -> list[IdentifierLinked]:
    return [IdentifierLinked(kind=kind, digest=digest, person=person) for kind, digest in identifiers]


def lost(person: int, because: UnlinkedBecause, *identifiers: tuple[str, str]) -> list[IdentifierUnlinked]:
    return [
        IdentifierUnlinked(kind=kind, digest=digest, person=person, because=because) for kind, digest in identifiers
    ]


def resolved(person: int, kind: str, record: bytes) -> CustomerResolved:
    return CustomerResolved(person=person, kind=kind, record=record)


def test_identifiers_name_a_customer_from_then_on_and_the_org_is_in_no_program() -> None:
    story = org().when(linked(7, "2011-03-01", EMAIL, CARD)).then(*gained(7, EMAIL, CARD))

    assert story.state.entries == {
        "identifier:email:e": Link(forgotten_at=NEVER, person=7),
        "identifier:cardNumber:c": Link(forgotten_at=NEVER, person=7),
        "person:7": Person(forgotten_at=NEVER, identifiers=[EMAIL, CARD]),
    }
    assert story.state.head.sections == {}
    story.when(linked(7, "2011-03-02", EMAIL)).then(IdentifiersKnown())


def test_the_next_address_replaces_the_one_before_and_cards_add_up() -> None:
    story = org()
    story.play(linked(7, "2011-03-01", EMAIL, CARD))
    later, more = ("email", "e2"), ("cardNumber", "c2")
    story.when(linked(7, "2011-03-02", later, more)).then(
        *lost(7, UnlinkedBecause.REPLACED, EMAIL), *gained(7, later, more)
    )

    assert story.state.entries["person:7"] == Person(forgotten_at=NEVER, identifiers=[CARD, later, more])
    story.when(linked(8, "2011-03-03", EMAIL)).then(*gained(8, EMAIL))


def test_an_identifier_of_somebody_else_stays_where_it_is_and_is_told_once() -> None:
    story = org()
    story.play(linked(7, "2011-03-01", EMAIL))
    claimed = IdentifierClaimed(kind="email", digest="e", person=7, claimant=8)
    story.when(linked(8, "2011-03-02", EMAIL)).then(claimed)
    story.when(linked(8, "2011-03-03", EMAIL)).then(IdentifiersKnown())
    assert story.state.entries["identifier:email:e"] == Link(forgotten_at=NEVER, person=7, claimants=(8,))


def test_an_identifier_that_is_taken_away_names_nobody() -> None:
    story = org()
    story.play(linked(7, "2011-03-01", EMAIL))
    story.when(linked(8, "2011-03-02", EMAIL, CARD, unlink=True)).then(IdentifiersKnown())
    story.when(linked(7, "2011-03-03", EMAIL, unlink=True)).then(*lost(7, UnlinkedBecause.ASKED, EMAIL))
    assert story.state.entries["person:7"].forgotten_at == instant("2011-03-03")
    story.when(linked(8, "2011-03-04", EMAIL)).then(*gained(8, EMAIL))


def test_who_loses_everything_is_known_by_nothing() -> None:
    story = org()
    story.play(linked(7, "2011-03-01", EMAIL, CARD))
    story.play(linked(8, "2011-03-01 13:00", ("cardNumber", "c8")))
    story.when(linked(7, "2011-03-02", unlink=True, everything=True)).then(*lost(7, UnlinkedBecause.ASKED, EMAIL, CARD))
    story.when(linked(7, "2011-03-03", unlink=True, everything=True)).then(IdentifiersKnown())
    story.when(linked(9, "2011-03-04", EMAIL)).then(*gained(9, EMAIL))
    assert story.state.entries["identifier:cardNumber:c8"] == Link(forgotten_at=NEVER, person=8)


DAY = 86_400_000
END = instant("2011-04-06 01:00")
"""The end of the day on which 35 days are over, in UTC."""
PAGE = "holds:35:0"


def awaits(place: str, *identifiers: tuple[str, str], until: int = END) -> list[MessageAwaits]:
    return [MessageAwaits(kind=kind, digest=digest, place=place, until=until) for kind, digest in identifiers]


def test_a_record_whose_customer_nobody_knows_is_held_under_each_identifier() -> None:
    record = unnamed("email", "2011-03-01", "e", KnownBy(*CARD))
    held = MessageHeld(place=record.id, until=END, record=record.record, page=PAGE)
    story = org().when(record).then(*awaits(record.id, EMAIL, CARD), held)

    assert story.state.entries[f"held:{record.id}"] == Held(
        forgotten_at=NEVER, record=record.record, until=END, page=PAGE, since=instant("2011-03-01")
    )
    assert story.state.entries["identifier:email:e"] == Link(forgotten_at=END, person=0, waiting=((record.id, END),))


def test_what_is_held_is_released_once_in_the_order_of_holding_and_counts_as_received_then() -> None:
    town = Town(PROGRAM)
    first = unnamed("email", "2011-03-01", "e", KnownBy(*CARD))
    second = unnamed("cardNumber", "2011-03-02", "c")
    town.play(first)
    town.play(second)
    story = town.play(linked(7, "2011-03-03", CARD, EMAIL))

    assert [fact.decision for fact in story.decided] == [
        *gained(7, CARD, EMAIL),
        MessageReleased(place=first.id, person=7, record=first.record, page=PAGE),
        MessageReleased(place=second.id, person=7, record=second.record, page="holds:35:3"),
    ]
    inside = [forwarded(one) for one in town.waiting if isinstance(one, ForwardRecord)]
    assert [one.received_at for one in inside] == [instant("2011-03-03")] * 2
    town.settle()
    assert town.customer(7).balance() == 10
    assert not [one for one in town.play(linked(7, "2011-03-04", ("mobile", "m"))).decided if town.waiting]


def test_a_record_by_two_identifiers_releases_what_waits_for_the_one_that_is_new() -> None:
    town = Town(PROGRAM)
    waits = unnamed("mobile", "2011-03-01", "m")
    town.play(waits)
    town.play(linked(7, "2011-03-02", EMAIL))
    record = unnamed("email", "2011-03-03", "e", KnownBy("mobile", "m"))

    assert [fact.decision for fact in town.play(record).decided] == [
        *gained(7, ("mobile", "m")),
        MessageReleased(place=waits.id, person=7, record=waits.record, page=PAGE),
        resolved(7, "email", record.record),
    ]


def test_what_has_waited_to_the_end_waits_no_longer() -> None:
    for when, released in ((END - 1, 1), (END, 0)):
        story = org()
        story.play(unnamed("email", "2011-03-01"))
        story.play(linked(7, when, ("email", "d")))
        assert len(story.only(MessageReleased)) == released


def test_so_many_records_wait_for_one_identifier_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holding, "HELD_MAX", 1)
    story = org()
    story.play(unnamed("email", "2011-03-01"))
    refused = RecordRefused(reason=Refusal.IDENTIFIER_UNKNOWN, subject="email")
    story.when(unnamed("email", "2011-03-02")).then(refused)
    story.play(unnamed("email", END + 1))
    assert len(story.only(MessageHeld)) == 2


def test_a_record_goes_to_the_customer_whom_the_first_known_identifier_names() -> None:
    town = Town(PROGRAM)
    town.play(linked(7, "2011-03-01", EMAIL))
    town.play(linked(8, "2011-03-01", CARD))
    record = unnamed("mobile", "2011-03-02", "m", KnownBy(*CARD), KnownBy(*EMAIL))
    story = town.play(record)

    assert [fact.decision for fact in story.decided] == [
        *gained(8, ("mobile", "m")),
        resolved(8, "cardNumber", record.record),
    ]
    (asked,) = town.waiting
    assert isinstance(asked, ForwardRecord)
    assert forwarded(asked) == decode_record(with_customer(record.record, 8))
    assert town.deliver().balance() == 5


def test_the_same_record_twice_counts_once() -> None:
    town = Town(PROGRAM)
    town.play(linked(7, "2011-03-01", EMAIL))
    first = unnamed("email", "2011-03-02", "e")
    for number in range(2):
        town.play(
            type(first)(**{name: getattr(first, name) for name in first.__struct_fields__} | {"id": f"in:0:{number}"})
        )
    assert len({one.id for one in town.waiting}) == 2
    town.settle()
    assert town.customer(7).balance() == 5


def test_a_customer_has_so_many_identifiers_at_most(monkeypatch: pytest.MonkeyPatch) -> None:

    monkeypatch.setattr(concern, "IDENTIFIERS_MAX", 1)
    story = org()
    story.play(linked(7, "2011-03-01", CARD))
    story.when(linked(7, "2011-03-02", ("cardNumber", "c2"))).then(IdentifiersKnown())
    record = unnamed("cardNumber", "2011-03-03", "c", KnownBy("email", "e"))
    story.when(record).then(resolved(7, "cardNumber", record.record))


def test_who_has_as_many_as_fit_still_gets_a_new_address_for_the_old_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concern, "IDENTIFIERS_MAX", 2)
    story = org()
    story.play(linked(7, "2011-03-01", EMAIL, CARD))
    later, phone = ("email", "e2"), ("mobile", "m")
    story.when(linked(7, "2011-03-02", phone, later)).then(*lost(7, UnlinkedBecause.REPLACED, EMAIL), *gained(7, later))
    assert story.state.entries["person:7"].identifiers == [CARD, later]


def test_several_at_once_are_no_more_than_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concern, "IDENTIFIERS_MAX", 2)
    org().when(linked(7, "2011-03-01", EMAIL, CARD, ("mobile", "m"))).then(*gained(7, EMAIL, CARD))


def test_so_many_claimants_are_told_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concern, "CLAIMANTS_MAX", 1)
    story = org()
    for person in (7, 8):
        story.play(linked(person, "2011-03-01", EMAIL))
    story.when(linked(9, "2011-03-02", EMAIL)).then(IdentifiersKnown())


def updated(on: str, by: tuple[str, str], *own: tuple[str, str]) -> ResolveCustomer:
    """A profile by one identifier, and all that the customer is known by from then on."""
    record = unnamed(by[0], on, by[1], record=changed(on, Profile(first_name="Jo"), customer_id=0))
    return structs.replace(record, own=tuple(KnownBy(*one) for one in own))


def test_a_new_address_in_an_update_by_card_replaces_the_one_before_and_releases_what_waits() -> None:
    story = org()
    story.play(linked(7, "2011-03-01", EMAIL, CARD))
    later = ("email", "e2")
    waits = unnamed("email", "2011-03-02", "e2")
    story.play(waits)
    record = updated("2011-03-03", CARD, later, CARD)
    story.when(record).then(
        *lost(7, UnlinkedBecause.REPLACED, EMAIL),
        *gained(7, later),
        MessageReleased(place=waits.id, person=7, record=waits.record, page="holds:35:2"),
        resolved(7, "cardNumber", record.record),
    )
    assert story.state.entries["person:7"].identifiers == [CARD, later]


def test_an_address_of_somebody_else_in_an_update_is_not_moved() -> None:
    story = org()
    story.play(linked(7, "2011-03-01", CARD))
    story.play(linked(8, "2011-03-02", EMAIL))
    record = updated("2011-03-03", CARD, CARD, EMAIL)
    story.when(record).then(
        IdentifierClaimed(kind="email", digest="e", person=8, claimant=7), resolved(7, "cardNumber", record.record)
    )


def test_a_bill_by_card_replaces_no_address() -> None:
    story = org()
    story.play(linked(7, "2011-03-01", EMAIL, CARD))
    story.play(unnamed("cardNumber", "2011-03-02", "c", KnownBy("email", "e2")))
    assert story.state.entries["person:7"].identifiers == [EMAIL, CARD, ("email", "e2")]


def test_who_becomes_a_customer_is_known_by_all_that_the_profile_says() -> None:
    record = structs.replace(updated("2011-03-01", CARD, EMAIL, CARD), makes=True)
    org().when(record).then(
        CustomerMade(person=MADE_FROM),
        *gained(MADE_FROM, EMAIL, CARD),
        resolved(MADE_FROM, "cardNumber", record.record),
    )


def making(kind: str, on: str, digest: str = "d", *more: KnownBy) -> ResolveCustomer:
    return structs.replace(unnamed(kind, on, digest, *more), makes=True)


def test_somebody_whom_nobody_knows_becomes_a_customer_with_all_identifiers() -> None:
    story = org()
    record = making("email", "2011-03-01", "e", KnownBy(*CARD))
    story.when(record).then(
        CustomerMade(person=MADE_FROM), *gained(MADE_FROM, EMAIL, CARD), resolved(MADE_FROM, "email", record.record)
    )
    assert story.state.entries["made"] == Made(forgotten_at=NEVER, count=1)
    again = making("cardNumber", "2011-03-02", "c")
    story.when(again).then(resolved(MADE_FROM, "cardNumber", again.record))
    other = making("email", "2011-03-03", "x")
    story.when(other).then(
        CustomerMade(person=MADE_FROM + 1),
        *gained(MADE_FROM + 1, ("email", "x")),
        resolved(MADE_FROM + 1, "email", other.record),
    )


def test_what_was_held_under_an_identifier_is_the_new_customers() -> None:
    town = Town(PROGRAM)
    town.play(unnamed("email", "2011-03-01", "e"))
    town.play(making("email", "2011-03-02", "e"))
    town.settle()
    assert town.customer(MADE_FROM).balance() == 10


def unassigned(number: str, on: str, *more: tuple[str, str], days: int = 30) -> ResolveCustomer:
    """A bill, held under its number and what else it came with."""
    identifiers = (*(KnownBy(kind=kind, digest=digest) for kind, digest in more), KnownBy(kind=BILL, digest=number))
    bill = bought(number, 1_000, on, customer_id=0)
    return structs.replace(unnamed(BILL, on, number, record=bill), identifiers=identifiers, days=days)


SHOP = program(rules=[spend()])


def test_bill_that_names_nobody_is_assigned_once_and_counts() -> None:
    town = Town(SHOP)
    town.play(unassigned("B1", "2011-03-01"))
    town.play(assigned("B1", "2011-03-05", 7))
    town.settle()
    assert town.customer(7).balance() == 10
    again = town.play(assigned("B1", "2011-03-06", 8))
    assert [fact.decision for fact in again.decided] == [
        RecordRefused(reason=Refusal.TRANSACTION_ASSIGNED, subject="B1")
    ]


def test_bill_of_somebody_unknown_is_assigned_or_released_and_its_number_names_nobody() -> None:
    town = Town(SHOP)
    town.play(unassigned("B1", "2011-03-01", EMAIL, days=0))
    town.play(unassigned("B2", "2011-03-01 13:00", EMAIL, days=0))
    town.play(assigned("B1", "2011-03-02", 7))
    story = town.play(linked(8, "2011-03-03", EMAIL))
    town.settle()
    assert [town.customer(one).balance() for one in (7, 8)] == [10, 10]
    town.play(unassigned("B3", "2011-03-04", EMAIL, days=0))
    town.play(structs.replace(unassigned("B4", "2011-03-05", CARD, days=0), makes=True))
    assert {one.kind for one in story.only(IdentifierLinked)} == {"email", "cardNumber"}


@pytest.mark.parametrize(("day", "done"), [("2011-03-30", True), ("2011-04-01", False)])
def test_bill_that_names_nobody_waits_thirty_days(day: str, *, done: bool) -> None:
    town = Town(SHOP)
    town.play(unassigned("B1", "2011-03-01"))
    story = town.play(assigned("B1", day, 7))
    assert bool(story.only(MessageReleased)) is done
    unknown = RecordRefused(reason=Refusal.TRANSACTION_UNKNOWN, subject="B1")
    assert [one for one in story.only(RecordRefused) if one == unknown] == [unknown] * (not done)


def test_history_is_assigned_to_nobody() -> None:
    story = org().when(BACKFILL).when(assigned("B1", "2011-03-01", 7))
    story.then(RecordRefused(reason=Refusal.IDENTIFIERS_IN_BACKFILL))
