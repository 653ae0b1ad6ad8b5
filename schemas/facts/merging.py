"""Decisions about two customers who become one: the survivor gets what the victim has."""

from __future__ import annotations

import msgspec

from schemas.facts.decision import Decision, Refusal
from schemas.facts.ledger import LotOpened, LotPromised, PointsMoved, Taken
from schemas.records import MergedPromise, MergedSection, MergedTier, TransferredPart


class MergeAsked(Decision, frozen=True, tag=365):
    """At the survivor: the victim is asked to hand over what they have."""

    merge_id: str
    victim_id: int
    programs: tuple[int, ...]
    """Those that are in force here."""


class CustomerMerged(Decision, frozen=True, tag=366):
    """At the victim: they are the survivor from now on, who gets all later records."""

    merge_id: str
    survivor_id: int


class MergeRefused(Decision, frozen=True, tag=367):
    """At the victim: they stay a customer of their own."""

    merge_id: str
    survivor_id: int
    reason: Refusal
    subject: str = ""


class RecordPassedOn(Decision, frozen=True, tag=368):
    """A record about a customer who was merged is one of the survivor."""

    survivor_id: int
    record: bytes
    """The record as it came."""


class SectionHandedOver(Decision, frozen=True, tag=369):
    """At the victim: nothing is left in the program but what bills and the ledger remember."""

    merge_id: str
    survivor_id: int
    previous: int
    """The number of the tier that the victim had."""
    previous_id: str
    reached: int
    """The number of the base tier; 0 in a program without tiers."""
    reached_id: str
    transactions: int
    purchases_minor: int
    returned_minor: int
    section: MergedSection
    own_id: str = ""
    """The tier that the victim had apart from those that were given."""
    given: tuple[MergedTier, ...] = ()
    """The tiers that were given and hold."""


class SectionTakenOver(Decision, frozen=True, tag=370):
    """At the survivor: what the victim had in the program counts here."""

    merge_id: str
    victim_id: int
    transactions: int
    """How many more."""
    purchases_minor: int
    """How much more."""
    returned_minor: int
    """How much more."""
    section: MergedSection
    """Milestones, enrolments and rewards as they are from now on; what is added to levels, unified targets and
    trackers."""


class PointsHandedOver(PointsMoved, frozen=True, tag=371):
    """At the victim: points are the survivor's. `points` are those that could be spent and those that are promised."""

    merge_id: str
    survivor_id: int
    promised: int
    """How many of them are promised."""
    taken: tuple[Taken, ...]
    owed: int
    """What returns have taken back that was not there: the survivor owes it."""
    counted: int
    """Lifetime points that go with them."""
    lifetime: int
    """Lifetime points after it."""
    parts: tuple[TransferredPart, ...]
    promises: tuple[MergedPromise, ...]

    @property
    def current(self) -> int:
        """How many of the points could be spent."""
        return self.points - self.promised


class PointsTakenOver(PointsMoved, frozen=True, tag=372):
    """At the survivor: points of the victim. `points` are those that can be spent and those that are promised."""

    merge_id: str
    victim_id: int
    promised: int
    """How many of them are promised."""
    lots: tuple[LotOpened, ...]
    promised_lots: tuple[LotPromised, ...]
    owed: int
    counted: int
    """Lifetime points that come with them."""
    lifetime: int
    """Lifetime points after it."""

    @property
    def current(self) -> int:
        """How many of the points can be spent."""
        return self.points - self.promised


class MergeHandedOver(Decision, frozen=True, tag=373):
    """At the victim: all has been handed over."""

    merge_id: str
    survivor_id: int
    unique: tuple[int, ...] = ()
    """The hashes of events that are unique for ever."""


class MergedStanding(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the survivor has in a program, of its main currency."""

    program_id: int
    lifetime: int
    current: int
    promised: int
    tier: int


class CustomersMerged(Decision, frozen=True, tag=374):
    """At the survivor: all that the victim had is here."""

    merge_id: str
    victim_id: int
    standings: tuple[MergedStanding, ...]
    unique: tuple[int, ...] = ()
    """The hashes of events of the victim that are unique for ever, as many as the first entry has room for: none of
    them counts here."""


class MergeFailed(Decision, frozen=True, tag=375):
    """At the survivor: the victim stays a customer of their own."""

    merge_id: str
    victim_id: int
    reason: Refusal
    subject: str = ""
