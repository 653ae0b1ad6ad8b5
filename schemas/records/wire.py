"""Every kind of record, and records as bytes."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from schemas.records.bills import TransactionAdded, TransactionReturned, TransactionUpdated
from schemas.records.customers import CustomerAdded, CustomerStatus, CustomerUpdated
from schemas.records.events import CustomEventReceived
from schemas.records.expiry import ChangeExpiry, ExpirePoints
from schemas.records.holds import BlockPoints, ReleasePoints
from schemas.records.identity import (
    AssignTransaction,
    EndHold,
    ForwardRecord,
    LinkIdentifiers,
    ResolveCustomer,
    UseIdentityKey,
)
from schemas.records.journal import BackfillBegun, ClockAdvanced, ProgramActivated
from schemas.records.merging import AnswerMerge, HandOver, MergeCustomers, TakeOverPoints, TakeOverSection
from schemas.records.points import AdjustPoints, CancelPoints, RedeemPoints
from schemas.records.promises import ActivatePoints, CancelPromise
from schemas.records.record import CustomerRecord, Record
from schemas.records.redemptions import ConfirmRedemption, ReverseRedemption
from schemas.records.streaks import EnrolStreak, FreezeStreak, PauseStreak, ResumeStreak, UnenrolStreak
from schemas.records.targets import EnrolTarget, SetTarget, UnenrolTarget
from schemas.records.tiers import AssignTier, ReassessTier, ReleaseTier
from schemas.records.transfers import AnswerTransfer, ReceiveTransfer, TransferPoints

RECORD_VERSION: Final = 1

AnyCustomerRecord = (
    TransactionAdded
    | TransactionReturned
    | CustomEventReceived
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
    | ReceiveTransfer
    | AnswerTransfer
    | CustomerStatus
    | LinkIdentifiers
    | ResolveCustomer
    | MergeCustomers
    | HandOver
    | TakeOverSection
    | TakeOverPoints
    | AnswerMerge
    | AssignTransaction
    | EndHold
    | UseIdentityKey
)
AnyRecord = AnyCustomerRecord | ForwardRecord | ClockAdvanced | BackfillBegun | ProgramActivated

_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final[msgspec.msgpack.Decoder[AnyRecord]] = msgspec.msgpack.Decoder(AnyRecord)
_VERSION: Final = bytes([RECORD_VERSION])


class UnknownVersion(ValueError):
    """The bytes carry a format version that this build does not know."""


def encode_record(record: Record) -> bytes:
    """The record as it stands in the journal."""
    return _VERSION + _ENCODER.encode(record)


def with_customer(raw: bytes, person: int, *, received_at: int | None = None) -> bytes:
    """The record in `raw`, as one of this customer; with `received_at`, as one that was received then."""
    record = record_in(raw)
    received = record.received_at if received_at is None else received_at
    return encode_record(msgspec.structs.replace(record, customer_id=person, received_at=received))


def forwarded(record: AnyRecord) -> AnyRecord:
    """What is decided for a record: for one that was forwarded, the record that it holds."""
    return decode_record(record.record) if isinstance(record, ForwardRecord) else record


def as_sent(record: CustomerRecord) -> CustomerRecord:
    """The record that its sender knows of: the one inside, where it is the customer that is looked for."""
    return record_in(record.record) if isinstance(record, ResolveCustomer) else record


def record_in(raw: bytes) -> CustomerRecord:
    """The record about a customer in `raw`; raises as `decode_record` does, and `TypeError` for any other record."""
    record = decode_record(raw)
    if not isinstance(record, CustomerRecord):
        message = f"{type(record).__name__} is about no customer"
        raise TypeError(message)
    return record


def as_object(record: Record) -> dict[str, Any]:
    """The record with field names, as JSON has it: on the wire it is an array."""
    fields = msgspec.structs.asdict(record)
    for several in ("lines", "parts", "identifiers"):
        if several in fields:
            fields[several] = [msgspec.structs.asdict(one) for one in fields[several]]
    if words := fields.pop("words", None):
        fields["words"] = _named(words)
    if "profile" in fields:
        fields["profile"] = msgspec.structs.asdict(fields["profile"])
    return fields


def _named(value: Any) -> Any:
    """Structs with the names of their fields, those inside too."""
    if isinstance(value, msgspec.Struct):
        return {name: _named(one) for name, one in msgspec.structs.asdict(value).items()}
    return [_named(one) for one in value] if isinstance(value, tuple) else value


def decode_record(raw: bytes) -> AnyRecord:
    """The record in `raw`; raises `UnknownVersion`, or `msgspec.DecodeError` where the bytes are no record."""
    if raw[:1] != _VERSION:
        message = f"record format version {raw[:1].hex() or 'missing'}; this build reads {RECORD_VERSION}"
        raise UnknownVersion(message)
    return _DECODER.decode(memoryview(raw)[1:])
