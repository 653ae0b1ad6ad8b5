"""Avro files of the published language, generated from its types: `python -m schemas.avro` writes `schemas/avro/`.

A change that an older reader or an old record could not bear is refused (`schemas.compatibility`), so what is committed
is the baseline that the next change is held to.
"""

from __future__ import annotations

import ast
import inspect as source
import json
import sys
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, get_args

import fastavro
import msgspec
from msgspec import inspect

from schemas import facts, messages, records
from schemas.compatibility import breaks

FOLDER: Final = Path(__file__).with_name("avro")

Schema = dict[str, Any]


def schemas() -> dict[str, Schema]:
    """Every schema by file name: one for each message and record type, and one for the messages of the facts topic."""
    kinds: dict[str, tuple[type[msgspec.Struct], ...]] = {
        "message": get_args(messages.AnyMessage),
        "record": get_args(records.AnyRecord),
        "facts": (facts.FactMessage,),
    }
    return {
        f"{family}.{kind.__name__}.avsc": schema_of(kind, f"accrue.{family}")
        for family, of_family in kinds.items()
        for kind in of_family
    }


def schema_of(kind: type[msgspec.Struct], namespace: str) -> Schema:
    """The Avro schema of one type, checked by fastavro; types it is made of are defined where they first appear."""
    schema: Schema = _Definitions(namespace).of(inspect.type_info(kind))
    fastavro.parse_schema(schema)
    return schema


def text_of(schema: Schema) -> str:
    """The schema as it stands in its file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def main() -> int:
    """Write every file; nothing is written, and 1 returned, when a change would break somebody."""
    wanted = schemas()
    broken = [
        f"{name}: {problem}"
        for name, schema in wanted.items()
        if (FOLDER / name).exists()
        for problem in breaks(json.loads((FOLDER / name).read_text()), schema)
    ]
    broken += [f"{path.name}: the whole type is gone" for path in FOLDER.glob("*.avsc") if path.name not in wanted]
    if broken:
        sys.stderr.write("refused, because it would break readers or old data:\n  " + "\n  ".join(broken) + "\n")
        return 1
    FOLDER.mkdir(exist_ok=True)
    for name, schema in wanted.items():
        (FOLDER / name).write_text(text_of(schema))
    return 0


class _Definitions:
    """The named types of one file: Avro defines a name once and refers to it afterwards."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._defined: set[str] = set()

    def of(self, kind: inspect.Type) -> Any:
        bare = kind.type if isinstance(kind, inspect.Metadata) else kind
        return self._TRANSLATIONS[type(bare)](self, bare)

    def _union(self, bare: inspect.UnionType) -> list[Any]:
        # A default has to be of a union's first branch, and the default of what may be missing is null.
        branches = sorted(bare.types, key=lambda one: not isinstance(one, inspect.NoneType))
        return [self.of(branch) for branch in branches]

    def _record(self, bare: inspect.StructType) -> Any:
        name = bare.cls.__name__
        if name in self._defined:
            return f"{self._namespace}.{name}"
        self._defined.add(name)
        notes = _field_notes(bare.cls)
        fields = []
        for one in bare.fields:
            field: Schema = {"name": one.encode_name, "type": self.of(one.type)}
            if one.name in notes:
                field["doc"] = notes[one.name]
            if not one.required:
                field["default"] = _default(one)
            fields.append(field)
        return {
            "type": "record",
            "name": name,
            "namespace": self._namespace,
            "doc": source.getdoc(bare.cls),
            "fields": fields,
        }

    def _enum(self, bare: inspect.EnumType) -> Any:
        if issubclass(bare.cls, int):
            return "int"
        name = bare.cls.__name__
        if name in self._defined:
            return f"{self._namespace}.{name}"
        self._defined.add(name)
        return {
            "type": "enum",
            "name": name,
            "namespace": self._namespace,
            "doc": source.getdoc(bare.cls),
            "symbols": [str(one.value) for one in bare.cls],
        }

    _TRANSLATIONS: Final[dict[type[inspect.Type], Callable[[_Definitions, Any], Any]]] = {
        inspect.IntType: lambda _, __: "long",
        inspect.FloatType: lambda _, __: "double",
        inspect.BoolType: lambda _, __: "boolean",
        inspect.StrType: lambda _, __: "string",
        inspect.BytesType: lambda _, __: "bytes",
        inspect.NoneType: lambda _, __: "null",
        inspect.VarTupleType: lambda self, bare: {"type": "array", "items": self.of(bare.item_type)},
        inspect.ListType: lambda self, bare: {"type": "array", "items": self.of(bare.item_type)},
        inspect.DictType: lambda self, bare: {"type": "map", "values": self.of(bare.value_type)},
        inspect.UnionType: _union,
        inspect.StructType: _record,
        inspect.EnumType: _enum,
    }


def _default(field: inspect.Field) -> Any:
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    return msgspec.json.decode(msgspec.json.encode(value))  # as JSON has it: lists, not tuples


@cache
def _field_notes(kind: type) -> dict[str, str]:
    """The strings under the fields of a class and its bases, by field."""
    notes: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if not base.__module__.startswith("schemas."):
            continue
        body = ast.parse(source.getsource(base)).body[0]
        statements = body.body if isinstance(body, ast.ClassDef) else []
        for field, below in pairwise(statements):
            if (
                isinstance(field, ast.AnnAssign)
                and isinstance(field.target, ast.Name)
                and isinstance(below, ast.Expr)
                and isinstance(below.value, ast.Constant)
            ):
                notes[field.target.id] = source.cleandoc(str(below.value.value))
    return notes


if __name__ == "__main__":
    sys.exit(main())
