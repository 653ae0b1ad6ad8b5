"""Lists of Open Loyalty (S2): what their parameters ask of ClickHouse, and how its rows are told.

Pure. RULE: a list is that of the org, whichever of its stores is named; amounts are in major units of their currency.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from pipeline.gateway.requests import Misread
from pipeline.gateway.tables import Row
from pipeline.gateway.vendors import uuid_named
from pipeline.intake.dialects.vendor_ids import customer_of, uuid_of
from pipeline.notify.numbers import major
from schemas.money import minor_digits
from schemas.program import ProgramDefinition
from schemas.settings import Org

WINDOW_MAX: Final = 10_000
"""The last result that a list shows (S2 l.3654)."""
_PER_PAGE: Final = 10
_WRITTEN_MAX: Final = 40
_DIRECTIONS: Final = ("asc", "desc")
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
    "spending": ("redeemed", "debited", "cancelled"),
    "p2p_adding": ("received",),
    "p2p_spending": ("transferred",),
    "blocked": ("held",),
}
"""Kinds of decisions by the type that S2 has for them (l.6822); `blocked` is ours."""
_TYPES: Final = {kind: name for name, kinds in TRANSFER_TYPES.items() for kind in kinds}


class Page(NamedTuple):
    """Which of the results are asked for."""

    order: str
    limit: int
    offset: int


class Where(NamedTuple):
    """Conditions, and their parameters."""

    sql: str
    parameters: Mapping[str, Any]


def page_of(asked: Mapping[str, Any], sorts: Mapping[str, str], then: str) -> Page:
    """The page that is asked for; `sorts`: columns by what S2 calls them, the first being the default.

    Raises `Misread`. `then`: the columns that decide between equals.
    """
    number, size = _positive(asked, "page", 1), _positive(asked, "perPage", _PER_PAGE)
    if number * size > WINDOW_MAX:
        message = f"page {number} of {size} lies beyond the first {WINDOW_MAX:,} results; narrow the search"
        raise Misread(message)
    column = sorts[_one_of(asked, "sort", tuple(sorts))]
    direction = _one_of({"direction": str(asked.get("direction", "asc")).lower()}, "direction", _DIRECTIONS)
    return Page(order=f"{column} {direction}, {then}", limit=size, offset=(number - 1) * size)


def transactions_where(asked: Mapping[str, Any], org: Org) -> Where:
    """The conditions of a list of transactions (S2 l.8403), but those about who the customer is. Raises `Misread`."""
    only_known(asked, _TRANSACTION_PARAMETERS)
    found: list[tuple[str, str, Any]] = [("org_id = {org:Int64}", "org", org.org_id)]
    if kind := _text(asked, "documentType"):
        native = _NATIVE[_one_of({"documentType": kind}, "documentType", tuple(_NATIVE))]
        found.append(("kind = {kind:String}", "kind", native))
    if number := _text(asked, "documentNumber"):
        found.append(("number = {number:String}", "number", number))
    if customer := _text(asked, "customerId"):
        found.append(("customer_id = {customer:Int64}", "customer", customer_of(customer) or 0))
    for name, comparison in (("purchaseDateFrom", ">="), ("purchaseDateTo", "<=")):
        if written := _text(asked, name):
            condition = f"at {comparison} fromUnixTimestamp64Milli({{{name}:Int64}})"
            found.append((condition, name, _instant(name, written, org.zone)))
    for name, comparison in (("grossValueFrom", ">="), ("grossValueTo", "<=")):
        if written := _text(asked, name):
            condition = f"amount_minor {comparison} {{{name}:Int64}}"
            found.append((condition, name, _minor(name, written, org.currency)))
    return Where(" AND ".join(sql for sql, _, _ in found), {name: value for _, name, value in found})


_TRANSACTION_PARAMETERS: Final = frozenset(
    {
        *("documentType", "documentNumber", "customerId", "purchaseDateFrom", "purchaseDateTo", "grossValueFrom"),
        *("grossValueTo", "page", "perPage", "sort", "direction"),
    }
)


def only_known(asked: Mapping[str, Any], known: frozenset[str]) -> None:
    """Raises `Misread` for a parameter that would have no effect: what it leaves out would be shown."""
    if others := sorted(asked.keys() - known - {"_locale"}):
        message = (
            f"the parameter {others[0][:_WRITTEN_MAX]!r} is not understood here; known are {', '.join(sorted(known))}"
        )
        raise Misread(message)


def transaction_of(
    row: Row, record: Mapping[str, Any], customer: Mapping[str, Any], points: int | None, org: Org
) -> dict[str, Any]:
    """One transaction (S2 l.8437): a row of `bills`, its record, the customer's profile, and the points that it earned.

    Fields that have no answer here (names, makers and labels of items) are left out.
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
        "customerData": {name: customer[field] for name, field in _CUSTOMER_DATA if customer.get(field)},
        "labels": [],
        "items": [_item(line, currency) for line in record.get("lines", ())],
        "currency": currency.lower(),
        "pointsEarned": points or 0,
    }
    if store is not None:
        told["purchasePlace"] = store.name or store.code
    if row["kind"] == "returned":
        told["revisedDocument"] = row["bill_number"]
    return told


_CUSTOMER_DATA: Final = (("email", "email"), ("phone", "mobile"))


def _item(line: Mapping[str, Any], currency: str) -> dict[str, Any]:
    told = {
        "sku": {"code": line["sku"]},
        "quantity": line.get("quantity", 1),
        "grossValue": major(line["amount_minor"], currency),
        "labels": [],
    }
    return told | ({"category": line["category"]} if line.get("category") else {})


