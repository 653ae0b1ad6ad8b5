"""Records: the canonical journal entries, the only input of the engine.

On the wire a record is one version byte (`RECORD_VERSION`) and a msgpack array that begins with the record's type.
Fields are only ever appended, with defaults, so an old record can be read for ever.
Instants are milliseconds since the epoch (UTC); amounts are integers in the currency's minor units.
"""

from schemas.records.bills import Line, Site, TransactionAdded, TransactionReturned, TransactionUpdated
from schemas.records.customers import CustomerAdded, CustomerStatus, CustomerUpdated, Profile
from schemas.records.events import CustomEventReceived
from schemas.records.expiry import ChangeExpiry, ExpirePoints
from schemas.records.holds import BlockPoints, ReleasePoints
from schemas.records.identity import (
    BILL,
    MADE_FROM,
    OUTLASTING,
    AssignTransaction,
    EndHold,
    ForwardRecord,
    KnownBy,
    LinkIdentifiers,
    ResolveCustomer,
    UseIdentityKey,
)
from schemas.records.journal import WALL_SOURCE, BackfillBegun, ClockAdvanced, ProgramActivated
from schemas.records.merging import (
    AnswerMerge,
    HandOver,
    MergeCustomers,
    MergedCount,
    MergedMember,
    MergedMilestone,
    MergedPromise,
    MergedReward,
    MergedSection,
    MergedStreak,
    MergedTier,
    MergedTracker,
    MergedUnified,
    MergedVisits,
    MergedWindows,
    TakeOverPoints,
    TakeOverSection,
)
from schemas.records.points import AdjustPoints, CancelPoints, RedeemPoints
from schemas.records.promises import ActivatePoints, CancelPromise
from schemas.records.record import CommandRecord, CustomerRecord, ProgramCommand, Record, Request
from schemas.records.redemptions import ConfirmRedemption, ReverseRedemption
from schemas.records.streaks import (
    EnrolStreak,
    FreezeStreak,
    PauseStreak,
    ResumeStreak,
    StreakCommand,
    UnenrolStreak,
)
from schemas.records.targets import EnrolTarget, SetTarget, UnenrolTarget
from schemas.records.tiers import AssignTier, ReassessTier, ReleaseTier
from schemas.records.transfers import AnswerTransfer, ReceiveTransfer, TransferPoints, TransferredPart
from schemas.records.wire import (
    AnyCustomerRecord,
    AnyRecord,
    UnknownVersion,
    as_object,
    as_sent,
    decode_record,
    encode_record,
    forwarded,
    record_in,
    with_customer,
)

__all__ = [
    "BILL",
    "MADE_FROM",
    "OUTLASTING",
    "WALL_SOURCE",
    "ActivatePoints",
    "AdjustPoints",
    "AnswerMerge",
    "AnswerTransfer",
    "AnyCustomerRecord",
    "AnyRecord",
    "AssignTier",
    "AssignTransaction",
    "BackfillBegun",
    "BlockPoints",
    "CancelPoints",
    "CancelPromise",
    "ChangeExpiry",
    "ClockAdvanced",
    "CommandRecord",
    "ConfirmRedemption",
    "CustomEventReceived",
    "CustomerAdded",
    "CustomerRecord",
    "CustomerStatus",
    "CustomerUpdated",
    "EndHold",
    "EnrolStreak",
    "EnrolTarget",
    "ExpirePoints",
    "ForwardRecord",
    "FreezeStreak",
    "HandOver",
    "KnownBy",
    "Line",
    "LinkIdentifiers",
    "MergeCustomers",
    "MergedCount",
    "MergedMember",
    "MergedMilestone",
    "MergedPromise",
    "MergedReward",
    "MergedSection",
    "MergedStreak",
    "MergedTier",
    "MergedTracker",
    "MergedUnified",
    "MergedVisits",
    "MergedWindows",
    "PauseStreak",
    "Profile",
    "ProgramActivated",
    "ProgramCommand",
    "ReassessTier",
    "ReceiveTransfer",
    "Record",
    "RedeemPoints",
    "ReleasePoints",
    "ReleaseTier",
    "Request",
    "ResolveCustomer",
    "ResumeStreak",
    "ReverseRedemption",
    "SetTarget",
    "Site",
    "StreakCommand",
    "TakeOverPoints",
    "TakeOverSection",
    "TransactionAdded",
    "TransactionReturned",
    "TransactionUpdated",
    "TransferPoints",
    "TransferredPart",
    "UnenrolStreak",
    "UnenrolTarget",
    "UnknownVersion",
    "UseIdentityKey",
    "as_object",
    "as_sent",
    "decode_record",
    "encode_record",
    "forwarded",
    "record_in",
    "with_customer",
]
