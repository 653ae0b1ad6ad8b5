"""What new settings change, in words. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import takewhile
from typing import Any, Final

from pipeline.cli.program_problem import shortened, shown
from pipeline.runtime.roles.settings_writer import Change

_BEFORE: Final = 20
"""Characters that are shown before the first that differs."""


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
            yield from _field(name, field, was, now)


def _field(name: str, field: str, was: object, now: object) -> Iterator[str]:
    if isinstance(was, list) and isinstance(now, list):
        if any(isinstance(one, dict) for one in was + now):
            yield from _parts(name, field, was, now)
            return
        new, gone = ([one for one in some if one not in others] for some, others in ((now, was), (was, now)))
        for one in new:
            yield f"{name}: {field} has {shown(one)} now"
        for one in gone:
            yield f"{name}: {field} has {shown(one)} no more"
        if new or gone:
            return
    told = _apart(now, was)
    yield f"{name}: {field} is {told[0]}, was {told[1]}"


def _parts(name: str, field: str, was: list[dict[str, Any]], now: list[dict[str, Any]]) -> Iterator[str]:
    """Of a list of parts, such as the fields of an event or the tills of a store, what changes in each."""
    before, after = ({part.get("code") or part["name"]: part for part in parts} for parts in (was, now))
    for own in {**before, **after}:
        called = f"{name}, {field.removesuffix('s')} {own}"
        if own not in before:
            yield f"{called}: new"
        elif own not in after:
            yield f"{called}: removed"
        else:
            yield from _fields(called, before[own], after[own])
    kept = [[own for own in some if own in others] for some, others in ((after, before), (before, after))]
    if kept[0] != kept[1]:
        now_in, was_in = _apart(*kept)
        yield f"{name}: the order of {field} is {now_in}, was {was_in}"


def _apart(now: object, was: object) -> tuple[str, str]:
    """Both values as text; of those that are too long to be shown, from a little before where they differ."""
    texts = [repr(one) if isinstance(one, str) else json.dumps(one) for one in (now, was)]
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(*texts, strict=False)))
    if same > _BEFORE and any(shortened(text) != text for text in texts):
        texts = [f"…{text[same - _BEFORE :]}" for text in texts]
    return shortened(texts[0]), shortened(texts[1])
