"""Pages of Open Loyalty's lists (S2): which of the results are asked for, and reading them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from pipeline.gateway.asked import Asked, one_of, positive
from pipeline.gateway.requests import Misread
from pipeline.gateway.tables import Row, Tables

PARAMETERS: Final = frozenset({"page", "perPage", "sort", "direction"})
"""Of every list."""
WINDOW_MAX: Final = 10_000
"""The last result that a list shows (S2 l.3654)."""
_PER_PAGE: Final = 10
_DIRECTIONS: Final = ("asc", "desc")


class Page(NamedTuple):
    """Which of the results are asked for."""

    column: str
    """What they are ordered by."""
    direction: str
    """`asc` or `desc`."""
    limit: int
    offset: int


class Where(NamedTuple):
    """Conditions, and their parameters."""

    sql: str
    parameters: Mapping[str, Any]


class Shown(NamedTuple):
    """The results of one page."""

    rows: list[Row]
    total: int
    """Of all pages."""


def page_of(asked: Asked, sorts: Mapping[str, str]) -> Page:
    """The page that is asked for; `sorts`: columns by what S2 calls them, the first being the default.

    Raises `Misread`.
    """
    number, size = (
        positive(asked, name, default, WINDOW_MAX) for name, default in (("page", 1), ("perPage", _PER_PAGE))
    )
    if number * size > WINDOW_MAX:
        message = f"page {number} of {size} lies beyond the first {WINDOW_MAX:,} results; narrow the search"
        raise Misread(message)
    return Page(
        column=sorts[one_of(asked, "sort", tuple(sorts))],
        direction=one_of({"direction": str(asked.get("direction", "asc")).lower()}, "direction", _DIRECTIONS),
        limit=size,
        offset=(number - 1) * size,
    )


async def shown(tables: Tables, source: str, where: Where, page: Page, then: str) -> Shown:
    """The results of a page. Raises `NotNow`.

    Args:
        tables: where they are.
        source: what is listed, as a query.
        where: which of it.
        page: which part of that.
        then: the columns that decide between equals.
    """
    matching = f"FROM ({source}) WHERE {where.sql}"
    rows = await tables.rows(
        f"SELECT * {matching} ORDER BY {page.column} {page.direction}, {then} "
        "LIMIT {limit:UInt64} OFFSET {offset:UInt64}",
        **where.parameters,
        limit=page.limit,
        offset=page.offset,
    )
    (counted,) = await tables.rows(f"SELECT count() AS total {matching}", **where.parameters)
    return Shown(rows=rows, total=counted["total"])
