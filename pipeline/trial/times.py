"""Instants as the result of a trial prints them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def moment(instant: int) -> datetime:
    """The instant (milliseconds since the epoch) as a time in UTC."""
    return _EPOCH + timedelta(milliseconds=instant)


def iso(instant: int) -> str:
    """The instant in ISO 8601 with milliseconds: `2026-03-01T10:00:00.000Z`."""
    return f"{moment(instant):%Y-%m-%dT%H:%M:%S}.{instant % 1000:03}Z"
