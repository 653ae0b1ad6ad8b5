"""What milestones count: measures, filters and limits, and what returns and updates take off."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given as over
from hypothesis import settings
from hypothesis import strategies as st

from pipeline.engine.milestones.measures import text_of
from schemas.facts import IgnoredFor, MilestoneAchieved, MilestoneMeasured, MilestoneTallied, ValueIgnored
from schemas.program import ProgramDefinition
from schemas.records import Line
from tests.dsl import Story, given
from tests.steps import bought, brought_back, did, milestone, program, spend, starting, updated

BEANS = Line(sku="BEANS", amount_minor=900, quantity=2, category="coffee")
LATTE = Line(sku="LATTE", amount_minor=350, category="coffee")
MUG = Line(sku="MUG", amount_minor=1_200, quantity=3, category="kitchen")
GIFT = Line(sku="GIFT", amount_minor=0, quantity=4, category="coffee")


def counting(goal: int = 1_000, version: int = 1, **counts: Any) -> ProgramDefinition:
    returns = counts.pop("returns", {"window_days": 400})
    rules = [spend(points=2)] if counts.get("measure") == "points" else []
    of = {"of": "transactions", **counts}
    return program(version=version, rules=rules, milestones=[milestone("m", goal, counts=of)], returns=returns)


def value(story: Story, month: str = "2025-03") -> int | None:
    return story.values("m").get(month)


@pytest.mark.parametrize(
    ("counts", "counted"),
    [
        pytest.param({"measure": "sum"}, 2_450, id="net"),
        pytest.param({"measure": "gross"}, 2_700, id="gross"),
        pytest.param({"measure": "quantity"}, 10, id="quantity"),
        pytest.param({"measure": "points"}, 49, id="points"),
        pytest.param({"measure": "days"}, 1, id="days"),
        pytest.param({"measure": "stores"}, 1, id="stores"),
        pytest.param({"measure": "skus"}, 4, id="skus"),
        pytest.param({"measure": "quantity", "categories": ["coffee"]}, 7, id="coffees"),
        pytest.param({"measure": "quantity", "skus": ["LATTE", "MUG"]}, 4, id="some-skus"),
        pytest.param({"measure": "sum", "skus": ["MUG"], "categories": ["coffee"]}, 2_450, id="either-of-both"),
        pytest.param({"measure": "sum", "excluded_categories": ["coffee"]}, 1_200, id="all-but-a-category"),
        pytest.param({"measure": "sum", "categories": ["coffee"], "excluded_skus": ["LATTE"]}, 900, id="less-a-sku"),
        pytest.param({"measure": "skus", "categories": ["coffee"]}, 3, id="skus-of-a-category"),
        pytest.param({"measure": "count", "skus": ["BEANS"]}, 1, id="bills-with-a-sku"),
        pytest.param({"measure": "count", "skus": ["TEA"]}, None, id="bills-without-it"),
        pytest.param({"measure": "days", "skus": ["TEA"]}, None, id="days-without-it"),
        pytest.param({"measure": "stores", "skus": ["BEANS"]}, 1, id="stores-with-it"),
        pytest.param({"measure": "skus", "skus": ["TEA"]}, None, id="no-such-sku"),
        pytest.param({"measure": "quantity", "skus": ["TEA"]}, None, id="none-of-it"),
        pytest.param({"stores": ["S1"]}, 1, id="a-store"),
        pytest.param({"stores": ["S2"]}, None, id="another-store"),
        pytest.param({"minimum_minor": 2_450}, 1, id="just-enough"),
        pytest.param({"minimum_minor": 2_451}, None, id="one-short"),
        pytest.param({"measure": "sum", "minimum_minor": 1}, 2_450, id="net-of-some-bills"),
    ],
)
def test_bill_counts_what_the_measure_says(counts: dict[str, Any], counted: int | None) -> None:
    bill = bought("B1", None, "2025-03-01", lines=(BEANS, LATTE, MUG, GIFT), store="S1", discount_minor=250)
    assert value(given(counting(**counts), bill)) == counted


@pytest.mark.parametrize(
    ("measure", "counted"), [("quantity", None), ("skus", None), ("stores", None), ("gross", 700), ("days", 1)]
)
def test_bill_without_lines_store_and_discount_has_none_of_them(measure: str, counted: int | None) -> None:
    assert value(given(counting(measure=measure), bought("B1", 500, "2025-03-01", gross_minor=700))) == counted


@pytest.mark.parametrize(
    ("counts", "counted"),
    [
        pytest.param({"measure": "days"}, 2, id="days"),
        pytest.param({"measure": "values", "attribute": "shop"}, 2, id="values"),
        pytest.param({"where": {"shop": ["7", "9"]}}, 3, id="numbers-are-text"),
        pytest.param({"where": {"loud": ["true"]}}, 1, id="and-so-are-truths"),
        pytest.param({"where": {"shop": ["7"], "loud": ["true"]}}, None, id="all-conditions"),
        pytest.param({"where": {"none": ["x"]}}, None, id="absent"),
        pytest.param({"measure": "sum", "attribute": "km", "where": {"shop": ["7"]}}, 3_000, id="sum-of-some"),
        pytest.param({"measure": "points"}, 15, id="points"),
    ],
)
def test_event_counts_what_the_measure_says(counts: dict[str, Any], counted: int | None) -> None:
    rules = [{"id": "e", "kind": "event", "event": "run", "points": 5}]
    of = {"of": "events", "event": "run", **counts}
    story = given(
        program(rules=rules, milestones=[milestone("m", 1_000, counts=of)]),
        did("run", "2025-03-01 08:00", attributes={"shop": 7, "km": 1}),
        did("run", "2025-03-01 09:00", attributes={"shop": "7", "km": "2"}),
        did("run", "2025-03-02 09:00", attributes={"shop": "9", "km": 4, "loud": True}),
    )
    assert value(story) == counted


def test_event_without_the_attribute_whose_values_are_counted_is_ignored() -> None:
    of = {"of": "events", "event": "run", "measure": "values", "attribute": "shop"}
    story = given(program(milestones=[milestone("m", counts=of)]), did("run", "2025-03-01"))
    assert story.only(ValueIgnored) == [
        ValueIgnored(milestone_id="m", attribute="shop", value="", reason=IgnoredFor.ABSENT)
    ]
    assert [text_of(one) for one in (None, True, 3, "x")] == ["", "true", "3", "x"]


def test_different_things_count_once_in_a_cycle() -> None:
    story = given(
        counting(2, measure="stores"),
        bought("B1", 500, "2025-03-01", store="S1"),
        bought("B2", 500, "2025-03-02", store="S1"),
        bought("B3", 500, "2025-03-03", store="S2"),
        bought("B4", 500, "2025-04-01", store="S2"),
    )
    assert story.values("m") == {"2025-03": 2, "2025-04": 1}
    assert [one.cause for one in story.envelopes(MilestoneAchieved)] == ["TransactionAdded:t-B3"]


def test_limit_lets_so_many_count_in_each_of_its_periods() -> None:
    story = given(
        counting(at_most={"times": 2, "per": "week"}),
        *(bought(f"B{number}", 500, f"2025-03-{3 + number:02}") for number in range(10)),
    )
    assert value(story) == 4  # the days from Monday the 3rd to Wednesday the 12th
    assert sum(one.times for one in story.only(MilestoneTallied)) == 4


def test_what_comes_back_as_a_whole_makes_room_below_the_limit_for_later_bills() -> None:
    limited = counting(measure="sum", at_most={"times": 1, "per": "day"})
    story = given(limited, bought("B1", 500, "2025-03-03 09:00"), bought("B2", 70, "2025-03-03 10:00"))
    assert value(story) == 500
    story.play(brought_back("B1", 200, "2025-03-03 11:00"))
    story.play(bought("B3", 70, "2025-03-03 12:00"))
    assert value(story) == 300
    story.play(brought_back("B1", 300, "2025-03-03 13:00"))
    story.play(bought("B4", 70, "2025-03-03 14:00"))
    assert value(story) == 70


@pytest.mark.parametrize(
    ("method", "back", "left"),
    [
        pytest.param("line_exact", (Line("BEANS", 450),), 9, id="a-share-of-a-line"),
        pytest.param("line_exact", (Line("BEANS", 899),), 9, id="rounded-down"),
        pytest.param("line_exact", (Line("BEANS", 900),), 8, id="a-line"),
        pytest.param("line_exact", (Line("BEANS", 900), Line("LATTE", 350), Line("MUG", 1_200)), None, id="all"),
        pytest.param("pro_rata_bill", (Line("BEANS", 900),), 7, id="a-share-of-the-bill"),
    ],
)
def test_return_takes_the_share_of_what_came_back(method: str, back: tuple[Line, ...], left: int | None) -> None:
    quantity = counting(measure="quantity", returns={"window_days": 400, "method": method})
    story = given(quantity, bought("B1", None, "2025-03-01", lines=(BEANS, LATTE, MUG, GIFT)))
    story.play(brought_back("B1", None, "2025-03-02", lines=back))
    assert value(story) == (left or 0)


@pytest.mark.parametrize("measure", ["gross", "points", "days", "stores", "skus", "count", "sum"])
def test_whole_return_leaves_nothing_and_what_others_have_stays(measure: str) -> None:
    counts = {"minimum_minor": 1} if measure in ("count", "sum") else {}
    plan = counting(measure=measure, **counts)
    one = bought("B1", None, "2025-03-01", lines=(LATTE,), store="S1")
    alone = value(given(plan, one))
    story = given(plan, one, bought("B2", None, "2025-03-01 13:00", lines=(LATTE,), store="S1"))
    story.play(brought_back("B2", 100, "2025-03-02"))
    story.play(brought_back("B2", 250, "2025-03-03"))
    assert value(story) == alone
    story.play(brought_back("B1", 350, "2025-03-04"))
    assert value(story) == 0
    assert all(
        not tally.keys and not tally.uses for some in story.section().tallies.values() for tally in some.values()
    )


@pytest.mark.parametrize(
    ("counts", "before", "after"),
    [
        pytest.param({"measure": "quantity", "categories": ["coffee"]}, 3, 1, id="quantity"),
        pytest.param({"measure": "gross"}, 1_250, 1_700, id="gross-as-the-update-says"),
        pytest.param({"measure": "points"}, 25, 31, id="points"),
        pytest.param({"measure": "skus"}, 2, 2, id="skus"),
        pytest.param({"measure": "skus", "categories": ["coffee"]}, 2, 1, id="one-sku-less"),
        pytest.param({"measure": "days"}, 1, 1, id="days"),
        pytest.param({"measure": "sum", "stores": ["S1"]}, 1_250, 1_550, id="of-a-store"),
        pytest.param({"measure": "count", "minimum_minor": 1_550}, None, 1, id="now-large-enough"),
        pytest.param({"measure": "count", "minimum_minor": 1_250}, 1, 1, id="large-enough-still"),
        pytest.param({"measure": "sum", "stores": ["S2"]}, None, None, id="of-another-store"),
        pytest.param({"measure": "sum", "at_most": {"times": 1, "per": "day"}}, 1_250, 1_550, id="limited"),
    ],
)
def test_updated_bill_counts_as_if_it_had_been_so(
    counts: dict[str, Any], before: int | None, after: int | None
) -> None:
    story = given(counting(**counts), bought("B1", None, "2025-03-01", lines=(BEANS, LATTE), store="S1"))
    assert value(story) == before
    story.play(updated("B1", None, "2025-03-02", lines=(LATTE, MUG), gross_minor=1_700))
    assert value(story) == after
    story.play(updated("B1", 0, "2025-03-03"))
    assert value(story) in (0, None)


@pytest.mark.parametrize(
    ("returns", "lines", "after"),
    [
        ({"window_days": 400}, (LATTE,), 1),
        ({"window_days": 400}, (BEANS, LATTE, MUG, Line("TEA", 1, 5, "coffee")), 3),
        ({"window_days": 400, "milestones": "keep"}, (LATTE,), 3),
    ],
    ids=["falls", "does not rise", "falls where returns lower it only"],
)
def test_update_in_a_period_that_is_final_only_lowers_it(
    returns: dict[str, Any], lines: tuple[Line, ...], after: int
) -> None:
    coffee = counting(measure="quantity", categories=["coffee"], returns=returns)
    story = given(coffee, bought("B1", None, "2025-03-01", lines=(BEANS, LATTE)))
    story.play(updated("B1", None, "2025-06-02", lines=lines))
    assert value(story) == after


def test_bill_beyond_the_limit_counts_nothing_by_an_update() -> None:
    limited = counting(measure="sum", at_most={"times": 1, "per": "day"})
    story = given(limited, bought("B1", 500, "2025-03-01 09:00"), bought("B2", 70, "2025-03-01 10:00"))
    story.play(updated("B2", 90, "2025-03-02"))
    assert value(story) == 500


def test_bill_that_a_limit_left_out_counts_by_an_update_where_there_is_room_then() -> None:
    limited = counting(measure="sum", at_most={"times": 1, "per": "day"})
    story = given(limited, bought("B1", 500, "2025-03-01 09:00"), bought("B2", 70, "2025-03-01 10:00"))
    story.play(brought_back("B1", 500, "2025-03-02"))
    story.play(updated("B2", 90, "2025-03-03"))
    assert value(story) == 90
    story.play(updated("B2", 0, "2025-03-04"))
    assert value(story) == 0
    story.play(updated("B2", 80, "2025-03-05"))
    assert value(story) == 80


def test_bill_that_becomes_one_of_those_that_count_does_so_below_a_limit() -> None:
    limited = counting(minimum_minor=100, at_most={"times": 1, "per": "day"})
    story = given(limited, bought("B1", 99, "2025-03-01"), updated("B1", 100, "2025-03-02"))
    assert value(story) == 1


def test_limit_holds_for_its_period_whatever_cycles_that_lies_in() -> None:
    weekly = {"of": "transactions", "at_most": {"times": 1, "per": "week"}}
    daily = program(milestones=[milestone("m", counts=weekly, period="day")], returns={"window_days": 400})
    story = given(daily, bought("B1", 1, "2025-03-31"), bought("B2", 1, "2025-04-01"), bought("B3", 1, "2025-04-07"))
    assert story.values("m") == {"2025-03-31": 1, "2025-04-07": 1}


@pytest.mark.parametrize(
    ("on", "days"),
    [
        pytest.param("2025-12-31", {"2025-01-01": 1}, id="in-its-year"),
        pytest.param("2026-01-01", {"2025-01-01": 1, "2026-01-01": 1}, id="in-the-next"),
        pytest.param("2026-02-05", {"2026-02-05": 1}, id="forgotten-when-the-year-is-final"),
    ],
)
def test_limit_of_a_year_is_remembered_for_a_year(on: str, days: dict[str, int]) -> None:
    yearly = {"of": "transactions", "at_most": {"times": 1, "per": "year"}}
    daily = program(milestones=[milestone("m", counts=yearly, period="day")], returns=None)
    again = program(version=2, milestones=[milestone("m", counts=yearly, period="day", points=1)], returns=None)
    story = given(daily, bought("B1", 1, "2025-01-01"), starting("2025-12-30", again), bought("B2", 1, on))
    assert story.values("m") == days


@pytest.mark.parametrize(
    ("counts", "counted"),
    [
        pytest.param({"measure": "stores"}, [1, 0, 1], id="stores"),
        pytest.param({"measure": "sum", "stores": ["S1"]}, [700, 0, 800], id="money-in-a-store"),
        pytest.param({"measure": "stores", "minimum_minor": 600}, [1, 0, 1], id="of-such-bills"),
        pytest.param({"stores": ["S2"]}, [None, None, None], id="in-another-store"),
        pytest.param({"measure": "points", "stores": ["S1"]}, [14, 0, 16], id="points-in-a-store"),
        pytest.param({"measure": "points", "minimum_minor": 750}, [None, None, 16], id="points-of-such-bills"),
    ],
)
def test_updated_bill_is_of_the_store_that_it_was_of(counts: dict[str, Any], counted: list[int | None]) -> None:
    story = given(counting(**counts), bought("B1", 500, "2025-03-01", store="S1"))
    values = []
    for day, amount in enumerate((700, 0, 800), 2):
        story.play(updated("B1", amount, f"2025-03-0{day}"))
        values.append(value(story))
    assert values == counted


@pytest.mark.parametrize("measure", ["count", "sum", "gross", "days", "stores", "skus"])
def test_what_is_taken_off_in_a_final_period_comes_back_up_to_what_it_was(measure: str) -> None:
    counts = {"measure": measure, "at_most": {"times": 9, "per": "day"}}
    story = given(counting(**counts), bought("B1", None, "2025-03-01", store="S1", lines=(LATTE,)))
    was = value(story)
    story.play(updated("B1", 0, "2025-06-01"))
    assert value(story) == 0
    story.play(updated("B1", None, "2025-06-02", lines=(LATTE, MUG)))
    assert value(story) == was


def test_returns_that_lower_no_milestone_are_no_matter_to_its_updates() -> None:
    keeps = counting(measure="gross", returns={"window_days": 400, "milestones": "keep"})
    story = given(keeps, bought("B1", 500, "2025-03-01"), brought_back("B1", 200, "2025-03-02"))
    assert value(story) == 500
    story.play(updated("B1", 600, "2025-03-03"))
    assert value(story) == 600


def test_update_after_a_return_leaves_what_came_back_off() -> None:
    lines = counting(measure="quantity", returns={"window_days": 400, "method": "line_exact"})
    story = given(lines, bought("B1", None, "2025-03-01", lines=(BEANS, MUG)))
    story.play(brought_back("B1", None, "2025-03-02", lines=(Line("MUG", 400),)))
    assert value(story) == 4
    story.play(updated("B1", None, "2025-03-03", lines=(BEANS, Line("MUG", 800, 2))))
    assert value(story) == 3
    story.play(brought_back("B1", None, "2025-03-04", lines=(Line("MUG", 400), Line("BEANS", 900))))
    assert value(story) == 0


def test_filter_of_a_later_version_finds_what_the_bill_counted_before() -> None:
    story = given(counting(measure="sum"), bought("B1", 500, "2025-03-01"))
    story.play(starting("2025-03-02", counting(measure="sum", version=2, minimum_minor=100)))
    story.play(updated("B1", 700, "2025-03-03"))
    assert value(story) == 700


def test_program_without_returns_keeps_nothing_of_bills() -> None:
    story = given(counting(measure="quantity", returns=None), bought("B1", None, "2025-03-01", lines=(BEANS,)))
    assert (value(story), story.only(MilestoneMeasured)) == (2, [])


def test_tallies_leave_with_their_cycle_and_with_their_milestone() -> None:
    story = given(
        counting(measure="days", returns={"window_days": 35}),
        bought("B1", 500, "2025-03-01"),
        bought("B2", 500, "2025-08-01"),
    )
    assert list(story.section().tallies["m"]) == [667]
    story.play(starting("2025-08-02", program(version=2, milestones=[])))
    story.play(bought("B3", 500, "2025-08-03"))
    assert story.section().tallies == {}


@settings(max_examples=40)
@over(
    st.lists(st.tuples(st.integers(1, 28), st.sampled_from(["S1", "S2", "S3"]), st.integers(1, 9)), max_size=6),
    st.randoms(use_true_random=False),
    st.sampled_from(["gross", "quantity", "points", "days", "stores", "skus"]),
)
def test_values_do_not_go_by_the_order_and_bills_that_came_back_are_as_if_they_had_not_been(
    bills: list[tuple[int, str, int]], random: Any, measure: str
) -> None:
    records = [
        bought(f"B{number}", None, f"2025-03-{on:02}", store=store, lines=(Line(f"SKU{many % 3}", many * 10, many),))
        for number, (on, store, many) in enumerate(bills)
    ]
    shuffled = random.sample(records, len(records))
    story = Story(counting(measure=measure))
    for record in shuffled:
        story.play(record, as_of=max(record.event_time, story.state.head.clock))
    back = [one for one in records if random.random() < 0.5]
    for number, record in enumerate(back):
        story.play(brought_back(record.bill_number, record.amount_minor, f"2025-04-{number + 1:02}"))
    expected = given(counting(measure=measure), *(one for one in records if one not in back))
    assert (value(story) or 0) == (value(expected) or 0)


@pytest.mark.parametrize("measure", ["quantity", "sum", "skus"])
def test_update_after_a_return_lowers_nothing_where_returns_lower_nothing(measure: str) -> None:
    counts = {"of": "transactions", "measure": measure, "categories": ["kitchen"]}
    returns = {"window_days": 60, "milestones": "keep", "method": "line_exact"}
    story = given(program(milestones=[milestone("m", 3, counts=counts)], returns=returns))
    story.play(bought("B1", None, "2025-03-01", lines=(MUG, LATTE)))
    before = value(story)
    story.play(brought_back("B1", None, "2025-03-02", lines=(Line(sku="MUG", amount_minor=400, category="kitchen"),)))
    cheaper = Line(sku="LATTE", amount_minor=300, category="coffee")
    assert value(story.when(updated("B1", None, "2025-03-03", lines=(MUG, cheaper)))) == before
