"""Goals, streaks and unified targets of every kind by chance, and histories in which something happens in them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import Final

from tests.model import words
from tests.model.dates import DAY_MS
from tests.model.richer import FREEZES_PER, requests
from tests.model.town import arrival
from tests.model.words import SECOND, Condition, Cycle, Goal, Happening, Line, Pays, Program, Streak, Unified

MINUTE_MS = 60_000
SPRING = date(2011, 3, 20)
STORES = ("", "north", "south", "south")
CATEGORIES = {"tea": "drinks", "mug": "things", "card": "things"}
CYCLES: Final = (
    "day",
    "week",
    "month",
    Cycle("from_date", "day", 3, first=date(2011, 3, 22)),
    Cycle("from_date", "week", 2, first=date(2011, 3, 14)),
    Cycle("from_date", "month", 1, first=date(2010, 12, 31)),
    Cycle(
        "windows",
        windows=(
            (date(2011, 3, 18), date(2011, 3, 24)),
            (date(2011, 3, 25), date(2011, 3, 27)),
            (date(2011, 3, 30), date(2011, 4, 20)),
            (date(2011, 4, 26), date(2011, 6, 30)),
        ),
    ),
    Cycle("own", "day", 4),
    Cycle("own", "week", 1),
    Cycle("own", "month", 1),
    Cycle("own", "day", 4, since_registration=True),
    Cycle("own", "week", 1, since_registration=True),
    Cycle("lifetime"),
)
TARGETS: Final = {
    "bills": (1, 2, 3),
    "money": (500, 1_500, 4_000),
    "gross": (500, 1_500, 4_000),
    "quantity": (2, 5),
    "points": (5, 20),
    "days": (1, 2, 3),
    "stores": (1, 2),
    "skus": (1, 2, 3),
    "": (1, 2, 3),
    "sum": (2, 5),
    "values": (1, 2),
}
BY_LINE: Final = ("bills", "money", "quantity", "days", "stores", "skus")


def varied(chance: Random, program: Program, history: list[Happening]) -> tuple[Program, list[Happening]]:
    """The program and the history with more of every kind."""
    cycle, some = chance.choice(CYCLES), chance.choice((1, 2, 2, 3))
    cycles = [cycle if chance.random() < 0.6 else chance.choice(CYCLES) for _ in range(some)]
    goals = _adding(chance, [_goal(chance, f"kind{place}", one, program) for place, one in enumerate(cycles)])
    for_all = [goal for goal in goals if not goal.is_own]
    streaks = tuple(_streak(chance, f"in-{goal.id}", goal) for goal in for_all if chance.random() < 0.5)
    unified = _unified(chance, [goal for goal in for_all if goal.period == for_all[0].period])
    further = (tuple(goals), streaks, unified)
    changed = _eventful(chance, history)
    changed = [
        replace(one, to=_with(one.to, _easier(chance, goals), streaks, unified))
        if isinstance(one, words.Changes)
        else one
        for one in changed
    ]
    program = _with(program, *further)
    before_the_end = [one for one in changed if one.name != "end"] or changed
    asked = [*_about_goals(chance, goals, before_the_end), *_walks(chance, before_the_end)]
    if streaks:
        asked += requests(chance, replace(program, streaks=streaks, ranks=None), before_the_end, "k")
    return program, sorted([*changed, *asked, *_long_after(chance, before_the_end)], key=arrival)


def _with(
    program: Program, goals: tuple[Goal, ...], streaks: tuple[Streak, ...], unified: tuple[Unified, ...]
) -> Program:
    return replace(
        program,
        goals=program.goals + goals,
        streaks=program.streaks + streaks,
        unified=program.unified + unified,
    )


def _goal(chance: Random, name: str, cycle: str | Cycle, program: Program) -> Goal:
    kinds = ["bills", "money", "gross", "quantity", "days", "stores", "skus", "visit", "walk", "walk"]
    kinds += ["points"] if program.second is None else []  # of the main currency, which the second does not know of
    counts = chance.choice(kinds)
    own = isinstance(cycle, Cycle) and cycle.kind == "own"
    begins_later = isinstance(cycle, Cycle) and cycle.kind == "own" and not cycle.since_registration
    goal = Goal(
        name,
        cycle,
        counts,
        0,
        chance.choice((0, 4, 7)),
        currency=chance.choice(("", SECOND)) if program.second is not None else "",
        most=chance.choice((0, 0, 1, 2)),
        most_per=chance.choice(("day", "week", "month")),
        joins=chance.choice(
            ("transaction", "command", "everybody") if own else ("", "", "transaction", "command", "everybody")
        ),
        past=chance.random() < 0.5 and not begins_later,
        first=chance.choice((None, None, None, SPRING + timedelta(days=2))),
        last=chance.choice((None, None, None, SPRING + timedelta(days=20))),
    )
    goal = _of_bills(chance, goal) if goal.of_bills else _of_events(chance, goal, program)
    return replace(goal, target=chance.choice(TARGETS[goal.counts if goal.of_bills else goal.measure]))


def _of_bills(chance: Random, goal: Goal) -> Goal:
    if goal.counts in BY_LINE and chance.random() < 0.5:
        sku, category, without = chance.choice(
            (("tea", "", ""), ("", "things", ""), ("tea", "things", "mug"), ("", "", "card"))
        )
        goal = replace(goal, sku=sku, category=category, without=without)
    stores = frozenset({"south"}) if chance.random() < 0.2 else frozenset[str]()
    return replace(goal, stores=stores, minimum=chance.choice((0, 0, 0, 800)))


def _of_events(chance: Random, goal: Goal, program: Program) -> Goal:
    measures = ["", "sum", "days", "values"] + ([] if program.second is not None else ["points"])
    measure = chance.choice(measures)
    return replace(
        goal,
        measure=measure,
        attribute={"sum": "km", "values": "place"}.get(measure, ""),
        where=("place", frozenset({"park", "7"})) if chance.random() < 0.3 else None,
    )


def _adding(chance: Random, goals: list[Goal]) -> tuple[Goal, ...]:
    """Some add to one that comes after them."""
    return tuple(
        replace(goal, adds=(chance.choice(goals[place:]).id, chance.choice((1, 2, 600))))
        if goals[place:] and chance.random() < 0.4
        else goal
        for place, goal in enumerate(goals, 1)
    )


def _streak(chance: Random, name: str, goal: Goal) -> Streak:
    streak = Streak(
        name,
        goal.id,
        ((1, 2), (2, 5), (3, 1))[chance.randint(0, 1) :],
        currency=goal.currency,
        repeats=chance.random() < 0.3,
        opt_in=chance.random() < 0.3,
        first=chance.choice((None, None, SPRING + timedelta(days=2))),
        last=chance.choice((None, None, SPRING + timedelta(days=12))),
    )
    if chance.random() < 0.2:
        return replace(streak, continuous=False)
    streak = replace(streak, grace=chance.choice((0, 0, 1, 2)))
    if isinstance(goal.period, Cycle):
        return streak
    return replace(streak, freezes=chance.choice((0, 1, 2)), freezes_per=chance.choice(FREEZES_PER[goal.period]))


def _unified(chance: Random, goals: list[Goal]) -> tuple[Unified, ...]:
    if not goals or chance.random() < 0.5:
        return ()
    units = {(goal.counts in {"money", "gross"}, goal.measure == "sum") for goal in goals}
    threshold = chance.choice((0, 1_200 if (True, False) in units else 3)) if len(units) == 1 else 0
    names = [goal.id for goal in goals]
    return (Unified("kinds", _condition(chance, names), threshold, chance.choice((0, 6))),)


def _condition(chance: Random, names: list[str]) -> Condition:
    """All names, some of them in a condition of their own."""
    inner = names[1:]
    if len(inner) > 1 and chance.random() < 0.6:
        return (chance.randint(1, 2), (names[0], (chance.randint(1, len(inner)), tuple(inner))))
    return (chance.randint(1, len(names)), tuple(names))


def _easier(chance: Random, goals: tuple[Goal, ...]) -> tuple[Goal, ...]:
    return tuple(replace(goal, target=max(1, goal.target // chance.choice((1, 2)))) for goal in goals)


def _eventful(chance: Random, history: list[Happening]) -> list[Happening]:
    """The same with stores, gross amounts, quantities and categories."""
    become = {id(one): _detailed(chance, one) for one in history}
    return [
        replace(one, before=become[id(one.before)]) if isinstance(one, words.Again) else become[id(one)]
        for one in history
    ]


def _detailed(chance: Random, one: Happening) -> Happening:
    if isinstance(one, Pays | words.Corrected) and one.lines:
        one = replace(one, lines=tuple(_line(chance, line) for line in one.lines))
    if isinstance(one, Pays):
        gross = chance.choice((None, one.pence, one.pence + 130))
        return replace(one, store=chance.choice(STORES), gross=gross)
    return one


def _line(chance: Random, line: Line) -> Line:
    return replace(line, quantity=chance.choice((1, 1, 2, 3)), category=CATEGORIES[line.sku])


def _about_goals(chance: Random, goals: tuple[Goal, ...], history: list[Happening]) -> list[Happening]:
    asked: list[Happening] = []
    for place in range(chance.choice((0, 2, 4))):
        at, who, name = (
            chance.choice(history).at + chance.randint(1, 40) * 13 * MINUTE_MS,
            chance.choice((1, 1, 2)),
            f"g{place}",
        )
        goal = chance.choice(goals)
        kind = chance.choice((words.Joins, words.Joins, words.Quits, words.AsksFor))
        if kind is words.AsksFor:
            asked.append(words.AsksFor(at, who, name, goal.id, chance.choice((None, 1, 2, 400))))
        else:
            asked.append(kind(at, who, name, goal.id))
    return asked


def _walks(chance: Random, history: list[Happening]) -> list[Happening]:
    """Walks and bills, some days missed; some of what was bought comes back."""
    start = chance.choice(history).at + 11 * MINUTE_MS
    some: list[Happening] = []
    for place in range(chance.randint(3, 10)):
        at, who = start + place * chance.choice((1, 1, 3)) * DAY_MS, chance.choice((1, 1, 1, 2))
        if chance.random() < 0.5:
            attributes = [
                ("place", chance.choice(("park", "track", 7))),
                ("km", chance.choice((1, 3, "0.5", "2.125", "0.0001", "far", -1, 0))),
            ]
            some.append(
                words.Does(
                    at, who, f"w{place}", "walk", attributes=tuple(chance.sample(attributes, chance.choice((1, 2, 2))))
                )
            )
        if chance.random() < 0.5:
            lines = tuple(
                Line(chance.choice(tuple(CATEGORIES)), chance.choice((0, 250, 801)), f"l{one}")
                for one in range(chance.randint(1, 2))
            )
            bill = _detailed(chance, Pays(at + MINUTE_MS, who, f"b{place}", sum(line.pence for line in lines), lines))
            late = chance.random() < 0.15
            some.append(replace(bill, arrives=bill.at + chance.choice((1, 5)) * DAY_MS) if late else bill)
            if chance.random() < 0.4:
                back = bill.at + chance.randint(1, 9) * DAY_MS
                some.append(words.Returned(back, who, f"rb{place}", f"b{place}", chance.choice((250, 2_500))))
    return some


def _long_after(chance: Random, history: list[Happening]) -> list[Happening]:
    """A bill is cancelled when most of its cycles are final, and is what it was again, or more."""
    bills = [one for one in history if isinstance(one, Pays)]
    if not bills or chance.random() < 0.7:
        return []
    bill = chance.choice(bills)
    at = bill.at + chance.choice((10, 50, 90)) * DAY_MS
    lines = bill.lines + bill.lines[: chance.choice((0, 1))]
    pence = sum(line.pence for line in lines) if lines else bill.pence
    return [
        words.Corrected(at, bill.who, "off", bill.name, 0),
        words.Corrected(at + 2 * DAY_MS, bill.who, "on", bill.name, pence, lines=lines),
    ]
