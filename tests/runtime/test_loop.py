from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from pipeline.failure import Halted
from pipeline.log.port import Aborted, Committed, Fenced, Message, Outgoing, Partition, Unavailable, Unreadable
from pipeline.runtime.loop.failures import RoundRefused
from pipeline.runtime.loop.loop import TransactionalLoop
from pipeline.runtime.loop.progress import Progress
from pipeline.runtime.loop.role import Decided, Finished, slices_of
from pipeline.runtime.settings import Settings
from pipeline.runtime.slot import SlotInUse
from pipeline.runtime.state.store_port import StoreFailed
from tests.clock import StillClock

ZERO, ONE = Partition("in", 0), Partition("in", 1)


STILL = StillClock()


def message(partition: int, offset: int) -> Message:
    return Message("in", partition, offset, None, b"%d.%d" % (partition, offset), 0, ())


class ScriptedLog:
    """A log whose consumer does, call by call, what the script says; it notes what is committed and where it is sought.

    It is consumer and producer in one; a step of the script gives messages, after calling back what it likes.
    """

    def __init__(self, *script: Callable[[ScriptedLog], list[Message]]) -> None:
        self.script = list(script)
        self.stop = threading.Event()
        self.held: set[Partition] = set()
        self.open: list[Outgoing] = []
        self.offsets: dict[Partition, Committed] = {}
        self.told: list[tuple[list[bytes | None], dict[Partition, int | None]]] = []
        self.aborts = 0
        self.seeks: list[tuple[Partition, int]] = []
        self.examined: list[Partition] = []

    def consumer(self, *_: Any, **__: Any) -> ScriptedLog:
        return self

    def producer(self, *_: Any, **__: Any) -> ScriptedLog:
        return self

    def subscribe(self, _topics: Any, *, assigned: Any, revoked: Any, lost: Any) -> None:
        self.assigned, self.revoked, self.lost = assigned, revoked, lost

    def consume(self, _limit: int, _timeout: float) -> list[Message]:
        if not self.script:
            self.stop.set()
            return []
        return self.script.pop(0)(self)

    def seek(self, partition: Partition, offset: int) -> None:
        self.seeks.append((partition, offset))

    def examine(self, partition: Partition, _timeout: float) -> None:
        self.examined.append(partition)

    def assignment(self) -> frozenset[Partition]:
        return frozenset(self.held)

    def committed(self, partitions: Sequence[Partition], _timeout: float) -> dict[Partition, Committed]:
        return dict.fromkeys(partitions, Committed(None))

    def bounds(self, partitions: Iterable[Partition], _timeout: float) -> dict[Partition, tuple[int, int]]:
        return dict.fromkeys(partitions, (0, 0))

    def ends(self, partitions: Collection[Partition], _timeout: float) -> dict[Partition, int]:
        return dict.fromkeys(partitions, 0)

    def position(self, _partition: Partition) -> int | None:
        return None

    def init(self, _timeout: float) -> None:
        """Nobody to fence."""

    def begin(self) -> None:
        self.open, self.offsets = [], {}

    def produce(self, messages: Sequence[Outgoing]) -> None:
        self.open += messages

    def send_offsets(self, offsets: dict[Partition, Committed], _consumer: Any, _timeout: float) -> None:
        self.offsets = offsets

    def commit(self, _timeout: float) -> Mapping[Partition, int]:
        committed = {partition: one.offset for partition, one in self.offsets.items()}
        self.told.append(([one.value for one in self.open], committed))
        return {}

    def abort(self, _timeout: float) -> None:
        self.aborts += 1

    def close(self) -> None:
        """Nothing to release."""


