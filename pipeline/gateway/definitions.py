"""Event definitions as Capillary's document has them (S1): from its body to ours, with its codes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from pydantic import ValidationError

from schemas.settings import IDENTIFIERS, EventDefinition, EventField, Identifier, Org

_CODE: Final = re.compile(r"\((18\d\d)\)")
EXISTS: Final = 1806
_NO_NAME: Final = 1811
_INVALID: Final = 1802
_ATTRIBUTES: Final = {"isRequired": "is_required", "isUniqueKeyField": "is_unique_key_field"}
_IDENTIFIERS: Final[Mapping[str, Identifier]] = {name.lower(): name for name in IDENTIFIERS}
"""By how the document writes them, in any case: it has `cardnumber`."""
_KNOWN: Final = frozenset({"eventName", "actions", "description", "fields"})


class Invalid(Exception):
    """A definition that is not taken, with Capillary's codes and a sentence for each mistake."""

    def __init__(self, *errors: tuple[int, str]) -> None:
        super().__init__(errors)
        self.errors = errors


def definition_in(body: Mapping[str, Any], org: Org) -> EventDefinition:
    """The definition of a new event of the org. Raises `Invalid`.

    RULE: a field that adds customers says who the event is about, where its message names nobody. Attributes that the
    document does not have are read and have no effect.
    """
    unknown = sorted(body.keys() - _KNOWN)
    if unknown:
        raise Invalid((_INVALID, f"{unknown[0]} is not a field of a definition; known are {', '.join(sorted(_KNOWN))}"))
    name = body.get("eventName")
    if not isinstance(name, str):
        raise Invalid((_NO_NAME, "eventName is missing, or no text"))
    if any(event.name == name for event in org.events):
        raise Invalid((EXISTS, f"{name} event already exists"))
    fields = body.get("fields") or []
    if not isinstance(fields, list):
        raise Invalid((_INVALID, "fields is no list of objects"))
    wanted = {
        "name": name,
        "description": body.get("description") or "",
        "actions": body.get("actions") or (),
        "fields": [_field(place, field, org) for place, field in enumerate(fields)],
    }
    try:
        return EventDefinition.model_validate_json(msgspec.json.encode(wanted))
    except ValidationError as error:
        raise Invalid(*(_told(one["loc"], one["msg"]) for one in error.errors(include_url=False))) from error


def definition_out(event: EventDefinition) -> dict[str, Any]:
    """The definition in the words of the document."""
    return {
        "eventName": event.name,
        "description": event.description,
        "actions": list(event.actions),
        "fields": [
            {
                "name": field.name,
                "type": field.type,
                "attributes": {
                    **{
                        vendor: {"valueType": "Boolean", "value": str(getattr(field, own)).lower()}
                        for vendor, own in _ATTRIBUTES.items()
                    },
                    **_identifier_out(field),
                },
            }
            for field in event.fields
        ],
    }


def _identifier_out(field: EventField) -> dict[str, Any]:
    if field.identifier_type is None:
        return {}
    adds = {"valueType": "Boolean", "value": str(field.add_customer_if_not_exists).lower()}
    return {
        "identifierType": {"valueType": "String", "value": field.identifier_type},
        "addCustomerIfNotExists": adds,
    }


def _field(place: int, field: Any, org: Org) -> dict[str, Any]:
    if not isinstance(field, dict):
        raise Invalid((_INVALID, f"fields[{place}] is no object with name and type"))
    attributes = field.get("attributes") or {}
    if not isinstance(attributes, dict):
        raise Invalid((_INVALID, f"fields[{place}].attributes is no object"))
    found = {own: _is_true(attributes.get(vendor)) for vendor, own in _ATTRIBUTES.items()}
    known_by, adds = _identifier(place, attributes), _is_true(attributes.get("addCustomerIfNotExists"))
    if adds and (why := _adds_nobody(known_by, org, is_required=found["is_required"])):
        raise Invalid((_INVALID, f"fields[{place}] cannot add customers: {why}"))
    named = {"name": field.get("name"), "type": str(field.get("type")), "identifier_type": known_by}
    return {**named, **found, "is_subject": adds, "add_customer_if_not_exists": adds}


def _identifier(place: int, attributes: Mapping[str, Any]) -> Identifier | None:
    """What a customer is known by in a field."""
    attribute = attributes.get("identifierType")
    written = attribute.get("value") if isinstance(attribute, dict) else attribute
    if not written:
        return None
    known = _IDENTIFIERS.get(str(written).lower())
    if known is None:
        wanted = ", ".join(IDENTIFIERS)
        raise Invalid((_INVALID, f"fields[{place}].attributes.identifierType is {str(written)[:40]!r}; write {wanted}"))
    return known


def _adds_nobody(known_by: Identifier | None, org: Org, *, is_required: bool) -> str:
    """Why a field cannot add customers; empty where it can."""
    if org.ids != "accrue":
        return f"the ids of customers of org {org.org_id} come with its messages"
    if known_by is None or not is_required:
        return "it needs isRequired and identifierType, too"
    if known_by not in org.identifiers:
        return f"{known_by} names nobody in org {org.org_id}; an operator adds it to `identifiers` of its settings"
    return ""


def _is_true(attribute: Any) -> bool:
    value = attribute.get("value") if isinstance(attribute, dict) else attribute
    return value is True or (isinstance(value, str) and value.lower() == "true")


def _told(place: tuple[int | str, ...], message: str) -> tuple[int, str]:
    code = _CODE.search(message)
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place).lstrip(".")
    return (int(code[1]) if code else _INVALID, f"{path} {message.removeprefix('Value error, ')}".strip())
