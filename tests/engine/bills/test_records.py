"""Bills: known by their number while they can be returned."""

from __future__ import annotations

import pytest

from pipeline.engine.bills import LAG_ALLOWANCE_MS
from pipeline.engine.decide import decide
from pipeline.engine.state import Award, Bill
from schemas.facts import PointsIssued, PurchaseCounted, RecordRefused, Refusal, TransactionRecorded
from tests.dsl import bought, brought_back, fact, given, instant, program, spend

DAY = 86_400_000
SHOP = program(rules=[spend()], returns={"window_days": 10}, repeat_window_days=5)


def test_bill_is_known_and_counts() -> None:
    until = instant("2011-03-11")
    story = given(SHOP).when(bought("B1", 1_000, "2011-03-01"))
    story.then(
        fact(
            TransactionRecorded,
            bill_number="B1",
            amount_minor=1_000,
            currency="GBP",
            returnable_until=until,
            forgotten_at=until + 5 * DAY + LAG_ALLOWANCE_MS,
        ),
        fact(
            PurchaseCounted,
            bill_number="B1",
            amount_minor=1_000,
            transactions=1,
            purchases_minor=1_000,
            returned_minor=0,
        ),
        story.only(PointsIssued)[0],
    )
    assert story.state.entries == {
        "bill:B1": Bill(
            until, until + 5 * DAY + LAG_ALLOWANCE_MS, 1_000, "GBP", 0, 0, [1], [Award(1, "POINTS", "spend", 6, 10)]
        )
    }


@pytest.mark.parametrize(
    ("on", "taken"),
    [
        pytest.param("2011-03-11 11:59", False, id="while-the-first-can-be-returned"),
        pytest.param("2011-03-11 12:00", True, id="when-it-no-longer-can"),
    ],
)
def test_bill_number_may_come_again_when_the_first_can_no_longer_be_returned(on: str, taken: bool) -> None:  # noqa: FBT001
    story = given(SHOP, bought("B1", 1_000, "2011-03-01"), brought_back("B1", 300, "2011-03-02"))
    story.when(bought("B1", 700, on, id="again"))
    assert [one.reason for one in story.only(RecordRefused)] == ([] if taken else [Refusal.BILL_EXISTS])
    assert [one.points for one in story.only(PointsIssued)] == ([10, 7] if taken else [10])
    assert story.state.entries["bill:B1"].amount_minor == (700 if taken else 1_000)


def test_return_is_of_the_bill_that_has_the_number_now() -> None:
    story = given(SHOP, bought("B1", 1_000, "2011-03-01"), bought("B1", 700, "2011-03-20", id="again"))
    story.play(brought_back("B1", 700, "2011-03-21"))
    assert story.account().balance == 10


@pytest.mark.parametrize("gone", [pytest.param(True, id="deleted"), pytest.param(False, id="still-there")])
def test_whether_a_forgotten_bill_is_still_there_decides_nothing(gone: bool) -> None:  # noqa: FBT001 - a table
    story = given(SHOP, bought("B1", 1_000, "2011-03-01"))
    forgotten = story.state.entries["bill:B1"].forgotten_at
    if gone:
        del story.state.entries["bill:B1"]
    late = brought_back("B1", 1_000, "", event_time=forgotten - 5 * DAY)
    decided = decide(story.state, late, story.programs, forgotten)
    assert [one.reason for one in decided if isinstance(one, RecordRefused)] == [Refusal.BILL_UNKNOWN]


def test_bill_in_a_currency_of_no_program_is_known_but_counts_nowhere() -> None:
    story = given(SHOP).when(bought("B1", 1_000, "2011-03-01", currency="EUR"))
    assert (story.state.entries["bill:B1"].counted, story.state.head.sections[1].transactions) == ([], 0)
    story.play(brought_back("B1", 1_000, "2011-03-02", currency="EUR"))
    assert story.state.head.sections[1].returned_minor == 0


def test_bill_that_cannot_be_returned_is_not_kept_and_earns_all_the_same() -> None:
    story = given(program(rules=[spend()], returns=None)).when(bought("B1", 1_000, "2011-03-01"))
    assert [one.points for one in story.only(PointsIssued)] == [10]
    assert story.state.entries == {}
    story.when(brought_back("B1", 1_000, "2011-03-02")).then(
        fact(RecordRefused, reason=Refusal.BILL_UNKNOWN, subject="B1", clock=instant("2011-03-02"))
    )
