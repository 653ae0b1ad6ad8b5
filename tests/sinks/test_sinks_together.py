"""Several sinks on a real Kafka and one ClickHouse: killed, frozen, rebalanced; every row is there once."""

from __future__ import annotations

import random
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient

from pipeline.log.kafka import KafkaLog
from sinks.clickhouse.connect import open_clickhouse
from tests.sinks.feed import Feed
from tests.sinks.member import SECONDS, End, Member
from tests.sinks.server import Server, serving

pytestmark = pytest.mark.timeout(240)

Start = Callable[..., Member]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("clickhouse")) as started:
        yield started


@pytest.fixture
def clickhouse(server: Server) -> Iterator[Client]:
    client = open_clickhouse(server.dsn)
    yield client
    client.close()


@pytest.fixture
def start(server: Server, kafka_bootstrap: str, tmp_path: Path) -> Iterator[Start]:
    """Starts a sink; none outlives the test, whatever becomes of it."""
    members: list[Member] = []

    def started(feed: Feed, end: End | None = None, *, member: str | None = None, **more: Any) -> Member:
        settings = {**feed.settings, "member": member}
        members.append(Member(tmp_path, kafka_bootstrap, server.dsn, settings, end, **more))
        return members[-1]

    yield started
    for member in members:
        member.kill()


def until(happened: Callable[[], bool]) -> None:
    """Wait, with a deadline."""
    deadline = time.monotonic() + SECONDS
    while not happened():
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)


KILLED = [
    pytest.param(End("commit", 0, done=False, signal=signal.SIGKILL), id="before the intents"),
    pytest.param(End("commit", 0, done=True, signal=signal.SIGKILL), id="after the intents"),
    pytest.param(End("insert facts", 0, done=True, signal=signal.SIGKILL), id="between two tables"),
    pytest.param(End("commit", 1, done=False, signal=signal.SIGKILL), id="before the offsets"),
    pytest.param(End("commit", 1, done=True, signal=signal.SIGKILL), id="after the offsets"),
]


def test_sinks_killed_one_after_the_other_at_every_step_leave_every_row_once(
    clickhouse: Client, kafka_log: KafkaLog, prefix: str, start: Start
) -> None:
    feed = Feed(kafka_log, prefix, partitions=2)
    for param in KILLED:
        feed.send(7)
        [end] = param.values
        # Under one name, as a worker's sink: the next has the partitions without waiting for the session of the last.
        assert start(feed, end, member="sink-0").wait_for_death() == -signal.SIGKILL

    feed.send(7)
    last = start(feed, member="sink-0")
    feed.wait_until_stored()

    assert last.stop() == 0
    assert feed.found(clickhouse) == feed.expected()


FROZEN = [
    pytest.param(End("commit", 0, done=False, signal=signal.SIGSTOP), True, id="before its intent, heir gone"),
    pytest.param(
        End("insert ledger_entries", 0, done=False, signal=signal.SIGSTOP), False, id="about to insert, heir at work"
    ),
    pytest.param(End("commit", 1, done=False, signal=signal.SIGSTOP), True, id="before its offset, heir gone"),
]


@pytest.mark.parametrize(("end", "left"), FROZEN)
def test_a_frozen_sink_whose_partition_went_on_without_it_adds_nothing_when_it_wakes(
    clickhouse: Client, kafka_log: KafkaLog, prefix: str, start: Start, end: End, *, left: bool
) -> None:
    feed = Feed(kafka_log, prefix, partitions=1)
    feed.send(5)
    zombie = start(feed, end)
    zombie.wait_until_frozen()
    feed.send(6)  # the heir cuts blocks that the frozen sink would cut otherwise
    heir = start(feed)
    feed.wait_until_stored()
    if left:  # a group without members takes offsets from anybody
        assert heir.stop() == 0

    zombie.signal(signal.SIGCONT)
    zombie.wait_until_it_says("lost ")
    feed.send(3)
    feed.wait_until_stored()

    assert zombie.stop() == 0
    assert feed.found(clickhouse) == feed.expected()


def test_an_insert_on_its_way_that_arrives_after_the_heir_has_gone_on_is_dropped(
    server: Server, clickhouse: Client, kafka_log: KafkaLog, prefix: str, start: Start
) -> None:
    feed = Feed(kafka_log, prefix, partitions=1)
    feed.send(5)
    server.fault("hold", "INSERT INTO ledger_entries")
    zombie = start(feed)
    until(lambda: server.pending() == 0)
    zombie.signal(signal.SIGSTOP)
    feed.send(6)
    start(feed)
    feed.wait_until_stored()
    late = ("ledger_entries", feed.token("facts", 0, 0, 4))
    assert server.seen().count(late) == 1

    server.heal()
    until(lambda: server.seen().count(late) == 2)
    zombie.signal(signal.SIGCONT)
    zombie.wait_until_it_says("lost ")

    assert zombie.stop() == 0
    assert feed.found(clickhouse) == feed.expected()


