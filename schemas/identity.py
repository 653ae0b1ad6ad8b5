"""Ids made from names."""

from __future__ import annotations

import re
import zlib
from typing import Final

_ID_MAX: Final = 64


def slug_of(name: str) -> str:
    """The id of what has only a name: the name in small letters, everything but a-z and digits as one hyphen.

    A name without any of them gives a hash of itself.
    """
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:_ID_MAX]
    return slug or f"id-{zlib.crc32(name.encode()):08x}"
