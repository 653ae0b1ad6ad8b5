"""What nobody can read is a dead letter with its place, and everything good around it is counted; nothing restarts."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from pipeline.log.port import Message
from schemas.facts import PointsIssued
from tests.e2e.conftest import product_on_kafka
from tests.e2e.product import Product, wait_until
from tests.e2e.test_bad_input import INPUTS, has_read_all
from tests.frozen import PROGRAM
from tests.log import raw_batches
from tests.log.odd_batches import CASES, Case, bomb
from tests.log.raw_batches import GZIP, LZ4, SNAPPY, ZSTD, RawRecord, batch

PARTITIONS: Final = 4


RUBBISH: Final = b"{"
MANY_HEADERS: Final = [(b"", b""), (b"a\x00b", None), (b"\x1b]0;x\x07", b"\xff"), *((b"h", b"x") for _ in range(2_000))]
READABLE: Final[dict[str, tuple[Case, str]]] = {
    "gzip of 150 MB": (Case(1, bomb, GZIP), "TOO_LARGE"),
    "lz4 of 150 MB": (Case(1, bomb, LZ4), "TOO_LARGE"),
    "snappy of 20 MB": (Case(1, lambda: (RawRecord(bytes(20_000_000)),), SNAPPY), "TOO_LARGE"),
    "zstd of 30 MB": (Case(1, lambda: (RawRecord(bytes(30_000_000)),), ZSTD), "TOO_LARGE"),
    "tombstone without a key": (Case(1, lambda: (RawRecord(None),)), "EMPTY"),
    "key that is no text": (Case(1, lambda: (RawRecord(RUBBISH, b"\xff\x00"),)), "NOT_JSON"),
    "2,000 headers, some of them odd": (Case(1, lambda: (RawRecord(RUBBISH, None, MANY_HEADERS),)), "NOT_JSON"),
}
ODD: Final = {name: (case, "UNREADABLE") for name, case in CASES.items()} | READABLE


class Written(NamedTuple):
    """What was written of one odd batch, and where."""

    name: str
    at: str
    """`topic:partition:offset` of its first message."""


class Ended(NamedTuple):
    """Two lives of a worker among odd batches."""

    written: list[Written]
    customers: int
    """How many good messages there were, each of a customer of its own."""
    points: dict[int, list[int]]
    letters: list[Message]
    verified: bool


class Upstream:
    """Writes good messages, and odd ones between them."""

    def __init__(self, product: Product, bootstrap: str) -> None:
        self._product = product
        self._bootstrap = bootstrap
        self.customers = 0
        self.written: list[Written] = []

    def write(self, number: int, name: str, odd: Case) -> None:
        """One odd batch, with a good message before and after it."""
        topic = self._product.place.catalog.name(INPUTS[number % len(INPUTS)])
        partition = number // len(INPUTS) % PARTITIONS
        self._good(topic, partition)
        now = time.time_ns() // 1_000_000
        raw = odd.batch(-1 if number % 3 == 0 else now)
        offset = raw_batches.produce(self._bootstrap, topic, partition, raw)
        self.written.append(Written(name, f"{topic}:{partition}:{offset}"))
        self._good(topic, partition)

    def _good(self, topic: str, partition: int) -> None:
        self.customers += 1
        now = time.time_ns() // 1_000_000
        bill = {
            "type": "transactionAdded",
            "orgId": 100,
            "customerId": self.customers,
            "eventTime": now,
            "billNumber": "B",
            "amountMinor": 1_000,
            "currency": "GBP",
        }
        record = RawRecord(json.dumps(bill).encode(), b"100:%d" % self.customers)
        raw_batches.produce(self._bootstrap, topic, partition, batch([record], timestamp=now))


@pytest.fixture(scope="module")
def ended(kafka_bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> Ended:
    product = product_on_kafka(kafka_bootstrap, tmp_path_factory.mktemp("unreadable"))
    product.run("topics", "create")
    product.run("program", "apply", str(PROGRAM))
    upstream = Upstream(product, kafka_bootstrap)
    cases = list(enumerate(ODD.items()))
    half = len(cases) // 2
    roles = ("--role", "intake", "--role", "loyalty")
    for number, (name, (odd, _)) in cases[:half]:
        upstream.write(number, name, odd)
    with product.watched() as watch:
        with product.worker(*roles) as worker:
            wait_until(lambda: bool(product.read("deadletters")), worker)
            worker.kill()  # amid of them
        with product.worker(*roles) as worker:
            for number, (name, (odd, _)) in cases[half:]:
                upstream.write(number, name, odd)
            customers = range(1, upstream.customers + 1)
            wait_until(lambda: has_read_all(product), worker)
            wait_until(lambda: all(watch.facts_of(100, one) for one in customers), worker)
            worker.stop()
        points = {
            one: [it.decision.points for it in watch.facts_of(100, one) if isinstance(it.decision, PointsIssued)]
            for one in customers
        }
    verified = product.json("verify", "--log-only")["holds"]
    return Ended(upstream.written, upstream.customers, points, product.read("deadletters"), verified)


def test_every_good_message_counts_once(ended: Ended) -> None:
    assert ended.points == {customer: [10] for customer in range(1, ended.customers + 1)}
    assert ended.customers == 2 * len(ODD) > 36


def test_every_odd_batch_is_a_dead_letter_with_its_place(ended: Ended) -> None:
    letters = Counter(
        (headers["accrue.origin"].decode(), headers["accrue.reason"].decode())
        for headers in (dict(one.headers) for one in ended.letters)
    )

    assert letters == Counter((one.at, ODD[one.name][1]) for one in ended.written)


def test_a_dead_letter_without_content_says_how_many_messages_it_stands_for(ended: Ended) -> None:
    sizes = {one.at: ODD[one.name][0].count for one in ended.written}
    for letter in ended.letters:
        headers = dict(letter.headers)
        if "accrue.unread" in headers:
            unread, origin = json.loads(headers["accrue.unread"]), headers["accrue.origin"].decode()
            assert f"{unread['at']}:{unread['first']}" == origin
            assert unread["last"] - unread["first"] + 1 == sizes[origin]
            assert letter.value is None


def test_what_was_decided_holds(ended: Ended) -> None:
    assert ended.verified


def test_a_journal_that_cannot_be_read_halts_one_role_and_the_others_go_on(
    kafka_bootstrap: str, tmp_path: Path
) -> None:
    product = product_on_kafka(kafka_bootstrap, tmp_path)
    product.run("topics", "create")
    journal = product.place.catalog.name("journal")
    with product.worker("--role", "intake", "--role", "loyalty") as worker:
        wait_until(worker.is_ready, worker)
        now = time.time_ns() // 1_000_000
        offset = raw_batches.produce(kafka_bootstrap, journal, 0, CASES["zstd with good messages around"].batch(now))
        place = f"halted: cannot read offsets {offset} to {offset + 2} of {journal}:0"
        wait_until(lambda: place in (worker.get("/readyz") or (0, ""))[1], worker)
        Upstream(product, kafka_bootstrap).write(0, "rubbish", READABLE["key that is no text"][0])
        wait_until(lambda: len(product.read("deadletters")) == 1, worker)
        alive = worker.get("/livez")
        worker.stop()

    assert alive is not None
    assert alive[0] == 200
