"""A customer's tier: what it goes by, how long it holds, and what was given by hand or as a reward."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from typing import NamedTuple

from tests.model.achiever import Achiever
from tests.model.bills import Bill
from tests.model.dates import day_of, first_day, months_later, on_date, period_of, start_of
from tests.model.holder import Due
from tests.model.purse import NEVER
from tests.model.words import SECOND, Program, Ranks, Term


class Visit(NamedTuple):
    """What a bill, a return or an update adds to what was bought."""

    paid: int
    """When the bill was paid."""
    pence: int
    bills: int


class Begun(NamedTuple):
    """When a term began, and how much was told by then: what is told later counts in it, if it is of its time."""

    at: int = 0
    visits: int = 0
    points: int = 0


@dataclass
class Given:
    """A tier as a reward."""

    tier: int
    ends: int
    bills: int
    """How many there were by then."""
    over: bool = False
    """Whether it does not hold: a return took it back, or its time is up."""


_WITHIN_THE_TERM = {
    "lifetime": "points",
    "points_in_period": "points",
    "purchases_in_period": "purchases",
    "visits_in_period": "visits",
}


@dataclass
class Ranker(Achiever):
    """A customer's tier in a program whose tiers are more than lifetime points; tiers are numbered from 1."""

    every: list[Bill] = field(default_factory=list)
    """All bills that there ever were."""
    log: list[Visit] = field(default_factory=list)
    begun: Begun = field(default_factory=Begun)
    in_grace: bool = False
    lost_at: int = 0
    """The tier that the values gave when one was lost."""
    lost_in: int = 0
    """The calendar period of that."""
    checked: int = NEVER
    """When a move is decided that waits for the end of the day or of the period."""
    falls_then: bool = False
    by_hand: int = 0
    by_hand_ends: int = NEVER
    gifts: dict[str, Given] = field(default_factory=dict)
    """By what gave them."""
    reminders: list[tuple[int, int]] = field(default_factory=list)
    """Those to come: when, and how many days before the end."""
    said: list[tuple[str | int, ...]] = field(default_factory=list)
    """What was said about the tier: `renewed`, `grace`, or `reminded` with the days that were left."""
    held: bool = False
    """Of what takes something back: whether the values gave the tier before."""

    def buys(self, paid: int, pence: int, bills: int) -> None:
        """So much more was bought, or less."""
        self.log.append(Visit(paid, pence, bills))

    def adopt(self, program: Program, at: int) -> None:
        """A term that the version brings begins with it, unless somebody gave the tier."""
        self.step(at, at)
        ranks = program.ranks
        if ranks is not None and ranks.term is not None and self.ends == NEVER:
            self.program = program
            if self.tier > 1 and self._floor(ranks) < _left(ranks, self.tier):
                self._begin(ranks, at)
        if ranks is not None and not self.in_grace:
            self._plan(ranks, at)
        super().adopt(program, at)

    def takes_back(self) -> None:
        """Something is about to be taken back."""
        ranks = self.program.ranks
        if ranks is not None:
            self.held = self.tier > 1 and _meets(self._values(ranks), ranks.steps[self.tier - 1], ranks.enough)

    def rank(self) -> None:
        """What ends a step: tiers are given and taken as rewards, and the tier is looked at last."""
        ranks = self.program.ranks
        if ranks is not None and self.stirred:
            for key in self.achieved:
                self._give(ranks, key)
            for key in self.lost:
                self._take(ranks, key)
            self._assess(ranks, self.begins)
        self.achieved.clear()
        self.lost.clear()
        self.held = False

    def _now(self) -> int:
        return max(self.now, self.when)

    def _today(self) -> date:
        return day_of(self._now(), self.program.zone)

    def step(self, at: int, begins: int) -> None:
        """What a loss of before is compared with is, in a new period, what the basis still reaches."""
        super().step(at, begins)
        ranks = self.program.ranks
        if ranks is not None and ranks.period and self.lost_in != self._running(ranks):
            self.lost_at, self.lost_in = min(self.lost_at, self._reached(ranks)), self._running(ranks)

    def _running(self, ranks: Ranks) -> int:
        return period_of(ranks.period, self._today())

    def _assess(self, ranks: Ranks, begins: int) -> None:
        up = self._up(ranks)
        if up > self.tier:
            if ranks.upgrade == "at_once" or self.tier in ranks.retired:
                self._moves(ranks, up, begins)
            else:
                self._check_later(ranks)
        elif self.tier in ranks.retired:
            self.move_to(_left(ranks, self.tier))
            if self.tier == 1:
                self._begin(ranks, self.when)
        elif self.in_grace:
            if self._is_kept(ranks, self._kept(ranks)):
                self.said.append(("renewed", self.tier))
                self._begin(ranks, begins)
        elif self.held and ranks.on_return != "keep" and self._down(ranks) < self.tier:
            if ranks.on_return == "at_once":
                self._moves(ranks, self._down(ranks), begins)
                self.lost_at = 0
            else:
                self._check_later(ranks)
                self.falls_then = True

    def _up(self, ranks: Ranks) -> int:
        reached = self._reached(ranks)
        return min(reached, self._renewed(ranks, self._kept(ranks))) if reached <= self.lost_at else reached

    def _reached(self, ranks: Ranks) -> int:
        """The tier that the values give."""
        return _highest(ranks, self._values(ranks), ranks.steps, ranks.enough)

    def _renewed(self, ranks: Ranks, kept: list[int]) -> int:
        """The highest tier that what keeps tiers would keep."""
        return _highest(ranks, kept, *_asked(ranks))

    def _is_kept(self, ranks: Ranks, kept: list[int]) -> bool:
        asked, enough = _asked(ranks)
        return _meets(kept, asked[self.tier - 1], enough)

    def _down(self, ranks: Ranks) -> int:
        reached = self._reached(ranks)
        if ranks.downgrade == "one_lower":
            reached = max(reached, _left(ranks, self.tier - 1))
        return min(self.tier, max(reached, self._floor(ranks)))

    def _floor(self, ranks: Ranks, after: int = 0) -> int:
        """The highest tier that was given and holds after an instant; of one that is retired the next lower one."""
        by_hand = self.by_hand if self.by_hand_ends > after else 0
        given = max([by_hand, *(one.tier for one in self.gifts.values() if not one.over and one.ends > after)])
        return _left(ranks, given) if given else 0

    def _check_later(self, ranks: Ranks) -> None:
        if self.checked == NEVER:
            if ranks.upgrade == "end_of_period" and ranks.period:
                self.checked = start_of(first_day(ranks.period, self._running(ranks) + 1), self.program.zone) - 1
            else:
                self.checked = self._day_start(1)

    def _day_start(self, later: int) -> int:
        return start_of(self._today() + timedelta(days=later), self.program.zone)

    def _moves(self, ranks: Ranks, tier: int, begins: int) -> None:
        self.move_to(tier)
        self._begin(ranks, begins)

    def _begin(self, ranks: Ranks, begins: int, *, for_ever: bool = False) -> None:
        """A term begins today."""
        self.begun = Begun(begins, len(self.log), len(self.purses[ranks.currency].came))
        self.in_grace = False
        self.ends = self._end_of(None if for_ever or self.tier <= 1 else ranks.term)
        self._plan(ranks, self._day_start(1) - 1)

    def _plan(self, ranks: Ranks, after: int) -> None:
        """The reminders of a term, as far as they are still to come."""
        leads = ranks.reminders if self.ends != NEVER and ranks.term is not None else ()
        last = day_of(self.ends - 1, self.program.zone) if leads else date.min
        dues = [(start_of(last + timedelta(days=1 - lead), self.program.zone), lead) for lead in leads]
        self.reminders = sorted(one for one in dues if one[0] > after)

    def _remind(self, ranks: Ranks) -> None:
        """Who would lose the tier is told so."""
        _, lead = self.reminders.pop(0)
        hands = [self.by_hand] if self.by_hand_ends > self.ends else []
        given = [*hands, *(one.tier for one in self.gifts.values() if not one.over and one.ends > self.ends)]
        stays = any(_left(ranks, tier) >= self.tier for tier in given)
        if not stays and not self._is_kept(ranks, self._kept(ranks)):
            self.said.append(("reminded", self.tier, lead))

    def _next(self, ranks: Ranks) -> tuple[int, int, int]:
        """The next tier (0 for none), what is there of the condition on which it depends, and what that asks for."""
        higher = [one for one in range(self.tier + 1, len(ranks.steps) + 1) if one not in ranks.retired]
        if not higher:
            return 0, 0, 0
        values, (steps, enough) = self._values(ranks), (ranks.steps, ranks.enough)
        if higher[0] <= self.lost_at:
            values, (steps, enough) = self._kept(ranks), _asked(ranks)
        return higher[0], *_decisive(values, steps[higher[0] - 1], enough)

    def progress(self, now: int) -> tuple[int, int]:
        """What is missing at an instant: to the next tier, and to keep the one there is."""
        ranks, simple = self.program.ranks, self.program.tiers
        if ranks is None:
            return max([0, *(least - self.purse.lifetime for least in simple[self.tier : self.tier + 1])]), 0
        self.now = now
        _, value, needed = self._next(ranks)
        steps, enough = _asked(ranks)
        kept, least = _decisive(self._kept(ranks), steps[self.tier - 1], enough)
        return max(0, needed - value), 0 if self.ends == NEVER else max(0, least - kept)

    def _end_of(self, term: Term | None) -> int:
        if term is None:
            return NEVER
        last = last_day_of(term, self._today(), day_of(self.registered, self.program.zone))
        return start_of(last + timedelta(days=1), self.program.zone)

    def _values(self, ranks: Ranks) -> list[int]:
        return [self._measures(ranks, basis, self._now()) for basis in ranks.bases]

    def _kept(self, ranks: Ranks, now: int | None = None) -> list[int]:
        at = self._now() if now is None else now
        renewals = ranks.renewals or tuple(_WITHIN_THE_TERM.get(basis, basis) for basis in ranks.bases)
        if ranks.term is None:
            renewals = (_WITHIN_THE_TERM.get(ranks.bases[0], ranks.bases[0]),)
        return [self._measures(ranks, f"kept {basis}", at) for basis in renewals]

    def _measures(self, ranks: Ranks, basis: str, at: int) -> int:
        zone, purse = self.program.zone, self.purses[ranks.currency]
        period = self._running(ranks) if ranks.period else 0

        def in_term(instant: int) -> bool:
            return self.begun.at <= instant < self.ends

        def in_period(instant: int) -> bool:
            return period_of(ranks.period, day_of(instant, zone)) == period

        term = [one for one in self.log[self.begun.visits :] if in_term(one.paid)]
        measures: dict[str, Callable[[], int]] = {
            "lifetime": lambda: purse.lifetime,
            "current": lambda: purse.count("current"),
            "second lifetime": lambda: self.purses[SECOND].lifetime,
            "second current": lambda: self.purses[SECOND].count("current"),
            "purchases": lambda: sum(one.pence for one in self.log),
            "visits": lambda: sum(one.bills for one in self.log),
            "tracker": lambda: self._tracked(ranks, at),
            "points_in_period": lambda: sum(point for instant, point in purse.came if in_period(instant)),
            "purchases_in_period": lambda: sum(one.pence for one in self.log if in_period(one.paid)),
            "visits_in_period": lambda: sum(one.bills for one in self.log if in_period(one.paid)),
            "kept current": lambda: purse.count("current"),
            "kept points": lambda: sum(point for instant, point in purse.came[self.begun.points :] if in_term(instant)),
            "kept purchases": lambda: sum(one.pence for one in term),
            "kept visits": lambda: sum(one.bills for one in term),
            "kept tracker": lambda: self._tracked(ranks, at),
        }
        return measures[basis]()

    def _tracked(self, ranks: Ranks, now: int) -> int:
        """What the bills of the last days still come to."""
        zone, today = self.program.zone, day_of(now, self.program.zone)
        days = [(bill, day_of(bill.paid, zone)) for bill in self.every]
        some = [bill for bill, day in days if today - timedelta(days=ranks.tracked_days) < day <= today]
        if ranks.tracked == "visits":
            return sum(not bill.is_gone for bill in some)
        return sum(bill.pence - bill.returned for bill in some)

    def assign(self, tier: int, last: date | None, at: int) -> None:
        """Somebody gives the customer at least this tier."""
        ranks = self.program.ranks
        ends = NEVER if last is None else start_of(last + timedelta(days=1), self.program.zone)
        if ranks is None or ends <= self._now() or tier in ranks.retired:
            return
        self.by_hand, self.by_hand_ends = tier, ends
        if tier > self.tier:
            self._moves(ranks, tier, at + 1)
        elif self._floor(ranks) < self.tier and self.ends == NEVER and ranks.term is not None:
            self._begin(ranks, at + 1)

    def release_tier(self, at: int) -> None:
        """What somebody gave holds no longer."""
        if self.by_hand and self.program.ranks is not None:
            self._let_go(self.program.ranks, at + 1)

    def _let_go(self, ranks: Ranks, begins: int, after: int = 0) -> None:
        given, self.by_hand, self.by_hand_ends = self.by_hand, 0, NEVER
        self._without(ranks, given, begins, after)

    def _without(self, ranks: Ranks, given: int, begins: int, after: int = 0) -> None:
        """A tier that was given holds no longer: what is left is what the values give, or what else was given."""
        floor, reached = self._floor(ranks, after), self.tier
        if given >= self.tier:
            reached = min(reached, max(self._reached(ranks), floor))
        if reached < self.tier or (self.ends == NEVER and reached > floor):
            self._moves(ranks, reached, begins)

    def reassess(self, at: int) -> None:
        """The customer moves to the tier of their values, up or down."""
        ranks = self.program.ranks
        if ranks is None:
            return
        reached = self._reached(ranks)
        if self.tier < reached <= self.lost_at:
            reached = max(self.tier, min(reached, self._renewed(ranks, self._kept(ranks))))
        reached = max(reached, self._floor(ranks))
        if reached < self.tier:
            self.lost_at = 0
        if reached != self.tier:
            self._moves(ranks, reached, at + 1)

    def _give(self, ranks: Ranks, key: str) -> None:
        """What was achieved gives a tier, once; after it was taken back, for the rest of its time."""
        of = "/".join(key.split("/")[: 3 if key.startswith("streak") else 2])
        gift = next((one for one in self.program.tier_gifts if one.of == of), None)
        if gift is None:
            return
        known = self.gifts.get(key)
        if known is None:
            known = self.gifts[key] = Given(gift.tier, self._end_of(gift.term), len(self.every))
        elif not known.over or known.ends <= self._now():
            return
        known.over, known.bills, known.tier = False, len(self.every), gift.tier
        if gift.tier > self.tier:
            self._moves(ranks, gift.tier, self.begins)

    def _take(self, ranks: Ranks, key: str) -> None:
        """What is achieved no longer has given nothing, where the program takes rewards back."""
        given, policy = self.gifts.get(key), self.returns.rewards
        if given is None or given.over or policy == "keep":
            return
        if policy == "clawback" or len(self.every) == given.bills:
            given.over = True
            self._without(ranks, given.tier, self.begins)

    def dues(self) -> Iterator[Due]:
        """What falls due, that about the tier too."""
        yield from super().dues()
        ranks = self.program.ranks
        if ranks is not None:
            yield Due(self.checked, 2, partial(self._check, ranks, self.checked))
            yield Due(self.by_hand_ends, 3, partial(self._let_go, ranks, *[self.by_hand_ends] * 2))
            for one in [one for _, one in sorted(self.gifts.items()) if not one.over]:
                yield Due(one.ends, 4, partial(self._is_over, ranks, one))
            yield Due(self.ends, 5, partial(self._end, ranks, self.ends))
            yield from (Due(at, 10, partial(self._remind, ranks)) for at, _ in self.reminders[:1])

    def _is_over(self, ranks: Ranks, given: Given) -> None:
        given.over = True
        self._without(ranks, given.tier, given.ends, given.ends)

    def _check(self, ranks: Ranks, at: int) -> None:
        falls = self.falls_then and ranks.on_return == "end_of_day"
        self.checked, self.falls_then = NEVER, False
        up, down = self._up(ranks), self._down(ranks)
        if up > self.tier:
            self._moves(ranks, up, at)
        elif falls and down < self.tier:
            self._moves(ranks, down, at)
            self.lost_at = 0

    def _end(self, ranks: Ranks, at: int) -> None:
        """Renewed, held through the grace, or lost; held for ever, where the program says so by now."""
        kept, floor = self._kept(ranks, self._now() - 1), self._floor(ranks)
        if ranks.term is not None and floor < self.tier and not self._is_kept(ranks, kept):
            if ranks.grace and not self.in_grace:
                self.in_grace, self.ends = True, self._day_start(ranks.grace)
                self.said.append(("grace", self.tier))
                return
            lower = _left(ranks, self.tier - 1)
            if ranks.downgrade == "by_value":
                lower = min(lower, self._renewed(ranks, kept))
            lost_at = self._reached(ranks)
            self._moves(ranks, max(1 if ranks.downgrade == "base" else lower, floor), at)
            self.lost_at = lost_at
        else:
            self.said += [] if ranks.term is None else [("renewed", self.tier)]
            self._begin(ranks, at, for_ever=ranks.term is None or floor >= self.tier)
        self.begun = Begun(at)