class Echo:
    """Sends on what it reads."""

    name = "echo"
    topics = ("in",)
    fetch_bytes_max = 5

    def __init__(self) -> None:
        self.read: dict[Partition, int] = {}
        self.dropped: list[Partition] = []

    def open(self, partition: Partition, committed: Committed, first: int) -> None:
        """Begin at the beginning."""

    def restore(self, _partition: Partition) -> int | None:
        return 0

    def wants_round(self) -> bool:
        return False

    def process(self, batch: Sequence[Message]) -> Decided:
        for one in batch:
            self.read[Partition(one.topic, one.partition)] = one.offset + 1
        return Decided([Outgoing("out", None, one.value) for one in batch])

    def pass_over(self, unreadable: Unreadable) -> Decided:
        self.read[unreadable.partition] = unreadable.after
        return Decided([Outgoing("out", None, unreadable.problem.encode())])

    def finish(self) -> Finished:
        return Finished([], {partition: Committed(offset) for partition, offset in self.read.items()})

    def committed(self, _ends: Mapping[Partition, int]) -> None:
        self.read = {}

    def aborted(self) -> None:
        self.read = {}

    def drop(self, partition: Partition) -> None:
        self.dropped.append(partition)
        self.read.pop(partition, None)

    def close(self) -> None:
        """Nothing to release."""


def assign(log: ScriptedLog) -> list[Message]:
    log.held = {ZERO, ONE}
    log.assigned([ZERO, ONE])
    return []


def assign_zero(log: ScriptedLog) -> list[Message]:
    log.held = {ZERO}
    log.assigned([ZERO])
    return []


def give(*messages: Message) -> Callable[[ScriptedLog], list[Message]]:
    return lambda _: list(messages)


def revoke(partition: Partition, *messages: Message) -> Callable[[ScriptedLog], list[Message]]:
    def step(log: ScriptedLog) -> list[Message]:
        log.held.discard(partition)
        log.revoked([partition])
        return list(messages)

    return step


def run(
    tmp_path: Path, *script: Callable[[ScriptedLog], list[Message]], role: Echo | None = None, **settings: Any
) -> tuple[ScriptedLog, Echo]:
    log, role = ScriptedLog(*script), role or Echo()
    loop = TransactionalLoop(log, role, Settings(data_dir=tmp_path, **settings), clock=STILL)  # type: ignore[arg-type]
    loop.run(log.stop)
    return log, role


def test_full_batches_and_their_offsets_are_one_transaction_until_a_batch_is_not_full(tmp_path: Path) -> None:
    log, _ = run(
        tmp_path,
        assign,
        give(message(0, 0), message(1, 0)),
        give(message(0, 1)),
        give(message(0, 2)),
        batch_records_max=2,
    )

    assert log.told == [([b"0.0", b"1.0", b"0.1"], {ZERO: 2, ONE: 1}), ([b"0.2"], {ZERO: 3})]


class EndsAt(Echo):
    """Wants the round to end at one message."""

    def __init__(self, last: Message) -> None:
        super().__init__()
        self.last = last

    def process(self, batch: Sequence[Message]) -> Decided:
        return super().process(batch)._replace(full=self.last in batch)


def test_round_that_is_to_end_at_a_slice_ends_when_the_whole_batch_is_decided(tmp_path: Path) -> None:
    log, _ = run(
        tmp_path,
        assign,
        give(*[message(0, offset) for offset in range(5)]),
        give(message(0, 5)),
        role=EndsAt(message(0, 1)),
        batch_records_max=5,
        slice_records_min=2,
    )

    assert [values for values, _ in log.told] == [[b"0.%d" % offset for offset in range(5)], [b"0.5"]]


