"""Trackers: what counts, on which days, and what returns and updates take off."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given as for_any
from hypothesis import settings
from hypothesis import strategies as st

from pipeline.engine.calendar import as_day
from pipeline.engine.programs import Program
from pipeline.engine.trackers.values import tracker_value
from schemas.facts import TrackerCounted, TrackerLowered
from schemas.program import ProgramDefinition, Returns
from schemas.records import Line
from tests.dsl import Story, given
from tests.steps import Step, bought, brought_back, day, instant, program, tick, updated

COFFEE, TEA = "coffee", "tea"


def tracking(
    of: str = "amount", days: int = 30, *, version: int = 1, cyclic: bool = False, **parts: Any
) -> ProgramDefinition:
    tracker = {"id": "t", "of": of, "window": {"days": days, "cyclic": cyclic}, **parts}
    return program(version=version, trackers=[tracker], returns={"window_days": 400})


def line(sku: str, amount: int, quantity: int = 1, category: str = "") -> Line:
    return Line(sku=sku, amount_minor=amount, quantity=quantity, category=category)


def value(story: Story, on: str) -> int:
    definition = story.programs.get(1, 1)
    assert definition is not None
    (rule,) = definition.trackers
    return tracker_value(story.section(), rule, day(on))


LINES = (line(COFFEE, 400, 2, "drinks"), line(TEA, 300, 3, "drinks"), line("cake", 500, 1, "food"))


@pytest.mark.parametrize(
    ("of", "parts", "counted"),
    [
        pytest.param("amount", {}, 1_200, id="net"),
        pytest.param("gross", {}, 1_500, id="gross"),
        pytest.param("discount", {}, 250, id="discount"),
        pytest.param("quantity", {}, 6, id="quantity"),
        pytest.param("lines", {}, 3, id="lines"),
        pytest.param("visits", {}, 1, id="visits"),
        pytest.param("amount", {"skus": [COFFEE]}, 400, id="amount-of-a-sku"),
        pytest.param("amount", {"categories": ["drinks"]}, 700, id="amount-of-a-category"),
        pytest.param("amount", {"skus": ["cake"], "categories": ["drinks"]}, 1_200, id="either"),
        pytest.param("quantity", {"categories": ["drinks"]}, 5, id="quantity-of-a-category"),
        pytest.param("lines", {"skus": [TEA]}, 1, id="lines-of-a-sku"),
        pytest.param("visits", {"skus": [TEA]}, 1, id="visits-with-a-sku"),
        pytest.param("visits", {"skus": ["milk"]}, 0, id="visits-without-the-sku"),
        pytest.param("amount", {"skus": ["milk"]}, 0, id="nothing-of-the-sku"),
        pytest.param("amount", {"retired": True}, 0, id="retired"),
    ],
)
def test_what_a_bill_counts(of: str, parts: dict[str, Any], counted: int) -> None:
    bill = bought("B1", None, "2011-03-10", lines=LINES, gross_minor=1_500, discount_minor=250)
    assert value(given(tracking(of, **parts), bill), "2011-03-10") == counted


def test_gross_without_one_is_net_and_discount() -> None:
    assert value(given(tracking("gross"), bought("B1", 1_000, "2011-03-10", discount_minor=70)), "2011-03-10") == 1_070


def test_bill_without_lines_has_no_quantity() -> None:
    assert given(tracking("quantity"), bought("B1", 1_000, "2011-03-10")).only(TrackerCounted) == []


@pytest.mark.parametrize(
    ("on", "counted"),
    [("2011-03-10", 1), ("2011-04-08", 1), ("2011-04-09", 0), ("2011-03-09", 0)],
)
def test_moving_window_is_the_last_days_up_to_today(on: str, counted: int) -> None:
    assert value(given(tracking("visits", 30), bought("B1", 1, "2011-03-10")), on) == counted


@pytest.mark.parametrize(
    ("on", "counted"),
    [("2011-03-10", 100), ("2011-03-19", 110), ("2011-03-20", 0), ("2011-03-29", 0), ("2011-03-30", 0)],
)
def test_cycles_begin_with_the_day_of_the_first_bill(on: str, counted: int) -> None:
    story = given(tracking(days=10, cyclic=True), bought("B1", 100, "2011-03-10"))
    if on >= "2011-03-19":
        story.play(bought("B2", 10, "2011-03-19"))
    assert value(story, on) == counted


def test_first_bill_that_comes_late_moves_the_cycles() -> None:
    story = given(tracking(days=10, cyclic=True), bought("B1", 100, "2011-03-10"), bought("B2", 10, "2011-03-16"))
    story.play(bought("B0", 1, "2011-03-06"), as_of=instant("2011-03-16 13:00"))
    assert [one.value for one in story.only(TrackerCounted)] == [100, 110, 10]
    story.play(bought("A0", 1, "2011-02-25"), as_of=instant("2011-03-16 13:00"))
    assert story.only(TrackerCounted)[-1].value == 110


@pytest.mark.parametrize("zone_day", ["2011-03-27", "2011-10-30", "2012-02-29"])
def test_days_are_local_ones_whatever_their_length(zone_day: str) -> None:
    first, last = f"{zone_day} 00:00", f"{zone_day} 23:59"
    before = (date.fromisoformat(zone_day) - timedelta(days=1)).isoformat()
    story = given(
        tracking(days=1), bought("B1", 1, f"{before} 23:59"), bought("B2", 10, first), bought("B3", 100, last)
    )
    assert (value(story, before), value(story, zone_day)) == (0, 110)


def test_what_comes_late_counts_on_its_day_or_in_no_window_any_more() -> None:
    story = given(tracking(days=10), bought("B1", 1, "2011-03-20"))
    story.play(bought("B2", 10, "2011-03-11"), as_of=instant("2011-03-20 13:00"))
    story.play(bought("B3", 100, "2011-03-10"), as_of=instant("2011-03-20 13:00"))
    assert [one.value for one in story.only(TrackerCounted)] == [1, 11]


def test_days_that_no_window_holds_any_more_leave() -> None:
    story = given(tracking(days=10), bought("B1", 1, "2011-03-01"), bought("B2", 1, "2011-03-11"))
    assert list(story.section().trackers["t"].days) == [day("2011-03-11")]


def test_visits_are_stores_by_day_or_bills() -> None:
    bills = [
        bought("B1", 1, "2011-03-10 09:00", store="A"),
        bought("B2", 1, "2011-03-10 10:00", store="A"),
        bought("B3", 1, "2011-03-10 11:00", store="B"),
        bought("B4", 1, "2011-03-11 09:00", store="A"),
        bought("B5", 1, "2011-03-11 10:00"),
    ]
    assert value(given(tracking("visits"), *bills), "2011-03-11") == 4
    assert value(given(tracking("visits", per_transaction=True), *bills), "2011-03-11") == 5


# --- returns


def test_visit_is_gone_when_all_bills_of_its_store_and_day_are_back() -> None:
    story = given(
        tracking("visits"), bought("B1", 5, "2011-03-10", store="A"), bought("B2", 5, "2011-03-10", store="A")
    )
    assert value(story, "2011-03-12") == 1
    story.play(brought_back("B1", 4, "2011-03-11"))
    assert story.only(TrackerLowered) == []
    story.play(brought_back("B1", 1, "2011-03-12 09:00"))
    assert value(story, "2011-03-12") == 1
    story.play(brought_back("B2", 5, "2011-03-12 10:00"))
    assert value(story, "2011-03-12") == 0
    assert [(one.lowered, one.bills, one.value) for one in story.only(TrackerLowered)] == [(0, 1, 1), (1, 1, 0)]


@pytest.mark.parametrize(
    ("of", "after"),
    [("amount", [900, 600, 0]), ("gross", [1_125, 750, 0]), ("discount", [188, 125, 0])],
)
def test_return_takes_off_in_proportion_and_everything_in_the_end(of: str, after: list[int]) -> None:
    story = given(tracking(of), bought("B1", 1_200, "2011-03-10", gross_minor=1_500, discount_minor=250))
    for back, on in ((300, "2011-03-11"), (300, "2011-03-12"), (600, "2011-03-13")):
        story.play(brought_back("B1", back, on))
    assert [one.value for one in story.only(TrackerLowered)] == after


@pytest.mark.parametrize(
    ("of", "parts", "left"),
    [
        ("amount", {"skus": [COFFEE]}, 200),
        ("quantity", {"categories": ["drinks"]}, 4),
        ("amount", {"skus": ["cake"]}, 500),
        ("lines", {}, 3),
    ],
)
def test_return_of_lines_takes_off_what_came_back_of_them(of: str, parts: dict[str, Any], left: int) -> None:
    story = given(tracking(of, **parts), bought("B1", None, "2011-03-10", lines=LINES))
    story.play(brought_back("B1", None, "2011-03-11", lines=(line(COFFEE, 200),)))
    assert value(story, "2011-03-11") == left
    story.play(brought_back("B1", 1_000, "2011-03-12"))
    assert value(story, "2011-03-12") == 0


def test_return_lowers_the_day_of_the_sale_and_nothing_once_that_is_gone() -> None:
    story = given(tracking(days=10), bought("B1", 100, "2011-03-01"), bought("B2", 10, "2011-03-09"))
    story.play(brought_back("B1", 40, "2011-03-10"))
    assert [one.value for one in story.only(TrackerLowered)] == [70]
    story.play(bought("B3", 1, "2011-03-12"))
    story.play(brought_back("B1", 60, "2011-03-13"))
    assert (story.only(TrackerLowered)[-1].lowered, value(story, "2011-03-13")) == (0, 11)


def test_bill_of_before_the_tracker_is_no_matter_of_it() -> None:
    story = given(program(returns={"window_days": 400}), bought("B1", 100, "2011-03-01"), tracking(version=2))
    story.play(updated("B1", 90, "2011-03-02"))
    story.play(brought_back("B1", 90, "2011-03-03"))
    assert (story.only(TrackerCounted), story.only(TrackerLowered)) == ([], [])


def test_return_and_update_behind_a_programs_own_window_are_no_matter_of_it() -> None:
    short = tracking().model_copy(update={"program_id": 2, "returns": Returns(window_days=40)})
    story = given(tracking(), short, bought("B1", 100, "2011-03-01"))
    story.play(updated("B1", 90, "2011-04-20"))
    story.play(brought_back("B1", 90, "2011-04-21"))
    assert {one.program_id for one in story.envelopes(TrackerLowered)} == {1}


def test_retired_tracker_counts_nothing_more_and_falls_all_the_same() -> None:
    story = given(tracking(), bought("B1", 100, "2011-03-01"), tracking(version=2, retired=True))
    story.play(bought("B2", 10, "2011-03-02"))
    story.play(brought_back("B1", 100, "2011-03-03"))
    assert value(story, "2011-03-03") == 0


def test_program_without_returns_counts_lines_all_the_same() -> None:
    definition = tracking("quantity").model_copy(update={"returns": None})
    assert value(given(definition, bought("B1", None, "2011-03-01", lines=LINES)), "2011-03-01") == 6


def test_program_without_returns_counts_all_the_same() -> None:
    story = given(
        program(trackers=tracking().model_dump(mode="json")["trackers"], returns=None), bought("B1", 9, "2011-03-01")
    )
    assert value(story, "2011-03-01") == 9


# --- updates


def test_update_counts_as_if_the_bill_had_been_right_from_the_beginning() -> None:
    story = given(tracking(), bought("B1", 100, "2011-03-01"), brought_back("B1", 20, "2011-03-02"))
    for amount, on, left in ((150, "2011-03-03", 130), (0, "2011-03-04", 0), (60, "2011-03-05", 40)):
        story.play(updated("B1", amount, on))
        assert value(story, "2011-03-05") == left
    story.play(brought_back("B1", 40, "2011-03-06"))
    assert value(story, "2011-03-06") == 0


@pytest.mark.parametrize(
    ("of", "said", "left"),
    [
        ("gross", {"gross_minor": 900}, 900),
        ("gross", {}, 1_500),
        ("discount", {"discount_minor": 90}, 90),
        ("discount", {}, 250),
    ],
)
def test_update_that_leaves_something_out_leaves_it_as_it_was(of: str, said: dict[str, int], left: int) -> None:
    bill = bought("B1", 1_200, "2011-03-10", gross_minor=1_500, discount_minor=250)
    assert value(given(tracking(of), bill, updated("B1", 800, "2011-03-11", **said)), "2011-03-11") == left


def test_update_brings_lines_that_count_and_takes_them_out() -> None:
    story = given(tracking("quantity", skus=[COFFEE]), bought("B1", None, "2011-03-10", lines=(line(TEA, 100),)))
    story.play(updated("B1", None, "2011-03-11", lines=(line(TEA, 100), line(COFFEE, 80, 2))))
    assert value(story, "2011-03-11") == 2
    story.play(updated("B1", None, "2011-03-12", lines=(line(TEA, 110), line(COFFEE, 70, 2))))
    story.play(updated("B1", None, "2011-03-13", lines=(line(TEA, 110),)))
    assert [one.value for one in story.only(TrackerCounted)] == [2, 0]


def test_visit_that_an_update_cancels_and_reinstates() -> None:
    story = given(tracking("visits"), bought("B1", 5, "2011-03-10", store="A"))
    for amount, on, left in ((0, "2011-03-11", 0), (5, "2011-03-12", 1)):
        story.play(updated("B1", amount, on))
        assert value(story, "2011-03-12") == left


def test_update_of_a_bill_that_no_window_holds_changes_nothing() -> None:
    story = given(tracking(days=10), bought("B1", 100, "2011-03-01"), updated("B1", 50, "2011-03-20"))
    assert [one.value for one in story.only(TrackerCounted)] == [100]


# --- order


ORDERS = st.permutations(range(6))


@settings(max_examples=40)
@for_any(
    st.lists(st.tuples(st.integers(0, 11), st.integers(1, 50), st.booleans()), min_size=6, max_size=6),
    ORDERS,
    st.integers(1, 12),
    st.sampled_from(["moving", "cyclic"]),
)
def test_order_within_the_window_changes_no_value_and_a_sale_and_its_return_cancel_out(
    bills: list[tuple[int, int, bool]], order: list[int], days: int, kind: str
) -> None:
    first, cyclic = date(2011, 3, 1), kind == "cyclic"
    now = instant("2011-03-12 20:00")
    on = [(first + timedelta(days=offset)).isoformat() for offset, _, _ in bills]
    sales = [bought(f"B{number}", amount, f"{on[number]} 09:00") for number, (_, amount, _) in enumerate(bills)]
    backs = [
        brought_back(f"B{number}", amount, "2011-03-12 12:00") for number, (_, amount, gone) in enumerate(bills) if gone
    ]

    def after(steps: list[Step]) -> int:
        story = given(tracking(days=days, cyclic=cyclic), tick(now))
        for step in steps:
            story.play(step, as_of=now)
        return value(story, "2011-03-12")

    begins = min(offset for offset, _, _ in bills)
    reach = (11 - begins) % days if cyclic else days - 1
    naive = sum(amount for offset, amount, gone in bills if not gone and 11 - offset <= reach)
    assert after([*sales, *backs]) == after([*(sales[number] for number in order), *backs]) == naive


def test_day_is_that_of_the_programs_zone() -> None:
    assert Program(tracking()).calendar.day_of(instant("2011-03-10 00:00")) == as_day(date(2011, 3, 10))
