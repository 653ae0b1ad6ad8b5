"""Every defect of a decoded JSON value, found by walking it beside the type it should have.

The types in `schemas.messages` are the only description of what is right; nothing about a field is repeated here. Of
what has too many items or entries those beyond the limit are not looked at, so that no message takes long.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from itertools import islice
from math import isinf
from typing import Any, Final

import msgspec
from msgspec import inspect

from pipeline.intake.verdict import Defect

CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_SHOWN_MAX: Final = 60
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False)
_PLAIN_KEY: Final = re.compile(r"[A-Za-z0-9_-]{1,60}")


def defects_of(value: object, kind: inspect.Type, path: str = "") -> Iterator[Defect]:
    """The defects of `value` (as decoded from JSON) against this type, each with its path."""
    bare = _bare(kind)
    choices = bare.types if isinstance(bare, inspect.UnionType) else (kind,)
    fitting = next((choice for choice in choices if type(value) is _SHAPES[type(_bare(choice))]), None)
    if fitting is None:
        yield _wrong(value, kind, path)
    elif look_into := _DEEPER.get(type(_bare(fitting))):
        yield from look_into(value, _bare(fitting), fitting, path)


def shown(value: object) -> str:
    """The value as JSON, cut to a bearable length; of a long one no more is looked at than is shown."""
    text = ""
    for part in _ENCODER.iterencode(value):
        text += part
        if len(text) > _SHOWN_MAX:
            return f"{text[:_SHOWN_MAX]}… ({_size(value, text)})"
    return text


def _size(value: object, text: str) -> str:
    if isinstance(value, list | dict):
        return f"{len(value)} {'items' if isinstance(value, list) else 'entries'}"
    return f"{len(text)} characters"


def joined(path: str, key: str) -> str:
    """The path of a key of the object at `path`."""
    if not _PLAIN_KEY.fullmatch(key):
        return f"{path}[{shown(key)}]"
    return f"{path}.{key}" if path else key


def _bare(kind: inspect.Type) -> inspect.Type:
    return kind.type if isinstance(kind, inspect.Metadata) else kind


_SHAPES: Final[dict[type[inspect.Type], type]] = {
    inspect.IntType: int,
    inspect.FloatType: float,
    inspect.BoolType: bool,
    inspect.StrType: str,
    inspect.NoneType: type(None),
    inspect.VarTupleType: list,
    inspect.DictType: dict,
    inspect.StructType: dict,
}


def _wrong(value: object, kind: inspect.Type, path: str) -> Defect:
    return Defect(path, f"is {shown(value)}", f"write {wanted(kind)}")


def wanted(kind: inspect.Type) -> str:
    """What a value of this type looks like, in words."""
    bare = _bare(kind)
    said = kind.extra_json_schema if isinstance(kind, inspect.Metadata) else None
    if said and "description" in said:
        return str(said["description"])
    return _WORDS[type(bare)](bare)


def _length(bare: Any) -> str:
    return f"{bare.min_length} to {bare.max_length}" if bare.min_length else f"at most {bare.max_length}"


_WORDS: Final[dict[type[inspect.Type], Callable[[Any], str]]] = {
    inspect.IntType: lambda bare: f"an integer from {bare.ge} to {bare.le}",
    inspect.FloatType: lambda _: "a number",
    inspect.BoolType: lambda _: "true or false",
    inspect.StrType: lambda bare: f"a string of {_length(bare)} characters",
    inspect.NoneType: lambda _: "null",
    inspect.VarTupleType: lambda bare: f"a list of {_length(bare)} items",
    inspect.DictType: lambda bare: f"an object of {_length(bare)} entries, each {wanted(bare.value_type)}",
    inspect.StructType: lambda bare: f"an object with {', '.join(one.encode_name for one in bare.fields)}",
    inspect.UnionType: lambda bare: ", or ".join(wanted(one) for one in bare.types),
}


def _in_integer(value: int, bare: inspect.IntType, kind: inspect.Type, path: str) -> Iterator[Defect]:
    if (bare.ge is not None and value < bare.ge) or (bare.le is not None and value > bare.le):
        meaning = "" if kind is bare else f": {wanted(kind)}"
        yield Defect(path, f"is {shown(value)}", f"write {wanted(bare)}{meaning}")


def _in_float(value: float, _bare: inspect.FloatType, _kind: inspect.Type, path: str) -> Iterator[Defect]:
    if isinf(value):
        yield Defect(path, "is a number too large to keep", "write a number below 1.8e308, or a string")


def _in_string(value: str, bare: inspect.StrType, kind: inspect.Type, path: str) -> Iterator[Defect]:
    control = CONTROL.search(value)
    if control:
        where = f"holds the control character U+{ord(control[0]):04X} at position {control.start() + 1}"
        yield Defect(path, f"{where}: {shown(value)}", "leave control characters out")
    elif (
        (bare.min_length is not None and len(value) < bare.min_length)
        or (bare.max_length is not None and len(value) > bare.max_length)
        or (bare.pattern is not None and not re.search(bare.pattern, value))
    ):
        yield _wrong(value, kind, path)


def _in_list(value: list[object], bare: inspect.VarTupleType, kind: inspect.Type, path: str) -> Iterator[Defect]:
    if bare.max_length is not None and len(value) > bare.max_length:
        yield Defect(path, f"has {len(value)} items", f"write {wanted(kind)}")
    for index, item in enumerate(islice(value, bare.max_length)):
        yield from defects_of(item, bare.item_type, f"{path}[{index}]")


def _in_dict(value: dict[str, object], bare: inspect.DictType, kind: inspect.Type, path: str) -> Iterator[Defect]:
    if bare.max_length is not None and len(value) > bare.max_length:
        yield Defect(path, f"has {len(value)} entries", f"write {wanted(kind)}")
    for key, item in islice(value.items(), bare.max_length):
        for defect in defects_of(key, bare.key_type, joined(path, key)):
            yield defect._replace(problem=f"as a key {defect.problem}")
        yield from defects_of(item, bare.value_type, joined(path, key))


def _in_struct(value: dict[str, object], bare: inspect.StructType, _kind: inspect.Type, path: str) -> Iterator[Defect]:
    fields = _fields_of(bare.cls)
    for name, field in fields.items():
        if name in value:
            yield from defects_of(value[name], field.type, joined(path, name))
        elif field.required:
            yield Defect(joined(path, name), "is missing", f"add {wanted(field.type)}")
    for name in value:
        if name not in fields and name != bare.tag_field:
            yield Defect(joined(path, name), "is not a known field", f"remove it; known are {', '.join(fields)}")


@cache
def _fields_of(cls: type[msgspec.Struct]) -> dict[str, inspect.Field]:
    kind = inspect.type_info(cls)
    return {field.encode_name: field for field in kind.fields} if isinstance(kind, inspect.StructType) else {}


_DEEPER: Final[dict[type[inspect.Type], Callable[[Any, Any, inspect.Type, str], Iterator[Defect]]]] = {
    inspect.IntType: _in_integer,
    inspect.FloatType: _in_float,
    inspect.StrType: _in_string,
    inspect.VarTupleType: _in_list,
    inspect.DictType: _in_dict,
    inspect.StructType: _in_struct,
}
