"""Notifications about customers and their bills."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from pipeline.notify.activity import MERGE_ACTIVITY, bill_id
from pipeline.notify.context import Context
from pipeline.notify.identity import number_of
from pipeline.notify.numbers import major
from pipeline.notify.parts import NOBODY, CustomerIdentifiers, EnteredBy, entered_at, entered_by
from pipeline.notify.table import News, Table
from schemas.facts import (
    BillUpdated,
    CustomerChanged,
    CustomerMade,
    CustomerMerged,
    CustomerRegistered,
    CustomerResolved,
    CustomersMerged,
    CustomerStatusChanged,
    Envelope,
    EventSetAside,
    HoldEnded,
    HoldExpired,
    HoldsDue,
    IdentifierClaimed,
    IdentifierLinked,
    IdentifiersKnown,
    IdentifierUnlinked,
    IdentityKeySet,
    IdsSpilled,
    LinesKept,
    LinesReturned,
    MergeAsked,
    MergeFailed,
    MergeHandedOver,
    MergeRefused,
    MessageAwaits,
    MessageHeld,
    MessageReleased,
    ProgramAdopted,
    PurchaseCorrected,
    PurchaseCounted,
    RecordAccepted,
    RecordPassedOn,
    RecordRefused,
    RegisteredEarlier,
    ReturnCounted,
    ReturnParked,
    ReturnRecorded,
    ReturnReleased,
    SectionHandedOver,
    SectionTakenOver,
    TransactionRecorded,
    UniqueEventKept,
    UniqueEventsJoined,
    UpdateParked,
    UpdateReleased,
)
from schemas.notifications import EventName
from schemas.records import CustomerAdded, CustomerUpdated, Profile, TransactionAdded, TransactionReturned

_FIELDS: Final = {
    "first_name": "firstName",
    "last_name": "lastName",
    "mobile": "mobile",
    "email": "email",
    "external_id": "externalId",
    "loyalty_type": "loyaltyType",
    "channel": "source",
    "extended": "extendedFields",
}
"""What downstream systems call the fields of a profile."""


def customer_added(decision: CustomerRegistered, envelope: Envelope, context: Context) -> dict[str, object]:
    """The `data` of customerAdded."""
    return {
        **_profile(decision.profile),
        "enteredAt": envelope.at,
        "enteredBy": _entered_by(envelope, context),
        "customerIdentifiers": context.contact_in(envelope),
    }


def customer_updated(decision: CustomerChanged, envelope: Envelope, context: Context) -> dict[str, object]:
    """The `data` of customerUpdated: the names of the fields that changed, not their values."""
    return {
        **_profile(decision.profile),
        "enteredAt": envelope.at,
        "enteredBy": _entered_by(envelope, context),
        "updatedFields": [{"fieldName": _FIELDS[name]} for name in decision.updated_fields],
        "customerIdentifiers": context.contact_in(envelope),
    }


def status_changed(decision: CustomerStatusChanged, envelope: Envelope, context: Context) -> dict[str, object]:
    """The `data` of customerUpdated after a change of the status: its values before and after (ours)."""
    changed = {
        "fieldName": "status",
        "previousValue": decision.previous.text,
        "currentValue": decision.status.text,
    }
    return {
        **_profile(decision.profile),
        "enteredAt": envelope.at,
        "enteredBy": entered_by(decision.entered_by),
        "updatedFields": [] if decision.status is decision.previous else [changed],
        "customerIdentifiers": context.contact_in(envelope),
    }


def merged(decision: CustomersMerged, _envelope: Envelope, context: Context) -> dict[str, object]:
    """The `data` of loyaltyCustomerMerge, at the survivor, when all that the victim had is there (S4 l.2311)."""
    return {
        "survivorCustomerIdentifiers": context.customer,
        "victimCustomerIdentifiers": CustomerIdentifiers(customer_id=decision.victim_id),
        "triggeringActivity": {"name": MERGE_ACTIVITY, "identifiers": [], "additionalAttributes": []},
        "enteredBy": EnteredBy(id=-1),
        "survivorCustomerLoyaltySummary": [
            {
                "loyaltyProgramId": one.program_id,
                "lifetimePoints": float(one.lifetime),
                "currentPoints": float(one.current),
                "promisedPoints": float(one.promised),
                "tierNumber": one.tier,
            }
            for one in decision.standings
        ],
    }


class TransactionAddedData(msgspec.Struct, frozen=True, kw_only=True, gc=False, rename="camel"):
    """The `data` of transactionAdded."""

    amount: float
    bill_number: str
    entered_at: int
    transaction_id: int | None
    bill_type: str
    line_item_count: int | UnsetType
    discount: float
    currency_code: str
    entered_by: EnteredBy
    customer_identifiers: CustomerIdentifiers
    gross_amount: float | UnsetType = UNSET
    amount_beyond_bill: float | UnsetType = UNSET
    returned_bill_number: str | UnsetType = UNSET


def transaction_added(decision: TransactionRecorded, envelope: Envelope, context: Context) -> TransactionAddedData:
    """The `data` of transactionAdded. The context's record must be the bill; raises `TypeError` if it is not."""
    bill = context.record
    if not isinstance(bill, TransactionAdded):
        message = (
            f"cannot render bill {decision.bill_number!r} of {envelope.cause!r}: its context holds "
            f"{type(bill).__name__}; make the context with the TransactionAdded record that led to the fact"
        )
        raise TypeError(message)
    activity = context.cause_of(envelope).activity
    return TransactionAddedData(
        amount=major(decision.amount_minor, decision.currency),
        bill_number=decision.bill_number,
        entered_at=envelope.at,
        transaction_id=None if activity is None else activity.transaction_id,
        bill_type="REGULAR",
        line_item_count=len(bill.lines),
        discount=major(bill.discount_minor, decision.currency),
        currency_code=decision.currency,
        entered_by=entered_at(bill),
        customer_identifiers=context.member_in(envelope),
        gross_amount=UNSET if bill.gross_minor is None else major(bill.gross_minor, decision.currency),
    )


