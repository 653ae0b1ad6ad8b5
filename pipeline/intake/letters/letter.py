"""Writes dead letters: the original message, whole if it fits, and headers that say why, where and when it failed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate
from typing import Final, NamedTuple

import msgspec

from pipeline.intake.defects import shown
from pipeline.intake.verdict import Defect, Headers, Incoming

OWN: Final = "accrue."
"""Prefix of Accrue's own headers."""
ORIGIN_HEADER: Final = "accrue.origin"
TIMESTAMP_HEADER: Final = "accrue.timestamp"
REPLAY_OF_HEADER: Final = "accrue.replay-of"
REASON_HEADER: Final = "accrue.reason"
DETAIL_HEADER: Final = "accrue.detail"
STAGE_HEADER: Final = "accrue.stage"
CUT_HEADER: Final = "accrue.cut"
UNREAD_HEADER: Final = "accrue.unread"
DIALECT_HEADER: Final = "accrue.dialect"
ORG_HEADER: Final = "accrue.org"
STORE_HEADER: Final = "accrue.store"
REQUEST_HEADER: Final = "accrue.request"
TIME_FILLED_HEADER: Final = "accrue.time-filled"
"""On a message whose event time is when a gateway got it: sent again, it has another, and is the same message."""
SENDERS: Final = frozenset({DIALECT_HEADER, ORG_HEADER, STORE_HEADER, REQUEST_HEADER, TIME_FILLED_HEADER})
"""Headers of ours that senders write: how a message is read, whose it is, and its id. A dead letter and its replay keep
them, so that it is read the same way again."""
# A topic's limit holds for what is compressed, so what came in may be longer than what can go out. Even where nothing
# can be compressed, this and the defects (150 kB at most) are below the 2 MB of the dead-letter topic, and this and the
# headers of a replay below the 1 MB that is a broker's default for the topic it goes back to.
WHOLE_BYTES_MAX: Final = 1_040_000
"""The longest original that a dead letter keeps whole: its value, its key and headers that are not ours."""
PART_BYTES_MAX: Final = 65_536
"""How much is kept of the value, the key and the headers, each, if the original is longer."""
_HEADER_BYTES: Final = 10
"""Upper bound of a header's overhead beside its name and value."""
_CONTINUED: Final = 0x80
"""The upper two bits of every byte of a UTF-8 character but the first."""
_CONTINUED_MAX: Final = 3
_COORDINATES: Final = re.compile(rb"([A-Za-z0-9._-]{1,249}):([0-9]{1,10}):([0-9]{1,19})")
_ENTRY: Final = re.compile(rb"([0-9]{1,10}):([0-9]{1,19})")
_MILLISECONDS: Final = re.compile(rb"(-?[0-9]{1,19})")
_REPLAY_HEADERS: Final = (ORIGIN_HEADER, TIMESTAMP_HEADER, REPLAY_OF_HEADER)
_PARTITIONS: Final = range(2**31)
_OFFSETS: Final = range(2**63)
_TIMESTAMPS: Final = range(-(2**63), 2**63)
"""The range of timestamps that Kafka accepts."""


class Cut(msgspec.Struct, frozen=True):
    """What is known of the whole message, if only a part of it was kept."""

    at: str
    """Where the whole message is while its topic keeps it, as `topic:partition:offset`."""
    value_bytes: int
    key_bytes: int
    headers_bytes: int


class Unread(msgspec.Struct, frozen=True):
    """The messages of a batch that could not be read; nothing of them is kept."""

    at: str
    """`topic:partition`."""
    first: int
    """Their first offset."""
    last: int

    def __str__(self) -> str:
        """As people write it."""
        return f"{self.at}:{self.first}" if self.first == self.last else f"{self.at}:{self.first} to {self.last}"


class Kept(NamedTuple):
    """What a dead letter keeps of its original."""

    key: bytes | None
    value: bytes | None
    headers: Headers
    """Headers that its sender wrote."""
    cut: Cut | None
    """None if the original was kept whole."""


class Letter(NamedTuple):
    """A dead letter, ready to be produced."""

    key: bytes | None
    value: bytes | None
    headers: Headers


def kept_of(message: Incoming) -> Kept:
    """All of the original, or, where it is longer than `WHOLE_BYTES_MAX`, its beginning.

    Of an original that is cut the headers are kept up to the first that does not fit.
    """
    headers = senders_headers(message.headers)
    sizes = [len(name.encode()) + len(value) for name, value in headers]
    taken = list(accumulate(size + _HEADER_BYTES for size in sizes))
    key, value = message.key or b"", message.value or b""
    if len(key) + len(value) + (taken[-1] if taken else 0) <= WHOLE_BYTES_MAX:
        return Kept(message.key, message.value, headers, None)
    fitting = sum(total <= PART_BYTES_MAX for total in taken)
    cut = Cut(_place_of(message), len(value), len(key), sum(sizes))
    return Kept(_beginning(message.key), _beginning(message.value), headers[:fitting], cut)


