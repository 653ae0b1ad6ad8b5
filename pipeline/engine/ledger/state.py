"""What the ledger keeps of one currency of one customer in one program."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Final

import msgspec

from schemas.facts import Awaits, Duration, HoldFor, IssuedFor, RedemptionTerms


class LedgerAccount(IntEnum):
    """The accounts between which points move. The numbers are places in the stored totals: append only."""

    ISSUED = 0
    """Where points come from; its total is never above zero."""
    PROMISED = 1
    """What the customer will be able to spend once something has happened."""
    CURRENT = 2
    """What the customer can spend."""
    BLOCKED = 3
    REDEEMED = 4
    EXPIRED = 5
    REVERSED = 6
    """Taken back because of a return, or promised and cancelled."""
    TRANSFERRED = 7
    """Given to other customers, less what came from them: over all customers of a program it comes to nothing."""
    ADJUSTED = 8
    """Taken away by an adjustment."""
    DEFICIT = 9
    """Where points come from that a return takes back and that are not there; below zero while they are owed."""
    LIFETIME = 10
    """A memorandum, not an account of the double entry: points that became current, less those of them that returns
    took back."""

    @property
    def text(self) -> str:
        """The name that people and queries use, such as `current`."""
        return self.name.lower()


_ZEROS: Final = (0,) * len(LedgerAccount)
# Plain integers: an enum member as an index costs more than the addition it is for.
_ISSUED: Final = int(LedgerAccount.ISSUED)
_PROMISED: Final = int(LedgerAccount.PROMISED)
_CURRENT: Final = int(LedgerAccount.CURRENT)
_DEFICIT: Final = int(LedgerAccount.DEFICIT)
_TRANSFERRED: Final = int(LedgerAccount.TRANSFERRED)
_LIFETIME: Final = int(LedgerAccount.LIFETIME)


class Lot(msgspec.Struct, array_like=True, gc=False):
    """Points issued together, with one expiry, or a part of them that is kept apart."""

    lot_id: int
    """The account's own count, from 1."""
    issued_at: int
    open_points: int
    expires_on: int | None
    closes_at: int
    """The instant from which they can't be spent; `NEVER` for points that don't expire."""
    rolls: Duration | str | None = None
    """How long they last from each activity on; or the id of the tier with which they expire, empty where they go on
    with the tier that is left; None where nothing moves their last day."""
    promotional: bool = False
    """Whether a milestone, a streak or an event rule gave them."""
    received: bool = False
    """Whether another customer gave them."""


class Hold(msgspec.Struct, array_like=True, gc=False):
    """Points put aside: they cannot be spent, and do not expire."""

    hold_id: str
    """No two holds of one program have the same."""
    kind: HoldFor
    ends_at: int
    """The instant at which they are released by themselves; `NEVER` for points that wait for somebody."""
    parts: list[Lot]
    """What is held of each lot, with the lot's own terms."""
    redemption: RedemptionTerms | None = None
    """Of a redemption that is to be confirmed."""

    @property
    def points(self) -> int:
        """How many points are held."""
        return sum(part.open_points for part in self.parts)


class ExpiredLot(msgspec.Struct, array_like=True, gc=False):
    """What a lot held when it expired, kept for redemptions that arrive late."""

    until: int
    """The instant from which no redemption takes of it any more."""
    lot: Lot


class PromisedLot(msgspec.Struct, array_like=True, gc=False):
    """Points promised together; when they become current, the lot keeps its number."""

    lot_id: int
    promised_at: int
    open_points: int
    awaits: Awaits
    due_at: int
    """When they become current or, if they wait for something else, are cancelled; `NEVER` for neither."""
    reference: str
    issued_for: IssuedFor
    rule_id: str
    event: str = ""
    """The custom event that makes them current, if they wait for one."""


class LotUse(msgspec.Struct, array_like=True, gc=False):
    """What was spent of a lot that a return may ask back."""

    until: int
    """The instant from which no return does."""
    points: int = 0
    """What was spent, less what returns have taken from elsewhere for it; below zero where they took it for points that
    were held then."""
    counted_at: int = 0
    """When its points became current; until then, when they were promised."""