def transaction_returned(decision: ReturnRecorded, envelope: Envelope, context: Context) -> TransactionAddedData:
    """The `data` of transactionAdded for a return: `amount` is what it counts for, at most what was left of its bill.

    Ours are what it asks for beyond that, and the number of the bill. Where its lines are not known, neither is their
    number told.
    """
    over = decision.over_minor
    return TransactionAddedData(
        amount=major(decision.amount_minor, decision.currency),
        bill_number=decision.bill_number,
        entered_at=envelope.at,
        transaction_id=_return_id(decision, context),
        bill_type="RETURN",
        line_item_count=decision.line_count or UNSET,
        discount=0.0,
        currency_code=decision.currency,
        entered_by=entered_at(decision),
        customer_identifiers=context.member_in(envelope),
        amount_beyond_bill=major(over, decision.currency) if over else UNSET,
        returned_bill_number=decision.of_bill,
    )


def transaction_updated(decision: BillUpdated, envelope: Envelope, context: Context) -> dict[str, object]:
    """The `data` of transactionUpdated; `discount` and `grossAmount` are 0 where the update does not say them.

    The number of its lines is left out there.
    """
    amount = 0 if decision.cancelled else decision.amount_minor
    return {
        "amount": major(amount, decision.currency),
        "billNumber": decision.bill_number,
        "enteredAt": envelope.at,
        "transactionId": _transaction(decision, context),
        "deliveryStatus": decision.delivery_status,
        "billType": "REGULAR",
        **({"lineItemCount": decision.line_count} if decision.line_count else {}),
        "currencyCode": decision.currency,
        "discount": major(decision.discount_minor or 0, decision.currency),
        "grossAmount": major(decision.gross_minor or 0, decision.currency),
        "enteredBy": entered_by(decision.entered_by),
        "customerIdentifiers": context.contact_in(envelope),
    }


