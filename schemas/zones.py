"""Time zones by IANA name: the same names on every machine, and no other way to name a zone."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Final

_NO_PLACE: Final = frozenset({"Factory"})
"""Listed beside the zones, and means that the clock was never set."""


@cache
def zone_names() -> frozenset[str]:
    """Every IANA name, as the package `tzdata` lists them.

    Not what the machine's own folder of zones holds: names such as `localtime` mean another zone on each machine.
    """
    return frozenset((files("tzdata") / "zones").read_text("utf-8").split()) - _NO_PLACE
