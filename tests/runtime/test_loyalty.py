from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from pipeline.engine import duplicates, spilled
from pipeline.engine.clock import PartitionClock
from pipeline.engine.decide import decide
from pipeline.failure import Halted
from pipeline.log.embedded import EmbeddedLog
from pipeline.log.port import (
    Aborted,
    Committed,
    Log,
    Message,
    OutcomeUnknown,
    Outgoing,
    Partition,
    Unavailable,
    Unreadable,
)
from pipeline.runtime.host.app import build_app, running
from pipeline.runtime.loop.progress import Progress
from pipeline.runtime.roles.deadletters import TooManyDeadLetters
from pipeline.runtime.roles.loyalty import LoyaltyRole
from pipeline.runtime.slot import SlotInUse
from pipeline.runtime.state.changelog import JournalLost, Restore, StateAhead, StateMissing
from pipeline.runtime.state.marker import (
    MARKER_KEY,
    Mark,
    Marker,
    UnknownCommit,
    committed_with,
    decode_marker,
    encode_marker,
    mark_of,
)
from pipeline.runtime.state.store import PartitionStore
from pipeline.runtime.state.store_port import Change
from schemas.facts import PointsExpired, ProgramAdopted, decode_facts
from schemas.program import Tier, TierBasis, Tiers
from schemas.records import (
    WALL_SOURCE,
    ClockAdvanced,
    CustomerAdded,
    KnownBy,
    LinkIdentifiers,
    Profile,
    Record,
    UnknownVersion,
)
from tests.log.desk import until
from tests.runtime.workshop import (
    DAY,
    LOOK_SECONDS,
    PATIENCE_SECONDS,
    PROGRAM,
    START,
    Until,
    Workshop,
    activation,
    backfill,
    bill,
    clock,
    giving_back,
    history,
    redemption,
)


@pytest.fixture(params=["embedded", "kafka"])
def log(request: pytest.FixtureRequest) -> Log:
    return request.getfixturevalue(f"{request.param}_log")


@pytest.fixture
def workshop(log: Log, tmp_path: Path, prefix: str) -> Iterator[Workshop]:
    workshop = Workshop(log, tmp_path, prefix)
    yield workshop
    workshop.close()


@pytest.fixture
def small(embedded_log: Log, tmp_path: Path) -> Iterator[Workshop]:
    workshop = Workshop(embedded_log, tmp_path, "small.")
    yield workshop
    workshop.close()


def store_of(workshop: Workshop, number: int, slot: int = 0) -> PartitionStore:
    """The local store of a partition, as it lies there."""
    states = workshop.settings.model_copy(update={"slot": slot}).states
    return PartitionStore(
        states / str(number), f"{workshop.log.topic_id(workshop.topic('state'), LOOK_SECONDS)}:{number}"
    )


def commit_by_hand(workshop: Workshop, number: int, committed: Committed) -> None:
    """Set what is committed for a partition, as no worker would."""
    journal = Partition(workshop.topic("journal"), number)
    consumer = workshop.log.consumer(f"{workshop.settings.group}.loyalty")
    consumer.subscribe([journal.topic], assigned=lambda _: None, revoked=lambda _: None, lost=lambda _: None)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while journal not in consumer.assignment():
        assert time.monotonic() < deadline
        consumer.consume(1, LOOK_SECONDS)
    consumer.commit_offsets({journal: committed}, LOOK_SECONDS)
    consumer.close()


def marks_of(workshop: Workshop, number: int) -> list[Mark]:
    """The rounds of a partition, in order."""
    changelog = workshop.read("state")
    markers = [one.value or b"" for one in changelog if one.key == MARKER_KEY and one.partition == number]
    return [decode_marker(raw).mark for raw in markers]


def step_to_the_end(restore: Restore) -> None:
    while not restore.step():
        pass


def told_by(log: Log, folder: Path, prefix: str, records: Sequence[Record], **changes: Any) -> tuple[Any, Any]:
    """What a worker with these settings tells and keeps of a journal of its own."""
    workshop = Workshop(log, folder, prefix)
    workshop.journal(*records)
    workshop.decide_all(**changes)
    seen = workshop.told(), workshop.state()
    workshop.close()
    return seen


def told_by_rounds(log: Log, folder: Path, records: Sequence[Record]) -> list[tuple[Any, Any]]:
    """The same in rounds of one record, of two and of all."""
    return [
        told_by(log, folder / f"{size}", f"by-{size}.", records, transaction_records_max=size, batch_records_max=size)
        for size in (1, 2, 1_000)
    ]


def test_a_bill_becomes_facts_a_notification_and_state_in_the_journals_partition(workshop: Workshop) -> None:
    workshop.journal(activation(), bill(5, 1, START))

    workshop.decide_all()

    (facts,) = workshop.read("facts")
    message = decode_facts(facts.value or b"")
    assert (facts.partition, facts.key) == (1, b"1:5")
    assert (message.journal_partition, message.org_id, message.customer_id, message.first_seq) == (1, 1, 5, 1)
    assert [type(fact.decision).__name__ for fact in message.facts()] == [
        "RecordAccepted",
        "CustomerRegistered",
        "TransactionRecorded",
        "ProgramAdopted",
        "PurchaseCounted",
        "PointsIssued",
    ]
    (issued,) = workshop.read("notifications.points")
    assert (issued.partition, issued.key, issued.headers) == (1, b"1:5", (("eventName", b"pointsIssued"),))
    assert sorted(workshop.state()) == [
        (0, b"$program:1:7:1"),
        (1, b"$program:1:7:1"),
        (1, b"1:5"),
        (1, b"1:5#bill:B1"),
    ]


