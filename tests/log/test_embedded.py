"""What only the embedded log promises: it outlives its processes, and several processes share it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from pipeline.log.embedded import FILE_NAME, EmbeddedLog
from pipeline.log.port import Aborted, Committed, LogError, Partition, TopicSpec, Unavailable
from tests.log.desk import SECONDS, Desk, read, texts, transact, values

_WRITE_VERSION = 18
"""The byte of SQLite's file header that says which versions may write."""
WRITER = """
import sys
from pathlib import Path
from pipeline.log.embedded import EmbeddedLog
from pipeline.log.port import Outgoing, TopicSpec

folder, name, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
log = EmbeddedLog(folder)
log.create_topics([TopicSpec("shared", 1, {})])
producer = log.producer(name)
producer.init(20)
for number in range(count):
    producer.begin()
    producer.produce([Outgoing("shared", None, f"{name} {number}".encode())])
    producer.commit(20)
"""


def test_the_log_survives_a_restart(tmp_path: Path) -> None:
    partition = Partition("topic", 0)
    for visit in range(3):
        log = EmbeddedLog(tmp_path)
        log.create_topics([TopicSpec("topic", 1, {"retention.ms": "1"})])
        desk = Desk(log, "")
        member = desk.member(["topic"])
        expected = Committed(2 * visit, f"visit {visit}") if visit else Committed(None)
        assert member.consumer.committed([partition], SECONDS) == {partition: expected}
        transact(desk.transactional(), *texts("topic", 1, f"visit-{visit}"))
        assert len(read(member.consumer, visit + 1)) == visit + 1
        member.consumer.commit_offsets({partition: Committed(2 * visit + 2, f"visit {visit + 1}")}, SECONDS)
        desk.close()
        log.close()


def test_processes_write_side_by_side_while_another_reads(tmp_path: Path) -> None:
    names = ["one", "two", "three"]
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), name, "200"]) for name in names]
    log = EmbeddedLog(tmp_path)
    log.create_topics([TopicSpec("shared", 1, {})])
    desk = Desk(log, "")
    messages = read(desk.reader(Partition("shared", 0)), 600)
    assert [writer.wait(SECONDS) for writer in writers] == [0, 0, 0]
    assert [message.offset for message in messages] == list(range(0, 1_200, 2))
    for name in names:
        mine = [value for value in values(messages) if value and value.startswith(name.encode() + b" ")]
        assert mine == [f"{name} {number}".encode() for number in range(200)]
    desk.close()
    log.close()


