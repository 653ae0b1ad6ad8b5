"""What an org knows of identifiers: an entry for each identifier, and one for each customer who has any."""

from __future__ import annotations

import msgspec


class Link(msgspec.Struct, array_like=True, gc=False, tag=60):
    """Whom an identifier names."""

    forgotten_at: int
    """`NEVER` while it names somebody."""
    person: int
    """0: nobody any more."""
    claimants: tuple[int, ...] = ()
    """Other customers who were said to have it."""


class Person(msgspec.Struct, array_like=True, gc=False, tag=61):
    """The identifiers of one customer."""

    forgotten_at: int
    identifiers: list[tuple[str, str]]
    """Type and digest of each, in the order in which they were linked."""


def link_of(kind: str, digest: str) -> str:
    """The name of the entry of an identifier."""
    return f"identifier:{kind}:{digest}"


def person_of(person: int) -> str:
    """The name of the entry of a customer."""
    return f"person:{person}"
