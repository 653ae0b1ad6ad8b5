"""Every kind of message."""

from __future__ import annotations

from schemas.messages.bills import TransactionAdded, TransactionReturned, TransactionUpdated
from schemas.messages.clock import AdvanceClock
from schemas.messages.customers import CustomerAdded, CustomerStatus, CustomerUpdated
from schemas.messages.events import CustomEvent
from schemas.messages.expiry import ChangeExpiry, ExpirePoints
from schemas.messages.holds import BlockPoints, ReleasePoints
from schemas.messages.identity import AssignTransaction, LinkIdentifiers, UnlinkIdentifiers
from schemas.messages.merging import MergeCustomers
from schemas.messages.points import AdjustPoints, CancelPoints, RedeemPoints
from schemas.messages.promises import ActivatePoints, CancelPromise
from schemas.messages.redemptions import ConfirmRedemption, ReverseRedemption
from schemas.messages.streaks import EnrolStreak, FreezeStreak, PauseStreak, ResumeStreak, UnenrolStreak
from schemas.messages.targets import EnrolTarget, SetTarget, UnenrolTarget
from schemas.messages.tiers import AssignTier, ReassessTier, ReleaseTier
from schemas.messages.transfers import TransferPoints

AnyMessage = (
    TransactionAdded
    | TransactionReturned
    | CustomEvent
    | CustomerAdded
    | CustomerUpdated
    | RedeemPoints
    | AdjustPoints
    | BlockPoints
    | ReleasePoints
    | ActivatePoints
    | CancelPromise
    | CancelPoints
    | TransactionUpdated
    | ConfirmRedemption
    | ReverseRedemption
    | ChangeExpiry
    | ExpirePoints
    | AssignTier
    | ReleaseTier
    | ReassessTier
    | EnrolStreak
    | UnenrolStreak
    | PauseStreak
    | ResumeStreak
    | FreezeStreak
    | EnrolTarget
    | UnenrolTarget
    | SetTarget
    | TransferPoints
    | CustomerStatus
    | LinkIdentifiers
    | UnlinkIdentifiers
    | MergeCustomers
    | AssignTransaction
    | AdvanceClock
)
