"""Ways to spoil bytes, and values that nobody expects."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from typing import Any

ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1.5, 2**53 + 1, 2**63, 2**64, -(2**70), 10**400, float("inf"), float("nan")),
    *("", "x" * 3_000, "\x00", "\x1b[2J", "\u202e", "\ud800", "2011-13-41T99:99", "2011-03-09T10:00", "Europe/London"),
    *("localtime", "9999-12-31", "9999-12-31T23:59:59Z", "0001-01-01", "-1", "9" * 5_000, "<<", "*a", "&a"),
    *([], [[]], {}, {"": {}}, [None] * 50),
)


def odd(chance: random.Random) -> Any:
    """One of them, to be changed at will."""
    return copy.deepcopy(chance.choice(ODD))


Mutation = Callable[[random.Random, bytes], bytes]


def truncated(chance: random.Random, raw: bytes) -> bytes:
    """Only the beginning."""
    return raw[: chance.randrange(len(raw) + 1)]


def flipped(chance: random.Random, raw: bytes) -> bytes:
    """Some bits are others."""
    changed = bytearray(raw)
    for _ in range(chance.randint(1, 4) if changed else 0):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def repeated(chance: random.Random, raw: bytes) -> bytes:
    """A piece of it comes again, somewhere else."""
    begin = chance.randrange(len(raw) + 1)
    piece = raw[begin : begin + chance.randint(1, 200)] * chance.choice([1, 2, 50])
    at = chance.randrange(len(raw) + 1)
    return raw[:at] + piece + raw[at:]


def without_a_piece(chance: random.Random, raw: bytes) -> bytes:
    """A piece of it is gone."""
    begin = chance.randrange(len(raw) + 1)
    return raw[:begin] + raw[begin + chance.randint(1, 60) :]


def with_noise(chance: random.Random, raw: bytes) -> bytes:
    """Something random stands in it."""
    at = chance.randrange(len(raw) + 1)
    return raw[:at] + chance.randbytes(chance.randint(1, 20)) + raw[at:]


BYTES: tuple[Mutation, ...] = (truncated, flipped, repeated, without_a_piece, with_noise)


def encoded(content: object) -> bytes:
    """As JSON in ASCII: a lone surrogate cannot be encoded; escaped, it is what a careless producer sends."""
    return json.dumps(content, ensure_ascii=True).encode()


def places(content: Any) -> list[tuple[Any, Any]]:
    """Every place of a JSON value: the container, and the key or index in it."""
    inner = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    return [place for key, part in inner for place in ((content, key), *places(part))]


def restructured(chance: random.Random, content: Any) -> Any:
    """A JSON value in which some parts are gone, odd, or where another part was; changes what it is given."""
    for _ in range(chance.randint(1, 3)):
        found = places(content)
        if not found:
            break
        container, key = chance.choice(found)
        action = chance.randrange(4)
        if action == 0:
            del container[key]
        elif action == 1:
            container[key] = odd(chance)
        elif action == 2:
            other, at = chance.choice(found)
            container[key] = json.loads(json.dumps(other[at]))
        elif isinstance(container, dict):
            container[chance.choice(["", "x", "event_time", "type ", "\x00", "zone", "é" * 300])] = odd(chance)
        else:
            container[key:key] = container[key : key + 1] * chance.choice([1, 40])
    return content