def test_marker_and_committed_offset_agree_in_every_partition(workshop: Workshop) -> None:
    workshop.journal(*history(customers=4, days=3))

    workshop.decide_all(transaction_records_max=5)

    committed = workshop.log.group_offsets(f"{workshop.settings.group}.loyalty", [workshop.topic("journal")])
    latest = {one.partition: one.value for one in workshop.read("state") if one.key == MARKER_KEY}
    assert {number: decode_marker(value or b"").mark for number, value in latest.items()} == {
        partition.number: mark_of(one) for partition, one in committed.items()
    }


@pytest.mark.parametrize(
    "length", [pytest.param(6, id="a number used again"), pytest.param(10, id="all may be forgotten")]
)
def test_bills_are_forgotten_alike_whatever_rounds_there_are(embedded_log: Log, tmp_path: Path, length: int) -> None:
    records = [
        backfill(),
        activation(),
        bill(5, 1, START),
        clock(START),
        replace(bill(5, 1, START + 60 * DAY), id="t1-again"),
        clock(START + 100 * DAY),
        bill(5, 3, START + 101 * DAY),
        clock(START + 102 * DAY),
        bill(5, 5, START + 110 * DAY),
        clock(START + 300 * DAY),
    ][:length]

    told = told_by_rounds(embedded_log, tmp_path, records)

    assert told == 3 * told[:1]
    assert sum(b"#bill:" in key for _, key in told[0][1]) == (1 if length == 6 else 0)


def test_what_may_leave_earlier_than_before_leaves_alike_whatever_rounds_there_are(
    embedded_log: Log, tmp_path: Path
) -> None:
    def link(at: int, *, unlink: bool) -> LinkIdentifiers:
        """The e-mail address of customer 5, from then on or no longer."""
        known = (KnownBy(kind="email", digest="d"),)
        return LinkIdentifiers(at, "in:0", at, 1, 0, f"in:0:{at}", 0, at, person=5, identifiers=known, unlink=unlink)

    records = [
        backfill(),
        activation(),
        link(START, unlink=False),
        clock(START),
        link(START + 1, unlink=True),
        clock(START + DAY),
    ]

    told = told_by_rounds(embedded_log, tmp_path, records)

    assert told == 3 * told[:1]
    assert not [key for _, key in told[0][1] if b"#" in key]


@pytest.mark.parametrize("size", [1, 7, 1_000])
def test_batch_sizes_change_nothing(embedded_log: Log, tmp_path: Path, size: int) -> None:
    records = history()

    expected = told_by(embedded_log, tmp_path / "one", "one.", records)
    sliced = told_by(
        embedded_log, tmp_path / "other", "other.", records, transaction_records_max=3 * size, slice_records_min=size
    )

    assert sliced == expected


def test_ticks_in_slices_tell_the_same_as_ticks_at_once(embedded_log: Log, tmp_path: Path) -> None:
    records = [*history(days=8), clock(START + 30 * DAY)]

    at_once = told_by(embedded_log, tmp_path / "once", "once.", records)
    in_slices = told_by(embedded_log, tmp_path / "slices", "slices.", records, tick_customers_max=2)

    assert in_slices == at_once
    expired = [fact for one in at_once[0] if one[0] == "facts" for fact in decode_facts(one[3]).facts()]
    assert sum(isinstance(fact.decision, PointsExpired) for fact in expired) > 12


MEMBERS = 7


