"""Facts: what the engine decided. Notifications, ledger postings and analytics are pure functions of facts.

Every journal record that decides something about a customer gives one `FactMessage` on the facts topic: one version
byte (`FACT_VERSION`) and a msgpack array. Fields are only ever appended, with defaults.
Instants are milliseconds since the epoch (UTC); days are counted from 1970-01-01 in the program's own zone; points and
amounts are integers in minor units.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from schemas.records import Profile, UnknownVersion

FACT_VERSION: Final = 1


class Refusal(StrEnum):
    """Why a record had no effect, in order of precedence: the first that applies is the one given."""

    ID_REUSED = "id_reused"
    """The same id came before with other content."""
    TOO_OLD = "too_old"
    """The event time lies before the window in which ids are remembered, so a repeat could not be told."""
    TOO_MANY = "too_many"
    """More records of one customer lie in the window than ids can be remembered."""
    CUSTOMER_UNKNOWN = "customer_unknown"
    """No customer of that id, and no program of the org adds customers by their first record."""
    CUSTOMER_EXISTS = "customer_exists"
    PROFILE_TOO_LARGE = "profile_too_large"
    """The profile would have more extended fields than are kept."""
    PROGRAM_UNKNOWN = "program_unknown"
    """The org has no such program in force."""
    CURRENCY_UNKNOWN = "currency_unknown"
    """The program knows no such money or points currency."""
    BILL_EXISTS = "bill_exists"
    """A bill of that number is there already and can still be returned."""
    BILL_UNKNOWN = "bill_unknown"
    """There is no such bill of this customer, or it can no longer be returned."""
    BILL_RETURNED = "bill_returned"
    """Nothing of the bill is left to return."""
    POINTS_NOT_POSITIVE = "points_not_positive"
    BELOW_MINIMUM = "below_minimum"
    """Fewer points than the program redeems at once."""
    BALANCE_TOO_LOW = "balance_too_low"


class IssuedFor(StrEnum):
    """What kind of reason points were issued for."""

    SPEND = "spend"
    EVENT = "event"
    MILESTONE = "milestone"
    STREAK = "streak"
    ADJUSTMENT = "adjustment"


class Fact(msgspec.Struct, frozen=True, array_like=True, tag=True, gc=False):
    """What every fact carries."""

    seq: int
    """The customer's own count of facts, from 1, without gaps."""
    cause: str
    """`recordType:id` of the record, or `timerKind:subject:dueInstant` of the timer, that made it so."""
    at: int
    """Effective time: the record's event time, or the instant the timer was due."""


class RecordAccepted(Fact, frozen=True):
    """The record is new and recent enough; its id is remembered."""

    clock: int
    """The customer's clock after this record."""
    digest: int
    forget_before: int
    """Ids of records with an event time before this are forgotten."""


class RecordRefused(Fact, frozen=True):
    """The record, or its part in one program, had no effect."""

    reason: Refusal
    clock: int
    """The customer's clock after this record."""
    program_id: int = 0
    """The program that refused; 0 where the refusal holds for all."""
    program_version: int = 0
    subject: str = ""
    """What the reason is about: a bill number, a currency, the points asked for."""


class CustomerRegistered(Fact, frozen=True):
    """The customer is a member from now on."""

    profile: Profile


class CustomerChanged(Fact, frozen=True):
    """Parts of the profile changed."""

    profile: Profile
    """The whole profile after the change."""
    updated_fields: tuple[str, ...] = ()
    """Names of the fields that changed."""


class TransactionRecorded(Fact, frozen=True):
    """A bill of this customer is known and can be returned."""

    bill_number: str
    amount_minor: int
    currency: str
    returnable_until: int
    """The end of the return window: a return with an event time from here on is refused."""
    forgotten_at: int
    """When the entry may be deleted: no record that could tell the difference is accepted after it."""


class ReturnRecorded(Fact, frozen=True):
    """A bill was returned, in whole or in part."""

    of_bill: str
    amount_minor: int
    """What this return counts for: at most what was left of the bill."""
    basis_minor: int
    """The whole bill."""
    returned_before_minor: int
    over_minor: int = 0
    """What the record asked for beyond what was left; it has no effect."""


class ProgramFact(Fact, frozen=True):
    """A fact within one program."""

    program_id: int
    program_version: int


class ProgramAdopted(ProgramFact, frozen=True):
    """The customer's section follows this version of the program from now on."""

    previous_version: int
    """0 for the first touch."""
    milestones: tuple[str, ...]
    """The milestones in force; progress of others ends silently."""
    streaks: tuple[str, ...]
    """The streaks in force; runs of others end silently."""
    base_tier: int
    """The tier of a customer who is new to the program; 0 in a program without tiers."""


class PurchaseCounted(ProgramFact, frozen=True):
    """A bill counts in this program."""

    bill_number: str
    amount_minor: int
    transactions: int
    """How many bills of the customer count, this one included."""
    purchases_minor: int
    """What they come to, returns not taken off."""
    returned_minor: int


class ReturnCounted(ProgramFact, frozen=True):
    """A return counts in this program."""

    of_bill: str
    amount_minor: int
    purchases_minor: int
    returned_minor: int
    """What all returns come to, this one included."""


