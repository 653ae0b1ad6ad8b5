"""Moves between tiers, whatever happens: one for each cause, and neither ticks nor the place of a version decide."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.facts import Fact, TierAssigned, TierDowngraded, TierReassigned, TierReleased, TierUpgraded
from schemas.program import ProgramDefinition
from tests.dsl import Story
from tests.steps import (
    Activation,
    Step,
    Tick,
    assign,
    bought,
    brought_back,
    instant,
    program,
    reassess,
    redeem,
    release_tier,
    spend,
)

DAY = 86_400_000
FIRST = instant("2011-03-01")
DAYS = 120
MOVES = (TierUpgraded, TierDowngraded, TierReassigned, TierAssigned, TierReleased)
TRACKERS = [{"id": "spent", "of": "amount", "window": {"days": 20}}]


def club(version: int, terms: dict[str, Any], *thresholds: int) -> ProgramDefinition:
    further = len(terms.get("further", ()))
    levels = [
        {"name": name, "threshold": threshold, "further": [threshold // 100] * further}
        for name, threshold in zip(("Base", "Silver", "Gold"), (0, *thresholds), strict=True)
    ]
    return program(version=version, rules=[spend()], trackers=TRACKERS, tiers={"levels": levels, **terms})


TERMS: tuple[dict[str, Any], ...] = (
    {"basis": "net_purchases", "on_return": "at_once"},
    {"basis": "net_purchases", "on_return": "end_of_day", "upgrade": "end_of_day", "validity": {"days": 30}},
    {"basis": "lifetime_points", "validity": {"months": 1}, "grace_days": 5, "reminders": [3], "on_return": "at_once"},
    {"basis": "purchases_in_period", "period": "month", "validity": {"period": "month"}, "downgrade": "by_value"},
    {"basis": "tracker", "tracker": "spent", "validity": {"days": 20}, "downgrade": "base", "reminders": [5, 1]},
    {"basis": "net_purchases", "further": [{"basis": "visits"}], "any": 1, "validity": {"days": 15}},
)


def scaled(terms: dict[str, Any], *thresholds: int) -> tuple[int, ...]:
    return tuple(one // 100 for one in thresholds) if terms["basis"] == "lifetime_points" else thresholds


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Step], Step, int]:
    """Records in order of time, a version that starts among them, and how many of them come before it is applied."""
    number = draw(st.integers(3, 9))
    at = sorted(draw(st.lists(st.integers(0, DAYS * 24 - 1), min_size=number, max_size=number, unique=True)))
    steps: list[Step] = []
    bills: list[tuple[str, int]] = []
    for place, hour in enumerate(at):
        on, kind = FIRST + hour * DAY // 24, draw(st.integers(0, 9))
        if kind < 5 or not bills:
            bills.append((f"B{place}", draw(st.integers(1, 15)) * 100))
            steps.append(bought(*bills[-1], on))
        elif kind < 7:
            bill, amount = draw(st.sampled_from(bills))
            steps.append(brought_back(bill, draw(st.sampled_from([amount, amount // 2, 100])), on))
        else:
            steps.append(draw(st.sampled_from([redeem(2, on), assign("silver", on), release_tier(on), reassess(on)])))
    start = FIRST + draw(st.integers(1, DAYS - 1)) * DAY
    before = sum(step.event_time < start for step in steps)  # type: ignore[union-attr]
    return steps, start, draw(st.integers(0, before))  # type: ignore[return-value]


def facts_of(steps: list[Step]) -> list[Fact]:
    story = Story()
    for step in steps:
        story.play(step)
    return story.facts


def when(step: Any) -> int:
    return int(step.time if isinstance(step, Tick) else step.event_time)


@settings(max_examples=60)
@given(histories(), st.sampled_from(TERMS), st.sampled_from(TERMS), st.lists(st.integers(0, DAYS), max_size=6))
def test_a_cause_moves_once_and_neither_ticks_nor_the_place_of_a_version_decide(
    history: tuple[list[Step], int, int], before: dict[str, Any], after: dict[str, Any], ticks: list[int]
) -> None:
    records, start, place = history
    first = club(1, before, *scaled(before, 1_000, 2_000))
    second = Activation(club(2, after, *scaled(after, 1_200, 1_500)), start)
    last = Tick(FIRST + (DAYS + 60) * DAY)

    plain = facts_of([first, second, *records, last])

    applied = [first, *records[:place], second, *records[place:], last]
    assert facts_of(applied) == plain
    passing: list[Step] = sorted((*records, *(Tick(FIRST + day * DAY) for day in ticks)), key=when)
    assert facts_of([first, second, *passing, last]) == plain
    moves = Counter(
        (fact.envelope.cause, fact.envelope.program_id)
        for fact in plain
        if isinstance(fact.decision, MOVES) and fact.decision.previous != fact.decision.reached
    )
    assert set(moves.values()) <= {1}
