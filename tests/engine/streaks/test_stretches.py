"""What streaks forgive: grace, freezes, periods that are only counted, levels that repeat."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise, permutations

import pytest
from hypothesis import given as holds_for
from hypothesis import settings
from hypothesis import strategies as st

from pipeline.engine.calendar import NEVER, Calendar
from pipeline.engine.programs import DAY_MS
from pipeline.engine.streaks import value
from pipeline.engine.streaks.runs import Run, with_period
from pipeline.engine.streaks.stretches import standing_of, stretches, times_of
from pipeline.engine.streaks.terms import StreakTerms, missed, streak_terms
from schemas.facts import StreakBroken, StreakLevelReached, StreakLevelUnachieved, StreakStanding
from schemas.program import PeriodUnit, ProgramDefinition, Streak
from tests.dsl import Story, given
from tests.steps import bought, brought_back, day, instant, milestone, program, tick

GRACES = st.integers(0, 2)
FREEZES = st.integers(0, 2)
PLACES = st.sets(st.integers(0, 20), max_size=14)
UNIT = 7
"""Freezes are counted in sevens of periods here."""


def terms_of(*, grace: int = 0, freezes: int = 0, continuous: bool = True) -> StreakTerms:
    return StreakTerms(
        continuous=continuous, repeats=False, grace=grace, freezes=freezes, frozen_in=lambda place: place // UNIT
    )


def runs_of(places: set[int]) -> list[Run]:
    runs: list[Run] = []
    for place in places:
        runs, _ = with_period(runs, place)
    return runs


def is_stretch(places: list[int], terms: StreakTerms, excused: set[int]) -> bool:
    """The rule, word for word: every missed period between the first and the last one is forgiven."""
    return all(number <= terms.freezes for number in freezes_in(places, terms, excused).values())


def freezes_in(places: list[int], terms: StreakTerms, excused: set[int]) -> Counter[int]:
    used: Counter[int] = Counter()
    for before, after in pairwise(places):
        gap = [place for place in range(before + 1, after) if place not in excused]
        used.update(place // UNIT for place in gap[terms.grace :])
    return used


def naive_longest(places: set[int], terms: StreakTerms, excused: set[int], last: int) -> int:
    """The longest stretch that ends with the place `last`."""
    rising = [place for place in sorted(places) if place <= last]
    return max(len(rising) - start for start in range(len(rising)) if is_stretch(rising[start:], terms, excused))


def naive_times(places: set[int], level: int, terms: StreakTerms, excused: set[int]) -> int:
    """The most stretches of a length that lie one after the other: each either begins with the first place or not."""
    rising = sorted(places)
    best = [0] * (len(rising) + 1)
    for start in reversed(range(len(rising))):
        best[start] = best[start + 1]
        if start + level <= len(rising) and is_stretch(rising[start : start + level], terms, excused):
            best[start] = max(best[start], 1 + best[start + level])
    return best[0]


@settings(max_examples=150, deadline=None)
@holds_for(places=PLACES, excused=st.sets(st.integers(0, 20), max_size=4), grace=GRACES, freezes=FREEZES)
def test_stretches_are_what_the_rule_says(places: set[int], excused: set[int], grace: int, freezes: int) -> None:
    terms, runs = terms_of(grace=grace, freezes=freezes), runs_of(places)
    found = stretches(runs, terms, runs_of(excused))
    assert [one.periods for one in found] == [naive_longest(places, terms, excused, last) for _, last in runs]
    for level in (1, 2, 3, 5):
        assert times_of(level, runs, terms, runs_of(excused), 0) == naive_times(places, level, terms, excused)


@settings(max_examples=150, deadline=None)
@holds_for(places=PLACES.filter(bool), grace=GRACES, freezes=FREEZES, excused=st.sets(st.integers(0, 30), max_size=4))
def test_a_run_stands_until_a_missed_period_is_not_forgiven(
    places: set[int], grace: int, freezes: int, excused: set[int]
) -> None:
    terms, last = terms_of(grace=grace, freezes=freezes), max(places)
    found = stretches(runs_of(places), terms, runs_of(excused))
    standing = standing_of(found, terms, runs_of(excused), 0)
    assert standing.through is not None
    stretch = [place for place in sorted(places) if place >= found[-1].first]
    goes_on = [now for now in range(last, last + 30) if is_stretch([*stretch, now + 1], terms, excused)]
    missed_from = next(now for now in range(last + 1, last + 31) if now not in goes_on)
    frozen = freezes_in(stretch, terms, excused)[last // UNIT]
    assert standing == StreakStanding(run=len(stretch), through=missed_from, frozen=frozen)


@settings(max_examples=100, deadline=None)
@holds_for(places=PLACES, more=st.integers(0, 20), grace=GRACES, freezes=FREEZES, level=st.integers(1, 5))
def test_one_more_period_makes_nothing_shorter(
    places: set[int], more: int, grace: int, freezes: int, level: int
) -> None:
    terms = terms_of(grace=grace, freezes=freezes)
    before, after = (
        max((one.periods for one in stretches(runs, terms, [])), default=0) for runs in _both(places, more)
    )
    assert before <= after
    assert times_of(level, runs_of(places), terms, [], 0) <= times_of(level, runs_of(places | {more}), terms, [], 0)


def _both(places: set[int], more: int) -> tuple[list[Run], list[Run]]:
    return runs_of(places), runs_of(places | {more})


@pytest.mark.parametrize(
    ("first", "last", "excused", "left"),
    [
        pytest.param(3, 5, [], [3, 4, 5], id="nothing-excused"),
        pytest.param(3, 5, [(4, 4)], [3, 5], id="one-between"),
        pytest.param(3, 5, [(1, 3), (5, 9)], [4], id="at-both-ends"),
        pytest.param(3, 5, [(1, 9)], [], id="all"),
        pytest.param(3, 5, [(7, 9)], [3, 4, 5], id="later"),
        pytest.param(3, 5, [(4, NEVER)], [3], id="for-ever"),
    ],
)
def test_what_is_excused_is_not_missed(first: int, last: int, excused: list[Run], left: list[int]) -> None:
    assert list(missed(first, last, excused)) == left


def test_days_of_a_zone_that_skipped_one_use_the_freezes_of_their_month() -> None:
    streak = Streak.model_validate_json(
        '{"id": "s", "streak_id": 1, "name": "S", "milestone": "m", "levels": [{"name": "1", "periods": 1}],'
        ' "freezes": {"per": "month", "max": 1}}'
    )
    terms = streak_terms(streak, PeriodUnit.DAY, Calendar("Pacific/Apia"))
    months = [terms.frozen_in(day("2011-12-30") + after) for after in range(-1, 3)]
    december = (2011 - 1970) * 12 + 11
    assert months == [december, december, december + 1, december + 1]


def daily(**parts: object) -> ProgramDefinition:
    levels = [{"name": "Three", "periods": 3, "points": 30}, {"name": "Five", "periods": 5, "points": 50}]
    streak = {"id": "daily", "streak_id": 2, "name": "Daily", "milestone": "visit", "levels": levels, **parts}
    return program(milestones=[milestone("visit", period="day")], streaks=[streak], returns={"rewards": "clawback"})


def visits(definition: ProgramDefinition, *days: int) -> Story:
    return given(definition, *(bought(f"B{on}", 100, f"2011-03-{on:02}") for on in days))


def reached(story: Story) -> list[tuple[int, int, int]]:
    return [(one.level, one.again, one.run) for one in story.only(StreakLevelReached)]


ONE_A_MONTH = {"per": "month", "max": 1}


@pytest.mark.parametrize(
    ("parts", "days", "levels"),
    [
        pytest.param({}, (1, 2, 4), [], id="a-missed-day-breaks-it"),
        pytest.param({"grace": 1}, (1, 2, 4), [(3, 0, 3)], id="grace"),
        pytest.param({"grace": 1}, (1, 2, 5), [], id="two-days-beyond-grace"),
        pytest.param({"grace": 1}, (1, 3, 5, 7, 9), [(3, 0, 3), (5, 0, 5)], id="grace-is-there-each-time"),
        pytest.param({"freezes": ONE_A_MONTH}, (1, 2, 4), [(3, 0, 3)], id="freeze"),
        pytest.param({"freezes": ONE_A_MONTH}, (1, 2, 5), [], id="two-days-are-one-freeze-too-many"),
        pytest.param({"freezes": ONE_A_MONTH}, (1, 2, 4, 6), [(3, 0, 3)], id="one-freeze-a-month"),
        pytest.param({"grace": 1, "freezes": ONE_A_MONTH}, (1, 2, 5), [(3, 0, 3)], id="grace-and-then-a-freeze"),
        pytest.param({"continuous": False}, (1, 5, 9, 20, 30), [(3, 0, 3), (5, 0, 5)], id="only-counted"),
        pytest.param({"repeats": True}, (1, 2, 3, 4, 5, 6), [(3, 0, 3), (5, 0, 5), (3, 1, 6)], id="repeats"),
        pytest.param({"repeats": True}, (1, 2, 3, 11, 12, 13), [(3, 0, 3), (3, 1, 3)], id="repeats-in-another-run"),
        pytest.param(
            {"repeats": True, "continuous": False},
            (1, 3, 5, 11, 13, 15),
            [(3, 0, 3), (5, 0, 5), (3, 1, 6)],
            id="repeats-by-count",
        ),
    ],
)
def test_levels_by_what_is_forgiven(
    parts: dict[str, object], days: tuple[int, ...], levels: list[tuple[int, int, int]]
) -> None:
    story = visits(daily(**parts), *days)
    assert reached(story) == levels
    assert story.balance() == sum(level * 10 for level, _, _ in levels)


def test_freezes_of_the_next_month_are_new_ones() -> None:
    story = visits(daily(freezes=ONE_A_MONTH), 29, 31)
    for on in ("2011-04-01", "2011-04-03", "2011-04-04"):
        story.play(bought(f"B{on}", 100, on))
    assert reached(story) == [(3, 0, 3), (5, 0, 5)]


TERMS = (
    {},
    {"grace": 1},
    {"freezes": ONE_A_MONTH},
    {"repeats": True},
    {"continuous": False},
    {"freezes": ONE_A_MONTH, "repeats": True},
)


@pytest.mark.parametrize("parts", TERMS, ids=str)
def test_levels_do_not_depend_on_the_order_of_the_records(parts: dict[str, object]) -> None:
    outcomes = set()
    for days in permutations((1, 2, 4, 6, 7)):
        story = given(daily(**parts), tick("2011-03-10"))
        for on in days:
            story.play(bought(f"B{on}", 100, f"2011-03-{on:02}"), as_of=instant("2011-03-10"))
        known = story.section().streaks["daily"]
        assert known.standing is None or known.standing.run <= known.longest
        outcomes.add((tuple(known.runs), known.longest, tuple(sorted(known.levels)), known.standing, story.balance()))
    assert len(outcomes) == 1


@pytest.mark.parametrize("parts", TERMS, ids=str)
@pytest.mark.parametrize("back", [1, 2, 4, 6, 7])
def test_a_visit_and_its_return_cancel_out(parts: dict[str, object], back: int) -> None:
    days = (1, 2, 4, 6, 7)
    story = visits(daily(**parts), *days)
    story.play(brought_back(f"B{back}", 100, "2011-03-09"))
    without = visits(daily(**parts), *(on for on in days if on != back))
    mine, theirs = (one.section().streaks["daily"] for one in (story, without))
    assert (mine.runs, mine.longest, mine.standing) == (theirs.runs, theirs.longest, theirs.standing)
    assert sorted(mine.levels) == sorted(theirs.levels)
    assert story.balance() == without.balance()


def test_a_return_takes_the_last_time_of_a_level_and_buying_again_gives_it_back() -> None:
    story = visits(daily(repeats=True), 1, 2, 3, 4, 5, 6)
    assert story.balance() == 30 + 50 + 30
    story.play(brought_back("B6", 100, "2011-03-07"))
    assert [(one.level, one.again) for one in story.only(StreakLevelUnachieved)] == [(3, 1)]
    assert story.balance() == 80
    story.play(bought("B6b", 100, "2011-03-06 13:00"), as_of=instant("2011-03-08"))
    assert (reached(story)[-1], story.balance()) == ((3, 1, 6), 110)


def test_a_clock_that_goes_back_uses_no_freeze() -> None:
    story = visits(daily(freezes=ONE_A_MONTH), 10, 9, 8, 7, 10, 6, 11)
    assert story.section().streaks["daily"].standing == StreakStanding(run=6, through=day("2011-03-13"))


@pytest.mark.parametrize(
    ("parts", "run"),
    [
        pytest.param({"continuous": False}, 20, id="counted"),
        pytest.param({"freezes": {"per": "week", "max": 4}}, 6, id="forgiving"),
        pytest.param({"continuous": False, "repeats": True}, 20, id="repeats"),
    ],
)
def test_what_is_beyond_what_is_kept_is_settled(
    monkeypatch: pytest.MonkeyPatch, parts: dict[str, object], run: int
) -> None:
    monkeypatch.setattr(value, "RUNS_KEPT", 5)
    story = given(daily(**parts))
    for number in range(20):
        story.play(bought(f"B{number}", 100, instant("2011-01-01") + number * 2 * DAY_MS))
    known = story.section().streaks["daily"]
    assert known.standing is not None
    assert (len(known.runs), known.standing.run) == (5, run)
    assert Counter(known.levels) == ({3: 6, 5: 4} if "repeats" in parts else {3: 1, 5: 1})


def test_return_of_what_is_settled_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(value, "RUNS_KEPT", 2)
    story = visits(daily(continuous=False), 1, 3, 5, 7).when(brought_back("B1", 100, "2011-03-08"))
    assert story.only(StreakBroken) == []


def test_a_streak_in_which_nothing_counts_stands_at_nothing() -> None:
    story = visits(daily(grace=1), 1).when(brought_back("B1", 100, "2011-03-02"))
    assert story.section().streaks["daily"].standing == StreakStanding(run=0, through=None)


def test_what_is_excused_for_ever_stands_for_ever() -> None:
    terms = terms_of()
    assert standing_of(stretches([(1, 3)], terms, []), terms, [(4, NEVER)], 0) == StreakStanding(run=3, through=None)


def test_a_version_that_forgives_more_gives_the_levels_of_the_run_that_is_alive() -> None:
    story = visits(daily(), 1, 2, 4).when(daily(grace=1).model_copy(update={"version": 2}))
    story.play(bought("late", 100, "2011-03-01 13:00"), as_of=instant("2011-03-05"))
    assert reached(story) == [(3, 0, 3)]


def test_an_end_tells_the_run_that_a_freeze_keeps_alive() -> None:
    ending = daily(freezes=ONE_A_MONTH, validity={"last": "2011-03-05"})
    story = visits(ending, 2, 3, 4).when(tick("2011-03-06"))
    assert [fact.decision.run for fact in story.decided] == [3]
