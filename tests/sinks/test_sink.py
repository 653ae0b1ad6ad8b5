"""The sink on the embedded log: whatever happens to it, every row is there once."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import msgspec
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import OperationalError

from pipeline.clock import SYSTEM_CLOCK
from pipeline.engine.ledger.postings import postings
from pipeline.failure import Halted
from pipeline.log.embedded import EmbeddedLog
from pipeline.log.port import Committed, Consumer, Fenced, Message, Partition, Unavailable
from schemas.facts import FACT_VERSION
from sinks.clickhouse.health import Health
from sinks.clickhouse.intents import ForeignMetadata, Intent
from sinks.clickhouse.lag import Lag
from sinks.clickhouse.sink import ClickHouseSink
from sinks.clickhouse.writer import ClickHouseWriter, NotInserted
from tests.clock import StillClock
from tests.sinks.running import SECONDS, Running, contents, drain, running, running_sink, settings, sink_on
from tests.sinks.story import ELEVEN, FACTS, HEADS, JOURNAL, TWELVE, Told, bought, tell
from tests.wrapped import Wrapped

_TOLD = [decision for told in (*ELEVEN, *TWELVE) for decision in told.decisions]
EVERYTHING = {
    "journal": 4,
    "facts": len(_TOLD),
    "ledger_entries": 2 * sum(len(postings(decision)) for decision in _TOLD),
    "notifications": 2,
    "replies": 1,
    "customer_state": 2,
}


class Death(BaseException):
    """The process ends here."""


class Steps:
    """Everything the sink does to the world outside, counted; it dies before or after one of the steps."""

    def __init__(self, fatal: int | None = None, *, done: bool = False) -> None:
        self.taken: list[str] = []
        self._fatal = fatal
        self._done = done

    def take(self, name: str, step: Callable[[], None]) -> None:
        fatal = len(self.taken) == self._fatal
        self.taken.append(name)
        if fatal and not self._done:
            raise Death
        step()
        if fatal:
            raise Death


def client_with(client: Client, steps: Steps) -> Any:
    def insert(table: str, data: Any, **arguments: Any) -> None:
        steps.take(f"insert {table}", lambda: client.insert(table, data, **arguments))

    return Wrapped(client, insert=insert)


def log_with(log: EmbeddedLog, steps: Steps) -> Any:
    def consumer(group: str | None = None, **named: Any) -> Any:
        inner = log.consumer(group, **named)

        def commit_offsets(offsets: Mapping[Partition, Committed], timeout: float) -> None:
            steps.take("commit", lambda: inner.commit_offsets(offsets, timeout))

        return Wrapped(inner, commit_offsets=commit_offsets)

    return Wrapped(log, consumer=consumer)


def counts(client: Client) -> dict[str, int]:
    return {table: rows for table, (rows, _) in contents(client).items()}


def test_everything_in_the_log_is_in_clickhouse_once(clickhouse: Client, embedded_log: EmbeddedLog) -> None:
    tell(embedded_log)

    drain(embedded_log, clickhouse)

    assert counts(clickhouse) == EVERYTHING


def test_a_sink_that_starts_again_goes_on_where_it_was(clickhouse: Client, embedded_log: EmbeddedLog) -> None:
    told = tell(embedded_log)
    using = settings()
    drain(embedded_log, clickhouse, using)

    told.journal(bought(11, "B3", 100, "2011-04-20 10:00"))
    drain(embedded_log, clickhouse, using)

    assert counts(clickhouse) == EVERYTHING | {"journal": 5}


def test_the_group_of_a_sink_has_its_session(clickhouse: Client, embedded_log: EmbeddedLog) -> None:
    tell(embedded_log)
    sessions: list[float] = []

    def consumer(group: str | None = None, *, member: str | None = None, session_timeout: float = 10.0) -> Consumer:
        sessions.append(session_timeout)
        return embedded_log.consumer(group, member=member, session_timeout=session_timeout)

    drain(Wrapped(embedded_log, consumer=consumer), clickhouse, settings(session_seconds=3.0))  # type: ignore[arg-type]

    assert sessions == [3.0]


def test_small_rounds_give_the_same_rows(clickhouse: Client, embedded_log: EmbeddedLog) -> None:
    tell(embedded_log)
    drain(embedded_log, clickhouse)
    expected = contents(clickhouse)
    for table in EVERYTHING:
        clickhouse.command(f"TRUNCATE TABLE {table}")

    drain(embedded_log, clickhouse, settings(group="other", messages_max=2))

    assert contents(clickhouse) == expected


def test_a_sink_asked_to_stop_in_the_middle_of_a_round_leaves_the_rest_to_the_next_run(
    clickhouse: Client, embedded_log: EmbeddedLog
) -> None:
    tell(embedded_log)
    using = settings()
    stop = threading.Event()

    def insert(table: str, data: Any, **arguments: Any) -> None:
        clickhouse.insert(table, data, **arguments)
        stop.set()

    sink_on(embedded_log, Wrapped(clickhouse, insert=insert), using).run(stop)  # type: ignore[arg-type]
    some = counts(clickhouse)
    drain(embedded_log, clickhouse, using)

    assert 0 < sum(some.values()) < sum(EVERYTHING.values())
    assert counts(clickhouse) == EVERYTHING


STEPS = 8
"""What one round of the whole story takes: intents, a table after the other, offsets."""


@pytest.fixture(scope="module")
def expected(engine: Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[int, int]]]:
    """What a run without a death leaves."""
    for table in EVERYTHING:
        engine.command(f"TRUNCATE TABLE {table}")
    log = EmbeddedLog(tmp_path_factory.mktemp("log"))
    tell(log)
    steps = Steps()
    drain(log_with(log, steps), client_with(engine, steps))
    assert [steps.taken[0], len(steps.taken), steps.taken[-1]] == ["commit", STEPS, "commit"]
    yield contents(engine)
    log.close()


@pytest.mark.parametrize("done", [pytest.param(False, id="before"), pytest.param(True, id="after")])
@pytest.mark.parametrize("fatal", range(STEPS))
def test_a_sink_that_dies_at_a_step_leaves_every_row_once(
    expected: dict[str, tuple[int, int]], clickhouse: Client, embedded_log: EmbeddedLog, fatal: int, *, done: bool
) -> None:
    told = tell(embedded_log)
    using = settings()
    steps = Steps(fatal, done=done)
    dying = Running(sink_on(log_with(embedded_log, steps), client_with(clickhouse, steps), using))
    dying.wait_for_death()
    assert isinstance(dying.error, Death)

    told.journal(bought(11, "B3", 100, "2011-04-20 10:00"))  # what comes later must not get into the begun block
    drain(embedded_log, clickhouse, using)

    found = contents(clickhouse)
    assert found.pop("journal")[0] == expected["journal"][0] + 1
    assert found == {table: rows for table, rows in expected.items() if table != "journal"}


def test_a_block_that_was_begun_is_read_again_exactly_even_with_other_settings(
    clickhouse: Client, embedded_log: EmbeddedLog
) -> None:
    tell(embedded_log)
    using = settings()
    steps = Steps(STEPS - 1)
    dying = Running(sink_on(log_with(embedded_log, steps), client_with(clickhouse, steps), using))
    dying.wait_for_death()
    begun = embedded_log.group_offsets("sink", [JOURNAL])[Partition(JOURNAL, 0)]
    assert begun == Committed(0, Intent(0, 3, using.epoch).metadata())

    drain(embedded_log, clickhouse, settings(messages_max=1, epoch="another"))

    assert counts(clickhouse) == EVERYTHING


def test_a_sink_that_lost_its_partitions_while_it_inserted_changes_nothing(
    clickhouse: Client, embedded_log: EmbeddedLog
) -> None:
    tell(embedded_log)
    using = settings()
    inserting, go_on = threading.Event(), threading.Event()

    def insert(table: str, data: Any, **arguments: Any) -> None:
        inserting.set()
        assert go_on.wait(SECONDS)
        clickhouse.insert(table, data, **arguments)

    with running(embedded_log, Wrapped(clickhouse, insert=insert), using) as zombie:  # type: ignore[arg-type]
        assert inserting.wait(SECONDS)
        drain(embedded_log, clickhouse, using)
        go_on.set()
        zombie.wait_until(lambda: zombie.sink.status() == (False, "no partition is assigned"))

    assert zombie.error is None
    assert counts(clickhouse) == EVERYTHING


def test_a_sink_that_was_frozen_in_an_insert_asks_before_its_next_step_whether_others_went_on(
    clickhouse: Client, embedded_log: EmbeddedLog
) -> None:
    tell(embedded_log)
    using = settings(session_seconds=0.0)
    inserting, go_on = threading.Event(), threading.Event()
    steps: list[str] = []

    def insert(table: str, data: Any, **arguments: Any) -> None:
        inserting.set()
        assert go_on.wait(SECONDS)
        clickhouse.insert(table, data, **arguments)
        steps.append(table)

    def consumer(group: str | None = None, **named: Any) -> Any:
        inner: Consumer = embedded_log.consumer(group, **named)

        def commit_offsets(offsets: Mapping[Partition, Committed], timeout: float) -> None:
            if go_on.is_set():
                steps.append("commit")  # a group without members refuses nobody
            inner.commit_offsets(offsets, timeout)

        return Wrapped(inner, commit_offsets=commit_offsets)

    log, client = Wrapped(embedded_log, consumer=consumer), Wrapped(clickhouse, insert=insert)
    with running(log, client, using) as zombie:  # type: ignore[arg-type]
        assert inserting.wait(SECONDS)
        drain(embedded_log, clickhouse, using)
        go_on.set()
        zombie.wait_until(lambda: zombie.sink.stored() == {})

    assert steps == ["journal"]
    assert counts(clickhouse) == EVERYTHING


def failing(times: int, error: Exception, step: Callable[..., None], *, done: bool) -> Callable[..., None]:
    left = [times]

    def attempt(*arguments: Any, **named: Any) -> None:
        if left[0]:
            left[0] -= 1
            if done:
                step(*arguments, **named)
            raise error
        step(*arguments, **named)

    return attempt


@pytest.mark.parametrize("done", [pytest.param(False, id="nothing was done"), pytest.param(True, id="it was done")])
def test_an_insert_whose_answer_is_lost_is_made_again(
    clickhouse: Client, embedded_log: EmbeddedLog, *, done: bool
) -> None:
    tell(embedded_log)
    insert = failing(3, OperationalError("connection reset"), clickhouse.insert, done=done)

    drain(embedded_log, Wrapped(clickhouse, insert=insert))  # type: ignore[arg-type]

    assert counts(clickhouse) == EVERYTHING


def test_a_commit_that_finds_the_log_away_is_made_again(clickhouse: Client, embedded_log: EmbeddedLog) -> None:
    tell(embedded_log)

    def consumer(group: str | None = None, **named: Any) -> Any:
        inner: Consumer = embedded_log.consumer(group, **named)
        return Wrapped(inner, commit_offsets=failing(2, Unavailable("no answer"), inner.commit_offsets, done=False))

    drain(Wrapped(embedded_log, consumer=consumer), clickhouse)  # type: ignore[arg-type]

    assert counts(clickhouse) == EVERYTHING


def displaced(log: EmbeddedLog, times: int) -> Any:
    """A log whose first consumers are told, once they have assigned partitions, that another has their name."""
    left = [times]

    def consumer(group: str | None = None, **named: Any) -> Any:
        inner: Consumer = log.consumer(group, **named)
        mine = left[0] > 0
        left[0] -= 1

        def consume(limit: int, timeout: float) -> list[Message]:
            if mine and inner.assignment():
                message = "another has this name"
                raise Fenced(message)
            return inner.consume(limit, timeout)

        return Wrapped(inner, consume=consume)

    return Wrapped(log, consumer=consumer)


def test_a_sink_displaced_by_an_echo_of_its_own_joins_again(clickhouse: Client, embedded_log: EmbeddedLog) -> None:
    tell(embedded_log)

    drain(displaced(embedded_log, 1), clickhouse)

    assert counts(clickhouse) == EVERYTHING


def test_a_sink_displaced_again_so_soon_leaves_its_name_to_the_other(
    clickhouse: Client, embedded_log: EmbeddedLog
) -> None:
    tell(embedded_log)

    with running(displaced(embedded_log, 2), clickhouse) as sink:
        sink.wait_for_death()

    assert isinstance(sink.error, Fenced)
    assert "--slot" in str(sink.error)


def test_a_sink_displaced_again_much_later_joins_again(
    clickhouse: Client, embedded_log: EmbeddedLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sinks.clickhouse.sink._DISPLACED_SESSIONS", 0)
    tell(embedded_log)

    drain(displaced(embedded_log, 2), clickhouse)

    assert counts(clickhouse) == EVERYTHING


def test_a_poll_that_finds_the_log_away_is_made_again(clickhouse: Client, embedded_log: EmbeddedLog) -> None:
    tell(embedded_log)
    left = [2]

    def consumer(group: str | None = None, **named: Any) -> Any:
        inner: Consumer = embedded_log.consumer(group, **named)

        def consume(limit: int, timeout: float) -> list[Message]:
            if left[0]:
                left[0] -= 1
                message = "no answer"
                raise Unavailable(message)
            return inner.consume(limit, timeout)

        return Wrapped(inner, consume=consume)

    drain(Wrapped(embedded_log, consumer=consumer), clickhouse)  # type: ignore[arg-type]

    assert (left, counts(clickhouse)) == ([0], EVERYTHING)


def test_a_sink_is_ready_once_it_has_partitions_and_all_of_them_are_placed(
    clickhouse: Client, embedded_log: EmbeddedLog
) -> None:
    tell(embedded_log)
    polled, go_on = threading.Event(), threading.Event()

    def consumer(group: str | None = None, **named: Any) -> Any:
        inner: Consumer = embedded_log.consumer(group, **named)

        def committed(partitions: list[Partition], timeout: float) -> dict[Partition, Committed]:
            polled.set()
            assert go_on.wait(SECONDS)
            return inner.committed(partitions, timeout)

        return Wrapped(inner, committed=committed)

    sink = sink_on(Wrapped(embedded_log, consumer=consumer), clickhouse, settings())  # type: ignore[arg-type]
    before = sink.status()
    started = Running(sink)
    assert polled.wait(SECONDS)
    placing = sink.status()
    go_on.set()
    started.wait_until(lambda: sink.status() == (True, ""))
    started.stop()

    assert (before, placing) == ((False, "not started"), (False, "5 partitions are not placed yet"))


def test_a_sink_that_the_log_does_not_answer_is_not_ready(
    clickhouse: Client, embedded_log: EmbeddedLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sinks.clickhouse.health._UNHEARD_SECONDS", 0.5)
    monkeypatch.setattr("sinks.clickhouse.lag._EVERY_SECONDS", 0.0)
    tell(embedded_log)
    away = threading.Event()

    def ends(partitions: Collection[Partition], timeout: float, *, stable: bool = True) -> dict[Partition, int]:
        if away.is_set():
            message = "no answer"
            raise Unavailable(message)
        return embedded_log.ends(partitions, timeout, stable=stable)

    with running(Wrapped(embedded_log, ends=ends), clickhouse) as sink:  # type: ignore[arg-type]
        sink.wait_until(lambda: sink.sink.status() == (True, ""))
        sink.wait_until(lambda: set(sink.sink.behind().values()) == {0})
        away.set()
        sink.wait_until(lambda: sink.sink.status()[1].startswith("the log has not answered for"))

    assert sink.error is None


def test_a_sink_whose_rounds_are_all_given_up_stays_not_ready_until_one_is_finished(
    clickhouse: Client, embedded_log: EmbeddedLog
) -> None:
    tell(embedded_log)
    let_in = threading.Event()
    seen: list[tuple[bool, str]] = []

    def consumer(group: str | None = None, **named: Any) -> Any:
        inner: Consumer = embedded_log.consumer(group, **named)

        def commit_offsets(offsets: Mapping[Partition, Committed], timeout: float) -> None:
            if not let_in.is_set():
                seen.append(sink.status())
                message = "another has it"
                raise Fenced(message)
            inner.commit_offsets(offsets, timeout)

        return Wrapped(inner, commit_offsets=commit_offsets)

    sink = sink_on(Wrapped(embedded_log, consumer=consumer), clickhouse)  # type: ignore[arg-type]
    with running_sink(sink) as started:
        started.wait_until(lambda: len(seen) >= 5)
        let_in.set()
        started.wait_until(lambda: sink.status() == (True, ""))

    assert seen[:5] == [
        (True, ""),
        (True, ""),  # it may just have been frozen
        *((False, f"{rounds} rounds in a row were given up: another has it") for rounds in (2, 3, 4)),
    ]
    assert counts(clickhouse) == EVERYTHING


def test_a_sink_whose_rounds_were_given_up_is_ready_when_nothing_is_left_to_store(
    embedded_log: EmbeddedLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sinks.clickhouse.lag._EVERY_SECONDS", 0.0)
    tell(embedded_log)
    health = Health(SYSTEM_CLOCK)
    health.works()
    for _ in range(2):
        health.loses("another has it")
    lag = Lag(embedded_log, SYSTEM_CLOCK, health)

    lag.look({Partition(JOURNAL, 0): 3})
    behind = health.trouble()
    lag.look({Partition(JOURNAL, 0): 4})

    assert (behind, health.trouble()) == ("2 rounds in a row were given up: another has it", None)


def test_a_sink_whose_insert_gets_no_answer_is_not_ready(
    clickhouse: Client, embedded_log: EmbeddedLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sinks.clickhouse.health._STUCK_SECONDS", 0.1)
    tell(embedded_log)
    go_on = threading.Event()

    def insert(table: str, data: Any, **arguments: Any) -> None:
        assert go_on.wait(SECONDS)
        clickhouse.insert(table, data, **arguments)

    with running(embedded_log, Wrapped(clickhouse, insert=insert)) as sink:  # type: ignore[arg-type]
        try:
            sink.wait_until(lambda: sink.sink.status()[1].startswith("inserting into journal has taken"))
        finally:
            go_on.set()

    assert sink.error is None


def test_a_sink_gives_up_when_clickhouse_stays_away_and_says_so(clickhouse: Client, embedded_log: EmbeddedLog) -> None:
    tell(embedded_log)
    away = Wrapped(clickhouse, insert=failing(99, OperationalError("gone"), clickhouse.insert, done=False))

    sink = Running(sink_on(embedded_log, away, settings(patience_seconds=0.1)))  # type: ignore[arg-type]
    sink.wait_for_death()

    assert isinstance(sink.error, NotInserted)
    assert sink.sink.status() == (False, "NotInserted: gone")
    assert counts(clickhouse) == dict.fromkeys(EVERYTHING, 0)


def test_a_sink_that_waits_for_clickhouse_can_be_stopped(clickhouse: Client, embedded_log: EmbeddedLog) -> None:
    tell(embedded_log)
    away = Wrapped(clickhouse, insert=failing(99, OperationalError("gone"), clickhouse.insert, done=False))
    writer = ClickHouseWriter(lambda: away)  # type: ignore[arg-type]

    waiting = ClickHouseSink(embedded_log, writer, settings(backoff_seconds=SECONDS), StillClock())
    with running_sink(waiting) as sink:
        sink.wait_until(
            lambda: sink.sink.status() == (False, "inserting into journal is tried again, for 3600 s more: gone")
        )

    assert sink.error is None
    assert sink.sink.status() == (False, "stopped")


UNKNOWN_KIND = bytes([FACT_VERSION]) + msgspec.msgpack.encode(
    [0, 0, 9, 1, 11, 21, 0, [[["TransactionAdded:1", 0, 0], [[9_999, 5]]]]]
)


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        pytest.param(bytes([FACT_VERSION]) + b"\xdc", "cannot be decoded: .* The message is damaged", id="damaged"),
        pytest.param(b"\xff?", "holds what this version does not know: .* upgrade the sink", id="newer format"),
        pytest.param(UNKNOWN_KIND, "holds what this version does not know: .* upgrade the sink", id="newer kind"),
    ],
)
def test_a_fact_message_that_this_version_cannot_read_halts_the_sink_and_says_what_to_do(
    clickhouse: Client, embedded_log: EmbeddedLog, raw: bytes, what: str
) -> None:
    told = tell(embedded_log)
    told.raw(FACTS, raw)

    sink = Running(sink_on(embedded_log, clickhouse, settings()))
    sink.wait_for_death()

    assert isinstance(sink.error, Halted)
    assert re.match(f"{FACTS} partition 0 offset 7 {what}", str(sink.error))
    assert counts(clickhouse)["facts"] == 0


def test_metadata_that_no_sink_wrote_stops_the_sink(clickhouse: Client, embedded_log: EmbeddedLog) -> None:
    tell(embedded_log)
    using = settings()
    drain(embedded_log, clickhouse, using)
    foreign = embedded_log.consumer(using.group)
    foreign.subscribe([JOURNAL], assigned=lambda _: None, revoked=lambda _: None, lost=lambda _: None)
    foreign.consume(1, 0.0)
    foreign.commit_offsets({Partition(JOURNAL, 0): Committed(0, "mine")}, SECONDS)
    foreign.close()

    sink = Running(sink_on(embedded_log, clickhouse, using))
    sink.wait_for_death()

    assert isinstance(sink.error, ForeignMetadata)


def test_only_the_last_state_of_a_customer_in_a_block_is_inserted(
    clickhouse: Client, embedded_log: EmbeddedLog
) -> None:
    told: Told = tell(embedded_log)
    head = HEADS[12]
    told.state(head, head, head)

    drain(embedded_log, clickhouse)

    assert clickhouse.query("SELECT customer_id, count() FROM customer_state GROUP BY 1 ORDER BY 1").result_rows == [
        (11, 1),
        (12, 1),
    ]


def test_messages_wait_for_others_no_longer_than_they_may(clickhouse: Client, embedded_log: EmbeddedLog) -> None:
    tell(embedded_log)
    steps = Steps()

    drain(log_with(embedded_log, steps), client_with(clickhouse, steps), settings(linger_seconds=0.3))

    assert steps.taken.count("commit") == 2
