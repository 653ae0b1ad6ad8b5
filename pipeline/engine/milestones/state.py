"""What milestones keep of one customer in one program."""

from __future__ import annotations

import msgspec


class Progress(msgspec.Struct, array_like=True, gc=False):
    """What counts towards a milestone in one period."""

    ends_at: int
    value: int = 0
    achieved: bool = False
