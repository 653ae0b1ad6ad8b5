"""Messages: the native dialect, what producers write to the input topics as JSON objects with camelCase keys.

The kind of a message stands in `type` (`transactionAdded`, `redeemPoints`, …), and every kind may come on every input
topic. What one field allows is said here, once: intake's decoder, the defects it reports and the Avro files follow it.
"""

from schemas.messages.bills import Label, Line, TransactionAdded, TransactionReturned, TransactionUpdated
from schemas.messages.clock import AdvanceClock
from schemas.messages.customers import CustomerAdded, CustomerStatus, CustomerUpdated, ProfileMessage
from schemas.messages.events import CustomEvent
from schemas.messages.expiry import ChangeExpiry, ExpirePoints
from schemas.messages.holds import BlockPoints, ReleasePoints
from schemas.messages.identity import AssignTransaction, LinkIdentifiers, UnlinkIdentifiers
from schemas.messages.kinds import AnyMessage
from schemas.messages.merging import MergeCustomers
from schemas.messages.message import CustomerMessage, Message
from schemas.messages.points import AdjustPoints, CancelPoints, RedeemPoints
from schemas.messages.promises import ActivatePoints, CancelPromise
from schemas.messages.redemptions import ConfirmRedemption, ReverseRedemption
from schemas.messages.streaks import EnrolStreak, FreezeStreak, PauseStreak, ResumeStreak, UnenrolStreak
from schemas.messages.targets import EnrolTarget, SetTarget, UnenrolTarget
from schemas.messages.tiers import AssignTier, ReassessTier, ReleaseTier
from schemas.messages.transfers import TransferPoints
from schemas.messages.values import ATTRIBUTES_MAX, IDENTITY_MAX, INSTANT_MAX, LINES_MAX, Identity

__all__ = [
    "ATTRIBUTES_MAX",
    "IDENTITY_MAX",
    "INSTANT_MAX",
    "LINES_MAX",
    "ActivatePoints",
    "AdjustPoints",
    "AdvanceClock",
    "AnyMessage",
    "AssignTier",
    "AssignTransaction",
    "BlockPoints",
    "CancelPoints",
    "CancelPromise",
    "ChangeExpiry",
    "ConfirmRedemption",
    "CustomEvent",
    "CustomerAdded",
    "CustomerMessage",
    "CustomerStatus",
    "CustomerUpdated",
    "EnrolStreak",
    "EnrolTarget",
    "ExpirePoints",
    "FreezeStreak",
    "Identity",
    "Label",
    "Line",
    "LinkIdentifiers",
    "MergeCustomers",
    "Message",
    "PauseStreak",
    "ProfileMessage",
    "ReassessTier",
    "RedeemPoints",
    "ReleasePoints",
    "ReleaseTier",
    "ResumeStreak",
    "ReverseRedemption",
    "SetTarget",
    "TransactionAdded",
    "TransactionReturned",
    "TransactionUpdated",
    "TransferPoints",
    "UnenrolStreak",
    "UnenrolTarget",
    "UnlinkIdentifiers",
]