_ENTERED: Final = (TransactionAdded, TransactionReturned, CustomerAdded, CustomerUpdated)
"""Records that say where they were entered."""


def _entered_by(envelope: Envelope, context: Context) -> EnteredBy:
    """Who entered what led to the decision, and where; nobody where a timer did, or the record of somebody else."""
    record = context.record
    activity = context.cause_of(envelope).activity
    if activity is None:
        return NOBODY
    return entered_at(record) if isinstance(record, _ENTERED) else activity.entered_by


def _profile(profile: Profile) -> dict[str, object]:
    return {
        "loyaltyType": profile.loyalty_type or "LOYALTY",  # every registered customer is a member
        "source": profile.channel,
        "firstName": profile.first_name,
        "lastName": profile.last_name,
    }


def _customer(_: CustomerRegistered | CustomerChanged | CustomerStatusChanged, context: Context) -> int:
    return context.customer_id


def _transaction(decision: TransactionRecorded | BillUpdated, context: Context) -> int:
    return bill_id(context.org_id, context.customer_id, decision.bill_number)


def _return_id(decision: ReturnRecorded, context: Context) -> int:
    """The number of a return, of which a bill has one with a number of its own."""
    place = f"{context.org_id}:{context.customer_id}:{len(decision.of_bill)}:{decision.of_bill}"
    return number_of(f"return:{place}:{decision.bill_number}")


TABLE: Final = Table(
    topic="notifications.customers",
    news={
        CustomerRegistered: News(
            event=EventName.CUSTOMER_ADDED, subject=lambda _: "", data=customer_added, ref=_customer
        ),
        CustomerChanged: News(
            event=EventName.CUSTOMER_UPDATED, subject=lambda _: "", data=customer_updated, ref=_customer
        ),
        CustomerStatusChanged: News(
            event=EventName.CUSTOMER_UPDATED, subject=lambda _: "status", data=status_changed, ref=_customer
        ),
        CustomersMerged: News(
            event=EventName.LOYALTY_CUSTOMER_MERGE, subject=lambda decision: str(decision.victim_id), data=merged
        ),
        TransactionRecorded: News(
            event=EventName.TRANSACTION_ADDED,
            subject=lambda decision: decision.bill_number,
            data=transaction_added,
            ref=_transaction,
        ),
        ReturnRecorded: News(
            event=EventName.TRANSACTION_ADDED,
            subject=lambda decision: f"return/{decision.of_bill}",
            data=transaction_returned,
            ref=_return_id,
        ),
        BillUpdated: News(
            event=EventName.TRANSACTION_UPDATED,
            subject=lambda decision: decision.bill_number,
            data=transaction_updated,
            ref=_transaction,
        ),
    },
    silent=(
        RecordAccepted,
        RecordRefused,
        RegisteredEarlier,
        EventSetAside,
        UniqueEventKept,
        UniqueEventsJoined,
        CustomerMade,
        IdsSpilled,
        IdentifierLinked,
        IdentifierUnlinked,
        IdentifierClaimed,
        CustomerResolved,
        IdentifiersKnown,
        MessageHeld,
        MessageAwaits,
        MessageReleased,
        HoldsDue,
        HoldExpired,
        HoldEnded,
        IdentityKeySet,
        MergeAsked,
        CustomerMerged,
        MergeRefused,
        RecordPassedOn,
        SectionHandedOver,
        SectionTakenOver,
        MergeHandedOver,
        MergeFailed,
        ReturnParked,
        ReturnReleased,
        UpdateParked,
        UpdateReleased,
        PurchaseCorrected,
        ProgramAdopted,
        PurchaseCounted,
        ReturnCounted,
        LinesKept,
        LinesReturned,
    ),
)
