"""Settings as messages of their topic: one for each org, store and event, so that one may change without the others.

Keys: `org:<org>`, `store:<org>/<code>`, `event:<org>/<name>`, `topic:<name>`, `key:<key id>`, `identityKey:`. Values:
the part as JSON, an org without its stores and events. A key without a value is gone. No part of a settings file are
access keys, and which key identifiers are hashed with (its fingerprint).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from pipeline.failure import Halted
from schemas.settings import AccessKey, EventDefinition, Org, Store, TopicSetting

_LISTS: Final = {"stores", "events"}
_TOPIC: Final = b"topic:"
_ACCESS_KEY: Final = b"key:"
IDENTITY_KEY: Final = b"identityKey:"
_Part = TypeVar("_Part", bound=BaseModel)


class KnownOrg(NamedTuple):
    """An org with what is looked up by name."""

    org: Org
    events: Mapping[str, EventDefinition]
    """Those that have not ended."""
    stores: Mapping[str, Store]
    """By code."""


def known(org: Org) -> KnownOrg:
    """The org, ready to look things up in."""
    return KnownOrg(
        org=org,
        events={event.name: event for event in org.events if not event.retired},
        stores={store.code: store for store in org.stores},
    )


class UnreadableSettings(Halted):
    """An entry of the settings topic cannot be read by this build."""


def entries_of(org: Org) -> dict[bytes, bytes]:
    """The messages that say all about an org, value by key."""
    number = org.org_id
    return {
        b"org:%d" % number: org.model_dump_json(exclude=_LISTS).encode(),
        **{f"store:{number}/{store.code}".encode(): store.model_dump_json().encode() for store in org.stores},
        **dict(event_entry(number, event) for event in org.events),
    }


def topic_entry(setting: TopicSetting) -> tuple[bytes, bytes]:
    """The message that says all about an input topic, key and value."""
    return _TOPIC + setting.name.encode(), setting.model_dump_json().encode()


def event_entry(org_id: int, event: EventDefinition) -> tuple[bytes, bytes]:
    """The message that says all about an event of an org: its key and its value."""
    return f"event:{org_id}/{event.name}".encode(), event.model_dump_json().encode()


def org_of(key: bytes) -> int | None:
    """The org whose settings an entry is part of, None for one of no org; raises `UnreadableSettings`."""
    if key.startswith((_TOPIC, _ACCESS_KEY, IDENTITY_KEY)):
        return None
    number = key.partition(b":")[2].partition(b"/")[0]
    if not number.isdigit():
        message = f"the settings topic has a message with the key {key!r}, which this build cannot read"
        raise UnreadableSettings(message)
    return int(number)


def orgs_in(entries: Mapping[bytes, bytes]) -> dict[int, Org]:
    """The orgs that entries say, by id. Raises `UnreadableSettings`."""
    by_org: dict[int, dict[bytes, bytes]] = {}
    for key, value in entries.items():
        number = org_of(key)
        if number is not None:
            by_org.setdefault(number, {})[key] = value
    return {number: _org(number, own) for number, own in by_org.items()}


def topics_in(entries: Mapping[bytes, bytes]) -> dict[str, TopicSetting]:
    """The settings of input topics, by name without prefix. Raises `UnreadableSettings`."""
    return {setting.name: setting for setting in _parts(entries, _TOPIC, TopicSetting)}


def entry_of(key: AccessKey) -> tuple[bytes, bytes]:
    """The message that says all about an access key: its key and its value."""
    return _ACCESS_KEY + key.key_id.encode(), key.model_dump_json().encode()


def access_keys_in(entries: Mapping[bytes, bytes]) -> dict[str, AccessKey]:
    """The access keys that entries say, by key id, the revoked ones too. Raises `UnreadableSettings`."""
    return {key.key_id: key for key in _parts(entries, _ACCESS_KEY, AccessKey)}


def _org(number: int, entries: Mapping[bytes, bytes]) -> Org:
    key = b"org:%d" % number
    if key not in entries:
        message = f"the settings topic has parts of org {number}, and not the org; run `accrue settings apply` again"
        raise UnreadableSettings(message)
    parts = {
        "stores": tuple(_parts(entries, b"store:", Store)),
        "events": tuple(_parts(entries, b"event:", EventDefinition)),
    }
    return _read(key, entries[key], Org).model_copy(update=parts)


def _parts(entries: Mapping[bytes, bytes], prefix: bytes, kind: type[_Part]) -> Iterator[_Part]:
    return (_read(key, value, kind) for key, value in sorted(entries.items()) if key.startswith(prefix))


def _read(key: bytes, value: bytes, kind: type[_Part]) -> _Part:
    try:
        return kind.model_validate_json(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        message = (
            f"the settings topic has {key.decode(errors='replace')} as this build cannot read it ({place}: "
            f"{first['msg']}): a later build wrote it; start this worker with that build"
        )
        raise UnreadableSettings(message) from error
