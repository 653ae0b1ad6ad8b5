"""Decisions about bills that turned out to be otherwise than they were recorded."""

from __future__ import annotations

import msgspec

from schemas.facts.bills import RecordParked, RecordReleased
from schemas.facts.decision import Decision


class BillUpdated(Decision, frozen=True, tag=160):
    """A bill is as an update says; what programs correct because of it follows."""

    bill_number: str
    amount_minor: int
    """What the bill comes to from now on; of a cancelled bill, what came back of it before."""
    previous_minor: int
    currency: str
    cancelled: bool = False
    """Whether the update says 0: the bill counts as none until another one reinstates it."""
    was_cancelled: bool = False
    lines_digest: int = 0
    """A 32-bit hash of its lines; 0 for a bill without lines."""
    relined: bool = False
    """Whether the lines are others."""
    delivery_status: str = ""
    """As it is known from now on."""
    discount_minor: int | None = None
    gross_minor: int | None = None
    """As the update says."""
    line_count: int = 0
    """How many lines the update says that the bill has; 0 where it says none."""
    entered_by: str = ""
    """Who entered it; empty where nobody is named."""


class UpdatedLine(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A line of an update that waits."""

    sku: str
    amount_minor: int
    quantity: int
    category: str
    line_id: str


class ParkedUpdate(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=2):
    """An update that waits for its bill."""

    record_id: str
    event_time: int
    amount_minor: int | None = None
    lines: tuple[UpdatedLine, ...] = ()
    discount_minor: int | None = None
    gross_minor: int | None = None
    delivery_status: str = ""
    entered_by: str = ""


class UpdateParked(RecordParked, frozen=True, tag=161):
    """An update waits for its bill."""

    parked: ParkedUpdate


class UpdateReleased(RecordReleased, frozen=True, tag=162):
    """An update waits no longer."""


class PurchaseCorrected(Decision, frozen=True, tag=163):
    """A bill that counts in this program comes to something else."""

    bill_number: str
    amount_minor: int
    """What it comes to more than before, below zero where it is less."""
    counted: int
    """1 where a cancelled bill counts again, -1 where it counts no more, else 0."""
    transactions: int
    """How many bills of the customer count from now on."""
    purchases_minor: int
    """What they come to, returns not taken off."""
    returned_minor: int
    paid_at: int
    """When the bill was paid."""


class AwardCorrected(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a rule gives for the bill from now on."""

    currency: str
    rule_id: str
    points: int
    claimed: int
    """What the returns so far ask back of that."""
    forgiven: int = 0
    """What updates of the bill asked back and could not take, less what later ones did not give again for it."""


class AwardsCorrected(Decision, frozen=True, tag=164):
    """What returns of the bill go by from now on, in this program."""

    bill_number: str
    awards: tuple[AwardCorrected, ...]
    """Those that changed."""
