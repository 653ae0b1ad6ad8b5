"""Decisions about milestones."""

from __future__ import annotations

import msgspec

from schemas.facts.decision import Decision, Reason


class IgnoredFor(Reason):
    """Why the value of an attribute did not count. The numbers stand on the wire: a number is never used again."""

    ABSENT = 1
    """The event has no such attribute."""
    NOT_A_NUMBER = 2
    NEGATIVE = 3
    TOO_FINE = 4
    """More than three decimals."""
    TOO_LARGE = 5
    """More than one event may add, or than the period's value can hold."""


class MilestoneProgressed(Decision, frozen=True, tag=50):
    """What counts towards a milestone changed, before or after it was reached.

    Numbers are counts, amounts in minor units, or sums of an attribute in thousandths, as the milestone says.
    """

    milestone_id: str
    period: int
    """The period's number: counted from 1970, days, weeks, months, quarters or years as the milestone says.

    Of a rolling window its last day."""
    period_ends_at: int
    """The instant at which the period is over; of a rolling window, at which that day is no longer in it."""
    added: int
    value: int
    target: int
    of_day: int | None = None
    """Of a rolling window: what counts on its last day alone."""


class MilestoneAchieved(Decision, frozen=True, tag=51):
    """The target was met, once per period."""

    milestone_id: str
    period: int
    value: int
    target: int
    added: int
    """What the record that met it added."""
    number: int = 0
    """Of a rolling window: how many are met with it, which names the reward; 0 where periods do."""


class ValueIgnored(Decision, frozen=True, tag=52):
    """An attribute that a milestone adds up could not be used, so the event counts nothing towards it."""

    milestone_id: str
    attribute: str
    value: str
    """As it was sent, cut to 64 characters; empty where it is absent."""
    reason: IgnoredFor


class MilestoneCounted(Decision, frozen=True, tag=125):
    """A bill counts towards a milestone, so that its return can lower the value."""

    bill_number: str
    milestone_id: str
    period: int
    added: int
    return_days: int
    """For how long the bill can be returned."""
    sums: bool = False
    """Whether amounts are added up; else the bill counts as one until all of it is back."""


class MilestoneLowered(Decision, frozen=True, tag=126):
    """A return lowered what counts towards a milestone."""

    milestone_id: str
    period: int
    removed: int
    value: int
    target: int
    of_bill: str
    of_day: int | None = None
    """As in `MilestoneProgressed`."""


class MilestoneUnachieved(Decision, frozen=True, tag=127):
    """A return brought the value below the target: it is no longer met, and can be met again."""

    milestone_id: str
    period: int
    value: int
    target: int
    number: int = 0
    """As in `MilestoneAchieved`."""
    still: bool = False
    """As in `WindowMoved`."""


class WindowMoved(Decision, frozen=True, tag=350):
    """A rolling window in which a target was met is another one now: something came late, or came back."""

    milestone_id: str
    period: int
    """The last day that it had."""
    to: int
    """The last day that it has now."""
    still: bool = False
    """Whether another window that was met ends with that day: two customers met one each, who became one."""


class MilestoneTallied(Decision, frozen=True, tag=200):
    """A record counts in a milestone of which more than a number is kept, or counts there no longer."""

    milestone_id: str
    period: int
    keys: tuple[int, ...]
    """What it has of the different things that are counted: days, or hashes of stores, SKUs or values."""
    limit_period: int | None
    """The period of the frequency limit that it uses up one of; None without a limit."""
    times: int
    """1, or -1 for a record that counts no longer."""
    limit_ends_at: int | None = None
    """The instant at which the limit's period is over, where that is later than the end of the cycle."""


class MilestoneMeasured(Decision, frozen=True, tag=201):
    """What a bill counts towards a milestone, and how it would come back; the last one of a bill holds."""

    bill_number: str
    milestone_id: str
    period: int
    added: int
    """The most that it has counted."""
    parts: tuple[int, ...]
    """What each line adds; or all of it alone, where the bill's amount decides. Empty where only all of it falls."""
    keys: tuple[int, ...]
    limit_period: int | None
    removed: int
    """What returns and updates so far have taken off."""
    return_days: int
    """For how long the bill can be returned."""
    gone: tuple[int, ...] = ()
    """The different things that it had before and has no longer."""


