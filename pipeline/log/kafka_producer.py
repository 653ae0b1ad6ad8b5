"""Writes to Kafka: batches, transactions, and their outcome when one fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Mapping, Sequence
from functools import partial
from math import inf
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Producer

from pipeline.log.kafka_calls import within
from pipeline.log.kafka_consumer import KafkaConsumer, offset_places
from pipeline.log.kafka_errors import FENCED, QUEUE_FULL, REFUSED, TIMED_OUT, UNDELIVERABLE, port_error
from pipeline.log.port import (
    Aborted,
    Committed,
    Consumer,
    Fenced,
    LogError,
    OutcomeUnknown,
    Outgoing,
    Partition,
    Unavailable,
)

_QUEUE_MESSAGES_MAX: Final = 100_000
_QUEUE_KBYTES_MAX: Final = 2_097_151  # librdkafka's maximum: the count is reached before
_BATCH_MESSAGES_MAX: Final = 10_000
# Each topic has its own limit, and the broker holds us to it. librdkafka's own (1 MB) is below what other producers may
# send to an input topic, so their dead letters could never leave, and the stream would stand still at them.
_MESSAGE_BYTES_MAX: Final = 8 * 2**20
_POLL_SECONDS: Final = 0.1
# librdkafka sends a request again that was not answered, and says nothing of it. The first one may still be on its way,
# and arrive in a later transaction of the same epoch, which it would commit or abort halfway. A call that was answered
# sooner than the first pause (and its jitter of a fifth) did not pause.
_RETRY_SECONDS: Final = 0.1
_SURE_SECONDS: Final = 0.75 * _RETRY_SECONDS
_RENEW_SECONDS: Final = 5.0
_BY_KEY: Final = -1  # librdkafka's word for leaving the choice to the partitioner

_Lanes = dict[int, list[dict[str, Any]]]
"""Messages of one topic that may go as batches, by partition."""


class KafkaProducer:
    """A producer over librdkafka's; after `Fenced` or `OutcomeUnknown` every call raises the same again."""

    def __init__(
        self, settings: Mapping[str, str | int | bool], transactional_id: str | None, *, transaction_timeout: float
    ) -> None:
        timeout_ms = int(transaction_timeout * 1_000)
        configuration: dict[str, Any] = {
            **settings,
            "acks": "all",
            "enable.idempotence": True,
            "partitioner": "murmur2_random",
            "compression.type": "lz4",
            "linger.ms": 5,
            "batch.num.messages": _BATCH_MESSAGES_MAX,
            "message.max.bytes": _MESSAGE_BYTES_MAX,
            "queue.buffering.max.messages": _QUEUE_MESSAGES_MAX,
            "queue.buffering.max.kbytes": _QUEUE_KBYTES_MAX,
            "topic.metadata.propagation.max.ms": 3_000,
            "retry.backoff.ms": int(_RETRY_SECONDS * 1_000),
        }
        if transactional_id is None:
            configuration |= {"on_delivery": self._on_delivery, "delivery.report.only.error": True}
        else:  # a message that fails fails its transaction, so failures need no report of their own
            configuration |= {
                "transactional.id": transactional_id,
                "transaction.timeout.ms": timeout_ms,
                "message.timeout.ms": timeout_ms,
            }
        self._transactional = transactional_id is not None
        self._name = transactional_id or "without transactions"
        self._patience = transaction_timeout
        self._configuration = configuration
        self._client: Producer | None = Producer(configuration)
        self._ready = False
        self._open = False
        self._stray = False
        """Whether a request of an ended transaction may still arrive."""
        # Not the error itself: its traceback would keep the client alive and its transaction with it.
        self._dead: tuple[type[LogError], str] | None = None
        self._ends: dict[Partition, int] = {}
        """By partition that messages of the open transaction named: the offset after the last of them."""
        self._undelivered: str | None = None
        """Why the open transaction cannot commit; without transactions, what was not acknowledged."""

    def init(self, timeout: float) -> None:
        """Fence older producers with the same transactional id and end what they left open."""
        client = self._alive()
        try:
            within(timeout, partial(client.init_transactions, timeout))
        except TimeoutError as error:
            self._client = Producer(self._configuration)  # the old one may wait for ever
            message = f"init producer {self._name}: no answer in {timeout} s"
            raise Unavailable(message) from error
        except KafkaException as error:
            cause = error.args[0]
            if cause.fatal() or cause.code() in FENCED:
                message = "init"
                raise self._died(message, cause, LogError) from error  # nothing was begun that could be unknown
            message = f"init producer {self._name}"
            raise port_error(message, error) from error
        self._ready = True

    def begin(self) -> None:
        """Begin a transaction; in a new epoch if a request of the previous one may still arrive."""
        if self._stray:
            self._renew()
        client = self._alive()
        if not self._ready or self._open:
            raise LogError("cannot begin: " + ("a transaction is open" if self._open else "call init first"))
        self._ask("begin a transaction", client.begin_transaction, ())
        self._ends = {}
        self._open = True

    def produce(self, messages: Sequence[Outgoing]) -> None:
        """Enqueue messages in order; blocks while the queue is full.

        A batch goes to one partition or to the partitioner, and takes neither headers nor timestamps. So a message
        that cannot join what was gathered for its topic goes after it.
        """
        client = self._alive()
        if self._transactional:
            self._require_open("produce")
        gathered: dict[str, _Lanes] = {}
        for topic, key, value, partition, headers, timestamp in messages:
            lanes = gathered.get(topic)
            if lanes is None:
                lanes = gathered[topic] = {}
            number = _BY_KEY if partition is None else partition
            if headers or timestamp is not None:
                self._send(client, topic, lanes)
                self._send_one(client, topic, key, value, number, headers, timestamp)
                continue
            lane = lanes.get(number)
            if lane is None:
                if number == _BY_KEY or _BY_KEY in lanes:
                    self._send(client, topic, lanes)
                lane = lanes[number] = []
            lane.append({"key": key, "value": value})
        for topic, lanes in gathered.items():
            self._send(client, topic, lanes)

    def send_offsets(self, offsets: Mapping[Partition, Committed], consumer: Consumer, timeout: float) -> None:
        """Make the consumer's group offsets part of this transaction, checked against its group membership."""
        client = self._alive()
        self._require_open("send offsets")
        if not isinstance(consumer, KafkaConsumer):
            message = "cannot send offsets: not a consumer of this log"
            raise LogError(message)
        metadata = consumer.group_metadata(offsets)
        if metadata is None:
            self._undelivered = "the consumer does not hold all of the partitions any more"
            message = f"cannot send offsets: {self._undelivered}"
            raise Aborted(message)
        # A broker that still ends the last transaction has the next one wait. For its messages librdkafka asks again
        # soon, for its offsets only after the pause for errors: so the messages go first.
        self._send_all(client, timeout)
        places = offset_places(offsets)
        # The broker may ask for a retry while the last transaction ends, so only a long silence counts as no answer.
        sure = self._patience / 2
        call = partial(client.send_offsets_to_transaction, places, metadata, timeout)
        self._ask("send offsets", partial(within, timeout, call), REFUSED, sure)

    def commit(self, timeout: float) -> Mapping[Partition, int]:
        """Commit: returns when it is durable."""
        client = self._alive()
        self._require_open("commit")
        if self._undelivered is not None:
            message = f"cannot commit: {self._undelivered}"
            raise Aborted(message)
        self._send_all(client, timeout)  # it may take its time, and the commit may not
        call = partial(client.commit_transaction, timeout)
        self._ask("commit", partial(within, timeout, call), UNDELIVERABLE, _SURE_SECONDS)
        self._open = False
        return self._ends

    def abort(self, timeout: float) -> None:
        """Abort the open transaction."""
        client = self._alive()
        self._require_open("abort")
        call = partial(client.abort_transaction, timeout)
        self._ask("abort", partial(within, timeout, call), (), _SURE_SECONDS)
        self._open = False
        self._undelivered = None

    def flush(self, timeout: float) -> None:
        """Without transactions: wait until all produced messages are acknowledged."""
        left = self._alive().flush(timeout)
        undelivered, self._undelivered = self._undelivered, None
        if undelivered is not None:
            message = f"cannot deliver: {undelivered}"
            raise LogError(message)
        if left:
            message = f"{left} messages were not acknowledged in {timeout} s"
            raise Unavailable(message)

    def close(self) -> None:
        """Release everything without waiting for open work; what is open is for the next `init` to end."""
        self._client = None
        self._dead = self._dead or (LogError, f"producer {self._name} is closed")

    def _send_all(self, client: Producer, timeout: float) -> None:
        def flush() -> None:
            if left := client.flush(timeout):  # offsets must not be there before what they stand for
                message = f"{left} messages were not acknowledged in {timeout} s"
                raise TimeoutError(message)

        self._ask("send messages", flush, UNDELIVERABLE)

    def _send(self, client: Producer, topic: str, lanes: _Lanes) -> None:
        for number, batch in lanes.items():
            if self._transactional and number != _BY_KEY:
                batch[-1]["callback"] = self._on_arrival
            for start in range(0, len(batch), _BATCH_MESSAGES_MAX):
                self._send_batch(client, topic, number, batch[start : start + _BATCH_MESSAGES_MAX])
        lanes.clear()

    def _send_batch(self, client: Producer, topic: str, number: int, batch: list[dict[str, Any]]) -> None:
        deadline = time.monotonic() + self._patience
        while True:
            while len(client) + len(batch) > _QUEUE_MESSAGES_MAX:
                self._wait(client, deadline)
            try:
                queued = client.produce_batch(topic, batch, number)
            except KafkaException as error:
                raise self._refused(topic, error.args[0]) from error
            if queued == len(batch):
                return
            batch = self._unsent(topic, batch)
            self._wait(client, deadline)

    def _unsent(self, topic: str, batch: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The tail of a batch that found the queue full; sending it again keeps the order only if it is a tail."""
        first = next(index for index, message in enumerate(batch) if "_error" in message)
        rest = batch[first:]
        for message in rest:
            error = message.pop("_error", None)
            if error is None or error.code() != QUEUE_FULL:
                raise self._refused(topic, error or KafkaError(QUEUE_FULL))
        return rest

    def _send_one(
        self,
        client: Producer,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        number: int,
        headers: Sequence[tuple[str, bytes]],
        timestamp: int | None,
    ) -> None:
        deadline = time.monotonic() + self._patience
        while True:
            try:
                client.produce(topic, value, key, number, timestamp=timestamp or 0, headers=list(headers))
            except BufferError:
                self._wait(client, deadline)
            except KafkaException as error:
                raise self._refused(topic, error.args[0]) from error
            else:
                return

    def _wait(self, client: Producer, deadline: float) -> None:
        """Waits for room in the queue."""
        self._ask("produce", partial(client.poll, _POLL_SECONDS), ())
        if time.monotonic() > deadline:
            message = "any topic"
            raise self._refused(message, KafkaError(QUEUE_FULL))

    def _refused(self, topic: str, cause: KafkaError) -> LogError:
        """A message could not even be enqueued: the transaction that it belongs to must not commit without it."""
        if cause.fatal():
            return self._died("produce", cause, OutcomeUnknown)
        reason = f"a message to {topic}: {cause.str()} ({cause.name()})"
        if not self._transactional:
            return LogError(f"cannot produce {reason}")
        self._undelivered = self._undelivered or reason
        return Aborted(f"cannot produce {reason}")

    def _on_arrival(self, error: KafkaError | None, message: Any) -> None:
        # The broker may not know the offset of what was sent twice, and librdkafka counts on from -1 then: too low.
        if error is None and message.offset() >= 0:
            self._ends[Partition(message.topic(), message.partition())] = message.offset() + 1

    def _on_delivery(self, error: KafkaError | None, message: Any) -> None:
        if error is not None and self._undelivered is None:
            self._undelivered = f"a message to {message.topic()}: {error.str()} ({error.name()})"

    def _alive(self) -> Producer:
        if self._client is None or self._dead is not None:
            kind, reason = self._dead or (LogError, f"producer {self._name} is closed")
            raise kind(reason)
        return self._client

    def _require_open(self, action: str) -> None:
        if not self._open:
            message = f"cannot {action}: no transaction is open"
            raise LogError(message)

    def _renew(self) -> None:
        """Replaces the client under the same id: the broker fences requests of the old one that are still in flight."""
        self._client = Producer(self._configuration)
        self._ready = False
        self.init(_RENEW_SECONDS)
        self._stray = False

    def _ask(
        self, action: str, call: Callable[[], object], refusals: Container[int], sure_seconds: float = inf
    ) -> None:
        """Make a call that belongs to a transaction; every failure says what is still known of it.

        A call that takes `sure_seconds` may have been sent twice.

        `refusals` are the errors after which nothing is in doubt. librdkafka asks for an abort after others, too, such
        as a broker's "request timed out" to the commit itself; and what it calls retriable must not be tried again.
        """
        begun = time.monotonic()
        try:
            call()
        except (KafkaException, SystemError) as error:
            cause = _said_by(error)
            if cause.txn_requires_abort() and cause.code() in refusals:
                self._undelivered = self._undelivered or f"{cause.str()} ({cause.name()})"
                message = f"cannot {action}: {cause.str()} ({cause.name()})"
                raise Aborted(message) from error
            raise self._died(action, cause, OutcomeUnknown) from error
        except TimeoutError as error:
            raise self._died(action, KafkaError(TIMED_OUT), OutcomeUnknown) from error
        finally:
            self._stray = self._stray or time.monotonic() - begun >= sure_seconds

    def _died(self, action: str, cause: KafkaError, kind: type[LogError]) -> LogError:
        kind = Fenced if cause.code() in FENCED else kind
        reason = f"producer {self._name} cannot {action}: {cause.str()} ({cause.name()})"
        self._dead = kind, reason
        return kind(reason)


def _said_by(error: KafkaException | SystemError) -> KafkaError:
    """Polls the client; after a fatal error it may still report messages, which surfaces as a `SystemError`."""
    said = error.__cause__ if isinstance(error, SystemError) else error
    if not isinstance(said, KafkaException):
        raise error
    cause: KafkaError = said.args[0]
    return cause