class Taken(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Points taken from one lot."""

    lot_id: int
    points: int


class PointsIssued(ProgramFact, frozen=True):
    """Points were awarded: one new lot."""

    currency: str
    points: int
    issued_for: IssuedFor
    rule_id: str
    """The rule, milestone or streak level that gave them; the reason of an adjustment."""
    expires_on: int | None
    """The last day on which they can be spent; None for never."""
    closes_at: int | None
    """The start of the day after, as an instant."""
    balance: int
    lifetime: int
    bill_number: str = ""
    """The bill that a return would take them back with; empty where a return leaves them alone."""


class PointsRedeemed(ProgramFact, frozen=True):
    """The customer spent points."""

    currency: str
    points: int
    redemption_id: str
    taken: tuple[Taken, ...]
    balance: int
    value_minor: int
    """What the points were worth in the program's money, in minor units."""
    bill_number: str = ""
    notes: str = ""


class PointsExpired(ProgramFact, frozen=True):
    """All that was left of the lots of one expiry date is gone."""

    currency: str
    points: int
    expired_on: int
    """The last day on which they could have been spent."""
    taken: tuple[Taken, ...]
    balance: int


class Reversal(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a return takes back of one award."""

    rule_id: str
    lot_id: int
    due: int
    """What the return method asks for."""
    points: int
    """What was taken."""
    forgiven: int
    """What was no longer there and is not claimed."""


class PointsReversed(ProgramFact, frozen=True):
    """A return took points back, as far as they were still there."""

    currency: str
    points: int
    of_bill: str
    reversals: tuple[Reversal, ...]
    reversed_of_bill: int
    """Points taken back for this bill so far, this return included."""
    balance: int
    lifetime: int


class PointsDebited(ProgramFact, frozen=True):
    """Somebody took points away."""

    currency: str
    points: int
    reason: str
    taken: tuple[Taken, ...]
    balance: int


class MilestoneProgressed(ProgramFact, frozen=True):
    """What counts towards a milestone changed, before or after it was reached."""

    milestone_id: str
    period: int
    """The period's number: counted from 1970, days, weeks, months, quarters or years as the milestone says."""
    period_ends_at: int
    """The instant at which the period is over."""
    added: int
    value: int
    target: int


class MilestoneAchieved(ProgramFact, frozen=True):
    """The target was met, once per period."""

    milestone_id: str
    period: int
    value: int
    target: int
    added: int = 0
    """What the record that met it added; 0 in facts from before the field was there."""


class StreakStarted(ProgramFact, frozen=True):
    """The customer is enrolled in a streak."""

    streak_id: str
    starts_on: int
    """The first day of the streak's window."""
    ends_on: int | None
    ends_at: int | None
    """The instant after the window's last day; None for a streak without an end."""
    ends_in: int | None = None
    """The number of the period that `ends_at` lies in."""


class StreakExtended(ProgramFact, frozen=True):
    """One more period counts in a streak."""

    streak_id: str
    period: int
    run: int
    """The length of the run of consecutive periods that this one stands in."""
    longest: int
    """The longest run so far."""


class StreakLevelReached(ProgramFact, frozen=True):
    """A run was long enough for a level, once per customer."""

    streak_id: str
    level: int
    """The periods that the level asks for."""
    period: int
    run: int


class StreakEnded(ProgramFact, frozen=True):
    """The streak's window is over."""

    streak_id: str
    ends_on: int
    run: int
    """The run that stood at the end."""
    levels: tuple[int, ...]
    """The levels reached."""


class TierUpgraded(ProgramFact, frozen=True):
    """The customer moved up, by one tier or several."""

    previous: int
    reached: int
    basis_value: int
    """What was measured: lifetime points, or net purchases in minor units."""


AnyFact = (
    RecordAccepted
    | RecordRefused
    | CustomerRegistered
    | CustomerChanged
    | TransactionRecorded
    | ReturnRecorded
    | ProgramAdopted
    | PurchaseCounted
    | ReturnCounted
    | PointsIssued
    | PointsRedeemed
    | PointsExpired
    | PointsReversed
    | PointsDebited
    | MilestoneProgressed
    | MilestoneAchieved
    | StreakStarted
    | StreakExtended
    | StreakLevelReached
    | StreakEnded
    | TierUpgraded
)


class FactMessage(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What one journal record decided about one customer: one message on the facts topic."""

    journal_partition: int
    journal_offset: int
    engine_version: int
    org_id: int
    customer_id: int
    first_seq: int
    recorded_at: int
    """When intake took the record that was decided; for a tick, the instant it announced."""
    facts: tuple[AnyFact, ...]


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(FactMessage)
_VERSION: Final = bytes([FACT_VERSION])


def encode_facts(message: FactMessage) -> bytes:
    """The message as it stands on the facts topic."""
    return _VERSION + _ENCODER.encode(message)


def decode_facts(raw: bytes) -> FactMessage:
    """The message in `raw`; raises `UnknownVersion`, or `msgspec.DecodeError` where the bytes are no facts."""
    if raw[:1] != _VERSION:
        message = f"fact format version {raw[:1].hex() or 'missing'}; this build reads {FACT_VERSION}"
        raise UnknownVersion(message)
    return _DECODER.decode(memoryview(raw)[1:])
