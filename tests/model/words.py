"""What the model speaks about: what a program says, and what happens to customers. Nothing else is known here.

Amounts are pence, points are whole, instants are milliseconds since 1970, days are dates of the program's zone.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction

SECOND = "STARS"
"""What the currency beside the main one is called; the main one is called nothing."""
OF_BILLS = frozenset({"bills", "money", "gross", "quantity", "points", "days", "stores", "skus"})


@dataclass(frozen=True)
class Lasts:
    """How long points last: so many months, then days, then to the end of a period of so many months; or until the next
    of these dates (month and day). Without anything, for ever.
    """

    months: int = 0
    days: int | None = None
    round_months: int = 0
    dates: tuple[tuple[int, int], ...] = ()
    rolls: bool = False
    """Whether bills and redemptions count as if the points were awarded then, where they last longer so."""
    with_tier: str = ""
    """Whether they last as long as the tier, and what becomes of them when it is lost: `expire` or `keep`."""


@dataclass(frozen=True)
class Promise:
    """What points wait for: `days`, `date`, `delivered`, `trigger` or `at_once`."""

    until: str
    days: int | None = None
    date: date | None = None
    event: str = ""


@dataclass(frozen=True)
class Spend:
    """Points for every so many pence of a bill."""

    id: str
    points: int
    per: int
    minimum: int = 0
    without: frozenset[str] = frozenset()
    """SKUs that earn nothing."""
    lasts: Lasts | None = None
    promise: Promise | None = None
    currency: str = ""
    tiers: frozenset[int] = frozenset()
    """The tiers whose members it is for; empty for all."""


@dataclass(frozen=True)
class Gift:
    """Points for an event."""

    id: str
    event: str
    points: int
    promise: Promise | None = None
    currency: str = ""
    tiers: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Cycle:
    """Cycles of a goal that are no calendar periods: so many units each `from_date`, or from a day of the customer's
    `own`; `windows` that are written out; or one for the whole `lifetime`.
    """

    kind: str
    unit: str = ""
    every: int = 1
    first: date | None = None
    windows: tuple[tuple[date, date], ...] = ()
    since_registration: bool = False
    """Whether the customer's own day is that of the registration; else that of the enrolment."""


@dataclass(frozen=True)
class Goal:
    """A milestone: so much of something, once in each cycle."""

    id: str
    period: str | Cycle
    """A calendar period, or other cycles."""
    counts: str
    """Of bills `bills`, `money`, `gross`, `quantity`, `points`, or different `days`, `stores` or `skus`; else the name
    of an event.
    """
    target: int
    points: int
    currency: str = ""
    sku: str = ""
    """Only lines of it count, or of the category."""
    category: str = ""
    without: str = ""
    """Lines of this SKU do not."""
    stores: frozenset[str] = frozenset()
    """Only bills of these stores count; none for all."""
    minimum: int = 0
    """The least bill that counts."""
    measure: str = ""
    """Of events: nothing for each as one, `sum` of an attribute in thousandths, `points` that they earn, or different
    `days` or `values` of an attribute.
    """
    attribute: str = ""
    where: tuple[str, frozenset[str]] | None = None
    """An attribute that has to have one of these values."""
    most: int = 0
    """So many count at most in each of these periods; 0 for all."""
    most_per: str = "day"
    joins: str = ""
    """Who is in it: nothing for everybody, whatever happens; else `everybody` until they leave, who does something that
    counts (`transaction`), or who is named (`command`).
    """
    past: bool = False
    """Whether what was done before counts, too."""
    adds: tuple[str, int] | None = None
    """What meeting it adds to another goal."""
    first: date | None = None
    last: date | None = None
    """The days on which it is there."""

    @property
    def of_bills(self) -> bool:
        """Whether bills count; else events."""
        return self.counts in OF_BILLS

    @property
    def is_own(self) -> bool:
        """Whether its cycles differ by customer."""
        return isinstance(self.period, Cycle) and self.period.kind == "own"

    def is_there(self, day: date) -> bool:
        """Whether it is there on a day."""
        return _within(self.first, self.last, day)

    @property
    def things(self) -> str:
        """What the different things are that count, if it is those."""
        kind = self.counts if self.of_bills else self.measure
        return kind if kind in {"days", "stores", "skus", "values"} else ""

    @property
    def unit(self) -> int:
        """How many of what is counted are one of the target."""
        return 1_000 if self.measure == "sum" else 1


