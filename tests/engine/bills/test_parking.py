"""Parking: a return before its bill waits for it, whatever the distance within the window, and not for ever."""

from __future__ import annotations

from itertools import permutations

import pytest

from pipeline.engine.decide import due_entries
from schemas.facts import (
    ParkedReturn,
    PointsReversed,
    RecordAccepted,
    RecordRefused,
    Refusal,
    ReturnCounted,
    ReturnParked,
    ReturnRecorded,
    ReturnReleased,
)
from schemas.records import Line, Site
from tests.dsl import BOOKKEEPING, Story, given
from tests.steps import Step, bought, brought_back, instant, program, spend, tick

SHOP = program(rules=[spend()], returns={"window_days": 10}, repeat_window_days=5)
B1 = bought("B1", 1_000, "2011-03-01")


def early(amount: int, on: str = "2011-03-02", document: str = "R1") -> Step:
    return brought_back("B1", amount, on, bill_number=document, id=document)


def played(*steps: Step) -> Story:
    """The steps in this order, each of which has arrived by 4 March."""
    story = given(SHOP)
    for step in steps:
        story.play(step, as_of=instant("2011-03-04"))
    return story


def test_return_without_a_bill_waits_for_it() -> None:
    story = given(SHOP).when(early(400))
    story.then(
        ReturnParked(
            of_bill="B1",
            until=instant("2011-03-07"),
            parked=ParkedReturn(
                record_id="R1",
                event_time=instant("2011-03-02"),
                document="R1",
                amount_minor=400,
                currency="GBP",
            ),
        ),
        ignoring=BOOKKEEPING,
    )
    assert (story.waiting(), list(story.state.head.sections)) == (["B1"], [])


def test_return_is_decided_in_the_turn_of_its_bill_as_a_cause_of_its_own() -> None:
    story = given(SHOP, early(400))
    story.play(B1, as_of=instant("2011-03-03"))
    assert story.waiting() == []
    assert story.kinds()[-4:] == [ReturnReleased, ReturnRecorded, ReturnCounted, PointsReversed]
    (envelope,) = story.envelopes(PointsReversed)
    assert (envelope.cause, envelope.at, envelope.as_of) == (
        "TransactionReturned:R1",
        instant("2011-03-02"),
        instant("2011-03-03"),
    )
    assert (story.balance(), story.section().returned_minor) == (6, 400)


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_bill_and_its_returns_end_the_same_in_every_order(order: tuple[int, ...]) -> None:
    steps = (B1, early(400), early(300, "2011-03-03", "R2"), bought("B2", 500, "2011-03-01"))
    story = played(*(steps[place] for place in order))
    assert (story.balance(), story.section().returned_minor, story.waiting()) == (8, 700, [])


SOHO = Site(store_name="Old Compton Street")


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["in order", "waited"])
def test_return_is_recorded_with_the_number_and_the_place_of_its_document(order: tuple[int, int]) -> None:
    place = {"store": "soho", "till": "soho.1", "site": SOHO, "entered_by": "7001"}
    steps = (B1, brought_back("B1", 400, "2011-03-02", bill_number="R1", **place))
    (one,) = played(*(steps[place] for place in order)).only(ReturnRecorded)
    assert (one.bill_number, one.currency) == ("R1", "GBP")
    assert (one.store, one.till, one.site, one.entered_by) == ("soho", "soho.1", SOHO, "7001")


def test_return_is_recorded_with_the_number_of_its_lines() -> None:
    lines = (Line(sku="A", amount_minor=100), Line(sku="B", amount_minor=200))
    (one,) = played(B1, brought_back("B1", None, "2011-03-02", lines=lines)).only(ReturnRecorded)
    assert (one.amount_minor, one.line_count) == (300, 2)


def test_parked_returns_are_decided_in_order_of_event_time() -> None:
    story = played(early(700, "2011-03-03", "R2"), early(600, "2011-03-02", "R1"), B1)
    assert [(one.amount_minor, one.over_minor) for one in story.only(ReturnRecorded)] == [(600, 0), (400, 300)]


def test_return_document_that_waits_under_two_ids_counts_once() -> None:
    again = brought_back("B1", 400, "2011-03-02", bill_number="R1", id="other")
    story = played(early(400), again, B1)
    assert story.balance() == 6
    assert [one.reason for one in story.only(RecordRefused)] == [Refusal.RETURN_EXISTS]


def test_parked_return_is_not_of_a_bill_that_was_paid_after_it() -> None:
    story = played(early(400, "2011-03-01"), bought("B1", 1_000, "2011-03-02"))
    assert (story.balance(), story.waiting()) == (10, [])
    assert story.only(RecordRefused) == [RecordRefused(reason=Refusal.RETURN_BEFORE_BILL, subject="B1")]
    assert story.envelopes(RecordRefused)[0].cause == "TransactionReturned:R1"


