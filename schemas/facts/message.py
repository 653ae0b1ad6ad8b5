"""The message on the facts topic: what one journal record decided about one customer.

One version byte (`FACT_VERSION`) and a msgpack array. It holds groups: one envelope, then its decisions, so that what
decisions have in common is written once; a decision's `seq` follows from its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import msgspec

from schemas.facts.bills import (
    AwardTermsKept,
    LinesKept,
    LinesReturned,
    PurchaseCounted,
    ReturnCounted,
    ReturnParked,
    ReturnRecorded,
    ReturnReleased,
    TransactionRecorded,
)
from schemas.facts.customers import (
    CustomerChanged,
    CustomerRegistered,
    CustomerStatusChanged,
    EventSetAside,
    IdsSpilled,
    RecordAccepted,
    RecordRefused,
    RegisteredEarlier,
    UniqueEventKept,
    UniqueEventsJoined,
)
from schemas.facts.decision import Decision, Envelope
from schemas.facts.expiry import ExpiryMoved, ExpiryReminded, RemindersPlanned
from schemas.facts.holds import PointsHeld, PointsReleased
from schemas.facts.identity import (
    CustomerMade,
    CustomerResolved,
    HoldEnded,
    HoldExpired,
    HoldsDue,
    IdentifierClaimed,
    IdentifierLinked,
    IdentifiersKnown,
    IdentifierUnlinked,
    IdentityKeySet,
    MessageAwaits,
    MessageHeld,
    MessageReleased,
)
from schemas.facts.ledger import (
    AlternatePointsIssued,
    AlternatePointsReversed,
    ClaimsKept,
    LotsTracked,
    PointsCancelled,
    PointsDebited,
    PointsExpired,
    PointsIssued,
    PointsReclaimed,
    PointsRedeemed,
    PointsRestored,
    PointsReversed,
    PointsSettled,
    RewardKept,
)
from schemas.facts.merging import (
    CustomerMerged,
    CustomersMerged,
    MergeAsked,
    MergeFailed,
    MergeHandedOver,
    MergeRefused,
    PointsHandedOver,
    PointsTakenOver,
    RecordPassedOn,
    SectionHandedOver,
    SectionTakenOver,
)
from schemas.facts.milestones import (
    CycleAwaited,
    CycleBegan,
    CycleEnded,
    MilestoneAchieved,
    MilestoneCounted,
    MilestoneEnrolled,
    MilestoneLowered,
    MilestoneMeasured,
    MilestoneProgressed,
    MilestoneRecorded,
    MilestoneTallied,
    MilestoneUnachieved,
    MilestoneUnenrolled,
    ProgressGiven,
    TargetChanged,
    UnifiedAchieved,
    UnifiedMoved,
    UnifiedUnachieved,
    ValueIgnored,
    WindowMoved,
)
from schemas.facts.programs import ProgramAdopted
from schemas.facts.promises import PointsConverted, PromiseCancelled
from schemas.facts.redemptions import RedemptionReversed
from schemas.facts.streaks import (
    StreakAtRisk,
    StreakBroken,
    StreakEnded,
    StreakEnrolled,
    StreakExtended,
    StreakFrozen,
    StreakLevelReached,
    StreakLevelUnachieved,
    StreakPaused,
    StreakResumed,
    StreakRiskPlanned,
    StreakStarted,
    StreakUnenrolled,
)
from schemas.facts.tiers import (
    TierApproached,
    TierAssigned,
    TierCheckSet,
    TierDowngraded,
    TierGraceBegun,
    TierLossExcused,
    TierPeriodBegun,
    TierReassigned,
    TierReleased,
    TierReminded,
    TierRemindersPlanned,
    TierRenewed,
    TierTenureBegun,
    TierUpgraded,
)
from schemas.facts.trackers import TrackerCounted, TrackerLowered
from schemas.facts.transfers import (
    PointsReceived,
    PointsTransferred,
    TransferInitiated,
    TransferRefused,
)
from schemas.facts.updates import AwardsCorrected, BillUpdated, PurchaseCorrected, UpdateParked, UpdateReleased
from schemas.records import UnknownVersion

FACT_VERSION: Final = 2

AnyDecision = (
    RecordAccepted
    | RecordRefused
    | CustomerRegistered
    | CustomerChanged
    | RegisteredEarlier
    | TransactionRecorded
    | ReturnRecorded
    | PurchaseCounted
    | ReturnCounted
    | ReturnParked
    | ReturnReleased
    | ProgramAdopted
    | PointsIssued
    | PointsRedeemed
    | PointsExpired
    | PointsReversed
    | PointsDebited
    | AlternatePointsIssued
    | AlternatePointsReversed
    | ExpiryMoved
    | RemindersPlanned
    | ExpiryReminded
    | PointsRestored
    | MilestoneProgressed
    | MilestoneAchieved
    | ValueIgnored
    | StreakStarted
    | StreakExtended
    | StreakLevelReached
    | StreakEnded
    | TierReleased
    | TierUpgraded
    | TierReassigned
    | PointsConverted
    | PromiseCancelled
    | PointsHeld
    | PointsReleased
    | CustomerStatusChanged
    | RedemptionReversed
    | LinesKept
    | LinesReturned
    | AwardTermsKept
    | TierRenewed
    | TierDowngraded
    | TierTenureBegun
    | TierPeriodBegun
    | TierGraceBegun
    | TierReminded
    | TierApproached
    | TierCheckSet
    | TierLossExcused
    | TierRemindersPlanned
    | TierAssigned
    | TransferInitiated
    | PointsTransferred
    | PointsReceived
    | TransferRefused
    | BillUpdated
    | UpdateParked
    | UpdateReleased
    | PurchaseCorrected
    | AwardsCorrected
    | PointsSettled
    | LotsTracked
    | ClaimsKept
    | PointsReclaimed
    | MilestoneCounted
    | MilestoneLowered
    | TrackerCounted
    | TrackerLowered
    | MilestoneUnachieved
    | StreakBroken
    | StreakLevelUnachieved
    | StreakEnrolled
    | StreakUnenrolled
    | StreakPaused
    | StreakResumed
    | StreakFrozen
    | StreakRiskPlanned
    | StreakAtRisk
    | RewardKept
    | PointsCancelled
    | EventSetAside
    | IdsSpilled
    | MilestoneTallied
    | MilestoneMeasured
    | MilestoneEnrolled
    | MilestoneUnenrolled
    | TargetChanged
    | CycleBegan
    | CycleEnded
    | CycleAwaited
    | MilestoneRecorded
    | IdentifierLinked
    | IdentifierUnlinked
    | IdentifierClaimed
    | CustomerResolved
    | IdentifiersKnown
    | UnifiedAchieved
    | UnifiedMoved
    | UnifiedUnachieved
    | ProgressGiven
    | MessageHeld
    | MessageAwaits
    | MessageReleased
    | WindowMoved
    | MergeAsked
    | CustomerMerged
    | MergeRefused
    | RecordPassedOn
    | SectionHandedOver
    | SectionTakenOver
    | PointsHandedOver
    | PointsTakenOver
    | MergeHandedOver
    | CustomersMerged
    | MergeFailed
    | UniqueEventKept
    | UniqueEventsJoined
    | CustomerMade
    | HoldExpired
    | HoldEnded
    | IdentityKeySet
    | HoldsDue
)


class Group(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Decisions of one cause, in one program or about the customer as such, in order."""

    envelope: Envelope
    decisions: Sequence[AnyDecision]


