"""What our clients make of every error that a broker can answer: call by call, against librdkafka's mock cluster.

The most important sign is `?`: an outcome that nobody knows must never be reported as known.
"""

# ruff: noqa: E501 - a matrix is as wide as it is

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from typing import Final, NamedTuple
from unittest.mock import patch

import pytest
from confluent_kafka import KafkaError, KafkaException

from pipeline.log import kafka
from pipeline.log.kafka import KafkaLog
from pipeline.log.kafka_producer import KafkaProducer
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
from tests.log.desk import QUIET_SECONDS, SECONDS, Membership, Start, from_nowhere, from_the_beginning, transact, until
from tests.log.mock_cluster import Api, MockCluster

TOPIC: Final = "topic"
PLACE: Final = Partition(TOPIC, 0)
MESSAGE: Final = Outgoing(TOPIC, b"key", b"value", 0)
OFFSETS: Final = {PLACE: Committed(1)}
SHORT: Final = 0.4
"""How patient a call is whose broker never comes round."""
FOR_EVER: Final = 500
"""More answers than any call will wait for."""
LATE: Final = 3.0
"""How patient a call is whose request arrives for certain, and whose answer never does."""
AGAIN: Final = 0.02
TRANSACTION_SECONDS: Final = 30.0
SETTINGS: Final = {
    "log_level": 0,
    "reconnect.backoff.ms": 10,
    "reconnect.backoff.max.ms": 100,
    "retry.backoff.ms": 10,
    "retry.backoff.max.ms": 50,
    "fetch.error.backoff.ms": 10,
}

# Two signs a cell: what the caller sees after one such answer and, where that is retried inside, after nothing else.
#   + it works   ~ it works, or is Unavailable where librdkafka forgot the request with its connection   U Unavailable   A Aborted   F Fenced   ? OutcomeUnknown   L LogError   0 nothing comes   . not answered
MATRIX: Final = """\
                                      init register produce announce send commit abort flush committed offsets bounds consume group ends
COORDINATOR_LOAD_IN_PROGRESS          +U   +?       .       +?       +?   +?     +?    .     +U        +U      .      .       +U    .
COORDINATOR_NOT_AVAILABLE             +U   +?       .       +?       +?   +?     +?    .     U         +U      .      .       U     .
NOT_COORDINATOR                       +U   +?       .       +?       +?   +?     +?    .     U         +U      .      .       U     .
CONCURRENT_TRANSACTIONS               +U   +?       ?       +?       +?   +?     +?    .     .         .       .      .       .     .
_TRANSPORT                            +U   +?       +?      +?       +?   +?     +?    +U    +U        ~U      U      +0      +U    U
REQUEST_TIMED_OUT                     +U   ?        +?      +?       +?   ?      ?     +U    +U        +U      U      U       +U    U
NETWORK_EXCEPTION                     .    ?        ?       ?        ?    ?      ?     L     U         U       U      U       U     U
UNKNOWN                               +U   ?        ?       ?        ?    ?      ?     L     U         U       U      U       U     U
NOT_LEADER_FOR_PARTITION              .    ?        +?      .        ?    .      .     +U    .         .       U      +0      .     U
UNKNOWN_TOPIC_OR_PART                 .    +?       +?      +?       +?   .      .     +U    L         +L      L      +0      L     L
INVALID_PRODUCER_EPOCH                F    F        F       F        F    F      F     L     .         .       .      .       .     .
PRODUCER_FENCED                       F    F        F       F        F    F      F     L     .         .       .      .       .     .
INVALID_PRODUCER_ID_MAPPING           .    F        F       F        F    F      ++    L     .         .       .      .       .     .
INVALID_TXN_STATE                     .    ?        ?       ?        ?    ?      ?     L     .         .       .      .       .     .
ILLEGAL_GENERATION                    .    .        .       A        A    .      .     .     L         F       .      .       L     .
UNKNOWN_MEMBER_ID                     .    .        .       A        A    .      .     .     L         F       .      .       L     .
FENCED_INSTANCE_ID                    .    .        .       A        A    .      .     .     L         F       .      .       L     .
REBALANCE_IN_PROGRESS                 .    .        .       A        A    .      .     .     U         U       .      .       U     .
MSG_SIZE_TOO_LARGE                    .    .        A       .        .    .      .     L     .         .       .      .       .     .
TOPIC_AUTHORIZATION_FAILED            .    A        A       A        A    .      .     L     L         L       L      L       L     L
GROUP_AUTHORIZATION_FAILED            .    .        .       A        A    .      .     .     L         L       .      .       L     .
TRANSACTIONAL_ID_AUTHORIZATION_FAILED L    ?        ?       ?        ?    ?      ?     L     .         .       .      .       .     .
"""


