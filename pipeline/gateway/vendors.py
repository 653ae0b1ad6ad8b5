"""The addresses of other vendors' documents, and what they answer: a table, quoted from the documents.

A body goes to its dialect as it came; the org is that of the access key, the store that of the address.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple
from uuid import UUID, uuid5

from pipeline.gateway.requests import Taken
from pipeline.intake.verdict import Defect

NAMESPACE: Final = UUID("5d0a1f0e-7c52-5b1c-8f3e-2f6b1a9c4e77")
"""Of the ids that a vendor's caller expects where Accrue has none. Never change it: every id would."""
_STEP: Final = re.compile(r"[^.\[\]]+")

Body = Mapping[str, Any]
Form = Mapping[str, Any]
"""The fields of a form by name: those inside of each, or None."""
NO_FORM: Final[Form] = MappingProxyType({})
_SENTENCES: Final = {
    "is not a valid phone number": "This value is not a valid phone number.",
    "has a customer": "Customer is already assigned to this transaction",
}
"""What the documents say word by word (S2 l.4091, l.7882)."""
CUSTOMER_FORM: Final[Form] = {
    **dict.fromkeys(("firstName", "lastName", "gender", "email", "phone", "birthDate", "createdAt")),
    "address": dict.fromkeys(("street", "address1", "address2", "postal", "city", "province", "country")),
    "company": dict.fromkeys(("name", "nip")),
    **dict.fromkeys(("loyaltyCardNumber", "labels", "agreement1", "agreement2", "agreement3")),
    **dict.fromkeys(("levelId", "posId", "sellerId")),
}
"""The fields of a customer's form, as its errors list them (S2 l.4083)."""


class VendorRoute(NamedTuple):
    """One address of a vendor's document."""

    path: str
    dialect: str
    source: str
    """Where it stands in the vendor's document."""
    answer: Callable[[Body, Taken], dict[str, Any]]
    """What the vendor answers, with 200, once the message is taken."""
    refusal: Callable[[Sequence[Defect]], dict[str, Any]]
    """What the vendor answers, with 400, where the message is refused."""


def _event_created(_body: Body, taken: Taken) -> dict[str, Any]:
    return {"customEventId": id_of(taken)}


def _transaction_registered(_body: Body, taken: Taken) -> dict[str, Any]:
    return {"transactionId": id_of(taken)}


def _event_received(body: Body, _taken: Taken) -> dict[str, Any]:
    customer = body.get("customer")
    named = customer if isinstance(customer, dict) else {}
    return {
        "object": "event",
        "type": body.get("event"),
        "customer": {**named, "object": "customer"},
        "referral": None,
        "loyalty": None,
        "metadata": body.get("metadata") or {},
    }


def id_of(taken: Taken) -> str:
    """The id that a vendor's caller gets for what was taken: the same one for the same message."""
    record = taken.record
    return uuid_named(record.org_id, f"{type(record).__name__}:{taken.id}")


def uuid_named(org_id: int, name: str) -> str:
    """The id of something of an org that has none but a name: of a decision, its cause."""
    return str(uuid5(NAMESPACE, f"{org_id}:{name}"))


def form_errors(defects: Sequence[Defect], fields: Form = NO_FORM) -> dict[str, Any]:
    """Defects as a form of Open Loyalty tells them: each at its field (S2 l.238); `fields`: all that the form has."""
    form = _form_of(fields)
    general: list[str] = []
    for defect in defects:
        told = _SENTENCES.get(defect.problem) or f"{defect.problem}; {defect.remedy}"
        steps = _STEP.findall(defect.path)[1:]  # the object around all fields is the form itself
        if not steps:
            general.append(f"{defect.path} {told}".strip())
            continue
        place = form
        for step in steps:
            place = place.setdefault("children", {}).setdefault(step, {})
        place.setdefault("errors", []).append(told)
    return {"form": form, "errors": general}


def _form_of(fields: Form) -> dict[str, Any]:
    return {"children": {name: _form_of(inside) if inside else {} for name, inside in fields.items()}}


def _payload_errors(defects: Sequence[Defect]) -> dict[str, Any]:
    """RULE: Voucherify's document shows no error; this has a code, a sentence, and the details."""
    return {
        "code": 400,
        "key": "invalid_payload",
        "message": "The event was not taken",
        "details": [f"{one.path} {one.problem}; {one.remedy}".strip() for one in defects],
    }


ROUTES: Final = (
    VendorRoute(
        path="/api/{store}/customEvent",
        dialect="openloyalty",
        source="S0 l.18",
        answer=_event_created,
        refusal=form_errors,
    ),
    VendorRoute(
        path="/api/{store}/transaction",
        dialect="openloyalty",
        source="S2 l.8576",
        answer=_transaction_registered,
        refusal=form_errors,
    ),
    VendorRoute(
        path="/client/v1/events",
        dialect="voucherify",
        source="S3 l.1",
        answer=_event_received,
        refusal=_payload_errors,
    ),
    VendorRoute(
        path="/v1/events",
        dialect="voucherify",
        source="S3 l.96",
        answer=_event_received,
        refusal=_payload_errors,
    ),
)
