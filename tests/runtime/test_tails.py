from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from pipeline.clock import SYSTEM_CLOCK
from pipeline.engine.clock import PartitionClock
from pipeline.log.embedded import EmbeddedLog
from pipeline.log.port import Log, Message, Outgoing, Partition, Producer, TopicSpec, Unavailable
from pipeline.runtime.state.marker import MARKER_KEY, Mark, Marker, encode_marker
from pipeline.runtime.state.tails import Tails
from tests.log.desk import SECONDS, until
from tests.wrapped import Wrapped


class _Reader(Wrapped):
    """A consumer that hands out one message at a time, and cannot be assigned anything while the log is away."""

    def __init__(self, inner: Any, is_away: Callable[[], bool]) -> None:
        super().__init__(inner)
        self._is_away = is_away

    def assign(self, positions: Mapping[Partition, int]) -> None:
        if positions and self._is_away():
            message = "no answer"
            raise Unavailable(message)
        self._inner.assign(positions)

    def consume(self, _limit: int, timeout: float) -> list[Message]:
        messages: list[Message] = self._inner.consume(1, timeout)
        return messages


class _Log(Wrapped):
    """A log whose consumers are such readers."""

    def __init__(self, inner: Log) -> None:
        super().__init__(inner)
        self.away = False

    def consumer(self) -> Any:
        return _Reader(self._inner.consumer(), lambda: self.away)


class Changelog:
    """The changelog of one partition, written round by round."""

    def __init__(self, log: Log, prefix: str, number: int = 0) -> None:
        self.partition = Partition(f"{prefix}state", number)
        log.create_topics([TopicSpec(self.partition.topic, 2, {})])
        self.producer: Producer = log.producer(f"{prefix}{number}")
        self.producer.init(SECONDS)

    def begin(self, number: int) -> Mark:
        """Write a round and leave it open."""
        self.producer.begin()
        marker = Marker(10 * number, number, PartitionClock(), ())
        out = [(b"1:5", b"state"), (b"1:6", b"state"), (MARKER_KEY, encode_marker(marker))]
        self.producer.produce([Outgoing(self.partition.topic, key, value, self.partition.number) for key, value in out])
        return marker.mark

    def round(self, number: int) -> Mark:
        mark = self.begin(number)
        self.position = self.producer.commit(SECONDS)[self.partition]
        return mark


def test_nothing_lies_behind_the_last_round(embedded_log: EmbeddedLog) -> None:
    changelog = Changelog(embedded_log, "")
    changelog.round(1)
    tails = Tails(embedded_log, SYSTEM_CLOCK)

    tails.add(changelog.partition, changelog.position)

    assert tails.read(SECONDS) == {}
    tails.close()


def test_a_later_round_is_found_to_its_marker_however_it_comes(embedded_log: EmbeddedLog) -> None:
    changelog = Changelog(embedded_log, "")
    changelog.round(1)
    position = changelog.position
    changelog.round(2)
    last = changelog.round(3)
    tails = Tails(_Log(embedded_log), SYSTEM_CLOCK)  # type: ignore[arg-type]

    tails.add(changelog.partition, position)

    assert tails.read(SECONDS) == {changelog.partition: last}
    assert tails.read(SECONDS) == {}
    tails.close()


@pytest.mark.parametrize("commits", [True, False], ids=["committed", "aborted"])
def test_a_later_round_that_is_still_to_end_is_waited_for(kafka_log: Log, prefix: str, *, commits: bool) -> None:
    changelog = Changelog(kafka_log, prefix)
    changelog.round(1)
    tails = Tails(kafka_log, SYSTEM_CLOCK)
    tails.add(changelog.partition, changelog.position)
    later = changelog.begin(2)
    control_record, whole_round = 1, 3
    end = changelog.position + control_record + whole_round
    until(lambda: kafka_log.ends([changelog.partition], SECONDS, stable=False) == {changelog.partition: end})

    with pytest.raises(Unavailable, match="still to end"):
        tails.read(SECONDS)

    (changelog.producer.commit if commits else changelog.producer.abort)(SECONDS)
    until(lambda: kafka_log.unsettled([changelog.partition.topic]) == {})
    assert tails.read(SECONDS) == ({changelog.partition: later} if commits else {})
    tails.close()


def test_a_log_that_is_away_for_a_moment_is_asked_again(embedded_log: EmbeddedLog) -> None:
    changelog = Changelog(embedded_log, "")
    last = changelog.round(1)
    log = _Log(embedded_log)
    tails = Tails(log, SYSTEM_CLOCK)  # type: ignore[arg-type]
    tails.add(changelog.partition, 0)
    log.away = True
    with pytest.raises(Unavailable):
        tails.begin()

    log.away = False

    assert tails.read(SECONDS) == {changelog.partition: last}
    tails.close()


def test_a_partition_is_let_go_of_while_the_log_is_away(embedded_log: EmbeddedLog) -> None:
    one, other = (Changelog(embedded_log, "", number) for number in range(2))
    one.round(1)
    last = other.round(1)
    log = _Log(embedded_log)
    tails = Tails(log, SYSTEM_CLOCK)  # type: ignore[arg-type]
    for changelog in (one, other):
        tails.add(changelog.partition, 0)
    tails.begin()
    log.away = True

    tails.drop(one.partition)

    assert tails.read(SECONDS) == {other.partition: last}
    tails.close()
