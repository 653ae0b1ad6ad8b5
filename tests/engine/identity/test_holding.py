"""What waits for somebody to be known: how long, how much, how it is released, and what it still counts for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from pipeline.engine.calendar import NEVER
from pipeline.engine.identity import holding
from pipeline.engine.identity.state import HOLDS, Held, Holds, Page
from pipeline.engine.programs import DAY_MS
from schemas.facts import (
    HoldEnded,
    HoldExpired,
    HoldsDue,
    MessageHeld,
    MessageReleased,
    MilestoneAchieved,
    MilestoneProgressed,
    PointsIssued,
    RecordPassedOn,
    RecordRefused,
    Refusal,
    ReturnRecorded,
)
from schemas.records import BILL, EndHold, KnownBy, Profile, Record, ResolveCustomer
from tests.dsl import Story
from tests.steps import (
    assigned,
    bought,
    brought_back,
    instant,
    joined,
    keyed,
    linked,
    merge,
    milestone,
    program,
    spend,
    tick,
    unnamed,
)
from tests.town import Town

SHOP = program(rules=[spend()], returns={"window_days": 60})
MONTHLY = program(rules=[spend()], milestones=[milestone("visit", points=50)])
YEAR = 365


def held(
    record: Record, on: str | int, *more: tuple[str, str], kind: str = "email", digest: str = "e", days: int = YEAR
) -> ResolveCustomer:
    """A record by identifiers, as intake hands it over."""
    others = (KnownBy(kind=one, digest=value) for one, value in more)
    return structs.replace(unnamed(kind, on, digest, *others, record=record), days=days)


def bill(number: str, on: str, *more: tuple[str, str], digest: str = "e", days: int = YEAR) -> ResolveCustomer:
    return held(bought(number, 1_000, on, customer_id=0), on, *more, digest=digest, days=days)


def goods(number: str, on: str, *more: tuple[str, str]) -> ResolveCustomer:
    """A return that names nobody."""
    (kind, digest), *rest = (*more, (BILL, number))
    back = brought_back(number, 1_000, on, customer_id=0)
    return held(back, on, *rest, kind=kind, digest=digest, days=30)


def days_after(on: str, days: int) -> int:
    return instant(on) + days * DAY_MS


def places(story: Story) -> list[str]:
    return [one.place for one in story.only(MessageReleased)]


def test_bill_that_was_held_and_is_released_on_day_100_pays_once() -> None:
    town = Town(SHOP)
    first = bill("B1", "2011-03-01")
    town.play(first)
    town.play(structs.replace(first, id="in:0:copy"))
    town.play(linked(7, days_after("2011-03-01", 100), ("email", "e")))
    town.settle()
    assert town.customer(7).balance() == 10

    again = structs.replace(first, id="in:0:again", received_at=days_after("2011-03-01", 101))
    town.play(again, days_after("2011-03-01", 101))
    town.settle()
    assert (town.customer(7).balance(), town.customer(7).decided) == (10, [])


@pytest.mark.parametrize(
    ("early", "released"), [pytest.param(1, 1, id="in time"), pytest.param(0, 0, id="a moment too late")]
)
def test_what_is_held_waits_to_the_end_of_the_day(early: int, released: int) -> None:
    story = Story(SHOP, customer=0)
    story.play(bill("B1", "2011-03-01"))
    story.play(linked(7, instant("2012-03-01 00:00") - early, ("email", "e")))
    assert len(places(story)) == released


@pytest.mark.parametrize(("older", "waits"), [pytest.param(0, True, id="just"), pytest.param(1, False, id="no longer")])
def test_what_is_too_old_when_it_comes_is_refused_and_not_held(older: int, *, waits: bool) -> None:
    record = bill("B1", "2011-03-01")
    story = Story(SHOP, customer=0)
    story.play(record, record.event_time + 35 * DAY_MS + older)
    refused = [] if waits else [RecordRefused(reason=Refusal.TOO_OLD)]
    assert story.only(RecordRefused) == refused
    assert bool(story.only(MessageHeld)) is waits


def test_only_bills_and_events_count_however_old_they_are() -> None:
    town = Town(SHOP)
    late = days_after("2011-03-01", 30)
    town.play(held(joined("2011-03-01", Profile(first_name="Jo"), customer_id=0), "2011-03-01", days=0), late)
    town.play(bill("B1", "2011-03-01 13:00"), late + 1)
    town.play(linked(7, days_after("2011-03-01", 50), ("email", "e")))
    town.settle()
    story = town.customer(7)
    assert story.only(RecordRefused) == [RecordRefused(reason=Refusal.TOO_OLD)]
    assert (story.balance(), story.state.head.profile) == (10, Profile())


@pytest.mark.parametrize("early", [1, 0])
def test_period_that_is_final_by_then_counts_nothing_and_pays_the_points(early: int) -> None:
    town = Town(MONTHLY)
    town.play(bill("B1", "2011-03-10"))
    final_at = instant("2011-04-01 00:00") + 35 * DAY_MS
    town.play(linked(7, final_at - early, ("email", "e")))
    town.settle()
    story = town.customer(7)
    assert len(story.only(MilestoneAchieved)) == early
    assert story.balance() == 10 + 50 * early


def test_period_that_was_met_and_forgotten_is_not_met_again() -> None:
    town = Town(program(rules=[spend()], milestones=[milestone("visit", points=50)], returns=None))
    town.play(bought("B0", 1_000, "2011-03-05"))
    town.play(bill("B1", "2011-03-10"))
    town.play(bought("B2", 1_000, "2011-06-05"))
    assert list(town.customer(7).values("visit")) == ["2011-06"]
    town.play(linked(7, "2011-06-08", ("email", "e")))
    town.settle()
    story = town.customer(7)
    assert [one.period for one in story.only(MilestoneProgressed)] == [
        one.period for one in story.only(MilestoneAchieved)
    ]
    assert (story.balance(), list(story.values("visit"))) == (130, ["2011-06"])


def test_period_that_is_still_open_counts_what_was_held_beyond_the_window() -> None:
    yearly = program(rules=[spend()], milestones=[milestone("visit", period="year", points=50)])
    town = Town(yearly)
    town.play(bill("B1", "2011-03-10"))
    town.play(linked(7, "2011-08-01", ("email", "e")))
    town.settle()
    assert town.customer(7).values("visit") == {"2011": 1}


def test_program_with_a_shorter_window_than_others_takes_it_too() -> None:
    short = program(program_id=2, rules=[spend()], repeat_window_days=7)
    town = Town(SHOP, short)
    town.play(bill("B1", "2011-03-01"))
    town.play(linked(7, "2011-03-15", ("email", "e")))
    town.settle()
    assert (town.customer(7).balance(), town.customer(7).balance(2)) == (10, 10)


def test_what_was_held_for_a_victim_is_the_survivors() -> None:
    town = Town(SHOP)
    town.play(bill("B1", "2011-03-01"))
    town.play(bought("B2", 1_000, "2011-03-02", customer_id=8))
    town.play(merge(8, "2011-03-03"))
    town.settle()
    town.play(linked(8, "2011-08-01", ("email", "e")))
    town.settle()
    assert len(town.customer(8).only(RecordPassedOn)) == 1
    assert town.customer(7).balance() == 20


def test_return_that_names_nobody_is_released_behind_its_sale() -> None:
    town = Town(SHOP)
    sale, back = bill("B1", "2011-03-01", (BILL, "B1")), goods("B1", "2011-03-20")
    other = bill("B1", "2011-03-02", (BILL, "B1"), digest="x")
    for one in (sale, other, back):
        town.play(one)
    story = town.play(linked(7, "2011-03-30", ("email", "e")))
    assert places(story) == [sale.id, back.id]
    town.settle()
    assert town.customer(7).balance() == 0
    assert len(town.customer(7).only(ReturnRecorded)) == 1


def test_return_is_released_behind_a_sale_that_comes_later_by_identifiers_that_are_known() -> None:
    town = Town(SHOP)
    town.play(linked(7, "2011-03-01", ("email", "e")))
    back = goods("B1", "2011-03-02")
    town.play(back)
    story = town.play(bill("B1", "2011-03-01 13:00", (BILL, "B1")), instant("2011-03-03"))
    assert places(story) == [back.id]
    town.settle()
    assert town.customer(7).balance() == 0
    story.play(goods("B1", "2011-03-04", ("email", "e")))
    assert places(story) == [back.id]


def test_return_by_an_identifier_that_is_linked_with_its_sale_is_released_once() -> None:
    town = Town(SHOP)
    sale = bill("B1", "2011-03-01", ("mobile", "m"), (BILL, "B1"))
    back = goods("B1", "2011-03-02", ("mobile", "m"))
    town.play(sale)
    town.play(back)
    story = town.play(linked(7, "2011-03-03", ("mobile", "m"), ("email", "e")))
    assert places(story) == [sale.id, back.id]
    known = town.play(bill("B1", "2011-03-01 13:00", (BILL, "B1")), instant("2011-03-04"))
    assert places(known) == [sale.id, back.id]


@pytest.mark.parametrize("returns", [1, 2])
def test_return_that_names_nobody_waits_as_long_as_its_sale(returns: int) -> None:
    town = Town(SHOP)
    town.play(bill("B1", "2011-03-01", (BILL, "B1")))
    for number in range(returns):
        town.play(structs.replace(goods("B1", "2011-03-05"), id=f"in:0:{number}"))
    town.pass_time(tick("2012-02-29 23:00"))
    story = town.play(linked(7, "2012-02-29 23:30", ("email", "e")))
    assert len(places(story)) == 1 + returns
    town.settle()
    assert town.customer(7).balance() == 0
    assert (story.state.head.agenda, story.only(HoldsDue)) == ([], [])


def test_return_and_sale_end_at_one_midnight() -> None:
    town = Town(SHOP)
    town.play(bill("B1", "2011-03-01", (BILL, "B1")))
    back = goods("B1", "2011-03-05")
    town.play(back)
    town.pass_time(tick("2012-03-01"))
    town.settle()
    assert {one.place for one in town.customer(0).only(HoldEnded)} == {"in:0:2011-03-01", back.id}


def test_return_of_a_sale_that_waits_no_longer_waits_for_its_own_time() -> None:
    town = Town(SHOP)
    town.play(bill("B1", "2011-03-01", (BILL, "B1")))
    town.play(linked(7, "2011-03-02", ("email", "e")))
    town.play(goods("B1", "2011-03-05"))
    assert town.customer(0).only(MessageHeld)[-1].until == instant("2011-04-05 01:00")


def test_what_waits_under_several_identifiers_is_released_in_the_order_of_holding() -> None:
    story = Story(SHOP, customer=0)
    first = bill("B1", "2011-03-01")
    second = held(bought("B2", 1_000, "2011-03-02", customer_id=0), "2011-03-02", kind="mobile", digest="m")
    story.play(first)
    story.play(second)
    story.play(linked(7, "2011-03-05", ("mobile", "m"), ("email", "e")))
    assert places(story) == [first.id, second.id]


def test_sale_and_return_are_assigned_together_however_late() -> None:
    town = Town(program(rules=[spend()], returns={"window_days": 35}))
    town.play(bill("B1", "2011-03-01", (BILL, "B1")))
    town.play(structs.replace(goods("B1", "2011-03-02"), days=YEAR))
    at = instant("2011-12-01")
    town.play(assigned("B1", at))
    town.deliver()
    assert town.customer(7).state.entries["bill:B1"].forgotten_at == at + 7 * DAY_MS
    town.settle()
    assert town.customer(7).balance() == 0


def test_what_nobody_comes_for_is_given_up_once() -> None:
    town = Town(SHOP)
    first, second = bill("B1", "2011-03-01"), bill("B2", "2011-03-01 13:00", ("mobile", "m"))
    town.play(first)
    org = town.play(second)
    page = org.only(MessageHeld)[0].page
    town.play(linked(7, "2011-03-02", ("mobile", "m")))
    town.settle()
    over = instant("2012-03-01 00:00")
    town.pass_time(tick(over - 1))
    assert not town.waiting
    town.pass_time(tick(over))
    assert org.only(HoldsDue) == [HoldsDue(page=page)]
    assert [type(one) for one in town.waiting] == [EndHold]
    town.deliver().then(HoldExpired(page=page, place=first.id))
    town.deliver().then(HoldEnded(place=first.id, record=first.record), RecordRefused(reason=Refusal.HOLD_ENDED))
    assert org.state.entries[f"held:{first.id}"] == Held(forgotten_at=over, record=b"")
    assert (org.state.entries[page], org.state.entries[HOLDS]) == (
        Page(forgotten_at=over, places=[]),
        Holds(forgotten_at=NEVER, count=0),
    )
    town.pass_time(tick(over + DAY_MS))
    assert (org.state.head.agenda, town.waiting) == ([], [])


def test_a_page_has_so_many_records_at_most_and_all_of_them_end_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holding, "PAGE_MAX", 2)
    town = Town(SHOP)
    for minute in range(5):
        town.play(bill(f"B{minute}", f"2011-03-01 12:0{minute}"))
    story = town.play(bill("B9", "2011-03-02"))
    pages = [one.page for one in story.only(MessageHeld)]
    assert [pages.count(one) for one in dict.fromkeys(pages)] == [2, 2, 1, 1]
    town.pass_time(tick("2012-03-01"))
    assert [one.page for one in story.only(HoldsDue)] == sorted(set(pages[:5]))
    town.settle()
    assert len(story.only(HoldEnded)) == 5


def test_so_many_records_of_an_org_wait_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holding, "HELD_OF_ORG_MAX", 1)
    story = Story(SHOP, customer=0)
    story.play(bill("B1", "2011-03-01"))
    story.when(bill("B2", "2011-03-02", digest="x")).then(RecordRefused(reason=Refusal.TOO_MANY_HELD))
    story.play(linked(7, "2011-03-03", ("email", "e")))
    story.play(bill("B3", "2011-03-04", digest="x"))
    assert len(story.only(MessageHeld)) == 2


def test_a_hundred_records_wait_for_one_identifier_and_those_that_were_released_leave_room() -> None:
    story = Story(SHOP, customer=0)
    for minute in range(60):
        story.play(bill(f"B{minute}", f"2011-03-01 10:{minute:02}", ("mobile", "m")))
    for minute in range(40):
        story.play(bill(f"C{minute}", f"2011-03-01 11:{minute:02}", ("mobile", "m"), digest="x"))
    refused = RecordRefused(reason=Refusal.IDENTIFIER_UNKNOWN, subject="mobile")
    by_phone = held(bought("D", 1_000, "2011-03-02", customer_id=0), "2011-03-02", kind="mobile", digest="m")
    story.when(by_phone).then(refused)
    story.play(linked(7, "2011-03-03", ("email", "x")))
    assert len(places(story)) == 40
    story.play(by_phone, instant("2011-03-04"))
    assert len(story.only(MessageHeld)) == 101
    assert len(story.state.entries["identifier:mobile:m"].waiting) == 61


IDENTIFIERS = [("email", "e"), ("email", "x"), ("mobile", "m"), (BILL, "B")]
STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("holds"),
            st.lists(st.sampled_from(IDENTIFIERS), min_size=1, unique=True),
            st.sampled_from([365, 30, 0]),
        ),
        st.tuples(st.just("links"), st.sampled_from(IDENTIFIERS[:3]), st.sampled_from([7, 8])),
        st.tuples(st.just("unlinks"), st.sampled_from(IDENTIFIERS[:3]), st.sampled_from([7, 8])),
        st.tuples(st.just("passes"), st.sampled_from([1, 20, 40, 200]), st.just(0)),
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(steps=STEPS)
def test_what_is_held_is_released_or_ends_and_never_both_or_twice(steps: list[tuple[str, Any, int]]) -> None:
    bounds = {"PAGE_MAX": 2, "HELD_MAX": 3, "HELD_OF_ORG_MAX": 6}
    with pytest.MonkeyPatch.context() as patch:
        for name, bound in bounds.items():
            patch.setattr(holding, name, bound)
        town, at = Town(SHOP), instant("2011-03-01")
        org = town.customer(0)
        for word, what, number in steps:
            at += 1_000
            if word == "holds":
                first, *more = sorted(what, key=IDENTIFIERS.index)
                record = bought(f"B{at}", 1_000, at, customer_id=0)
                town.play(held(record, at, *more, kind=first[0], digest=first[1], days=number))
            elif word == "passes":
                at += what * DAY_MS
                town.pass_time(tick(at))
            else:
                town.play(linked(number, at, what, unlink=word == "unlinks"))
            assert len(org.only(MessageHeld)) - len(places(org)) - len(org.only(HoldEnded)) <= bounds["HELD_OF_ORG_MAX"]
            town.settle()
        town.pass_time(tick(at + 400 * DAY_MS))
        town.settle()
    gone = [*places(org), *(one.place for one in org.only(HoldEnded))]
    assert sorted(gone) == sorted(one.place for one in org.only(MessageHeld))
    assert org.state.head.agenda == []


def test_the_first_key_is_that_of_the_org() -> None:
    story = Story(SHOP, customer=0)
    for fingerprint in ("a", "a", "b"):
        story.play(keyed(fingerprint, "2011-03-01"))
    assert [type(fact.decision).__name__ for fact in story.facts] == [
        "IdentityKeySet",
        "IdentifiersKnown",
        "RecordRefused",
    ]


def test_points_of_what_was_held_for_long_expire_by_the_day_of_the_bill() -> None:
    town = Town(program(rules=[spend()], points={"expiry": {"days": 30}}))
    town.play(bill("B1", "2011-03-01"))
    town.play(linked(7, "2011-08-01", ("email", "e")))
    town.settle()
    story = town.customer(7)
    assert (len(story.only(PointsIssued)), story.balance()) == (1, 0)
