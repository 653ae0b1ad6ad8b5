"""Form bodies as PHP reads them: `transaction[items][0][quantity]=1` is a field of an object in a list (S2)."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import parse_qsl

DEPTH_MAX: Final = 8
FIELDS_MAX: Final = 20_000
_NAME: Final = re.compile(r"([^\[\]=]+)((?:\[[^\[\]]*\])*)")
_PART: Final = re.compile(r"\[([^\[\]]*)\]")


class BadForm(Exception):
    """The body is no form, or is nested or long beyond what is read."""


def form_in(body: bytes) -> dict[str, Any]:
    """The object that a form body describes; all values are text. Raises `BadForm`.

    As in PHP, `[]` is the next place of a list, and a name that comes twice has its last value: what has fields inside
    takes the place of a text, as in the example of a simulation (S2 l.8895).
    """
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, strict_parsing=bool(body), max_num_fields=FIELDS_MAX, errors="strict"
        )
    except ValueError as error:  # of UTF-8, too
        message = f"the body is no form: {error}"
        raise BadForm(message) from error
    root: dict[str, Any] = {}
    for name, value in pairs:
        _put(root, name, value)
    content: dict[str, Any] = {name: _with_lists(value) for name, value in root.items()}
    return content


def _put(root: dict[str, Any], name: str, value: str) -> None:
    match = _NAME.fullmatch(name)
    path = [] if match is None else [match[1], *_PART.findall(match[2])]
    if not 1 <= len(path) <= DEPTH_MAX:
        message = f"the field {name[:100]!r} is no name such as transaction[items][0][quantity], {DEPTH_MAX} deep"
        raise BadForm(message)
    place = root
    for step in path[:-1]:
        own = step or str(len(place))
        if not isinstance(place.get(own), dict):
            place[own] = {}
        place = place[own]
    place[path[-1] or str(len(place))] = value


def _with_lists(value: Any) -> Any:
    """Objects whose names are 0, 1, 2 … are lists."""
    if not isinstance(value, dict):
        return value
    inside = {name: _with_lists(one) for name, one in value.items()}
    places = [str(place) for place in range(len(inside))]
    return [inside[place] for place in places] if inside.keys() == set(places) else inside
