"""Successors: whatever versions follow one another, members are paid once and moved with a decision, or left alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any

from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st

from pipeline.engine.programs import Program
from schemas.facts import (
    Decision,
    Fact,
    IssuedFor,
    MilestoneAchieved,
    MilestoneUnachieved,
    PointsIssued,
    StreakLevelReached,
    StreakLevelUnachieved,
    TierReassigned,
    TierUpgraded,
)
from schemas.program import PeriodUnit, ProgramDefinition, Transactions
from schemas.records import AnyCustomerRecord
from schemas.succession import succession
from tests.dsl import Story
from tests.engine.history import (
    BREWED,
    DAILY,
    DAYS,
    HOUR,
    PROGRAMS,
    RULES,
    SPENT,
    START,
    THE_END,
    Delivery,
    begun,
    histories,
    late,
    play,
    standing,
)
from tests.steps import Step, Tick, bought, did, milestone, program

LATER = START + 100 * DAYS * HOUR
instants = st.integers(0, DAYS * 24).map(lambda hour: START + hour * HOUR)
orders = histories().flatmap(late)


@st.composite
def chains(draw: st.DrawFn) -> list[ProgramDefinition]:
    """Versions that may follow one another: subjects end and come back, tiers are inserted, targets change."""
    versions: list[ProgramDefinition] = []
    inserted = False
    ended = st.sampled_from([False, False, True])
    for version in range(1, draw(st.integers(2, 5)) + 1):
        inserted = inserted or draw(st.booleans())
        between = [{"name": "Between", "threshold": 20}] if inserted else []
        days, spent, daily = (draw(ended) for _ in range(3))
        versions.append(
            program(
                version=version,
                repeat_window_days=9,
                rules=[{**rule, "retired": draw(ended)} for rule in RULES],
                tiers={
                    "basis": "lifetime_points",
                    "levels": [
                        {"name": "A", "threshold": 0},
                        *between,
                        {"name": "B", "threshold": 30, "retired": draw(ended)},
                        {"name": "C", "threshold": 90, "retired": draw(ended)},
                    ],
                },
                milestones=[
                    milestone("days", draw(st.integers(1, 2)), "day", counts=BREWED, points=3, retired=days),
                    milestone(
                        "spent",
                        draw(st.sampled_from([500, 3_000])),
                        "month",
                        counts=SPENT,
                        points=40,
                        target_id=2,
                        retired=spent,
                    ),
                ],
                streaks=[{**DAILY, "retired": days or daily}],
            )
        )
    return versions


def paid_once_and_never_moved_silently(deliveries: Sequence[Delivery], versions: Sequence[ProgramDefinition]) -> None:
    story = Story(versions[0])
    starts = [START + place * DAYS * 24 * HOUR // len(versions) for place in range(len(versions))]
    steps: list[tuple[int, Step]] = [*zip(starts, versions, strict=True), *deliveries]
    steps.append((LATER, did("login", LATER)))
    numbers = {0: ("",), **{definition.version: Program(definition).tier_ids for definition in versions}}
    for at, step in sorted(steps, key=lambda one: one[0]):
        before = story.section().tier_id
        moved_by_decision(before or "a", story.play(step, as_of=at), story.section().tier_id)
        assert story.section().tier_id == numbers[story.section().version][story.tier()]
    tiers = versions[-1].tiers
    assert tiers is not None
    assert story.section().tier_id in {"", *(tier.id for tier in tiers.levels if not tier.retired)}
    paid_for_no_more_than_was_taken_back(fact.decision for fact in story.facts)


def paid_for_no_more_than_was_taken_back(decisions: Iterable[Decision]) -> None:
    """A subject that a return took back may be paid again, and is never paid twice at one time."""
    paid: set[tuple[str, int]] = set()
    for decision in decisions:
        match decision:
            case (
                MilestoneAchieved(milestone_id=subject, period=place)
                | StreakLevelReached(streak_id=subject, level=place)
            ):
                assert (subject, place) not in paid
                paid.add((subject, place))
            case (
                MilestoneUnachieved(milestone_id=subject, period=place)
                | StreakLevelUnachieved(streak_id=subject, level=place)
            ):
                paid.remove((subject, place))


def moved_by_decision(before: str, facts: Sequence[Fact], after: str) -> None:
    """At most one move for each cause, and none without a decision."""
    moves = [fact for fact in facts if isinstance(fact.decision, TierUpgraded | TierReassigned)]
    assert max(Counter(fact.envelope.cause for fact in moves).values(), default=1) == 1
    for fact in moves:
        assert fact.decision.reached_id != before
        before = fact.decision.reached_id
    assert after in {before, ""}


@settings(max_examples=40)
@forall(orders, chains())
def test_members_are_paid_once_and_never_moved_silently(
    deliveries: Sequence[Delivery], versions: Sequence[ProgramDefinition]
) -> None:
    assert [succession(*pair) for pair in pairwise(versions)] == [()] * (len(versions) - 1)
    paid_once_and_never_moved_silently(deliveries, versions)


def as_if_nothing_had_changed(deliveries: Sequence[Delivery], instants: Sequence[int]) -> None:
    """Milestones, streaks and rules that end and come back before the next record, and versions that say the same."""
    changed = begun(deliveries)
    version = 1
    steps: list[tuple[int, AnyCustomerRecord | None]] = [*deliveries, *((at, None) for at in instants)]
    for at, record in sorted(steps, key=lambda one: one[0]):
        if record is not None:
            changed.play(record, as_of=at)
            continue
        for ended in (True, False):
            version += 1
            for one in PROGRAMS:
                changed.play(one.model_copy(update={"version": version, **_ended(one, ended=ended)}))
            changed.play(Tick(at))
    changed.play(Tick(THE_END))
    assert standing(changed) == standing(play(deliveries))


def _ended(definition: ProgramDefinition, *, ended: bool) -> dict[str, Any]:
    return {
        name: tuple(one.model_copy(update={"retired": ended}) for one in getattr(definition, name))
        for name in ("rules", "milestones", "streaks")
    }


@settings(max_examples=40)
@forall(orders, st.lists(instants, min_size=1, max_size=3))
def test_what_ends_and_comes_back_is_as_if_nothing_had_changed(
    deliveries: Sequence[Delivery], instants: Sequence[int]
) -> None:
    as_if_nothing_had_changed(deliveries, instants)


BREACHES: tuple[Callable[[ProgramDefinition], dict[str, Any]], ...] = (
    lambda before: {"version": before.version},
    lambda _: {"currency": "EUR"},
    lambda _: {"zone": "UTC"},
    lambda before: {"points": before.points.model_copy(update={"name": "STARS"})},
    lambda before: {"rules": before.rules[1:]},
    lambda before: {"milestones": before.milestones[:1]},
    lambda _: {"streaks": ()},
    lambda _: {"tiers": None},
    lambda before: {"rules": (*before.rules[:2], before.rules[0].model_copy(update={"id": before.rules[2].id}))},
    lambda before: {
        "milestones": (before.milestones[0].model_copy(update={"period": PeriodUnit.WEEK}), before.milestones[1])
    },
    lambda before: {
        "milestones": (before.milestones[0].model_copy(update={"counts": Transactions()}), before.milestones[1])
    },
)


def breach_is_refused(versions: Sequence[ProgramDefinition], breach: int) -> None:
    before, after = versions[-2:]
    assert succession(before, after.model_copy(update=BREACHES[breach](before)))


@settings(max_examples=40)
@forall(chains(), st.integers(0, len(BREACHES) - 1))
def test_version_with_any_breach_is_refused(versions: Sequence[ProgramDefinition], breach: int) -> None:
    breach_is_refused(versions, breach)


def lowered_target_is_met_at_once(amount: int, lowered: int) -> None:
    """What a version makes easier is given with the next record, whatever it is."""
    high, low = (
        program(version=version, milestones=[milestone("spent", target, counts=SPENT, points=5)])
        for version, target in ((1, 10**9), (2, lowered))
    )
    story = Story(high)
    story.play(bought("B1", amount, START))
    story.play(low)
    story.play(did("login", START + HOUR))
    assert story.balance() == (5 if amount >= lowered else 0)


@settings(max_examples=20)
@forall(st.integers(1, 1_000), st.integers(1, 1_000))
def test_lowered_target_is_met_with_the_next_record(amount: int, lowered: int) -> None:
    lowered_target_is_met_at_once(amount, lowered)


def retired_rule_gives_nothing(deliveries: Sequence[Delivery]) -> None:
    story = play(deliveries, [one.model_copy(update=_ended(one, ended=True)) for one in PROGRAMS])
    assert story.only(PointsIssued)[1:] == [
        one for one in story.only(PointsIssued)[1:] if one.awards[0].issued_for is IssuedFor.ADJUSTMENT
    ]
    assert not story.only(MilestoneAchieved)


@settings(max_examples=20)
@forall(orders)
def test_what_is_retired_gives_nothing(deliveries: Sequence[Delivery]) -> None:
    retired_rule_gives_nothing(deliveries)
