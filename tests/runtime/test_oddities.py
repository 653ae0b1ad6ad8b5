"""Oddities: what is taken all the same is counted by name, and warned of about once a minute, in bounded memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.log.embedded import EmbeddedLog
from pipeline.runtime.roles.oddities import NAMES_MAX, REST, Oddities
from schemas.records import CustomEventReceived
from tests.runtime.workshop import START, Workshop, activation


class Seconds:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


def test_first_is_told_at_once_and_the_rest_a_minute_later(caplog: pytest.LogCaptureFixture) -> None:
    clock = Seconds()
    odd = Oddities("names are odd", "mend them", clock)
    for second, name in ((0, "a"), (1, "b"), (59.9, "b"), (60, "c")):
        clock.now = second
        odd.saw(name)
        odd.committed()

    assert warnings(caplog) == ["1 names are odd: a (1); mend them", "3 names are odd: b (2), c (1); mend them"]
    assert odd.counts == {"a": 1, "b": 2, "c": 1}


def test_nothing_new_is_not_told_again(caplog: pytest.LogCaptureFixture) -> None:
    clock = Seconds()
    odd = Oddities("names are odd", "mend them", clock)
    odd.saw("a")
    odd.committed()
    clock.now = 3_600
    odd.committed()

    assert len(warnings(caplog)) == 1


def test_what_an_aborted_round_saw_is_not_counted(caplog: pytest.LogCaptureFixture) -> None:
    odd = Oddities("names are odd", "mend them", Seconds())
    odd.saw("a")
    odd.aborted()
    odd.committed()

    assert (warnings(caplog), odd.counts) == ([], {})


def test_names_beyond_the_first_hundred_are_counted_together(caplog: pytest.LogCaptureFixture) -> None:
    odd = Oddities("names are odd", "mend them", Seconds())
    for round_ in range(3):
        for name in range(NAMES_MAX):
            odd.saw(f"{round_}-{name}", 2)
        odd.committed()

    assert len(odd.counts) == NAMES_MAX + 1
    assert odd.counts[REST] == 4 * NAMES_MAX
    assert warnings(caplog) == [
        "200 names are odd: 0-0 (2), 0-1 (2), 0-2 (2), 0-3 (2), 0-4 (2), 95 more names; mend them"
    ]


def test_round_with_more_names_than_are_counted_says_that_there_are_others(caplog: pytest.LogCaptureFixture) -> None:
    odd = Oddities("names are odd", "mend them", Seconds())
    for name in range(NAMES_MAX + 50):
        odd.saw(str(name))
    odd.committed()

    assert odd.counts[REST] == 50
    assert warnings(caplog)[0].endswith("4 (1), others; mend them")


def test_event_that_no_program_of_its_org_knows_is_counted_by_name(tmp_path: Path, embedded_log: EmbeddedLog) -> None:
    workshop = Workshop(embedded_log, tmp_path, "odd.", partitions=1)

    def event(number: int, name: str, org: int = 1) -> CustomEventReceived:
        return CustomEventReceived(START, "in:0", number, org, 5, f"e{number}", number, START, name)

    workshop.journal(activation(), event(1, "rum"), event(2, "rum"), event(2, "rum"), event(3, "run", 9))
    loop = workshop.decide_all()
    workshop.close()

    assert loop.progress.unknown_events == {"1/rum": 2, "9/run": 1}


def test_message_whose_key_is_not_its_customers_is_counted_by_topic(
    tmp_path: Path, embedded_log: EmbeddedLog, caplog: pytest.LogCaptureFixture
) -> None:
    workshop = Workshop(embedded_log, tmp_path, "odd.", partitions=1)
    content = b'{"type":"customEvent","orgId":1,"customerId":5,"eventTime":%d,"eventName":"run"}' % START
    for key in (b"1:5", b"5", None):
        workshop.send("events", key, content, 0)
    workshop.send("transactions", None, b'{"type":"advanceClock","time":1600000000000}', 0)
    workshop.clock.shown = START
    loop = workshop.intake()
    loop.run(workshop.until_read("intake", "events", "transactions"))
    workshop.close()

    assert loop.progress.odd_keys == {"odd.events": 2}
    assert any("2 messages have a key that is not orgId:customerId" in one for one in warnings(caplog))
