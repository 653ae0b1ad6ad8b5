"""Decisions that move points."""

from __future__ import annotations

import msgspec

from schemas.facts.decision import Decision, Reason


class IssuedFor(Reason):
    """What kind of reason points were issued for. The numbers stand on the wire."""

    SPEND = 1
    EVENT = 2
    MILESTONE = 3
    STREAK = 4
    ADJUSTMENT = 5


class Awaits(Reason):
    """What promised points wait for. The numbers stand on the wire."""

    DATE = 1
    """A day on which they become current."""
    DELIVERY = 2
    """The delivery of their bill."""
    TRIGGER = 3
    """A custom event or a command that names their reference."""


class PointsMoved(Decision, frozen=True):
    """What every decision that moves points of one currency says; it has postings."""

    currency: str
    points: int
    """How many points moved, never negative."""
    balance: int
    """What the customer can spend after it."""


class Award(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What one rule, milestone, streak level or adjustment gave."""

    issued_for: IssuedFor
    rule_id: str
    """The rule, milestone or streak level that gave the points; the reason of an adjustment."""
    points: int
    lot_id: int
    """The lot that the points lie in; awards with equal terms share one."""


class Duration(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How long points last: so many months, then so many days, then to the end of a period of so many months."""

    months: int
    days: int
    round_months: int
    """1, 3, 6 or 12; 0 for not rounded up."""


class LotOpened(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Points issued together, with one expiry."""

    lot_id: int
    """The account's own count of lots, from 1."""
    points: int
    expires_on: int | None
    """The last day on which they can be spent; None for never."""
    closes_at: int | None
    """The start of the day after, as an instant."""
    rolls: Duration | str | None = None
    """How long they last from each activity on; or the id of the tier with which they expire, empty where they go on
    with the tier that is left; None where nothing moves their last day."""


class LotPromised(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Points promised together, which wait for one thing; the lot keeps its number when they become current."""

    lot_id: int
    points: int
    awaits: Awaits
    reference: str
    """What they were promised for: a bill's number, an event's reference or id, the activity of a reward."""
    issued_for: IssuedFor
    rule_id: str
    """Of the first of its awards: its terms of expiry hold when they become current."""
    due_on: int | None
    """The day on which they become current or, if they wait for something else, are cancelled; None for never."""
    due_at: int | None
    """The start of that day, as an instant."""
    event: str = ""
    """The custom event that makes them current, if they wait for one."""


class PointsIssued(PointsMoved, frozen=True, tag=30):
    """Points were awarded for one activity: a record, one milestone met, one streak level reached.

    `points` are all of them, `promised` those that the customer can't spend yet.
    """

    activity: str
    """Empty for the record itself; `milestone/<id>/<period>` or `streak/<id>/<level>` for what it brought about."""
    awards: tuple[Award, ...]
    lots: tuple[LotOpened, ...]
    lifetime: int
    bill_number: str = ""
    """The bill that a return would take them back with; empty where a return leaves them alone."""
    promised: int = 0
    promised_lots: tuple[LotPromised, ...] = ()

    @property
    def current(self) -> int:
        """The points that can be spent."""
        return self.points - self.promised


class Taken(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Points taken from one lot."""

    lot_id: int
    points: int


class PointsRedeemed(PointsMoved, frozen=True, tag=31):
    """The customer spent points."""

    redemption_id: str
    taken: tuple[Taken, ...]
    value_minor: int
    """What the points were worth in the program's money, in minor units."""
    bill_number: str = ""
    notes: str = ""
    reversible_until: int = 0
    """The instant until which it can be taken back; 0 where it can't be."""
    forgotten_at: int = 0
    """When the entry may be deleted: no record that could tell the difference is accepted after it."""


class PointsExpired(PointsMoved, frozen=True, tag=32):
    """All that was left of the lots of one expiry date is gone."""

    expired_on: int
    """The last day on which they could have been spent; of a request, the day on which it was decided."""
    taken: tuple[Taken, ...]
    reason: str = ""
    """Of a request to let them expire."""
    entered_by: str = ""
    restorable_until: int = 0
    """The instant until which a redemption that was made before they expired takes them back; 0 for none."""


class PointsRestored(PointsMoved, frozen=True, tag=80):
    """Points that had expired are back, for a redemption that was made before and arrived after."""

    restored: tuple[Taken, ...]


class Reversal(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a return takes back of one award."""

    rule_id: str
    lot_id: int
    claimed: int
    """What the return method asks for."""
    points: int
    """What was taken."""
    forgiven: int
    """What was no longer there and is not claimed."""
    promised: int = 0
    """Of `points`, those that were still promised."""
    beyond: int = 0
    """What was taken from other lots, or is owed."""
    counted_at: int = 0
    """When they became current, where that was not when the bill was paid."""


class PointsReversed(PointsMoved, frozen=True, tag=33):
    """A return took points back, as far as they were still there."""

    of_bill: str
    reversals: tuple[Reversal, ...]
    reversed_of_bill: int
    """Points taken back for this bill so far, this return included."""
    lifetime: int
    paid_at: int = 0
    """When the bill was paid."""
    promised_reversed_of_bill: int = 0
    """Promised points taken back for this bill so far, this return included."""
    others: tuple[Taken, ...] = ()
    """What was taken from other lots, where the program says so."""
    owed: int = 0
    """Of `points`, what was not there and is a deficit now."""
    rewards: bool = False
    """Whether they are rewards of milestones and streak levels that the return undid."""

    @property
    def promised(self) -> int:
        """Of `points`, those that were still promised."""
        return sum([one.promised for one in self.reversals])

    @property
    def current(self) -> int:
        """Of `points`, those that could be spent."""
        return self.points - self.promised - self.owed

    @property
    def taken(self) -> tuple[Reversal | Taken, ...]:
        """What was taken from each lot."""
        return (*self.reversals, *self.others)


class PointsCancelled(PointsReversed, frozen=True, tag=170):
    """An award that was a mistake was cancelled by request, as far as its points were still there.

    `of_bill` is empty where the request named a lot; `paid_at` is when the points were awarded.
    """

    reason: str = ""
    entered_by: str = ""
    """Who asked."""


class KeptClaim(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What was asked back of one award and was not there."""

    rule_id: str
    lots: tuple[int, ...]
    """Those that the award lies in."""
    points: int
    activity: str = ""
    """Of a reward, what it was given for, as `PointsIssued.activity`; empty for an award of a bill."""


class ClaimsKept(Decision, frozen=True, tag=340):
    """What was asked back and was not there, as it was spent, is held or had expired, is taken of what comes back."""

    currency: str
    of_bill: str
    """Empty where a lot was named."""
    claims: tuple[KeptClaim, ...]
    until: int
    """When they may be forgotten."""
    reach: int = 0
    """Beyond their own lots, they may take of all lots up to this number; 0 for of their own alone."""
    owes: bool = False
    """Whether what is still missing then is owed."""
    paid_at: int = 0
    """When the bill was paid, or the points of the lot were awarded."""


class PointsReclaimed(PointsReversed, frozen=True, tag=341):
    """Points came back that had been asked back before, and were taken.

    `claimed` is 0, as that was said before; `reversed_of_bill` is what this decision takes.
    """

    claim: int = 0
    """The number of the claim in its account."""


class PointsDebited(PointsMoved, frozen=True, tag=34):
    """Points were taken away by an adjustment."""

    reason: str
    taken: tuple[Taken, ...]


class AlternatePointsIssued(Decision, frozen=True, tag=35):
    """One activity was awarded points of currencies beside the main one of the program."""

    currencies: tuple[PointsIssued, ...]
    """One for each currency, in the order in which rules name them; all of one activity and one bill."""


class AlternatePointsReversed(Decision, frozen=True, tag=36):
    """A return took back points of currencies beside the main one, as far as they were still there."""

    currencies: tuple[PointsReversed, ...]
    """One for each currency, all of one bill."""


def movements_in(decision: Decision) -> tuple[PointsMoved, ...]:
    """What a decision moves: one for each currency, none where it moves no points."""
    if isinstance(decision, PointsMoved):
        return (decision,)
    if isinstance(decision, AlternatePointsIssued | AlternatePointsReversed):
        return decision.currencies
    return ()


class RewardKept(Decision, frozen=True, tag=130):
    """A milestone is met or a level reached, with this reward; kept so that a return can undo it."""

    activity: str
    """As `PointsIssued.activity`."""
    rule_id: str
    until: int
    """When it may be forgotten; 0 for never."""
    awards: tuple[Award, ...] = ()
    currency: str = ""


class PointsSettled(PointsMoved, frozen=True, tag=123):
    """Points repaid a deficit, before they could be spent."""

    taken: tuple[Taken, ...]
    deficit: int
    """What is still owed."""


class LotsTracked(Decision, frozen=True, tag=124):
    """What is spent of these lots is counted, as a return may take as much from other lots."""

    currency: str
    lots: tuple[int, ...]
    until: int
    """The instant from which no return takes their points back."""
