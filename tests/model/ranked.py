"""Tiers by chance: what they go by, what goes by them, and what is asked about them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random

from tests.model import words
from tests.model.dates import DAY_MS, day_of, last_day, start_of
from tests.model.words import SECOND, Happening, Lasts, Program, Ranks, Term, TierGift

MINUTE_MS = 60_000
STEPS = {
    "lifetime": (10, 30),
    "current": (8, 20),
    "points": (8, 20),
    "second lifetime": (6, 15),
    "second current": (4, 12),
    "purchases": (1_500, 4_000),
    "visits": (2, 5),
    "points_in_period": (8, 20),
    "purchases_in_period": (1_200, 3_000),
    "visits_in_period": (2, 4),
}
TERMS = (
    Term(days=6),
    Term(days=20),
    Term(months=1),
    Term(until=(4, 15)),
    Term(until=(2, 29)),
    Term(period="month"),
    Term(period="week", periods=2),
    Term(anniversary=True),
)
WITH_TIER = (Lasts(with_tier="expire"), Lasts(with_tier="keep"))


def ranks_by(chance: Random, second: words.Terms | None) -> Ranks:
    """Some tiers; `second` is the currency beside the main one."""
    period = chance.choice(("", "", "day", "week", "month", "quarter"))
    bases = chance.sample(("lifetime", "current", "purchases", "visits", "tracker"), chance.choice((1, 1, 2, 3)))
    if period:
        bases[0] = chance.choice(("points_in_period", "purchases_in_period", "visits_in_period"))
    if second is not None and chance.random() < 0.4:
        bases.append(chance.choice(("second lifetime", "second current")))
    renewals = chance.sample(("current", "points", "purchases", "visits", "tracker"), chance.choice((1, 1, 2)))
    if not any(one.startswith("second") for one in bases) and chance.random() < 0.3:
        renewals = []
    tracked = chance.choice(("amount", "visits"))
    steps = {**STEPS, "tracker": (1_000, 2_500) if tracked == "amount" else (2, 3)}
    term = chance.choice((None, *TERMS))
    upgrades = ("at_once", "at_once", "end_of_day", "end_of_period" if period else "end_of_day")
    return Ranks(
        bases=tuple(bases),
        steps=_rows(steps, bases),
        renewals=tuple(renewals),
        kept_by=_rows(steps, renewals),
        enough=chance.randint(1, len(bases)),
        kept_enough=chance.randint(1, len(renewals)) if renewals else 1,
        currency=SECOND if second is not None and chance.random() < 0.4 else "",
        period=period,
        upgrade=chance.choice(upgrades),
        on_return="keep" if period else chance.choice(("keep", "at_once", "end_of_day")),
        term=term,
        downgrade=chance.choice(("one_lower", "by_value", "base")) if term else "one_lower",
        grace=chance.choice((0, 0, 3)) if term else 0,
        reminders=chance.choice(((), (3,), (10, 1))) if term else (),
        tracked=tracked,
        tracked_days=chance.choice((3, 10)),
    )


def _rows(steps: dict[str, tuple[int, int]], measures: list[str]) -> tuple[tuple[int, ...], ...]:
    """By tier: what it asks for of each measure, the first one nothing."""
    return ((0,) * len(measures), *(tuple(steps[one][place] for one in measures) for place in (0, 1)))


def ranked(chance: Random, program: Program) -> Program:
    """The program with tiers of all kinds, and with what goes by them."""
    ranks = ranks_by(chance, program.second)
    program = replace(program, tiers=(), ranks=ranks)
    if chance.random() < 0.3:
        spends = tuple(replace(one, tiers=_some(chance)) for one in program.spends)
        program = replace(
            program, spends=spends, gifts=tuple(replace(one, tiers=_some(chance)) for one in program.gifts)
        )
    program = replace(
        program,
        main=_lasting(chance, program.main, ranks),
        second=program.second and _lasting(chance, program.second, ranks),
    )
    given = [f"milestone/{one.id}" for one in program.goals]
    given += [f"unified/{one.id}" for one in program.unified]
    given += [f"streak/{one.id}/{level}" for one in program.streaks for level, _ in one.levels]
    tiers = [_gift(chance, of) for of in given if chance.random() < 0.4] if chance.random() < 0.5 else []
    return replace(program, tier_gifts=tuple(tiers))


def _some(chance: Random) -> frozenset[int]:
    return frozenset(chance.choice(((), (), (1,), (2, 3), (3,))))


def _lasting(chance: Random, terms: words.Terms, ranks: Ranks) -> words.Terms:
    """The points of the currency, some of them for as long as the tier."""
    kinds = (Lasts(), Lasts(days=5), Lasts(days=12, rolls=True), *(WITH_TIER if ranks.term else ()))
    if ranks.term is not None and chance.random() < 0.25:
        terms = replace(terms, lasts=chance.choice(WITH_TIER))
    if chance.random() < 0.25:
        terms = replace(terms, by_tier=tuple((tier, chance.choice(kinds)) for tier in chance.sample((1, 2, 3), 2)))
    return replace(terms, late_minutes=chance.choice((0, 15, 60, 60 * 24)))


def _gift(chance: Random, of: str) -> TierGift:
    return TierGift(of, chance.choice((2, 3)), chance.choice((None, Term(days=3), *TERMS)))


def tiers_change(chance: Random, program: Program) -> Program:
    """The next version: tiers ask for less or more, one may have ended, and terms come, change and go."""
    ranks = program.ranks
    if ranks is None:
        return program
    thirds = chance.choice((2, 3, 4))
    needed = tuple(tuple(least * thirds // 3 for least in row) for row in ranks.steps)
    term = chance.choice((ranks.term, ranks.term or Term(days=9), None, chance.choice(TERMS)))
    if lasts_with_tier(program):
        term = term or ranks.term
    retired = frozenset(chance.choice(((), (), (2,), (3,))))
    gifts = (replace(one, tier=5 - one.tier) if one.tier in retired else one for one in program.tier_gifts)
    ranks = replace(ranks, steps=needed, term=term, retired=retired)
    if term is None:
        ranks = replace(ranks, downgrade="one_lower", grace=0, reminders=())
    return replace(program, ranks=ranks, tier_gifts=tuple(gifts))


def lasts_with_tier(program: Program) -> bool:
    """Whether any points last as long as a tier."""
    currencies = [one for one in (program.main, program.second) if one is not None]
    return any(lasts.with_tier for one in currencies for lasts in (one.lasts, *(lasts for _, lasts in one.by_tier)))


def asked(chance: Random, at: int, who: int, name: str, zone: str) -> Happening:
    """Something that is asked about a tier, or a registration that anniversaries are counted from."""
    kind = chance.random()
    if kind < 0.25:
        return words.LetsGo(at, who, name)
    if kind < 0.45:
        return words.Reassesses(at, who, name)
    if kind > 0.9:
        return words.Registers(at - 17 * DAY_MS, who, name, arrives=at)
    last = chance.choice((None, day_of(at, zone) + timedelta(days=chance.choice((-1, 0, 4, 25)))))
    return words.Assigns(at, who, name, chance.choice((2, 3)), last)


def later(chance: Random, history: list[Happening]) -> list[Happening]:
    """Points that are given about a year later, when anniversaries are."""
    start = chance.choice(history).at + chance.choice((330, 350, 364)) * DAY_MS
    happenings: list[Happening] = []
    for place in range(chance.randint(1, 6)):
        at = start + chance.randint(0, 40) * DAY_MS + chance.randint(1, 1_000) * MINUTE_MS
        who, points = chance.choice((1, 1, 2)), chance.choice((5, 12, 20))
        happenings.append(words.Adjusted(at, who, f"y{place}", points))
    return happenings


def over_midnight(chance: Random, program: Program, history: list[Happening]) -> list[Happening]:
    """Redemptions before the midnight at which points of a bill expire, heard of after it."""
    paid = [one for one in history if isinstance(one, words.Pays)]
    redeemed: list[Happening] = []
    for place in range(chance.choice((0, 0, 1, 2)) if paid else 0):
        bill = chance.choice(paid)
        last = last_day(program.main.lasts, day_of(bill.at, program.zone)) or day_of(bill.at, program.zone)
        midnight = start_of(last + timedelta(days=1), program.zone)
        at, arrives = (midnight + chance.choice((1, 10, 59, 700)) * way * MINUTE_MS for way in (-1, 1))
        name, points = f"late{place}", chance.choice((1, 3, 5, 6))
        redeemed.append(words.Redeems(at, bill.who, name, points, held=chance.random() < 0.2, arrives=arrives))
    return redeemed


def arriving_late(chance: Random, history: list[Happening]) -> list[Happening]:
    """The history with some of what is asked for, once, heard of later than it was made."""
    told_again = {one.before.name for one in history if isinstance(one, words.Again)}

    def one(happening: Happening) -> Happening:
        kinds = words.Redeems | words.Assigns | words.LetsGo | words.Reassesses
        if not isinstance(happening, kinds) or happening.name in told_again or chance.random() < 0.7:
            return happening
        waits = chance.choice((1, 10, 59, 700, 24 * 60, 3 * 24 * 60))
        return replace(happening, arrives=happening.at + waits * MINUTE_MS)

    return [one(happening) for happening in history]
