"""What is kept of a tracker: its values by local day, as far back as a day can count."""

from __future__ import annotations

import msgspec


class Tracked(msgspec.Struct, array_like=True, gc=False):
    """One tracker of a customer."""

    first_day: int
    """The day of the first bill that counted, with which cycles begin."""
    days: dict[int, int] = {}
    """The value of each day, returns taken off."""
    stores: dict[int, dict[int, int]] = {}
    """By day and store, as a 32-bit hash: how many bills make the visit."""
