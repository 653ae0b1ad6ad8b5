"""Earning: what a bill or an event pays."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.facts import IssuedFor, RecordRefused, Refusal
from schemas.records import Line
from tests.dsl import Story, bought, did, fact, given, instant, issued, program, spend

MUG = Line("MUG", 1_000, category="kitchen")
BEANS = Line("BEANS", 500, 2, "coffee")
CARD = Line("CARD", 2_000, category="gift-cards")


def multiplier(rule: str, factor: str | int, **parts: Any) -> dict[str, Any]:
    return {"id": rule, "kind": "multiplier", "factor": factor, **parts}


def event_rule(rule: str, event: str, points: int, **parts: Any) -> dict[str, Any]:
    return {"id": rule, "kind": "event", "event": event, "points": points, **parts}


def earned(story: Story) -> list[tuple[str, int]]:
    return [(one.rule_id, one.points) for one in story.decided if type(one).__name__ == "PointsIssued"]


@pytest.mark.parametrize(
    ("amount", "points"),
    [
        pytest.param(0, 0, id="nothing-paid"),
        pytest.param(99, 0, id="below-one-point"),
        pytest.param(100, 1, id="exactly-one-point"),
        pytest.param(1_099, 10, id="rounded-down"),
    ],
)
def test_bill_earns_for_every_whole_unit(amount: int, points: int) -> None:
    story = given(program(rules=[spend()])).when(bought("B1", amount, "2011-03-01"))
    story.then(*([issued(points, "spend", balance=points, bill="B1")] if points else []))


@pytest.mark.parametrize(
    ("amount", "points"),
    [pytest.param(999, 0, id="a-penny-short"), pytest.param(1_000, 10, id="on-the-minimum")],
)
def test_bill_below_the_minimum_earns_nothing(amount: int, points: int) -> None:
    story = given(program(rules=[spend(minimum_minor=1_000)])).when(bought("B1", amount, "2011-03-01"))
    story.then(*([issued(points, "spend", balance=points, bill="B1")] if points else []))


def test_minimum_is_measured_before_multipliers() -> None:
    rules = [spend(minimum_minor=1_000), multiplier("double", 2, skus=["CUP"])]
    given(program(rules=rules)).when(bought("B1", None, "2011-03-01", lines=(Line("CUP", 600),))).then()


def test_rounding_happens_once_per_bill_not_per_line() -> None:
    lines = (Line("A", 50), Line("B", 50))
    given(program(rules=[spend()])).when(bought("B1", None, "2011-03-01", lines=lines)).then(
        issued(1, "spend", balance=1, bill="B1")
    )


@pytest.mark.parametrize(
    ("excluded", "points"),
    [
        pytest.param({}, 35, id="none"),
        pytest.param({"excluded_skus": ["MUG"]}, 25, id="by-sku"),
        pytest.param({"excluded_categories": ["gift-cards"]}, 15, id="by-category"),
        pytest.param({"excluded_skus": ["CARD"], "excluded_categories": ["gift-cards"]}, 15, id="same-line-twice"),
        pytest.param({"excluded_skus": ["MUG", "BEANS", "CARD"]}, 0, id="every-line"),
        pytest.param({"excluded_skus": ["mug"]}, 35, id="skus-compared-as-written"),
    ],
)
def test_excluded_lines_earn_nothing(excluded: dict[str, list[str]], points: int) -> None:
    story = given(program(rules=[spend(**excluded)]))
    story.when(bought("B1", None, "2011-03-01", lines=(MUG, BEANS, CARD)))
    assert earned(story) == ([("spend", points)] if points else [])


def test_excluded_lines_still_count_towards_the_minimum() -> None:
    rule = spend(minimum_minor=3_000, excluded_skus=["CARD"])
    story = given(program(rules=[rule])).when(bought("B1", None, "2011-03-01", lines=(MUG, CARD)))
    assert earned(story) == [("spend", 10)]


def test_bill_below_the_minimum_earns_nothing_whatever_is_excluded() -> None:
    rule = spend(minimum_minor=3_001, excluded_skus=["CARD"])
    given(program(rules=[rule])).when(bought("B1", None, "2011-03-01", lines=(MUG, CARD))).then()


def test_bill_without_lines_earns_on_its_amount_whatever_is_excluded() -> None:
    story = given(program(rules=[spend(excluded_skus=["CARD"])])).when(bought("B1", 700, "2011-03-01"))
    assert earned(story) == [("spend", 7)]


@pytest.mark.parametrize(
    ("multipliers", "points"),
    [
        pytest.param([multiplier("a", 2, skus=["MUG"])], 25, id="one-sku"),
        pytest.param([multiplier("a", 2, categories=["kitchen"])], 25, id="one-category"),
        pytest.param([multiplier("a", "3/2", skus=["MUG"])], 20, id="a-ratio"),
        pytest.param([multiplier("a", "1/3", skus=["MUG"])], 8, id="a-third-rounded-down"),
        pytest.param([multiplier("a", 2, skus=["MUG"], categories=["kitchen"])], 25, id="one-rule-matches-twice"),
        pytest.param([multiplier("a", 2, skus=["MUG", "MUG"])], 25, id="a-sku-named-twice"),
        pytest.param(
            [multiplier("a", 2, skus=["MUG"]), multiplier("b", 3, categories=["kitchen"])], 65, id="two-rules-multiply"
        ),
        pytest.param(
            [multiplier("a", 2, skus=["MUG"]), multiplier("b", 2, categories=["kitchen"])],
            45,
            id="two-rules-of-one-factor-multiply",
        ),
        pytest.param([multiplier("a", 2, skus=["SPOON"])], 15, id="no-match"),
    ],
)
def test_multiplied_lines_count_for_more(multipliers: list[dict[str, Any]], points: int) -> None:
    story = given(program(rules=[spend(), *multipliers]))
    story.when(bought("B1", None, "2011-03-01", lines=(MUG, BEANS)))
    assert earned(story) == [("spend", points)]


def test_ratios_are_exact_before_the_one_rounding() -> None:
    rules = [spend(per_minor=1), multiplier("third", "1/3", categories=["x"])]
    lines = (Line("A", 1, category="x"), Line("B", 1, category="x"), Line("C", 1, category="x"))
    story = given(program(rules=rules)).when(bought("B1", None, "2011-03-01", lines=lines))
    assert earned(story) == [("spend", 1)]


def test_multiplied_line_that_is_excluded_earns_nothing() -> None:
    rules = [spend(excluded_skus=["MUG"]), multiplier("double", 2, skus=["MUG"])]
    story = given(program(rules=rules)).when(bought("B1", None, "2011-03-01", lines=(MUG, BEANS)))
    assert earned(story) == [("spend", 5)]


def test_sku_on_two_lines_is_multiplied_once_on_each() -> None:
    rules = [spend(), multiplier("double", 2, skus=["MUG"])]
    story = given(program(rules=rules)).when(bought("B1", None, "2011-03-01", lines=(MUG, MUG)))
    assert earned(story) == [("spend", 40)]


def test_every_spend_rule_pays_an_award_of_its_own() -> None:
    given(program(rules=[spend("base"), spend("more", points=2)])).when(bought("B1", 1_000, "2011-03-01")).then(
        issued(10, "base", balance=10, bill="B1"), issued(20, "more", balance=30, bill="B1")
    )


VALID = {"validity": {"first": "2011-03-10", "last": "2011-03-27"}}


@pytest.mark.parametrize(
    ("on", "pays"),
    [
        pytest.param("2011-03-09 23:59", False, id="day-before"),
        pytest.param("2011-03-10 00:00", True, id="first-day-begins"),
        pytest.param("2011-03-27 23:59", True, id="last-day-ends-in-summer-time"),
        pytest.param("2011-03-28 00:00", False, id="day-after"),
    ],
)
def test_rules_hold_on_the_local_days_of_their_validity(on: str, pays: bool) -> None:  # noqa: FBT001 - a table
    bill = bought("B1", None, on, lines=(MUG,))
    assert bool(earned(given(program(rules=[spend(**VALID)])).when(bill))) == pays
    doubled = given(program(rules=[spend(), multiplier("double", 2, skus=["MUG"], **VALID)])).when(bill)
    assert earned(doubled) == [("spend", 20 if pays else 10)]
    on_event = given(program(rules=[event_rule("review", "review", 5, **VALID)])).when(did("review", on))
    assert bool(earned(on_event)) == pays


def test_late_bill_earns_by_the_rules_of_its_own_day() -> None:
    story = given(program(rules=[spend(validity={"last": "2011-03-10"})]))
    story.when(bought("B1", 1_000, "2011-03-10"), as_of=instant("2011-03-20"))
    assert earned(story) == [("spend", 10)]


def test_every_rule_on_the_event_pays() -> None:
    rules = [event_rule("review", "review", 5), event_rule("feast", "review", 2), event_rule("login", "login", 1)]
    given(program(rules=rules)).when(did("review", "2011-03-01")).then(
        issued(5, "review", balance=5, issued_for=IssuedFor.EVENT),
        issued(2, "feast", balance=7, issued_for=IssuedFor.EVENT),
    )


def test_event_that_no_rule_names_earns_nothing() -> None:
    given(program(rules=[event_rule("review", "review", 5)])).when(did("Review", "2011-03-01")).then()


def test_each_program_pays_in_its_own_currencies() -> None:
    programs = (
        program(rules=[spend()]),
        program(program_id=2, rules=[spend()], currency="EUR"),
        program(program_id=3, rules=[spend("third", points=3)], points={"name": "MILES"}),
    )
    given(*programs).when(bought("B1", 1_000, "2011-03-01")).then(
        issued(10, "spend", balance=10, bill="B1"),
        fact(
            RecordRefused,
            reason=Refusal.CURRENCY_UNKNOWN,
            clock=instant("2011-03-01"),
            program_id=2,
            program_version=1,
            subject="GBP",
        ),
        issued(30, "third", balance=30, bill="B1", program_id=3, currency="MILES"),
    )


def test_bill_of_an_org_without_programs_is_only_recorded() -> None:
    given().when(bought("B1", 1_000, "2011-03-01")).then()
