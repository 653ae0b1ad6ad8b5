"""Decisions about tiers."""

from __future__ import annotations

import msgspec

from schemas.facts.decision import Decision, Reason


class TierReminder(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """When a customer is to be reminded that a tier will end."""

    at: int
    lead_days: int
    """How many days that is before the end."""


class TierTerm(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How long a tier holds."""

    begins_at: int
    """The instant from which on it is measured what comes in: right after the record that brought the tier."""
    expires_on: int | None
    """The last local day; None for ever."""
    ends_at: int | None
    """The instant after it; None for never."""
    reminders: tuple[TierReminder, ...] = ()
    """In the order in which they fall due."""


class TierMoved(Reason):
    """Why a tier was given, kept or lost. The numbers are given once and never used again."""

    VALUE = 0
    """By what the program's tiers measure."""
    RENEWAL = 1
    """By what came in since the tier was reached or renewed."""
    RETURN = 2
    """Because of a return."""
    HAND = 3
    """By somebody."""
    REQUEST = 4
    """By a request to move to what the tiers in force give."""
    MERGE = 5
    """It is that of a customer who was merged into this one."""


class TierUpgraded(Decision, frozen=True, tag=70):
    """The customer moved up, by one tier or several."""

    previous: int
    reached: int
    basis_value: int
    """What was measured, in the unit of the program's tiers: points, minor units or visits."""
    reached_id: str = ""
    term: TierTerm | None = None
    """How long the tier holds; None in a program whose tiers hold for ever."""
    by: TierMoved = TierMoved.VALUE


class TierReassigned(Decision, frozen=True, tag=71):
    """The customer's tier was retired: they are in the next lower tier that is left."""

    previous: int
    reached: int
    basis_value: int
    reached_id: str


class TierRenewed(Decision, frozen=True, tag=72):
    """The tier's time was up, and it is held for another term."""

    tier: int
    measured: int
    """What came in since it was reached or renewed, or is there now, as the program's renewal says."""
    needed: int
    term: TierTerm
    by: TierMoved


class TierDowngraded(Decision, frozen=True, tag=73):
    """The customer moved down, by one tier or several."""

    previous: int
    reached: int
    reached_id: str
    measured: int
    needed: int
    mark: int
    """The tier that the basis reaches all the same: it takes more than that, or a renewal, to rise again."""
    term: TierTerm
    by: TierMoved


class TierTenureBegun(Decision, frozen=True, tag=74):
    """From here on it is measured how the customer holds their tier."""

    currency: str
    term: TierTerm


class TierPeriodBegun(Decision, frozen=True, tag=75):
    """The first record, or timer, of a calendar period: what tiers measure begins anew."""

    begins_at: int
    ends_at: int
    mark: int = 0
    """The tier that the basis reaches without what came in during a period, where one was lost before; 0 for none."""


class TierGraceBegun(Decision, frozen=True, tag=76):
    """The tier's time was up without a renewal: it is held, and can be renewed, for some days more."""

    tier: int
    expires_on: int
    """The last day of the grace."""
    ends_at: int
    measured: int
    needed: int


class TierReminded(Decision, frozen=True, tag=77):
    """The tier's time is nearly up. Customers who have what renews it are not told."""

    tier: int
    expires_on: int
    lead_days: int
    measured: int
    needed: int


class TierApproached(Decision, frozen=True, tag=254):
    """The customer is nearly in the next tier, and is told."""

    tier: int
    tier_id: str
    measured: int
    """Of the condition on which the tier depends, in its unit."""
    needed: int
    basis: str
    """What is measured, such as `net_purchases`."""
    ends_on: int | None
    """The last day of the period in which it counts; None where it counts for good."""
    days_left: int | None
    """Days until then, today not among them."""


class TierCheckSet(Decision, frozen=True, tag=78):
    """A move is to be decided at an instant; None: it was."""

    at: int | None
    because: TierMoved = TierMoved.VALUE
    """Whether a return may cost the tier then."""


class TierLossExcused(Decision, frozen=True, tag=253):
    """A return does not cost the tier: the value was below it before."""

    record: int
    """The return, as a hash of its record's id."""


class TierRemindersPlanned(Decision, frozen=True, tag=250):
    """A version says otherwise when customers are reminded: what is still to come of a term that runs."""

    reminders: tuple[TierReminder, ...]


class TierAssigned(Decision, frozen=True, tag=79):
    """Somebody gave the customer a tier, below which they do not fall while it holds."""

    previous: int
    reached: int
    reached_id: str
    """The tier that the customer has now: the one that was given, or a higher one that they had."""
    assigned_id: str
    until: int | None
    """The instant up to which it holds; None until it is released."""
    currency: str
    term: TierTerm | None
    """None where the tier stays as it is."""
    reason: str
    entered_by: str
    reward_of: str = ""
    """What gave it as its reward, as `PointsIssued.activity`; empty for a tier given by hand."""
    final_at: int = 0
    """The instant from which on no return takes that reward back."""
    last_day: int | None = None
    """The last local day on which it holds; None where it has no end."""


class TierReleased(Decision, frozen=True, tag=69):
    """A tier that somebody gave holds no longer: the customer has the tier of their own value."""

    previous: int
    reached: int
    reached_id: str
    basis_value: int
    term: TierTerm | None
    """None where the tier stays as it is."""
    reason: str
    entered_by: str
    reward_of: str = ""
    """As in `TierAssigned`."""
    taken: bool = False
    """Whether a return took the reward back; else its time was up."""
