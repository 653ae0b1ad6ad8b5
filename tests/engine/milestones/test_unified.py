"""Unified targets: expressions over milestones, and when they are achieved and no longer so."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import pytest
from hypothesis import given as over
from hypothesis import settings
from hypothesis import strategies as st

from schemas.facts import (
    IssuedFor,
    MilestoneAchieved,
    PointsIssued,
    PointsReversed,
    UnifiedAchieved,
    UnifiedPart,
    UnifiedUnachieved,
)
from schemas.program import Condition, Group, ProgramDefinition, condition_of, milestones_in
from schemas.records import Line
from tests.dsl import Story, given
from tests.steps import bought, brought_back, did, milestone, program, set_target, starting, updated

NAMES = ("a", "b", "c")


def united(
    expression: str, version: int = 1, returns: dict[str, Any] | None = None, goal: int = 100, **parts: Any
) -> ProgramDefinition:
    milestones = [
        milestone(name, goal, target_id=number, counts={"of": "transactions", "measure": "sum", "skus": [name.upper()]})
        for number, name in enumerate(NAMES, 1)
    ]
    unified = {"id": "u", "group_id": 9, "name": "U", "expression": expression, "points": 50, **parts}
    window = {"window_days": 400, "rewards": "clawback", **(returns or {})}
    return program(version=version, milestones=milestones, unified_targets=[unified], returns=window)


def buys(name: str, amount: int, on: str) -> Any:
    return bought(f"{name}-{on}", None, on, lines=(Line(name.upper(), amount),))


def edges(story: Story) -> list[str]:
    kinds = {UnifiedAchieved: "+", UnifiedUnachieved: "-"}
    return [
        f"{kinds[type(fact.decision)]}{fact.decision.period}"  # type: ignore[attr-defined, index]
        for fact in story.facts
        if type(fact.decision) in kinds
    ]


@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        pytest.param("a", lambda a, *_: a, id="one"),
        pytest.param("a | b", lambda a, b, _: a or b, id="any"),
        pytest.param("a & b & c", lambda a, b, c: a and b and c, id="all"),
        pytest.param("a | b & c", lambda a, b, c: a or (b and c), id="and-binds-closer"),
        pytest.param("(a | b) & c", lambda a, b, c: (a or b) and c, id="parentheses"),
        pytest.param("2 of (a, b, c)", lambda a, b, c: a + b + c >= 2, id="so-many-of"),
        pytest.param("2 of (a & b, b | c, c)", lambda a, b, c: (a and b) + (b or c) + c >= 2, id="of-conditions"),
        pytest.param(" ( ( a ) ) ", lambda a, *_: a, id="idle-parentheses"),
    ],
)
def test_expression_says_what_has_to_be_met(expression: str, holds: Any) -> None:
    assert set(milestones_in(condition_of(expression))) <= set(NAMES)
    for met in product((False, True), repeat=3):
        story = given(united(expression))
        for number, (name, yes) in enumerate(zip(NAMES, met, strict=True), 1):
            story.play(buys(name, 100 if yes else 99, f"2025-03-0{number}"))
        assert bool(edges(story)) == bool(holds(*met)), met


@pytest.mark.parametrize(
    ("expression", "wrong"),
    [
        ("", "ends where an id is missing"),
        ("a |", "ends where an id is missing"),
        ("a & | b", "has '|' where the id of a milestone is missing"),
        ("a b", "goes on with 'b' where it should end"),
        ("(a | b", "lacks ')' at its end"),
        ("2 of a", "lacks '(' before 'a'"),
        ("2 of (a)", "asks for 2 of 1; write a number from 1 to 1"),
        ("0 of (a)", "asks for 0 of 1"),
        ("a + b", "holds '+'; write ids"),
        ("A", "holds 'A'"),
        ("(" * 21 + "a" + ")" * 21, "has more than 20 parentheses inside each other"),
    ],
)
def test_expression_that_cannot_be_read_is_told(expression: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=r".") as told:
        condition_of(expression)
    assert str(told.value).startswith(wrong)


def _written(condition: Condition) -> str:
    if isinstance(condition, str):
        return condition
    parts = [_written(one) for one in condition.of]
    if condition.least == 1 and len(parts) > 1:
        return f"({' | '.join(parts)})"
    if condition.least == len(parts) and len(parts) > 1:
        return f"({' & '.join(parts)})"
    return f"{condition.least} of ({', '.join(parts)})"


@settings(max_examples=60)
@over(
    st.recursive(
        st.sampled_from(["a", "b-1", "7", "of"]),
        lambda inner: st.lists(inner, min_size=1, max_size=3).flatmap(
            lambda of: st.integers(1, len(of)).map(lambda least: Group(least=least, of=tuple(of)))
        ),
        max_leaves=8,
    )
)
def test_expression_reads_as_what_was_written(condition: Condition) -> None:
    assert condition_of(_written(condition)) == condition


def test_achieved_with_the_threshold_pays_once_in_each_cycle_and_lists_what_the_record_moved() -> None:
    story = given(united("a | b", threshold=300), buys("a", 200, "2025-03-01"))
    assert (edges(story), len(story.only(MilestoneAchieved))) == ([], 1)
    story.play(buys("b", 100, "2025-03-02"))
    assert story.only(UnifiedAchieved) == [
        UnifiedAchieved(
            unified_id="u",
            period=662,
            ends_at=story.section().milestones["a"][662].ends_at,
            parts=(UnifiedPart(milestone_id="b", value=100, target=100),),
            total=300,
        )
    ]
    (issued,) = story.only(PointsIssued)
    assert [(one.issued_for, one.rule_id, one.points) for one in issued.awards] == [(IssuedFor.MILESTONE, "u", 50)]
    story.play(buys("a", 500, "2025-03-03"))
    story.play(buys("a", 500, "2025-04-03"))
    assert edges(story) == ["+662", "+663"]
    assert story.balance() == 100


def test_value_that_falls_takes_it_back_and_it_pays_again_what_was_taken() -> None:
    story = given(united("a | b"), buys("a", 150, "2025-03-01"))
    story.play(brought_back("a-2025-03-01", 50, "2025-03-02"))
    assert edges(story) == ["+662"]
    story.play(brought_back("a-2025-03-01", 1, "2025-03-03"))
    assert story.only(UnifiedUnachieved) == [
        UnifiedUnachieved(
            unified_id="u",
            period=662,
            parts=(UnifiedPart(milestone_id="a", value=99, target=100),),
            total=99,
            of_bill="a-2025-03-01",
        )
    ]
    assert [one.points for one in story.only(PointsReversed)] == [50]
    story.play(buys("b", 100, "2025-03-04"))
    assert (edges(story), story.balance()) == (["+662", "-662", "+662"], 50)
    story.play(updated("b-2025-03-04", 0, "2025-03-05"))
    assert (edges(story)[3:], story.balance()) == (["-662"], 0)


def test_reward_that_the_program_keeps_is_not_paid_again() -> None:
    story = given(united("a", returns={"rewards": "keep"}), buys("a", 100, "2025-03-01"))
    story.play(brought_back("a-2025-03-01", 1, "2025-03-03"))
    story.play(buys("a", 100, "2025-03-04"))
    assert (edges(story), story.balance()) == (["+662", "-662", "+662"], 50)


def test_programs_whose_milestones_do_not_fall_keep_what_is_achieved() -> None:
    story = given(united("a", returns={"milestones": "keep"}), buys("a", 100, "2025-03-01"))
    story.play(brought_back("a-2025-03-01", 100, "2025-03-03"))
    assert (edges(story), story.balance()) == (["+662"], 50)
    nothing = given(united("a", returns={"milestones": "keep"}, points=0), buys("a", 100, "2025-03-01"))
    assert (edges(nothing), nothing.balance()) == (["+662"], 0)


def test_version_gives_what_is_there_already_and_takes_nothing_away() -> None:
    story = given(united("a & b & c"), buys("a", 100, "2025-03-01"))
    story.play(starting("2025-03-02", united("a | b", 2)))
    story.play(did("login", "2025-03-03"))
    assert edges(story) == ["+662"]
    story.play(starting("2025-03-04", united("b & c", 3)))
    story.play(buys("b", 10, "2025-03-05"))
    assert edges(story) == ["+662"]
    retired = united("a | b", 4).model_dump(mode="json")
    retired["unified_targets"][0]["retired"] = True
    story.play(starting("2025-03-06", ProgramDefinition.model_validate_json(json.dumps(retired))))
    story.play(buys("a", 100, "2025-04-05"))
    assert edges(story) == ["+662"]


def test_target_of_a_customers_own_that_is_met_counts() -> None:
    story = given(united("a"), buys("a", 60, "2025-03-01"))
    story.play(set_target("a", 50, "2025-03-02"))
    assert edges(story) == ["+662"]


def test_cycles_without_an_end_and_cycles_that_are_over() -> None:
    parts = [milestone("m", 1, cycle={"kind": "lifetime"})]
    del parts[0]["period"]
    unified = [{"id": "u", "group_id": 9, "name": "U", "expression": "m", "points": 5}]
    story = given(program(milestones=parts, unified_targets=unified), bought("B1", 100, "2025-03-01"))
    assert (edges(story), story.balance()) == (["+1"], 5)
    monthly = given(united("a", returns={"window_days": 35}), buys("a", 100, "2025-03-01"))
    monthly.play(buys("a", 100, "2025-08-01"))
    assert list(monthly.section().unified["u"]) == [667]
