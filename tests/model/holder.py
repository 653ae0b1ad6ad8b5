"""What a customer has: points that come, wait, are spent, put aside and expire."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta

from tests.model.dates import DAY_MS, day_of, last_day, start_of
from tests.model.purse import NEVER, Lot, Point, Purse
from tests.model.words import Lasts, Program, Promise, Returns

MINUTE_MS = 60_000


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
    tier: int = 0
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

    def step(self, at: int, begins: int) -> None:
        """Something happens that is of this instant; a tier's term that it brings begins at another."""
        self.when, self.begins, self.stirred = at, begins, True

    def pass_time(self, until: int) -> None:
        """All that falls due, one instant after the other: holds end, promises are kept or lapse, points expire."""
        while True:
            due = min([*self._dues(), NEVER])
            if due > until:
                break
            self.step(due, due)
            self._fall_due(due)
            self.close()
        self.now = until

    def _dues(self) -> Iterable[int]:
        yield from (hold.ends for hold in self.holds.values())
        yield from self.tier_dues()
        for point in self.purse.points:
            if point.place == "promised":
                yield point.lot.due
            if point.place == "current":
                yield point.closes

    def _fall_due(self, at: int) -> None:
        ended = sorted(name for name, hold in self.holds.items() if hold.ends == at)
        waiting = [
            lot for lot in self.purse.lots if lot.due == at and any(one.place == "promised" for one in lot.points)
        ]
        if ended:
            self.release(ended[0], max(at, self.now))
        elif waiting:
            for lot in waiting:
                if lot.promise is not None and lot.promise.until in {"days", "date"}:
                    self._becomes_current(lot, at)
                else:
                    self._lapses(lot)
        elif at in self.tier_dues():
            self.tier_falls_due(at)
        else:
            for point in self.purse.points:
                if point.place == "current" and point.closes == at:
                    point.place = "expired"

    def tier_dues(self) -> tuple[int, ...]:
        """When something falls due about the tier."""
        return ()

    def tier_falls_due(self, at: int) -> None:
        """The first thing about the tier that falls due at this instant."""

    def close(self) -> None:
        """What ends every step: debts are repaid, and the tier rises."""
        self.purse.collect()
        self.purse.settle()
        reached = sum(self.purse.lifetime >= threshold for threshold in self.program.tiers)
        self.tier = max(self.tier, reached)

    def _closes(self, lasts: Lasts | None, at: int) -> int:
        zone = self.program.zone
        last = last_day(self.program.main.lasts if lasts is None else lasts, day_of(at, zone))
        return NEVER if last is None else start_of(last + timedelta(days=1), zone)

    def _rolling(self, lasts: Lasts | None) -> Lasts | None:
        terms = self.program.main.lasts if lasts is None else lasts
        return terms if terms.rolls else None

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
        self, awards: Iterable[tuple[str, int, Lasts | None, Promise | None, bool]], at: int, now: int, reference: str
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
            closes = self._closes(lasts, at)
            key = ("waits", promise, lasts) if promise is not None else ("lasts", closes, self._rolling(lasts))
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
                    rolling=self._rolling(lasts),
                    closes_anew=lambda then, lasts=lasts: self._closes(lasts, then),
                )
            self.purse.add(lot, points)
            given.append(lot)
        return given

    def _becomes_current(self, lot: Lot, at: int) -> None:
        lot.since, lot.closes = at, lot.closes_anew(at)
        for point in lot.points:
            if point.place == "promised":
                point.place, point.closes, point.once_current = "current", lot.closes, True

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
        """Points are spent, or put aside until the redemption is confirmed."""
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
            anew = self.purse.open_lot(0, at, self._closes(None, at), rolling=self._rolling(None))
            for unmet in self.purse.unmet:
                if any(point.lot in unmet.within for point in past):
                    unmet.within = [*unmet.within, anew]
            for point in past:
                point.lot.gone_anew += 1
                point.received = point.received or point.lot.received
                point.lot.points.remove(point)
                point.lot, point.place, point.closes = anew, "current", anew.closes
                anew.points.append(point)