class Nothing(LogError):
    """No message came."""


SIGNS: Final[dict[type[LogError], str]] = {
    Unavailable: "U",
    Aborted: "A",
    Fenced: "F",
    OutcomeUnknown: "?",
    LogError: "L",
    Nothing: "0",
}


WITHOUT_A_WORD: Final = ("U", "?", "0")
"""The signs of calls that are given up."""


class Scene:
    """One log over a mock cluster, with clients that are closed at the end."""

    def __init__(self, cluster: MockCluster, stack: ExitStack) -> None:
        self.cluster = cluster
        self.log = KafkaLog(cluster.bootstrap, SETTINGS)
        self._stack = stack
        cluster.topic(TOPIC)

    def producer(
        self, transactional_id: str | None = "producer", timeout: float = TRANSACTION_SECONDS
    ) -> KafkaProducer:
        """A producer that nobody has initialised."""
        producer = self.log.producer(transactional_id, transaction_timeout=timeout)
        self._stack.callback(producer.close)
        return producer

    def transaction(self, timeout: float = TRANSACTION_SECONDS) -> KafkaProducer:
        """A producer with an open transaction."""
        producer = self.producer(timeout=timeout)
        producer.init(SECONDS)
        producer.begin()
        return producer

    def member(self, start: Start = from_the_beginning) -> Consumer:
        """The only member of the group, at the beginning of the topic."""
        consumer = self.log.consumer("group", member="member", session_timeout=SECONDS)
        self._stack.callback(consumer.close)
        member = Membership(consumer, [TOPIC], start)
        until(lambda: member.assigned, consumer)
        return consumer


class Act(NamedTuple):
    """A call that is about to be made, with the patience it gets, and what writes transactions in it."""

    call: Callable[[float], object]
    producer: KafkaProducer | None = None


def init(scene: Scene) -> Act:
    producer = scene.producer()
    return Act(producer.init, producer)


def produce(scene: Scene) -> Act:
    producer = scene.transaction()

    def call(patience: float) -> None:
        producer.produce([MESSAGE])
        producer.commit(patience)

    return Act(call, producer)


def send_offsets(scene: Scene) -> Act:
    consumer, producer = scene.member(), scene.transaction()
    return Act(lambda patience: producer.send_offsets(OFFSETS, consumer, patience), producer)


def commit(scene: Scene) -> Act:
    consumer, producer = scene.member(), scene.transaction()
    producer.send_offsets(OFFSETS, consumer, SECONDS)
    return Act(producer.commit, producer)


def abort(scene: Scene) -> Act:
    consumer, producer = scene.member(), scene.transaction()
    producer.send_offsets(OFFSETS, consumer, SECONDS)
    return Act(producer.abort, producer)


def flush(scene: Scene) -> Act:
    producer = scene.producer(None)

    def call(patience: float) -> None:
        producer.produce([MESSAGE])
        producer.flush(patience)

    return Act(call)


def committed(scene: Scene) -> Act:
    consumer = scene.member()
    return Act(lambda patience: consumer.committed([PLACE], patience))


def commit_offsets(scene: Scene) -> Act:
    consumer = scene.member()
    return Act(lambda patience: consumer.commit_offsets(OFFSETS, patience))


def bounds(scene: Scene) -> Act:
    consumer = scene.member()
    return Act(lambda patience: consumer.bounds([PLACE], patience))


def consume(scene: Scene) -> Act:
    consumer, writer = scene.member(from_nowhere), scene.producer(None)
    writer.produce([MESSAGE])
    writer.flush(SECONDS)

    def call(patience: float) -> None:
        consumer.seek(PLACE, 0)  # nothing is fetched before
        if not consumer.consume(1, patience):
            raise Nothing

    return Act(call)


