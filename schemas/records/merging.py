"""What is asked when two customers become one: the survivor gets what the victim has."""

from __future__ import annotations

import msgspec

from schemas.records.record import CommandRecord, Request
from schemas.records.transfers import TransferredPart


class MergeCustomers(CommandRecord, frozen=True):
    """This customer, the survivor, is to get all that another one has, who is the same person."""

    victim_id: int


class MergedCount(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How often a key was counted."""

    key: int
    times: int


class MergedMilestone(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What counts towards a milestone in one period."""

    milestone_id: str
    period: int
    ends_at: int
    value: int
    achieved: bool
    keys: tuple[MergedCount, ...] = ()
    """The different things that are counted, each with how many bills or events have it."""
    uses: tuple[MergedCount, ...] = ()
    """How many counted, by period of the frequency limit."""
    uses_until: int = 0
    """When these periods are over, where that is later than the cycle."""


class MergedMember(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A customer in a milestone of which more is kept than values."""

    milestone_id: str
    enrolled_at: int | None
    """None for one who is not enrolled."""
    anchor: int
    """The local day on which cycles of the customer's own begin."""
    given: tuple[MergedCount, ...] = ()
    """The cycles in which meeting it added to another milestone, each with its end."""


class MergedStreak(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What counts in a streak, and the levels that it reached."""

    streak_id: str
    places: tuple[int, ...]
    """The periods that count, by number without those that the zone skipped."""
    levels: tuple[int, ...]
    """Each as often as it was reached."""


class MergedWindows(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How many windows are met of a milestone or unified target that goes by a rolling one."""

    milestone_id: str
    met: int
    twice: tuple[int, ...] = ()
    """The last days of windows that two customers met who became one."""


class MergedUnified(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A unified target that is achieved in a cycle."""

    unified_id: str
    period: int
    ends_at: int


class MergedVisits(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How many bills make the visit of a store on a day."""

    day: int
    store: int
    bills: int


class MergedTracker(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The values of a tracker, by day."""

    tracker_id: str
    first_day: int
    days: tuple[MergedCount, ...]
    visits: tuple[MergedVisits, ...]


class MergedReward(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What was given for a subject that returns can undo; its points are among the others."""

    key: str
    """As `PointsIssued.activity`."""
    rule_id: str
    at: int
    until: int
    """When it may be forgotten; 0 for never."""
    taken: int
    """What returns have taken back: as much is given when the subject is achieved again."""


class MergedSection(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a customer has in a program beside points and purchases."""

    milestones: tuple[MergedMilestone, ...] = ()
    members: tuple[MergedMember, ...] = ()
    streaks: tuple[MergedStreak, ...] = ()
    unified: tuple[MergedUnified, ...] = ()
    trackers: tuple[MergedTracker, ...] = ()
    windows: tuple[MergedWindows, ...] = ()
    rewards: tuple[MergedReward, ...] = ()


class MergedTier(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A tier that was given to the victim."""

    tier_id: str
    until: int
    """The instant up to which it holds."""
    reward_of: str = ""
    """What gave it as its reward, as `PointsIssued.activity`; empty for a tier given by hand."""


class MergedPromise(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Points that are promised to the victim."""

    points: int
    awaits: int
    """The number of what they wait for (`schemas.facts.Awaits`)."""
    due_at: int | None
    """When they become current or, if they wait for something else, are cancelled; None for never."""
    reference: str
    issued_for: int
    """The number of why they were issued (`schemas.facts.IssuedFor`)."""
    rule_id: str
    event: str


class HandOver(Request, frozen=True):
    """The sender is to get all that this customer has."""

    merge_id: str
    programs: tuple[int, ...]
    """Those that are in force at the sender."""


class TakeOverSection(Request, frozen=True):
    """What the victim, who sends this, had in a program beside points."""

    merge_id: str
    program_id: int
    tier_id: str
    """The tier that the victim had apart from those that were given."""
    transactions: int
    purchases_minor: int
    returned_minor: int
    section: MergedSection
    given: tuple[MergedTier, ...] = ()
    """The tiers that were given to the victim."""


class TakeOverPoints(Request, frozen=True):
    """Points that the victim, who sends this, had in a program."""

    merge_id: str
    program_id: int
    currency: str
    parts: tuple[TransferredPart, ...]
    """The points that can be spent, by their terms."""
    promises: tuple[MergedPromise, ...]
    owed: int
    """What returns have taken back that was not there."""
    counted: int
    """Lifetime points."""


class AnswerMerge(Request, frozen=True):
    """The victim, who sends this, has nothing any more, or has to stay a customer."""

    merge_id: str
    refusal: int = 0
    """The number of the reason (`schemas.facts.Refusal`); 0 where all was handed over."""
    subject: str = ""
    """What the reason is about, as in the refusal."""
    unique: tuple[int, ...] = ()
    """The hashes of events of the victim that are unique for ever."""
