"""Whatever lies in the dead-letter topic, which others may write to: it can be listed, shown, and sent again or not."""

from __future__ import annotations

import random
from typing import Final

import msgspec

from pipeline.intake.letters.letter import dead_letter_of
from pipeline.intake.letters.replays import headers_again, timestamp_again, why_not
from pipeline.intake.verdict import Defect
from pipeline.log.port import Message
from tests.fuzz.messages import look_at
from tests.fuzz.mutating import BYTES
from tests.intake.incoming import Sent

_NOW: Final = 1_790_000_000_000
_WEEK: Final = 7 * 86_400_000
_INPUTS: Final = ("loyalty.transactions", "loyalty.events")
_TIMESTAMP: Final = range(-(2**63), 2**63)
_VALUES: Final = (
    *(b"", b"x", b"\xff", b"[]", b"{}", b"[{}]", b'[{"path": "a"}]', b'[{"path": "a", "problem": "b", "remedy": "c"}]'),
    *(b"loyalty.transactions:0:1", b"loyalty.transactions:99:1", b"a:b:c", b"::", b"a:-1:-1", "\u202e:1:1".encode()),
    *(b"0", b"-1", b"9999999999999999999", b"1" * 5_000, b"1.5", b"99:99", b"1:1", b"intake", b"loyalty", b"\x1b[2J"),
    b'{"at": "loyalty.transactions:0:1", "value_bytes": 1, "key_bytes": 1, "headers_bytes": 1}',
)


class _Entry(msgspec.Struct, array_like=True):
    value: bytes | None
    key: bytes | None
    timestamp: int
    headers: tuple[tuple[str, bytes], ...]


def make(chance: random.Random) -> bytes:
    """A dead letter of which some headers are others."""
    origin = Sent(b'{"a": 1}', chance.choice(_INPUTS), 0, 8, b"1:5", _NOW, (("x", b"y"),))
    letter = dead_letter_of(origin, "INVALID_FIELDS", (Defect("a", "is 1", "write 2"),), stage="intake")
    headers = [list(header) for header in letter.headers]
    for _ in range(chance.randint(0, 4)):
        header = chance.choice(headers)
        action = chance.randrange(4)
        if action == 0:
            headers.remove(header)
        elif action == 1:
            header[1] = chance.choice(_VALUES)
        elif action == 2:
            header[1] = chance.choice(BYTES)(chance, header[1])
        else:
            name = chance.choice(["accrue.replay-of", "accrue.replayed", "accrue.replay-began", "accrue.cut"])
            headers.append([name, chance.choice(_VALUES)])
        if not headers:
            break
    value = chance.choice([letter.value, None, b"\xff\x1b", b"x" * 100])
    taken = tuple((str(name), bytes(content)) for name, content in headers)
    timestamp = chance.choice([_NOW, 0, -1, 2**63 - 1])
    return msgspec.msgpack.encode(_Entry(value, letter.key, timestamp, taken))


def run(raw: bytes) -> str:
    """List and show it, and make the message that a replay would send."""
    entry = msgspec.msgpack.decode(raw, type=_Entry)
    letter = look_at(Message("loyalty.deadletters", 3, 17, entry.key, entry.value, entry.timestamp, entry.headers))
    if letter is None:
        return "somebody else's"
    if why_not(letter, _INPUTS, 4) is not None:
        return "not sent again"
    again = timestamp_again(letter, _NOW, _WEEK)
    assert again is None or again in _TIMESTAMP, again  # no log takes another
    assert all(isinstance(value, bytes) for _, value in headers_again(entry.headers, letter))
    assert letter.origin.partition >= 0
    return "sent again"
