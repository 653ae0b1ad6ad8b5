"""Accounts of a customer in other systems, and what the customer is known by there (S4 l.172, l.561).

RULE: they are extended fields of the profile, named `web_engage/ACCOUNT/TYPE` or `wechat/ACCOUNT/TYPE`, so they are
added, replaced, cleared and sealed as those are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

SOURCES: Final = ("web_engage", "wechat")
_SEPARATOR: Final = "/"


class KnownAt(NamedTuple):
    """What a customer is known by in one account."""

    source: str
    """One of `SOURCES`."""
    account_id: str
    kind: str
    """Such as `cuid`."""
    value: str


def field_of(source: str, account_id: str, kind: str) -> str:
    """The name of the extended field."""
    return _SEPARATOR.join((source, account_id, kind))


def accounts_in(extended: Mapping[str, str]) -> Iterator[KnownAt]:
    """The accounts among extended fields, by name."""
    for name, value in sorted(extended.items()):
        source, _, rest = name.partition(_SEPARATOR)
        account_id, _, kind = rest.rpartition(_SEPARATOR)
        if source in SOURCES and account_id and kind and value:
            yield KnownAt(source=source, account_id=account_id, kind=kind, value=value)
