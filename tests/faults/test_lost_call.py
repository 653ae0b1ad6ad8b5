"""A call that librdkafka never returns from holds nobody up for longer than its timeout."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from pipeline.log.kafka_consumer import KafkaConsumer
from pipeline.log.kafka_producer import KafkaProducer
from pipeline.log.port import FETCH_BYTES_MAX, Committed, OutcomeUnknown, Partition, Unavailable

CALL_SECONDS = 0.05
NEVER = threading.Event()
PLACE = Partition("topic", 0)


class Lost:
    """A client that begins transactions and answers to nothing else."""

    def begin_transaction(self) -> None: ...

    def flush(self, _timeout: float) -> int:
        return 0

    def commit_transaction(self, _timeout: float) -> None:
        NEVER.wait()

    def abort_transaction(self, _timeout: float) -> None:
        NEVER.wait()


class LostConsumer:
    """A client that is a member of its group and never hears of a commit."""

    member = "member"

    def consumer_group_metadata(self) -> object:
        return object()

    def commit(self, **_: object) -> None:
        NEVER.wait()

    def unsubscribe(self) -> None:
        self.member = ""

    def memberid(self) -> str:
        return self.member

    def close(self) -> None:
        pytest.fail("a client that a call still uses must not be released")


def test_commit_of_offsets_that_never_returns_is_no_answer() -> None:
    consumer = KafkaConsumer(
        {"bootstrap.servers": "127.0.0.1:1", "log_level": 0},
        "group",
        member=None,
        session_timeout=1.0,
        max_poll_interval=1.0,
        fetch_bytes_max=FETCH_BYTES_MAX,
    )
    consumer._client.close()
    consumer._client = LostConsumer()  # type: ignore[assignment]
    consumer._held = {PLACE}

    with pytest.raises(Unavailable, match="no answer"):
        consumer.commit_offsets({PLACE: Committed(1)}, CALL_SECONDS)
    consumer.close()


@pytest.fixture
def producer() -> Iterator[KafkaProducer]:
    producer = KafkaProducer({"bootstrap.servers": "127.0.0.1:1", "log_level": 0}, "lost", transaction_timeout=1.0)
    producer._client = Lost()  # type: ignore[assignment]
    producer._ready = True
    yield producer
    producer.close()


@pytest.mark.parametrize("end", [KafkaProducer.commit, KafkaProducer.abort])
def test_call_that_never_returns_leaves_its_outcome_unknown(
    end: Callable[[KafkaProducer, float], None], producer: KafkaProducer
) -> None:
    producer.begin()

    with pytest.raises(OutcomeUnknown):
        end(producer, CALL_SECONDS)

    with pytest.raises(OutcomeUnknown):
        producer.begin()
