"""The Capillary event schemas' samples, as published, and what they say once their damage is undone.

`samples/*.json` are copies, line-wrap damage included (a stray space about every 190 characters, inside keys and
values). `normalised` undoes it, as a consumer has to: whitespace leaves keys and words of a fixed vocabulary; free text
stays as it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SAMPLES = Path(__file__).parent / "samples"

VOCABULARY = {"actionType", "billType", "entityType", "eventName", "eventType", "loyaltyType", "name", "key"}
"""Fields whose values are words, not text; `name` and `key` only inside a triggering activity."""
TYPOS = {"Instore": "instore"}

Shape = dict[str, str]
"""JSON type by path, such as `{"data.pointsExpired": "integer"}`."""


def published(event: str) -> str:
    return (SAMPLES / f"{event}.json").read_text()


def normalised(text: str) -> dict[str, Any]:
    document: dict[str, Any] = _mended(json.loads(text), within_activity=False)
    return document


def shape_of(document: object) -> Shape:
    return dict(_paths(document, ""))


def identifier_keys(document: object) -> set[str]:
    """What a document's `{key, value}` pairs are called."""
    if isinstance(document, list):
        return {key for one in document for key in identifier_keys(one)}
    if not isinstance(document, dict):
        return set()
    own = {str(document["key"])} if document.keys() == {"key", "value"} else set()
    return own | {key for one in document.values() for key in identifier_keys(one)}


def _mended(value: Any, *, within_activity: bool) -> Any:
    if isinstance(value, list):
        return [_mended(one, within_activity=within_activity) for one in value]
    if not isinstance(value, dict):
        return value
    mended = {}
    for damaged, content in value.items():
        key = "".join(damaged.split())
        key = TYPOS.get(key, key)
        is_word = key in VOCABULARY and (within_activity or key not in {"name", "key"})
        if isinstance(content, str) and is_word:
            mended[key] = "".join(content.split())
        else:
            mended[key] = _mended(content, within_activity=within_activity or key == "triggeringActivity")
    return mended


def _paths(value: object, path: str) -> Iterator[tuple[str, str]]:
    if path:
        yield path, _type(value)
    if isinstance(value, dict):
        for key, content in value.items():
            yield from _paths(content, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for one in value:
            yield from _paths(one, f"{path}[]")


def _type(value: object) -> str:
    if value is None:
        return "null"
    return {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "number"}[type(value)]
