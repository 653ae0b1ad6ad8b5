"""Messages with keys, headers and timestamps: each is a record or a dead letter that people can look at."""

from __future__ import annotations

import random
from typing import Any, Final

import msgspec

from pipeline.cli.dead_letters import Found
from pipeline.cli.letter_rows import fields, row
from pipeline.cli.letter_view import content, in_a_line
from pipeline.intake.letters.letter import dead_letter_of
from pipeline.intake.letters.replays import DeadLetter, defects_in, own_headers, read_entry
from pipeline.intake.verdict import Accepted, Rejected
from pipeline.log.port import Message
from schemas.records import AnyRecord, decode_record, encode_record
from tests.fuzz.mutating import BYTES, encoded, restructured
from tests.intake.incoming import Sent, examples, taken

_KEYS: Final = (None, b"", b"100:10001", b"4711", b"\xff\xfe", b"\x1b[2J", b"x" * 300)
_HEADER_NAMES: Final = (
    "",
    "x",
    "accrue.origin",
    "accrue.timestamp",
    "accrue.replay-of",
    "accrue.reason",
    "\x1b]0;x\x07",
)
_HEADER_VALUES: Final = (
    *(b"", b"x", b"\xff", b"loyalty.transactions:0:1", b"a:b:c", b"9999999999999999999", b"-1", b"1" * 5_000),
    *(b"2:17", b"99:99", "\u202e".encode()),
)
_TIMESTAMPS: Final = (0, -1, 1_790_000_000_000, 2**63 - 1, -(2**63), 10**15)
_EXAMPLES: Final = [encoded(one) for one in examples()]


class _Sent(msgspec.Struct, array_like=True):
    value: bytes | None
    key: bytes | None
    timestamp: int
    headers: tuple[tuple[str, bytes], ...]


def make(chance: random.Random) -> bytes:
    """A message, more or less like a sample."""
    value: bytes | None = chance.choice(_EXAMPLES)
    assert value is not None
    kind = chance.randrange(10)
    if kind == 0:
        value = None if chance.random() < 0.1 else chance.randbytes(chance.randrange(60))
    elif kind <= 3:
        value = chance.choice(BYTES)(chance, value)
    elif kind <= 8:
        value = encoded(restructured(chance, msgspec.json.decode(value)))
    headers = tuple(
        (chance.choice(_HEADER_NAMES), chance.choice(_HEADER_VALUES)) for _ in range(chance.choice([0, 0, 1, 3, 30]))
    )
    return msgspec.msgpack.encode(_Sent(value, chance.choice(_KEYS), chance.choice(_TIMESTAMPS), headers))


def run(raw: bytes) -> str:
    """Take it in; what became of it."""
    sent = msgspec.msgpack.decode(raw, type=_Sent)
    message = Sent(sent.value, key=sent.key, timestamp=sent.timestamp, headers=sent.headers)
    verdict = taken(message)
    if isinstance(verdict, Accepted):
        assert isinstance(verdict.record, AnyRecord)
        assert decode_record(encode_record(verdict.record)) == verdict.record
        return "accepted"
    assert isinstance(verdict, Rejected)
    assert verdict.defects
    # The diagnosis says itself what is wrong; the decoder's own words are the last resort.
    assert not any("Expected `" in defect.problem for defect in verdict.defects), verdict
    letter = dead_letter_of(message, verdict.reason, verdict.defects, stage="intake")
    look_at(Message("loyalty.deadletters", 0, 0, letter.key, letter.value, sent.timestamp, letter.headers))
    return verdict.reason


def look_at(message: Message) -> DeadLetter | None:
    """Show a message of the dead-letter topic as the commands do; nothing of it may reach a terminal as it is."""
    letter = read_entry(message)
    if not isinstance(letter, DeadLetter):
        return None
    found = Found(letter, None)
    shown: list[Any] = [*row(found), in_a_line(message.key), *content(message.value)]
    shown += [in_a_line(value) for _, value in own_headers(message.headers)]
    assert all(line.isprintable() for text in shown for line in text.split("\n")), shown
    assert fields(found)["entry"]
    assert all(defect.problem is not None for defect in defects_in(message))
    return letter
