"""Identity: event ids, tokens and numbers computed from what happened, so that a replay reproduces them."""

from __future__ import annotations

from hashlib import sha1
from typing import Final
from uuid import UUID

NAMESPACE: Final = UUID("6f0f3b1e-5d0a-5c55-9f7e-2b8d1a3c4e60")
"""The UUIDv5 namespace of all event ids. Never change it: every id would."""
_NAMESPACE: Final = NAMESPACE.bytes
_VARIANT: Final = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))
"""The hexadecimal digit that carries the RFC 4122 variant, by the digit that the hash gave."""


class CauseIds:
    """Makes the ids of all notifications of one cause and customer; their common part is hashed once.

    The effective time belongs to the cause: a record id can be used again after it was forgotten, but not with its
    first event time, as that is too old by then.
    """

    __slots__ = ("_seed", "token")

    def __init__(self, org_id: int, customer_id: int, cause: str, at: int) -> None:
        shared = f"{org_id}:{customer_id}:{at}:{len(cause)}:{cause}:"
        self._seed = sha1(_NAMESPACE + shared.encode(), usedforsecurity=False)
        self.token = self._seed.hexdigest()[:32]
        """32 hexadecimal digits that all notifications of the cause share."""

    def event_id(self, program_id: int, event: str, subject: str) -> str:
        """The UUIDv5 of org, customer, cause, program, event name and subject."""
        named = self._seed.copy()
        # The 0 is part of every id, as is NAMESPACE: without it, no id would be what it was.
        named.update(f"{program_id}:{event}:0:{subject}".encode())
        digest = named.hexdigest()
        return f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-{_VARIANT[digest[16]]}{digest[17:20]}-{digest[20:32]}"


def number_of(name: str) -> int:
    """A number below 2^52 for what we know by name and downstream systems by number, such as a bill.

    52 bits pass through JSON readers that know doubles only; among 10^6 names the probability that two share a number
    is 10^-4.
    """
    return int.from_bytes(sha1(name.encode(), usedforsecurity=False).digest()[:7], "big") >> 4