class Counting(Echo):
    """Notes how many messages it is asked to decide at once."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[int] = []

    def process(self, batch: Sequence[Message]) -> Decided:
        self.asked.append(len(batch))
        return super().process(batch)


@pytest.mark.parametrize(
    ("read", "slices"), [(1, [1]), (2, [2]), (3, [2, 1]), (8, [2, 2, 2, 2]), (9, [3, 3, 3]), (13, [4, 4, 4, 1])]
)
def test_batch_is_decided_in_slices_four_at_most(read: int, slices: list[int], tmp_path: Path) -> None:
    role = Counting()

    run(tmp_path, assign, give(*[message(0, offset) for offset in range(read)]), role=role, slice_records_min=2)

    assert role.asked == slices


def test_transaction_ends_with_the_batch_that_makes_it_too_large(tmp_path: Path) -> None:
    log, _ = run(
        tmp_path,
        assign,
        *[give(message(0, offset)) for offset in range(4)],
        batch_records_max=1,
        transaction_bytes_max=2 * len(b"0.0"),
    )

    assert [values for values, _ in log.told] == [[b"0.0", b"0.1"], [b"0.2", b"0.3"]]


def test_round_is_aborted_and_done_again_without_the_partition_that_was_revoked_in_its_middle(tmp_path: Path) -> None:
    log, role = run(
        tmp_path,
        assign,
        give(message(0, 0), message(1, 0)),
        revoke(ONE, message(1, 1)),
        give(message(0, 0), message(1, 2)),
        give(),
        batch_records_max=2,
    )

    assert (log.aborts, log.told) == (1, [([b"0.0"], {ZERO: 1})])
    assert role.dropped == [ONE]
    assert log.seeks == [(ZERO, 0), (ONE, 0), (ZERO, 0)]


def test_partition_revoked_between_rounds_costs_no_abort(tmp_path: Path) -> None:
    log, _ = run(tmp_path, assign, give(message(1, 0)), revoke(ONE, message(0, 0), message(1, 1)), give())

    assert (log.aborts, log.told) == (0, [([b"1.0"], {ONE: 1}), ([b"0.0"], {ZERO: 1})])


def test_offset_that_is_delivered_again_is_dropped(tmp_path: Path) -> None:
    log, _ = run(tmp_path, assign, give(message(0, 0), message(0, 1)), give(message(0, 1), message(0, 2)))

    assert log.told == [([b"0.0", b"0.1"], {ZERO: 2}), ([b"0.2"], {ZERO: 3})]


def test_message_of_a_partition_that_is_not_ready_is_not_looked_at(tmp_path: Path) -> None:
    log, _ = run(tmp_path, give(message(0, 0)), give())

    assert log.told == []


def test_partition_assigned_anew_is_opened_anew(tmp_path: Path) -> None:
    log, _ = run(tmp_path, assign, revoke(ONE), assign, give(message(1, 0)), give())

    assert log.told == [([b"1.0"], {ONE: 1})]


def test_rounds_that_only_fail_halt_the_role_with_the_last_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.runtime.loop.loop._FAILURES_MAX", 2)
    log = ScriptedLog(assign, *[give(message(0, 0)), give()] * 9)
    loop = TransactionalLoop(log, Echo(), Settings(data_dir=tmp_path), clock=STILL)  # type: ignore[arg-type]
    reason = Aborted("the group has moved on")

    def refuse(_timeout: float) -> None:
        raise reason

    log.commit = refuse  # type: ignore[method-assign]
    log.ends = lambda partitions, _timeout: dict.fromkeys(partitions, 1)  # type: ignore[method-assign]
    with pytest.raises(RoundRefused, match=r"the round from in:0:0 on failed 3 times, .* because: the group has moved"):
        loop.run(log.stop)

    assert log.aborts == 3


class Choosy(ScriptedLog):
    """Refuses every transaction with the message `0.0`."""

    def commit(self, timeout: float) -> Mapping[Partition, int]:
        if any(one.value == b"0.0" for one in self.open):
            message = "too large"
            raise Aborted(message)
        return super().commit(timeout)


def test_round_that_can_never_succeed_halts_the_role_whatever_commits_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.runtime.loop.loop._FAILURES_MAX", 3)
    others = [give(message(1, offset)) for offset in range(9)]
    log = Choosy(assign, *[step for other in others for step in (give(message(0, 0)), give(), other)])
    loop = TransactionalLoop(log, Echo(), Settings(data_dir=tmp_path), clock=STILL)  # type: ignore[arg-type]
    log.ends = lambda partitions, _timeout: dict.fromkeys(partitions, 9)  # type: ignore[method-assign]

    with pytest.raises(RoundRefused, match=r"the round from in:0:0 on failed 4 times, .* because: too large"):
        loop.run(log.stop)

    assert len(log.told) == 3


def test_role_stays_red_while_the_round_that_failed_is_still_to_come(tmp_path: Path) -> None:
    troubles: list[str] = []

    def look(_log: ScriptedLog) -> list[Message]:
        troubles.append(loop.progress.trouble)
        return []

    log = Choosy(assign, *2 * [give(message(0, 0)), give()], give(message(1, 0)), give(), look)
    loop = TransactionalLoop(log, Echo(), Settings(data_dir=tmp_path), clock=STILL)  # type: ignore[arg-type]

    loop.run(log.stop)

    assert troubles == ["too large"]


def test_role_is_green_again_once_the_round_that_failed_got_through(tmp_path: Path) -> None:
    class Shy(Choosy):
        def commit(self, timeout: float) -> Mapping[Partition, int]:
            return super().commit(timeout) if self.aborts < 2 else ScriptedLog.commit(self, timeout)

    log = Shy(assign, *3 * [give(message(0, 0)), give()])
    loop = TransactionalLoop(log, Echo(), Settings(data_dir=tmp_path), clock=STILL)  # type: ignore[arg-type]

    loop.run(log.stop)

    assert (log.aborts, loop.progress.trouble) == (2, "")


def test_failures_of_a_partition_that_was_taken_away_are_another_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.runtime.loop.loop._FAILURES_MAX", 1)
    log = Choosy(assign, give(message(0, 0)), give(message(1, 0)), revoke(ZERO), assign_zero, give(message(0, 0)))
    loop = TransactionalLoop(log, Echo(), Settings(data_dir=tmp_path), clock=STILL)  # type: ignore[arg-type]

    loop.run(log.stop)

    assert log.aborts == 2


def stumble(_: ScriptedLog) -> list[Message]:
    message = "no answer"
    raise Unavailable(message)


def test_failures_of_a_quiet_role_do_not_add_up_over_the_days(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.runtime.loop.loop._FAILURES_MAX", 1)
    monkeypatch.setattr("pipeline.runtime.loop.loop._LAG_SECONDS", 0.0)

    log, _ = run(tmp_path, assign, give(), stumble, give(), stumble, give(), give(message(0, 0)))

    assert log.told == [([b"0.0"], {ZERO: 1})]


def test_failures_add_up_while_there_is_something_to_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.runtime.loop.loop._FAILURES_MAX", 1)
    monkeypatch.setattr("pipeline.runtime.loop.loop._LAG_SECONDS", 0.0)
    log = ScriptedLog(assign, give(), stumble, give(), stumble, give())
    log.ends = lambda partitions, _timeout: dict.fromkeys(partitions, 1)  # type: ignore[method-assign]
    loop = TransactionalLoop(log, Echo(), Settings(data_dir=tmp_path), clock=STILL)  # type: ignore[arg-type]

    with pytest.raises(Unavailable, match="no answer"):
        loop.run(log.stop)


def test_lag_is_known_as_soon_as_the_partitions_are_ready(tmp_path: Path) -> None:
    log = ScriptedLog(give(), assign, give())
    loop = TransactionalLoop(log, Echo(), Settings(data_dir=tmp_path), clock=STILL)  # type: ignore[arg-type]
    log.ends = lambda partitions, _timeout: {one: 5 + one.number for one in partitions}  # type: ignore[method-assign]

    loop.run(log.stop)

    assert loop.progress.lag == {ZERO: 5, ONE: 6}


@pytest.mark.parametrize(
    ("away", "status"),
    [
        pytest.param(False, (True, ""), id="the log answers"),
        pytest.param(True, (False, "the log has not answered for 31 s"), id="the log is away"),
    ],
)
def test_worker_is_ready_only_while_it_hears_from_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, away: bool, status: tuple[bool, str]
) -> None:
    monkeypatch.setattr("pipeline.runtime.loop.loop._LAG_SECONDS", 0.0)
    progress = Progress("echo", STILL)
    told = []

    def ends(partitions: Collection[Partition], _timeout: float) -> dict[Partition, int]:
        if away:
            message = "no answer"
            raise Unavailable(message)
        return dict.fromkeys(partitions, 0)

    def half_a_minute_later(_: ScriptedLog) -> list[Message]:
        progress.heard_at -= 31
        return []

    def look(_: ScriptedLog) -> list[Message]:
        told.append(progress.status())
        return []

    log = ScriptedLog(assign, give(), half_a_minute_later, look)
    log.ends = ends  # type: ignore[method-assign]
    loop = TransactionalLoop(log, Echo(), Settings(data_dir=tmp_path), progress=progress, clock=STILL)  # type: ignore[arg-type]
    loop.run(log.stop)

    assert told == [status]


def test_stop_while_the_log_has_no_producer_to_give_ends_the_worker_quietly(tmp_path: Path) -> None:
    log = ScriptedLog()
    waited: list[float] = []

    def init(timeout: float) -> None:
        waited.append(timeout)
        if len(waited) == 2:
            log.stop.set()
        message = "no answer"
        raise Unavailable(message)

    log.init = init  # type: ignore[method-assign]
    loop = TransactionalLoop(log, Echo(), Settings(data_dir=tmp_path), clock=STILL)  # type: ignore[arg-type]
    loop.run(log.stop)

    assert waited == [5.0, 5.0]
    assert log.told == []


class Forgetful(Echo):
    """Cannot store what took effect, so often."""

    def __init__(self, failures: int) -> None:
        super().__init__()
        self.failures = failures

    def committed(self, ends: Mapping[Partition, int]) -> None:
        super().committed(ends)
        if self.failures:
            self.failures -= 1
            message = "no space left"
            raise StoreFailed(message)


def test_failing_store_costs_its_partitions_a_restore_and_the_worker_nothing(tmp_path: Path) -> None:
    log, role = run(tmp_path, assign, give(message(0, 0)), give(message(0, 1)), role=Forgetful(1))

    assert log.told == [([b"0.0"], {ZERO: 1}), ([b"0.1"], {ZERO: 2})]
    assert sorted(role.dropped) == [ZERO, ONE]


def test_role_whose_rounds_fail_says_why_until_one_does_not(tmp_path: Path) -> None:
    told = []

    def look(_: ScriptedLog) -> list[Message]:
        told.append(progress.status())
        return [message(0, 0)]

    progress = Progress("echo", STILL)
    log = ScriptedLog(assign, look, look, look, look)
    role = Forgetful(2)
    TransactionalLoop(log, role, Settings(data_dir=tmp_path), progress=progress, clock=STILL).run(log.stop)  # type: ignore[arg-type]

    assert told == [(True, ""), (True, ""), (False, "no space left"), (True, "")]


def displace(_: ScriptedLog) -> list[Message]:
    raise Fenced


def test_worker_that_lost_its_place_in_the_group_joins_it_once_more(tmp_path: Path) -> None:
    log, role = run(tmp_path, assign, displace, assign, give(message(0, 0)))

    assert log.told == [([b"0.0"], {ZERO: 1})]
    assert sorted(role.dropped) == [ZERO, ONE]


def test_worker_that_comes_back_knows_no_lag_of_what_it_does_not_get_again(tmp_path: Path) -> None:
    log = ScriptedLog(assign, give(), displace, assign_zero, give())
    log.ends = lambda partitions, _timeout: dict.fromkeys(partitions, 5)  # type: ignore[method-assign]
    loop = TransactionalLoop(log, Echo(), Settings(data_dir=tmp_path), clock=STILL)  # type: ignore[arg-type]

    loop.run(log.stop)

    assert loop.progress.lag == {ZERO: 5}


def test_worker_that_loses_its_place_in_the_group_again_gives_up(tmp_path: Path) -> None:
    with pytest.raises(SlotInUse, match="slot 0 is in use: another echo worker has taken over"):
        run(tmp_path, assign, displace, assign, displace)


class Passing(StillClock):
    """A second passes with each look at it."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        self.seconds += 1.0
        return self.seconds


