"""Programs and histories by chance, from a seed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from random import Random

from tests.model import words
from tests.model.dates import day_of, start_of
from tests.model.kinds import varied
from tests.model.richer import enriched
from tests.model.words import (
    SECOND,
    Gift,
    Goal,
    Happening,
    Lasts,
    Line,
    Program,
    Promise,
    Returns,
    Spend,
    Streak,
    Terms,
)

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
SKUS = ("tea", "mug", "card")
FIRST = start_of(date(2011, 3, 20), "Europe/London") + 9 * HOUR_MS
"""A week before summer time begins."""
LASTS = (
    Lasts(),
    Lasts(days=0),
    Lasts(days=3),
    Lasts(days=10),
    Lasts(days=30),
    Lasts(days=6, rolls=True),
    Lasts(months=1, round_months=1, rolls=True),
    Lasts(months=1),
    Lasts(months=2, round_months=3),
    Lasts(days=5, round_months=1),
    Lasts(dates=((3, 31), (4, 15), (6, 30))),
)
PROMISES = (
    Promise("days", days=0),
    Promise("days", days=4),
    Promise("date", date=date(2011, 4, 5)),
    Promise("delivered", days=6),
    Promise("delivered"),
    Promise("trigger", days=8, event="arrived"),
    Promise("trigger", days=3),
)


def program_by(chance: Random) -> Program:
    """Some program."""
    spends = [Spend("spend", chance.choice((1, 1, 2, 3)), chance.choice((100, 100, 150, 700)))]
    if chance.random() < 0.6:
        spends.append(_second(chance))
    goals = [_goal(chance, number) for number in range(chance.choice((0, 0, 1, 2)))]
    streaks = (Streak("row", goals[0].id, ((1, 2), (2, 5), (4, 0))),) if goals and chance.random() < 0.6 else ()
    second = _terms(chance) if chance.random() < 0.4 else None
    program = Program(
        spends=tuple(spends),
        gifts=(Gift("gift", "visit", chance.randint(1, 9)),) if chance.random() < 0.4 else (),
        factors=(("mug", chance.choice((Fraction(2), Fraction(3, 2)))),) if chance.random() < 0.3 else (),
        main=_terms(chance),
        second=second,
        promise=chance.choice(PROMISES) if chance.random() < 0.25 else None,
        goals=tuple(goals),
        streaks=streaks,
        returns=_returns(chance) if chance.random() < 0.85 else None,
        tiers=(0, 20, 60) if chance.random() < 0.5 else (),
    )
    return program if second is None else _in_two(chance, program)


def _terms(chance: Random) -> Terms:
    return Terms(
        lasts=chance.choice(LASTS),
        least=chance.choice((1, 1, 1, 5)),
        multiple=chance.choice((1, 1, 1, 3)),
        most=chance.choice((None, None, 30)),
        order=chance.choice(("fefo", "fefo", "fifo", "lifo", "promotional_first")),
        reissues=chance.random() < 0.3,
        hold_minutes=chance.choice((30, 60 * 30)),
    )


def _in_two(chance: Random, program: Program) -> Program:
    """The program with some of what it gives in a second currency."""

    def some() -> str:
        return chance.choice(("", SECOND))

    return replace(
        program,
        spends=tuple(replace(one, currency=some()) for one in program.spends),
        gifts=tuple(replace(one, currency=some()) for one in program.gifts),
        goals=tuple(replace(one, currency=some()) for one in program.goals),
        streaks=tuple(replace(one, currency=some()) for one in program.streaks),
    )


def _second(chance: Random) -> Spend:
    return Spend(
        "second",
        chance.randint(1, 4),
        chance.choice((100, 250, 300)),
        minimum=chance.choice((0, 800, 1_500)),
        without=frozenset(chance.choice(((), ("card",), ("card", "tea")))),
        lasts=chance.choice((None, None, *LASTS)),
        promise=chance.choice((None, None, None, Promise("at_once"), *PROMISES)),
    )


def _goal(chance: Random, number: int) -> Goal:
    counts = chance.choice(("bills", "money", "visit"))
    target = chance.choice((1_000, 2_500)) if counts == "money" else chance.choice((1, 2, 3))
    return Goal(f"goal{number}", chance.choice(("day", "week", "month")), counts, target, chance.choice((0, 4, 7)))


def _returns(chance: Random) -> Returns:
    return Returns(
        method=chance.choice(
            ("pro_rata_bill", "pro_rata_bill", "line_exact", "capillary", "recompute_remaining", "none")
        ),
        shortfall=chance.choice(("own_lot", "other_lots", "deficit")),
        goals_fall=chance.random() < 0.7,
        rewards=chance.choice(("keep", "revoke_if_unused", "clawback")),
        redeemed_restored=chance.random() < 0.7,
        days=chance.choice((35, 400)),
    )


class Life:
    """What happens to two customers, one thing after the other."""

    def __init__(self, chance: Random, program: Program) -> None:
        self._chance = chance
        self._program = program
        self._at = FIRST
        self._count = 0
        self._named: dict[tuple[str, int], list[str]] = {}
        self._bills: dict[str, words.Pays] = {}
        self._late: list[words.Pays] = []
        """Bills that were paid and are not heard of yet."""
        self._told: list[Happening] = []

    def history(self, length: int) -> list[Happening]:
        """So many things, and then so much time that everything has fallen due."""
        chance = self._chance
        some = [self._one() for _ in range(length)]
        self._at += 500 * 24 * HOUR_MS
        if chance.random() < 0.5:
            return [one for one in some if one is not None]
        return [*(one for one in some if one is not None), words.Waits(self._at, 0, "end")]

    def _one(self) -> Happening | None:
        chance = self._chance
        hours = chance.choice((0, 1, 5, 13, 24, 24, 50, 24 * 8))
        self._at += hours * HOUR_MS + chance.randint(1, 59) * MINUTE_MS
        self._count += 1
        make = chance.choices(tuple(KINDS), tuple(KINDS.values()))[0]
        made = make(self, chance.choice((1, 1, 1, 2)), f"n{self._count}")
        if self._program.second is not None and hasattr(made, "currency") and not getattr(made, "corrects", ""):
            made = replace(made, currency=chance.choice(("", SECOND)))  # type: ignore[type-var]
            if isinstance(made, words.Redeems) and made.currency:
                made = replace(made, bill="")
        if made is not None and not isinstance(made, words.Again | words.Waits):
            self._told.append(made)
        return made

    def _some(self, kind: str, who: int) -> str | None:
        known = self._named.get((kind, who))
        return self._chance.choice(known) if known else None

    def _note(self, kind: str, who: int, name: str) -> None:
        self._named.setdefault((kind, who), []).append(name)

    def _pays(self, who: int, name: str) -> Happening | None:
        chance = self._chance
        lines: tuple[Line, ...] = ()
        pence = chance.choice((0, 90, 100, 350, 799, 800, 1_500, 2_000, chance.randint(1, 3_000)))
        if chance.random() < 0.5:
            lines = tuple(
                Line(
                    chance.choice(SKUS),
                    chance.choice((0, 100, 333, 700, chance.randint(1, 1_500))),
                    chance.choice(("", "", f"l{place}")),
                )
                for place in range(chance.randint(1, 3))
            )
            pence = sum(line.pence for line in lines)
        self._note("bill", who, name)
        self._bills[name] = words.Pays(self._at, who, name, pence, lines)
        if chance.random() < 0.15:
            self._late.append(self._bills[name])
            return None
        return self._bills[name]

    def _returned(self, who: int, name: str) -> Happening | None:
        chance = self._chance
        bill = self._some("bill", who)
        if bill is None:
            return None
        paid = self._bills[bill]
        if paid.lines and chance.random() < 0.6:
            chosen = chance.sample(paid.lines, chance.randint(1, len(paid.lines)))
            lines = tuple(Line(line.sku, chance.choice((line.pence, line.pence // 2, 50)), line.id) for line in chosen)
            return words.Returned(self._at, who, name, bill, sum(line.pence for line in lines), lines)
        pence = chance.choice((paid.pence, paid.pence, paid.pence // 2, paid.pence // 3, 100, 5_000))
        return words.Returned(self._at, who, name, bill, pence)

    def _corrected(self, who: int, name: str) -> Happening | None:
        chance = self._chance
        bill = self._some("bill", who)
        if bill is None:
            return None
        paid = self._bills[bill]
        if paid.lines and chance.random() < 0.6:
            lines = tuple(
                Line(one.sku, chance.choice((one.pence, one.pence // 2, one.pence + 150)), one.id) for one in paid.lines
            )
            lines = lines[: chance.choice((1, 3, 3))]
            pence = sum(line.pence for line in lines)
            return words.Corrected(self._at, who, name, bill, pence, chance.random() < 0.2, lines)
        pence = chance.choice((0, paid.pence, paid.pence * 2, paid.pence // 2, paid.pence + 100, None, None))
        return words.Corrected(self._at, who, name, bill, pence, delivered=pence is None or chance.random() < 0.3)

    def _does(self, who: int, name: str) -> Happening:
        chance = self._chance
        if chance.random() < 0.5:
            return words.Does(self._at, who, name, "visit")
        return words.Does(self._at, who, name, "arrived", self._some("bill", who) or "")

    def _redeems(self, who: int, name: str) -> Happening:
        chance = self._chance
        held = chance.random() < 0.25
        self._note("redemption", who, name)
        if held:
            self._note("hold", who, name)
        bill = (self._some("bill", who) or "") if chance.random() < 0.5 else ""
        return words.Redeems(self._at, who, name, chance.choice((3, 5, 6, 9, 12, 15, 30, 33)), bill, held)

    def _confirms(self, who: int, name: str) -> Happening | None:
        hold = self._some("hold", who)
        return None if hold is None else words.Confirms(self._at, who, name, hold)

    def _takes_back(self, who: int, name: str) -> Happening | None:
        redemption = self._some("redemption", who)
        points = self._chance.choice((None, 1, 4, 7))
        return None if redemption is None else words.TakesBack(self._at, who, name, redemption, points)

    def _adjusted(self, who: int, name: str) -> Happening:
        chance = self._chance
        corrects = self._some("adjustment", who)
        if corrects is not None and chance.random() < 0.5:
            return words.Adjusted(self._at, who, name, -chance.choice((2, 5, 20)), corrects)
        points = chance.choice((5, 12, 20, -3, -8))
        if points > 0:
            self._note("adjustment", who, name)
        return words.Adjusted(self._at, who, name, points)

    def _blocks(self, who: int, name: str) -> Happening:
        self._note("hold", who, name)
        until = self._chance.choice((None, self._at + 40 * HOUR_MS, self._at + 90 * 24 * HOUR_MS))
        return words.Blocks(self._at, who, name, self._chance.choice((2, 6, 15)), until)

    def _releases(self, who: int, name: str) -> Happening | None:
        hold = self._some("hold", who)
        return None if hold is None else words.Releases(self._at, who, name, hold)

    def _activates(self, who: int, name: str) -> Happening | None:
        bill = self._some("bill", who)
        return None if bill is None else words.Activates(self._at, who, name, bill)

    def _calls_off(self, who: int, name: str) -> Happening | None:
        bill = self._some("bill", who)
        return None if bill is None else words.CallsOff(self._at, who, name, bill)

    def _cancels(self, who: int, name: str) -> Happening | None:
        bill = self._some("bill", who)
        rule = self._chance.choice(("", "spend"))
        return None if bill is None else words.Cancels(self._at, who, name, bill, rule)

    def _gives(self, who: int, name: str) -> Happening:
        return words.Gives(self._at, who, name, 3 - who, self._chance.choice((1, 4, 10)))

    def _comes_late(self, who: int, name: str) -> Happening | None:  # noqa: ARG002 - one of the kinds
        return replace(self._late.pop(), arrives=self._at) if self._late else None

    def _again(self, who: int, name: str) -> Happening | None:  # noqa: ARG002 - it is of whom it was
        told = [one for one in self._told if one.at > self._at - 30 * 24 * HOUR_MS]
        if not told:
            return None
        before = self._chance.choice(told)
        return words.Again(self._at, before.who, name, before)

    def _expires(self, who: int, name: str) -> Happening:
        return words.Expires(self._at, who, name)

    def _moves(self, who: int, name: str) -> Happening:
        last = day_of(self._at, self._program.zone) + timedelta(days=self._chance.choice((-1, 0, 3, 20, 100)))
        return words.Moves(self._at, who, name, last, self._chance.random() < 0.5)

    def _waits(self, who: int, name: str) -> Happening:  # noqa: ARG002 - one of the kinds
        return words.Waits(self._at, 0, name)


KINDS = {
    Life._pays: 30,
    Life._returned: 18,
    Life._corrected: 12,
    Life._does: 8,
    Life._redeems: 18,
    Life._confirms: 3,
    Life._takes_back: 7,
    Life._adjusted: 6,
    Life._blocks: 3,
    Life._releases: 3,
    Life._activates: 3,
    Life._calls_off: 2,
    Life._cancels: 2,
    Life._gives: 5,
    Life._comes_late: 4,
    Life._again: 4,
    Life._expires: 1,
    Life._moves: 3,
    Life._waits: 4,
}
"""How often each happens."""


def history_by(seed: int) -> tuple[Program, list[Happening]]:
    """The program and the history of a seed."""
    chance = Random(seed)
    program = program_by(chance)
    history = Life(chance, program).history(chance.randint(4, 25))
    more = Random(f"more of {seed}")
    if history and more.random() < 0.6:
        program, history = enriched(more, program, history)
    kinds = Random(f"kinds of {seed}")
    return varied(kinds, program, history) if history and kinds.random() < 0.5 else (program, history)
