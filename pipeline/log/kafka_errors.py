"""What librdkafka's errors mean in the words of the port, where no transaction is concerned."""

# ruff: noqa: SLF001 - librdkafka's own codes begin with an underscore, and are public all the same

from __future__ import annotations

from typing import Final

from confluent_kafka import KafkaError, KafkaException

from pipeline.log.port import LogError, Unavailable

END_OF_PARTITION: Final = KafkaError._PARTITION_EOF
FATAL: Final = KafkaError._FATAL
NOT_STARTED: Final = KafkaError._STATE
POLLED_TOO_LATE: Final = KafkaError._MAX_POLL_EXCEEDED
QUEUE_FULL: Final = KafkaError._QUEUE_FULL

FENCED: Final = frozenset(
    {
        KafkaError._FENCED,
        KafkaError.INVALID_PRODUCER_EPOCH,
        KafkaError.PRODUCER_FENCED,
        KafkaError.INVALID_PRODUCER_ID_MAPPING,
    }
)
"""A producer with these is dead: another took over, or the broker ended its transaction for taking too long."""

NOT_A_MEMBER: Final = frozenset(
    {
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.FENCED_INSTANCE_ID,
        KafkaError.FENCED_MEMBER_EPOCH,
        KafkaError.STALE_MEMBER_EPOCH,
    }
)
"""The group has moved on without this consumer."""

_NO_ANSWER: Final = frozenset(
    {
        KafkaError._TIMED_OUT,
        KafkaError._TIMED_OUT_QUEUE,
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._WAIT_COORD,
        KafkaError._WAIT_CACHE,
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError.REBALANCE_IN_PROGRESS,
        KafkaError.UNSTABLE_OFFSET_COMMIT,
    }
)


def port_error(action: str, error: KafkaException | KafkaError) -> LogError:
    """`Unavailable` when the same call may be made again, else `LogError`."""
    cause = error.args[0] if isinstance(error, KafkaException) else error
    again = (cause.retriable() or cause.code() in _NO_ANSWER) and not cause.fatal()
    return (Unavailable if again else LogError)(f"cannot {action}: {cause.str()} ({cause.name()})")
