"""What the ledger keeps of one currency of one customer in one program."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import msgspec


class LedgerAccount(IntEnum):
    """The accounts between which points move. The numbers are places in the stored totals: append only."""

    ISSUED = 0
    """Where points come from; its total is never above zero."""
    PROMISED = 1
    CURRENT = 2
    """What the customer can spend."""
    BLOCKED = 3
    REDEEMED = 4
    EXPIRED = 5
    REVERSED = 6
    """Taken back because of a return."""
    TRANSFERRED = 7
    ADJUSTED = 8
    """Taken away by an adjustment."""
    DEFICIT = 9
    LIFETIME = 10
    """A memorandum, not an account of the double entry: points issued less those taken back by returns."""

    @property
    def text(self) -> str:
        """The name that people and queries use, such as `current`."""
        return self.name.lower()


_ZEROS: Final = (0,) * len(LedgerAccount)
# Plain integers: an enum member as an index costs more than the addition it is for.
_ISSUED: Final = int(LedgerAccount.ISSUED)
_CURRENT: Final = int(LedgerAccount.CURRENT)
_LIFETIME: Final = int(LedgerAccount.LIFETIME)


class Lot(msgspec.Struct, array_like=True, gc=False):
    """Points issued together, with one expiry."""

    lot_id: int
    """The account's own count, from 1."""
    issued_at: int
    open_points: int
    expires_on: int | None
    closes_at: int
    """The instant from which they can't be spent; `NEVER` for points that don't expire."""


class Account(msgspec.Struct, array_like=True):
    """One points currency of one customer in one program: totals that are sums of postings, and the open lots."""

    totals: list[int] = msgspec.field(default_factory=lambda: list(_ZEROS))
    """By `LedgerAccount`."""
    lots_opened: int = 0
    lots: list[Lot] = []
    """Open lots in the order of spending: soonest to expire first, never-expiring last, ties by (issued_at, lot_id)."""

    @property
    def balance(self) -> int:
        """What can be spent."""
        return self.totals[_CURRENT]

    @property
    def lifetime(self) -> int:
        """All points issued less those taken back by returns."""
        return self.totals[_LIFETIME]

    @property
    def issued(self) -> int:
        """All points that were ever awarded."""
        return -self.totals[_ISSUED]

    def total(self, account: LedgerAccount) -> int:
        """What the postings to an account come to."""
        return self.totals[account]
