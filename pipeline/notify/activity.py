"""Activities: the name and the identifiers of what a customer did, as `triggeringActivity` prints them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from pipeline.notify.identity import number_of
from pipeline.notify.parts import (
    NO_ACTIVITY,
    NOBODY,
    EnteredBy,
    Entity,
    NoActivity,
    Pair,
    TriggeringActivity,
    entered_by,
)
from schemas.records import (
    ActivatePoints,
    AdjustPoints,
    AnswerMerge,
    AnswerTransfer,
    AssignTier,
    AssignTransaction,
    BlockPoints,
    CancelPoints,
    CancelPromise,
    ChangeExpiry,
    ConfirmRedemption,
    CustomerAdded,
    CustomerRecord,
    CustomerStatus,
    CustomerUpdated,
    CustomEventReceived,
    EndHold,
    EnrolStreak,
    EnrolTarget,
    ExpirePoints,
    FreezeStreak,
    HandOver,
    LinkIdentifiers,
    MergeCustomers,
    PauseStreak,
    ReassessTier,
    ReceiveTransfer,
    RedeemPoints,
    ReleasePoints,
    ReleaseTier,
    ResolveCustomer,
    ResumeStreak,
    ReverseRedemption,
    SetTarget,
    StreakCommand,
    TakeOverPoints,
    TakeOverSection,
    TransactionAdded,
    TransactionReturned,
    TransactionUpdated,
    TransferPoints,
    UnenrolStreak,
    UnenrolTarget,
    UseIdentityKey,
)


class Activity(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A record, as an activity."""

    name: str
    identifiers: list[Pair]
    event_number: int | None = None
    """Capillary's number of this kind of activity, where it is published."""
    transaction_id: int | None = None
    """The bill that was paid or returned."""
    entered_by: EnteredBy = NOBODY


def bill_id(org_id: int, customer_id: int, bill_number: str) -> int:
    """The number of a bill, unique to the customer: other customers may have bills of the same number."""
    return number_of(f"bill:{org_id}:{customer_id}:{bill_number}")


def activity_of(record: CustomerRecord) -> Activity:
    """The activity that downstream systems see in a record."""
    kind = type(record)
    activity = ACTIVITIES[kind](record)
    if kind in _ENTERED:
        return msgspec.structs.replace(activity, entered_by=entered_by(record.entered_by))  # type: ignore[attr-defined]
    return activity


def triggered_by(
    activity: Activity | None, *, identifiers: list[Pair] | None = None, entity: Entity | UnsetType = UNSET
) -> TriggeringActivity | NoActivity:
    """The `triggeringActivity`; `identifiers` replace those of the activity."""
    if activity is None:
        return NO_ACTIVITY
    return TriggeringActivity(
        name=activity.name,
        identifiers=activity.identifiers if identifiers is None else identifiers,
        entered_by=activity.entered_by,
        entity_information=entity,
    )


def _purchase(record: TransactionAdded) -> Activity:
    number = bill_id(record.org_id, record.customer_id, record.bill_number)
    return Activity(
        name="TransactionAdd",
        identifiers=[Pair(key="BillId", value=str(number)), Pair(key="billNumber", value=record.bill_number)],
        event_number=15,
        transaction_id=number,
    )


def _return(record: TransactionReturned) -> Activity:
    return return_of(record.org_id, record.customer_id, record.of_bill)


def return_of(org_id: int, customer_id: int, of_bill: str) -> Activity:
    """The return of a customer's bill, as an activity, also where the record that led to the facts is another one."""
    return _about_bill("ReturnBill", org_id, customer_id, of_bill)


def _update_of_bill(record: TransactionUpdated) -> Activity:
    return update_of(record.org_id, record.customer_id, record.bill_number)


def update_of(org_id: int, customer_id: int, bill_number: str) -> Activity:
    """The update of a customer's bill, as an activity, also where the record that led to the facts is another one."""
    return _about_bill("TransactionUpdate", org_id, customer_id, bill_number)


def _about_bill(name: str, org_id: int, customer_id: int, bill_number: str) -> Activity:
    number = bill_id(org_id, customer_id, bill_number)
    return Activity(
        name=name,
        identifiers=[Pair(key="billId", value=str(number)), Pair(key="billNumber", value=bill_number)],
        transaction_id=number,
    )


def _event(record: CustomEventReceived) -> Activity:
    return Activity(
        name="CustomEvent",
        identifiers=[_customer(record), Pair(key="eventName", value=record.event_name)],
    )


def _redemption(record: RedeemPoints) -> Activity:
    return redemption_of(record.org_id, record.customer_id, record.id, record.bill_number)


def redemption_of(org_id: int, customer_id: int, redemption_id: str, bill_number: str) -> Activity:
    """A customer's redemption, as an activity, also where the record that led to the facts is another one."""
    bill = bill_id(org_id, customer_id, bill_number) if bill_number else -1
    return Activity(
        name="PointsRedemption",
        identifiers=[Pair(key="billId", value=str(bill)), Pair(key="redemptionId", value=redemption_id)],
    )


def _confirmation(record: ConfirmRedemption) -> Activity:
    return redemption_of(record.org_id, record.customer_id, record.redemption_id, "")


def _redemption_reversal(record: ReverseRedemption) -> Activity:
    return Activity(name="PointsRedemptionReversal", identifiers=[Pair(key="redemptionId", value=record.redemption_id)])


