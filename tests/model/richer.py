"""More of a program and of a history by chance: streaks with terms, unified targets, and what is asked about them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random

from tests.model import words
from tests.model.dates import DAY_MS, day_of
from tests.model.ranked import arriving_late, asked, later, over_midnight, ranked, tiers_change
from tests.model.town import arrival
from tests.model.words import Goal, Happening, Program, Streak, Unified

MINUTE_MS = 60_000
FREEZES_PER = {"day": ("week", "month"), "week": ("month", "quarter"), "month": ("quarter", "half_year", "year")}


def enriched(chance: Random, program: Program, history: list[Happening]) -> tuple[Program, list[Happening]]:
    """The program and the history with more in them."""
    goals = program.goals or (_goal(chance, "goal0"),)
    if chance.random() < 0.5:
        goals += (replace(_goal(chance, "more"), period=goals[0].period),)
    streaks = tuple(_streak(chance, f"row{place}", goal) for place, goal in enumerate(goals[: chance.randint(1, 2)]))
    program = replace(program, goals=goals, streaks=streaks, unified=_unified(chance, goals))
    if chance.random() < 0.7:
        program = ranked(chance, program)
    before_the_end = [one for one in history if one.name != "end"] or history
    more = [*_series(chance, before_the_end), *requests(chance, program, before_the_end, "q")]
    if program.ranks is not None and chance.random() < 0.3:
        more += later(chance, before_the_end)
    version: Program | None = None
    if chance.random() < 0.35:
        at = chance.choice(before_the_end).at + chance.randint(1, 9) * DAY_MS + 5
        version = _easier(chance, program)
    if chance.random() < 0.4:
        some = _of_some(chance, program)
        program = replace(program, goals=(*program.goals, some))
        version = version and replace(version, goals=(*version.goals, some))
    more += [words.Changes(at, 0, "version", version)] if version is not None else []
    history = arriving_late(chance, [*history, *more])
    return program, sorted([*history, *over_midnight(chance, program, history)], key=arrival)


def _goal(chance: Random, name: str) -> Goal:
    counts = chance.choice(("bills", "money", "visit"))
    target = chance.choice((500, 1_500)) if counts == "money" else chance.choice((1, 1, 2))
    return Goal(name, chance.choice(("day", "day", "week", "month")), counts, target, chance.choice((0, 4, 7)))


def _of_some(chance: Random, program: Program) -> Goal:
    """A goal that not everything counts for, in a longer period."""
    goal = Goal("some", chance.choice(("month", "quarter", "half_year", "year")), "visit", 2, 5, most=1)
    keeps = program.returns is not None and not program.returns.goals_fall
    if keeps or chance.random() < 0.4:
        return goal
    return replace(goal, counts="money", target=chance.choice((100, 600)), sku="tea", most=0)


def _streak(chance: Random, name: str, goal: Goal) -> Streak:
    streak = Streak(
        name,
        goal.id,
        ((1, 2), (2, 5), (4, 0), (5, 3))[chance.randint(0, 1) :],
        repeats=chance.random() < 0.3,
        opt_in=chance.random() < 0.2,
    )
    if chance.random() < 0.2:
        return replace(streak, continuous=False)
    freezes, per = chance.choice((0, 1, 1, 2)), chance.choice(FREEZES_PER[goal.period])
    return replace(streak, grace=chance.choice((0, 0, 1, 2)), freezes=freezes, freezes_per=per)


def _unified(chance: Random, goals: tuple[Goal, ...]) -> tuple[Unified, ...]:
    alike = [goal for goal in goals if goal.period == goals[0].period]
    if chance.random() < 0.5:
        return ()
    units = {goal.counts == "money" for goal in alike}
    threshold = chance.choice((0, 1_200 if units == {True} else 3)) if len(units) == 1 else 0
    named = tuple(goal.id for goal in alike)
    return (Unified("all", (chance.randint(1, len(alike)), named), threshold, chance.choice((0, 6))),)


def _series(chance: Random, history: list[Happening]) -> list[Happening]:
    """Visits day by day, some days missed; some of what was bought comes back."""
    start = chance.choice(history).at + 7 * MINUTE_MS
    step, who = chance.choice((1, 1, 7)), chance.choice((1, 1, 2))
    series: list[Happening] = []
    for place in range(chance.randint(3, 9)):
        at = start + place * step * DAY_MS
        if chance.random() < 0.25:
            continue
        if chance.random() < 0.7:
            series.append(words.Pays(at, who, f"s{place}", chance.choice((400, 800, 1_500))))
            if chance.random() < 0.25:
                back = at + chance.randint(1, 60) * MINUTE_MS + chance.randint(0, 6) * DAY_MS
                series.append(words.Returned(back, who, f"r{place}", f"s{place}", chance.choice((400, 1_500))))
        if chance.random() < 0.5:
            series.append(words.Does(at + MINUTE_MS, who, f"v{place}", "visit"))
    return series


def requests(chance: Random, program: Program, history: list[Happening], named: str) -> list[Happening]:
    """What is asked about streaks and tiers."""
    requests: list[Happening] = []
    for place in range(chance.choice((0, 2, 4, 6))):
        at = chance.choice(history).at + chance.randint(1, 40) * 11 * MINUTE_MS
        who, streak, name = chance.choice((1, 1, 2)), chance.choice(program.streaks).id, f"{named}{place}"
        if program.ranks is not None and chance.random() < 0.4:
            requests.append(asked(chance, at, who, name, program.zone))
            continue
        kind = chance.choice((words.Enrols, words.Leaves, words.Pauses, words.Resumes, words.Freezes, words.Freezes))
        if kind is words.Freezes:
            first = day_of(at, program.zone) + timedelta(days=chance.choice((-6, -2, -1, 0, 1, 4)))
            last = first + timedelta(days=chance.choice((0, 1, 3, 9)))
            requests.append(words.Freezes(at, who, name, streak, first, last))
        else:
            requests.append(kind(at, who, name, streak))
    return requests


def _easier(chance: Random, program: Program) -> Program:
    """The next version: some goals ask for less, tiers change, unified targets may come."""
    goals = tuple(replace(goal, target=max(1, goal.target // chance.choice((1, 2)))) for goal in program.goals)
    program = tiers_change(chance, program)
    return replace(program, goals=goals, unified=program.unified or _unified(chance, goals))
