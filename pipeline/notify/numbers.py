"""Numbers as notifications print them: money in major units, target values as decimal text, dates as text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from pipeline.engine.calendar import as_date
from schemas.money import minor_digits

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def major(amount_minor: int, currency: str) -> float:
    """An amount in major units: the double nearest to it, which JSON prints with the currency's decimals at most."""
    return float(amount_minor / 10 ** minor_digits(currency))


def plain(value: int, digits: int) -> str:
    """`value` / 10^`digits` as text, without padding: `1`, `12.5`."""
    if not digits:
        return str(value)
    whole, rest = divmod(abs(value), 10**digits)
    return f"{'-' if value < 0 else ''}{whole}.{rest:0{digits}}".rstrip("0").rstrip(".")


def padded(value: int, digits: int) -> str:
    """`value` / 10^`digits` as text with three decimals, as target values are: `14.000`."""
    if not digits:
        return f"{value}.000"
    whole, rest = divmod(value, 10**digits)
    return f"{whole}.{f'{rest:0{digits}}':0<3}"


@lru_cache(maxsize=4_096)  # ten years of days
def date_text(day: int) -> str:
    """`2011-03-09`."""
    return as_date(day).isoformat()


def instant_text(instant: int) -> str:
    """`2024-07-01T13:40:26.172+0000`."""
    on = _EPOCH + timedelta(milliseconds=instant)
    return f"{on:%Y-%m-%dT%H:%M:%S}.{instant % 1000:03}+0000"
