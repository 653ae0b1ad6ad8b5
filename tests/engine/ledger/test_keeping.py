"""Promises that are kept by a delivery, an event or a command, and those that are cancelled."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.engine.calendar import NEVER
from schemas.facts import (
    CancelledFor,
    ConvertedBy,
    PointsConverted,
    PointsIssued,
    PromiseCancelled,
    RecordRefused,
    Refusal,
    Taken,
)
from schemas.program import ProgramDefinition
from tests.dsl import BOOKKEEPING, Story, given
from tests.steps import (
    activate,
    bought,
    brought_back,
    call_off,
    day,
    delivered,
    did,
    instant,
    milestone,
    program,
    spend,
    tick,
    updated,
)

ON_DELIVERY = {"until": "delivered", "within_days": 10}
ON_ARRIVAL = {"until": "trigger", "event": "arrived", "within_days": 10}


def promising(promised: dict[str, Any], **parts: Any) -> ProgramDefinition:
    return program(**{"rules": [spend()], "promised": promised, "points": {"expiry": {"days": 30}}, **parts})


def standing(story: Story) -> tuple[int, int]:
    return story.balance(), story.account().promised


def test_delivery_makes_the_points_of_its_bill_current_and_their_expiry_counts_from_it() -> None:
    story = given(promising(ON_DELIVERY), bought("B1", 700, "2011-03-01"), bought("B2", 500, "2011-03-01"))
    assert standing(story) == (0, 12)
    story.play(delivered("B1", "2011-03-04"))
    converted = story.only(PointsConverted)[0]
    assert (converted.points, converted.converted_by, converted.promised) == (7, ConvertedBy.DELIVERY, 5)
    assert converted.lots[0].expires_on == day("2011-04-03")
    assert standing(story) == (7, 5)


@pytest.mark.parametrize("status", ["PLACED", "PROCESSED", "SHIPPED", "RETURNED"])
def test_other_statuses_are_told_and_change_nothing(status: str) -> None:
    story = given(promising(ON_DELIVERY), bought("B1", 700, "2011-03-01"), delivered("B1", "2011-03-04", status))
    assert standing(story) == (0, 7)


def test_delivery_that_comes_before_its_bill_is_decided_in_the_turn_of_the_bill() -> None:
    story = given(promising(ON_DELIVERY), delivered("B1", "2011-03-04"))
    story.when(bought("B1", 700, "2011-03-01"), as_of=instant("2011-03-05"))
    assert standing(story) == (7, 0)


def test_points_that_an_update_adds_after_the_delivery_are_current_at_once() -> None:
    story = given(promising(ON_DELIVERY), bought("B1", 700, "2011-03-01"), delivered("B1", "2011-03-04"))
    story.play(updated("B1", 1_000, "2011-03-05"))
    assert standing(story) == (10, 0)


def test_delivery_of_a_bill_leaves_points_of_an_earlier_one_of_that_number() -> None:
    shop = promising({"until": "delivered"}, returns={"window_days": 40})
    story = given(shop, bought("B1", 700, "2011-03-01"), bought("B1", 500, "2011-05-01", id="another"))
    assert standing(story) == (0, 12)
    story.play(delivered("B1", "2011-05-02"))
    assert standing(story) == (5, 7)


def test_points_that_no_bill_gave_do_not_wait_for_a_delivery() -> None:
    rules = [{"id": "visit", "kind": "event", "event": "visit", "points": 3}]
    story = given(promising(ON_DELIVERY, rules=rules, milestones=[milestone("first", points=5)]))
    story.play(did("visit", "2011-03-01"))
    story.play(bought("B1", 700, "2011-03-01"))
    assert standing(story) == (8, 0)


def test_delivery_that_may_take_for_ever_is_waited_for() -> None:
    story = given(promising({"until": "delivered"}), bought("B1", 700, "2011-03-01"))
    assert story.account().promised_lots[0].due_at == NEVER
    story.play(tick("2031-03-01"))
    assert standing(story) == (0, 7)


@pytest.mark.parametrize("promised", [ON_DELIVERY, ON_ARRIVAL], ids=["delivery", "trigger"])
@pytest.mark.parametrize(
    ("bought_at", "cancelled_at"),
    [
        ("2011-03-01 00:00", "2011-03-12 00:00"),
        ("2011-03-20 23:59", "2011-03-31 00:00"),
        ("2012-02-18 12:00", "2012-02-29 00:00"),
        ("2011-10-20 12:00", "2011-10-31 00:00"),
    ],
    ids=["midnight", "clocks-go-forward", "leap-day", "clocks-go-back"],
)
def test_what_does_not_come_in_time_cancels_the_promise(
    promised: dict[str, Any], bought_at: str, cancelled_at: str
) -> None:
    story = given(promising(promised), bought("B1", 700, bought_at))
    due = instant(cancelled_at)
    story.play(tick(due - 1))
    assert standing(story) == (0, 7)
    story.when(tick(due)).then(
        PromiseCancelled(
            currency="POINTS",
            points=7,
            balance=0,
            taken=(Taken(lot_id=1, points=7),),
            cancelled_for=CancelledFor.NOT_IN_TIME,
            promised=0,
            references=("B1",),
        )
    )
    assert (standing(story), story.account().lifetime) == ((0, 0), 0)


def test_what_is_due_at_one_midnight_is_kept_or_cancelled_by_what_it_waits_for() -> None:
    rules = [spend("dated", promised={"until": "days", "days": 10}), spend("awaited", 2, promised=ON_DELIVERY)]
    story = given(promising(ON_ARRIVAL, rules=rules), bought("B1", 700, "2011-03-01"), tick("2011-03-12 00:00"))
    assert story.kinds() == [PointsConverted, PromiseCancelled]
    assert [one.points for one in (*story.only(PointsConverted), *story.only(PromiseCancelled))] == [7, 14]
    assert standing(story) == (7, 0)


class TestTrigger:
    def test_event_with_the_number_of_the_bill_makes_its_points_current(self) -> None:
        story = given(promising(ON_ARRIVAL), bought("B1", 700, "2011-03-01"), bought("B2", 500, "2011-03-01"))
        story.play(did("arrived", "2011-03-04", attributes={"reference": "B1"}))
        assert standing(story) == (7, 5)
        assert story.only(PointsConverted)[0].converted_by is ConvertedBy.TRIGGER

    @pytest.mark.parametrize(
        ("name", "attributes"),
        [
            ("arrived", {"reference": "B2"}),
            ("left", {"reference": "B1"}),
            ("arrived", {}),
            ("arrived", {"other": "B1"}),
        ],
    )
    def test_other_event_or_reference_changes_nothing(self, name: str, attributes: dict[str, Any]) -> None:
        story = given(promising(ON_ARRIVAL), bought("B1", 700, "2011-03-01"))
        story.play(did(name, "2011-03-04", attributes=attributes))
        assert standing(story) == (0, 7)

    @pytest.mark.parametrize(
        ("given_reference", "known_by"),
        [("stay-1", "stay-1"), (17, "17"), (True, "e-book-2011-03-01"), ("", "e-book-2011-03-01"), ("x" * 129, None)],
    )
    def test_points_of_an_event_are_known_by_its_reference_or_its_id(
        self, given_reference: Any, known_by: str | None
    ) -> None:
        rules = [{"id": "book", "kind": "event", "event": "book", "points": 3}]
        story = given(promising(ON_ARRIVAL, rules=rules))
        story.play(did("book", "2011-03-01", attributes={"reference": given_reference}))
        reference = known_by or "e-book-2011-03-01"
        assert story.only(PointsIssued)[0].promised_lots[0].reference == reference
        story.play(did("arrived", "2011-03-05", attributes={"reference": reference}))
        assert standing(story) == (3, 0)

    def test_late_event_from_before_the_cancellation_finds_nothing_left(self) -> None:
        story = given(promising(ON_ARRIVAL), bought("B1", 700, "2011-03-01"), tick("2011-03-20"))
        story.when(did("arrived", "2011-03-05", attributes={"reference": "B1"}), as_of=instant("2011-03-20"))
        assert standing(story) == (0, 0)


class TestCommands:
    def test_activation_reaches_whatever_is_promised_for_the_reference(self) -> None:
        story = given(promising({"until": "days", "days": 40}), bought("B1", 700, "2011-03-01"))
        story.play(activate("B1", "2011-03-02"))
        converted = story.only(PointsConverted)[0]
        assert (converted.converted_by, converted.reason) == (ConvertedBy.COMMAND, "shown")
        assert standing(story) == (7, 0)

    def test_cancellation_takes_what_is_promised_and_leaves_the_rest(self) -> None:
        story = given(promising(ON_ARRIVAL), bought("B1", 700, "2011-03-01"), bought("B2", 500, "2011-03-01"))
        story.play(call_off("B1", "2011-03-02"))
        cancelled = story.only(PromiseCancelled)[0]
        assert (cancelled.points, cancelled.promised, cancelled.reason) == (7, 5, "mistake")
        assert cancelled.cancelled_for is CancelledFor.COMMAND
        story.play(brought_back("B1", 700, "2011-03-03"))
        assert standing(story) == (0, 5)

    def test_command_may_name_single_lots(self) -> None:
        rules = [spend("soon", promised={"until": "days", "days": 5}), spend("later", 2)]
        story = given(promising(ON_ARRIVAL, rules=rules), bought("B1", 700, "2011-03-01"))
        story.play(activate("B1", "2011-03-02", lots=(2,)))
        assert standing(story) == (14, 7)

    @pytest.mark.parametrize("ask", [activate, call_off])
    def test_command_about_nothing_that_is_promised_is_refused(self, ask: Any) -> None:
        story = given(promising(ON_ARRIVAL), bought("B1", 700, "2011-03-01")).when(ask("B7", "2011-03-02"))
        story.then(RecordRefused(reason=Refusal.PROMISE_UNKNOWN, subject="B7"), ignoring=BOOKKEEPING)

    def test_command_reaches_only_the_program_that_it_names(self) -> None:
        second = promising(ON_ARRIVAL, program_id=2)
        story = given(promising(ON_ARRIVAL), second, bought("B1", 700, "2011-03-01"))
        story.play(activate("B1", "2011-03-02", program_id=2))
        story.play(call_off("B1", "2011-03-03", program_id=2))
        assert (standing(story), story.balance(2)) == ((0, 7), 7)
