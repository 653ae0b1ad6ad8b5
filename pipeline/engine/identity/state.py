"""What an org knows of identifiers: an entry for each identifier, and one for each customer who has any."""

from __future__ import annotations

from typing import Final

import msgspec


class Link(msgspec.Struct, array_like=True, gc=False, tag=60):
    """Whom an identifier names."""

    forgotten_at: int
    """`NEVER` while it names somebody."""
    person: int
    """0: nobody any more."""
    claimants: tuple[int, ...] = ()
    """Other customers who were said to have it."""
    waiting: tuple[tuple[str, int], ...] = ()
    """What is held until it names somebody: place and end of each, in the order in which they came."""


class Person(msgspec.Struct, array_like=True, gc=False, tag=61):
    """The identifiers of one customer."""

    forgotten_at: int
    identifiers: list[tuple[str, str]]
    """Type and digest of each, in the order in which they were linked."""


MADE: Final = "made"
"""The name of the entry."""


class Made(msgspec.Struct, array_like=True, gc=False, tag=66):
    """The customer ids that were made."""

    forgotten_at: int
    """Never."""
    count: int


class Held(msgspec.Struct, array_like=True, gc=False, tag=62):
    """A record that waits for its customer."""

    forgotten_at: int
    """`NEVER` while it waits."""
    record: bytes
    """As it came, without the customer; empty once it waits no longer."""
    until: int = 0
    """From when on it waits no longer."""
    page: str = ""
    """The entry of what is held just as long."""
    bill: str = ""
    """Of a bill: the digest under which its returns wait, too."""
    since: int = 0
    """The org's clock when it came."""


class Page(msgspec.Struct, array_like=True, gc=False, tag=67):
    """Records that are held until one instant."""

    forgotten_at: int
    """`NEVER` while there are any."""
    places: list[str]


HOLDS: Final = "holds"
"""The name of the entry."""


class Holds(msgspec.Struct, array_like=True, gc=False, tag=68):
    """The records of the org that wait."""

    forgotten_at: int
    """Never."""
    count: int


IDENTITY_KEY: Final = "identityKey"
"""The name of the entry."""


class IdentityKey(msgspec.Struct, array_like=True, gc=False, tag=69):
    """The key with which the identifiers of the org are hashed."""

    forgotten_at: int
    """Never."""
    fingerprint: str


def held_of(place: str) -> str:
    """The name of the entry of a record that waits."""
    return f"held:{place}"


def link_of(kind: str, digest: str) -> str:
    """The name of the entry of an identifier."""
    return f"identifier:{kind}:{digest}"


def person_of(person: int) -> str:
    """The name of the entry of a customer."""
    return f"person:{person}"
