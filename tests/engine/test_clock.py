"""The clock of a partition: what moves it, and when."""

from __future__ import annotations

import msgspec
import pytest

from pipeline.engine.clock import PartitionClock
from schemas.records import WALL_SOURCE, AnswerTransfer, BackfillBegun, ClockAdvanced
from tests.steps import bought, instant

A, B = "loyalty.transactions:0", "loyalty.transactions:1"


def announce(source: str, time: int, *, last: bool = False) -> ClockAdvanced:
    return ClockAdvanced(
        received_at=0, source="loyalty.transactions:0", offset=0, clock_source=source, time=time, last=last
    )


def backfill(*sources: str) -> PartitionClock:
    clock = PartitionClock()
    clock.begin_backfill(begun(*sources))
    return clock


def begun(*sources: str) -> BackfillBegun:
    return BackfillBegun(received_at=0, source="", offset=0, sources=sources)


def test_wall_moves_the_clock_forward_only() -> None:
    clock = PartitionClock()
    assert [clock.advance(announce(WALL_SOURCE, time)) for time in (100, 90, 100, 110)] == [100, None, None, 110]
    assert clock == PartitionClock(time=110)


def test_sources_are_not_heard_in_wall_mode() -> None:
    clock = PartitionClock()
    assert clock.advance(announce(A, 100)) is None
    assert clock == PartitionClock()


def test_backfill_waits_for_the_slowest_source() -> None:
    clock = backfill(A, B)
    said = [announce(A, 100), announce(B, 50), announce(B, 200), announce(A, 90), announce(A, 150)]
    assert [clock.advance(announced) for announced in said] == [None, 50, 100, None, 150]


@pytest.mark.parametrize("source", [WALL_SOURCE, "loyalty.events:0"])
def test_others_are_not_heard_in_a_backfill(source: str) -> None:
    clock = backfill(A)
    assert clock.advance(announce(source, 100)) is None
    assert clock.time == 0


def test_backfill_ends_when_all_sources_have_spoken_their_last_word() -> None:
    clock = backfill(A, B)
    assert clock.advance(announce(A, 100, last=True)) is None
    assert clock.advance(announce(A, 100, last=True)) is None
    assert clock.event_mode
    assert clock.advance(announce(B, 100, last=True)) == 100
    assert clock == PartitionClock(time=100)


def test_backfill_begins_only_where_no_time_has_passed() -> None:
    clock = PartitionClock(time=100)
    clock.begin_backfill(begun(A))
    assert not clock.event_mode


def test_second_beginning_of_a_backfill_changes_nothing() -> None:
    clock = backfill(A)
    clock.begin_backfill(begun(A, B))
    assert list(clock.sources) == [A]


def test_record_is_decided_at_its_received_time_in_wall_mode() -> None:
    record = msgspec.structs.replace(bought("B1", 1, "2011-03-01"), received_at=99)
    assert PartitionClock(time=50).as_of(record) == 99


@pytest.mark.parametrize(
    ("announced", "as_of"),
    [
        pytest.param("2011-02-28", "2011-03-01", id="event-time"),
        pytest.param("2011-03-02", "2011-03-02", id="raised-to-what-its-source-announced"),
    ],
)
def test_record_is_decided_at_its_event_time_in_a_backfill(announced: str, as_of: str) -> None:
    clock = backfill(A, B)
    clock.advance(announce(A, instant(announced)))
    assert clock.as_of(bought("B1", 1, "2011-03-01")) == instant(as_of)


def test_clock_is_stored_as_it_stands() -> None:
    clock = backfill(A, B)
    clock.advance(announce(A, 100, last=True))
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(clock), type=PartitionClock) == clock


def test_request_is_decided_when_it_was_asked_and_in_a_backfill_at_the_time_of_the_history() -> None:
    asked = AnswerTransfer(
        received_at=instant("2011-03-05"),
        source=A,
        offset=0,
        org_id=1,
        customer_id=7,
        id="a",
        digest=0,
        event_time=instant("2011-03-01"),
        sender_id=8,
        via="",
        transfer_id="x",
        program_id=1,
        currency="POINTS",
    )
    assert PartitionClock(time=instant("2011-02-01")).as_of(asked) == instant("2011-03-05")
    history = backfill(A)
    history.advance(announce(A, instant("2009-01-01")))
    assert history.as_of(asked) == instant("2009-01-01")
