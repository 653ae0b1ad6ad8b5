"""Unified targets: expressions over milestones, and when they are achieved and no longer so."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from itertools import product
from typing import Any

import pytest
from hypothesis import given as over
from hypothesis import settings
from hypothesis import strategies as st

from pipeline.engine.calendar import as_date
from pipeline.engine.milestones.unified import _holds
from schemas.facts import (
    IssuedFor,
    MilestoneAchieved,
    PointsCancelled,
    PointsIssued,
    PointsReversed,
    TierAssigned,
    UnifiedAchieved,
    UnifiedMoved,
    UnifiedPart,
    UnifiedUnachieved,
)
from schemas.program import Condition, Enrolment, Group, ProgramDefinition, condition_of, milestones_in
from schemas.records import Line
from tests.dsl import Story, given
from tests.steps import (
    bought,
    brought_back,
    cancel,
    day,
    did,
    enrol_target,
    instant,
    milestone,
    program,
    set_target,
    starting,
    tick,
    updated,
)

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


@pytest.mark.parametrize("other", ["a", "b"], ids=["both-lost", "one-lost-and-one-achieved"])
def test_rewards_of_two_unified_targets_that_one_update_moves_add_up(other: str) -> None:
    plan = united("a")
    second = plan.unified_targets[0].model_copy(update={"id": "v", "group_id": 10, "expression": other, "points": 7})
    plan = plan.model_copy(update={"unified_targets": (*plan.unified_targets, second)})
    story = given(plan, bought("B1", None, "2025-03-01", lines=(Line("A", 100),)))
    assert story.balance() == (57 if other == "a" else 50)
    story.play(updated("B1", None, "2025-03-02", lines=(Line("B", 100),)))
    assert story.balance() == (0 if other == "a" else 7)


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


# --- of rolling windows

DAYS = {"window_days": 60, "milestones": "fall", "rewards": "clawback"}


def rolling_together(
    expression: str = "a & b", version: int = 1, days: int = 7, goal: int = 100, **parts: Any
) -> ProgramDefinition:
    returns, milestones = parts.pop("returns", DAYS), []
    for number, name in enumerate(NAMES, 1):
        counts = {"of": "transactions", "measure": "sum", "skus": [name.upper()]}
        cycle = {"kind": "rolling", "days": days}
        own = parts.get("of", {}).get(name, {})
        milestones.append(
            milestone(
                name, **{"target": goal, "target_id": number, "counts": counts, "period": None, "cycle": cycle, **own}
            )
        )
    unified = {"id": "u", "group_id": 9, "name": "U", "expression": expression, "points": 50, **parts}
    unified.pop("of", None)
    window, tiers = unified.pop("repeat_window_days", 35), unified.pop("tiers", None)
    return program(
        version=version,
        milestones=milestones,
        unified_targets=[unified],
        returns=returns,
        repeat_window_days=window,
        tiers=tiers,
    )


def march(name: str, on: int, amount: int = 100) -> Any:
    return buys(name, amount, f"2025-03-{on:02}")


def told(story: Story) -> list[str]:
    """The windows that were met together (+), and no longer (-), by their last day, with their place."""
    kinds = {UnifiedAchieved: "+", UnifiedUnachieved: "-"}
    return [
        f"{kinds[type(fact.decision)]}{str(as_date(fact.decision.period))[-2:]}/{fact.decision.number}"  # type: ignore[attr-defined, index]
        for fact in story.facts
        if type(fact.decision) in kinds
    ]


def together(story: Story) -> list[str]:
    return [str(as_date(one))[-2:] for one in sorted(story.section().unified.get("u", {}))]


@pytest.mark.parametrize(
    ("bought_on", "met_on"),
    [
        pytest.param([("a", 1), ("b", 7)], ["07"], id="in one window"),
        pytest.param([("a", 1), ("b", 8)], [], id="time has taken one out of it"),
        pytest.param([("a", 1), ("b", 2), ("a", 8), ("b", 8)], ["02"], id="once in so many days"),
        pytest.param([("a", 1), ("b", 2), ("b", 8), ("a", 9)], ["02", "09"], id="again after so many days"),
        pytest.param([("a", 1), ("b", 2), ("c", 9)], ["02"], id="what is not named meets nothing"),
    ],
)
@pytest.mark.parametrize("backwards", [False, True])
def test_windows_of_several_milestones_are_met_together(
    bought_on: list[tuple[str, int]], met_on: list[str], *, backwards: bool
) -> None:
    steps = [march(*one) for one in bought_on]
    story = given(rolling_together(), *(reversed(steps) if backwards else steps))
    assert (together(story), story.balance()) == (met_on, 50 * len(met_on))
    assert story.section().windows.get("u", 0) == len(met_on)


def test_windows_that_are_met_say_what_moved_and_the_sum() -> None:
    story = given(rolling_together(threshold=300), march("a", 1, 150), march("b", 2, 149), march("b", 3, 1))
    (achieved,) = story.only(UnifiedAchieved)
    assert (achieved.period, achieved.total, achieved.number) == (day("2025-03-03"), 300, 1)
    assert achieved.parts == (UnifiedPart(milestone_id="b", value=150, target=100),)
    assert achieved.ends_at == instant("2025-03-10 00:00")


def test_milestone_that_was_met_before_still_counts_in_its_window() -> None:
    """What is asked is what the window has, not when its milestone was met."""
    story = given(rolling_together(), march("a", 1), march("a", 6), march("a", 9), march("b", 10))
    assert together(story) == ["10"]


def test_return_takes_windows_and_their_reward_back_and_met_again_they_pay_that() -> None:
    story = given(rolling_together(), march("a", 1), march("b", 2))
    story.play(brought_back("a-2025-03-01", 1, "2025-03-03"))
    assert (told(story), story.balance()) == (["+02/1", "-02/1"], 0)
    (lost,) = story.only(UnifiedUnachieved)
    assert (lost.total, lost.of_bill) == (199, "a-2025-03-01")
    story.play(march("a", 4))
    assert (told(story), story.balance(), together(story)) == (["+02/1", "-02/1", "+04/1"], 50, ["04"])
    story.play(updated("a-2025-03-04", 0, "2025-03-05"))
    assert (told(story)[3:], story.balance()) == (["-04/1"], 0)


def test_return_of_what_later_bills_made_good_moves_the_window_and_tells_nobody() -> None:
    story = given(rolling_together(), march("a", 1), march("b", 2), march("a", 3))
    story.play(brought_back("a-2025-03-01", 100, "2025-03-05"))
    assert (told(story), together(story), story.balance()) == (["+02/1"], ["03"], 50)
    assert story.only(UnifiedMoved) == [
        UnifiedMoved(
            unified_id="u", period=day("2025-03-02"), to=day("2025-03-03"), ends_at=instant("2025-03-10 00:00")
        )
    ]


def test_late_bill_makes_two_windows_of_one() -> None:
    bills = [march("a", 5), march("b", 10), march("a", 12), march("b", 12)]
    story = given(rolling_together(), *bills)
    assert together(story) == ["10"]
    story.play(march("b", 4))
    assert (together(story), story.balance(), told(story)) == (["05", "12"], 100, ["+10/1", "+05/2"])


def test_programs_whose_milestones_do_not_fall_keep_windows() -> None:
    story = given(rolling_together(returns={"milestones": "keep"}), march("a", 1), march("b", 2))
    story.play(updated("a-2025-03-01", 10, "2025-03-03"))
    assert (together(story), story.balance()) == (["02"], 50)
    nothing = given(rolling_together(returns={"milestones": "keep"}, points=0), march("a", 1), march("b", 2))
    assert (together(nothing), nothing.balance()) == (["02"], 0)


@pytest.mark.parametrize(("on", "met_on"), [("2025-03-06", ["02"]), ("2025-03-08", [])])
def test_command_and_version_look_at_the_window_of_today(on: str, met_on: list[str]) -> None:
    by_command = given(rolling_together(), march("a", 1, 60), march("b", 2)).when(set_target("a", 50, on))
    assert together(by_command) == met_on
    later = starting(on, rolling_together("a & b", 2))
    by_version = given(rolling_together("a & b & c"), march("a", 1), march("b", 2), later).when(tick(f"{on} 13:00"))
    assert together(by_version) == met_on


def test_command_about_a_milestone_met_before_meets_them_together() -> None:
    """A target that is lowered meets them, though its milestone was met within the window."""
    story = given(rolling_together(), march("a", 1), set_target("a", 150, "2025-03-02"), march("b", 3))
    assert together(story) == []
    assert together(story.when(set_target("a", 100, "2025-03-04"))) == ["03"]
    assert together(given(rolling_together()).when(set_target("a", 150, "2025-03-02"))) == []


def test_who_is_not_enrolled_meets_nothing_until_they_are() -> None:
    past = {"a": {"enrolment": {"by": "command", "past": True}}}
    story = given(rolling_together(of=past), march("a", 1), march("b", 2))
    assert together(story) == []
    assert together(story.when(enrol_target("a", "2025-03-03"))) == ["02"]


def test_unified_target_of_windows_gives_a_tier_for_each() -> None:
    tiers = {
        "basis": "lifetime_points",
        "levels": [{"name": "Base", "threshold": 0}, {"name": "Gold", "threshold": 10**6}],
    }
    definition = rolling_together(tier={"id": "gold", "validity": {"days": 5}}, tiers=tiers)
    story = given(definition, march("a", 1), march("b", 2))
    assert [one.reward_of for one in story.only(TierAssigned)] == ["unified/u/1"]
    story.play(brought_back("a-2025-03-01", 100, "2025-03-03"))
    assert story.tier() == 1
    for on in (4, 11):
        story.play(march("a", on))
        story.play(march("b", on))
    assert [one.reward_of for one in story.only(TierAssigned)] == ["unified/u/1", "unified/u/1", "unified/u/2"]


def test_reward_of_a_window_that_is_met_together_is_cancelled_by_its_last_day() -> None:
    story = given(rolling_together(), march("a", 1), march("b", 2), march("a", 9), march("b", 9))
    assert story.balance() == 100
    story.play(cancel("2025-03-10", milestone="u", cycle="7 days to 2025-03-02"))
    assert [one.points for one in story.only(PointsCancelled)] == [50]
    story.play(cancel("2025-03-10 13:00", milestone="u", cycle="7 days to 2025-03-03"))
    assert story.balance() == 50


def test_rolling_windows_and_cycles_are_not_united() -> None:
    with pytest.raises(ValueError, match="b has other cycles than a"):
        rolling_together(of={"b": {"cycle": {"kind": "rolling", "days": 8}}})


@settings(max_examples=60)
@over(
    sold=st.lists(st.tuples(st.sampled_from(NAMES), st.integers(0, 25), st.integers(1, 6)), max_size=10),
    back=st.sets(st.integers(0, 9)),
    expression=st.sampled_from(["a & b", "a | b & c", "2 of (a, b, c)", "a"]),
    threshold=st.none() | st.integers(1, 20),
    length=st.integers(2, 9),
    seed=st.randoms(),
)
def test_windows_met_together_do_not_go_by_order_and_what_came_back_is_as_if_it_had_not_been(
    sold: list[tuple[str, int, int]], back: set[int], expression: str, threshold: int | None, length: int, seed: Any
) -> None:
    definition = rolling_together(
        expression,
        days=length,
        goal=4,
        threshold=threshold,
        points=5,
        repeat_window_days=366,
        returns={**DAYS, "window_days": 366},
    )
    first, condition = day("2025-03-20"), condition_of(expression)
    lines = {number: (Line(name.upper(), amount),) for number, (name, _, amount) in enumerate(sold)}
    steps = [
        bought(f"B{number}", None, str(as_date(first + on)), lines=lines[number])
        for number, (_, on, _) in enumerate(sold)
    ]
    seed.shuffle(steps)
    story = given(definition, *steps)
    of_day: dict[int, Counter[str]] = defaultdict(Counter)
    for number, (name, on, amount) in enumerate(sold):
        if number in back:
            story.play(brought_back(f"B{number}", amount, "2025-05-10"))
        else:
            of_day[on][name] += amount
    expected: list[int] = []
    for today in range(40):
        window = sum((of_day[on] for on in range(max(0, today - length + 1), today + 1)), Counter[str]())
        named = {name: window[name] for name in milestones_in(condition)}
        enough = sum(named.values()) >= (threshold or 0)
        met = {name for name, value in named.items() if value >= 4}
        free = not (expected and today - expected[-1] < length)
        counts = any(of_day[today][name] for name in named)
        if counts and enough and free and _holds(condition, met):
            expected.append(today)
    assert sorted(story.section().unified.get("u", {})) == [first + one for one in expected]
    assert story.balance() == 5 * len(expected)


def test_what_is_recorded_of_who_is_not_enrolled_adds_up_to_no_threshold() -> None:
    definition = united("a | b", threshold=150)
    recorded = definition.milestones[0].model_copy(update={"enrolment": Enrolment(by="command", past=True)})
    definition = definition.model_copy(update={"milestones": (recorded, *definition.milestones[1:])})
    story = given(definition, buys("a", 80, "2025-03-01"), buys("b", 100, "2025-03-02"))
    assert edges(story) == []
    story.play(enrol_target("a", "2025-03-03"))
    assert edges(story) == [f"+{(2025 - 1970) * 12 + 2}"]