@dataclass(frozen=True)
class Streak:
    """Goals met in a row."""

    id: str
    goal: str
    levels: tuple[tuple[int, int], ...]
    """Periods in a row, and the points for them."""
    currency: str = ""
    continuous: bool = True
    """Whether a missed period breaks a run; else periods are only counted."""
    repeats: bool = False
    """Whether as many periods again reach a level again."""
    grace: int = 0
    """So many missed in a row break no run."""
    freezes: int = 0
    """And so many more in each of these periods."""
    freezes_per: str = "month"
    opt_in: bool = False
    """Whether only who enrols takes part."""
    first: date | None = None
    last: date | None = None
    """The days on which it is there."""

    def is_there(self, day: date) -> bool:
        """Whether it is there on a day."""
        return _within(self.first, self.last, day)


Condition = str | tuple[int, tuple["Condition", ...]]
"""A goal that is to be met, or so many of several conditions."""


@dataclass(frozen=True)
class Unified:
    """Goals of equal periods that are met together, with values that add up to a threshold."""

    id: str
    condition: Condition
    threshold: int
    points: int
    currency: str = ""

    @property
    def goals(self) -> tuple[str, ...]:
        """The goals that it names."""
        return _named(self.condition)


@dataclass(frozen=True)
class Returns:
    """What becomes of a bill that comes back."""

    method: str = "pro_rata_bill"
    shortfall: str = "own_lot"
    goals_fall: bool = True
    rewards: str = "keep"
    redeemed_restored: bool = True
    days: int = 400


@dataclass(frozen=True)
class Terms:
    """What a currency says for itself."""

    lasts: Lasts = Lasts()
    least: int = 1
    multiple: int = 1
    most: int | None = None
    order: str = "fefo"
    reissues: bool = False
    """Whether points past their day come back in a lot of their own."""
    hold_minutes: int = 60
    late_minutes: int = 15
    """How long after they expired a redemption that was made before takes them."""
    by_tier: tuple[tuple[int, Lasts], ...] = ()
    """Tiers whose members have points that last otherwise."""


@dataclass(frozen=True)
class Term:
    """How long a tier holds: so many months, then days; until a date of the year; to the end of a period, or of one
    after it; or to the day before the customer registered, in another year.
    """

    months: int = 0
    days: int = 0
    until: tuple[int, int] | None = None
    period: str = ""
    periods: int = 1
    anniversary: bool = False


@dataclass(frozen=True)
class Ranks:
    """Tiers that are more than lifetime points: the first asks for nothing."""

    bases: tuple[str, ...]
    """What tiers go by: `lifetime`, `current`, `purchases`, `visits`, `points_in_period`, `purchases_in_period`,
    `visits_in_period`, `tracker`, and `second lifetime` and `second current`.
    """
    steps: tuple[tuple[int, ...], ...]
    """By tier: what it asks for of each."""
    renewals: tuple[str, ...]
    """What keeps them: `current`, `points`, `purchases`, `visits`, `tracker`. Without any, what they are reached by,
    within the term.
    """
    kept_by: tuple[tuple[int, ...], ...]
    currency: str = ""
    """The points that count, but for those of the second currency that are named."""
    retired: frozenset[int] = frozenset()
    """Tiers that nobody is in any more."""
    enough: int = 1
    """How many of the bases are enough."""
    kept_enough: int = 1
    period: str = ""
    upgrade: str = "at_once"
    on_return: str = "keep"
    term: Term | None = None
    downgrade: str = "one_lower"
    grace: int = 0
    reminders: tuple[int, ...] = ()
    """So many days before its end a customer is told who would lose a tier."""
    tracked: str = "amount"
    """What the tracker adds up: `amount` or `visits`."""
    tracked_days: int = 5


@dataclass(frozen=True)
class TierGift:
    """A tier that a goal, a unified target or a level of a streak gives."""

    of: str
    """`milestone/` and the goal, `unified/` and the target, or `streak/`, the streak and the level."""
    tier: int
    term: Term | None = None
    """How long; None for good."""


@dataclass(frozen=True)
class Program:
    """All that a program says."""

    spends: tuple[Spend, ...]
    gifts: tuple[Gift, ...] = ()
    factors: tuple[tuple[str, Fraction], ...] = ()
    """How often lines of a SKU count."""
    main: Terms = Terms()
    second: Terms | None = None
    """Of the currency beside the main one, if there is one."""
    promise: Promise | None = None
    goals: tuple[Goal, ...] = ()
    streaks: tuple[Streak, ...] = ()
    unified: tuple[Unified, ...] = ()
    returns: Returns | None = None
    tiers: tuple[int, ...] = ()
    """Lifetime points from which each begins."""
    ranks: Ranks | None = None
    """In place of those."""
    tier_gifts: tuple[TierGift, ...] = ()
    zone: str = "Europe/London"

    def alone(self, currency: str) -> Program:
        """The program as far as one of its currencies is concerned, which does not know of the other."""
        terms = self.second if currency else self.main
        assert terms is not None
        return replace(
            self,
            main=terms,
            ranks=None if currency else self.ranks,
            spends=tuple(one for one in self.spends if one.currency == currency),
            gifts=tuple(one for one in self.gifts if one.currency == currency),
            goals=tuple(one if one.currency == currency else replace(one, points=0) for one in self.goals),
            streaks=tuple(
                one
                if one.currency == currency
                else replace(one, levels=tuple((periods, 0) for periods, _ in one.levels))
                for one in self.streaks
            ),
            unified=tuple(one if one.currency == currency else replace(one, points=0) for one in self.unified),
        )


