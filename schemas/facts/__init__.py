"""Facts: what the engine decided. Notifications, ledger postings and analytics are pure functions of facts.

A fact is a decision (past tense, named fields) in an envelope (cause, instants, program) with its `seq`. Every journal
record that decides something about a customer gives one `FactMessage` on the facts topic.
Instants are milliseconds since the epoch (UTC); days are counted from 1970-01-01 in the program's own zone; points and
amounts are integers in minor units.
"""

from schemas.facts.bills import (
    AwardTerms,
    AwardTermsKept,
    LineKept,
    LineReturned,
    LinesKept,
    LinesReturned,
    ParkedLine,
    ParkedReturn,
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
    RecordAccepted,
    RecordRefused,
    RegisteredEarlier,
)
from schemas.facts.decision import Decision, Envelope, Refusal
from schemas.facts.expiry import ExpiryMoved, ExpiryReminded, LotsMoved, MovedBy, RemindersPlanned
from schemas.facts.holds import HoldFor, PointsHeld, PointsReleased, ReleasedBecause
from schemas.facts.ledger import (
    AlternatePointsIssued,
    AlternatePointsReversed,
    Award,
    Duration,
    IssuedFor,
    LotOpened,
    PointsDebited,
    PointsExpired,
    PointsIssued,
    PointsMoved,
    PointsRedeemed,
    PointsReversed,
    Reversal,
    Taken,
    movements_in,
)
from schemas.facts.message import (
    FACT_VERSION,
    AnyDecision,
    Fact,
    FactMessage,
    Group,
    decode_facts,
    encode_facts,
    facts_of,
)
from schemas.facts.milestones import IgnoredFor, MilestoneAchieved, MilestoneProgressed, ValueIgnored
from schemas.facts.programs import ProgramAdopted
from schemas.facts.redemptions import RedemptionReversed, RedemptionTerms
from schemas.facts.streaks import StreakEnded, StreakExtended, StreakLevelReached, StreakStarted
from schemas.facts.tiers import TierReassigned, TierUpgraded

__all__ = [
    "FACT_VERSION",
    "AlternatePointsIssued",
    "AlternatePointsReversed",
    "AnyDecision",
    "Award",
    "AwardTerms",
    "AwardTermsKept",
    "CustomerChanged",
    "CustomerRegistered",
    "Decision",
    "Duration",
    "Envelope",
    "ExpiryMoved",
    "ExpiryReminded",
    "Fact",
    "FactMessage",
    "Group",
    "HoldFor",
    "IgnoredFor",
    "IssuedFor",
    "LineKept",
    "LineReturned",
    "LinesKept",
    "LinesReturned",
    "LotOpened",
    "LotsMoved",
    "MilestoneAchieved",
    "MilestoneProgressed",
    "MovedBy",
    "ParkedLine",
    "ParkedReturn",
    "PointsDebited",
    "PointsExpired",
    "PointsHeld",
    "PointsIssued",
    "PointsMoved",
    "PointsRedeemed",
    "PointsReleased",
    "PointsReversed",
    "ProgramAdopted",
    "PurchaseCounted",
    "RecordAccepted",
    "RecordRefused",
    "RedemptionReversed",
    "RedemptionTerms",
    "Refusal",
    "RegisteredEarlier",
    "ReleasedBecause",
    "RemindersPlanned",
    "ReturnCounted",
    "ReturnParked",
    "ReturnRecorded",
    "ReturnReleased",
    "Reversal",
    "StreakEnded",
    "StreakExtended",
    "StreakLevelReached",
    "StreakStarted",
    "Taken",
    "TierReassigned",
    "TierUpgraded",
    "TransactionRecorded",
    "ValueIgnored",
    "decode_facts",
    "encode_facts",
    "facts_of",
    "movements_in",
]
