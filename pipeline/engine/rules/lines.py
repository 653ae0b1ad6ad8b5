"""Which lines of a bill a filter takes."""

from __future__ import annotations

from collections.abc import Callable, Collection

from schemas.records import Line


def line_filter(
    *,
    skus: Collection[str],
    categories: Collection[str],
    excluded_skus: Collection[str] = (),
    excluded_categories: Collection[str] = (),
) -> Callable[[Line], bool]:
    """Takes lines of one of these SKUs or categories (all lines without any), but none of the excluded ones."""
    taken, of_categories = frozenset(skus), frozenset(categories)
    left, of_left = frozenset(excluded_skus), frozenset(excluded_categories)
    takes_all = not (taken or of_categories)

    def takes(line: Line) -> bool:
        if line.sku in left or line.category in of_left:
            return False
        return takes_all or line.sku in taken or line.category in of_categories

    return takes
