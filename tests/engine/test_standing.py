"""The status of a customer: by event time, whatever order they come in."""

from __future__ import annotations

import pytest

from schemas.facts import CustomerStatusChanged, RecordRefused, Refusal, Standing
from schemas.records import Profile
from tests.dsl import BOOKKEEPING, given
from tests.steps import instant, joined, program, status

SHOP = program()
ANN = Profile(first_name="Ann")


def test_status_is_kept_with_its_reason_and_who_set_it() -> None:
    story = given(SHOP, joined("2011-03-01", ANN))
    story.when(status("BLOCKED", "2011-03-02", reason="stolen card", entered_by="desk 3")).then(
        CustomerStatusChanged(
            status=Standing.BLOCKED,
            previous=Standing.ACTIVE,
            profile=ANN,
            reason="stolen card",
            entered_by="desk 3",
        ),
        ignoring=BOOKKEEPING,
    )
    assert story.state.head.standing is Standing.BLOCKED


@pytest.mark.parametrize(
    ("set_on", "holds"),
    [
        pytest.param("2011-03-02 11:59", Standing.FRAUD, id="older"),
        pytest.param("2011-03-02 12:00", Standing.ACTIVE, id="of-the-same-instant"),
        pytest.param("2011-03-02 12:01", Standing.ACTIVE, id="newer"),
    ],
)
def test_status_with_the_newest_time_holds(set_on: str, holds: Standing) -> None:
    story = given(SHOP, status("FRAUD", "2011-03-02 12:00"))
    story.play(status("ACTIVE", set_on), as_of=instant("2011-03-03"))
    assert story.state.head.standing is holds


def test_older_status_is_refused_and_says_what_holds() -> None:
    story = given(SHOP, status("FRAUD", "2011-03-02"))
    story.when(status("ACTIVE", "2011-03-01")).then(
        RecordRefused(reason=Refusal.STATUS_OUTDATED, subject="FRAUD"), ignoring=BOOKKEEPING
    )


def test_numbers_of_a_status_are_given_once() -> None:
    assert {one.value: one.text for one in Standing} == {1: "ACTIVE", 2: "INACTIVE", 3: "BLOCKED", 4: "FRAUD"}
