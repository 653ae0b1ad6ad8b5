"""Open Loyalty's assignment of a transaction to a customer (S2 l.7847), as the native command and its reply. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pipeline.gateway.vendors import Form, uuid_named
from pipeline.intake.verdict import Defect

_NUMBER: Final = "transactionDocumentNumber"
_NAMES: Final = {
    "customerId": "customerId",
    "customerLoyaltyCardNumber": "cardNumber",
    "customerPhoneNumber": "mobile",
}
"""What the document names the customer by, and what that is here."""
ASSIGN_FORM: Final[Form] = dict.fromkeys((_NUMBER, *_NAMES))
"""The fields of the form, as its errors list them (S2 l.7882)."""


def assignment_in(content: Mapping[str, Any]) -> tuple[str, dict[str, str]] | list[Defect]:
    """The document number, and what names the customer; or what is wrong."""
    assign = content.get("assign")
    given = assign if isinstance(assign, dict) else {}
    number = _text(given, _NUMBER)
    named = {ours: _text(given, name) for name, ours in _NAMES.items()}
    defects = [] if number else [Defect(f"assign.{_NUMBER}", "is missing", "add the number of the transaction")]
    if not any(named.values()):
        defects.append(Defect("assign.customerId", "is missing", f"name the customer by one of {', '.join(_NAMES)}"))
    return defects or (number, named)


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name, "")
    return value.strip() if isinstance(value, str) else str(value)


def assigned_in(result: Mapping[str, Any], org_id: int, store: str, number: str) -> str:
    """The id of the transaction that was assigned.

    RULE: the reply to a repetition does not say it; then it is that of a sale registered over HTTP.
    """
    released = next((one["recordId"] for one in result.get("result", ()) if "recordId" in one), None)
    return uuid_named(org_id, f"TransactionAdded:{released or f'{store}/sell/{number}'}")


def not_assigned(result: Mapping[str, Any], *, is_sold: bool) -> Defect:
    """Why it was not; `is_sold`: whether the transaction has a customer."""
    problem, remedy = ("has a customer", "") if is_sold else (str(result["message"]), "nothing was done")
    return Defect(f"assign.{_NUMBER}", problem, remedy)
