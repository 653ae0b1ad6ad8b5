"""The form of a trial's result: the JSON object that `accrue try --json` prints.

Scripts rely on every key but `Fact.body`. Keys are only added; any other change raises `FORM`. Instants are ISO 8601
in UTC with milliseconds, amounts integers in minor units, points integers in units of 10^-scale.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from schemas.replies import Reply

FORM: Final = 1

Json = msgspec.Raw | str | None
"""A line as it was written: its JSON, or its text if it is not JSON."""


class Row(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A part of the result; every field is always printed."""


class Money(Row, frozen=True, kw_only=True):
    """The money of a program."""

    code: str
    scale: int


class Scale(Row, frozen=True, kw_only=True):
    """How many decimals a points currency has."""

    scale: int


class Program(Row, frozen=True, kw_only=True):
    """One version of a program that was in force."""

    org_id: int
    program_id: int
    version: int
    since: str = msgspec.field(name="from")
    zone: str
    money: Money
    currencies: dict[str, Scale]


class Defect(Row, frozen=True, kw_only=True):
    """One thing that is wrong with a message or a program."""

    path: str
    problem: str
    remedy: str


class RefusalRow(Row, frozen=True, kw_only=True):
    """A refusal; `program_id` is None where it holds for all programs of the org."""

    customer: str
    program_id: int | None
    reason: str
    subject: str
    cause: str


class FactRow(Row, frozen=True, kw_only=True):
    """One fact. The fields in `body` depend on the kind and are not promised."""

    customer: str
    seq: int
    kind: str
    cause: str
    at: str
    program_id: int | None
    version: int | None
    body: dict[str, Any]


class NotificationRow(Row, frozen=True, kw_only=True):
    """One notification, its topic without the prefix."""

    event_name: str
    topic: str
    customer: str
    seq: int
    envelope: msgspec.Raw


class Step(Row, frozen=True, kw_only=True):
    """What one line led to."""

    line: int | None
    at: str
    input: Json
    customer: str | None
    record_id: str | None
    outcome: str
    """`accepted`, `refused`, `duplicate`, `parked` or `dead_letter`."""
    reason: str | None
    first_outcome: str | None
    """For a duplicate: the outcome so far of the first line with this id."""
    first_reason: str | None
    """Why that line was refused."""
    defects: list[Defect]
    warnings: list[str]
    """What is odd about it, though it was taken."""
    refusals: list[RefusalRow]
    facts: list[FactRow]
    notifications: list[NotificationRow]
    replies: list[Reply]


class TierRow(Row, frozen=True, kw_only=True):
    """The tier that a customer has."""

    number: int
    id: str
    name: str


class TierProgressRow(Row, frozen=True, kw_only=True):
    """How a customer holds their tier, in points, minor units or visits."""

    value: int
    """What decides the tier."""
    to_next: int | None
    """What that lacks of the next tier; None in the highest."""
    expires_on: str | None
    """The last day of the tier; None where it holds for ever."""
    to_keep: int
    """What is missing to keep the tier beyond its last day."""
    assigned: str | None
    """The id of the tier that somebody gave."""


class Balances(Row, frozen=True, kw_only=True):
    """One points currency of a customer, by where the points are or went."""

    current: int = 0
    promised: int = 0
    blocked: int = 0
    deficit: int = 0
    lifetime: int = 0
    issued: int = 0
    redeemed: int = 0
    expired: int = 0
    reversed: int = 0
    transferred: int = 0
    adjusted: int = 0


class LotRow(Row, frozen=True, kw_only=True):
    """Points issued together that are still there."""

    id: int
    currency: str
    standing: str
    points: int
    issued_at: str
    expires_on: str | None
    due_at: str | None = None
    """When promised points become current or are cancelled; None for never, and for current points."""
    reference: str | None = None
    """What promised points were promised for."""


class HoldRow(Row, frozen=True, kw_only=True):
    """Points that are put aside; `ends_at` is None where they wait until somebody releases them."""

    id: str
    currency: str
    held_for: str
    points: int
    ends_at: str | None


class MilestoneRow(Row, frozen=True, kw_only=True):
    """Progress in one period; `scale` is the number of decimals of `value` and `target`."""

    id: str
    period: str
    value: int
    target: int
    scale: int
    achieved: bool


class TrackerRow(Row, frozen=True, kw_only=True):
    """A tracker's value as of the trial's end; `scale` is its number of decimals."""

    id: str
    value: int
    scale: int


class StreakRow(Row, frozen=True, kw_only=True):
    """A streak; `run` is the run as of the trial's end, or as of the streak's end where it has ended."""

    id: str
    run: int
    longest: int
    levels: list[int]
    ended: bool
    frozen: int
    """The freezes that the run has used in the calendar period of its last period."""
    enrolled: bool
    """Whether the customer takes part."""
    paused: bool


class Membership(Row, frozen=True, kw_only=True):
    """A customer in one program."""

    version: int
    transactions: int
    purchases_minor: int
    returned_minor: int
    tier: TierRow | None
    tier_progress: TierProgressRow | None
    """None without a tier."""
    balances: dict[str, Balances]
    lots: list[LotRow]
    holds: list[HoldRow]
    milestones: list[MilestoneRow]
    streaks: list[StreakRow]
    trackers: list[TrackerRow]


class ParkedRow(Row, frozen=True, kw_only=True):
    """A return that waits for its bill, until then."""

    record_id: str
    of_bill: str
    until: str


class CustomerRow(Row, frozen=True, kw_only=True):
    """Where a customer stands at the end, by program id."""

    registered_at: str | None
    status: str
    """`ACTIVE`, `INACTIVE`, `BLOCKED` or `FRAUD`."""
    seq: int
    parked: list[ParkedRow]
    programs: dict[str, Membership]


class Result(Row, frozen=True, kw_only=True):
    """All of a trial."""

    form: int = FORM
    engine: int
    settled_at: str
    programs: list[Program]
    steps: list[Step]
    customers: dict[str, CustomerRow]
    """By `orgId:customerId`, in order of the two numbers."""
