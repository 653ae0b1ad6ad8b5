"""Reads dead letters and decides what a replay of them writes.

The dead-letter topic holds three kinds of messages, told apart by headers that no dead letter takes over from its
original: dead letters (`accrue.reason`), marks (`accrue.replayed`: this entry was sent again), and the beginnings of
replays (`accrue.replay-began`). An entry is named by its place in that topic, `partition:offset`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, NamedTuple

import msgspec

from pipeline.intake.letters.letter import (
    CUT_HEADER,
    DETAIL_HEADER,
    ORIGIN_HEADER,
    REASON_HEADER,
    REPLAY_OF_HEADER,
    STAGE_HEADER,
    TIMESTAMP_HEADER,
    UNREAD_HEADER,
    Cut,
    Unread,
    senders_headers,
)
from pipeline.intake.verdict import Defect, Headers, Incoming
from schemas.messages import INSTANT_MAX

REPLAYED_HEADER: Final = "accrue.replayed"
REPLAY_BEGAN_HEADER: Final = "accrue.replay-began"
_DETAIL: Final = msgspec.json.Decoder(list[dict[str, str]])
_CUT: Final = msgspec.json.Decoder(Cut)
_UNREAD: Final = msgspec.json.Decoder(Unread)


class Entry(NamedTuple):
    """Identifies a dead letter by its place in the dead-letter topic."""

    partition: int
    offset: int

    def __str__(self) -> str:
        """As people write it, `partition:offset`."""
        return f"{self.partition}:{self.offset}"


class Origin(NamedTuple):
    """Where the message of a dead letter first came in."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        """As the header has it, `topic:partition:offset`."""
        return f"{self.topic}:{self.partition}:{self.offset}"


class DeadLetter(NamedTuple):
    """What a dead letter says about itself."""

    entry: Entry
    sent_at: int
    """When the message was first sent, milliseconds since the epoch."""
    stage: str
    """The role that gave up on it."""
    reason: str
    first_defect: Defect | None
    """`defects_in` has all of them."""
    origin: Origin
    replay_of: Entry | None
    """The dead letter that this message was replayed from."""
    cut: Cut | None
    """What is known of the whole message, if only a part of it was kept."""
    unread: Unread | None
    """Which messages it is about, if nothing of them was kept."""


class Replayed(NamedTuple):
    """A mark: the entry was sent again."""

    entry: Entry
    at: int
    """Milliseconds since the epoch."""


class ReplayBegan(NamedTuple):
    """The start of a replay: the marks of all earlier replays come before it."""

    token: bytes


def entry_of(text: str) -> Entry:
    """Parses an entry; raises `ValueError`."""
    partition, colon, offset = text.partition(":")
    if not (colon and partition.isdecimal() and offset.isdecimal()):
        message = f"{text!r} names no entry: write partition:offset, such as 2:17"
        raise ValueError(message)
    return Entry(int(partition), int(offset))


def read_entry(message: Incoming) -> DeadLetter | Replayed | ReplayBegan | None:
    """Decodes a message of the dead-letter topic; None if Accrue did not write it."""
    headers = dict(message.headers)
    try:
        if REPLAYED_HEADER in headers:
            return Replayed(entry_of(headers[REPLAYED_HEADER].decode()), message.timestamp)
        if REPLAY_BEGAN_HEADER in headers:
            return ReplayBegan(headers[REPLAY_BEGAN_HEADER])
        topic, partition, offset = headers[ORIGIN_HEADER].decode().rsplit(":", 2)
        replay_of, cut, unread = (headers.get(name) for name in (REPLAY_OF_HEADER, CUT_HEADER, UNREAD_HEADER))
        return DeadLetter(
            Entry(message.partition, message.offset),
            _sent_at(headers[TIMESTAMP_HEADER], message),
            headers[STAGE_HEADER].decode(),
            headers[REASON_HEADER].decode(),
            next(iter(defects_in(message)), None),
            Origin(topic, int(partition), int(offset)),
            None if replay_of is None else entry_of(replay_of.decode()),
            None if cut is None else _CUT.decode(cut),
            None if unread is None else _UNREAD.decode(unread),
        )
    except (KeyError, TypeError, ValueError):  # not written by Accrue; what cannot be decoded is a ValueError
        return None


def _sent_at(header: bytes, message: Incoming) -> int:
    """The instant in the header; the dead letter's own if no log would accept that."""
    instant = int(header)
    return instant if 0 <= instant <= INSTANT_MAX else message.timestamp


def defects_in(message: Incoming) -> list[Defect]:
    """Every defect in a dead letter's headers."""
    return [Defect(**one) for one in _DETAIL.decode(dict(message.headers)[DETAIL_HEADER])]


def why_not(letter: DeadLetter, inputs: Collection[str], partitions: int) -> str | None:
    """Why a dead letter must not be replayed, and what to do instead; None if it may be.

    Args:
        letter: the dead letter.
        inputs: the full names of the topics that intake reads.
        partitions: how many each of them has.
    """
    origin = letter.origin
    if origin.topic not in inputs:
        # A copy would put the same record into the journal twice: a later version that can
        # read it meets the first one, and gets other facts than there are.
        return (
            f"it came from {origin.topic}, which only the engine writes to and which still has it; send the "
            "input message that it was made of again (its id makes it count once)"
            if letter.stage == "loyalty"
            else f"it came from {origin.topic}, which intake does not read; send it with accrue send"
        )
    if not 0 <= origin.partition < partitions:
        return f"{origin.topic} has no partition {origin.partition}; send it with accrue send"
    if letter.unread is not None:
        return (
            "it holds nothing of its messages; read them where they are stored, as long as their topic keeps them, "
            "with a client that can, and send them with accrue send"
        )
    if letter.cut is not None:
        return (
            "it holds only the beginning of its message; read the whole message from its topic while that keeps it, "
            "make it smaller and send it with accrue send"
        )
    return None


def headers_again(original: Headers, letter: DeadLetter) -> Headers:
    """The headers of the message sent again: its own, the place that its id may follow from, and which entry it is."""
    return (
        *own_headers(original),
        (ORIGIN_HEADER, str(letter.origin).encode()),
        (TIMESTAMP_HEADER, str(letter.sent_at).encode()),
        (REPLAY_OF_HEADER, str(letter.entry).encode()),
    )


def own_headers(headers: Headers) -> Headers:
    """The headers of a dead letter that its original had."""
    return senders_headers(headers)


def timestamp_again(letter: DeadLetter, now: int, kept: int) -> int | None:
    """The timestamp of the message sent again: its own, or None (the time of sending) where it is old or no time.

    Args:
        letter: the dead letter.
        now: milliseconds since the epoch.
        kept: for how many milliseconds the topic keeps a message. Kafka counts from its timestamp, so a message that
            is old when it is sent could be deleted before intake comes to it.
    """
    usable = 0 <= letter.sent_at <= INSTANT_MAX  # producers write what they like
    return letter.sent_at if usable and now - letter.sent_at < kept // 2 else None


def mark_headers(entry: Entry) -> Headers:
    """The headers of the mark that says that an entry was sent again."""
    return ((REPLAYED_HEADER, str(entry).encode()),)


def began_headers(token: bytes) -> Headers:
    """The headers of the beginning of a replay."""
    return ((REPLAY_BEGAN_HEADER, token),)
