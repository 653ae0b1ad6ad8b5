"""Deduplication: a record counts once; ids are forgotten by time, and records too old to be checked are refused."""

from __future__ import annotations

import copy

import pytest

from pipeline.engine import duplicates, spilled
from schemas.facts import PointsIssued, RecordAccepted, RecordRefused, Refusal
from schemas.program import ProgramDefinition
from schemas.records import CustomEventReceived
from tests.dsl import BOOKKEEPING, Story, given, issued
from tests.steps import bought, did, instant, milestone, program, redeem, spend

DAY = 86_400_000
NOON = instant("2011-03-01")


def shop(window: int = 10, version: int = 1, **parts: int) -> ProgramDefinition:
    return program(rules=[spend()], repeat_window_days=window, version=version, **parts)


def test_program_with_a_shorter_window_refuses_a_late_record_for_itself_alone() -> None:
    story = given(shop(10), shop(30, program_id=2)).when(bought("B1", 1_000, NOON), as_of=NOON + 10 * DAY + 1)
    assert [(one.program_id, story.balance(one.program_id)) for one in story.envelopes(RecordRefused)] == [(1, 0)]
    assert (refusals(story), story.balance(2)) == ([Refusal.TOO_OLD], 10)
    story.when(redeem(5, NOON + 1, program_id=2), as_of=NOON + 10 * DAY + 2)
    assert story.balance(2) == 5


def test_command_is_not_refused_by_a_program_that_it_does_not_name() -> None:
    story = given(shop(10), shop(30, program_id=2), bought("B1", 1_000, NOON))
    story.when(redeem(5, NOON + 1, program_id=2), as_of=NOON + 20 * DAY)
    assert (story.balance(2), RecordRefused in story.kinds()) == (5, False)


def refusals(story: Story) -> list[Refusal]:
    return [refused.reason for refused in story.only(RecordRefused)]


def test_duplicate_changes_nothing_not_even_the_clock() -> None:
    story = given(shop(), bought("B1", 1_000, "2011-03-01"))
    before = copy.deepcopy(story.state)
    story.when(bought("B1", 1_000, "2011-03-01"), as_of=NOON + 5 * DAY).then_nothing()
    assert story.state == before


def test_same_id_with_other_content_is_refused_and_pays_nothing() -> None:
    story = given(shop(), bought("B1", 1_000, "2011-03-01"))
    story.when(bought("B2", 2_000, "2011-03-02", id="t-B1")).then(
        RecordRefused(reason=Refusal.ID_REUSED, subject="t-B1")
    )
    assert len(story.only(PointsIssued)) == 1


def test_same_id_means_another_record_in_another_type() -> None:
    story = given(shop(), bought("B1", 1_000, "2011-03-01", id="x"), redeem(5, "2011-03-02", id="x"))
    assert refusals(story) == []


@pytest.mark.parametrize(
    ("age", "reason"),
    [
        pytest.param(10 * DAY, None, id="on-the-edge-of-the-window"),
        pytest.param(10 * DAY + 1, Refusal.TOO_OLD, id="a-millisecond-too-old"),
    ],
)
def test_record_older_than_the_window_is_refused(age: int, reason: Refusal | None) -> None:
    story = given(shop()).when(bought("B1", 1_000, NOON), as_of=NOON + age)
    assert refusals(story) == ([reason] if reason else [])
    assert bool(story.only(PointsIssued)) == (reason is None)


def test_age_is_judged_by_the_customers_own_clock() -> None:
    given(shop(), did("login", "2011-03-20")).when(bought("B1", 1_000, "2011-03-01"), as_of=NOON).then(
        RecordRefused(reason=Refusal.TOO_OLD)
    )


def test_refused_record_moves_the_clock_only() -> None:
    story = given(shop()).when(bought("B1", 1_000, "2011-03-01"), as_of=NOON + 11 * DAY)
    head = story.state.head
    assert (head.clock, head.horizon, head.recent, head.sections) == (NOON + 11 * DAY, 0, {}, {})