class EnrolledBy(Reason):
    """What enrolled a customer. The numbers stand on the wire: a number is never used again."""

    EVERYBODY = 1
    """The milestone is for everybody."""
    TRANSACTION = 2
    """Something that counts."""
    COMMAND = 3


class MilestoneEnrolled(Decision, frozen=True, tag=202):
    """The customer is in a milestone from now on."""

    milestone_id: str
    enrolled_by: EnrolledBy
    anchor: int
    """The local day on which cycles of the customer's own begin."""
    period: int
    """The running cycle."""
    target: int
    reason: str = ""
    entered_by: str = ""


class MilestoneUnenrolled(Decision, frozen=True, tag=203):
    """The customer is in a milestone no longer; what was counted stays."""

    milestone_id: str
    reason: str = ""
    entered_by: str = ""


class TargetChanged(Decision, frozen=True, tag=204):
    """What a milestone asks of the customer changed: by request for this one alone, or by a version for all."""

    milestone_id: str
    period: int
    """The running cycle."""
    previous: int
    target: int
    requested: bool
    own: int = 0
    """The customer's own target; 0 for the program's."""
    reason: str = ""
    entered_by: str = ""


class CycleBegan(Decision, frozen=True, tag=205):
    """A cycle of a milestone began for the customer."""

    milestone_id: str
    period: int
    begins_at: int
    ends_at: int
    target: int


class CycleEnded(Decision, frozen=True, tag=206):
    """A cycle of which the customer was told the start is over; late records of it still count."""

    milestone_id: str
    period: int
    ends_at: int
    value: int
    target: int
    achieved: bool


class CycleAwaited(Decision, frozen=True, tag=207):
    """The next cycle begins later than the one before it ended."""

    milestone_id: str
    at: int


class MilestoneRecorded(Decision, frozen=True, tag=208):
    """What would count of a customer who is not enrolled: it does as soon as the customer is.

    Of a rolling window also what changes its day and not its value, as other days have the same things.
    """

    milestone_id: str
    period: int
    period_ends_at: int
    added: int
    value: int
    anchor: int | None = None
    """The local day on which cycles of the customer's own begin, of the first that is recorded."""
    of_bill: str = ""
    """The bill of which something came back."""


class ProgressGiven(Decision, frozen=True, tag=211):
    """Meeting a milestone added to another one: once per cycle."""

    milestone_id: str
    """The one that was met."""
    period: int
    ends_at: int
    """The instant at which that cycle is over."""
    to: str
    added: int
    number: int = 0
    """As in `MilestoneAchieved`."""


class UnifiedPart(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One of the milestones of a unified target."""

    milestone_id: str
    value: int
    target: int


class UnifiedAchieved(Decision, frozen=True, tag=209):
    """Milestones were met together, once per cycle."""

    unified_id: str
    period: int
    ends_at: int
    """The instant at which the cycle is over."""
    parts: tuple[UnifiedPart, ...]
    """Those that the record moved."""
    total: int
    """What the values of all of them add up to."""
    number: int = 0
    """Of rolling windows: how many are met with it, which names the reward; `period` is the last day then."""


class UnifiedUnachieved(Decision, frozen=True, tag=210):
    """A value was lowered: milestones are no longer met together, and can be again."""

    unified_id: str
    period: int
    parts: tuple[UnifiedPart, ...]
    total: int
    of_bill: str
    number: int = 0
    """As in `UnifiedAchieved`."""
    still: bool = False
    """As in `WindowMoved`."""


class UnifiedMoved(Decision, frozen=True, tag=406):
    """Windows in which milestones were met together end on another day now: something came late, or came back."""

    unified_id: str
    period: int
    """The last day that they had."""
    to: int
    """The last day that they have now."""
    ends_at: int
    """The instant at which that day is in no window any more."""
    still: bool = False
    """As in `WindowMoved`."""