def test_offsets_that_stay_pending_though_their_transaction_has_ended_are_ended_by_another(tmp_path: Path) -> None:
    class Pending(ScriptedLog):
        """Kafka after it was killed: what is committed is not told before a transaction with offsets has ended."""

        def committed(self, partitions: Sequence[Partition], timeout: float) -> dict[Partition, Committed]:
            if not self.aborts:
                message = "unstable offsets"
                raise Unavailable(message)
            return super().committed(partitions, timeout)

        def abort(self, timeout: float) -> None:
            assert self.offsets, "a transaction without offsets ends none"
            super().abort(timeout)

    log = Pending(assign, *5 * [give()], give(message(0, 0)))
    TransactionalLoop(log, Echo(), Settings(data_dir=tmp_path), clock=Passing()).run(log.stop)  # type: ignore[arg-type]

    assert log.told == [([b"0.0"], {ZERO: 1})]
    assert log.aborts == 1


def test_rewind_that_gets_no_answer_starts_over(tmp_path: Path) -> None:
    def no_answer(log: ScriptedLog) -> list[Message]:
        log.seek = deaf  # type: ignore[method-assign]
        raise Unavailable

    def deaf(_partition: Partition, _offset: int) -> None:
        del log.seek  # type: ignore[method-assign]
        raise Unavailable

    log = ScriptedLog(assign, give(message(0, 0)), no_answer, give(message(0, 0)))
    role = Echo()
    settings = Settings(data_dir=tmp_path, batch_records_max=1)
    TransactionalLoop(log, role, settings, clock=STILL).run(log.stop)  # type: ignore[arg-type]

    assert log.told == [([b"0.0"], {ZERO: 1})]
    assert sorted(role.dropped) == [ZERO, ONE]


