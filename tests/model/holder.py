"""What a customer has: points that come, wait, are spent, put aside and expire."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from typing import NamedTuple

from tests.model.dates import DAY_MS, day_of, last_day, start_of
from tests.model.purse import NEVER, Lot, Point, Purse
from tests.model.words import Lasts, Program, Promise, Returns

MINUTE_MS = 60_000


class Due(NamedTuple):
    """Something that falls due."""

    at: int
    order: int
    """Of those of one instant, the lowest is first."""
    then: Callable[[], None]


@dataclass
class Redemption:
    """Points that were spent together."""

    points: int
    at: int
    back: int = 0


@dataclass
class Hold:
    """Points that are put aside."""

    ends: int
    bill: str = ""
    """The bill that a redemption is to pay."""
    blocked: bool = False


@dataclass
class Holder:
    """A customer's points in one program."""

    program: Program
    purse: Purse
    redemptions: dict[str, Redemption] = field(default_factory=dict)
    payments: dict[str, list[str]] = field(default_factory=dict)
    """By bill: the redemptions that name it, in order."""
    holds: dict[str, Hold] = field(default_factory=dict)
    adjustments: dict[str, Lot] = field(default_factory=dict)
    purses: dict[str, Purse] = field(default_factory=dict)
    """All that the customer has, by currency; of the main one alone."""
    leader: Holder | None = None
    """The same customer in the main currency; None for that one."""
    tier: int = 1
    """Of the main currency, as all of the tier is."""
    moves: list[int] = field(default_factory=list)
    """The tiers that the customer moved to, one after the other."""
    ends: int = NEVER
    """When the tier is renewed or lost."""
    now: int = 0
    when: int = 0
    """The instant of what happens, as it says itself."""
    stirred: bool = False
    """Whether anything happened since the last look at the tier."""
    begins: int = 0
    """When a tier's term begins that it brings: after a record, with what falls due."""

    @property
    def returns(self) -> Returns:
        """What the program does with what comes back."""
        return self.program.returns or Returns()

    @property
    def ranked(self) -> Holder:
        """The customer whose tier it is."""
        return self if self.leader is None else self.leader

    def step(self, at: int, begins: int) -> None:
        """Something happens that is of this instant; a tier's term that it brings begins at another."""
        self.when, self.begins, self.stirred = at, begins, True

    def dues(self) -> Iterator[Due]:
        """What falls due: holds end, promises are kept or lapse, points expire."""
        for name, hold in sorted(self.holds.items()):
            yield Due(hold.ends, 0, partial(self.release, name, max(hold.ends, self.now)))
        promised = {point.lot.due for point in self.purse.points if point.place == "promised"}
        closing = {point.closes for point in self.purse.points if point.place == "current"}
        yield from (Due(at, 1, partial(self._promises_end, at)) for at in promised)
        yield from (Due(at, 9, partial(self._expire, at)) for at in closing)

    def _promises_end(self, at: int) -> None:
        due = [lot for lot in self.purse.lots if lot.due == at and any(one.place == "promised" for one in lot.points)]
        for lot in due:
            if lot.promise is not None and lot.promise.until in {"days", "date"}:
                self._becomes_current(lot, at)
            else:
                self._lapses(lot)

    def _expire(self, at: int) -> None:
        for point in self.purse.points:
            if point.place == "current" and point.closes == at:
                point.place, point.late_until = "expired", at + self.program.main.late_minutes * MINUTE_MS

    def close(self) -> None:
        """What ends every step: debts are repaid, and the tier rises."""
        self.purse.collect()
        self.purse.settle()
        reached = sum(self.purse.lifetime >= threshold for threshold in self.program.tiers)
        self.move_to(max(self.tier, reached))

    def move_to(self, tier: int) -> None:
        """The customer is in this tier."""
        self.moves += [] if tier == self.tier else [tier]
        self.tier = tier

    def follow(self) -> None:
        """What lasts as long as the tier goes with it, if anything happened at all."""
        tier, ends = self.ranked.tier, self.ranked.ends
        after = self.when - 1 if self.begins == self.when else self.now
        today = day_of(max(self.now, self.when), self.program.zone)
        for point in self.purse.open_points(after) if self.stirred else []:
            if point.lot.tie is not None and point.lot.tie <= tier:
                later = ends if point.closes == NEVER else max(ends, point.closes)
                point.closes = point.lot.closes = later
            elif point.lot.tie is not None:
                lost = start_of(today + timedelta(days=1), self.program.zone)
                point.closes = point.lot.closes = min(lost, point.closes)
        self.stirred = False

    def _terms(self, lasts: Lasts | None, tier: int = 0) -> Lasts:
        """How long points last by terms of their own, or without those, in a tier: the customer's, unless named."""
        main = self.program.main
        return dict(main.by_tier).get(tier or self.ranked.tier, main.lasts) if lasts is None else lasts

    def _closes(self, terms: Lasts, at: int) -> int:
        if terms.with_tier:
            return self.ranked.ends
        zone = self.program.zone
        last = last_day(terms, day_of(at, zone))
        return NEVER if last is None else start_of(last + timedelta(days=1), zone)

    def _tie(self, terms: Lasts) -> int | None:
        """The tier that is the last one with which points of these terms are lost; nothing ties to the first."""
        if not terms.with_tier or self.ranked.tier == 1:
            return None
        return self.ranked.tier if terms.with_tier == "expire" else 0

    def roll(self, at: int) -> None:
        """Something happens that moves the expiry of points that roll."""
        for point in self.purse.open_points(self.now):
            if point.lot.rolling is not None:
                point.closes = point.lot.closes = max(point.closes, self._closes(point.lot.rolling, at))

    def move_expiry(self, last: date, *, later: bool) -> None:
        """Somebody lets points expire on another day."""
        closes = start_of(last + timedelta(days=1), self.program.zone)
        if closes > self.now:
            for point in self.purse.open_points(self.now):
                point.closes = point.lot.closes = (max if later else min)(point.closes, closes)

    def expire(self) -> None:
        """Somebody lets all points expire."""
        self.purse.take(self.purse.count("current"), "expired")

    def _issue(
        self,
        awards: Iterable[tuple[str, int, Lasts | None, Promise | None, bool]],
        at: int,
        now: int,
        reference: str,
        tier: int = 0,
    ) -> list[Lot]:
        """A lot for each award (rule, points, terms, promise, promotional); those that wait or last alike share one."""
        lots: dict[object, Lot] = {}
        given: list[Lot] = []
        zone = self.program.zone
        day = day_of(at, zone)
        for source, points, lasts, own, promotional in awards:
            promise = self.program.promise if own is None else own
            if promise is not None and promise.until == "delivered" and promotional:
                promise = None
            if promise is not None and (
                promise.until == "at_once" or (promise.date is not None and promise.date <= day)
            ):
                promise = None
            terms = self._terms(lasts, tier)
            closes, tie = self._closes(terms, at), self._tie(terms)
            rolling = terms if terms.rolls else None
            key = ("waits", promise, lasts) if promise is not None else ("lasts", closes, rolling, tie)
            lot = lots.get(key)
            if lot is None:
                due = NEVER
                if promise is not None and promise.date is not None:
                    due = start_of(promise.date, zone)
                elif promise is not None and promise.days is not None:
                    due = start_of(day + timedelta(days=promise.days + 1), zone)
                lot = lots[key] = self.purse.open_lot(
                    0,
                    now,
                    closes,
                    promotional=promotional,
                    promise=promise,
                    due=due,
                    reference=reference,
                    source=source,
                    lasts=lasts,
                    rolling=rolling,
                    tie=tie,
                )
            self.purse.add(lot, points)
            given.append(lot)
        return given

    def _becomes_current(self, lot: Lot, at: int) -> None:
        terms = self._terms(lot.lasts)
        lot.since, lot.closes, lot.tie = at, self._closes(terms, at), self._tie(terms)
        lot.rolling = terms if terms.rolls else None
        self.purse.become_current(lot)

    def _lapses(self, lot: Lot) -> None:
        for point in lot.points:
            if point.place == "promised":
                point.place = "cancelled"

    def _promised(self, reference: str) -> list[Lot]:
        return [
            lot
            for lot in self.purse.lots
            if lot.reference == reference and any(point.place == "promised" for point in lot.points)
        ]

    def activate(self, reference: str, at: int) -> None:
        """Somebody lets promised points be spent."""
        for lot in self._promised(reference):
            self._becomes_current(lot, at)

    def call_off(self, reference: str) -> None:
        """Somebody cancels promised points."""
        for lot in self._promised(reference):
            self._lapses(lot)

    def adjust(self, name: str, points: int, corrects: str, at: int) -> None:
        """Points are given by hand, or taken."""
        if corrects:
            lot = self.adjustments.get(corrects)
            if lot is not None:
                used = self.purse.used(lot) if self.returns.shortfall != "own_lot" and self.program.returns else 0
                there = len(lot.there()) + used
                self.purse.take_back([([lot], min(-points, there))], self.returns.shortfall, [("lot", id(lot))])
        elif points > 0:
            (lot,) = self._issue([("", points, None, Promise("at_once"), False)], at, at, name)
            self.adjustments[name] = lot
        elif self.purse.count("current") + points >= 0:
            self.purse.take(-points, "adjusted")

    def redeem(self, name: str, points: int, bill: str, at: int, *, held: bool) -> None:
        """Points are spent, or put aside until the redemption is confirmed; also what expired since it was made."""
        lately = [
            one
            for one in self.purse.points
            if one.place == "expired" and one.lot.since <= at < one.closes and self.now < one.late_until
        ]
        for point in lately:
            point.place = "current"
        self._redeem(name, points, bill, at, held=held)
        for point in lately:
            if point.place == "current":
                point.place = "expired"
            else:
                point.late_until = 0

    def _redeem(self, name: str, points: int, bill: str, at: int, *, held: bool) -> None:
        program = self.program.main
        allowed = points >= program.least and points % program.multiple == 0
        if not allowed or (program.most is not None and points > program.most):
            return
        if points > self.purse.count("current"):
            return
        taken = self.purse.take(points, "held" if held else "redeemed")
        for point in taken:
            point.hold, point.redemption = name, name
        self.roll(at)
        if held:
            self.holds[name] = Hold(at + program.hold_minutes * MINUTE_MS, bill)
        else:
            self._redeemed(name, points, bill, at)

    def confirm(self, name: str, at: int) -> None:
        """What a redemption holds is spent."""
        if name not in self.holds or self.holds[name].blocked:
            return
        bill = self.holds.pop(name).bill
        held = self._held(name)
        for point in held:
            point.place = "redeemed"
        self._redeemed(name, len(held), bill, at)

    def _redeemed(self, name: str, points: int, bill: str, at: int) -> None:
        if self.program.returns is not None and self.program.returns.days:
            self.redemptions[name] = Redemption(points, at)
            self.payments.setdefault(bill, []).append(name)

    def _held(self, name: str) -> list[Point]:
        return sorted(
            (one for one in self.purse.points if one.place == "held" and one.hold == name), key=lambda one: one.turn
        )

    def block(self, name: str, points: int, until: int | None) -> None:
        """Points are put aside."""
        if points <= self.purse.count("current"):
            for point in self.purse.take(points, "held"):
                point.hold = name
            self.holds[name] = Hold(NEVER if until is None else until, blocked=True)

    def release(self, name: str, now: int) -> None:
        """What is put aside comes back; what is past its day expires at once."""
        if self.holds.pop(name, None) is not None:
            for point in self._held(name):
                point.place = "expired" if point.closes <= now else "current"

    def take_back_redemption(self, name: str, points: int | None, at: int) -> None:
        """A redemption is reversed, as far as it is asked for."""
        redemption = self.redemptions.get(name)
        if redemption is None or at >= redemption.at + self.returns.days * DAY_MS:
            return
        left = redemption.points - redemption.back
        if 0 < (left if points is None else points) <= left:
            self._restore(name, left if points is None else points, at)

    def _restore(self, name: str, points: int, at: int) -> None:
        self.redemptions[name].back += points
        spent = [one for one in self.purse.points if one.place == "redeemed" and one.redemption == name]
        past = []
        for point in sorted(spent, key=lambda one: -one.turn)[:points]:
            others = [one for one in point.lot.points if one.place in {"current", "held"}]
            point.closes = others[0].closes if others else point.closes
            point.place = "current" if point.closes > self.now else "expired"
            past += [] if point.place == "current" else [point]
        if past and self.program.main.reissues:
            terms = self._terms(None)
            rolling = terms if terms.rolls else None
            anew = self.purse.open_lot(0, at, self._closes(terms, at), rolling=rolling, tie=self._tie(terms))
            for unmet in self.purse.unmet:
                if any(point.lot in unmet.within for point in past):
                    unmet.within = [*unmet.within, anew]
            for point in past:
                point.lot.gone_anew += 1
                point.received = point.received or point.lot.received
                point.lot.points.remove(point)
                point.lot, point.place, point.closes = anew, "current", anew.closes
                anew.points.append(point)
