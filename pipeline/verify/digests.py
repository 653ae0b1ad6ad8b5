"""Digests: the same number for an expected row, computed in Python, and for a stored row, computed in SQL.

A row's digest is the CRC-32 of its values as text; digests of rows are added up, so their order does not matter. That
finds what is missing, doubled or different by accident; it does not protect against forgery.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import NoneType
from typing import Any, Final
from zlib import crc32

from clickhouse_connect.driver.client import Client

_SEPARATOR: Final = "\x1f"
_NULL: Final = "(null)"
_WRAPPED: Final = re.compile(r"(\w+)\((.*)\)", re.DOTALL)


def digest(values: Iterable[Any]) -> int:
    """The digest of one row, whose instants are milliseconds and whose days are counted from 1970."""
    return crc32(_SEPARATOR.join(map(_text, values)).encode())


def digest_sql(client: Client, table: str, columns: Sequence[str]) -> str:
    """An expression for the same digest of the table's rows."""
    found = client.query(
        "SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = {table:String}",
        parameters={"table": table},
    )
    types = {name: kind for name, kind in found.result_rows}  # noqa: C416 - rows are no tuples to mypy
    between = f", '{_SEPARATOR}', "
    return f"CRC32(concat({between.join(_sql(f'`{name}`', types[name]) for name in columns)}))"


def _text(value: Any) -> str:
    as_text = _TEXTS.get(type(value))
    return str(value) if as_text is None else as_text(value)


def _of_mapping(value: Mapping[str, str]) -> str:
    return ",".join(f"{key}:{one}" for key, one in value.items())


def _of_sequence(value: Sequence[Any]) -> str:
    return f"[{','.join(map(_text, value))}]"


_TEXTS: Final[dict[type[Any], Callable[[Any], str]]] = {
    NoneType: lambda _: _NULL,
    bool: lambda value: str(int(value)),
    bytes: lambda value: value.decode(),
    dict: _of_mapping,
    list: _of_sequence,
    tuple: _of_sequence,
}


def _sql(value: str, kind: str) -> str:
    """An expression for `value` as text, as `_text` gives it."""
    wrapped = _WRAPPED.fullmatch(kind)
    name, inner = (wrapped[1], wrapped[2]) if wrapped else (kind, "")
    as_text = _EXPRESSIONS.get(name)
    return f"toString({value})" if as_text is None else as_text(value, inner)


_EXPRESSIONS: Final[dict[str, Callable[[str, str], str]]] = {
    "LowCardinality": _sql,
    "Nullable": lambda value, inner: f"if(isNull({value}), '{_NULL}', {_sql(f'assumeNotNull({value})', inner)})",
    "Array": lambda value, inner: (
        f"concat('[', arrayStringConcat(arrayMap(e -> {_sql('e', inner)}, {value}), ','), ']')"
    ),
    "Map": lambda value, _: (
        f"arrayStringConcat(arrayMap((k, v) -> concat(k, ':', v), mapKeys({value}), mapValues({value})), ',')"
    ),
    "DateTime64": lambda value, _: f"toString(toUnixTimestamp64Milli({value}))",
    "Date32": lambda value, _: f"toString(toInt32({value}))",
    "Bool": lambda value, _: f"toString(toUInt8({value}))",
}
"""By the name of a type; of the others, `toString` gives what Python's `str` does."""