def dormant(number: int) -> list[Record]:
    """Members without a timer, a version that every member adopts, and the tick that passes its start."""
    tiers = Tiers(basis=TierBasis.NET_PURCHASES, levels=(Tier(name="Member", threshold=0),))
    second = PROGRAM.model_copy(update={"version": 2, "tiers": tiers})
    records = [redemption(customer, customer, START, 1) for customer in range(1, MEMBERS + 1)]
    starting = replace(activation(second), starts_at=START + DAY)
    return [activation(), *records, starting, *(wall(START + hours * DAY // 4) for hours in range(1, number))]


def wall(at: int) -> ClockAdvanced:
    return ClockAdvanced(at, WALL_SOURCE, 0, WALL_SOURCE, at)


def adopted(messages: Sequence[Message]) -> list[tuple[int, int]]:
    """Who adopted the second version at its start, with the partition, in the order in which it was said."""
    said = [(one.partition, decode_facts(one.value or b"")) for one in messages]
    return [
        (partition, message.customer_id)
        for partition, message in said
        for fact in message.facts()
        if isinstance(fact.decision, ProgramAdopted) and fact.envelope.cause == f"versionStart:7:{START + DAY}"
    ]


@pytest.mark.parametrize("customers_max", [1, 2, 100])
def test_version_for_all_reaches_members_without_timers_once_in_key_order_and_in_slices(
    small: Workshop, customers_max: int
) -> None:
    small.journal(*dormant(7))

    small.decide_all(tick_customers_max=customers_max)

    seen = adopted(small.read("facts"))
    assert sorted(customer for _, customer in seen) == list(range(1, MEMBERS + 1))
    assert seen == sorted(seen)


def test_version_for_all_that_a_worker_is_half_through_with_is_taken_on_by_the_next_one(small: Workshop) -> None:
    small.journal(*dormant(7))
    loop = small.loyalty(tick_customers_max=1)
    loop.run(Until(lambda: len(adopted(small.read("facts"))) >= 2))
    small.forget_stores()
    assert len(adopted(small.read("facts"))) < MEMBERS

    small.decide_all(tick_customers_max=1)

    assert sorted(customer for _, customer in adopted(small.read("facts"))) == list(range(1, MEMBERS + 1))


@pytest.mark.parametrize(
    "behind", [pytest.param(0, id="in-one-round"), pytest.param(1, id="journalled-behind-the-tick")]
)
def test_version_for_all_reaches_a_customer_who_came_before_its_start(small: Workshop, behind: int) -> None:
    *before, last = dormant(6)
    met = redemption(9, 9, START + DAY // 2, 1)
    small.journal(*before[:-4], *((last, met) if behind else (met, last)), wall(START + 2 * DAY))

    small.decide_all(transaction_records_max=100)

    assert sorted(customer for _, customer in adopted(small.read("facts"))) == [*range(1, MEMBERS + 1), 9]


def test_a_small_cache_changes_nothing(embedded_log: Log, tmp_path: Path) -> None:
    records = history()

    expected = told_by(embedded_log, tmp_path / "big", "big.", records)
    cramped = told_by(
        embedded_log, tmp_path / "cramped", "cramped.", records, heads_cached_max=4, transaction_records_max=3
    )

    assert cramped == expected


def test_restart_without_the_local_store_goes_on_as_if_nothing_happened(
    workshop: Workshop, embedded_log: Log, tmp_path: Path
) -> None:
    records = history()
    half = len(records) // 2
    expected = told_by(embedded_log, tmp_path / "straight", workshop.settings.prefix + "straight.", records)

    workshop.journal(*records[:half])
    workshop.decide_all()
    workshop.forget_stores()
    workshop.journal(*records[half:])
    workshop.decide_all()

    assert (workshop.told(), workshop.state()) == expected


def test_store_that_missed_the_last_rounds_catches_up(small: Workshop, tmp_path: Path) -> None:
    records = history()
    half = len(records) // 2
    small.journal(*records[:half])
    small.decide_all()
    behind = tmp_path / "behind"
    (tmp_path / "state").rename(behind)
    small.journal(*records[half:-5])
    small.decide_all()
    small.forget_stores()
    behind.rename(tmp_path / "state")

    small.journal(*records[-5:])
    small.decide_all()

    small.forget_stores()
    assert (small.told(), small.state()) == told_by(small.log, tmp_path / "straight", "straight.", records)


def test_store_of_a_topic_that_was_made_anew_since_is_no_part_of_the_new_one(tmp_path: Path) -> None:
    """The slot's store is behind in rounds and offsets, as one that missed some rounds would be."""
    for world, rounds, slot in (("old", 1, 1), ("new", 12, 0)):
        log = EmbeddedLog(tmp_path / world)
        workshop = Workshop(log, tmp_path, "small.")
        customers = (5, 7) if world == "old" else (9, 11)
        workshop.journal(activation())
        for number in range(rounds):
            workshop.journal(*(bill(customer, number, START + number) for customer in customers))
            workshop.decide_all(slot=slot)
        workshop.close()
        log.close()
    log = EmbeddedLog(tmp_path / "new")
    workshop = Workshop(log, tmp_path, "small.")
    workshop.journal(bill(9, 99, START + DAY))

    workshop.decide_all(slot=1)

    store = store_of(workshop, 1, slot=1)
    seen = [customer for customer in (5, 7, 9, 11) if store.get(b"1:%d" % customer) is not None]
    store.close()
    workshop.close()
    log.close()
    assert seen == [9, 11]


class _DeafConsumer:
    """A consumer that gets no answer once, after it has read a little."""

    def __init__(self, consumer: Any) -> None:
        self._consumer = consumer
        self._calls = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._consumer, name)

    def consume(self, limit: int, timeout: float) -> Any:
        self._calls += 1
        if self._calls == 2:
            raise Unavailable
        return self._consumer.consume(min(limit, 50), timeout)


class _DeafLog:
    def __init__(self, log: Log) -> None:
        self._log = log

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    def consumer(self, group: str | None = None, **options: Any) -> Any:
        consumer = self._log.consumer(group, **options)
        return consumer if group else _DeafConsumer(consumer)


def test_broker_that_does_not_answer_in_the_middle_of_a_restore_costs_nothing_of_the_state(
    small: Workshop, tmp_path: Path
) -> None:
    records = history()
    small.journal(*records[:-5])
    small.decide_all()
    small.forget_stores()
    log = small.log

    small.log = _DeafLog(log)  # type: ignore[assignment]
    loop = small.loyalty()
    small.log = log
    small.journal(*records[-5:])
    loop.run(small.until_read("loyalty", "journal"))

    assert loop.progress.aborts
    assert (small.told(), small.state()) == told_by(log, tmp_path / "straight", "straight.", records)


class _OvertakenProducer:
    """A producer after whose commits another worker writes at once."""

    def __init__(self, producer: Any, overtake: Callable[[], None]) -> None:
        self._producer = producer
        self._overtake = overtake

    def __getattr__(self, name: str) -> Any:
        return getattr(self._producer, name)

    def commit(self, timeout: float) -> Mapping[Partition, int]:
        ends: Mapping[Partition, int] = self._producer.commit(timeout)
        self._overtake()
        return ends


class _OvertakenLog:
    def __init__(self, log: Log, message: Outgoing) -> None:
        self._log = log
        self._message = message

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    def producer(self, *args: Any, **options: Any) -> Any:
        return _OvertakenProducer(self._log.producer(*args, **options), self._overtake)

    def _overtake(self) -> None:
        other = self._log.producer()
        other.produce([self._message])
        other.flush(10.0)
        other.close()


def test_what_another_worker_wrote_right_after_a_commit_is_not_taken_for_stored(
    small: Workshop,
) -> None:
    small.journal(*history(days=5))
    until = small.until_read("loyalty", "journal")
    log = small.log

    small.log = _OvertakenLog(log, Outgoing(small.topic("state"), b"1:1", b"another's", 1))  # type: ignore[assignment]
    small.loyalty().run(until)
    small.log = log

    store = store_of(small, 1)
    noted = store.position
    store.close()
    state = [one for one in small.read("state") if one.partition == 1]
    assert noted == max(one.offset for one in state if one.key == MARKER_KEY) + 1
    assert state[-1].value == b"another's"


class _FlakyProducer:
    """A producer whose commits fail where they are told to."""

    def __init__(self, producer: Any, fail: Callable[[Any], None]) -> None:
        self._producer = producer
        self._fail = fail

    def __getattr__(self, name: str) -> Any:
        return getattr(self._producer, name)

    def commit(self, timeout: float) -> Mapping[Partition, int]:
        self._fail(self._producer)
        ends: Mapping[Partition, int] = self._producer.commit(timeout)
        return ends


class _FlakyLog:
    """A log whose commits fail, counted over all its producers."""

    def __init__(self, log: Log, failing: set[int], fail: Callable[[Any], None]) -> None:
        self._log = log
        self._failing = failing
        self._fail = fail
        self._commits = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    def producer(self, *args: Any, **options: Any) -> Any:
        return _FlakyProducer(self._log.producer(*args, **options), self._count)

    def _count(self, producer: Any) -> None:
        self._commits += 1
        if self._commits in self._failing:
            self._fail(producer)


def _refused(_: Any) -> None:
    """As in a rebalance: the transaction can only be aborted."""
    raise Aborted


def _unknown_and_done(producer: Any) -> None:
    """The answer to a commit that took effect is lost."""
    producer.commit(10.0)
    raise OutcomeUnknown


def _unknown_and_not_done(_: Any) -> None:
    """The commit itself is lost."""
    raise OutcomeUnknown


@pytest.mark.parametrize("fail", [_refused, _unknown_and_done, _unknown_and_not_done])
@pytest.mark.parametrize("failing", [{1}, {3, 4, 7}], ids=str)
def test_round_that_fails_is_rolled_back_and_done_once(
    workshop: Workshop, embedded_log: Log, tmp_path: Path, failing: set[int], fail: Callable[[Any], None]
) -> None:
    records = history(days=25)
    expected = told_by(embedded_log, tmp_path / "straight", workshop.settings.prefix + "straight.", records)
    workshop.journal(*records)
    until = workshop.until_read("loyalty", "journal")

    workshop.log = _FlakyLog(workshop.log, failing, fail)  # type: ignore[assignment]
    loop = workshop.loyalty(transaction_records_max=20)
    loop.run(until)

    assert loop.progress.aborts >= len(failing)
    assert (workshop.told(), workshop.state()) == expected


def test_worker_that_joins_takes_partitions_over_and_everything_is_told_once(
    kafka_log: Log, embedded_log: Log, tmp_path: Path, prefix: str
) -> None:
    records = history()
    expected = told_by(embedded_log, tmp_path / "straight", prefix + "straight.", records)
    most = len(records) * 3 // 4
    workshop = Workshop(kafka_log, tmp_path, prefix)
    workshop.journal(*records[:most])
    first = workshop.loyalty(slot=0, transaction_records_max=2)
    second = workshop.loyalty(slot=1, transaction_records_max=2)
    joined = threading.Event()
    done = threading.Event()
    read: list[Until] = []

    def start_second() -> None:
        joined.wait(PATIENCE_SECONDS)
        second.run(Until(done.is_set))

    def second_is_at_work() -> bool:
        if first.progress.commits >= 2:
            joined.set()
        if second.progress.ready and not read:
            workshop.journal(*records[most:])  # so there is work for the second, however fast the first was
            read.append(workshop.until_read("loyalty", "journal"))
        return second.progress.commits >= 1 and bool(read) and read[0].is_set()

    thread = threading.Thread(target=start_second)
    thread.start()
    first.run(Until(second_is_at_work))
    done.set()
    thread.join(PATIENCE_SECONDS)

    assert (workshop.told(), workshop.state()) == expected
    assert first.progress.commits >= 2
    workshop.close()


def test_state_without_a_committed_offset_is_refused(small: Workshop) -> None:
    small.journal(activation(), bill(5, 1, START))
    small.decide_all()

    with pytest.raises(StateAhead, match="nothing is committed"):
        small.loyalty(group="another").run(Until(lambda: False))


@pytest.mark.parametrize("stored", [True, False], ids=["stored", "rebuilt"])
@pytest.mark.parametrize(
    "found",
    [
        lambda marks: committed_with(marks[-2]),
        lambda marks: committed_with(marks[0]),
        lambda marks: committed_with(Mark(marks[-2].next_offset, marks[-1].round)),
        lambda marks: committed_with(Mark(marks[-1].next_offset + 1, marks[-1].round)),
    ],
    ids=["one round", "many rounds", "same round, before", "same round, after"],
)
def test_state_has_the_word_where_the_group_has_another_offset_of_no_later_round(
    workshop: Workshop, tmp_path: Path, prefix: str, found: Callable[[Sequence[Mark]], Committed], *, stored: bool
) -> None:
    before = [activation(), *(bill(5, number, START + number) for number in range(3))]
    after = [bill(5, number, START + number) for number in range(3, 5)]
    expected = told_by(workshop.log, tmp_path / "undisturbed", f"{prefix}undisturbed.", before + after)
    workshop.journal(*before)
    workshop.decide_all(transaction_records_max=1)
    commit_by_hand(workshop, 1, found(marks_of(workshop, 1)))
    if not stored:
        workshop.forget_stores()

    healing = workshop.loyalty(patience=timedelta(seconds=1))
    healing.run(Until(lambda: healing.progress.commits == 1))  # though nothing new has come
    workshop.journal(*after)
    workshop.decide_all()

    assert (workshop.told(), workshop.state()) == expected
    marks = marks_of(workshop, 1)
    assert [mark.round for mark in marks] == list(range(1, len(marks) + 1))
    journal = Partition(workshop.topic("journal"), 1)
    group = f"{workshop.settings.group}.loyalty"
    assert mark_of(workshop.log.group_offsets(group, [journal.topic])[journal]) == marks[-1]


def test_store_that_is_what_a_group_went_back_to_is_not_decided_on(
    workshop: Workshop, tmp_path: Path, prefix: str
) -> None:
    records = [activation(), *(bill(5, number, START + number) for number in range(4))]
    expected = told_by(workshop.log, tmp_path / "undisturbed", f"{prefix}undisturbed.", records)
    workshop.journal(*records[:2])
    workshop.decide_all(slot=0)
    left_at = marks_of(workshop, 1)[-1]
    workshop.journal(*records[2:4])
    workshop.decide_all(slot=1)
    commit_by_hand(workshop, 1, committed_with(left_at))
    workshop.journal(*records[4:])

    loop = workshop.decide_all(slot=0)

    assert (workshop.told(), workshop.state()) == expected
    assert loop.progress.aborts_by_cause["StoreFailed"] == 1


def test_what_an_aborted_round_touched_says_where_it_stands_in_the_next(small: Workshop) -> None:
    progress = Progress("loyalty")
    role = LoyaltyRole(small.log, small.settings, progress, clock=small.clock)
    one, two = (Partition(small.topic("journal"), number) for number in range(2))
    small.journal(activation(), bill(4, 1, START), bill(5, 1, START))
    records = small.read("journal")
    for partition in (one, two):
        role.open(partition, Committed(None), 0)
        while role.restore(partition) is None:
            pass
    role.process(records)
    role.finish()

    role.aborted()
    assert role.wants_round()
    role.process([record for record in records if record.partition == 0])

    assert role.finish().offsets == {one: Committed(2, "round=1"), two: Committed(0, "round=1")}
    role.close()


def test_state_beyond_the_journal_is_refused(small: Workshop) -> None:
    small.journal(activation(), bill(5, 1, START))
    small.decide_all()
    small.forget_stores()
    for number in (49, 50):
        small.send("state", MARKER_KEY, encode_marker(Marker(99, number, PartitionClock())), 1)

    with pytest.raises(JournalLost, match=r"small\.journal:1 ends at offset 2, and its state has decided up to 99"):
        small.loyalty().run(Until(lambda: False))


def test_records_of_no_round_behind_the_committed_state_are_read_over(small: Workshop) -> None:
    small.journal(activation(), bill(5, 1, START))
    small.decide_all()
    small.forget_stores()
    for number in range(5):
        small.send("state", b"1:%d" % (100 + number), b"nobody's", 1)
    small.journal(bill(5, 2, START + 1))

    small.decide_all()

    store = store_of(small, 1)
    assert (store.get(b"1:5") is None, store.get(b"1:100")) == (False, None)
    store.close()


def test_restore_that_ends_between_the_committed_state_and_the_end_is_gone_on_with(
    small: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.runtime.state.changelog._READ_RECORDS", 1)
    small.journal(activation(), bill(5, 1, START))
    small.decide_all()
    small.forget_stores()
    changelog = Partition(small.topic("state"), 1)
    marker = [one for one in small.read("state") if one.key == MARKER_KEY and one.partition == 1][-1]
    wanted = decode_marker(marker.value or b"").mark
    for _ in range(5):
        small.send("state", b"1:100", b"nobody's", 1)
    store = store_of(small, 1)
    restore = Restore(small.log, changelog, store, wanted, PATIENCE_SECONDS)
    while restore.left > 4:
        assert not restore.step()
    restore.close()
    store.close()

    again = store_of(small, 1)
    assert not again.matches(wanted)
    restore = Restore(small.log, changelog, again, wanted, LOOK_SECONDS)
    step_to_the_end(restore)

    assert again.matches(wanted)
    again.close()


def test_store_that_a_restore_to_the_end_left_half_is_not_gone_on_with(
    small: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.runtime.state.changelog._READ_RECORDS", 1)
    small.journal(activation(), *(bill(5, number, START + number) for number in range(3)))
    small.decide_all(transaction_records_max=1)
    small.forget_stores()
    marks = marks_of(small, 1)
    changelog = Partition(small.topic("state"), 1)
    store = store_of(small, 1)
    restore = Restore(small.log, changelog, store, marks[0], PATIENCE_SECONDS, to_the_end=True)
    while restore.left > 1:
        assert not restore.step()
    restore.close()
    store.close()

    again = store_of(small, 1)
    restore = Restore(small.log, changelog, again, marks[0], 0.0)
    with pytest.raises(StateAhead, match=rf"holds the state of Mark\(next_offset={marks[1].next_offset}, round=2\)"):
        step_to_the_end(restore)

    restore.close()
    again.close()


def test_committed_offset_without_its_state_is_refused_in_bounded_time(small: Workshop) -> None:
    small.journal(activation(), bill(5, 1, START))
    small.decide_all()
    small.forget_stores()
    commit_by_hand(small, 1, committed_with(Mark(2, 99)))

    with pytest.raises(StateMissing, match="ends without the state"):
        small.loyalty(patience=timedelta(seconds=1)).run(Until(lambda: False))


def test_repeats_are_dropped_and_counted(small: Workshop) -> None:
    small.journal(activation(), bill(5, 1, START), bill(5, 1, START))

    loop = small.decide_all()

    assert loop.progress.repeats == 1
    assert len(small.read("facts")) == 1


def replies_in(workshop: Workshop) -> list[dict[str, Any]]:
    return [msgspec.json.decode(one.value or b"") for one in workshop.read("replies")]


def told_to(replies: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(one["recordId"], one["outcome"], one["firstOutcome"], one["reason"]) for one in replies]


def test_commands_refusals_and_duplicates_are_answered_in_the_journals_partition(workshop: Workshop) -> None:
    spent, too_much = redemption(5, 2, START + 1, 3), redemption(5, 3, START + 2, 99)
    workshop.journal(activation(), bill(5, 1, START), spent, too_much, too_much, bill(5, 1, START), spent)

    workshop.decide_all()

    messages = workshop.read("replies")
    assert {(one.partition, one.key, one.headers) for one in messages} == {(1, b"1:5", ())}
    assert told_to(replies_in(workshop)) == [
        ("p2", "done", None, None),
        ("p3", "refused", None, "balance_too_low"),
        ("p3", "duplicate", "refused", "balance_too_low"),
        ("t1", "duplicate", "done", None),
        ("p2", "duplicate", "done", None),
    ]


def test_duplicate_is_answered_and_changes_no_fact_and_no_state(small: Workshop) -> None:
    small.journal(activation(), bill(5, 1, START))
    small.decide_all()
    before = small.read("facts"), small.state()

    small.journal(replace(bill(5, 1, START), received_at=START + DAY))
    small.decide_all()

    assert (small.read("facts"), small.state()) == before
    assert told_to(replies_in(small)) == [("t1", "duplicate", "done", None)]


def test_first_outcome_outlives_a_restart_without_the_local_store(small: Workshop) -> None:
    asked = redemption(5, 1, START, 99)
    small.journal(activation(), asked)
    small.decide_all()
    small.forget_stores()

    small.journal(asked)
    small.decide_all()

    assert told_to(replies_in(small)) == [
        ("p1", "refused", None, "balance_too_low"),
        ("p1", "duplicate", "refused", "balance_too_low"),
    ]


def test_ids_beside_a_head_outlive_a_restart_without_the_local_store(
    small: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duplicates, "RECENT_MAX", 3)
    monkeypatch.setattr(spilled, "BUCKETS", 2)
    asked = redemption(5, 1, START, 99)
    bills = [bill(5, number, START + number) for number in range(1, 20)]
    small.journal(activation(), asked, *bills)
    small.decide_all()
    assert {key for _, key in small.state() if b"ids:" in key} == {b"1:5#ids:0", b"1:5#ids:1"}
    small.forget_stores()
    facts = len(small.read("facts"))

    small.journal(asked, *bills)
    small.decide_all()

    assert len(small.read("facts")) == facts
    assert ("p1", "duplicate", "refused", "balance_too_low") in told_to(replies_in(small))


def test_while_history_is_loaded_only_commands_are_answered(small: Workshop) -> None:
    small.journal(backfill(), activation(), bill(5, 1, START), bill(5, 1, START), redemption(5, 2, START, 99))

    small.decide_all()

    assert told_to(replies_in(small)) == [("p2", "refused", None, "balance_too_low")]


def test_return_whose_bill_does_not_come_is_answered_by_the_tick_that_ends_its_wait(small: Workshop) -> None:
    small.journal(activation(), giving_back(5, 1, 7, START), wall_clock(START + 40 * DAY))

    small.decide_all()

    assert told_to(replies_in(small)) == [("r1", "held", None, None), ("r1", "refused", None, "bill_unknown")]
    assert replies_in(small)[1]["requestId"] is None


def wall_clock(at: int) -> Record:
    return ClockAdvanced(at, WALL_SOURCE, 0, WALL_SOURCE, at)


def test_journal_record_nobody_can_read_is_a_dead_letter_with_its_bytes(small: Workshop) -> None:
    small.journal(activation())
    small.send("journal", b"1:5", b"\x09nonsense", 1, (("trace", b"abc"),))
    small.journal(bill(5, 1, START))

    loop = small.decide_all()

    (letter,) = small.read("deadletters")
    headers = dict(letter.headers)
    assert (letter.key, letter.value, headers["trace"]) == (b"1:5", b"\x09nonsense", b"abc")
    assert (headers["accrue.reason"], headers["accrue.stage"]) == (b"UNREADABLE_RECORD", b"loyalty")
    assert headers["accrue.origin"] == f"{small.topic('journal')}:1:1".encode()
    assert len(small.read("facts")) == 1
    assert loop.progress.dead_letters == 1


def test_version_that_may_not_follow_is_a_dead_letter_and_the_program_in_force_goes_on(small: Workshop) -> None:
    points = PROGRAM.points.model_copy(update={"name": "STARS"})
    renamed = PROGRAM.model_copy(update={"version": PROGRAM.version + 1, "points": points})
    small.journal(activation(), activation(renamed), bill(5, 1, START))

    loop = small.decide_all()

    letters = [dict(letter.headers) for letter in small.read("deadletters")]
    assert {(one["accrue.reason"], one["accrue.stage"]) for one in letters} == {(b"PROGRAM_REFUSED", b"loyalty")}
    assert all(b"points.name" in one["accrue.detail"] for one in letters)
    assert loop.progress.dead_letters == len(letters) == small.settings.partitions
    (message,) = small.read("facts")
    versions = {fact.envelope.version for fact in decode_facts(message.value or b"").facts()}
    assert versions == {0, PROGRAM.version}


def test_version_with_a_start_is_in_force_from_then_on(small: Workshop) -> None:
    later = replace(activation(PROGRAM.model_copy(update={"version": PROGRAM.version + 1})), starts_at=START + 2 * DAY)
    small.journal(activation(), later, bill(5, 1, START + DAY), bill(5, 2, START + 2 * DAY))

    small.decide_all()

    messages = [decode_facts(message.value or b"") for message in small.read("facts")]
    versions = [{fact.envelope.version for fact in message.facts()} for message in messages]
    assert versions == [{0, PROGRAM.version}, {0, PROGRAM.version + 1}]


def test_definition_that_no_record_can_need_any_more_leaves_the_state(small: Workshop) -> None:
    versions = [activation(PROGRAM.model_copy(update={"version": number})) for number in (1, 2, 3)]
    late = START + 8 * DAY + 435 * DAY  # no bill of the first version can be returned or corrected any more
    small.journal(backfill(), versions[0], clock(START), versions[1], bill(5, 1, START), clock(late), versions[2])

    small.decide_all()

    last = {one.key: one.value for one in small.read("state") if (one.key or b"").startswith(b"$program:")}
    assert {key: value is None for key, value in last.items()} == {
        b"$program:1:7:1": True,
        b"$program:1:7:2": False,
        b"$program:1:7:3": False,
    }
    small.journal(bill(5, 2, late))
    small.decide_all()
    assert len(small.read("facts")) == 3  # the points of the first bill have expired meanwhile


def test_state_that_cannot_be_read_stops_the_worker_and_the_record_is_not_buried(small: Workshop) -> None:
    small.journal(activation(), bill(5, 1, START))
    small.decide_all()
    store = store_of(small, 1)
    assert store.marker is not None
    newer = Change(b"1:5", b"\x09of a newer version")
    store.restore([newer], (), (), store.position, whole=True)
    store.close()

    small.journal(bill(5, 2, START))
    with pytest.raises(UnknownVersion, match="state format version 09"):
        small.decide_all()

    assert small.read("deadletters") == []


def test_past_the_limit_of_dead_letters_the_role_stops_and_what_it_has_read_is_written(small: Workshop) -> None:
    small.journal(activation())
    small.decide_all()
    for _ in range(3):
        small.send("journal", b"1:5", b"nonsense", 1)

    with pytest.raises(TooManyDeadLetters, match="more than 2 messages"):
        small.decide_all(dead_letters_per_minute_max=2)

    assert len(small.read("deadletters")) == 3
    small.decide_all()
    assert len(small.read("deadletters")) == 3


@pytest.fixture
def unreadable(small: Workshop) -> Unreadable:
    """What the log's client says of a record of the journal that it cannot read."""
    return Unreadable("no header", partition=Partition(small.topic("journal"), 1), first=1, after=2)


def test_journal_that_cannot_be_read_halts_the_role_with_the_place(small: Workshop, unreadable: Unreadable) -> None:
    role = LoyaltyRole(small.log, small.settings, Progress("loyalty"), clock=small.clock)
    try:
        with pytest.raises(Halted, match=f"cannot read offset 1 of {small.topic('journal')}:1: no header"):
            role.pass_over(unreadable)
    finally:
        role.close()


def test_journal_record_with_a_header_that_cannot_be_read_is_decided(small: Workshop, unreadable: Unreadable) -> None:
    small.journal(activation(), bill(5, 1, START))
    unreadable.message = small.read("journal")[-1]
    role = LoyaltyRole(small.log, small.settings, Progress("loyalty"), clock=small.clock)
    role.open(unreadable.partition, Committed(None), 0)
    until(lambda: role.restore(unreadable.partition) is not None)
    try:
        role.process(small.read("journal")[1:2])
        assert small.topic("facts") in {one.topic for one in role.pass_over(unreadable).messages}
    finally:
        role.close()


def test_partition_taken_away_in_the_middle_of_a_round_is_decided_once_by_its_new_owner(
    small: Workshop, tmp_path: Path
) -> None:
    records = history()
    small.journal(*records)
    until = small.until_read("loyalty", "journal")
    first = small.loyalty(transaction_records_max=30)
    first.run(Until(lambda: first.progress.commits >= 3))
    stop = threading.Event()
    slow = small.loyalty(slot=0, transaction_records_max=30)
    role = slow._role
    decide = role.process

    def take_over_then_decide(batch: Any) -> Any:
        if slow.progress.commits == 2 and not stop.is_set():
            stop.set()
            small.loyalty(slot=1, transaction_records_max=30).run(until)
        return decide(batch)

    slow._process = take_over_then_decide
    slow.run(Until(stop.is_set))

    assert (small.told(), small.state()) == told_by(small.log, tmp_path / "straight", "straight.", records)


def test_worker_that_is_fenced_twice_without_a_commit_says_that_its_slot_is_in_use(
    small: Workshop,
) -> None:
    small.journal(activation(), bill(5, 1, START))
    worker = small.loyalty()
    decide = worker._process

    def let_another_take_over(batch: Any) -> Any:
        rival = small.log.producer(worker._transactional_id)
        rival.init(5.0)
        rival.close()
        return decide(batch)

    worker._process = let_another_take_over

    with pytest.raises(SlotInUse, match="slot 0 is in use: another loyalty worker"):
        worker.run(Until(lambda: False))
    assert small.read("facts") == []


def test_owner_writes_the_passing_of_wall_time_where_there_are_customers(small: Workshop) -> None:
    small.journal(activation(), bill(5, 1, START))
    small.decide_all()
    small.clock.shown = START + 11 * DAY
    worker = small.loyalty()

    worker.run(Until(lambda: worker.progress.clocks.get(1) == small.clock.shown))

    last = decode_facts(small.read("facts")[-1].value or b"").facts()
    assert [type(fact.decision).__name__ for fact in last] == ["PointsExpired"]
    assert [one.partition for one in small.read("journal") if one.key is None] == [0, 1, 1]


def test_forgotten_bills_leave_the_changelog_at_a_tick(small: Workshop) -> None:
    small.journal(backfill(), activation(), bill(5, 1, START), clock(START + 30 * DAY))
    small.decide_all()
    assert (1, b"1:5#bill:B1") in small.state()

    small.journal(clock(START + 100 * DAY))
    small.decide_all()

    assert (1, b"1:5#bill:B1") not in small.state()


def test_parked_return_is_given_up_by_a_tick_and_its_entry_leaves(small: Workshop) -> None:
    small.journal(backfill(), activation(), giving_back(5, 1, 1, START), clock(START + 30 * DAY))
    small.decide_all()
    assert (1, b"1:5#parked:B1") in small.state()

    small.journal(clock(START + 100 * DAY))
    small.decide_all()

    last = decode_facts(small.read("facts")[-1].value or b"").facts()
    assert [type(fact.decision).__name__ for fact in last] == ["ReturnReleased", "RecordRefused"]
    assert (1, b"1:5#parked:B1") not in small.state()


def test_return_that_a_worker_parked_is_decided_by_the_next_one_when_its_bill_comes(small: Workshop) -> None:
    small.journal(activation(), giving_back(5, 1, 1, START + DAY))
    small.decide_all()
    small.journal(bill(5, 1, START))

    small.decide_all()

    last = decode_facts(small.read("facts")[-1].value or b"").facts()
    assert [type(fact.decision).__name__ for fact in last][-4:] == [
        "ReturnReleased",
        "ReturnRecorded",
        "ReturnCounted",
        "PointsReversed",
    ]


def test_program_in_force_is_there_again_after_a_restart(small: Workshop) -> None:
    small.journal(activation())
    small.decide_all()
    small.journal(bill(5, 1, START))

    small.decide_all()

    assert len(small.read("notifications.points")) == 1


def test_contact_data_is_there_again_after_a_restart_for_timers_too(small: Workshop) -> None:
    joined = CustomerAdded(
        received_at=START,
        source=WALL_SOURCE,
        offset=0,
        org_id=1,
        customer_id=5,
        id="c",
        digest=0,
        event_time=START,
        profile=Profile(mobile="447700900123"),
    )
    small.journal(activation(), joined, bill(5, 1, START))
    small.decide_all()
    small.forget_stores()
    small.journal(wall_clock(START + 400 * DAY))

    small.decide_all()

    told = [msgspec.json.decode(one.value or b"") for one in small.read("notifications.points")]
    assert [(one["eventName"], one["data"]["customerIdentifiers"]["instore"]) for one in told] == [
        ("pointsIssued", {"mobile": "447700900123"}),
        ("pointsExpired", {"mobile": "447700900123"}),
    ]


def test_bug_in_the_engine_stops_the_worker_that_names_the_record_and_leaves_no_trace(
    small: Workshop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def decide_with_bug(state: Any, record: Any, *given: Any, **mode: Any) -> Any:
        if record == bill(5, 2, START):
            raise ZeroDivisionError
        return decide(state, record, *given, **mode)

    monkeypatch.setattr("pipeline.runtime.roles.partition.decide", decide_with_bug)
    small.journal(activation(), bill(5, 1, START), bill(5, 2, START))
    app = build_app(small.settings, small.log, ("loyalty",))

    with pytest.raises(ZeroDivisionError) as died, running(app):
        app.roles.stop.wait(PATIENCE_SECONDS)

    where = "at small.journal partition 1 offset 2"
    assert died.value.__notes__ == [where]
    assert f"loyalty died: ZeroDivisionError(), {where}" in [one.getMessage() for one in caplog.records]
    assert small.read("facts", "state") == []


def test_mark_is_told_from_metadata_that_somebody_else_committed() -> None:
    assert mark_of(committed_with(Mark(5, 3))) == Mark(5, 3)
    assert mark_of(Committed(None)) is None
    with pytest.raises(UnknownCommit, match="reset by hand"):
        mark_of(Committed(5, ""))
