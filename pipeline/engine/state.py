"""A customer's state: a head shared by all programs, one section per program, and entries beside the head.

Stored as one version byte and a msgpack array; fields are only ever appended, with defaults. Only `apply` changes
state; a failed transaction drops the working copy and decodes again.
"""

from __future__ import annotations

from typing import Final

import msgspec

from schemas.records import Profile, UnknownVersion

STATE_VERSION: Final = 1
NEVER: Final = 1 << 62
"""An instant after every other."""


class Lot(msgspec.Struct, array_like=True, gc=False):
    """Points issued together, with one expiry."""

    lot_id: int
    """The `seq` of the fact that issued it."""
    issued_at: int
    open_points: int
    expires_on: int | None
    closes_at: int
    """The instant from which they can't be spent; `NEVER` for points that don't expire."""


class Account(msgspec.Struct, array_like=True):
    """One points currency of one customer in one program."""

    balance: int = 0
    lifetime: int = 0
    """All points issued less those taken back by returns."""
    issued: int = 0
    redeemed: int = 0
    expired: int = 0
    reversed: int = 0
    debited: int = 0
    lots: list[Lot] = []
    """Open lots, soonest to expire first, never-expiring last, ties by (issued_at, lot_id): the order of spending."""


class Progress(msgspec.Struct, array_like=True, gc=False):
    """What counts towards a milestone in one period."""

    ends_at: int
    value: int = 0
    achieved: bool = False


class StreakRuns(msgspec.Struct, array_like=True):
    """The periods that count in a streak, as runs of consecutive ones."""

    ends_at: int
    """The instant after the streak's last day; `NEVER` for a streak without an end."""
    runs: list[tuple[int, int]] = []
    """(first, last) period of each run, in order; one leaves when no late record can lengthen it any more."""
    longest: int = 0
    levels: list[int] = []
    """Levels reached, once per customer."""
    ended: bool = False
    ends_on: int | None = None
    ends_in: int | None = None
    """The number of the period that `ends_at` lies in."""


class Section(msgspec.Struct, array_like=True):
    """A customer's part in one program."""

    version: int
    """The program version last seen."""
    tier: int = 0
    """Tiers count from 1; 0 in a program without tiers."""
    transactions: int = 0
    purchases_minor: int = 0
    returned_minor: int = 0
    accounts: dict[str, Account] = {}
    milestones: dict[str, dict[int, Progress]] = {}
    """By milestone, then by period; a period leaves when no record of it would be accepted any more."""
    streaks: dict[str, StreakRuns] = {}


class Head(msgspec.Struct, array_like=True):
    """What is loaded whenever a customer is touched."""

    org_id: int
    customer_id: int
    seq: int = 0
    clock: int = 0
    horizon: int = 0
    """No record with an event time before this is accepted any more."""
    registered_at: int | None = None
    """Event time of joining; None for somebody nobody has met."""
    profile: Profile = Profile()
    recent: dict[str, tuple[int, int]] = {}
    """Record ids by `recordType:id`, with event time and digest, for as long as a repeat must be told."""
    sections: dict[int, Section] = {}
    due: int = NEVER
    """The earliest instant at which a timer of this customer falls due."""

    @property
    def timer(self) -> int | None:
        """`due`, or None for a customer without timers."""
        return None if self.due == NEVER else self.due


class Award(msgspec.Struct, array_like=True, gc=False):
    """Points that a bill earned, which a return would take back."""

    program_id: int
    currency: str
    rule_id: str
    lot_id: int
    points: int
    due: int = 0
    """What returns have asked for so far."""
    reversed: int = 0
    """What returns have taken so far."""


class Bill(msgspec.Struct, array_like=True, gc=False):
    """A transaction that can still be returned: the entry `#bill:<number>`."""

    returnable_until: int
    forgotten_at: int
    """When the entry may be deleted; decisions go by `returnable_until`, never by whether it is there."""
    amount_minor: int
    currency: str
    returned_minor: int = 0
    last_return_minor: int = 0
    """What the latest return counted for."""
    counted: list[int] = []
    """The programs in which the bill counts."""
    awards: list[Award] = []


class CustomerState(msgspec.Struct, gc=False):
    """What `decide` sees: the head and the entries that `needs` asked for, by key (`bill:<number>`)."""

    head: Head
    entries: dict[str, Bill] = {}
    """An entry that does not exist is absent."""


class _HeadTimer(msgspec.Struct, array_like=True, gc=False):
    """A head of which only the timer is looked at: what is `Raw` is passed over, which a number costs less than."""

    org_id: int
    customer_id: int
    seq: int
    clock: int
    horizon: int
    registered_at: int | None
    profile: msgspec.Raw
    recent: msgspec.Raw
    sections: msgspec.Raw
    due: int


class _BillTimer(msgspec.Struct, array_like=True, gc=False):
    """A bill of which only its end is looked at."""

    returnable_until: int
    forgotten_at: int


_HEAD_ENCODER: Final = msgspec.msgpack.Encoder()
_HEAD_DECODER: Final = msgspec.msgpack.Decoder(Head)
_HEAD_TIMER_DECODER: Final = msgspec.msgpack.Decoder(_HeadTimer)
_BILL_DECODER: Final = msgspec.msgpack.Decoder(Bill)
_BILL_TIMER_DECODER: Final = msgspec.msgpack.Decoder(_BillTimer)
_VERSION: Final = bytes([STATE_VERSION])


def encode_state(part: Head | Bill) -> bytes:
    """A head or an entry as it stands in the changelog and in the local store."""
    return _VERSION + _HEAD_ENCODER.encode(part)


def decode_head(raw: bytes) -> Head:
    """The head in `raw`; raises `UnknownVersion` or `msgspec.DecodeError`."""
    return _HEAD_DECODER.decode(_body(raw))


def decode_bill(raw: bytes) -> Bill:
    """The bill entry in `raw`; raises `UnknownVersion` or `msgspec.DecodeError`."""
    return _BILL_DECODER.decode(_body(raw))


def timer_of(raw: bytes) -> int | None:
    """The `timer` of the head in `raw`, at a tenth of what decoding it costs."""
    due = _HEAD_TIMER_DECODER.decode(_body(raw)).due
    return None if due == NEVER else due


def forgotten_at_of(raw: bytes) -> int:
    """When the bill entry in `raw` may be deleted."""
    return _BILL_TIMER_DECODER.decode(_body(raw)).forgotten_at


def _body(raw: bytes) -> bytes:
    if raw[:1] != _VERSION:
        message = f"state format version {raw[:1].hex() or 'missing'}; this build reads {STATE_VERSION}"
        raise UnknownVersion(message)
    return raw[1:]


def first_due(head: Head) -> int:
    """The earliest instant at which a timer falls due, found anew; `NEVER` without timers."""
    due = NEVER
    for section in head.sections.values():
        for account in section.accounts.values():
            if account.lots:
                due = min(due, account.lots[0].closes_at)
        for streak in section.streaks.values():
            if not streak.ended:
                due = min(due, streak.ends_at)
    return due
