"""Open Loyalty's points transfers and customer status (S2), over native commands and our own state."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final

from pipeline.engine.calendar import Calendar, as_date
from pipeline.engine.state import CustomerState
from pipeline.gateway.levels import condition_of, is_in_money
from pipeline.intake.dialects.vendor_ids import customer_of, uuid_of
from pipeline.intake.verdict import Defect
from pipeline.notify.numbers import major
from pipeline.runtime.roles.questions import Foreseen, Standing
from pipeline.trial.reader import customer_row
from schemas.facts import PointsIssued
from schemas.messages.values import IDENTITY_MAX
from schemas.program import ProgramDefinition
from schemas.records import CustomerRecord

_A_MONTH_AT_MOST: Final = 31
"""Days from the first of a month that lie in the next one."""
_NUMBER: Final = "simulation"
"""The document number of what is only simulated."""
_NAMES: Final = ("customerId", "email", "phone", "loyaltyCardNumber")
_COMMENT: Final = "by the API"
"""The reason of a command whose comment was left out: it is optional (S2), and a reason is not."""
TRANSFERS: Final = {
    "add": ("adjustPoints", "reason"),
    "spend": ("redeemPoints", "notes"),
    "block": ("blockPoints", "reason"),
}
"""By the last part of the address (S2 l.7102, l.7132, l.7410): the native command, and what the comment is there."""


def transfer_in(content: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]] | list[Defect]:
    """The customer and the fields of a transfer, or what is wrong with it."""
    transfer = content.get("transfer")
    if not isinstance(transfer, dict):
        return [Defect("transfer", "is missing", "send transfer[customer] and transfer[points]")]
    customer = customer_of(str(transfer.get("customer", "")))
    if customer is None:
        return [Defect("transfer.customer", "is no customer id", "write the number, or the UUID that a status shows")]
    return customer, transfer


def command_of(action: str, customer_id: int, program_id: int, transfer: Mapping[str, Any]) -> dict[str, Any]:
    """The native command of a transfer."""
    kind, comment = TRANSFERS[action]
    return {
        "type": kind,
        "customerId": customer_id,
        "programId": program_id,
        "points": _points(transfer),
        comment: str(transfer.get("comment") or _COMMENT),
    }


def gift_of(giver: int, receiver: int, program_id: int, transfer: Mapping[str, Any]) -> dict[str, Any]:
    """The native command by which a customer gives points to another."""
    return {
        "type": "transferPoints",
        "customerId": giver,
        "toCustomerId": receiver,
        "programId": program_id,
        "points": _points(transfer),
    }


def _points(transfer: Mapping[str, Any]) -> int | str:
    """The number of points; what is none is refused as it is."""
    points = str(transfer.get("points", ""))
    return int(points) if points.isdecimal() and len(points) < len(str(2**53)) else points


def change_of(change: str, movement: Mapping[str, Any], reference: str) -> dict[str, Any] | None:
    """The native command that cancels, activates or expires a movement of points; None where nothing can.

    RULE: an award, a redemption and a block can be cancelled; only an award can be activated, or expire.

    Args:
        change: the last part of the address (S2 l.7232, l.7260, l.7288).
        movement: a row of movements of points.
        reference: what its points were promised for.
    """
    subject, lot = movement["subject"], movement["lot_id"]
    asked: dict[str, Any] = {}
    match change, movement["kind"]:
        case "cancel", "issued" if movement["issued_for"] == "spend":
            asked = {"type": "cancelPoints", "billNumber": subject, "rule": movement["reason"]}
        case "cancel", "issued":
            asked = {"type": "cancelPoints", "lot": lot}
        case "cancel", "redeemed":
            asked = {"type": "reverseRedemption", "redemptionId": subject}
        case "cancel", "held":
            asked = {"type": "releasePoints", "holdId": subject}
        case "activate", "issued" if reference:
            asked = {"type": "activatePoints", "reference": reference, "lots": [lot]}
        case "expire", "issued":
            asked = {"type": "expirePoints", "lots": [lot]}
    about = {"customerId": movement["customer_id"], "programId": movement["program_id"], "reason": _COMMENT}
    return {**about, **asked} if asked else None


def program_of(standing: Standing | None) -> ProgramDefinition | None:
    """The program that such a request is about, as no request names one: the org's default, else that of lowest number.

    RULE. None for a customer who is in no program.
    """
    followed = [] if standing is None else sorted(standing.definitions.values(), key=lambda one: one.program_id)
    return next((one for one in followed if one.default), followed[0] if followed else None)


def sale_of(content: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """The transaction that a simulation asks about as one that is registered, and whether it names its customer.

    It has no number, and its purchase date stands beside its items (S2 l.8864).
    """
    transaction = content.get("transaction")
    given = transaction if isinstance(transaction, dict) else {}
    data = {"documentType": "sell", "documentNumber": _NUMBER, "purchaseDate": given.get("purchaseDate", "")}
    customer = given.get("customerData")
    is_named = isinstance(customer, dict) and any(customer.get(name) for name in _NAMES)
    whose = customer if is_named else {"customerId": IDENTITY_MAX}
    return {"transaction": {**given, "transactionData": data, "customerData": whose}}, is_named


def earned_in(foreseen: Foreseen, record: CustomerRecord) -> int:
    """The points of the main currency that a record would earn in the program that it is about, promised ones too."""
    program = program_of(foreseen.standing)
    if program is None:
        return 0
    own = f"{type(record).__name__}:{record.id}"
    return sum(
        decision.points
        for group in foreseen.groups
        if group.envelope.cause == own and group.envelope.program_id == program.program_id
        for decision in group.decisions
        if isinstance(decision, PointsIssued)
    )


def status_of(standing: Standing, definition: ProgramDefinition) -> dict[str, Any]:
    """A customer's status (S2 l.3258). Amounts are in major units of the program's money.

    RULE: delivery costs are not told apart, so amounts without them are the amounts; conditions are the tiers'
    thresholds, in points or money as the tiers are. Fields that have no answer are left out, as the document does.
    """
    head = standing.head
    standings = customer_row(CustomerState(head, {}), standing.definitions, standing.as_of).programs
    row = standings[str(definition.program_id)]
    balance = row.balances[definition.points.name]
    amount = major(row.purchases_minor - row.returned_minor, definition.currency)
    told: dict[str, Any] = {
        "firstName": head.profile.first_name,
        "lastName": head.profile.last_name,
        "customerId": uuid_of(head.customer_id),
        "points": balance.current,
        "totalEarnedPoints": balance.lifetime,
        "usedPoints": balance.redeemed,
        "expiredPoints": balance.expired,
        "lockedPoints": balance.promised,
        "blockedPoints": balance.blocked,
        "transactionsAmountWithoutDeliveryCosts": amount,
        "averageTransactionsAmount": f"{amount / max(1, row.transactions):.2f}",
        "transactionsCount": row.transactions,
        "transactionsAmount": amount,
        "currency": definition.currency.lower(),
    }
    told["pointsExpiringNextMonth"] = _expiring_next_month(standing, definition)
    progress = row.tier_progress
    if row.tier is None or progress is None or definition.tiers is None:
        return told
    levels = definition.tiers.levels
    told["levelName"] = row.tier.name
    told["levelConditionValue"] = condition_of(levels[row.tier.number - 1], definition)
    following = next((one for one in levels[row.tier.number :] if not one.retired), None)
    if following is not None and progress.to_next is not None:
        told["nextLevelName"] = following.name
        told["nextLevelConditionValue"] = condition_of(following, definition)
        if is_in_money(definition):
            needed = major(progress.to_next, definition.currency)
            told["transactionsAmountToNextLevelWithoutDeliveryCosts"] = needed
        else:
            told["pointsToNextLevel"] = progress.to_next
    if progress.expires_on is not None:
        told["levelWillExpireInDays"] = (date.fromisoformat(progress.expires_on) - _today(standing, definition)).days
        told["pointsRequiredToRetainLevel"] = progress.to_keep
    return told


def _today(standing: Standing, definition: ProgramDefinition) -> date:
    return as_date(Calendar(definition.zone).day_of(standing.as_of))


def _expiring_next_month(standing: Standing, definition: ProgramDefinition) -> int:
    """RULE: the points whose last day lies in the calendar month after this one."""
    coming = (_today(standing, definition).replace(day=1) + timedelta(days=_A_MONTH_AT_MOST)).replace(day=1)
    account = standing.head.sections[definition.program_id].accounts.get(definition.points.name)
    return sum(
        lot.open_points
        for lot in (() if account is None else account.lots)
        if lot.expires_on is not None and as_date(lot.expires_on).replace(day=1) == coming
    )
