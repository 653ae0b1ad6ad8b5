"""Open Loyalty's lists of transactions and points transfers (S2): what their parameters ask, and how rows are told.

Pure. RULE: a list is that of the org, whichever of its stores is named; amounts are in major units of their currency.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from pipeline.gateway.asked import Asked, instant, latest, minor, one_of, only_known, text
from pipeline.gateway.paging import PARAMETERS, Where
from pipeline.gateway.requests import Misread
from pipeline.gateway.tables import Row
from pipeline.gateway.vendors import uuid_named
from pipeline.intake.dialects.vendor_ids import customer_of, uuid_of
from pipeline.notify.numbers import major
from schemas.program import ProgramDefinition
from schemas.settings import Org

_NATIVE: Final = {"sell": "recorded", "return": "returned"}
TRANSACTION_SORTS: Final = {
    "purchaseDate": "at",
    "documentNumber": "number",
    "documentType": "kind",
    "grossValue": "amount_minor",
    "customerId": "customer_id",
}
TRANSFER_SORTS: Final = {"createdAt": "at", "value": "points", "type": "kind", "customerId": "customer_id"}
TRANSFER_TYPES: Final = {
    "adding": ("issued",),
    "spending": ("redeemed", "debited"),
    "p2p_adding": ("received",),
    "p2p_spending": ("transferred",),
    "blocked": ("held",),
}
"""Kinds of decisions by the type that S2 has for them (l.6822); `blocked` is ours."""
_TYPES: Final = {kind: name for name, kinds in TRANSFER_TYPES.items() for kind in kinds}
_STATES: Final = ("active", "expired", "pending", "cancelled")
"""Of transfers; `cancelled` is ours."""

FULL_NAME: Final = "name"
"""First and last name, where one field of a document has both."""
_FIELDS: Final = {
    "first_name": "JSONExtractString(profile, 'first_name')",
    "last_name": "JSONExtractString(profile, 'last_name')",
    "email": "JSONExtractString(profile, 'email')",
    "mobile": "JSONExtractString(profile, 'mobile')",
    "card": "JSONExtractString(profile, 'extended', 'loyaltyCardNumber')",
    FULL_NAME: "concat(JSONExtractString(profile, 'first_name'), ' ', JSONExtractString(profile, 'last_name'))",
}
"""Of a customer's profile, in ClickHouse."""
_BUYER: Final = {
    "customerData_loyaltyCardNumber": "card",
    "customerData_name": FULL_NAME,
    "customerData_email": "email",
    "customerData_phone": "mobile",
}
"""By the parameters of a list of transactions (S2 l.8408)."""
_HOLDER: Final = {
    "customerFirstName": "first_name",
    "customerLastName": "last_name",
    "customerPhone": "mobile",
    "customerEmail": "email",
}
"""By the parameters of a list of points transfers (S2 l.6816)."""
TRANSACTION_PARAMETERS: Final = PARAMETERS | {
    *("documentType", "documentNumber", "customerId", "purchaseDateFrom", "purchaseDateTo", "grossValueFrom"),
    *("grossValueTo", "labels", *_BUYER),
}
TRANSFER_PARAMETERS: Final = PARAMETERS | {"customerId", "state", "type", *_HOLDER}

_OF_LABEL: Final = """(customer_id, cause) IN (
        SELECT customer_id, concat(type, ':', record_id) FROM journal
        WHERE org_id = {{org:Int64}} AND type IN ('TransactionAdded', 'TransactionReturned') AND arrayExists(
            label -> {named_so},
            JSONExtract(payload, 'words', 'labels', 'Array(Tuple(key String, value String))')))"""

_OF_PERSON: Final = """customer_id IN (
        SELECT customer_id FROM customer_state_latest WHERE org_id = {{org:Int64}} AND {matches})"""
Condition = tuple[str, str, Any]
"""In SQL, and the name and value of its parameter."""


def transactions_where(asked: Asked, org: Org) -> Where:
    """The conditions of a list of transactions (S2 l.8403). Raises `Misread`."""
    only_known(asked, TRANSACTION_PARAMETERS)
    found: list[Condition] = [("org_id = {org:Int64}", "org", org.org_id)]
    if text(asked, "documentType"):
        found.append(("kind = {kind:String}", "kind", _NATIVE[one_of(asked, "documentType", tuple(_NATIVE))]))
    if number := text(asked, "documentNumber"):
        found.append(("number = {number:String}", "number", number))
    if customer := text(asked, "customerId"):
        found.append(("customer_id = {customer:Int64}", "customer", customer_of(customer) or 0))
    for name, comparison, read in (("purchaseDateFrom", ">=", instant), ("purchaseDateTo", "<=", latest)):
        if written := text(asked, name):
            condition = f"at {comparison} fromUnixTimestamp64Milli({{{name}:Int64}})"
            found.append((condition, name, read(name, written, org.zone)))
    for name, comparison in (("grossValueFrom", ">="), ("grossValueTo", "<=")):
        if written := text(asked, name):
            condition = f"amount_minor {comparison} {{{name}:Int64}}"
            found.append((condition, name, minor(name, written, org.currency)))
    found += _labelled(asked)
    return where_of([*found, *about_people(asked, _BUYER, org)])


