"""A customer's state: a head shared by all programs, one section per program, and entries beside the head.

Each concern declares its own part; this module puts them together and holds the codec. Stored as one version byte and
a msgpack array; fields are only ever appended, with defaults. Only folding a decision changes state; when a
transaction fails, the working copy is dropped and decoded again.
"""

from __future__ import annotations

from typing import Final, cast

import msgspec

from pipeline.engine.bills.state import Bill, ItemisedBill, Parked
from pipeline.engine.calendar import NEVER
from pipeline.engine.identity.state import Held, Holds, IdentityKey, Link, Made, Page, Person
from pipeline.engine.ledger.redeemed import Payment, Redemption
from pipeline.engine.ledger.state import Account
from pipeline.engine.merging.state import Merge
from pipeline.engine.milestones.state import Member, Progress, Tally
from pipeline.engine.rewards.state import Reward
from pipeline.engine.spilled import SpilledIds, bucket_of, entry_of, mark_of
from pipeline.engine.streaks.state import StreakRuns
from pipeline.engine.tiers.state import Tenure
from pipeline.engine.trackers.state import Tracked
from pipeline.engine.unique_state import UniqueIds
from schemas.facts import Standing
from schemas.records import Profile, UnknownVersion

STATE_VERSION: Final = 2


class Section(msgspec.Struct, array_like=True):
    """A customer's part in one program."""

    version: int
    """The program version last seen."""
    tier: int = 0
    """The number of the tier in that version, from 1; 0 in a program without tiers."""
    transactions: int = 0
    purchases_minor: int = 0
    returned_minor: int = 0
    accounts: dict[str, Account] = {}
    milestones: dict[str, dict[int, Progress]] = {}
    """By milestone, then by period; a period leaves when no record of it would be accepted any more."""
    streaks: dict[str, StreakRuns] = {}
    tier_id: str = ""
    """What the tier is known by in every version; empty in a program without tiers."""
    reminder_at: int | None = None
    """When the next reminder of expiry falls due."""
    tenure: Tenure | None = None
    """How the tier is held; None where the tier itself is all that is kept."""
    milestones_kept_ms: int = 0
    """For how long values of milestones are kept beyond what is accepted: a return may lower them."""
    rewards: dict[str, Reward] = {}
    """By what they were given for, as `PointsIssued.activity`, where returns undo it."""
    tallies: dict[str, dict[int, Tally]] = {}
    """By milestone, then by period: what takes more than a number; leaves with the period."""
    trackers: dict[str, Tracked] = {}
    members: dict[str, Member] = {}
    """By milestone, where the program asks for enrolment, tells cycles or has a target for this customer."""
    unified: dict[str, dict[int, int]] = {}
    """The unified targets that are achieved: by target, then by period, with its end."""
    windows: dict[str, int] = {}
    """By milestone or unified target that goes by a rolling window: how many windows are met."""
    met_twice: dict[str, list[int]] = {}
    """By the same: last days of windows that two customers met who became one."""


class Head(msgspec.Struct, array_like=True):
    """What is loaded whenever a customer is touched."""

    org_id: int
    customer_id: int
    seq: int = 0
    timers: dict[int, int] = {}
    """The next due instant of each kind of timer that has any."""
    clock: int = 0
    horizon: int = 0
    """No record with an event time before this is accepted any more."""
    registered_at: int | None = None
    """When the customer registered; None if not registered yet."""
    profile: Profile = Profile()
    recent: dict[int, tuple[int, int]] = {}
    """Record ids as hashes of type and id, with event time and digest, for as long as a duplicate must be detected.

    Ids of a bucket that spilled have one item together (`mark_of`), with the event time of the newest of them."""
    sections: dict[int, Section] = {}
    profile_at: int = 0
    """The event time of the last write of the profile's fields; 0 for before the horizon."""
    field_times: dict[str, int] = {}
    """That of fields for which it differs, and of cleared ones; extended fields as `extended.NAME`."""
    agenda: list[tuple[int, int, str]] = []
    """What falls due in entries, in order: the instant, the kind of timer, and the name of the entry."""
    outcomes: dict[int, tuple[int, int]] = {}
    """Of the ids in `recent` those whose records were refused or wait: the number of the reason (0 for one that waits),
    and how many programs refused it (0 where it was refused as a whole)."""

    standing: Standing = Standing.ACTIVE
    standing_at: int = 0
    """The event time of the last status; 0 without any."""
    merge: Merge | None = None
    """The merges that this customer takes part in; None for most."""

    @property
    def is_merged(self) -> bool:
        """Whether this customer is another one from now on."""
        return self.merge is not None and self.merge.into != 0

    @property
    def lots(self) -> int:
        """How many lots are open, promised or held in part, in all programs."""
        lots = 0
        for section in self.sections.values():  # sum() over a generator costs three times the loop
            for account in section.accounts.values():
                lots += account.kept
        return lots

    @property
    def promised_lots(self) -> int:
        """How many lots are promised, in all programs."""
        lots = 0
        for section in self.sections.values():
            for account in section.accounts.values():
                lots += len(account.promised_lots)
        return lots

    @property
    def due(self) -> int:
        """The earliest instant at which a timer of this customer falls due; `NEVER` without timers."""
        due = NEVER
        for at in self.timers.values():  # min() with a default costs three times the loop
            due = min(due, at)
        return due

    @property
    def timer(self) -> int | None:
        """`due`, or None for a customer without timers."""
        return min(self.timers.values(), default=None)


