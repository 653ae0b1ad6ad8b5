"""Dead letters sent again beside a running worker count once; of two replays at once, one sends."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli.dead_letters import DeadLetters, Wanted
from pipeline.cli.replaying import Again, Replay
from pipeline.clock import SYSTEM_CLOCK, SystemClock
from pipeline.intake.letters.letter import dead_letter_of
from pipeline.intake.letters.replays import DeadLetter, Entry, mark_headers
from pipeline.log.port import Fenced, Log, Outgoing
from schemas.facts import PointsIssued
from tests.e2e.conftest import LOGS, product_on
from tests.e2e.product import Product, Watch, wait_until
from tests.frozen import PROGRAM
from tests.intake.incoming import Sent

HALF_AN_HOUR = 30 * 60_000
LONG_SECONDS = 300.0
"""Of transactions that only somebody else may end."""
BILL = {
    "type": "transactionAdded",
    "orgId": 100,
    "customerId": 77,
    "amountMinor": 1_000,
    "currency": "GBP",
}


@pytest.fixture(params=LOGS)
def product(request: pytest.FixtureRequest, tmp_path: Path) -> Product:
    """A new installation on either log."""
    made = product_on(request.param, request, tmp_path)
    made.run("topics", "create")
    return made


def listed(product: Product, *filters: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = product.json("dlq", "list", *filters)["entries"]
    return entries


@pytest.mark.parametrize("product", ["kafka"], indirect=True)
def test_what_is_put_right_counts_once_and_what_is_not_comes_back_as_a_new_entry(product: Product) -> None:
    product.run("program", "apply", str(PROGRAM))
    soon = time.time_ns() // 1_000_000 + HALF_AN_HOUR
    bills = [BILL | {"billNumber": f"B{number}", "eventTime": soon + number} for number in range(2)]
    bills[0] |= {"id": "first"}  # the other is known by its place
    lines = "\n".join([*map(json.dumps, bills), "{"]).encode()

    with product.watched() as watch:
        with product.worker() as worker:
            product.run("send", "-", stdin=lines)
            wait_until(lambda: letters_in(product) >= 3, worker)
            worker.stop()
        first = listed(product)
        with product.worker(ACCRUE_FUTURE_TOLERANCE="PT1H") as worker:
            product.run("dlq", "replay", "--all")
            wait_until(lambda: len(issued(watch)) >= 2 and letters_in(product) >= 4, worker)
            product.run("dlq", "replay", "--all", "--again")  # all four; both of the broken one fail once more
            wait_until(lambda: letters_in(product) >= 6, worker)
            wait_until(watch.is_stored, worker)
            worker.stop()
        points = issued(watch)

    assert sorted(one["reason"] for one in first) == ["FUTURE_EVENT_TIME", "FUTURE_EVENT_TIME", "NOT_JSON"]
    assert points == [10, 10]  # a point a pound
    (broken,) = [one["entry"] for one in first if one["reason"] == "NOT_JSON"]
    (again,) = [one["entry"] for one in listed(product) if one["replay_of"] == broken and one["replayed"]]
    after = listed(product, "--reason", "NOT_JSON")
    assert [one["replay_of"] for one in after].count(broken) == 2
    assert {one["replay_of"] for one in after} == {None, broken, again}
    assert {one["origin"] for one in after} == {after[0]["origin"]}
    assert [one["entry"] for one in listed(product, "--not-replayed") if one["replay_of"] is None] == []
    assert sorted(product.json("dlq", "show", broken)["failed_again_as"]) == sorted(
        one["entry"] for one in after if one["replay_of"] == broken
    )
    assert product.json("verify")["holds"]


def letters_in(product: Product) -> int:
    return sum("accrue.reason" in dict(one.headers) for one in product.read("deadletters"))


def issued(watch: Watch) -> list[int]:
    return [fact.decision.points for fact in watch.facts_of(100, 77) if isinstance(fact.decision, PointsIssued)]


def bury(product: Product, log: Log, count: int) -> None:
    """So many dead letters of an input partition, in dead-letter partition 1."""
    catalog = product.place.catalog
    letters = []
    for number in range(count):
        original = Sent(b"%d" % number, catalog.name("events"), 2, number, b"100:77", SYSTEM_CLOCK.wall())
        headers = dead_letter_of(original, "NOT_JSON", (), stage="intake").headers
        letters.append(Outgoing(catalog.name("deadletters"), b"100:77", original.value, 1, headers, original.timestamp))
    with closing(log.producer()) as producer:
        producer.produce(letters)
        producer.flush(30.0)


def all_of(letters: DeadLetters) -> list[DeadLetter]:
    return [one.letter for one in letters.matching(Wanted())]


def sent_again(product: Product) -> list[bytes | None]:
    return [one.value for one in product.read("events")]


def nothing(_: Sequence[Again]) -> None:
    """Nobody looks on."""


def test_of_two_replays_at_once_the_later_sends_and_the_earlier_says_so(product: Product) -> None:
    with product.place.log() as log:
        bury(product, log, 2)
        letters = DeadLetters(product.place, log)
        with closing(Replay(product.place, log, letters, all_of(letters), SYSTEM_CLOCK)) as earlier:
            product.run("dlq", "replay", "--all")
            with pytest.raises(
                Fenced, match=r"another accrue dlq replay has begun in this group .*; 0 were sent again"
            ):
                earlier.send(None, nothing)

    assert sent_again(product) == [b"0", b"1"]


def test_what_an_earlier_replay_has_marked_since_is_not_sent_again(product: Product) -> None:
    with product.place.log() as log:
        bury(product, log, 2)
        letters = DeadLetters(product.place, log)
        product.run("dlq", "replay", "1:0")
        with closing(Replay(product.place, log, letters, all_of(letters), SYSTEM_CLOCK)) as later:
            later.send(None, nothing)

    assert sent_again(product) == [b"0", b"1"]


class CallingClock(SystemClock):
    """Calls somebody when it is asked for the time once more: when what was waited for did not come in a while."""

    def __init__(self, call: Callable[[], None]) -> None:
        self._call = call
        self._asked = False

    def now(self) -> float:
        if self._asked:
            self._call()
        self._asked = True
        return super().now()


def test_replay_waits_for_the_open_transaction_that_hides_the_mark_of_an_earlier_one(product: Product) -> None:
    place, catalog = product.place, product.place.catalog
    with (
        place.log() as log,
        closing(log.producer(f"{place.settings.prefix}worker", transaction_timeout=LONG_SECONDS)) as worker,
    ):
        bury(product, log, 1)
        letters = DeadLetters(place, log)
        with closing(Replay(place, log, letters, all_of(letters), SYSTEM_CLOCK)) as earlier:
            worker.init(30.0)
            worker.begin()
            worker.produce([Outgoing(catalog.name("deadletters"), b"100:78", b"{", 1)])
            worker.flush(30.0)
            earlier.send(None, nothing)
        letters = DeadLetters(place, log)
        hidden = not letters.get(Entry(1, 0)).is_replayed
        clock = CallingClock(lambda: worker.abort(30.0))
        with closing(Replay(place, log, letters, all_of(letters), clock)) as later:
            later.send(None, nothing)

    assert hidden == (place.settings.kafka_bootstrap is not None)  # the embedded log writes a transaction at its end
    assert sent_again(product) == [b"0"]


def test_what_a_killed_replay_left_open_is_neither_sent_nor_marked(product: Product) -> None:
    settings, catalog = product.place.settings, product.place.catalog
    with product.place.log() as log:
        bury(product, log, 1)
        killed = log.producer(f"{settings.prefix}{settings.group}-dlq", transaction_timeout=LONG_SECONDS)
        killed.init(30.0)
        killed.begin()
        killed.produce(
            [
                Outgoing(catalog.name("events"), b"100:77", b"0", 2),
                Outgoing(catalog.name("deadletters"), None, None, 1, mark_headers(Entry(1, 0))),
            ]
        )
        killed.flush(30.0)
        product.run("dlq", "replay", "--all")
        killed.close()

    assert sent_again(product) == [b"0"]
    assert [one["entry"] for one in listed(product, "--not-replayed")] == []


def test_run_that_ends_in_the_middle_is_gone_on_with(product: Product) -> None:
    with product.place.log() as log:
        bury(product, log, 7)
        letters = DeadLetters(product.place, log)

        def interrupt(_: Sequence[Again]) -> None:
            raise KeyboardInterrupt

        with (
            closing(Replay(product.place, log, letters, all_of(letters), SYSTEM_CLOCK)) as run,
            pytest.raises(KeyboardInterrupt),
        ):
            run.send(3, interrupt)
    product.run("dlq", "replay", "--all")

    assert sent_again(product) == [b"%d" % number for number in range(7)]
