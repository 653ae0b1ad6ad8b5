"""Whatever is sent to a running worker ends as one journal record or one dead letter, and the worker goes on."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from pipeline.log.port import Message, Outgoing
from schemas.facts import Fact, PointsIssued
from schemas.records import ClockAdvanced, decode_record
from tests.e2e.product import Product, wait_until
from tests.frozen import PROGRAM
from tests.fuzz.mutating import BYTES, Mutation, encoded, restructured
from tests.intake.incoming import examples

INPUTS = ("transactions", "events", "customers", "commands")
EACH = 1_000
GOOD = {
    "type": "transactionAdded",
    "orgId": 100,
    "customerId": 77,
    "id": "good",
    "billNumber": "GOOD",
    "amountMinor": 1_000,
    "currency": "GBP",
}


def rearranged(chance: random.Random, raw: bytes) -> bytes:
    """JSON in which parts are gone, odd or elsewhere."""
    return encoded(restructured(chance, json.loads(raw)))


MUTATIONS: tuple[Mutation, ...] = (*BYTES, rearranged)


class Ended(NamedTuple):
    """A worker's life among bad inputs."""

    sent: list[Message]
    journal: list[Message]
    dead_letters: list[Message]
    facts_of_the_last: list[Fact]
    verified: bool


def mutated(now: int) -> Iterator[tuple[str, bytes | None, bytes | None]]:
    """Topic, key and value of every kind of bad input."""
    chance = random.Random(3)
    # Of today, so that what can still be read has an effect.
    originals = [encoded(one | {"eventTime": now} if "eventTime" in one else one) for one in examples()]
    for mutation in MUTATIONS:
        for _ in range(EACH):
            value = mutation(chance, chance.choice(originals))
            yield chance.choice(INPUTS), chance.choice((None, b"100:4711", b"\xff\x00", b"")), value
    for _ in range(EACH):
        yield chance.choice(INPUTS), None, chance.randbytes(chance.randrange(60))
    yield "events", b"100:4711", None


def place_of(message: Message) -> str:
    return f"{message.topic}:{message.partition}:{message.offset}"


def has_read_all(product: Product) -> bool:
    """Whether intake has committed all that is in the input topics: it owes no order between partitions."""
    topics = [product.place.catalog.name(topic) for topic in INPUTS]
    with product.place.log() as log:
        committed = log.group_offsets(f"{product.place.settings.group}.intake", topics)
        return all((committed[one].offset or 0) >= end for one, end in log.ends(committed.keys(), 10.0).items())


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    product = Product(tmp_path_factory.mktemp("bad-input"))
    product.run("topics", "create")
    product.run("program", "apply", str(PROGRAM))
    now = time.time_ns() // 1_000_000
    inputs = list(mutated(now))
    with product.watched() as watch, product.worker(ACCRUE_DEAD_LETTERS_PER_MINUTE_MAX="none") as worker:
        with product.place.log() as log:
            producer = log.producer()
            producer.produce([Outgoing(product.place.catalog.name(topic), key, value) for topic, key, value in inputs])
            producer.flush(30.0)
            producer.close()
        lines = b"".join(value + b"\n" for _, _, value in inputs if value and b"\n" not in value)
        product.run("send", "-", "--topic", "events", stdin=lines)
        product.run("send", "-", stdin=json.dumps(GOOD | {"eventTime": now}).encode())
        wait_until(lambda: bool(watch.facts_of(100, 77)) and has_read_all(product), worker)
        wait_until(watch.is_stored, worker)
        worker.stop()
        facts = watch.facts_of(100, 77)
    sent = [message for topic in INPUTS for message in product.read(topic)]
    return Ended(sent, product.read("journal"), product.read("deadletters"), facts, product.json("verify")["holds"])


def test_every_input_is_one_journal_record_or_one_dead_letter(ended: Ended) -> None:
    topics = {one.topic for one in ended.sent}
    records = [decode_record(one.value or b"") for one in ended.journal]
    taken = Counter(
        f"{record.source}:{record.offset}"
        for record, message in zip(records, ended.journal, strict=True)
        if record.source.partition(":")[0] in topics
        # the passing of time is one record in each journal partition: it counts in the first
        and not (isinstance(record, ClockAdvanced) and message.partition)
    )
    refused = Counter(dict(one.headers)["accrue.origin"].decode() for one in ended.dead_letters)

    assert taken + refused == Counter(map(place_of, ended.sent))
    assert len(ended.sent) > 10 * EACH
    assert min(taken.total(), refused.total()) > 200  # the more kinds of messages, the fewer mutations stay right


def test_every_dead_letter_has_the_original_bytes_and_says_why(ended: Ended) -> None:
    originals = {place_of(one): (one.key, one.value, one.timestamp) for one in ended.sent}

    for letter in ended.dead_letters:
        headers = dict(letter.headers)
        assert (letter.key, letter.value, letter.timestamp) == originals[headers["accrue.origin"].decode()]
        assert headers["accrue.stage"] == b"intake"
        assert headers["accrue.reason"]
        assert all(one["problem"] and one["remedy"] for one in json.loads(headers["accrue.detail"]))
        assert json.loads(headers["accrue.detail"])


def test_the_good_record_after_them_is_decided_once(ended: Ended) -> None:
    issued = [fact.decision.points for fact in ended.facts_of_the_last if isinstance(fact.decision, PointsIssued)]

    assert issued == [10]  # a point a pound


def test_what_was_taken_breaks_no_invariant(ended: Ended) -> None:
    assert ended.verified
