"""The custom events that a program knows by name."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel

_NAMING = frozenset({"event", "events"})
"""What settings are called that name custom events: one, or several."""


def event_names(definition: BaseModel) -> frozenset[str]:
    """The names of custom events in any part of a program, retired ones included."""
    return frozenset(_named_in(definition))


def _named_in(part: BaseModel) -> Iterator[str]:
    for name in type(part).model_fields:
        value = getattr(part, name)
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(one, BaseModel):
                yield from _named_in(one)
            elif name in _NAMING and isinstance(one, str):
                yield one