@dataclass(frozen=True)
class Line:
    """A line of a bill, or of a return."""

    sku: str
    pence: int
    id: str = ""
    quantity: int = 1
    category: str = ""


@dataclass(frozen=True)
class Happening:
    """Something that happens to a customer; its name is unique in a history."""

    at: int
    who: int
    name: str
    arrives: int | None = field(default=None, kw_only=True)
    """When it is heard of; None for at once."""


@dataclass(frozen=True)
class Pays(Happening):
    pence: int
    lines: tuple[Line, ...] = ()
    store: str = ""
    gross: int | None = None
    """Before discounts; None for as much as it comes to."""


@dataclass(frozen=True)
class Returned(Happening):
    bill: str
    pence: int
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True)
class Corrected(Happening):
    """A bill comes to something else, or is delivered."""

    bill: str
    pence: int | None = None
    delivered: bool = False
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True)
class Does(Happening):
    event: str
    reference: str = ""
    attributes: tuple[tuple[str, str | int], ...] = ()


@dataclass(frozen=True)
class Redeems(Happening):
    points: int
    bill: str = ""
    held: bool = False
    currency: str = ""


@dataclass(frozen=True)
class Confirms(Happening):
    redemption: str


@dataclass(frozen=True)
class TakesBack(Happening):
    """A redemption is reversed."""

    redemption: str
    points: int | None = None


@dataclass(frozen=True)
class Adjusted(Happening):
    points: int
    corrects: str = ""
    currency: str = ""


@dataclass(frozen=True)
class Blocks(Happening):
    points: int
    until: int | None = None
    currency: str = ""


@dataclass(frozen=True)
class Releases(Happening):
    hold: str


@dataclass(frozen=True)
class Activates(Happening):
    reference: str


@dataclass(frozen=True)
class CallsOff(Happening):
    reference: str


@dataclass(frozen=True)
class Cancels(Happening):
    """All that a bill earned is cancelled, or what one rule gave for it."""

    bill: str
    rule: str = ""
    currency: str = ""


@dataclass(frozen=True)
class Gives(Happening):
    """Points go to another customer."""

    to: int
    points: int
    currency: str = ""


@dataclass(frozen=True)
class Expires(Happening):
    """All points are to expire now."""

    currency: str = ""


@dataclass(frozen=True)
class Moves(Happening):
    """All points are to be there through another day, those that would be longer, or those that would be shorter."""

    last: date
    later: bool
    currency: str = ""


@dataclass(frozen=True)
class Enrols(Happening):
    streak: str


@dataclass(frozen=True)
class Leaves(Happening):
    streak: str


@dataclass(frozen=True)
class Pauses(Happening):
    streak: str


@dataclass(frozen=True)
class Resumes(Happening):
    streak: str


@dataclass(frozen=True)
class Freezes(Happening):
    """Periods that these days touch break no run."""

    streak: str
    first: date
    last: date


@dataclass(frozen=True)
class Joins(Happening):
    """Somebody names the customer for a goal."""

    goal: str


@dataclass(frozen=True)
class Quits(Happening):
    """The customer is in a goal no longer."""

    goal: str


@dataclass(frozen=True)
class AsksFor(Happening):
    """A goal asks something else of this customer, or what it asks of others."""

    goal: str
    target: int | None


@dataclass(frozen=True)
class Assigns(Happening):
    """Somebody gives a tier, through a day."""

    tier: int
    last: date | None = None


@dataclass(frozen=True)
class LetsGo(Happening):
    """A tier that somebody gave holds no longer."""


@dataclass(frozen=True)
class Reassesses(Happening):
    """Somebody asks for the tier of the customer's values."""


@dataclass(frozen=True)
class Registers(Happening):
    """The customer is announced."""


@dataclass(frozen=True)
class Again(Happening):
    """What happened before is told again."""

    before: Happening


@dataclass(frozen=True)
class Changes(Happening):
    """A new version of the program starts, for everybody."""

    to: Program


@dataclass(frozen=True)
class Waits(Happening):
    """Time passes for everybody."""


def _within(first: date | None, last: date | None, day: date) -> bool:
    return (first is None or first <= day) and (last is None or day <= last)


def _named(condition: Condition) -> tuple[str, ...]:
    if isinstance(condition, str):
        return (condition,)
    return tuple(dict.fromkeys(name for one in condition[1] for name in _named(one)))