def fail(partition: Partition, first: int, after: int) -> Callable[[ScriptedLog], list[Message]]:
    def consume(_log: ScriptedLog) -> list[Message]:
        problem = f"{first} to {after}"
        raise Unreadable(problem, partition=partition, first=first, after=after)

    return consume


def test_what_cannot_be_read_is_decided_in_its_place_and_read_past(tmp_path: Path) -> None:
    log, _ = run(tmp_path, assign, give(message(0, 0)), fail(ZERO, 1, 4), give(message(0, 4)))

    assert log.told == [([b"0.0"], {ZERO: 1}), ([b"1 to 4"], {ZERO: 4}), ([b"0.4"], {ZERO: 5})]
    assert log.seeks == [(ZERO, 0), (ONE, 0), (ZERO, 4)]


def test_what_cannot_be_read_is_read_past_again_where_its_round_failed(tmp_path: Path) -> None:
    class Refused(ScriptedLog):
        def commit(self, timeout: float) -> Mapping[Partition, int]:
            if not self.aborts:
                raise Aborted
            return super().commit(timeout)

    log = Refused(assign, fail(ZERO, 0, 2), fail(ZERO, 0, 2), give(message(0, 2)))
    TransactionalLoop(log, Echo(), Settings(data_dir=tmp_path), clock=STILL).run(log.stop)  # type: ignore[arg-type]

    assert log.told == [([b"0 to 2"], {ZERO: 2}), ([b"0.2"], {ZERO: 3})]
    assert log.seeks[2:] == [(ZERO, 2), (ZERO, 0), (ZERO, 2)]