class Fact(NamedTuple):
    """A decision in its envelope."""

    seq: int
    """The customer's own count of facts, from 1, without gaps."""
    envelope: Envelope
    decision: Decision


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
    groups: Sequence[Group]

    @property
    def count(self) -> int:
        """How many facts the message holds."""
        return sum(len(group.decisions) for group in self.groups)

    def facts(self) -> Iterator[Fact]:
        """The facts in order, each with its `seq`."""
        return facts_of(self.first_seq, self.groups)


def facts_of(first_seq: int, groups: Iterable[Group]) -> Iterator[Fact]:
    """The facts of groups in order, counted from `first_seq`."""
    seq = first_seq
    for group in groups:
        for decision in group.decisions:
            yield Fact(seq=seq, envelope=group.envelope, decision=decision)
            seq += 1


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(FactMessage)
_VERSION: Final = bytes([FACT_VERSION])


def encode_facts(message: FactMessage) -> bytes:
    """The message as it stands on the facts topic."""
    return _VERSION + _ENCODER.encode(message)


def decode_facts(raw: bytes) -> FactMessage:
    """The message in `raw`; raises `UnknownVersion`, or `msgspec.DecodeError` where the bytes are not facts."""
    if raw[:1] != _VERSION:
        message = f"fact format version {raw[:1].hex() or 'missing'}; this build reads {FACT_VERSION}"
        raise UnknownVersion(message)
    return _DECODER.decode(memoryview(raw)[1:])
