"""What new settings change, in words. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from pipeline.cli.program_problem import shown
from pipeline.runtime.roles.settings_writer import Change


def sentences(changes: Iterable[Change]) -> Iterator[str]:
    """A line for each entry that is new or gone, and for each field that differs."""
    for change in changes:
        name = _name(change.key)
        if change.before is None:
            yield f"{name}: new"
        elif change.after is None:
            yield f"{name}: removed"
        else:
            yield from _fields(name, json.loads(change.before), json.loads(change.after))


def _name(key: bytes) -> str:
    kind, _, rest = key.decode().partition(":")
    if kind == "topic":
        return f"topic {rest}"
    org, _, own = rest.partition("/")
    return f"org {org}" if not own else f"org {org}, {kind} {own}"


def _fields(name: str, before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    for field in {**before, **after}:
        was, now = before.get(field), after.get(field)
        if was != now:
            yield f"{name}: {field} is {shown(now)}, was {shown(was)}"
