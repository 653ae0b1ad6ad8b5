"""What milestones keep of one customer in one program."""

from __future__ import annotations

import msgspec


class Progress(msgspec.Struct, array_like=True, gc=False):
    """What counts towards a milestone in one period."""

    ends_at: int
    value: int = 0
    achieved: bool = False


class Tally(msgspec.Struct, array_like=True, gc=False):
    """What counts towards a milestone in one period, where it takes more than a number."""

    keys: dict[int, int] = {}
    """The different things that are counted, each with how many bills or events have it."""
    uses: dict[int, int] = {}
    """How many counted, by period of the frequency limit."""
