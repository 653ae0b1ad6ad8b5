"""The recorded state: the changelog folded to exactly what the committed offset belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from pipeline.engine.state import decode_entry, decode_head
from pipeline.log.port import Message
from pipeline.runtime.state.marker import MARKER_KEY, PROGRAM_PREFIX, Mark, Marker, decode_marker
from pipeline.verify.kept import Kept
from pipeline.verify.reading import Reading
from schemas.records import UnknownVersion


class Ahead(Exception):
    """The changelog goes beyond the wanted state; `found` is what it has, at `offset`."""

    def __init__(self, found: Mark, offset: int) -> None:
        super().__init__(found, offset)
        self.found = found
        self.offset = offset


class Reached(NamedTuple):
    """The wanted state."""

    marker: Marker
    offset: int
    """The offset of that state."""
    later: tuple[Mark, int] | None
    """The last later state in the changelog, and its offset."""


def fold_changelog(changelog: Reading, wanted: Mark | None, kept: Kept) -> Reached | None:
    """Bring `kept` to the state that `wanted` names; None where the changelog ends before it.

    Raises `Ahead`, and `UnknownVersion` or `msgspec.DecodeError` for a marker that cannot be read.
    """
    while messages := changelog.take() or (changelog.settle() if wanted else []):
        latest: dict[bytes, bytes | None] = {}
        for index, message in enumerate(messages):
            marker = _marker_in(message)
            if marker is None:
                if message.key is not None:
                    latest[message.key] = message.value
            elif marker.mark == wanted:
                kept.put(latest)
                return Reached(marker, message.offset, _last(wanted, messages[index + 1 :], changelog))
            elif wanted is None or marker.round > wanted.round or marker.next_offset > wanted.next_offset:
                raise Ahead(marker.mark, message.offset)
        kept.put(latest)
    return None


def _last(reached: Mark, rest: list[Message], changelog: Reading) -> tuple[Mark, int] | None:
    last: tuple[Mark, int] | None = None
    before = reached
    for message in (*rest, *changelog.all()):
        marker = _marker_in(message)
        if marker is not None:
            if marker.round <= before.round or marker.next_offset < before.next_offset:
                raise Ahead(marker.mark, message.offset)
            before = marker.mark
            last = before, message.offset
    return last


def _marker_in(message: Message) -> Marker | None:
    return decode_marker(message.value) if message.key == MARKER_KEY and message.value is not None else None


def difference(key: bytes, recorded: bytes | None, decided: bytes | None) -> str | None:
    """Where the two values of a key differ, in words; None if only their encodings differ."""
    if recorded is None:
        return "is missing"
    if decided is None:
        return "is there, and should not be"
    if key.startswith(PROGRAM_PREFIX):
        return "is another definition"
    decode: Any = decode_entry if b"#" in key else decode_head
    try:
        return _parted(decode(recorded), decode(decided), "")
    except (UnknownVersion, msgspec.DecodeError) as error:
        return f"cannot be decoded: {error}"


def _parted(recorded: Any, decided: Any, path: str) -> str | None:
    """The first place where two values differ, in words."""
    if recorded == decided:
        return None
    if isinstance(recorded, msgspec.Struct) and isinstance(decided, msgspec.Struct):
        return _parted(msgspec.structs.asdict(recorded), msgspec.structs.asdict(decided), path)
    if isinstance(recorded, Mapping) and isinstance(decided, Mapping):
        for key in (*recorded, *(one for one in decided if one not in recorded)):
            if found := _parted(recorded.get(key), decided.get(key), f"{path}.{key}" if path else str(key)):
                return found
    return f"{path} is {recorded!r}, and {decided!r} was decided"