class OpenClaim(msgspec.Struct, array_like=True):
    """What was asked back of an award and was not there, as far as it has not been taken of what came back."""

    number: int
    """No two claims of an account have the same at one time."""
    of_bill: str
    """Empty where a lot was named."""
    rule_id: str
    activity: str
    """Of a reward, what it was given for; empty for an award of a bill."""
    lots: list[int]
    """Those that the award lies in."""
    points: int
    until: int
    """When it may be forgotten, once nothing is held."""
    reach: int
    """It may take of all lots up to this number, where what is missing was spent; 0 for of its own alone."""
    owes: bool
    """Whether what is still missing then is owed."""
    corrects: bool
    """Whether an update of the bill asked."""
    taken: int = 0
    """What has been taken since the last update of the bill, where one asked."""
    paid_at: int = 0
    """When the bill was paid, or the points of the lot were awarded."""
    anew: list[int] = []
    """Lots beyond `reach` in which points of lots within it were issued anew."""

    def reaches(self, lot_id: int) -> bool:
        """Whether it may take of a lot that is not its own."""
        return lot_id <= self.reach or lot_id in self.anew


class Account(msgspec.Struct, array_like=True):
    """One points currency of one customer in one program: totals that are sums of postings, open lots and holds."""

    totals: list[int] = msgspec.field(default_factory=lambda: list(_ZEROS))
    """By `LedgerAccount`."""
    lots_opened: int = 0
    lots: list[Lot] = []
    """Open lots in the order of spending: soonest to expire first, never-expiring last, ties by (issued_at, lot_id)."""
    holds: list[Hold] = []
    """In the order in which they were made."""
    expired: list[ExpiredLot] = []
    """Lots that have expired lately, in the order of spending; old ones leave with the next award or expiry."""
    promised_lots: list[PromisedLot] = []
    """Not to be spent yet, in order of (due_at, promised_at, lot_id)."""
    uses: dict[int, LotUse] = {}
    """By lot, where the program takes points back from other lots, too."""
    given: dict[int, int | list[int]] = {}
    """By what gave them, as a hash: the lot, or the lots, of an adjustment, an event or a reward, as long as something
    of them is there or counted."""
    claims: list[OpenClaim] = []
    """What was asked back and is taken of what comes back, in the order in which it was asked."""

    @property
    def balance(self) -> int:
        """What can be spent."""
        return self.totals[_CURRENT]

    @property
    def taken_in(self) -> int:
        """All points that came in, as awards or from other customers, less those given to other customers."""
        return -self.totals[_ISSUED] - self.totals[_TRANSFERRED]

    @property
    def kept(self) -> int:
        """How many lots are kept, promised ones too, parts of lots that are held, lots whose use is counted, claims."""
        held = sum(len(hold.parts) for hold in self.holds) if self.holds else 0
        return len(self.lots) + len(self.promised_lots) + held + len(self.uses) + len(self.claims)

    @property
    def used(self) -> dict[int, int]:
        """By lot, where it is counted: what was spent or is held, less what returns took from elsewhere for it.

        Below zero where what they took it for has come back.
        """
        used = {lot_id: use.points for lot_id, use in self.uses.items()}
        for hold in self.holds if used else ():
            for part in hold.parts:
                if part.lot_id in used:
                    used[part.lot_id] += part.open_points
        return used

    @property
    def spent(self) -> dict[int, int]:
        """By lot, where it is counted: what was spent or is held, and no return has asked back yet."""
        spent = {lot_id: max(0, points) for lot_id, points in self.used.items()}
        for claim in self.claims if spent else ():
            left = claim.points
            for lot_id in [lot_id for lot_id in claim.lots if lot_id in spent]:
                part = min(left, spent[lot_id])
                spent[lot_id] -= part
                left -= part
        return spent

    def lots_given(self, key: int) -> Sequence[int]:
        """The lots of the adjustment, event or reward of this hash, as far as they are known."""
        given = self.given.get(key, [])
        return [given] if isinstance(given, int) else given

    @property
    def deficit(self) -> int:
        """What is owed: returns have taken back more than was there."""
        return -self.totals[_DEFICIT]

    @property
    def lifetime(self) -> int:
        """All points that became current less those taken back by returns."""
        return self.totals[_LIFETIME]

    @property
    def promised(self) -> int:
        """What is promised and cannot be spent yet."""
        return self.totals[_PROMISED]

    @property
    def issued(self) -> int:
        """All points that were ever awarded."""
        return -self.totals[_ISSUED]

    def total(self, account: LedgerAccount) -> int:
        """What the postings to an account come to."""
        return self.totals[account]