def test_what_was_passed_over_before_is_not_decided_again(tmp_path: Path) -> None:
    log, _ = run(tmp_path, assign, give(*(message(0, offset) for offset in range(3))), fail(ZERO, 1, 3))

    assert log.told == [([b"0.0", b"0.1", b"0.2"], {ZERO: 3})]
    assert log.seeks[-1] == (ZERO, 3)


def test_role_that_must_not_lose_anything_ends_where_something_cannot_be_read(tmp_path: Path) -> None:
    class Careful(Echo):
        def pass_over(self, unreadable: Unreadable) -> Decided:
            raise unreadable

    log = ScriptedLog(assign, give(message(0, 0)), fail(ZERO, 1, 2))
    with pytest.raises(Halted, match="cannot read offset 1 of in:0"):
        TransactionalLoop(log, Careful(), Settings(data_dir=tmp_path), clock=STILL).run(log.stop)  # type: ignore[arg-type]

    assert log.told == [([b"0.0"], {ZERO: 1})]


def test_partition_that_is_silent_though_it_has_messages_is_looked_at_now_and_then(tmp_path: Path) -> None:
    log, clock = ScriptedLog(assign, *16 * [give()]), Passing()
    log.ends = lambda partitions, _timeout: dict.fromkeys(partitions, 5)  # type: ignore[method-assign]
    progress, settings = Progress("echo", clock), Settings(data_dir=tmp_path)

    TransactionalLoop(log, Echo(), settings, progress=progress, clock=clock).run(log.stop)  # type: ignore[arg-type]

    assert set(log.examined) == {ZERO}
    assert 1 < len(log.examined) < 16


