"""Decisions about bills and what came back of them."""

from __future__ import annotations

import msgspec

from schemas.facts.decision import Decision
from schemas.records import Site


class TransactionRecorded(Decision, frozen=True, tag=10):
    """A bill of this customer is known and can be returned."""

    bill_number: str
    amount_minor: int
    currency: str
    returnable_until: int
    """The end of the longest return window of the org's programs; until then the number is taken."""
    forgotten_at: int
    """When the entry may be deleted: no record that could tell the difference is accepted after it."""
    lines_digest: int = 0
    """A 32-bit hash of its lines; 0 for a bill without lines, or one that is not kept."""


class ReturnRecorded(Decision, frozen=True, tag=11):
    """A bill was returned, in whole or in part."""

    of_bill: str
    amount_minor: int
    """What this return counts for: at most what was left of the bill."""
    basis_minor: int
    """The whole bill."""
    returned_before_minor: int
    over_minor: int = 0
    """What the record asked for beyond what was left; it has no effect."""
    document: int | None = None
    """The number of the return document as a 64-bit hash, which counts once; None for a return without one."""
    bill_number: str = ""
    """The number of the return document."""
    currency: str = ""
    line_count: int = 0
    """How many lines the return names; 0 also where it waited for its bill and no program looks at lines."""
    store: str = ""
    till: str = ""
    site: Site | None = None
    entered_by: str = ""
    """Who entered it; empty where nobody is named."""


class PurchaseCounted(Decision, frozen=True, tag=12):
    """A bill counts in this program."""

    bill_number: str
    amount_minor: int
    transactions: int
    """How many bills of the customer count, this one included."""
    purchases_minor: int
    """What they come to, returns not taken off."""
    returned_minor: int
    return_days: int | None = None
    """For how long the program takes returns of it; None where it takes none."""
    tier_id: str = ""
    """The tier that the customer had before the bill, where a rule asks for it."""
    day: int | None = None
    """The local day of the bill, where the program goes by the zone of the store or the customer."""
    store: str = ""
    """Its store, where a milestone looks at stores."""


class LineReturned(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What came back of one line."""

    place: int
    """The place of the line on the bill, from 0."""
    amount_minor: int


class ReturnCounted(Decision, frozen=True, tag=13):
    """A return counts in this program."""

    of_bill: str
    amount_minor: int
    purchases_minor: int
    returned_minor: int
    """What all returns come to, this one included."""
    lines: tuple[LineReturned, ...] = ()
    """Which lines of the bill came back, where the program's method looks at them."""
    named: bool = False
    """Whether the return named them."""
    paid_at: int = 0
    """When the bill was paid."""


class ParkedLine(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A line of a return that waits."""

    sku: str
    line_id: str
    amount_minor: int


class ParkedReturn(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=1):
    """A return that waits for its bill, as far as deciding it needs it."""

    record_id: str
    event_time: int
    document: str
    """The number of the return document."""
    amount_minor: int
    currency: str
    store: str = ""
    till: str = ""
    lines: tuple[ParkedLine, ...] = ()
    """Where a program of the org looks at lines."""
    site: Site | None = None
    entered_by: str = ""


class RecordParked(Decision, frozen=True):
    """There is no bill of that number that takes the record: it waits for one."""

    of_bill: str
    until: int
    """The instant at which it is refused if the bill has not come."""


class RecordReleased(Decision, frozen=True):
    """A record no longer waits: its bill has come and it is decided next, or its time is up."""

    of_bill: str
    record_id: str
    event_time: int


class ReturnParked(RecordParked, frozen=True, tag=14):
    """A return waits for its bill."""

    parked: ParkedReturn


class ReturnReleased(RecordReleased, frozen=True, tag=15):
    """A return waits no longer."""


class LineKept(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A line of a bill, as far as a return needs it."""

    sku: int
    """As a 63-bit hash."""
    line_id: int
    """As a 63-bit hash; 0 for a line without one."""
    amount_minor: int
    returned_minor: int = 0
    """What came back of it before an update said that the bill has these lines."""


class LinesKept(Decision, frozen=True, tag=120):
    """The lines of a bill are kept, as a program of the org looks at them when they come back."""

    bill_number: str
    lines: tuple[LineKept, ...]


class LinesReturned(Decision, frozen=True, tag=121):
    """Which lines of the bill a return counts for."""

    of_bill: str
    lines: tuple[LineReturned, ...]
    named: bool
    """Whether the return named the lines; an amount without lines is spread over what is left of them."""


class AwardTerms(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What an award was calculated with."""

    rule_id: str
    points: int
    per_minor: int
    """`points` for every `per_minor`."""
    minimum_minor: int
    """The least bill that earns."""
    excluded: str = ""
    """The lines that earned nothing: a hexadecimal number with a bit for each line, the lowest for the first."""
    by_line: bool = False
    """Whether the rule leaves lines out, so that its points belong to the others."""


class AwardTermsKept(Decision, frozen=True, tag=122):
    """What the awards of a bill were calculated with, as the program's return method needs it."""

    bill_number: str
    terms: tuple[AwardTerms, ...]
    denominator: int
    factors: tuple[int, ...] = ()
    """What each line counts for, times `denominator`; empty where every line counts once."""