def _labelled(asked: Asked) -> list[Condition]:
    """Conditions on the labels of a transaction: it has each that is named, with the value where one is given."""
    named = asked.get("labels", [])
    if not isinstance(named, list) or not all(isinstance(one, dict) for one in named):
        message = "labels are written as labels[0][key]=label_key&labels[0][value]=first_value"
        raise Misread(message)
    found: list[Condition] = []
    for number, label in enumerate(named):
        key, value = text(label, "key"), text(label, "value")
        named_so = f"label.key = {{label{number}:Array(String)}}[1]"
        if value:
            named_so += f" AND label.value = {{label{number}:Array(String)}}[2]"
        found.append((_OF_LABEL.format(named_so=named_so), f"label{number}", [key, value]))
    return found


def about_people(asked: Asked, fields: Mapping[str, str], org: Org, *, exact: bool = False) -> list[Condition]:
    """Conditions on profiles; `fields`: by the parameter that asks for them. Raises `Misread`.

    RULE: a part of the text is enough, whatever its case, unless it is to be `exact`. Sealed data cannot be searched.
    """
    named = [(name, written) for name in fields if (written := text(asked, name))]
    if named and org.personal_data == "sealed":
        message = (
            f"personal data of org {org.org_id} is sealed, so that nobody is found by {named[0][0]}; ask for an id"
        )
        raise Misread(message)
    comparison = (
        "{field} = {{{name}:String}}" if exact else "positionCaseInsensitiveUTF8({field}, {{{name}:String}}) > 0"
    )
    return [
        (_OF_PERSON.format(matches=comparison.format(field=_FIELDS[fields[name]], name=name)), name, written)
        for name, written in named
    ]


def where_of(conditions: Sequence[Condition]) -> Where:
    """All of the conditions together."""
    return Where(" AND ".join(sql for sql, _, _ in conditions), {name: value for _, name, value in conditions})


def transaction_of(
    row: Row, record: Mapping[str, Any], customer: Mapping[str, Any], points: int | None, org: Org
) -> dict[str, Any]:
    """One transaction (S2 l.8437): a row of `bills`, its record, the customer's profile, and the points that it earned.

    Fields that have no answer here are left out.
    """
    currency = row["currency"] or org.currency
    stores = {store.code: store for store in org.stores}
    store = stores.get(record.get("store", ""))
    zone = (store and store.zone) or org.zone
    told: dict[str, Any] = {
        "grossValue": major(row["amount_minor"], currency),
        "transactionId": uuid_named(org.org_id, row["cause"]),
        "documentNumber": row["number"],
        "purchaseDate": iso(row["at"], zone),
        "documentType": "sell" if row["kind"] == "recorded" else "return",
        "customerId": uuid_of(row["customer_id"]),
        "customerData": _buyer(customer),
        **_sold(record, currency),
        "currency": currency.lower(),
        "pointsEarned": points or 0,
    }
    if "received_at" in record:
        told["assignedToCustomerDate"] = iso(datetime.fromtimestamp(record["received_at"] / 1_000, UTC), zone)
    if store is not None:
        told["purchasePlace"] = store.name or store.code
    if row["kind"] == "returned":
        told["revisedDocument"] = row["bill_number"]
    return told


def _buyer(customer: Mapping[str, Any]) -> dict[str, Any]:
    extended = customer.get("extended", {})
    found = {
        "email": customer.get("email"),
        "name": " ".join(filter(None, (customer.get("first_name"), customer.get("last_name")))),
        "nip": extended.get("company.nip"),
        "phone": customer.get("mobile"),
        "loyaltyCardNumber": extended.get("loyaltyCardNumber"),
        "address": compound(extended, "address"),
    }
    return {name: value for name, value in found.items() if value}


def compound(extended: Mapping[str, str], name: str) -> dict[str, str]:
    """The fields of an address or a company, which profiles keep one by one."""
    return {field.removeprefix(f"{name}."): value for field, value in extended.items() if field.startswith(f"{name}.")}


