"""Compatibility: what a change of an Avro schema breaks for old data and old readers.

Records and facts are arrays on the wire, so a field is known by its place: stricter than Avro, which goes by names.
"""

from __future__ import annotations

from typing import Any, Final

_WIDER: Final = {("int", "long"), ("int", "double"), ("long", "double"), ("float", "double")}


def breaks(old: Any, new: Any) -> list[str]:
    """What the step from schema `old` to schema `new` breaks, each with the path to it; empty when nothing.

    Allowed are: a field appended with a default, a branch added to a union, a symbol added to an enum, a wider number.
    """
    return _compare(old, new, "", _names(old), _names(new))


Names = dict[str, Any]


def _names(schema: Any) -> Names:
    """The types that a schema defines, by full name."""
    if isinstance(schema, list):
        return {name: kind for branch in schema for name, kind in _names(branch).items()}
    if not isinstance(schema, dict):
        return {}
    found: Names = {_label(schema): schema} if "name" in schema else {}
    parts = [field["type"] for field in schema.get("fields", ())]
    parts += [schema[key] for key in ("items", "values") if key in schema]
    for part in parts:
        found |= _names(part)
    return found


def _compare(old: Any, new: Any, path: str, old_names: Names, new_names: Names) -> list[str]:
    before, after = _label(old), _label(new)
    if isinstance(old, list) or isinstance(new, list):
        return _compare_branches(old, new, path, old_names, new_names)
    if before != after:
        return [] if (before, after) in _WIDER else [f"{path or 'the type'} was {before} and is {after}"]
    if not isinstance(old, dict):  # by name: its definition is compared where it stands
        return []
    if old["type"] == "record":
        return _compare_fields(old, new_names[before], path, old_names, new_names)
    if old["type"] == "enum":
        gone = [symbol for symbol in old["symbols"] if symbol not in new_names[before]["symbols"]]
        return [f"{path} lost the symbol {symbol}" for symbol in gone]
    part = "items" if old["type"] == "array" else "values"
    return _compare(old[part], new[part], f"{path}[]", old_names, new_names)


def _label(schema: Any) -> str:
    if isinstance(schema, str):
        return schema
    if isinstance(schema, list):
        return " or ".join(_label(branch) for branch in schema)
    return f"{schema['namespace']}.{schema['name']}" if "name" in schema else str(schema["type"])


def _compare_branches(old: Any, new: Any, path: str, old_names: Names, new_names: Names) -> list[str]:
    after = {_label(branch): branch for branch in (new if isinstance(new, list) else [new])}
    found: list[str] = []
    for branch in old if isinstance(old, list) else [old]:
        label = _label(branch)
        if label in after:
            found += _compare(branch, after[label], path, old_names, new_names)
        elif not any((label, wider) in _WIDER for wider in after):
            found.append(f"{path} can no longer be {label}")
    return found


def _compare_fields(old: Any, new: Any, path: str, old_names: Names, new_names: Names) -> list[str]:
    found: list[str] = []
    now = {field["name"]: field for field in new["fields"]}
    kept = [field for field in old["fields"] if field["name"] in now]
    for field in old["fields"]:
        where = f"{path}.{field['name']}" if path else field["name"]
        if field["name"] not in now:
            found.append(f"{where} was removed")
            continue
        found += _compare(field["type"], now[field["name"]]["type"], where, old_names, new_names)
        if "default" in field and now[field["name"]].get("default", _NOTHING) != field["default"]:
            found.append(f"{where} had the default {field['default']!r} and has it no longer")
    names = [field["name"] for field in old["fields"]]
    added = [field for field in new["fields"] if field["name"] not in names]
    found += [
        f"{path + '.' if path else ''}{field['name']} is new and has no default"
        for field in added
        if "default" not in field
    ]
    if [field["name"] for field in new["fields"]] != [field["name"] for field in kept + added]:
        found.append(f"{path or 'the type'} has its fields in another order; append new ones at the end")
    return found


_NOTHING: Final = object()