def senders_headers(headers: Headers) -> Headers:
    """The headers that the sender of a message wrote."""
    return tuple((name, value) for name, value in headers if name in SENDERS or not name.startswith(OWN))


class _Replay(NamedTuple):
    """What a replayed message says about its dead letter."""

    origin: str
    sent_at: int
    replay_of: str


def origin_of(message: Incoming) -> str:
    """The place where the message first came in, as `topic:partition:offset`.

    A dead letter that is sent again says so in the header `accrue.origin`, so it keeps the id that follows from it.
    """
    replay = _replay_in(message) if message.headers else None
    return _place_of(message) if replay is None else replay.origin


def dead_letter_of(
    message: Incoming, reason: str, defects: Sequence[Defect], *, stage: str, unread: Unread | None = None
) -> Letter:
    """The dead letter for `message`: what is kept of it, and in headers of ours why, where and when it came in.

    `stage` is the role that gave up on it. `accrue.detail` holds the defects as a JSON list of objects with `path`,
    `problem` and `remedy`; `accrue.timestamp` the timestamp of the message in milliseconds, as it first came in;
    `accrue.replay-of`, where the message was sent again, the dead letter that it was, as `partition:offset`;
    `accrue.cut`, where only a part is kept, a `Cut` as a JSON object; `accrue.unread`, where nothing could be read,
    an `Unread` as a JSON object.
    """
    kept, replay = kept_of(message), _replay_in(message)
    said = [*defects, *([] if replay else _not_believed(message))]
    headers = (
        *kept.headers,
        (REASON_HEADER, reason.encode()),
        (DETAIL_HEADER, msgspec.json.encode([defect._asdict() for defect in said])),
        (STAGE_HEADER, stage.encode()),
        (ORIGIN_HEADER, (replay.origin if replay else _place_of(message)).encode()),
        (TIMESTAMP_HEADER, str(replay.sent_at if replay else message.timestamp).encode()),
        *(((REPLAY_OF_HEADER, replay.replay_of.encode()),) if replay else ()),
        *(((CUT_HEADER, msgspec.json.encode(kept.cut)),) if kept.cut else ()),
        *(((UNREAD_HEADER, msgspec.json.encode(unread)),) if unread else ()),
    )
    return Letter(kept.key, kept.value, headers)


def _place_of(message: Incoming) -> str:
    return f"{message.topic}:{message.partition}:{message.offset}"


def _beginning(value: bytes | None) -> bytes | None:
    if value is None or len(value) <= PART_BYTES_MAX:
        return value
    # Not within a character: text must stay readable as text.
    end = PART_BYTES_MAX
    while end > PART_BYTES_MAX - _CONTINUED_MAX and value[end] & 0xC0 == _CONTINUED:
        end -= 1
    return value[:end]


def _replay_in(message: Incoming) -> _Replay | None:
    """What the headers of a replay say; None where there are none, or another producer must have written them.

    Anybody can write headers. A replay writes all three, and goes back behind the message that it was, into the same
    partition: so headers that somebody made up can name nothing but an earlier message of the partition that they are
    sent to. Whoever can write there can give a message that message's id anyway, in its field `id`.
    """
    headers = dict(message.headers)
    origin = _COORDINATES.fullmatch(headers.get(ORIGIN_HEADER, b""))
    sent_at = _MILLISECONDS.fullmatch(headers.get(TIMESTAMP_HEADER, b""))
    entry = _ENTRY.fullmatch(headers.get(REPLAY_OF_HEADER, b""))
    if origin is None or sent_at is None or entry is None:
        return None
    topic, partition, offset = origin[1].decode(), int(origin[2]), int(origin[3])
    if (topic, partition) != (message.topic, message.partition) or offset >= message.offset:
        return None
    if int(sent_at[1]) not in _TIMESTAMPS or int(entry[1]) not in _PARTITIONS or int(entry[2]) not in _OFFSETS:
        return None
    return _Replay(origin[0].decode(), int(sent_at[1]), entry[0].decode())


def _not_believed(message: Incoming) -> list[Defect]:
    remedy = f"leave out headers whose names begin with {OWN}"
    return [
        Defect(name, f"is {shown(value.decode(errors='replace'))}, which no replay has written", remedy)
        for name, value in dict(message.headers).items()
        if name in _REPLAY_HEADERS
    ]