def _sold(record: Mapping[str, Any], currency: str) -> dict[str, Any]:
    """Labels and items of a bill or a return, by its record."""
    said = record.get("words") or {}
    lines = record.get("lines", ())
    of_lines = said.get("lines") or [{}] * len(lines)
    return {
        "labels": said.get("labels", []),
        "items": [_item(line, words, currency) for line, words in zip(lines, of_lines, strict=True)],
    }


def _item(line: Mapping[str, Any], words: Mapping[str, Any], currency: str) -> dict[str, Any]:
    told = {
        "sku": {"code": line["sku"]},
        "name": words.get("name"),
        "quantity": line.get("quantity", 1),
        "grossValue": major(line["amount_minor"], currency),
        "category": line.get("category"),
        "maker": words.get("maker"),
    }
    return {name: value for name, value in told.items() if value not in (None, "")} | {
        "labels": words.get("labels", [])
    }


def transfers_where(asked: Asked, org: Org, program: ProgramDefinition) -> Where:
    """The conditions of a list of points transfers (S2 l.6811): of the main points of the program. Raises `Misread`."""
    only_known(asked, TRANSFER_PARAMETERS)
    kinds: Iterable[str] = _TYPES
    if text(asked, "type"):
        kinds = TRANSFER_TYPES[one_of(asked, "type", tuple(TRANSFER_TYPES))]
    found: list[Condition] = [
        ("org_id = {org:Int64}", "org", org.org_id),
        ("program_id = {program:Int64}", "program", program.program_id),
        ("currency = {currency:String}", "currency", program.points.name),
        ("kind IN {kinds:Array(String)}", "kinds", list(kinds)),
    ]
    if customer := text(asked, "customerId"):
        found.append(("customer_id = {customer:Int64}", "customer", customer_of(customer) or 0))
    if states := _states(asked):
        found.append(("state IN {states:Array(String)}", "states", states))
    return where_of([*found, *about_people(asked, _HOLDER, org)])


def _states(asked: Asked) -> list[str]:
    given = asked.get("state", [])
    return [one_of({"state": one}, "state", _STATES) for one in (given if isinstance(given, list) else [given])]


def transfer_of(
    row: Row, record: Mapping[str, Any], customer: Mapping[str, Any], org: Org, zone: str
) -> dict[str, Any]:
    """One points transfer (S2 l.6853): a movement of points, the record of its bill, and the customer's profile."""
    told: dict[str, Any] = {
        "pointsTransferId": uuid_named(org.org_id, row["name"]),
        "accountId": uuid_named(org.org_id, f"account:{row['customer_id']}:{row['program_id']}:{row['currency']}"),
        "customerId": uuid_of(row["customer_id"]),
        **{name: value for name, value in _holder(customer).items() if value},
        "createdAt": iso(row["at"], zone),
        "value": row["points"],
        "state": row["state"],
        "type": _TYPES[row["kind"]],
        "comment": row["reason"],
        "issuer": "admin" if row["issued_for"] == "adjustment" or row["kind"] != "issued" else "system",
    }
    if row["expires_on"] is not None:
        told["expiresAt"] = f"{row['expires_on']:%Y-%m-%d}T23:59:59{_offset(row['expires_on'], zone)}"
    if is_of_bill(row):
        told["transactionId"] = {"transactionId": uuid_named(org.org_id, row["cause"])}
        told["transactionDocumentNumber"] = row["subject"]
        told["transaction"] = _transaction(record, org)
    return told


def is_of_bill(row: Row) -> bool:
    """Whether a bill earned the points."""
    return bool(row["kind"] == "issued" and row["issued_for"] == "spend")


def _transaction(record: Mapping[str, Any], org: Org) -> dict[str, Any]:
    currency = record.get("currency") or org.currency
    return {"grossValue": major(record.get("amount_minor", 0), currency), **_sold(record, currency)}


def _holder(customer: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "customerFirstName": customer.get("first_name"),
        "customerLastName": customer.get("last_name"),
        "customerLoyaltyCardNumber": customer.get("extended", {}).get("loyaltyCardNumber"),
        "customerEmail": customer.get("email"),
        "customerPhone": customer.get("mobile"),
    }


def iso(at: datetime, zone: str) -> str:
    """A time as S2 writes it: `2018-02-20T09:45:04+0100`."""
    return f"{at.replace(tzinfo=at.tzinfo or UTC).astimezone(ZoneInfo(zone)):%Y-%m-%dT%H:%M:%S%z}"


def _offset(day: Any, zone: str) -> str:
    return f"{datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=ZoneInfo(zone)):%z}"
