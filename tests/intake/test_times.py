"""Event times."""

from __future__ import annotations

import pytest

from pipeline.intake.times import duration, instant_of
from pipeline.intake.verdict import Defect


@pytest.mark.parametrize(
    ("event_time", "zone", "instant"),
    [
        (0, None, 0),
        (1_300_000_000_123, None, 1_300_000_000_123),
        ("1970-01-01T00:00:00Z", None, 0),
        ("2011-03-09T14:30:00.250+01:00", None, 1_299_677_400_250),
        ("2011-03-09 14:30+0100", None, 1_299_677_400_000),
        ("2011-03-09T14:30:00.9999999Z", None, 1_299_681_000_999),
        ("2011-07-09T14:30:00", "Europe/London", 1_310_218_200_000),
        ("2011-10-30T01:30:00", "Europe/London", 1_319_934_600_000),
        ("2011-03-27T01:30:00", "Europe/London", 1_301_189_400_000),
        ("2011-03-09T14:30:00", "Asia/Kathmandu", 1_299_660_300_000),
    ],
    ids=[
        "epoch",
        "number",
        "utc",
        "offset",
        "blank and short",
        "below a millisecond",
        "local in summer",
        "hour that comes twice is the first",
        "hour that is skipped",
        "quarter-hour zone",
    ],
)
def test_an_event_time_is_an_instant(event_time: int | str, zone: str | None, instant: int) -> None:
    assert instant_of(event_time, zone) == instant


@pytest.mark.parametrize(
    ("event_time", "zone", "path", "problem"),
    [
        ("yesterday at noon", None, "eventTime", "no ISO-8601 time"),
        ("2011-02-29T10:00:00Z", None, "eventTime", "no ISO-8601 time"),
        ("2011-02-28", None, "eventTime", "without a time of day"),
        ("2011-02-28T10:00:00", None, "eventTime", "a local time without an offset or a zone"),
        ("2011-02-28T10:00:00", "America", "zone", "not an IANA time zone"),
        ("2011-02-28T10:00:00", "localtime", "zone", "not an IANA time zone"),
        ("2011-02-28T10:00:00", "Factory", "zone", "not an IANA time zone"),
        ("2011-02-28T10:00:00", "right/UTC", "zone", "not an IANA time zone"),
        ("2011-02-28T10:00:00", "posix/UTC", "zone", "not an IANA time zone"),
        ("2011-02-28T10:00:00", "../../etc/passwd", "zone", "not an IANA time zone"),
        ("2011-02-28T10:00:00Z", "Europe/London", "zone", "needs no zone"),
        (5, "Europe/London", "zone", "needs no zone"),
        ("1969-12-31T23:59:59.999Z", None, "eventTime", "outside 1970 to 9999"),
        ("9999-12-31T23:59:59-14:00", None, "eventTime", "outside 1970 to 9999"),
        ("0001-01-01T00:00:00+14:00", None, "eventTime", "outside 1970 to 9999"),
        ("0001-01-01T00:00:00", "Asia/Tokyo", "eventTime", "outside 1970 to 9999"),
    ],
)
def test_a_time_that_is_none_is_a_defect(event_time: int | str, zone: str | None, path: str, problem: str) -> None:
    defect = instant_of(event_time, zone)
    assert isinstance(defect, Defect)
    assert defect.path == path
    assert problem in defect.problem


@pytest.mark.parametrize("instant", [0, 1, 499_999_999, 10_000_000_000, 1_741_508_040_000])
def test_number_that_can_be_no_seconds_of_these_times_is_taken_as_milliseconds(instant: int) -> None:
    assert instant_of(instant, None) == instant


@pytest.mark.parametrize("seconds", [500_000_000, 1_741_508_040, 9_999_999_999])
def test_number_that_looks_like_seconds_is_a_defect(seconds: int) -> None:
    found = instant_of(seconds, None)
    assert isinstance(found, Defect)
    assert found.problem == f"is {seconds}, which looks like seconds"


@pytest.mark.parametrize(
    ("milliseconds", "words"),
    [
        (0, "0 milliseconds"),
        (1, "1 millisecond"),
        (999, "999 milliseconds"),
        (1_000, "1 second"),
        (300_000, "5 minutes"),
        (3_599_999, "59 minutes"),
        (3_600_000, "1 hour"),
        (86_400_000, "1 day"),
        (259_199_965, "2 days"),
        (86_400_000 * 1_500, "1,500 days"),
    ],
)
def test_length_of_time_is_told_in_its_largest_whole_unit(milliseconds: int, words: str) -> None:
    assert duration(milliseconds) == words
