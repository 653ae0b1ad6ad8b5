"""The points of one customer, each a thing of its own: where it is, and which lot it came in.

Nothing is added up as it happens: every figure is a count of points.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from tests.model.words import Lasts, Promise

NEVER = 10**18


@dataclass(eq=False)
class Lot:
    """Points that were awarded together and last equally long."""

    number: int
    since: int
    """When they were awarded, or became current."""
    closes: int
    promotional: bool = False
    received: bool = False
    promise: Promise | None = None
    due: int = NEVER
    reference: str = ""
    source: str = ""
    """What gave the first of its awards."""
    lasts: Lasts | None = None
    """How long they last once they are current; None for as long as others."""
    rolling: Lasts | None = None
    """How long they last from each thing on that moves them; None where nothing does."""
    tie: int | None = None
    """The tier with which they are lost, 0 for none; None where they do not last with a tier."""
    points: list[Point] = field(default_factory=list)
    made_good: int = 0
    """How many of other lots were taken, or are owed, in place of points of it."""
    gone_anew: int = 0
    """How many came back past their day and lie in another lot now."""

    def there(self) -> list[Point]:
        """What can still be taken of it."""
        return [point for point in self.points if point.place in {"promised", "current"}]

    def used(self) -> int:
        """How many were spent or are held, less those for which returns took others; below nothing where they came
        back since.
        """
        used = sum(point.place in {"redeemed", "transferred", "settled", "held", "stood in"} for point in self.points)
        return used + self.gone_anew - self.made_good


@dataclass(eq=False)
class Point:
    """One point."""

    lot: Lot
    place: str
    """`promised`, `current`, `held`, `redeemed`, `expired`, `reversed`, `cancelled`, `transferred`, `adjusted`,
    `settled`, or `stood in`: taken for a point of another lot that a return asked back.
    """
    closes: int
    hold: str = ""
    redemption: str = ""
    turn: int = 0
    """The how manieth of its redemption or hold it was."""
    once_current: bool = False
    """Whether it became current here, and counted for life."""
    received: bool = False
    """Whether it lies in a lot of its own now, and came in one that another customer gave."""
    late_until: int = 0
    """Of an expired one: the instant at which a redemption that was made before takes it no longer."""


@dataclass
class Unmet:
    """Points that were asked back and were not there."""

    of: tuple[object, ...]
    """Whose they are."""
    lots: list[Lot]
    points: int
    within: list[Lot]
    """Beyond its own lots, those that were there then, where the program takes of other lots."""
    owes: bool
    then: Callable[[int], None]
    """What so many points mean that are taken later."""

    @property
    def like(self) -> tuple[object, ...]:
        """What is the same for those that can be added up."""
        return (self.of, [lot.number for lot in self.lots], [lot.number for lot in self.within], self.owes)


@dataclass
class Purse:
    """All lots of a customer, and what is owed."""

    order: str
    lots: list[Lot] = field(default_factory=list)
    owed: int = 0
    """Points that were taken back and were not there, repaid ones too."""
    unmet: list[Unmet] = field(default_factory=list)
    came: list[tuple[int, int]] = field(default_factory=list)
    """Each point that counts for life, with when it became current; and each that no longer does, with the same."""

    @property
    def points(self) -> list[Point]:
        """All points that there ever were."""
        return [point for lot in self.lots for point in lot.points]

    def open_lot(self, points: int, since: int, closes: int, **fields: object) -> Lot:
        """A lot of new points, which can be spent unless they are promised."""
        lot = Lot(len(self.lots) + 1, since, closes, **fields)  # type: ignore[arg-type]
        self.lots.append(lot)
        self.add(lot, points)
        return lot

    def add(self, lot: Lot, points: int) -> None:
        """New points for a lot."""
        place = "current" if lot.promise is None else "promised"
        counts = lot.promise is None and not lot.received
        lot.points += [Point(lot, place, lot.closes, once_current=counts) for _ in range(points)]
        self.came += [(lot.since, 1)] * (points if counts else 0)

    def become_current(self, lot: Lot) -> None:
        """What is promised of a lot can be spent from now on."""
        for point in lot.points:
            if point.place == "promised":
                point.place, point.closes, point.once_current = "current", lot.closes, True
                self.came.append((lot.since, 1))

    def _reverse(self, point: Point) -> None:
        """A point goes that can be spent, or is promised."""
        if point.place == "promised":
            point.place = "cancelled"
        else:
            point.place = "reversed"
            self._falls(point.lot)

    def _falls(self, lot: Lot) -> None:
        """A point of the lot, or one in its place, counts no longer."""
        self.came.append((lot.since, -1))

    def current(self, order: str = "fefo") -> list[Point]:
        """The points that can be spent, the first first."""
        keys: dict[str, Callable[[Point], tuple[int, ...]]] = {
            "fefo": lambda one: (one.closes, one.lot.since, one.lot.number),
            "fifo": lambda one: (one.lot.since, one.lot.number),
            "lifo": lambda one: (-one.lot.since, -one.lot.number),
            "promotional_first": lambda one: (not one.lot.promotional, one.closes, one.lot.since, one.lot.number),
        }
        return sorted((point for point in self.points if point.place == "current"), key=keys[order])

    def open_points(self, now: int) -> list[Point]:
        """What can be spent or is held, and is not past its day."""
        return [one for one in self.points if one.place in {"current", "held"} and one.closes > now]

    def take(self, count: int, place: str, order: str | None = None) -> list[Point]:
        """Points that can be spent go somewhere else, in the order of spending."""
        taken = self.current(self.order if order is None else order)[:count]
        for turn, point in enumerate(taken):
            point.place, point.turn = place, turn
        return taken

    def count(self, *places: str) -> int:
        """How many points are in these places."""
        return sum(point.place in places for point in self.points)

    @property
    def deficit(self) -> int:
        """What is owed and not repaid."""
        return self.owed - self.count("settled")

    @property
    def lifetime(self) -> int:
        """What became current here, less what was taken back of it or is owed."""
        return (
            sum(point.once_current for point in self.points)
            - sum(point.place in {"reversed", "stood in"} for point in self.points)
            - self.owed
        )

    def take_back(
        self,
        claims: Sequence[tuple[list[Lot], int]],
        shortfall: str,
        whose: Sequence[tuple[object, ...]],
        then: Callable[[int, int], None] = lambda _place, _points: None,
    ) -> list[int]:
        """For each claim on some lots how many points are taken for it, from where the program says; `then` is told
        what is taken later, when points come back.

        From its own lots, those first that no other claim shares, then, for what was used of them, from others or as a
        debt.
        """
        shared = Counter(lot for lots, _ in claims for lot in lots)
        asked = claims
        claims = [(sorted(lots, key=lambda lot: shared[lot]), wanted) for lots, wanted in claims]
        used = {lot: self.used(lot) for lot in shared}
        got = dict.fromkeys(range(len(claims)), 0)
        stand_ins: list[tuple[int, Lot]] = []
        for place in sorted(got, key=lambda place: len(claims[place][0])):
            lots, wanted = claims[place]
            for point in [point for lot in lots for point in lot.there()][:wanted]:
                self._reverse(point)
                got[place] += 1
            missing = wanted - got[place]
            for lot in lots if shortfall != "own_lot" else []:
                more = min(used[lot], missing)
                used[lot] -= more
                missing -= more
                stand_ins += [(place, lot)] * more
        for place, lot in stand_ins:
            if not self.take(1, "stood in", "fefo"):
                if shortfall != "deficit":
                    break
                self.owed += 1
            lot.made_good += 1
            self._falls(lot)
            got[place] += 1
        within = [] if shortfall == "own_lot" else list(self.lots)
        for place, (lots, wanted) in enumerate(asked):
            if wanted > got[place]:
                new = Unmet(
                    whose[place],
                    list(lots),
                    wanted - got[place],
                    within,
                    shortfall == "deficit",
                    partial(then, place),
                )
                known = next((one for one in self.unmet if one.like == new.like), None)
                if known is None:
                    self.unmet.append(new)
                else:
                    known.points += new.points
        return list(got.values())

    def used(self, lot: Lot) -> int:
        """How many of a lot were spent or are held, and nobody has asked back."""
        used = {one: max(0, one.used()) for one in self.lots}
        for unmet in self.unmet:
            left = unmet.points
            for one in unmet.lots:
                part = min(left, used[one])
                used[one] -= part
                left -= part
        return used[lot]

    def collect(self) -> None:
        """What has come back is taken, as far as it was asked back before: of its own lots, then of the others."""
        unmet = sorted(self.unmet, key=lambda one: len(one.lots))
        used = {lot: lot.used() for lot in self.lots}
        own = {lot: sum(one.place == "current" for one in lot.points) + min(0, used[lot]) for lot in self.lots}
        got = [0] * len(unmet)
        for place, one in enumerate(unmet):
            for lot in one.lots:
                here = [point for point in lot.points if point.place == "current"]
                for point in here[: max(0, min(own[lot], one.points - got[place]))]:
                    self._reverse(point)
                    own[lot] -= 1
                    got[place] += 1
        for place, one in enumerate(unmet):
            missing = one.points - got[place]
            for lot in one.lots if one.within else []:
                wanted = min(missing, max(0, used[lot]))
                used[lot] -= wanted
                missing -= wanted
                for _ in range(wanted):
                    others = [point for point in self.current("fefo") if point.lot in one.within]
                    if others:
                        others[0].place = "stood in"
                    elif one.owes:
                        self.owed += 1
                    else:
                        break
                    lot.made_good += 1
                    self._falls(lot)
                    got[place] += 1
        for one, points in zip(unmet, got, strict=True):
            one.points -= points
            one.then(points)
        self.unmet = [one for one in self.unmet if one.points]

    def waits_no_more(self, of: tuple[object, ...], left: int = 0) -> None:
        """Of what was asked of somebody only so much is asked still."""
        for one in self.unmet:
            if one.of == of:
                one.points = min(one.points, left)
                left -= one.points
        self.unmet = [one for one in self.unmet if one.points]

    def settle(self) -> None:
        """What can be spent repays what is owed."""
        self.take(self.deficit, "settled", "fefo")
