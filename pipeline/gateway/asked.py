"""Parameters of Open Loyalty's lists (S2): read, or refused in words. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, DecimalException
from typing import Any, Final
from zoneinfo import ZoneInfo

from pipeline.gateway.requests import Misread
from schemas.money import minor_digits

WRITTEN_MAX: Final = 40
"""Characters of a parameter that are told back."""
_MINOR_MAX: Final = 10**15
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")

Asked = Mapping[str, Any]
"""Parameters by name, as a form has them."""


def only_known(asked: Asked, known: frozenset[str]) -> None:
    """Raises `Misread` for a parameter that would have no effect: what it leaves out would be shown."""
    if others := sorted(asked.keys() - known - {"_locale"}):
        message = (
            f"the parameter {others[0][:WRITTEN_MAX]!r} is not understood here; known are {', '.join(sorted(known))}"
        )
        raise Misread(message)


def text(asked: Asked, name: str) -> str:
    """The text of a parameter; empty where it is left out. Raises `Misread`, as all below do."""
    value = asked.get(name, "")
    if not isinstance(value, str):
        message = f"the parameter {name} is no text"
        raise Misread(message)
    return value.strip()


def one_of(asked: Asked, name: str, known: tuple[str, ...]) -> str:
    """One of the known texts; the first where it is left out."""
    value = text(asked, name) or known[0]
    if value not in known:
        message = f"{name} is {value[:WRITTEN_MAX]!r}; write one of {', '.join(known)}"
        raise Misread(message)
    return value


def positive(asked: Asked, name: str, default: int, most: int) -> int:
    """A number from 1 to `most`."""
    written = text(asked, name)
    if not written:
        return default
    if not (written.isascii() and written.isdecimal() and len(written) <= len(str(most)) and 1 <= int(written) <= most):
        message = f"{name} is {written[:WRITTEN_MAX]!r}; write a number from 1 to {most:,}"
        raise Misread(message)
    return int(written)


def instant(name: str, written: str, zone: str) -> int:
    """Milliseconds since the epoch; a time without an offset is one in the zone."""
    try:
        read = datetime.fromisoformat(written.replace(" ", "+") if "T" in written else written)
    except ValueError as error:
        message = f"{name} is {written[:WRITTEN_MAX]!r}; write a date, or a time such as 2022-02-20T09:45:04+0100"
        raise Misread(message) from error
    at = read if read.tzinfo is not None else read.replace(tzinfo=ZoneInfo(zone))
    return round(at.timestamp() * 1_000)


def latest(name: str, written: str, zone: str) -> int:
    """The same as an upper limit: of a date alone, the end of that day."""
    return instant(name, f"{written}T23:59:59.999" if _DATE.fullmatch(written) else written, zone)


def minor(name: str, written: str, currency: str) -> int:
    """An amount in minor units of the currency."""
    return scaled(name, written, minor_digits(currency))


def scaled(name: str, written: str, digits: int) -> int:
    """A decimal number, times ten to the power of `digits`, without what is left of its fraction then."""
    try:
        found = Decimal(written).scaleb(digits)
    except DecimalException:
        found = Decimal("NaN")
    if not found.is_finite() or abs(found) > _MINOR_MAX:
        message = f"{name} is {written[:WRITTEN_MAX]!r}; write a number such as 12.50"
        raise Misread(message)
    return int(found)
