"""A table as one description: its columns with type, codec, comment, and how each value is got.

The DDL, the names in an insert and the values all follow from it. There is no second list of columns to keep in order,
so two columns of one type cannot change places unnoticed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar

_Item_contra = TypeVar("_Item_contra", contravariant=True)
_Item = TypeVar("_Item")
_Inner = TypeVar("_Inner")
_Outer = TypeVar("_Outer")

TOKENS_REMEMBERED: Final = 10_000
"""Blocks per table whose deduplication token ClickHouse remembers: an insert with a known token is dropped."""


class Source(NamedTuple):
    """The message that rows came from."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True)
class Column(Generic[_Item_contra]):
    """One column, and the value that it gets from what a row is made of."""

    name: str
    type: str
    of: Callable[[_Item_contra], Any]
    codec: str = ""
    comment: str = ""


@dataclass(frozen=True)
class Table(Generic[_Item_contra]):
    """One table. A row is made of one item; `columns` says how."""

    name: str
    comment: str
    columns: tuple[Column[_Item_contra], ...]
    order_by: tuple[str, ...]
    partition_by: str = ""
    replaced_by: str = ""
    """Rows with the same `order_by` replace one another: the one with the highest value in this column stays."""
    computed: tuple[str, ...] = ()
    """Columns that ClickHouse fills by itself, as they stand in the DDL."""

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that are inserted, in order."""
        return tuple(column.name for column in self.columns)

    def values(self, items: Iterable[_Item_contra]) -> list[list[Any]]:
        """By column, in the order of `names`: the values of one row per item."""
        made = list(items)
        return [list(map(column.of, made)) for column in self.columns]

    def rows(self, items: Iterable[_Item_contra]) -> list[tuple[Any, ...]]:
        """One row per item, each in the order of `names`."""
        return list(zip(*self.values(items), strict=True))


Rows = dict[str, list[Any]]
"""By table: the items that its rows are made of."""


class FromMessage(Protocol):
    """Something that rows are made of, with the message that it came from."""

    @property
    def src(self) -> Source:
        """The message."""

    @property
    def idx(self) -> int:
        """The place in the message, from 0."""


SOURCE_COLUMNS: Final[tuple[Column[FromMessage], ...]] = (
    Column("src_topic", "LowCardinality(String)", lambda item: item.src.topic),
    Column("src_partition", "UInt32", lambda item: item.src.partition, "T64, ZSTD(1)"),
    Column("src_offset", "Int64", lambda item: item.src.offset, "Delta, ZSTD(1)"),
    Column("idx", "UInt32", lambda item: item.idx, "T64, ZSTD(1)", "place in the message, from 0"),
)
"""What every row names: its message and its place in it, so that "each once" can be shown in SQL."""
SOURCE_NAMES: Final = tuple(column.name for column in SOURCE_COLUMNS)


def integer(name: str, of: Callable[[_Item], int], comment: str = "") -> Column[_Item]:
    """A signed integer of 64 bits."""
    return Column(name, "Int64", of, "T64, ZSTD(1)", comment)


def rising(name: str, of: Callable[[_Item], int], comment: str = "") -> Column[_Item]:
    """An integer that rises from row to row, such as an offset."""
    return Column(name, "Int64", of, "Delta, ZSTD(1)", comment)


def number(name: str, of: Callable[[_Item], int], comment: str = "") -> Column[_Item]:
    """A small count or number, not negative."""
    return Column(name, "UInt32", of, "T64, ZSTD(1)", comment)


def instant(name: str, of: Callable[[_Item], int], comment: str = "") -> Column[_Item]:
    """An instant: milliseconds since the epoch become a time in UTC."""
    return Column(name, "DateTime64(3, 'UTC')", of, "Delta, ZSTD(1)", comment)


def text(name: str, of: Callable[[_Item], str | bytes], comment: str = "", *, zstd: int = 1) -> Column[_Item]:
    """Text that differs from row to row."""
    return Column(name, "String", of, f"ZSTD({zstd})", comment)


def word(name: str, of: Callable[[_Item], str], comment: str = "") -> Column[_Item]:
    """Text with few different values, such as a name or a kind."""
    return Column(name, "LowCardinality(String)", of, "", comment)


def nested(
    name: str, items: Callable[[_Outer], Sequence[_Inner]], columns: Sequence[Column[_Inner]]
) -> tuple[Column[_Outer], ...]:
    """A list in each row: a column `name.column` per column, all arrays of the same length."""
    return tuple(_nested(name, items, column) for column in columns)


def _nested(name: str, items: Callable[[_Outer], Sequence[_Inner]], column: Column[_Inner]) -> Column[_Outer]:
    of = column.of
    return Column(
        name=f"{name}.{column.name}",
        type=f"Array({column.type})",
        of=lambda outer: [of(inner) for inner in items(outer)],
        comment=column.comment,
    )