def group_offsets(scene: Scene) -> Act:
    def call(patience: float) -> None:
        with patch.object(kafka, "_ADMIN_SECONDS", patience):
            scene.log.group_offsets("group", [TOPIC])

    return Act(call)


def ends(scene: Scene) -> Act:
    return Act(lambda patience: scene.log.ends([PLACE], patience))


CALLS: Final[dict[str, tuple[Api, Callable[[Scene], Act]]]] = {
    "init": (Api.INIT_PRODUCER_ID, init),
    "register": (Api.ADD_PARTITIONS, produce),
    "produce": (Api.PRODUCE, produce),
    "announce": (Api.ADD_OFFSETS, send_offsets),
    "send": (Api.TXN_OFFSET_COMMIT, send_offsets),
    "commit": (Api.END_TXN, commit),
    "abort": (Api.END_TXN, abort),
    "flush": (Api.PRODUCE, flush),
    "committed": (Api.OFFSET_FETCH, committed),
    "offsets": (Api.OFFSET_COMMIT, commit_offsets),
    "bounds": (Api.LIST_OFFSETS, bounds),
    "consume": (Api.FETCH, consume),
    "group": (Api.OFFSET_FETCH, group_offsets),
    "ends": (Api.LIST_OFFSETS, ends),
}


def _rows() -> Iterator[tuple[str, dict[str, str]]]:
    head, *lines = MATRIX.splitlines()
    assert head.split() == list(CALLS)
    for line in lines:
        error, *signs = line.split()
        yield error, dict(zip(CALLS, signs, strict=True))


ROWS: Final = dict(_rows())


@contextmanager
def playing() -> Iterator[Scene]:
    """A scene of its own."""
    with MockCluster() as cluster, ExitStack() as stack:
        yield Scene(cluster, stack)


@pytest.fixture
def scene() -> Iterator[Scene]:
    with playing() as scene:
        yield scene


@pytest.mark.parametrize(("error", "expected"), ROWS.items(), ids=ROWS)
def test_every_call_meets_an_error_as_the_matrix_says(error: str, expected: dict[str, str]) -> None:
    signs = {name: signs for name, signs in expected.items() if signs != "."}
    assert at_once(lambda name: _cell(name, error, signs[name]), list(signs)) == signs


def test_a_broker_that_is_down_for_longer_than_a_call_is_patient() -> None:
    expected = dict(zip(CALLS, ["U", *"??????", "U", "U", "U", "U", "0", "U", "U"], strict=True))

    def down(name: str) -> str:
        with playing() as scene:
            act = CALLS[name][1](scene)
            scene.cluster.go_down()
            sign = _sign(act, SHORT)
            scene.cluster.come_up()
            if name != "offsets":  # which took as long as a session: the group has moved on
                _and_then(scene, act, sign)
            return sign

    assert at_once(down, list(CALLS)) == expected


def test_a_slow_broker_is_waited_for() -> None:
    def slow(name: str) -> str:
        with playing() as scene:
            act = CALLS[name][1](scene)
            scene.cluster.slow_down(0.1)
            return _sign(act, SECONDS)

    assert at_once(slow, list(CALLS)) == dict.fromkeys(CALLS, "+")


@pytest.mark.parametrize("name", ["commit", "abort", "send"])
def test_an_answer_that_comes_too_late_leaves_the_outcome_unknown(scene: Scene, name: str) -> None:
    """The broker has acted, and its word is still under way."""
    api, prepare = CALLS[name]
    act = prepare(scene)
    before = scene.cluster.requests()[api]
    scene.cluster.answer_late(api, 2 * SECONDS)
    assert _sign(act, LATE) == "?"
    assert scene.cluster.requests()[api] == before + 1
    _and_then(scene, act, "?")


def test_a_commit_whose_answer_is_lost_is_asked_again(scene: Scene) -> None:
    act = commit(scene)
    scene.cluster.answer_late(Api.END_TXN, 2 * SECONDS)

    def cut() -> None:
        until(lambda: scene.cluster.requests()[Api.END_TXN])
        scene.cluster.go_down()
        scene.cluster.come_up()

    with ThreadPoolExecutor(1) as pool:
        is_cut = pool.submit(cut)
        assert _sign(act, SECONDS) == "+"
        is_cut.result()
    assert scene.cluster.requests()[Api.END_TXN] == 2


