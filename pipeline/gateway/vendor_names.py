"""How ClickHouse finds what vendors' callers know by a UUID of version 5: by the hash of its name, as ids are made."""

from __future__ import annotations

from typing import Final

from pipeline.gateway.vendors import NAMESPACE

_DIGITS: Final = 32


def is_named(name: str) -> str:
    """The condition that what an expression names, of the org in `org_id`, has the UUID of `parameters_of`.

    A UUID of version 5 is a SHA-1, but for the four bits of its version and the two of its variant.
    """
    digest = f"lower(hex(SHA1(concat(unhex({{namespace:String}}), toString(org_id), ':', {name}))))"
    parts = ", ".join(f"substring({digest}, {first}, {length})" for first, length in ((1, 12), (14, 3), (18, 15)))
    return f"concat({parts}) = {{named:String}}"


def parameters_of(uuid: str) -> dict[str, str]:
    """The parameters of the condition; what is no UUID names nothing."""
    digits = uuid.replace("-", "").lower()
    named = digits[:12] + digits[13:16] + digits[17:] if len(digits) == _DIGITS else ""
    return {"namespace": NAMESPACE.hex, "named": named}
