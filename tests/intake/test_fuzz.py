"""Whatever comes in ends as a record or as a dead letter with a reason; nothing raises."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from pipeline.intake.verdict import Accepted, Rejected
from schemas.records import AnyRecord, decode_record, encode_record
from tests.intake.incoming import Sent, examples, taken

ROUNDS = 1_000
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1.5, 2**53 + 1, 2**63, 2**64, -(2**70), 10**400, float("inf"), float("nan")),
    *("", "x" * 3_000, "\x00", "\ud800", "2011-13-41T99:99", "2011-03-09T10:00", "Europe/London"),
    *([], [[]], {}, {"": {}}, [None] * 50),
)


def truncated(chance: random.Random, message: dict[str, Any]) -> bytes:
    raw = encoded(message)
    return raw[: chance.randrange(len(raw))]


def flipped(chance: random.Random, message: dict[str, Any]) -> bytes:
    raw = bytearray(encoded(message))
    for _ in range(chance.randint(1, 4)):
        raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
    return bytes(raw)


def mistyped(chance: random.Random, message: dict[str, Any]) -> bytes:
    parts = [message, *message.get("lines", []), message.get("attributes", message)]
    for part in chance.choices(parts, k=chance.randint(1, 3)):
        part[chance.choice(list(part))] = chance.choice(ODD)
    return encoded(message)


def reduced(chance: random.Random, message: dict[str, Any]) -> bytes:
    del message[chance.choice(list(message))]
    return encoded(message)


def extended(chance: random.Random, message: dict[str, Any]) -> bytes:
    message[chance.choice(["", "x", "event_time", "type ", "\x00", "zone", "é" * 300])] = chance.choice(ODD)
    return encoded(message)


def encoded(message: dict[str, Any]) -> bytes:
    # A lone surrogate cannot be encoded; escaped, it is what a careless producer sends.
    return json.dumps(message, ensure_ascii=True).encode()


MUTATIONS = (truncated, flipped, mistyped, reduced, extended)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda one: one.__name__)
def test_a_mutated_message_is_a_record_or_a_dead_letter(
    mutation: Callable[[random.Random, dict[str, Any]], bytes],
) -> None:
    chance = random.Random(mutation.__name__)
    ends: Counter[str] = Counter()
    originals = [json.dumps(one) for one in examples()]
    for _ in range(ROUNDS):
        raw = mutation(chance, json.loads(chance.choice(originals)))
        verdict = taken(Sent(raw))
        if isinstance(verdict, Accepted):
            ends["accepted"] += 1
            assert decode_record(encode_record(verdict.record)) == verdict.record
            assert isinstance(verdict.record, AnyRecord)
        else:
            assert isinstance(verdict, Rejected)
            ends[verdict.reason] += 1
            assert verdict.defects
            # The diagnosis says itself what is wrong; the decoder's own words are the last resort.
            assert not any("Expected `" in defect.problem for defect in verdict.defects), (raw, verdict)
    assert len(ends) > 1, ends


def test_random_bytes_are_dead_letters() -> None:
    chance = random.Random(7)
    for _ in range(ROUNDS):
        raw = chance.randbytes(chance.randrange(60))
        assert isinstance(taken(Sent(raw)), Rejected), raw
