"""Methods: how many points of a bill a return takes back, by line, by amount and by what is left."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st

from pipeline.engine.bills import parking
from pipeline.engine.bills.state import Bill, ItemisedBill
from schemas.facts import AwardTermsKept, PointsReversed, RecordRefused, Refusal, ReturnRecorded
from schemas.program import ProgramDefinition, ReturnMethod
from schemas.records import Line, TransactionReturned
from tests.dsl import Story, given
from tests.steps import bought, brought_back, instant, program, spend, starting

A, B, C = Line("A", 1_000), Line("B", 1_000), Line("C", 2_000)
METHODS = [method.value for method in ReturnMethod]
BY_LINE = ["line_exact", "capillary", "recompute_remaining"]


def shop(method: str, *rules: dict[str, Any], version: int = 1) -> ProgramDefinition:
    return program(version=version, rules=rules or [spend()], returns={"method": method})


def golden(method: str) -> ProgramDefinition:
    """70 points for a bill of 40: 10 for A, 20 for B, and 40 for the whole bill."""
    return shop(
        method,
        spend("a", excluded_skus=["B", "C"]),
        spend("b", points=2, excluded_skus=["A", "C"]),
        spend("order"),
    )


def taken_back(story: Story) -> int:
    return sum(one.points for one in story.only(PointsReversed))


@pytest.mark.parametrize(
    ("method", "by_line", "by_amount"),
    [
        pytest.param("pro_rata_bill", 35, 35, id="pro-rata-of-the-bill"),
        pytest.param("line_exact", 20, 35, id="line-exact"),
        pytest.param("capillary", 0, 35, id="capillary"),
        pytest.param("recompute_remaining", 20, 35, id="recompute-remaining"),
        pytest.param("none", 0, 0, id="none"),
    ],
)
def test_a_bill_of_40_with_70_points_of_which_c_for_20_comes_back(method: str, by_line: int, by_amount: int) -> None:
    bill = bought("B1", None, "2011-03-01", lines=(A, B, C))
    named = given(golden(method), bill, brought_back("B1", None, "2011-03-02", lines=(C,)))
    unnamed = given(golden(method), bill, brought_back("B1", 2_000, "2011-03-02"))
    assert (taken_back(named), named.balance()) == (by_line, 70 - by_line)
    assert (taken_back(unnamed), unnamed.balance()) == (by_amount, 70 - by_amount)
    rest = 70 if method != "none" else 0
    assert taken_back(given_more(named, brought_back("B1", 2_000, "2011-03-03"))) == rest
    assert taken_back(given_more(unnamed, brought_back("B1", 2_000, "2011-03-03"))) == rest


def given_more(story: Story, *returns: TransactionReturned) -> Story:
    for one in returns:
        story.play(one)
    return story


def test_each_line_takes_back_what_it_earned_with_its_multiplier() -> None:
    story = given(
        shop("line_exact", spend(), {"id": "double", "kind": "multiplier", "factor": 2, "skus": ["A"]}),
        bought("B1", None, "2011-03-01", lines=(A, B)),
    )
    assert story.balance() == 30
    given_more(story, brought_back("B1", None, "2011-03-02", lines=(A,)))
    assert (taken_back(story), story.balance()) == (20, 10)


@pytest.mark.parametrize("method", BY_LINE[::2])
def test_a_line_that_earned_nothing_takes_nothing(method: str) -> None:
    story = given(
        shop(method, spend(excluded_skus=["A"])),
        bought("B1", None, "2011-03-01", lines=(A, B)),
        brought_back("B1", None, "2011-03-02", lines=(A,)),
    )
    assert (taken_back(story), story.balance()) == (0, 10)


@pytest.mark.parametrize(
    ("amount", "points"),
    [
        pytest.param(500, 5, id="what-is-left-reaches-the-minimum"),
        pytest.param(501, 10, id="a-penny-below-it-earns-nothing"),
        pytest.param(1_000, 10, id="nothing-is-left"),
    ],
)
def test_recomputing_asks_for_the_minimum_again(amount: int, points: int) -> None:
    story = given(
        shop("recompute_remaining", spend(minimum_minor=500)),
        bought("B1", 1_000, "2011-03-01"),
        brought_back("B1", amount, "2011-03-02"),
    )
    assert taken_back(story) == points


@pytest.mark.parametrize("method", BY_LINE)
def test_a_bill_without_lines_goes_back_in_proportion(method: str) -> None:
    story = given(shop(method), bought("B1", 1_000, "2011-03-01"), brought_back("B1", 450, "2011-03-02"))
    assert type(story.bill("B1")) is Bill
    assert taken_back(story) == (5 if method == "recompute_remaining" else 4)


def test_a_program_that_looks_at_the_bill_alone_keeps_no_lines() -> None:
    story = given(shop("pro_rata_bill"), bought("B1", None, "2011-03-01", lines=(A, B)))
    assert type(story.bill("B1")) is Bill
    assert story.only(AwardTermsKept) == []
    story.play(brought_back("B1", None, "2011-03-02", lines=(Line("Z", 1_000),)))
    assert taken_back(story) == 10


def test_a_program_keeps_terms_for_itself_alone() -> None:
    second = program(program_id=2, rules=[spend()])
    story = given(golden("line_exact"), second, bought("B1", None, "2011-03-01", lines=(A, B, C)))
    story.play(brought_back("B1", None, "2011-03-02", lines=(C,)))
    assert (story.balance(1), story.balance(2)) == (50, 20)
    assert [part.terms is None for part in story.bill("B1").parts.values()] == [False, True]


@pytest.mark.parametrize(
    ("lines", "back", "counted", "left"),
    [
        pytest.param(
            (Line("A", 500, line_id="1"), Line("A", 300, line_id="2")),
            Line("A", 300, line_id="2"),
            300,
            [500, 0],
            id="by-the-id-of-the-line",
        ),
        pytest.param(
            (Line("A", 500), Line("B", 100), Line("A", 300)),
            Line("A", 600),
            600,
            [0, 100, 200],
            id="by-sku-in-the-order-of-the-bill",
        ),
        pytest.param((Line("A", 500), Line("B", 100)), Line("A", 600), 500, [0, 100], id="more-than-the-line"),
        pytest.param((Line("A", 0), Line("B", 100)), Line("B", 60), 60, [0, 40], id="a-line-for-nothing"),
    ],
)
def test_a_line_of_a_return_counts_for_the_line_that_it_names(
    lines: tuple[Line, ...], back: Line, counted: int, left: list[int]
) -> None:
    story = given(shop("line_exact"), bought("B1", None, "2011-03-01", lines=lines))
    story.play(brought_back("B1", None, "2011-03-02", lines=(back,)))
    (recorded,) = story.only(ReturnRecorded)
    assert (recorded.amount_minor, recorded.over_minor) == (counted, back.amount_minor - counted)
    bill = story.bill("B1")
    assert isinstance(bill, ItemisedBill)
    assert [line.amount_minor - line.returned_minor for line in bill.lines] == left


def test_a_line_that_is_back_already_is_refused() -> None:
    story = given(
        shop("line_exact"),
        bought("B1", None, "2011-03-01", lines=(A, B)),
        brought_back("B1", None, "2011-03-02", lines=(A,)),
    )
    story.play(brought_back("B1", None, "2011-03-03", lines=(A,)))
    assert story.only(RecordRefused)[-1].reason is Refusal.LINES_UNKNOWN
    assert (story.balance(), story.bill("B1").returned_minor) == (10, 1_000)


@pytest.mark.parametrize("method", BY_LINE)
def test_the_lines_of_a_return_wait_with_it_for_the_bill(method: str) -> None:
    bill, back = bought("B1", None, "2011-03-01", lines=(A, B, C)), brought_back("B1", None, "2011-03-02", lines=(C,))
    early, late = given(golden(method), back, bill), given(golden(method), bill, back)
    assert early.account() == late.account()
    assert early.bill("B1") == late.bill("B1")


def test_a_return_that_waits_has_a_limited_number_of_lines() -> None:
    lines = (Line("A", 1),) * parking.LINES_MAX
    story = given(shop("line_exact"), brought_back("B1", None, "2011-03-01", lines=lines))
    story.play(brought_back("B2", None, "2011-03-01", lines=(*lines, A)))
    assert story.waiting() == ["B1"]
    assert story.only(RecordRefused) == [RecordRefused(reason=Refusal.TOO_MANY, subject="B2")]


def test_the_method_is_that_of_the_version_in_force_at_the_return() -> None:
    story = given(
        golden("line_exact"),
        bought("B1", None, "2011-03-01", lines=(A, B, C)),
        starting("2011-03-02", golden("pro_rata_bill").model_copy(update={"version": 2})),
        starting("2011-03-04", golden("line_exact").model_copy(update={"version": 3})),
    )
    story.play(brought_back("B1", None, "2011-03-03", lines=(C,)))
    assert taken_back(story) == 35
    story.play(brought_back("B1", None, "2011-03-05", lines=(A,)))
    assert taken_back(story) == 35 + 5 + 10, "of what A earned: 5 of its own and 10 of the order were still there"


def test_a_bill_from_before_lines_were_kept_goes_back_in_proportion() -> None:
    story = given(
        golden("pro_rata_bill"),
        bought("B1", None, "2011-03-01", lines=(A, B, C)),
        starting("2011-03-02", golden("line_exact").model_copy(update={"version": 2})),
        brought_back("B1", None, "2011-03-03", lines=(C,)),
    )
    assert taken_back(story) == 35


def test_a_bill_whose_multipliers_are_beyond_what_is_stored_goes_back_in_proportion() -> None:
    steep = [
        {"id": f"m{number}", "kind": "multiplier", "factor": "999983/999979", "skus": ["A"]} for number in range(2)
    ]
    huge = [
        {"id": f"h{number}", "kind": "multiplier", "factor": f"{999_983 - number}/7", "skus": ["A"]}
        for number in range(4)
    ]
    for rules in (steep + huge, huge):
        story = given(
            shop("line_exact", spend(per_minor=10**12), *rules), bought("B1", None, "2011-03-01", lines=(A, B))
        )
        earned = story.balance()
        assert (earned > 0, story.only(AwardTermsKept)) == (True, [])
        story.play(brought_back("B1", None, "2011-03-02", lines=(B,)))
        assert taken_back(story) == earned // 2


def test_a_return_counts_by_line_in_each_program_within_its_own_window() -> None:
    short = program(rules=[spend()], returns={"method": "line_exact", "window_days": 35})
    long = program(program_id=2, rules=[spend()], returns={"method": "line_exact", "window_days": 60})
    story = given(short, long, bought("B1", None, "2011-03-01", lines=(A, B)))
    story.play(brought_back("B1", None, "2011-04-20", lines=(A,)))
    story.play(brought_back("B1", None, "2011-04-03", lines=(B,)), as_of=instant("2011-04-21"))
    assert (story.balance(1), story.balance(2)) == (10, 0)


bounded = settings(max_examples=60)
prices = st.integers(0, 999)
bills = st.lists(st.builds(Line, st.sampled_from("ABC"), prices), min_size=1, max_size=4).map(tuple)
RULES = [
    spend(per_minor=7),
    spend("more", points=3, per_minor=11, minimum_minor=300, excluded_skus=["B"]),
    {"id": "half-more", "kind": "multiplier", "factor": "3/2", "skus": ["A", "B"]},
]


@bounded
@forall(bills, st.sampled_from(METHODS), st.data())
def test_any_order_and_split_of_returns_by_line_ends_the_same(
    lines: tuple[Line, ...], method: str, data: st.DataObject
) -> None:
    parts: list[Line] = []
    for line in lines:
        cut = data.draw(st.integers(0, line.amount_minor))
        parts += [Line(line.sku, cut), Line(line.sku, line.amount_minor - cut)]
    kept = data.draw(st.integers(0, len(parts)))
    orders = data.draw(st.lists(st.permutations(parts[kept:]), min_size=2, max_size=2))
    ends = []
    for order in orders:
        story = given(shop(method, *RULES), bought("B1", None, "2011-03-01", lines=lines))
        earned = story.balance()
        for number, part in enumerate(order):
            story.play(brought_back("B1", None, f"2011-03-02 12:{number:02}", lines=(part,)))
        ends.append((story.balance(), story.bill("B1").returned_minor))
        if not kept and method != "none":
            assert story.balance() == 0
        assert 0 <= story.balance() <= earned
    assert ends[0] == ends[1]


@bounded
@forall(bills, st.sampled_from(METHODS), st.lists(st.integers(0, 900), max_size=3))
def test_any_order_of_amounts_that_come_back_in_whole_ends_without_points(
    lines: tuple[Line, ...], method: str, amounts: list[int]
) -> None:
    for order in permutations(amounts):
        story = given(shop(method, *RULES), bought("B1", None, "2011-03-01", lines=lines))
        earned = story.balance()
        for number, amount in enumerate((*order, 10_000)):
            story.play(brought_back("B1", amount, f"2011-03-02 12:{number:02}"))
        assert story.balance() == (earned if method == "none" else 0)
