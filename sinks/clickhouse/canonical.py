"""Canonical JSON of a decision: its fields by name, in their order, enums as text, fields at their default left out.

A field that is appended to a kind of decision has a default, so it changes no text that was written before.
On the wire a decision is an array. So each kind of struct has a twin with the same fields that is written as an object.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import inspect

from schemas.facts import Decision

_JSON: Final = msgspec.json.Encoder()
_Convert = Callable[[Any], Any]


class _Twin(NamedTuple):
    kind: type[msgspec.Struct]
    changed: tuple[tuple[int, _Convert], ...]
    """Place and conversion of the fields that are not plain values."""


def canonical_json(decision: Decision) -> bytes:
    """The decision as one JSON object."""
    return _JSON.encode(_named(decision))


def _named(struct: msgspec.Struct) -> msgspec.Struct:
    twin, changed = twin_of(type(struct))
    if not changed:
        return twin(*msgspec.structs.astuple(struct))
    values = list(msgspec.structs.astuple(struct))
    for place, convert in changed:
        values[place] = convert(values[place])
    return twin(*values)


@cache
def twin_of(kind: type[msgspec.Struct]) -> _Twin:
    """How a kind of struct is written. Raises `TypeError` for one that has a default that cannot be left out."""
    info = inspect.type_info(kind)
    if not isinstance(info, inspect.StructType):
        message = f"{kind.__name__} is no struct"
        raise TypeError(message)
    fields = [_field(kind, field) for field in info.fields]
    converted = ((place, _converter(field.type)) for place, field in enumerate(info.fields))
    return _Twin(
        msgspec.defstruct(kind.__name__, fields, frozen=True, omit_defaults=True, gc=False),
        tuple((place, convert) for place, convert in converted if convert is not None),
    )


def _field(kind: type[msgspec.Struct], field: inspect.Field) -> tuple[str, type] | tuple[str, type, Any]:
    if field.required:
        return field.name, object
    if field.default_factory is not msgspec.NODEFAULT:
        return field.name, object, msgspec.field(default_factory=field.default_factory)
    if field.default not in (None, "", 0, ()):  # the encoder knows a default by identity, and only these have one
        message = f"the default of {kind.__name__}.{field.name} is not empty, so it could not be left out reliably"
        raise TypeError(message)
    return field.name, object, field.default


def _converter(of: inspect.Type) -> _Convert | None:
    """Converts a value for the encoder, which writes fields by name; None if it needs no conversion."""
    match of:
        case inspect.EnumType():
            return lambda member: member.text
        case inspect.StructType():
            return _named
        case inspect.VarTupleType(item_type=item) | inspect.ListType(item_type=item):
            convert = _converter(item)
            return None if convert is None else lambda values: tuple([convert(value) for value in values])
        case inspect.UnionType(types=types):
            found = [convert for each in types if (convert := _converter(each)) is not None]
            if not found:
                return None
            [only] = found
            return lambda value: None if value is None else only(value)
        case _:
            return None
