"""Open Loyalty's customers (S2 l.3379, l.3925): what a list asks for, and how a customer and a history are told. Pure.

RULE: a customer is told as they stand in the org's default program; amounts are in major units of its money. Delivery
costs are not told apart, campaigns and segments are none of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from msgspec.structs import asdict

from pipeline.gateway.asked import Asked, one_of, only_known, scaled, text
from pipeline.gateway.levels import level_id
from pipeline.gateway.lists import Condition, about_people, compound, iso, where_of
from pipeline.gateway.paging import PARAMETERS, Where
from pipeline.gateway.tables import Row
from pipeline.gateway.vendors import uuid_named
from pipeline.intake.dialects.vendor_ids import uuid_of
from pipeline.notify.numbers import major
from pipeline.runtime.roles.questions import Standing
from schemas.facts import Standing as Status
from schemas.money import minor_digits
from schemas.program import ProgramDefinition, Tier
from schemas.settings import Org

CUSTOMER_SORTS: Final = {
    "customerId": "customer_id",
    "createdAt": "registered_at",
    "updatedAt": "updated_at",
    "transactionsCount": "transactions",
    "transactionsAmount": "spent_minor",
    "averageTransactionAmount": "average_minor",
    "lastTransactionDate": "last_bill_at",
}
_PERSON: Final = {
    "firstName": "first_name",
    "lastName": "last_name",
    "phone": "mobile",
    "email": "email",
    "loyaltyCardNumber": "card",
}
"""By the parameters of a list of customers (S2 l.3382)."""
_AMOUNTS: Final = {"transactionsAmount": "spent_minor", "averageTransactionAmount": "average_minor"}
_AGES: Final = {
    "daysFromLastTransactionTo": "last_bill_at >= (SELECT as_of FROM settlement) - toIntervalDay({age:Int64})",
    "hoursFromLastUpdateTo": "updated_at >= (SELECT as_of FROM settlement) - toIntervalHour({age:Int64})",
}
_AGE_MAX: Final = 10**6
"""Of days and hours; ClickHouse counts in milliseconds, and begins again after too many."""
_BOUNDS: Final = (("From", ">="), ("To", "<="))
CUSTOMER_PARAMETERS: Final = PARAMETERS | {
    *_PERSON,
    *(f"{name}{bound}" for name in (*_AMOUNTS, "transactionsCount") for bound, _ in _BOUNDS),
    *_AGES,
    "strict",
}
_TYPES: Final = {
    Status.ACTIVE.text: "active",
    Status.INACTIVE.text: "new",
    Status.BLOCKED.text: "blocked",
    Status.FRAUD.text: "blocked",
}
"""Of customers, by what they may do here; nobody is `deleted`."""
_AGREEMENTS: Final = ("agreement1", "agreement2", "agreement3")
_HISTORY: Final = {
    "issued": "PointsWereAdded",
    "received": "PointsWereAdded",
    "redeemed": "PointsWereSpent",
    "debited": "PointsWereSpent",
    "transferred": "PointsWereTransferred",
    "held": "PointsWereBlocked",
    "released": "PointsTransferHasBeenUnlocked",
    "converted": "PointsTransferHasBeenUnlocked",
    "expired": "PointsTransferHasBeenExpired",
    "cancelled": "PointsTransferHasBeenCanceled",
    "promise_cancelled": "PointsTransferHasBeenCanceled",
    "redemption_reversed": "PointsWereReturned",
    "reversed": "PointsWereReturned",
    "registered": "CustomerWasActivated",
    "changed": "CustomerDetailsWereUpdated",
    "recorded": "CustomerWasAssignedToTransaction",
    "returned": "CustomerWasAssignedToTransaction",
}
"""Types of events, as S2 prints and lists them (l.3332, l.9367), by kind of decision; other kinds are left out."""
HISTORY_KINDS: Final = tuple(_HISTORY)


def customers_where(asked: Asked, org: Org, program: ProgramDefinition | None) -> Where:
    """The conditions of a list of customers (S2 l.3379). Raises `Misread`."""
    only_known(asked, CUSTOMER_PARAMETERS)
    exact = one_of(asked, "strict", ("0", "1")) == "1"
    found: list[Condition] = [("org_id = {org:Int64}", "org", org.org_id)]
    digits = minor_digits(_money(org, program))
    for bound, comparison in _BOUNDS:
        scales = {"transactionsCount": ("transactions", 0), **{name: (one, digits) for name, one in _AMOUNTS.items()}}
        for name, (column, scale) in scales.items():
            if written := text(asked, f"{name}{bound}"):
                condition = f"{column} {comparison} {{{name}{bound}:Int64}}"
                found.append((condition, f"{name}{bound}", scaled(f"{name}{bound}", written, scale)))
    for name, condition in _AGES.items():
        if written := text(asked, name):
            found.append((condition.replace("{age:", f"{{{name}:"), name, min(scaled(name, written, 0), _AGE_MAX)))
    where = where_of([*found, *about_people(asked, _PERSON, org, exact=exact)])
    return where._replace(parameters={**where.parameters, "program": 0 if program is None else program.program_id})


def row_of(standing: Standing, program: ProgramDefinition) -> tuple[Row, dict[str, Any]]:
    """A customer who stands here as a row such as those of the list, as far as it is known here; and the profile."""
    head = standing.head
    section = head.sections[program.program_id]
    registered_at = head.registered_at
    row = {
        "customer_id": head.customer_id,
        "seq": head.seq,
        "status": head.standing.text,
        "registered_at": None if registered_at is None else datetime.fromtimestamp(registered_at / 1_000, UTC),
        "tier": section.tier,
        "transactions": section.transactions,
        "spent_minor": section.purchases_minor - section.returned_minor,
    }
    return row, asdict(head.profile)


def customer_of(row: Row, profile: Mapping[str, Any], org: Org, program: ProgramDefinition | None) -> dict[str, Any]:
    """One customer of a list (S2 l.3441); fields that have no answer are left out."""
    money = _money(org, program)
    extended: Mapping[str, str] = profile.get("extended", {})
    level = _level(row, program)
    spent, bills = major(row["spent_minor"], money), row["transactions"]
    told = {
        "customerId": uuid_of(row["customer_id"]),
        "active": row["status"] == Status.ACTIVE.text,
        "firstName": profile.get("first_name"),
        "lastName": profile.get("last_name"),
        "gender": extended.get("gender"),
        "email": profile.get("email"),
        "phone": profile.get("mobile"),
        "birthDate": extended.get("birthDate"),
        "company": compound(extended, "company"),
        "loyaltyCardNumber": extended.get("loyaltyCardNumber"),
        "createdAt": _time(row, "registered_at", org),
        "levelId": level and program and level_id(program, level),
        "updatedAt": _time(row, "updated_at", org),
        "lastTransactionDate": _time(row, "last_bill_at", org),
    }
    return {name: value for name, value in told.items() if value not in (None, "", {})} | {
        "address": compound(extended, "address"),
        **{name: extended.get(name) == "1" for name in _AGREEMENTS},
        "campaignPurchases": [],
        "transactionsCount": bills,
        "transactionsAmount": spent,
        "transactionsAmountWithoutDeliveryCosts": spent,
        "amountExcludedForLevel": 0,
        "averageTransactionAmount": round(spent / max(1, bills), 2),
        "currency": money.lower(),
    }


def details_of(row: Row, profile: Mapping[str, Any], org: Org, program: ProgramDefinition | None) -> dict[str, Any]:
    """The details of one customer (S2 l.3946)."""
    extended: Mapping[str, str] = profile.get("extended", {})
    level = _level(row, program)
    told = customer_of(row, profile, org, program) | {
        "status": {
            "availableTypes": ["new", "active", "blocked", "deleted"],
            "availableStates": ["no-card", "card-sent", "with-card"],
            "type": _TYPES[row["status"]],
            "state": "with-card" if extended.get("loyaltyCardNumber") else "no-card",
        },
        "labels": _labels(extended.get("labels", "")),
        "version": row["seq"],
        "segments": [],
    }
    if level is None or program is None:
        return told
    known_by = level_id(program, level)
    return told | {"id": known_by, "level": {"levelId": {"id": known_by, "levelId": known_by}, "name": level.name}}


def event_of(row: Row, customer_id: int, org: Org) -> dict[str, Any]:
    """One event of a customer's history (S2 l.3337): a decision about points, bills or the profile."""
    variables = _variables(row, org.org_id)
    told = {
        "flatVariables": variables or [],
        "customerId": uuid_of(customer_id),
        "type": _HISTORY[row["kind"]],
        "createdAt": iso(row["at"], org.zone),
        "variables": [{"key": key, "value": value} for key, value in variables.items()],
    }
    return told | ({} if row["balance"] is None else {"pointsBalance": row["balance"]})


def _variables(row: Row, org_id: int) -> dict[str, Any]:
    transaction = uuid_named(org_id, row["bill"]) if row["bill"] else ""
    if row["points"] is not None:
        return {"points": row["points"], "transactionId": transaction, "comment": row["comment"]}
    return {"transactionId": transaction, "documentNumber": row["comment"]} if transaction else {}


def _money(org: Org, program: ProgramDefinition | None) -> str:
    return org.currency if program is None else program.currency


def _level(row: Row, program: ProgramDefinition | None) -> Tier | None:
    tiers = None if program is None else program.tiers
    return tiers.levels[row["tier"] - 1] if tiers is not None and 1 <= row["tier"] <= len(tiers.levels) else None


def _time(row: Row, name: str, org: Org) -> str | None:
    at = row.get(name)
    return None if at is None else iso(at, org.zone)


def _labels(written: str) -> list[dict[str, str]]:
    """Labels as S2 writes them, `key1:val1;key2:val2` (l.3808)."""
    pairs = (one.partition(":") for one in written.split(";") if one.strip())
    return [{"key": key.strip(), "value": value.strip()} for key, _, value in pairs]