def transfers_where(asked: Mapping[str, Any], org_id: int, program: ProgramDefinition) -> Where:
    """The conditions of a list of points transfers (S2 l.6811): of the main points of the program. Raises `Misread`."""
    only_known(asked, _TRANSFER_PARAMETERS)
    kinds: Iterable[str] = _TYPES
    if written := _text(asked, "type"):
        kinds = TRANSFER_TYPES[_one_of({"type": written}, "type", tuple(TRANSFER_TYPES))]
    found: dict[str, Any] = {
        "org": org_id,
        "program": program.program_id,
        "currency": program.points.name,
        "kinds": list(kinds),
    }
    sql = (
        "org_id = {org:Int64} AND program_id = {program:Int64} AND currency = {currency:String} "
        "AND kind IN {kinds:Array(String)}"
    )
    if customer := _text(asked, "customerId"):
        sql += " AND customer_id = {customer:Int64}"
        found["customer"] = customer_of(customer) or 0
    if states := _states(asked):
        sql += " AND state IN {states:Array(String)}"
        found["states"] = states
    return Where(sql, found)


_TRANSFER_PARAMETERS: Final = frozenset({"customerId", "state", "type", "page", "perPage", "sort", "direction"})
_STATES: Final = ("active", "expired", "pending")


def _states(asked: Mapping[str, Any]) -> list[str]:
    given = asked.get("state", [])
    return [_one_of({"state": one}, "state", _STATES) for one in (given if isinstance(given, list) else [given])]


def transfer_of(row: Row, customer: Mapping[str, Any], org_id: int, zone: str) -> dict[str, Any]:
    """One points transfer (S2 l.6853): a row of `points_facts`, and the customer's profile."""
    told: dict[str, Any] = {
        "pointsTransferId": uuid_named(org_id, _transfer_name(row)),
        "accountId": uuid_named(org_id, f"account:{row['customer_id']}:{row['program_id']}:{row['currency']}"),
        "customerId": uuid_of(row["customer_id"]),
        **{name: customer[field] for name, field in _TRANSFER_CUSTOMER if customer.get(field)},
        "createdAt": iso(row["at"], zone),
        "value": row["points"],
        "state": row["state"],
        "type": _TYPES[row["kind"]],
        "comment": row["reason"],
        "issuer": "admin" if row["issued_for"] == "adjustment" or row["kind"] != "issued" else "system",
    }
    if row["expires_on"] is not None:
        told["expiresAt"] = f"{row['expires_on']:%Y-%m-%d}T23:59:59{_offset(row['expires_on'], zone)}"
    if row["kind"] == "issued" and row["issued_for"] == "spend":
        told["transactionId"] = {"transactionId": uuid_named(org_id, row["cause"])}
        told["transactionDocumentNumber"] = row["subject"]
    return told


def _transfer_name(row: Row) -> str:
    """A command's is its cause, as it was answered; a bill may give several awards, each with a name of its own."""
    if row["kind"] != "issued" or row["issued_for"] == "adjustment":
        return str(row["cause"])
    return f"{row['cause']}/{row['seq']}/{row['reason']}/{row['lot_id']}"


_TRANSFER_CUSTOMER: Final = (
    ("customerFirstName", "first_name"),
    ("customerLastName", "last_name"),
    ("customerEmail", "email"),
    ("customerPhone", "mobile"),
)


def iso(at: datetime, zone: str) -> str:
    """A time as S2 writes it: `2018-02-20T09:45:04+0100`."""
    return f"{at.replace(tzinfo=at.tzinfo or UTC).astimezone(ZoneInfo(zone)):%Y-%m-%dT%H:%M:%S%z}"


def _offset(day: Any, zone: str) -> str:
    return f"{datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=ZoneInfo(zone)):%z}"


def _text(asked: Mapping[str, Any], name: str) -> str:
    value = asked.get(name, "")
    if not isinstance(value, str):
        message = f"the parameter {name} is no text"
        raise Misread(message)
    return value.strip()


def _one_of(asked: Mapping[str, Any], name: str, known: tuple[str, ...]) -> str:
    value = _text(asked, name) or known[0]
    if value not in known:
        message = f"{name} is {value[:_WRITTEN_MAX]!r}; write one of {', '.join(known)}"
        raise Misread(message)
    return value


def _positive(asked: Mapping[str, Any], name: str, default: int) -> int:
    written = _text(asked, name)
    if not written:
        return default
    if not (written.isascii() and written.isdecimal() and len(written) < len(str(WINDOW_MAX)) + 1 and int(written)):
        message = f"{name} is {written[:_WRITTEN_MAX]!r}; write a number from 1 to {WINDOW_MAX:,}"
        raise Misread(message)
    return int(written)


def _instant(name: str, written: str, zone: str) -> int:
    try:
        read = datetime.fromisoformat(written.replace(" ", "+") if "T" in written else written)
    except ValueError as error:
        message = f"{name} is {written[:_WRITTEN_MAX]!r}; write a date, or a time such as 2022-02-20T09:45:04+0100"
        raise Misread(message) from error
    at = read if read.tzinfo is not None else read.replace(tzinfo=ZoneInfo(zone))
    return int(at.timestamp() * 1_000)


def _minor(name: str, written: str, currency: str) -> int:
    try:
        minor = Decimal(written).scaleb(minor_digits(currency))
    except InvalidOperation:
        minor = Decimal("NaN")
    if not minor.is_finite() or abs(minor) > 10**15:
        message = f"{name} is {written[:_WRITTEN_MAX]!r}; write an amount such as 12.50"
        raise Misread(message)
    return int(minor)