def test_parked_return_is_not_of_a_bill_that_no_program_takes_back() -> None:
    story = played(early(400), bought("B1", 1_000, "2011-03-01", currency="EUR"))
    assert story.waiting() == ["B1"]


def test_bill_that_is_refused_releases_nothing() -> None:
    story = played(B1, early(400, "2011-03-12"), bought("B1", 500, "2011-02-28", id="other"))
    assert (story.balance(), story.waiting()) == (10, ["B1"])


def test_return_that_was_made_before_its_bill_is_refused_at_once() -> None:
    story = given(SHOP, B1).when(early(400, "2011-03-01 11:59"), as_of=instant("2011-03-04"))
    story.then(RecordRefused(reason=Refusal.RETURN_BEFORE_BILL, subject="B1"), ignoring=BOOKKEEPING)
    story.when(early(400, "2011-03-01", "R2"), as_of=instant("2011-03-04"))
    assert story.balance() == 6


def test_return_in_another_currency_than_its_bill_is_refused_when_the_bill_comes() -> None:
    story = played(brought_back("B1", 400, "2011-03-02", currency="EUR"), B1)
    assert [one.reason for one in story.only(RecordRefused)] == [Refusal.CURRENCY_UNKNOWN]
    assert story.waiting() == []


def test_id_of_a_parked_return_is_burned() -> None:
    story = given(SHOP, early(400)).when(early(400))
    story.then_nothing()
    assert story.waiting() == ["B1"]


def test_wait_ends_after_the_window_of_ids() -> None:
    story = given(SHOP, early(400)).when(tick(instant("2011-03-07") - 1))
    story.then_nothing()
    story.when(tick("2011-03-07")).then(
        ReturnReleased(of_bill="B1", record_id="R1", event_time=instant("2011-03-02")),
        RecordRefused(reason=Refusal.BILL_UNKNOWN, subject="B1"),
    )
    due = instant("2011-03-07")
    (envelope,) = story.envelopes(ReturnReleased)
    assert (envelope.cause, envelope.at, envelope.program_id) == (f"parkedReturn:B1:{due}", due, 0)
    assert (story.waiting(), story.state.head.timer) == ([], None)


def test_returns_that_waited_equally_long_are_given_up_together() -> None:
    story = played(early(400), early(300, document="R2")).when(tick("2011-04-01"))
    assert story.kinds() == [ReturnReleased, RecordRefused] * 2


def test_bill_that_comes_with_the_end_of_the_wait_finds_nothing() -> None:
    story = given(SHOP, early(400))
    story.play(bought("B1", 1_000, "2011-03-02"), as_of=instant("2011-03-07"))
    assert [one.reason for one in story.only(RecordRefused)] == [Refusal.BILL_UNKNOWN]
    assert story.balance() == 10


def test_entry_of_parked_returns_may_leave_only_after_their_timer() -> None:
    story = given(SHOP, early(400))
    (entry,) = story.state.entries.values()
    assert entry.forgotten_at >= story.state.head.due
    assert due_entries(story.state.head, story.state.head.due) == ("parked:B1",)
    assert due_entries(story.state.head, story.state.head.due - 1) == ()


def test_return_may_wait_again_where_an_entry_is_left_of_an_earlier_wait() -> None:
    story = given(SHOP, early(400), tick("2011-03-07"))
    story.play(early(300, "2011-03-08", "R2"))
    story.play(bought("B1", 1_000, "2011-03-08"))
    assert (story.balance(), story.waiting()) == (7, [])


@pytest.mark.parametrize(
    ("bills", "taken"),
    [pytest.param(["B1"] * 11, 10, id="of-one-bill"), pytest.param([f"B{n}" for n in range(101)], 100, id="in-all")],
)
def test_returns_beyond_the_bounds_are_refused(bills: list[str], taken: int) -> None:
    story = given(SHOP)
    for number, bill in enumerate(bills):
        story.play(brought_back(bill, 10, "2011-03-02", id=f"r{number}"))
    assert story.kinds() == [RecordAccepted, RecordRefused]
    assert [one.reason for one in story.only(RecordRefused)] == [Refusal.BILL_UNKNOWN]
    assert len(story.waiting()) == taken


def test_nothing_waits_where_no_program_takes_returns() -> None:
    story = given(program(rules=[spend()], returns=None)).when(early(400))
    story.then(RecordRefused(reason=Refusal.BILL_UNKNOWN, subject="B1"), ignoring=BOOKKEEPING)


def test_each_program_judges_a_parked_return_by_its_own_window() -> None:
    long = program(program_id=2, rules=[spend()], returns={"window_days": 20}, repeat_window_days=12)
    story = given(SHOP, long)
    for step in (early(1_000, "2011-03-12"), B1):
        story.play(step, as_of=instant("2011-03-05"))
    assert (story.balance(1), story.balance(2)) == (10, 0)
