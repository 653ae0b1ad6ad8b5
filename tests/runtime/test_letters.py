"""Dead letters leave whatever came in: a message too long for one leaves its beginning, and the stream goes on."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from confluent_kafka import KafkaError, Producer

from pipeline.intake.dialects.native_diagnosis import DEFECTS_MAX
from pipeline.intake.letters.letter import PART_BYTES_MAX, WHOLE_BYTES_MAX
from pipeline.intake.verdict import JUDGED, Defect, Reason
from pipeline.log.embedded import EmbeddedLog
from pipeline.log.kafka import KafkaLog
from pipeline.log.port import Message, Outgoing, Partition
from pipeline.runtime.roles.deadletters import Burial, DeadLetters, TooManyDeadLetters
from schemas.records import TransactionAdded, decode_record
from tests.intake.incoming import WALL, example
from tests.log.desk import SECONDS
from tests.runtime.workshop import PATIENCE_SECONDS, Workshop, activation, bill

# A defect of a message cannot be longer: what it shows of values is cut to 60 characters.
LONGEST = [Defect("\U0001d11e" * 100, "\U0001d11e" * 100, "x" * 600)] * (DEFECTS_MAX + 1)
ANY = Message("in", 0, 0, None, b"x", 0, ())
EMPTY = Burial(ANY, Reason.EMPTY, ())


class Seconds:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def reasons(letters: Sequence[Message]) -> list[tuple[bytes | None, str, int]]:
    return [(one.key, dict(one.headers)["accrue.reason"].decode(), len(one.value or b"")) for one in letters]


def padded(length: int) -> bytes:
    """A valid message of so many bytes."""
    return json.dumps(example("transactionAdded")).encode().ljust(length)


def test_letters_are_counted_for_a_minute_and_then_forgotten() -> None:
    clock = Seconds()
    letters = DeadLetters("out", "intake", 2, clock=clock)
    for _ in range(2):
        assert letters.too_many(EMPTY) is None
        letters.letter(EMPTY)
        letters.committed()

    assert isinstance(letters.too_many(EMPTY), TooManyDeadLetters)
    clock.now = 60.1
    assert letters.too_many(EMPTY) is None
    letters.letter(EMPTY)
    letters.committed()

    assert (letters.by_reason, len(letters._recent)) == ({"EMPTY": 3}, 1)


def test_without_a_maximum_nothing_is_remembered_of_a_letter_but_the_count() -> None:
    letters = DeadLetters("out", "intake", None)
    for _ in range(1_000):
        letters.letter(EMPTY)
        letters.committed()

    assert (letters.by_reason, len(letters._recent)) == ({"EMPTY": 1_000}, 0)


def test_what_was_read_and_refused_does_not_count_towards_the_maximum() -> None:
    letters = DeadLetters("out", "intake", 1)
    for reason in JUDGED:
        burial = Burial(ANY, reason, ())
        for _ in range(5):
            assert letters.too_many(burial) is None
            letters.letter(burial)
        letters.committed()

    assert letters.too_many(EMPTY) is None
    letters.letter(EMPTY)
    assert letters.too_many(EMPTY) is not None
    assert letters.too_many(Burial(ANY, Reason.FUTURE_EVENT_TIME, ())) is None


def test_message_that_is_one_too_many_is_told_with_its_place_field_and_defect() -> None:
    letters = DeadLetters("out", "intake", 1)
    letters.letter(EMPTY)
    missing = Burial(ANY._replace(offset=7), Reason.INVALID_FIELDS, (Defect("billNumber", "is missing", "add it"),))

    assert str(letters.too_many(missing)) == (
        "more than 1 messages in a minute could not be read. Those are dead letters; the next is in:0:7, "
        "INVALID_FIELDS: billNumber is missing. Correct the producer, then start the worker again, with a higher "
        "ACCRUE_DEAD_LETTERS_PER_MINUTE_MAX if more still wait"
    )


def test_intake_that_halts_has_written_as_many_dead_letters_as_it_may_and_goes_on_behind_them(
    embedded_log: EmbeddedLog, tmp_path: Path
) -> None:
    with closing(Workshop(embedded_log, tmp_path, "many.", partitions=1)) as workshop:
        workshop.clock.shown = WALL
        for number in range(700):
            workshop.send("transactions", b"%d" % number, b"{", 0)
        workshop.send("transactions", b"1:5", json.dumps(example("transactionAdded")).encode(), 0)

        with pytest.raises(TooManyDeadLetters, match=r"the next is many\.transactions:0:600, NOT_JSON"):
            workshop.intake().run(workshop.until_read("intake", "transactions"))
        before = workshop.read("deadletters")
        workshop.intake().run(workshop.until_read("intake", "transactions"))
        letters, records = workshop.read("deadletters"), workshop.read("journal")

    assert [one.key for one in before] == [b"%d" % number for number in range(600)]
    assert [one.key for one in letters] == [b"%d" % number for number in range(700)]
    assert len(records) == 1


def test_command_counts_only_where_it_may_come_from(embedded_log: EmbeddedLog, tmp_path: Path) -> None:
    types = {"commands": ("redeemPoints", "adjustPoints")}
    command = json.dumps(example("adjustPoints")).encode()
    with closing(Workshop(embedded_log, tmp_path, "types.", partitions=1)) as workshop:
        workshop.clock.shown = WALL
        for topic in ("events", "commands"):
            workshop.send(topic, b"1:5", command, 0)
        workshop.intake(types_by_topic=types).run(workshop.until_read("intake", "events", "commands"))
        (letter,), (record,) = workshop.read("deadletters"), workshop.read("journal")

    assert reasons([letter]) == [(b"1:5", "TYPE_NOT_ALLOWED", len(command))]
    assert decode_record(record.value or b"").source == "types.commands:0"


def test_dead_letter_that_names_a_customer_is_answered_in_the_customers_partition(
    embedded_log: EmbeddedLog, tmp_path: Path
) -> None:
    wrong = {**example("adjustPoints"), "points": 0, "orgId": 1, "customerId": 5, "id": "a1"}
    with closing(Workshop(embedded_log, tmp_path, "answered.")) as workshop:
        workshop.clock.shown = WALL
        for value in (json.dumps(wrong).encode(), b'{"type":"adjustPoints"}', padded(1_000_001)):
            workshop.send("commands", b"odd", value, 0)
        workshop.send("commands", b"1:5", json.dumps({**wrong, "points": 1}).encode(), 0)
        workshop.intake().run(workshop.until_read("intake", "commands"))
        (reply,), (record,) = workshop.read("replies"), workshop.read("journal")

    assert (reply.key, reply.partition) == (b"1:5", record.partition)
    told = json.loads(reply.value or b"")
    assert (told["outcome"], told["reason"], told["recordId"], told["requestId"]) == (
        "rejected",
        "INVALID_FIELDS",
        "a1",
        "answered.commands:0:0",
    )
    assert told["message"] == "Rejected: points is 0; write the points to add, or below zero those to take away."


def test_message_too_long_for_a_dead_letter_leaves_its_beginning_and_the_next_one_goes_on(
    embedded_log: EmbeddedLog, tmp_path: Path
) -> None:
    with closing(Workshop(embedded_log, tmp_path, "long.", partitions=1)) as workshop:
        workshop.clock.shown = WALL
        workshop.send("transactions", b"value", padded(8_800_000), 0)
        workshop.send("transactions", b"header", b"{", 0, (("h", b"x" * 8_800_000),))
        workshop.send("transactions", b"k" * 8_800_000, b"{", 0)
        workshop.send("transactions", b"k" * 8_800_000, padded(900_000), 0)
        workshop.intake().run(workshop.until_read("intake", "transactions"))
        letters, (record,) = workshop.read("deadletters"), workshop.read("journal")

    assert reasons(letters) == [
        (b"value", "TOO_LARGE", PART_BYTES_MAX),
        (b"header", "NOT_JSON", 1),
        (b"k" * PART_BYTES_MAX, "NOT_JSON", 1),
    ]
    assert json.loads(dict(letters[0].headers)["accrue.detail"]) == [
        {
            "path": "",
            "problem": "has 8800000 bytes, and at most 1000000 are read",
            "remedy": "split it, or leave out what no field needs, and send that",
        }
    ]
    assert isinstance(decode_record(record.value or b""), TransactionAdded)


def test_journal_record_too_long_for_a_dead_letter_leaves_its_beginning_and_the_next_one_goes_on(
    embedded_log: EmbeddedLog, tmp_path: Path
) -> None:
    with closing(Workshop(embedded_log, tmp_path, "long.", partitions=1)) as workshop:
        workshop.journal(activation())
        workshop.send("journal", b"1:5", b"\x09" * 8_000_000, 0)
        workshop.journal(bill(5, 1, 1_600_000_000_000))
        workshop.decide_all()
        letters, facts = workshop.read("deadletters"), workshop.read("facts")

    assert reasons(letters) == [(b"1:5", "UNREADABLE_RECORD", PART_BYTES_MAX)]
    assert json.loads(dict(letters[0].headers)["accrue.cut"])["at"] == "long.journal:0:1"
    assert len(facts) == 1


def test_kafka_takes_the_dead_letter_of_what_an_upstream_system_compressed(
    kafka_bootstrap: str, kafka_log: KafkaLog, tmp_path: Path, prefix: str
) -> None:
    upstream = Producer(
        {
            "bootstrap.servers": kafka_bootstrap,
            "compression.type": "zstd",
            "message.max.bytes": 20_000_000,
            "enable.idempotence": True,  # a batch may be tried again where many share the broker
        }
    )
    errors: list[KafkaError | None] = []
    items = b'{"items":[' + b'{"sku":"A"},' * 800_000 + b"0]}"
    with closing(Workshop(kafka_log, tmp_path, prefix, partitions=1)) as workshop:
        for key, value, header in ((b"1:1", items, b""), (b"1:2", b"{", b"h" * 9_000_000), (b"1:3", b"{", b"")):
            upstream.produce(
                workshop.topic("transactions"),
                value,
                key,
                0,
                on_delivery=lambda error, _: errors.append(error),  # a message acknowledged on a retry has no offset
                headers=[("h", header)],
            )
            upstream.flush(PATIENCE_SECONDS)  # one after the other: none overtakes another that is tried again
        assert errors == [None, None, None]
        sent = kafka_log.ends([Partition(workshop.topic("transactions"), 0)], PATIENCE_SECONDS)
        assert list(sent.values()) == [3]  # each once, whether or not its acknowledgement named its offset
        workshop.intake().run(workshop.until_read("intake", "transactions"))
        letters = workshop.read("deadletters")

    assert reasons(letters) == [
        (b"1:1", "TOO_LARGE", PART_BYTES_MAX),
        (b"1:2", "NOT_JSON", 1),
        (b"1:3", "NOT_JSON", 1),
    ]


def test_kafka_takes_what_cannot_be_compressed_as_a_dead_letter_and_a_whole_one_back_again(
    kafka_log: KafkaLog, tmp_path: Path, prefix: str
) -> None:
    noise = random.Random(1).randbytes
    with (
        closing(Workshop(kafka_log, tmp_path, prefix, partitions=1)) as workshop,
        closing(kafka_log.producer(f"{prefix}letters")) as producer,
    ):
        letters = DeadLetters(workshop.topic("deadletters"), "intake", None)
        whole, cut = (
            ANY._replace(key=noise(1_000), value=noise(size)) for size in (WHOLE_BYTES_MAX - 1_000, 3 * WHOLE_BYTES_MAX)
        )
        header = ("accrue.origin", b"t" * 249 + b":1:1")
        producer.init(SECONDS)
        producer.begin()
        producer.produce([letters.letter(Burial(one, Reason.INVALID_FIELDS, LONGEST)) for one in (whole, cut)])
        producer.produce([Outgoing(workshop.topic("events"), whole.key, whole.value, 0, (header,) * 3)])
        producer.commit(SECONDS)

        kept, part = workshop.read("deadletters")
        assert (kept.key, kept.value) == (whole.key, whole.value)
        assert part.key == cut.key
        assert PART_BYTES_MAX - 4 < len(part.value or b"") <= PART_BYTES_MAX
        assert [one.value for one in workshop.read("events")] == [whole.value]
