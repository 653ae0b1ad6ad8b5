"""Judges custom events by the definitions of their org: what their attributes hold, and what makes two the same (S1).

Fields that a definition does not name are taken as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final, NamedTuple

import msgspec

from pipeline.intake.defects import joined, shown
from pipeline.intake.identifiers import normalised
from pipeline.intake.org_settings import KnownOrg
from pipeline.intake.verdict import Defect, Reason, Rejected
from schemas import messages
from schemas.settings import EventDefinition, EventField

UNIQUE: Final = "u:"
"""What ids begin with that follow from the fields of a unique key."""
_ID_BYTES: Final = 16
_NAMES_SHOWN: Final = 10
_DECIMAL: Final = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,9})?")
_WHOLE: Final = re.compile(r"-?[0-9]{1,18}")
Attributes = Mapping[str, Any]


class Judged(NamedTuple):
    """An event that its org takes."""

    is_defined: bool
    unique_id: str | None
    """The id that follows from its unique key; None where its definition has none."""
    analytics_only: bool
    """Whether no program gets it."""
    for_ever: bool = False
    """Whether the unique key holds for ever."""


_MAKING: Final = (messages.CustomerAdded, messages.TransactionAdded)
_UNDEFINED: Final = Judged(is_defined=False, unique_id=None, analytics_only=False)


def judge(name: str, attributes: Attributes, org: KnownOrg) -> Judged | Rejected:
    """What becomes of an event by its org's definitions; `attributes` as they were sent."""
    definition = org.events.get(name)
    if definition is None:
        return _undefined(name, org)
    defects = tuple(_defects(attributes, definition))
    if defects:
        return Rejected(Reason.INVALID_EVENT, defects)
    return Judged(
        is_defined=True,
        unique_id=_unique_id(attributes, definition, org.org.country),
        analytics_only="EMFConsumer" not in definition.actions,
        for_ever=definition.unique == "forever",
    )


def about_its_subject(event: messages.CustomEvent, org: KnownOrg) -> messages.CustomEvent:
    """The event with the identifier of its subject, where it names nobody otherwise."""
    subject = _subject_of(event, org)
    if subject is None or event.customer_id is not None or event.identifiers:
        return event
    value = event.attributes.get(subject.name)
    if value is None or value == "" or subject.identifier_type is None:
        return event
    return msgspec.structs.replace(event, identifiers={subject.identifier_type: str(value)})


def makes_a_customer(content: messages.CustomerMessage, org: KnownOrg) -> bool:
    """Whether somebody whom nobody knows becomes a customer with it.

    RULE: with a registration, a bill, and an event whose definition says so; never with a command.
    """
    if org.org.ids != "accrue":
        return False
    if isinstance(content, messages.CustomEvent):
        subject = _subject_of(content, org)
        return subject is not None and subject.add_customer_if_not_exists
    return isinstance(content, _MAKING)


def _subject_of(event: messages.CustomEvent, org: KnownOrg) -> EventField | None:
    """The field that says whom the event is about, if its definition has one."""
    definition = org.events.get(event.event_name)
    return None if definition is None else definition.subject


def _undefined(name: str, org: KnownOrg) -> Judged | Rejected:
    if org.org.unknown_events == "accept":
        return _UNDEFINED
    known = ", ".join(sorted(org.events)[:_NAMES_SHOWN]) or "none"
    problem = f"is {shown(name)}, which org {org.org.org_id} does not define; its events: {known}"
    remedy = "correct the name, or define the event with `accrue settings apply`"
    return Rejected(Reason.UNKNOWN_EVENT, (Defect("eventName", problem, remedy),))


def _defects(attributes: Attributes, definition: EventDefinition) -> Iterator[Defect]:
    for field in definition.fields:
        path = joined("attributes", field.name)
        value = attributes.get(field.name)
        if value is None or value == "":
            if field.is_required:
                problem = "is missing" if value is None else "is empty"
                yield Defect(path, f"{problem}, and {definition.name} needs it", f"add {_wanted(field)}")
        elif not _FITS[field.type](value, field):
            yield Defect(path, f"is {shown(value)}", f"write {_wanted(field)}")


def _wanted(field: EventField) -> str:
    if field.type == "enum":
        return f"one of {', '.join(field.values[:_NAMES_SHOWN])}{', …' if len(field.values) > _NAMES_SHOWN else ''}"
    return _IN_WORDS.get(field.type, "a text")


def _is_text(value: object, _field: EventField) -> bool:
    return isinstance(value, str)


def _is_whole(value: object, _field: EventField) -> bool:
    return type(value) is int or (isinstance(value, str) and _WHOLE.fullmatch(value) is not None)


def _is_number(value: object, _field: EventField) -> bool:
    return type(value) in {int, float} or (isinstance(value, str) and _DECIMAL.fullmatch(value) is not None)


def _is_date(value: object, _field: EventField) -> bool:
    if not isinstance(value, str):
        return False
    for read in (date.fromisoformat, datetime.fromisoformat):
        try:
            read(value)
        except ValueError:
            continue
        return True
    return False


_FITS: Final[dict[str, Callable[[object, EventField], bool]]] = {
    "tillCode": _is_text,
    "couponCode": _is_text,
    "customer": lambda value, _: isinstance(value, str) or type(value) is int,
    "productSku": _is_text,
    "productBrand": _is_text,
    "productCategory": _is_text,
    "string": _is_text,
    "double": _is_number,
    "number": _is_whole,
    "date": _is_date,
    "boolean": lambda value, _: isinstance(value, bool),
    "enum": lambda value, field: value in field.values,
}
_IN_WORDS: Final = {
    "customer": "a text or a whole number",
    "double": "a number",
    "number": "a whole number",
    "date": "an ISO 8601 date or time such as 2026-03-01",
    "boolean": "true or false",
}


def _unique_id(attributes: Attributes, definition: EventDefinition, country: str) -> str | None:
    """RULE: 128 bits of SHA-256 over (name, field, type, value), each with its length, in the order of the fields."""
    key = definition.unique_key
    if not key:
        return None
    digest = sha256(_with_length(definition.name))
    for field in key:
        for part in (field.name, field.type, _plain(attributes[field.name], field, country)):
            digest.update(_with_length(part))
    return f"{UNIQUE}{digest.digest()[:_ID_BYTES].hex()}"


def _with_length(text: str) -> bytes:
    raw = text.encode()
    return len(raw).to_bytes(4, "big") + raw


def _plain(value: object, field: EventField, country: str) -> str:
    """One spelling of equal values.

    4, 4.0 and "4" are one number; +44 7400 123456 and 07400123456 are one phone number; 007 and 7 are two codes.
    """
    if field.type in {"double", "number"}:
        return format(Decimal(str(value)).normalize() + 0, "f")  # which makes -0 to 0
    kind = field.identifier_type
    return str(value) if kind is None else normalised(kind, str(value), country) or str(value)