class Slow(Echo):
    """Takes a second for each slice."""

    def __init__(self, clock: Passing) -> None:
        super().__init__()
        self.slices: list[int] = []
        self._clock = clock

    def process(self, batch: Sequence[Message]) -> Decided:
        self.slices.append(len(batch))
        self._clock.seconds += 1.0
        return super().process(batch)


def run_slowly(tmp_path: Path, *script: Callable[[ScriptedLog], list[Message]]) -> tuple[ScriptedLog, Slow]:
    clock = Passing()
    log, role = ScriptedLog(*script), Slow(clock)
    settings = Settings(data_dir=tmp_path, slice_records_min=1)
    TransactionalLoop(log, role, settings, clock=clock).run(log.stop)  # type: ignore[arg-type]
    return log, role


def test_round_that_takes_long_ends_within_a_batch_and_the_rest_is_decided_without_being_read_again(
    tmp_path: Path,
) -> None:
    log, _ = run_slowly(tmp_path, assign, give(*(message(0, offset) for offset in range(3))))

    assert log.told == [([b"0.0"], {ZERO: 1}), ([b"0.1"], {ZERO: 2}), ([b"0.2"], {ZERO: 3})]
    assert log.seeks == [(ZERO, 0), (ONE, 0)]


def test_rest_of_a_batch_is_dropped_with_the_round_before_it_and_with_its_partition(tmp_path: Path) -> None:
    class Once(ScriptedLog):
        def commit(self, timeout: float) -> Mapping[Partition, int]:
            if not self.aborts:
                raise Aborted
            return super().commit(timeout)

    clock = Passing()
    log, role = Once(assign, give(message(0, 0), message(0, 1)), give(message(0, 0))), Slow(clock)
    settings = Settings(data_dir=tmp_path, slice_records_min=1)
    TransactionalLoop(log, role, settings, clock=clock).run(log.stop)  # type: ignore[arg-type]

    assert log.told == [([b"0.0"], {ZERO: 1})]
    assert log.seeks[2:] == [(ZERO, 0)]


def test_messages_that_are_long_are_decided_a_few_at_a_time() -> None:
    batch = [message(0, offset)._replace(value=bytes(size)) for offset, size in enumerate((1, 400_000, 600_000, 1, 1))]

    assert [[one.offset for one in some] for some in slices_of(batch, 3)] == [[0, 1], [2, 3, 4]]
    assert [[one.offset for one in some] for some in slices_of([batch[2]] * 3, 3)] == [[2], [2], [2]]
    assert list(slices_of([], 3)) == [[]]