Entry = (
    Bill
    | Parked
    | ItemisedBill
    | Redemption
    | Payment
    | Link
    | Person
    | Held
    | SpilledIds
    | UniqueIds
    | Made
    | Page
    | Holds
    | IdentityKey
)
"""What is kept beside the head, loaded when a record names it. Every kind is a case of this tagged union and begins
with `forgotten_at`, the instant at which it may leave."""


class CustomerState(msgspec.Struct, gc=False):
    """What a decision sees: the head and the entries that `needs` asked for, by name (such as `bill:<number>`)."""

    head: Head
    entries: dict[str, Entry] = {}
    """An entry that does not exist is absent."""
    stale: int = 0
    """A bit for each kind of timer whose due instant the last decisions may have moved."""

    def spilled(self, key: int) -> SpilledIds | None:
        """The entry that may have the id of this hash, if ids of its bucket spilled and are not forgotten."""
        if not self.entries:
            return None
        bucket = bucket_of(key)
        return self.spilled_of(bucket) if mark_of(bucket) in self.head.recent else None

    def spilled_of(self, bucket: int) -> SpilledIds | None:
        """The entry of a bucket; it may hold ids that are forgotten."""
        return cast("SpilledIds | None", self.entries.get(entry_of(bucket)))

    def spilled_id(self, key: int, since: int) -> tuple[int, int] | None:
        """What `Head.recent` would have of an id that spilled, unless it is of a record from before `since`."""
        spilled = self.spilled(key)
        known = None if spilled is None else spilled.recent.get(key)
        return known if known is not None and known[0] >= since else None


class _HeadTimers(msgspec.Struct, array_like=True, gc=False):
    """The beginning of a head, as far as its timers."""

    org_id: int
    customer_id: int
    seq: int
    timers: dict[int, int]


class _EntryEnd(msgspec.Struct, array_like=True, gc=False):
    """The beginning of an entry, of whatever kind."""

    kind: int
    forgotten_at: int


_ENCODER: Final = msgspec.msgpack.Encoder()
_HEAD_DECODER: Final = msgspec.msgpack.Decoder(Head)
_HEAD_TIMERS_DECODER: Final = msgspec.msgpack.Decoder(_HeadTimers)
_ENTRY_DECODER: Final[msgspec.msgpack.Decoder[Entry]] = msgspec.msgpack.Decoder(Entry)
_ENTRY_END_DECODER: Final = msgspec.msgpack.Decoder(_EntryEnd)
_VERSION: Final = bytes([STATE_VERSION])


def encode_state(part: Head | Entry) -> bytes:
    """A head or an entry as it stands in the changelog and in the local store."""
    return _VERSION + _ENCODER.encode(part)


def decode_head(raw: bytes) -> Head:
    """The head in `raw`; raises `UnknownVersion` or `msgspec.DecodeError`."""
    return _HEAD_DECODER.decode(_body(raw))


def decode_entry(raw: bytes) -> Entry:
    """The entry in `raw`; raises `UnknownVersion` or `msgspec.DecodeError`."""
    return _ENTRY_DECODER.decode(_body(raw))


def timer_of(raw: bytes) -> int | None:
    """The `timer` of the head in `raw`, at a fraction of what decoding it costs."""
    return min(_HEAD_TIMERS_DECODER.decode(_body(raw)).timers.values(), default=None)


def forgotten_at_of(raw: bytes) -> int:
    """When the entry in `raw` may be deleted."""
    return _ENTRY_END_DECODER.decode(_body(raw)).forgotten_at


def _body(raw: bytes) -> bytes:
    if raw[:1] != _VERSION:
        message = f"state format version {raw[:1].hex() or 'missing'}; this build reads {STATE_VERSION}"
        raise UnknownVersion(message)
    return raw[1:]