def _adjustment(record: AdjustPoints) -> Activity:
    return Activity(name="PointsAdjustment", identifiers=[_customer(record)])


def _block(record: BlockPoints) -> Activity:
    return Activity(name="PointsBlock", identifiers=[_customer(record), Pair(key="holdId", value=record.id)])


def _activation(record: ActivatePoints) -> Activity:
    return Activity(
        name="PointsActivation",
        identifiers=[_customer(record), Pair(key="reference", value=record.reference)],
    )


def _promise_cancelled(record: CancelPromise) -> Activity:
    return Activity(
        name="PromiseCancellation",
        identifiers=[_customer(record), Pair(key="reference", value=record.reference)],
    )


def _cancellation(record: CancelPoints) -> Activity:
    if record.bill_number:
        return _about_bill("PointsCancellation", record.org_id, record.customer_id, record.bill_number)
    named = {
        "lotId": str(record.lot or ""),
        "eventId": record.event,
        "milestoneId": record.milestone,
        "cycle": record.cycle,
        "streakId": record.streak,
        "level": str(record.level or ""),
    }
    told = [Pair(key=key, value=value) for key, value in named.items() if value]
    return Activity(name="PointsCancellation", identifiers=[_customer(record), *told])


def _release(record: ReleasePoints) -> Activity:
    return Activity(name="PointsRelease", identifiers=[_customer(record), Pair(key="holdId", value=record.hold_id)])


def _change_expiry(record: ChangeExpiry) -> Activity:
    return Activity(name="PointsExpiryUpdate", identifiers=[_customer(record)])


def _expire(record: ExpirePoints) -> Activity:
    return Activity(name="PointsExpiry", identifiers=[_customer(record)])


def _tier(record: AssignTier | ReleaseTier | ReassessTier) -> Activity:
    return Activity(name="TierAssignment", identifiers=[_customer(record)])


def _streak(record: StreakCommand) -> Activity:
    return Activity(name=type(record).__name__, identifiers=[_customer(record)])


def _target(record: EnrolTarget | UnenrolTarget | SetTarget) -> Activity:
    return Activity(name="TargetUpdate", identifiers=[_customer(record), Pair(key="milestone", value=record.milestone)])


def _transfer(record: TransferPoints) -> Activity:
    return _transfer_of(record, record.id)


def _request(record: ReceiveTransfer | AnswerTransfer) -> Activity:
    return _transfer_of(record, record.transfer_id)


def _transfer_of(record: CustomerRecord, transfer_id: str) -> Activity:
    return Activity(name="PointsTransfer", identifiers=[_customer(record), Pair(key="transferId", value=transfer_id)])


def _registration(record: CustomerAdded) -> Activity:
    return Activity(name="CustomerAdd", identifiers=[_customer(record)])


def _update(record: CustomerUpdated | CustomerStatus) -> Activity:
    return Activity(name="CustomerUpdate", identifiers=[_customer(record)])


MERGE_ACTIVITY: Final = "customerMerge"


def _merge(_record: MergeCustomers | HandOver | TakeOverSection | TakeOverPoints | AnswerMerge) -> Activity:
    return Activity(name=MERGE_ACTIVITY, identifiers=[])


def _of_org(record: LinkIdentifiers | ResolveCustomer | AssignTransaction | EndHold | UseIdentityKey) -> Activity:
    """What is asked of the org itself leads to no notification of its own."""
    return Activity(name=type(record).__name__, identifiers=[_customer(record)])


def _customer(record: CustomerRecord) -> Pair:
    return Pair(key="CustomerId", value=str(record.customer_id))


ACTIVITIES: Final[dict[type[CustomerRecord], Callable[[Any], Activity]]] = {
    LinkIdentifiers: _of_org,
    ResolveCustomer: _of_org,
    AssignTransaction: _of_org,
    EndHold: _of_org,
    UseIdentityKey: _of_org,
    TransactionAdded: _purchase,
    TransactionReturned: _return,
    TransactionUpdated: _update_of_bill,
    CustomEventReceived: _event,
    RedeemPoints: _redemption,
    AdjustPoints: _adjustment,
    BlockPoints: _block,
    ReleasePoints: _release,
    ActivatePoints: _activation,
    CancelPromise: _promise_cancelled,
    CancelPoints: _cancellation,
    ConfirmRedemption: _confirmation,
    ReverseRedemption: _redemption_reversal,
    ChangeExpiry: _change_expiry,
    ExpirePoints: _expire,
    TransferPoints: _transfer,
    ReceiveTransfer: _request,
    AnswerTransfer: _request,
    CustomerAdded: _registration,
    CustomerUpdated: _update,
    AssignTier: _tier,
    EnrolTarget: _target,
    UnenrolTarget: _target,
    SetTarget: _target,
    ReleaseTier: _tier,
    ReassessTier: _tier,
    EnrolStreak: _streak,
    UnenrolStreak: _streak,
    PauseStreak: _streak,
    ResumeStreak: _streak,
    FreezeStreak: _streak,
    CustomerStatus: _update,
    MergeCustomers: _merge,
    HandOver: _merge,
    TakeOverSection: _merge,
    TakeOverPoints: _merge,
    AnswerMerge: _merge,
}
"""Every kind of customer record is an activity."""
_ENTERED: Final = frozenset(kind for kind in ACTIVITIES if "entered_by" in kind.__struct_fields__)
"""Records that say who entered them."""
