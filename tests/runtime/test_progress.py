from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from pipeline.log.port import OutcomeUnknown, Partition
from pipeline.runtime.loop.progress import DURATION_BOUNDS, Durations, Pace, Progress, Restoring, pace

JOURNAL = Partition("journal", 0)


class HandClock:
    """Shows what it is set to."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def now(self) -> float:
        return self.seconds

    def wall(self) -> int:
        return int(self.seconds * 1_000)

    def wait(self, _stop: threading.Event, seconds: float) -> bool:
        self.seconds += seconds
        return False


def working(clock: HandClock) -> Progress:
    """A role at work: it is ready, has read everything and has heard so just now."""
    progress = Progress("loyalty", clock)
    progress.placed(ready=True, restoring=0)
    progress.lag[JOURNAL] = 0
    progress.looked(clock.now())
    return progress


def left_alone(_progress: Progress) -> None:
    """Its thread hangs in a call, or the log does not answer: nothing more is noted."""


def looking(lag: int) -> Callable[[Progress], None]:
    """Every second it sees that so much is to be read, and commits nothing."""

    def look(progress: Progress) -> None:
        progress.lag[JOURNAL] = lag
        progress.looked(progress.clock.now())

    return look


OTHER = Partition("journal", 1)


def starving(progress: Progress) -> None:
    """Of two partitions one is never read: the other commits, and the log says how much waits in the first."""
    progress.lag.update({JOURNAL: 5, OTHER: 0})
    progress.round_committed(9, progress.clock.now(), 0, [OTHER])
    progress.looked(progress.clock.now())


def answered_for_nobody(progress: Progress) -> None:
    """Rounds commit, and the ends of the partitions are unavailable."""
    progress.round_committed(9, progress.clock.now(), 0, [JOURNAL])


def in_trouble(progress: Progress) -> None:
    """Its loop says what is wrong."""
    progress.trouble = "the store failed: no space left on device"
    progress.looked(progress.clock.now())


def without_partition(progress: Progress) -> None:
    """The group gave its partitions away."""
    progress.placed(ready=False, restoring=0)


def waiting(progress: Progress) -> None:
    """It got partitions and cannot learn what is committed for them."""
    progress.placed(ready=False, restoring=4)


def restoring(progress: Progress) -> None:
    """It reads a changelog of 100 records, ten a second."""
    progress.placed(ready=False, restoring=1)
    progress.restored(0, max(0, 100 - int(progress.clock.now() - 1_000) * 10))


def hanging_in_a_restore(progress: Progress) -> None:
    """The changelog does not give any more."""
    progress.placed(ready=False, restoring=1)
    progress.restored(0, 100 if progress.clock.now() == 1_000 else 90)


@pytest.mark.parametrize(
    ("happens", "seconds", "reason"),
    [
        pytest.param(without_partition, 0, "no partition is assigned", id="no assignment"),
        pytest.param(waiting, 0, "4 partitions without their committed offsets yet", id="committed offsets unknown"),
        pytest.param(
            restoring,
            4,
            "restoring 1 partition: 60 of 100 changelog records left, 10 a second, 6 s to go",
            id="restoring",
        ),
        pytest.param(
            hanging_in_a_restore,
            10,
            "restoring 1 partition: 90 of 100 changelog records left, nothing was read for 9 s",
            id="restore without progress",
        ),
        pytest.param(looking(7), 10, "no commit for 10 s with 7 messages to read", id="no commit with lag"),
        pytest.param(
            starving, 70, "no commit of journal:0 for 70 s with 5 messages to read", id="one partition is not read"
        ),
        pytest.param(
            answered_for_nobody, 10, "the log has not answered for 10 s", id="lag unknown though others commit"
        ),
        pytest.param(left_alone, 10, "the log has not answered for 10 s", id="silent log"),
        pytest.param(in_trouble, 0, "the store failed: no space left on device", id="trouble"),
    ],
)
def test_role_that_does_not_get_on_is_not_ready_and_says_why(
    happens: Callable[[Progress], None], seconds: int, reason: str
) -> None:
    clock = HandClock()
    progress = working(clock)

    happens(progress)
    for _ in range(seconds):
        clock.seconds += 1
        happens(progress)

    assert progress.status() == (False, reason)


@pytest.mark.parametrize(
    "happens",
    [
        pytest.param(looking(0), id="nothing to read for an hour"),
        pytest.param(
            lambda one: (looking(9)(one), one.round_committed(9, one.clock.now(), 0, [JOURNAL])), id="always behind"
        ),
    ],
)
def test_role_that_gets_on_is_ready(happens: Callable[[Progress], None]) -> None:
    clock = HandClock()
    progress = working(clock)

    for _ in range(3_600):
        clock.seconds += 1
        happens(progress)

        assert progress.status() == (True, "")


def test_first_message_after_an_idle_hour_does_not_make_a_role_unready() -> None:
    clock = HandClock()
    progress = working(clock)
    clock.seconds += 3_600
    looking(0)(progress)
    clock.seconds += 1

    looking(1)(progress)

    assert progress.status() == (True, "")


def test_role_is_given_its_time_after_a_long_restore() -> None:
    clock = HandClock()
    progress = Progress("loyalty", clock)
    progress.placed(ready=False, restoring=1)
    clock.seconds += 600

    progress.placed(ready=True, restoring=0)
    looking(1_000)(progress)

    assert progress.status() == (True, "")


def test_trouble_is_told_before_what_follows_from_it() -> None:
    progress = Progress("loyalty", HandClock())
    progress.placed(ready=False, restoring=3)
    progress.trouble = "fenced"

    assert progress.status() == (False, "fenced")


def test_role_is_ready_again_once_the_log_answers() -> None:
    clock = HandClock()
    progress = working(clock)
    clock.seconds += 60
    silent = progress.status()

    looking(0)(progress)

    assert (silent, progress.status()) == ((False, "the log has not answered for 60 s"), (True, ""))


def test_pace_is_that_of_all_restores_since_the_first_began() -> None:
    restores = [Restoring(300, 100, 10.0, 19.0), Restoring(200, 200, 15.0, 15.0)]

    both = pace(restores, 20.0)

    assert both == Pace(500, 300, 10.0, 1.0)
    assert str(both) == "300 of 500 changelog records left, 20 a second, 15 s to go"


def test_restore_that_has_read_nothing_yet_promises_nothing() -> None:
    assert str(pace([Restoring(1_000, 1_000, 10.0, 10.0)], 12.0)) == "1,000 of 1,000 changelog records left"


def test_changelog_that_grows_during_its_restore_counts_whole() -> None:
    progress = Progress("loyalty", HandClock())
    progress.restored(0, 100)

    progress.restored(0, 150)

    assert progress.restores == {0: Restoring(150, 150, 1_000.0, 1_000.0)}


def test_restore_is_news_every_five_seconds() -> None:
    clock = HandClock()
    progress = Progress("loyalty", clock)
    news = []
    for left in range(120, 0, -10):
        news.append(progress.restored(0, left))
        clock.seconds += 1

    assert [one for one in news if one] == [
        "restoring 1 partition: 70 of 120 changelog records left, 10 a second, 7 s to go",
        "restoring 1 partition: 20 of 120 changelog records left, 10 a second, 2 s to go",
    ]


@pytest.mark.parametrize(
    ("lag", "read_ago", "caught_up_ago", "age"),
    [
        pytest.param(0, 3_600, 1, 0.0, id="nothing waits"),
        pytest.param(5, 30, None, 30.0, id="a backlog is as old as what was read last"),
        pytest.param(5, 3_600, 2, 2.0, id="what came after an idle hour came after it"),
        pytest.param(5, None, None, 60.0, id="nothing was read since it became ready"),
    ],
)
def test_oldest_message_waits_no_longer_than_can_be_known(
    lag: int, read_ago: int | None, caught_up_ago: int | None, age: float
) -> None:
    clock = HandClock()
    progress = Progress("loyalty", clock)
    clock.seconds += 60
    progress.lag[JOURNAL] = lag
    progress.timestamp = 0 if read_ago is None else int((clock.seconds - read_ago) * 1_000)
    progress.caught_up_at = None if caught_up_ago is None else clock.seconds - caught_up_ago

    assert progress.oldest_age() == age


def test_counts_add_up_over_rounds() -> None:
    progress = Progress("loyalty", HandClock())

    progress.counted(3, 2, 1, {(1, 1, "spend"): 2})
    progress.counted(4, 1, 0, {(1, 1, "spend"): 1, (1, 2, "visit"): 1})
    progress.round_committed(5, 1_001.0, 9)
    progress.round_committed(6, 1_002.0, 1)
    progress.round_aborted(OutcomeUnknown())

    assert (progress.facts, progress.notifications, progress.repeats) == (7, 3, 1)
    assert progress.awards == {(1, 1, "spend"): 3, (1, 2, "visit"): 1}
    assert (progress.commits, progress.records, progress.sent, progress.committed_at) == (2, 11, 10, 1_002.0)
    assert (progress.aborts, progress.aborts_by_cause) == (1, {"OutcomeUnknown": 1})


def test_duration_counts_in_the_first_bucket_that_holds_it() -> None:
    durations = Durations()

    for seconds in (0.0, DURATION_BOUNDS[0], DURATION_BOUNDS[0] * 1.01, DURATION_BOUNDS[-1] + 1):
        durations.took(seconds)

    assert durations.counts == [2, 1, *[0] * (len(DURATION_BOUNDS) - 2), 1]
    assert durations.seconds == pytest.approx(31.00201)