def test_a_reader_of_the_same_process_is_woken_at_once(
    embedded_log: EmbeddedLog, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.log.logfile._POLL_SECONDS", 3 * SECONDS)  # it does not look again by itself
    desk = Desk(embedded_log, prefix)
    topic = desk.topic()
    reader = desk.reader(Partition(topic, 0))
    arrived = threading.Event()

    def wait() -> None:
        if reader.consume(1, 3 * SECONDS):
            arrived.set()

    thread = threading.Thread(target=wait)
    thread.start()
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline and not arrived.wait(0.01):
        desk.write(*texts(topic, 1))  # again, as the first may come just before it waits
    assert arrived.is_set()
    thread.join(SECONDS)
    desk.close()


def test_a_writer_that_waits_too_long_for_its_turn_gives_up(
    embedded_log: EmbeddedLog, prefix: str, tmp_path: Path
) -> None:
    desk = Desk(embedded_log, prefix)
    topic = desk.topic()
    member = desk.member([topic])
    producer = desk.transactional()
    producer.begin()
    producer.produce(texts(topic, 1))
    blocker = sqlite3.connect(tmp_path / "log" / FILE_NAME, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable):
        member.consumer.commit_offsets({Partition(topic, 0): Committed(0)}, 0.05)
    with pytest.raises(Aborted):
        producer.commit(0.05)
    blocker.execute("ROLLBACK")
    blocker.close()
    producer.abort(SECONDS)
    transact(producer, *texts(topic, 1, "after"))
    assert values(read(member.consumer, 1)) == [b"after-0"]
    desk.close()


def test_a_new_subscriber_takes_the_whole_group_over(embedded_log: EmbeddedLog, prefix: str) -> None:
    desk = Desk(embedded_log, prefix)
    topic = desk.topic(3)
    older = desk.member([topic])
    newer = desk.member([topic])
    older.consumer.consume(1, 0)
    assert older.gone == newer.assigned == [Partition(topic, number) for number in range(3)]
    assert older.consumer.assignment() == frozenset()
    desk.close()


def test_a_topic_made_anew_in_another_file_has_another_id(tmp_path: Path) -> None:
    ids = set()
    for folder in ("before", "after"):
        log = EmbeddedLog(tmp_path / folder)
        log.create_topics([TopicSpec("topic", 1, {})])
        ids.add(log.topic_id("topic", SECONDS))
        log.close()

    assert len(ids) == 2


def test_topics_of_a_file_of_version_1_get_ids_that_last(tmp_path: Path) -> None:
    log = EmbeddedLog(tmp_path)
    log.create_topics([TopicSpec("one", 1, {}), TopicSpec("two", 1, {"retention.ms": "1"})])
    desk = Desk(log, "")
    desk.write(*texts("two", 1))
    before = log.describe_topics()
    desk.close()
    log.close()
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        connection.execute("ALTER TABLE topics DROP COLUMN identity")
        connection.execute("ALTER TABLE batches DROP COLUMN checksum")
        connection.execute("PRAGMA user_version = 1")
    connection.close()

    ids = []
    for _ in range(2):
        log = EmbeddedLog(tmp_path)
        desk = Desk(log, "")
        assert log.describe_topics() == before
        assert values(read(desk.reader(Partition("two", 0)), 1)) == [b"message-0"]
        ids.append([log.topic_id(topic, SECONDS) for topic in ("one", "two")])
        desk.close()
        log.close()

    assert ids[0] == ids[1]
    assert len({*ids[0], ""}) == 3


def test_batches_of_a_file_of_version_2_are_read_without_a_checksum_and_new_ones_have_one(tmp_path: Path) -> None:
    log = EmbeddedLog(tmp_path)
    log.create_topics([TopicSpec("one", 1, {})])
    desk = Desk(log, "")
    desk.write(*texts("one", 1))
    desk.close()
    log.close()
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        connection.execute("ALTER TABLE batches DROP COLUMN checksum")
        connection.execute("PRAGMA user_version = 2")
    connection.close()

    log = EmbeddedLog(tmp_path)
    desk = Desk(log, "")
    desk.write(*texts("one", 1))
    assert values(read(desk.reader(Partition("one", 0)), 2)) == [b"message-0", b"message-0"]
    desk.close()
    log.close()

    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        found = connection.execute("SELECT checksum IS NULL FROM batches ORDER BY first_offset").fetchall()
    connection.close()
    assert found == [(1,), (0,)]


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("messages = zeroblob(length(messages))", "the messages of one:0 from offset 0 on are not as written"),
        ("messages = x'c1', checksum = NULL", "the messages of one:0 from offset 0 on are not as written"),
        ("messages = x'91940a0a0a0a', checksum = NULL", "the messages of one:0 from offset 0 on are not as written"),
        ("next_offset = 2", "the messages of one:0 from offset 0 on are not as written"),
    ],
    ids=["other bytes", "no msgpack", "other types", "other offsets"],
)
def test_batch_that_the_disk_has_changed_is_named_and_never_delivered(tmp_path: Path, damage: str, told: str) -> None:
    log = EmbeddedLog(tmp_path)
    log.create_topics([TopicSpec("one", 1, {})])
    desk = Desk(log, "")
    desk.write(*texts("one", 1))
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        connection.execute(f"UPDATE batches SET {damage}")
    connection.close()

    with pytest.raises(LogError) as caught:
        read(desk.reader(Partition("one", 0)), 1)

    file = tmp_path / FILE_NAME
    assert str(caught.value) == f"the log {file} is damaged: {told}; put a copy of the file in its place"
    desk.close()
    log.close()


def test_a_file_of_another_format_is_refused(tmp_path: Path) -> None:
    EmbeddedLog(tmp_path).close()
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(LogError, match="99"):
        EmbeddedLog(tmp_path)


def test_file_that_is_no_log_is_named_with_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / FILE_NAME
    file.write_bytes(b"no database at all " * 50)

    with pytest.raises(LogError) as told:
        EmbeddedLog(tmp_path)

    remedy = "name another data folder, or move the file away"
    assert str(told.value) == f"cannot open the log {file}: file is not a database; {remedy}"


def test_log_that_may_not_be_written_is_named_with_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / FILE_NAME
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE one (number)")
    connection.close()
    content = bytearray(file.read_bytes())
    content[_WRITE_VERSION] = 3  # of a later SQLite: this one may only read it, whoever runs the test
    file.write_bytes(content)

    with pytest.raises(LogError) as told:
        EmbeddedLog(tmp_path)

    remedy = "see to the permissions of the file and of its folder"
    assert str(told.value) == f"cannot open the log {file}: attempt to write a readonly database; {remedy}"