@pytest.mark.parametrize(
    "error",
    [
        "INVALID_REQUEST",
        "KAFKA_STORAGE_ERROR",
        "NOT_ENOUGH_REPLICAS_AFTER_APPEND",
        "OPERATION_NOT_ATTEMPTED",
        "REBALANCE_IN_PROGRESS",
        "THROTTLING_QUOTA_EXCEEDED",
        "TRANSACTION_ABORTABLE",
        "UNKNOWN_PRODUCER_ID",
        "UNSUPPORTED_VERSION",
    ],
)
def test_an_answer_to_a_commit_that_nobody_expects_is_not_taken_for_an_abort(scene: Scene, error: str) -> None:
    """librdkafka asks for an abort after each of them."""
    act = commit(scene)
    scene.cluster.fail(Api.END_TXN, getattr(KafkaError, error))
    assert _sign(act, SECONDS) == "?"
    _and_then(scene, act, "?")


def test_a_commit_that_timed_out_is_not_aborted_though_librdkafka_calls_that_retriable(scene: Scene) -> None:
    """librdkafka#3971 and #4016: the commit goes on inside, and every other call meets a conflict, for ever."""
    act = commit(scene)
    scene.cluster.fail(Api.END_TXN, *[KafkaError.COORDINATOR_LOAD_IN_PROGRESS] * FOR_EVER)
    assert _sign(act, SHORT) == "?"
    assert act.producer is not None
    assert act.producer._client is not None
    with pytest.raises(KafkaException) as conflict:
        act.producer._client.abort_transaction(SECONDS)
    assert conflict.value.args[0].code() == KafkaError._CONFLICT
    assert conflict.value.args[0].retriable()
    with pytest.raises(OutcomeUnknown):
        act.producer.abort(SECONDS)


def test_a_dead_producer_stops_trying_when_it_is_closed(scene: Scene) -> None:
    act = commit(scene)
    scene.cluster.fail(Api.END_TXN, *[KafkaError.COORDINATOR_LOAD_IN_PROGRESS] * FOR_EVER)
    assert _sign(act, SHORT) == "?"
    assert act.producer is not None
    act.producer.close()
    other = scene.log.consumer()
    other.bounds([PLACE], SECONDS)  # so the broker has seen what was sent before
    tried = scene.cluster.requests()[Api.END_TXN]
    assert other.consume(1, QUIET_SECONDS) == []
    assert scene.cluster.requests()[Api.END_TXN] == tried


@pytest.mark.parametrize("error", ["INVALID_PRODUCER_EPOCH", "INVALID_TXN_STATE"])
def test_a_transaction_that_the_broker_ended_for_taking_too_long(scene: Scene, error: str) -> None:
    """librdkafka#3297: the messages are refused first, and the abort after them is, too."""
    producer = scene.transaction()
    scene.cluster.fail(Api.PRODUCE, getattr(KafkaError, error))
    scene.cluster.fail(Api.END_TXN, getattr(KafkaError, error))
    kind = {"INVALID_PRODUCER_EPOCH": Fenced, "INVALID_TXN_STATE": OutcomeUnknown}[error]
    producer.produce([MESSAGE])
    with pytest.raises(kind):
        producer.commit(SECONDS)
    _stays(producer, kind)


def test_messages_that_cannot_leave_in_time_are_not_committed(scene: Scene) -> None:
    producer = scene.transaction(timeout=2.0)
    scene.cluster.go_down()
    producer.produce([MESSAGE])
    with pytest.raises((Aborted, OutcomeUnknown)):
        producer.commit(SECONDS)
    assert scene.cluster.requests()[Api.END_TXN] == 0


