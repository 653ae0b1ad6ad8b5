"""A validator for the part of JSON Schema that our schemas use: it takes a file as an editor would."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

_TYPES: Final[dict[str, Callable[[Any], bool]]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
}
_BOUNDS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "const": lambda value, bound: value == bound,
    "enum": lambda value, bound: value in bound,
    "pattern": lambda value, bound: not isinstance(value, str) or re.search(bound, value) is not None,
    "minimum": lambda value, bound: value >= bound,
    "maximum": lambda value, bound: value <= bound,
    "minLength": lambda value, bound: not isinstance(value, str) or len(value) >= bound,
    "maxLength": lambda value, bound: not isinstance(value, str) or len(value) <= bound,
    "minItems": lambda value, bound: len(value) >= bound,
    "maxItems": lambda value, bound: len(value) <= bound,
    "format": lambda value, bound: bound != "date" or re.fullmatch(r"\d{4}-\d{2}-\d{2}", value) is not None,
}
_SAID_ONLY: Final = {"$defs", "$schema", "default", "description", "discriminator", "examples", "title"}
_DEEPER: Final = {"$ref", "anyOf", "oneOf", "properties", "items", "additionalProperties", "required", "type"}


def violations(value: Any, schema: dict[str, Any], root: dict[str, Any], path: str = "") -> Iterator[str]:
    """Where `value` is not as the schema says; a keyword that is not known here is an error."""
    assert not schema.keys() - _SAID_ONLY - _DEEPER - _BOUNDS.keys()
    if "$ref" in schema:
        yield from violations(value, root["$defs"][schema["$ref"].rsplit("/", 1)[1]], root, path)
    for key, fitting in (("anyOf", range(1, 99)), ("oneOf", range(1, 2))):
        if key in schema and sum(not list(violations(value, one, root, path)) for one in schema[key]) not in fitting:
            yield f"{path}: fits none of {key}, or too many"
    if "type" in schema and not _TYPES[schema["type"]](value):
        yield f"{path}: is not of type {schema['type']}"
        return
    yield from (
        f"{path}: {key} {schema[key]}" for key in _BOUNDS.keys() & schema if not _BOUNDS[key](value, schema[key])
    )
    if isinstance(value, dict) and "properties" in schema:
        yield from _of_mapping(value, schema, root, path)
    if isinstance(value, list) and "items" in schema:
        for index, part in enumerate(value):
            yield from violations(part, schema["items"], root, f"{path}[{index}]")


def _of_mapping(value: dict[str, Any], schema: dict[str, Any], root: dict[str, Any], path: str) -> Iterator[str]:
    yield from (f"{path}.{key}: is missing" for key in schema.get("required", ()) if key not in value)
    for key, part in value.items():
        if key in schema["properties"]:
            yield from violations(part, schema["properties"][key], root, f"{path}.{key}")
        elif schema.get("additionalProperties") is False:
            yield f"{path}.{key}: is not known"