def _meets(values: list[int], needed: tuple[int, ...], enough: int) -> bool:
    return sum(value >= least for value, least in zip(values, needed, strict=True)) >= enough


def _decisive(values: list[int], needed: tuple[int, ...], enough: int) -> tuple[int, int]:
    """Of what is asked for, what is there and needed: the first that is met, or of those needed what lacks most."""
    pairs = sorted(zip(values, needed, strict=True), key=lambda one: max(0, one[1] - one[0]))
    last = pairs[enough - 1]
    return pairs[0] if last[0] >= last[1] else last


def _asked(ranks: Ranks) -> tuple[tuple[tuple[int, ...], ...], int]:
    """By tier: what keeps it, and how much of that is enough; without terms as much as the first basis asks for."""
    if ranks.term is None:
        return tuple(row[:1] for row in ranks.steps), 1
    return (ranks.kept_by, ranks.kept_enough) if ranks.renewals else (ranks.steps, ranks.enough)


def _highest(ranks: Ranks, values: list[int], steps: tuple[tuple[int, ...], ...], enough: int) -> int:
    """The highest tier that there still is and whose conditions are met; the first has none."""
    tiers = [tier for tier in range(2, len(steps) + 1) if tier not in ranks.retired]
    return max([1, *(tier for tier in tiers if _meets(values, steps[tier - 1], enough))])


def _left(ranks: Ranks, tier: int) -> int:
    """The tier, or where it is retired, the next lower one that is not."""
    return max(one for one in range(1, max(tier, 1) + 1) if one not in ranks.retired)


def last_day_of(term: Term, day: date, registered: date) -> date:
    """The last day of a term that begins on a day."""
    if term.until is not None:
        return _next(day, *term.until)
    if term.anniversary:
        return _next(day, registered.month, registered.day) - timedelta(days=1)
    if term.period:
        return first_day(term.period, period_of(term.period, day) + term.periods) - timedelta(days=1)
    return months_later(day, term.months) + timedelta(days=term.days)


def _next(day: date, month: int, of_month: int) -> date:
    """The first day after a day on this date of a year."""
    return min(one for one in (on_date(year, month, of_month) for year in (day.year, day.year + 1)) if one > day)