def test_a_producer_fenced_between_two_calls_learns_it_at_the_latest_in_the_abort(scene: Scene) -> None:
    producer = scene.transaction()
    assert producer._client is not None
    scene.cluster.fail(Api.PRODUCE, KafkaError.INVALID_PRODUCER_EPOCH)
    producer.produce([MESSAGE])
    with suppress(KafkaException, SystemError):  # it tells, but nobody asked it
        producer._client.flush(SECONDS)
    with pytest.raises((Aborted, Fenced)):
        producer.produce([MESSAGE])
    with pytest.raises(Fenced):
        producer.abort(SECONDS)
    _stays(producer, Fenced)


def test_a_static_member_whose_place_was_taken_is_fenced_for_good_and_can_still_be_closed(scene: Scene) -> None:
    consumer = scene.member()
    scene.cluster.fail(Api.HEARTBEAT, KafkaError.FENCED_INSTANCE_ID)
    with pytest.raises(Fenced):
        until(lambda: False, consumer)
    with pytest.raises(Fenced):
        consumer.consume(1, SHORT)
    started = time.monotonic()
    consumer.close()
    assert time.monotonic() - started < SECONDS


def test_seek_asks_nobody(scene: Scene) -> None:
    consumer = scene.member()
    scene.cluster.go_down()
    consumer.seek(PLACE, 7)
    assert consumer.position(PLACE) == 7


def at_once(what: Callable[[str], str], names: Sequence[str]) -> dict[str, str]:
    """What comes out by name; most of it is waiting."""
    with ThreadPoolExecutor(len(names)) as pool:
        return dict(zip(names, pool.map(what, names), strict=True))


def _cell(name: str, error: str, expected: str) -> str:
    may_be_forgotten = expected[0] == "~"
    once = _met(name, error, 1, LATE if may_be_forgotten else SECONDS)
    if may_be_forgotten and once in "+U":
        once = "~"
    if once not in "+~":
        return once
    # What comes without a word of the broker comes however short the patience; a word is waited for.
    return once + _met(name, error, FOR_EVER, SHORT if expected[1:] in WITHOUT_A_WORD else SECONDS)


def _met(name: str, error: str, times: int, patience: float) -> str:
    api, prepare = CALLS[name]
    with playing() as scene:
        act = prepare(scene)
        scene.cluster.fail(api, *[getattr(KafkaError, error)] * times)
        sign = _sign(act, patience)
        scene.cluster.heal(api)
        _and_then(scene, act, sign)
        return sign


def _sign(act: Act, patience: float) -> str:
    """The sign of what a call comes to; it must come to something."""
    started = time.monotonic()
    try:
        act.call(patience)
    except LogError as error:
        return SIGNS[type(error)]
    else:
        return "+"
    finally:
        assert time.monotonic() - started < SECONDS


def _and_then(scene: Scene, act: Act, sign: str) -> None:
    """What was promised with the reaction holds: the same call may be made again, the same producer go on or not."""
    if sign == "U":
        _works_again(act)
    producer = act.producer
    if producer is None:
        return
    if sign in "F?" or (sign == "L" and act.call == producer.init):
        _stays(producer, next(kind for kind, its in SIGNS.items() if its == sign))
        producer.close()
        producer = scene.producer()
        producer.init(SECONDS)
    elif sign == "A":
        with pytest.raises(Aborted):
            producer.commit(SECONDS)
        producer.abort(SECONDS)
        producer.begin()
        return
    elif producer._open:
        producer.commit(SECONDS)
    transact(producer, MESSAGE)


def _works_again(act: Act) -> None:
    """The same call, made as often as it takes: clients need a moment to find the broker again."""
    deadline = time.monotonic() + 3 * SECONDS
    while True:
        try:
            act.call(LATE)
        except Unavailable:
            assert time.monotonic() < deadline
            threading.Event().wait(AGAIN)
        else:
            return


def _stays(producer: KafkaProducer, kind: type[LogError]) -> None:
    """Every later call says the same again and asks nobody."""
    calls: tuple[Callable[[], object], ...] = (
        lambda: producer.commit(SECONDS),
        lambda: producer.abort(SECONDS),
        lambda: producer.flush(SECONDS),
        lambda: producer.produce([MESSAGE]),
        lambda: producer.init(SECONDS),
        producer.begin,
    )
    for call in calls:
        with pytest.raises(LogError) as again:
            call()
        assert type(again.value) is kind
