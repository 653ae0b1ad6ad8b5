"""Maps librdkafka's errors to those of the port, outside transactions."""

# ruff: noqa: SLF001 - librdkafka's own codes begin with an underscore, and are public all the same

from __future__ import annotations

from typing import Final

from confluent_kafka import KafkaError, KafkaException

from pipeline.log.port import LogError, Unavailable

ALL_DOWN: Final = KafkaError._ALL_BROKERS_DOWN
END_OF_PARTITION: Final = KafkaError._PARTITION_EOF
FATAL: Final = KafkaError._FATAL
NOT_STARTED: Final = KafkaError._STATE
POLLED_TOO_LATE: Final = KafkaError._MAX_POLL_EXCEEDED
UNKNOWN_TOPIC: Final = KafkaError.UNKNOWN_TOPIC_OR_PART
QUEUE_FULL: Final = KafkaError._QUEUE_FULL
TIMED_OUT: Final = KafkaError._TIMED_OUT

UNREADABLE: Final = frozenset(
    {
        KafkaError._BAD_COMPRESSION,  # what does not decompress, or to more than librdkafka holds
        KafkaError._BAD_MSG,
        KafkaError._NOT_IMPLEMENTED,  # a codec or a format of messages that this librdkafka does not know
        KafkaError.MSG_SIZE_TOO_LARGE,
    }
)
"""Errors about messages that a consumer will never get; they name partition and offset."""

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

UNDELIVERABLE: Final = frozenset(
    {
        KafkaError._INCONSISTENT,  # "messages failed delivery"
        KafkaError.INVALID_MSG,
        KafkaError.INVALID_RECORD,
        KafkaError.INVALID_TIMESTAMP,
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.POLICY_VIOLATION,
        KafkaError.RECORD_LIST_TOO_LARGE,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.TOPIC_EXCEPTION,
    }
)
"""Errors with which a broker refuses messages; never the outcome of ending a transaction."""

REFUSED: Final = (
    UNDELIVERABLE
    | NOT_A_MEMBER
    | {
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.INVALID_COMMIT_OFFSET_SIZE,
        KafkaError.OFFSET_METADATA_TOO_LARGE,
        KafkaError.REBALANCE_IN_PROGRESS,
    }
)
"""Errors with which a broker refuses offsets, or the messages before them."""

_NO_ANSWER: Final = frozenset(
    {
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._DESTROY_BROKER,
        KafkaError._NOENT,  # "no leaders found"
        KafkaError._RESOLVE,
        KafkaError._TIMED_OUT,
        KafkaError._TIMED_OUT_QUEUE,
        KafkaError._TRANSPORT,
        KafkaError._UNKNOWN_PARTITION,  # a broker that has just come back does not know all of its topics yet
        KafkaError._WAIT_CACHE,
        KafkaError._WAIT_COORD,
        KafkaError.BROKER_NOT_AVAILABLE,
        KafkaError.CONCURRENT_TRANSACTIONS,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.KAFKA_STORAGE_ERROR,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NETWORK_EXCEPTION,
        KafkaError.NOT_COORDINATOR,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.OFFSET_NOT_AVAILABLE,
        KafkaError.REBALANCE_IN_PROGRESS,
        KafkaError.REPLICA_NOT_AVAILABLE,
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError.UNKNOWN,  # a broker in trouble: its log knows
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError.UNSTABLE_OFFSET_COMMIT,
    }
)
"""Errors of a cluster that is starting, moving partitions or failing over; librdkafka marks few of them retriable."""


def port_error(action: str, error: KafkaException | KafkaError) -> LogError:
    """`Unavailable` if the call may be retried, else `LogError`."""
    cause = error.args[0] if isinstance(error, KafkaException) else error
    again = (cause.retriable() or cause.code() in _NO_ANSWER) and not cause.fatal()
    return (Unavailable if again else LogError)(f"cannot {action}: {cause.str()} ({cause.name()})")
