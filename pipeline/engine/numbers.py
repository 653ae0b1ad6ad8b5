"""Numbers in attributes, exactly: as integers in thousandths."""

from __future__ import annotations

import re
from typing import Final

from schemas.facts import IgnoredFor
from schemas.program import ATTRIBUTE_DIGITS

_UNIT: Final = 10**ATTRIBUTE_DIGITS
_UNITS_MAX: Final = 10**15
"""The most that one event may add."""
_DIGITS_MAX: Final = len(str(_UNITS_MAX))
_DECIMAL: Final = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?")


def thousandths_of(value: int | bool | str | None) -> int | IgnoredFor:  # noqa: FBT001 - the type of an attribute
    """The number in an attribute in thousandths, or why it can't be used; a record has fractions as decimal text."""
    if type(value) is int and 0 <= value <= _UNITS_MAX:
        return value * _UNIT
    if value is None:
        return IgnoredFor.ABSENT
    read = None if isinstance(value, bool) else _DECIMAL.fullmatch(str(value))
    return (
        IgnoredFor.NOT_A_NUMBER if read is None else _exact(read[1], read[2].lstrip("0"), (read[3] or "").rstrip("0"))
    )


def _exact(sign: str, whole: str, fraction: str) -> int | IgnoredFor:
    if sign and (whole or fraction):
        return IgnoredFor.NEGATIVE
    if len(fraction) > ATTRIBUTE_DIGITS:
        return IgnoredFor.TOO_FINE
    if len(whole) > _DIGITS_MAX:  # before it becomes a number: text can have more digits than Python reads
        return IgnoredFor.TOO_LARGE
    number = int(whole or "0") * _UNIT + int(f"{fraction:0<{ATTRIBUTE_DIGITS}}")
    return number if number <= _UNITS_MAX * _UNIT else IgnoredFor.TOO_LARGE
