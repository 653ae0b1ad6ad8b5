"""A customer's tier: what it goes by, how long it holds, and what somebody gave by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import NamedTuple

from tests.model.achiever import Achiever
from tests.model.bills import Bill
from tests.model.dates import day_of, first_day, months_later, period_of, start_of
from tests.model.purse import NEVER
from tests.model.words import Program, Ranks, Term


class Visit(NamedTuple):
    """What a bill, a return or an update adds to what was bought."""

    paid: int
    """When the bill was paid."""
    pence: int
    bills: int


@dataclass
class Ranker(Achiever):
    """A customer's tier in a program whose tiers are more than lifetime points; tiers are numbered from 1."""

    every: list[Bill] = field(default_factory=list)
    """All bills that there ever were."""
    log: list[Visit] = field(default_factory=list)
    begun: tuple[int, int] = (0, 0)
    """When the term began, and how much was in the log by then: what is told later of before does not count in it."""
    ends: int = NEVER
    """When the tier is renewed or lost."""
    in_grace: bool = False
    lost_at: int = 0
    """The tier that the values gave when one was lost."""
    lost_in: int = 0
    """The calendar period of that."""
    checked: int = NEVER
    """When a move is decided that waits for the end of the day or of the period."""
    falls_then: bool = False
    floor: int = 0
    floor_ends: int = NEVER
    held: bool = False
    """Of what takes something back: whether the values gave the tier before."""

    def buys(self, paid: int, pence: int, bills: int) -> None:
        """So much more was bought, or less."""
        self.log.append(Visit(paid, pence, bills))

    def adopt(self, program: Program, at: int) -> None:
        """A term that the version brings begins with it, unless somebody gave the tier."""
        self.step(at, at)
        if program.ranks is not None and self.ends == NEVER and self.floor < self.tier:
            self.program = program
            self._begin(program.ranks, at)
        super().adopt(program, at)

    def takes_back(self) -> None:
        """Something is about to be taken back."""
        if self.program.ranks is not None:
            ranks = self.program.ranks
            self.held = self.tier > 1 and _meets(self._values(ranks), ranks.steps[self.tier - 1], ranks.enough)

    def close(self) -> None:
        """What ends a step: the tier is looked at last."""
        super().close()
        ranks = self.program.ranks
        if ranks is not None and self.stirred:
            self.tier = max(1, self.tier)
            self._assess(ranks, self.begins)
        self.held = self.stirred = False

    def _now(self) -> int:
        return max(self.now, self.when)

    def step(self, at: int, begins: int) -> None:
        """What a loss of before is compared with begins anew with each period."""
        super().step(at, begins)
        ranks = self.program.ranks
        if ranks is not None and ranks.period and self.lost_in != self._running(ranks):
            self.lost_at, self.lost_in = 0, self._running(ranks)

    def _running(self, ranks: Ranks) -> int:
        return period_of(ranks.period, day_of(self._now(), self.program.zone))

    def _assess(self, ranks: Ranks, begins: int) -> None:
        up = self._up(ranks)
        if up > self.tier:
            if ranks.upgrade == "at_once":
                self._moves(ranks, up, begins)
            else:
                self._check_later(ranks)
        elif self.in_grace:
            if _meets(self._kept(ranks), ranks.kept_by[self.tier - 1], ranks.kept_enough):
                self._begin(ranks, begins)
        elif self.held and ranks.on_return != "keep" and self._down(ranks) < self.tier:
            if ranks.on_return == "at_once":
                self._moves(ranks, self._down(ranks), begins)
                self.lost_at = 0
            else:
                self._check_later(ranks)
                self.falls_then = True

    def _up(self, ranks: Ranks) -> int:
        reached = _reached(self._values(ranks), ranks.steps, ranks.enough)
        if reached <= self.lost_at:
            reached = min(reached, _reached(self._kept(ranks), ranks.kept_by, ranks.kept_enough))
        return reached

    def _down(self, ranks: Ranks) -> int:
        reached = _reached(self._values(ranks), ranks.steps, ranks.enough)
        if ranks.downgrade == "one_lower":
            reached = max(reached, self.tier - 1)
        return min(self.tier, max(reached, self.floor))

    def _check_later(self, ranks: Ranks) -> None:
        if self.checked == NEVER:
            if ranks.upgrade == "end_of_period" and ranks.period:
                self.checked = start_of(first_day(ranks.period, self._running(ranks) + 1), self.program.zone) - 1
            else:
                self.checked = self._day_start(1)

    def _day_start(self, later: int) -> int:
        return start_of(day_of(self._now(), self.program.zone) + timedelta(days=later), self.program.zone)

    def _moves(self, ranks: Ranks, tier: int, begins: int) -> None:
        self.tier = tier
        self._begin(ranks, begins)

    def _begin(self, ranks: Ranks, begins: int, *, for_ever: bool = False) -> None:
        """A term begins today."""
        self.begun, self.in_grace = (begins, len(self.log)), False
        day = day_of(self._now(), self.program.zone)
        last = None if for_ever or self.tier <= 1 or ranks.term is None else last_day_of(ranks.term, day)
        self.ends = NEVER if last is None else start_of(last + timedelta(days=1), self.program.zone)

    def _values(self, ranks: Ranks) -> list[int]:
        return [self._measures(ranks, basis, self._now()) for basis in ranks.bases]

    def _kept(self, ranks: Ranks, now: int | None = None) -> list[int]:
        at = self._now() if now is None else now
        return [self._measures(ranks, f"kept {basis}", at) for basis in ranks.renewals]

    def _measures(self, ranks: Ranks, basis: str, at: int) -> int:
        zone = self.program.zone
        begins, told = self.begun
        term = [one for one in self.log[told:] if begins <= one.paid < self.ends]
        period = self._running(ranks) if ranks.period else 0
        now = [one for one in self.log if ranks.period and period_of(ranks.period, day_of(one.paid, zone)) == period]
        measures: dict[str, Callable[[], int]] = {
            "lifetime": lambda: self.purse.lifetime,
            "current": lambda: self.purse.count("current"),
            "kept current": lambda: self.purse.count("current"),
            "purchases": lambda: sum(one.pence for one in self.log),
            "visits": lambda: sum(one.bills for one in self.log),
            "purchases_in_period": lambda: sum(one.pence for one in now),
            "visits_in_period": lambda: sum(one.bills for one in now),
            "kept purchases": lambda: sum(one.pence for one in term),
            "kept visits": lambda: sum(one.bills for one in term),
            "tracker": lambda: self._tracked(ranks, at),
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
        ends = NEVER if last is None else start_of(last + timedelta(days=1), self.program.zone)
        if ends > self._now() and self.program.ranks is not None:
            self.floor, self.floor_ends = tier, ends
            if tier > self.tier:
                self._moves(self.program.ranks, tier, at + 1)
            elif tier < self.tier and self.ends == NEVER and self.program.ranks.term is not None:
                self._begin(self.program.ranks, at + 1)

    def release_tier(self, at: int) -> None:
        """What somebody gave holds no longer."""
        if self.floor and self.program.ranks is not None:
            self._let_go(self.program.ranks, at + 1)

    def _let_go(self, ranks: Ranks, begins: int) -> None:
        reached = self.tier
        if self.floor >= self.tier:
            reached = min(reached, _reached(self._values(ranks), ranks.steps, ranks.enough))
        self.floor, self.floor_ends = 0, NEVER
        if reached < self.tier or self.ends == NEVER:
            self._moves(ranks, reached, begins)

    def tier_dues(self) -> tuple[int, ...]:
        return (self.checked, self.floor_ends, self.ends)

    def tier_falls_due(self, at: int) -> None:
        ranks = self.program.ranks
        assert ranks is not None
        if at == self.checked:
            self._check(ranks, at)
        elif at == self.floor_ends:
            self._let_go(ranks, at)
        else:
            self._end(ranks, at)

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
        """Renewed, held through the grace, or lost."""
        kept = self._kept(ranks, self._now() - 1)
        if self.floor >= self.tier:
            self._begin(ranks, at, for_ever=True)
        elif _meets(kept, ranks.kept_by[self.tier - 1], ranks.kept_enough):
            self._begin(ranks, at)
        elif ranks.grace and not self.in_grace:
            self.in_grace, self.ends = True, self._day_start(ranks.grace)
        else:
            lower = self.tier - 1
            if ranks.downgrade == "by_value":
                lower = min(lower, _reached(kept, ranks.kept_by, ranks.kept_enough))
            lost_at = _reached(self._values(ranks), ranks.steps, ranks.enough)
            self._moves(ranks, max(1 if ranks.downgrade == "base" else lower, self.floor), at)
            self.lost_at = lost_at


def _meets(values: list[int], needed: tuple[int, ...], enough: int) -> bool:
    return sum(value >= least for value, least in zip(values, needed, strict=True)) >= enough


def _reached(values: list[int], steps: tuple[tuple[int, ...], ...], enough: int) -> int:
    return max(number for number, needed in enumerate(steps, 1) if number == 1 or _meets(values, needed, enough))


def last_day_of(term: Term, day: date) -> date:
    """The last day of a term that begins on a day."""
    if term.until is not None:
        dates = [date(year, *term.until) for year in (day.year, day.year + 1)]
        return min(one for one in dates if one > day)
    if term.period:
        return first_day(term.period, period_of(term.period, day) + 1) - timedelta(days=1)
    return months_later(day, term.months) + timedelta(days=term.days)