def test_duplicate_pays_nothing_whenever_it_comes() -> None:
    for later in range(25):
        story = given(shop(), bought("B1", 1_000, "2011-03-01"))
        story.play(did("login", NOON + later * DAY))
        story.play(bought("B1", 1_000, "2011-03-01"), as_of=NOON + later * DAY)
        assert len(story.only(PointsIssued)) == 1, later


def logins(*days: int) -> list[CustomEventReceived]:
    return [did("login", f"2011-03-{number:02}") for number in days]


def test_ids_are_forgotten_when_their_event_time_leaves_the_window() -> None:
    story = given(shop(), *logins(*range(1, 15)))
    assert [story.remembers(login) for login in logins(*range(1, 15))] == [False] * 3 + [True] * 11


def test_late_record_stays_remembered_until_older_ones_have_left() -> None:
    story = given(shop(), *logins(5))
    story.play(*logins(1), as_of=instant("2011-03-05"))
    story.play(*logins(13))
    assert [story.remembers(login) for login in logins(5, 1, 13)] == [True, True, True]
    story.play(*logins(16))
    assert [story.remembers(login) for login in logins(5, 1, 13, 16)] == [False, False, True, True]


def test_id_may_come_again_once_it_is_forgotten() -> None:
    story = given(shop(), did("login", "2011-03-01", id="x"), did("login", "2011-03-20", id="x"))
    assert refusals(story) == []


def test_id_that_left_the_window_but_is_still_stored_may_come_again_and_is_remembered_from_then() -> None:
    story = given(shop(), *logins(5))
    story.play(did("login", "2011-03-01", id="x"), as_of=instant("2011-03-05"))
    story.play(*logins(6))
    again = did("login", "2011-03-12", id="x")
    story.play(again)
    assert refusals(story) == []
    story.play(*logins(17))
    assert [story.remembers(login) for login in (*logins(5, 6), again)] == [False, False, True]


def test_wider_window_does_not_bring_back_what_is_forgotten() -> None:
    story = given(shop(), bought("B1", 1_000, "2011-03-01"), did("login", "2011-03-20"), shop(100, version=2))
    story.when(bought("B1", 1_000, "2011-03-01"), as_of=instant("2011-03-21")).then(
        RecordRefused(reason=Refusal.TOO_OLD)
    )
    assert len(story.only(PointsIssued)) == 1


def test_ids_are_remembered_for_the_longest_window_of_the_org() -> None:
    story = given(shop(), shop(20, program_id=2))
    story.play(bought("B1", 1_000, "2011-03-01"), as_of=NOON + 20 * DAY)
    assert story.balance(2) == 10
    assert story.remembers(bought("B1", 1_000, "2011-03-01"))


def test_customer_with_as_much_as_a_head_holds_takes_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two ids, two lots and a milestone's period are five items."""
    monkeypatch.setattr(duplicates, "HEAD_ITEMS_MAX", 5)
    full = program(rules=[spend()], milestones=[milestone("visit", target=9)])
    story = given(full, bought("B1", 100, "2011-03-01"), bought("B2", 100, "2011-03-02"))
    story.when(bought("B3", 100, "2011-03-03")).then(
        RecordRefused(reason=Refusal.TOTAL_TOO_LARGE), ignoring={RecordAccepted}
    )


def test_ids_make_room_by_time_and_then_records_are_accepted_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spilled, "BUCKETS", 1)
    monkeypatch.setattr(duplicates, "RECENT_MAX", 1)
    monkeypatch.setattr(duplicates, "SPILLED_MAX", 1)
    story = given(shop(10), bought("B1", 100, "2011-03-01"), bought("B2", 100, "2011-03-05"))
    story.when(bought("B3", 100, "2011-03-11")).then(RecordRefused(reason=Refusal.TOO_MANY))
    story.when(bought("B4", 100, "2011-03-12")).then(
        issued(("spend", 1), balance=3, lot=3, bill_number="B4"), ignoring=BOOKKEEPING
    )
