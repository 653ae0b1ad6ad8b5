"""Customer ids as other vendors write them: UUIDs of version 8 (RFC 9562) that hold our number, and are read back."""

from __future__ import annotations

import re
from typing import Final
from uuid import UUID

from schemas.messages.values import IDENTITY_MAX

_MARK: Final = 0xACC0_0E00_0000_8000 << 64 | 0x8000_0000_0000_0000
"""Everything of the UUID but the number: its version 8, its variant, and bits by which ours are known."""
_NUMBER: Final = (1 << 62) - 1
_DIGITS: Final = re.compile(r"[0-9]{1,16}")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def uuid_of(customer_id: int) -> str:
    """The customer id as a UUID."""
    return str(UUID(int=_MARK | customer_id))


def customer_of(text: str) -> int | None:
    """The customer of a UUID of ours, or of a plain number; None for anything else."""
    if _DIGITS.fullmatch(text):
        number = int(text)
    elif _UUID.fullmatch(text):
        value = UUID(text).int
        number = value & _NUMBER if value & ~_NUMBER == _MARK else 0
    else:
        return None
    return number if 1 <= number <= IDENTITY_MAX else None