def test_partitions_change_hands_in_the_middle_of_a_block_that_clickhouse_does_not_take(
    server: Server, clickhouse: Client, kafka_log: KafkaLog, prefix: str, start: Start
) -> None:
    feed = Feed(kafka_log, prefix, partitions=3)
    feed.send(5)
    server.fault("drop", "INSERT INTO ledger_entries", times=1_000)  # executed, and nobody is told
    first = start(feed, session_seconds=SECONDS)  # however slow it is, it is asked for its partitions
    first.wait_until_it_says("inserting into ledger_entries is tried again")
    second, third = start(feed), start(feed)
    first.wait_until_it_says("revoked ")
    feed.send(6)

    server.heal()
    feed.wait_until_stored()

    assert [each.stop() for each in (first, second, third)] == [0, 0, 0]
    assert "lost " not in first.log()
    assert feed.found(clickhouse) == feed.expected()


@pytest.mark.parametrize("statement", ["SELECT src_topic", "INSERT INTO"])
def test_a_sink_stays_a_member_of_its_group_while_clickhouse_is_away(
    server: Server, clickhouse: Client, kafka_log: KafkaLog, prefix: str, start: Start, statement: str
) -> None:
    feed = Feed(kafka_log, prefix, partitions=2)
    feed.send(5)
    server.fault("refuse", statement, times=1_000)
    sink = start(feed, session_seconds=8.0, max_poll_interval=8.0)
    # with half a second between two tries, half as long again as it may go without a poll
    sink.wait_until_it_says("is tried again", times=4 + 24)
    feed.send(6)

    server.heal()
    feed.wait_until_stored()

    assert sink.stop() == 0
    assert sink.log().count("assigned ") == 1
    assert feed.found(clickhouse) == feed.expected()


def test_a_group_that_was_deleted_gets_the_offsets_that_its_sink_names_and_every_row_stays_once(
    clickhouse: Client, kafka_bootstrap: str, kafka_log: KafkaLog, prefix: str, start: Start
) -> None:
    feed = Feed(kafka_log, prefix, partitions=2)
    group = feed.settings["group"]
    admin = AdminClient({"bootstrap.servers": kafka_bootstrap})
    feed.send(5)
    first = start(feed)
    feed.wait_until_stored()
    assert first.stop() == 0
    [deleted] = admin.delete_consumer_groups([group]).values()
    deleted.result(SECONDS)
    feed.send(3)

    halted = start(feed)
    assert halted.wait_for_death() == 1
    told = re.findall(rf"({prefix}\S+),(\d+),(\d+)", halted.log())
    places = [TopicPartition(topic, int(number), int(offset)) for topic, number, offset in told]
    [altered] = admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(group, places)]).values()
    altered.result(SECONDS)
    last = start(feed)
    feed.wait_until_stored()

    assert last.stop() == 0
    assert sorted(told) == [(f"{prefix}{topic}", number, "5") for topic in ("facts", "journal") for number in "01"]
    assert feed.found(clickhouse) == feed.expected()


def test_three_sinks_and_a_server_that_fail_by_turns_leave_every_row_once(
    server: Server, clickhouse: Client, kafka_log: KafkaLog, prefix: str, start: Start
) -> None:
    chance = random.Random(20_111_209)  # a schedule, not a secret
    feed = Feed(kafka_log, prefix, partitions=4)
    members = [start(feed) for _ in range(3)]
    tables = ["journal", "facts", "ledger_entries"]
    for fault in ("kill the sink", "freeze", "mute", "kill both"):
        count, table, unlucky = chance.randrange(10, 40), chance.choice(tables), chance.randrange(3)
        match fault:
            case "freeze":
                feed.send(count)
                members[unlucky].signal(signal.SIGSTOP)
                feed.send(5)
                feed.wait_until_stored()  # so its partitions have gone to others
                members[unlucky].signal(signal.SIGCONT)
            case _:
                server.fault("mute", f"INSERT INTO {table}")
                feed.send(count)
                until(lambda: server.pending() == 0)
                if fault != "mute":
                    members[unlucky].kill()
                    members[unlucky] = start(feed)
                if fault == "kill both":
                    server.kill()
                    server.start()
                server.heal()
    feed.send(20)
    feed.wait_until_stored()

    assert [member.stop() for member in members] == [0, 0, 0]
    assert feed.found(clickhouse) == feed.expected()
