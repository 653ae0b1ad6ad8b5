"""Bills: known by their number while they can be returned."""

from __future__ import annotations

import pytest

from pipeline.engine.bills import records
from pipeline.engine.bills.state import AwardContribution, Bill, BillPart
from pipeline.engine.decide import decide
from pipeline.engine.programs import LAG_ALLOWANCE_MS
from schemas.facts import (
    PointsIssued,
    PurchaseCounted,
    RecordAccepted,
    RecordRefused,
    Refusal,
    ReturnParked,
    TransactionRecorded,
)
from tests.dsl import BOOKKEEPING, given, issued
from tests.steps import bought, brought_back, instant, program, spend

DAY = 86_400_000
SHOP = program(rules=[spend()], returns={"window_days": 10}, repeat_window_days=5)


def test_bill_is_known_and_counts() -> None:
    until = instant("2011-03-11")
    story = given(SHOP).when(bought("B1", 1_000, "2011-03-01"))
    story.then(
        TransactionRecorded(
            bill_number="B1",
            amount_minor=1_000,
            currency="GBP",
            returnable_until=until,
            forgotten_at=until + 5 * DAY + LAG_ALLOWANCE_MS,
        ),
        PurchaseCounted(
            bill_number="B1",
            amount_minor=1_000,
            transactions=1,
            purchases_minor=1_000,
            returned_minor=0,
            return_days=10,
        ),
        issued(("spend", 10), balance=10, bill_number="B1"),
        ignoring=BOOKKEEPING - {TransactionRecorded, PurchaseCounted},
    )
    award = AwardContribution(currency="POINTS", rule_id="spend", lot_id=1, points=10)
    assert story.state.entries == {
        "bill:B1": Bill(
            forgotten_at=until + 5 * DAY + LAG_ALLOWANCE_MS,
            returnable_until=until,
            amount_minor=1_000,
            currency="GBP",
            parts={1: BillPart(return_days=10, contributions=[award], version=1)},
            paid_at=instant("2011-03-01"),
            record_id="t-B1",
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
    assert [refused.reason for refused in story.only(RecordRefused)] == ([] if taken else [Refusal.BILL_EXISTS])
    assert [points.points for points in story.only(PointsIssued)] == ([10, 7] if taken else [10])
    assert story.bill("B1").amount_minor == (700 if taken else 1_000)


def test_return_is_of_the_bill_that_has_the_number_now() -> None:
    story = given(SHOP, bought("B1", 1_000, "2011-03-01"), bought("B1", 700, "2011-03-20", id="again"))
    story.play(brought_back("B1", 700, "2011-03-21"))
    assert story.balance() == 10


@pytest.mark.parametrize("gone", [pytest.param(True, id="deleted"), pytest.param(False, id="still-there")])
def test_whether_a_forgotten_bill_is_still_stored_decides_nothing(gone: bool) -> None:  # noqa: FBT001 - a table
    story = given(SHOP, bought("B1", 1_000, "2011-03-01"))
    forgotten_at = story.bill("B1").forgotten_at
    if gone:
        del story.state.entries["bill:B1"]
    late = brought_back("B1", 1_000, forgotten_at - 5 * DAY)
    groups = decide(story.state, late, story.programs, forgotten_at)
    assert [type(decision) for decision in groups[-1].decisions] == [RecordAccepted, ReturnParked]


def test_bill_in_a_currency_of_no_program_is_refused_as_a_whole_and_not_known() -> None:
    story = given(SHOP).when(bought("B1", 1_000, "2011-03-01", currency="EUR"))
    story.then(RecordRefused(reason=Refusal.CURRENCY_UNKNOWN, subject="EUR"), ignoring=BOOKKEEPING)
    assert (story.state.entries, story.state.head.sections) == ({}, {})
    story.when(brought_back("B1", 1_000, "2011-03-02", currency="EUR"))
    assert story.kinds() == [RecordAccepted, ReturnParked]


def test_bill_counts_in_the_program_of_its_currency_and_is_refused_by_the_other() -> None:
    francs = program(rules=[spend()], program_id=2, currency="CHF")
    story = given(SHOP, francs).when(bought("B1", 1_000, "2011-03-01", currency="CHF"))
    assert [envelope.program_id for envelope in story.envelopes(RecordRefused)] == [1]
    assert (story.balance(1), story.balance(2)) == (0, 10)


def test_bill_of_an_org_without_programs_is_known_in_any_currency() -> None:
    story = given().when(bought("B1", 1_000, "2011-03-01", currency="EUR"))
    assert RecordRefused not in story.kinds()


def test_bill_that_cannot_be_returned_is_not_kept_and_earns_all_the_same() -> None:
    story = given(program(rules=[spend()], returns=None)).when(bought("B1", 1_000, "2011-03-01"))
    story.then(issued(("spend", 10), balance=10), ignoring=BOOKKEEPING)
    assert story.state.entries == {}
    story.when(brought_back("B1", 1_000, "2011-03-02")).then(
        RecordRefused(reason=Refusal.BILL_UNKNOWN, subject="B1"), ignoring=BOOKKEEPING
    )


def test_bill_that_can_still_be_returned_is_known_when_the_program_takes_no_returns_any_more() -> None:
    ended = program(version=2, rules=[spend()], returns=None, repeat_window_days=5)
    story = given(SHOP, bought("B1", 1_000, "2011-03-01"), ended)
    story.when(bought("B1", 700, "2011-03-02", id="again")).then(
        RecordRefused(reason=Refusal.BILL_EXISTS, subject="B1"), ignoring=BOOKKEEPING
    )


def test_program_without_returns_leaves_its_points_alone_when_another_program_takes_its_own_back() -> None:
    keeps = program(program_id=2, rules=[spend()], returns=None)
    story = given(SHOP, keeps, bought("B1", 1_000, "2011-03-01"), brought_back("B1", 1_000, "2011-03-02"))
    assert (story.balance(1), story.balance(2)) == (0, 10)


def test_return_made_before_the_bill_was_paid_is_not_of_this_bill() -> None:
    story = given(SHOP, bought("B1", 1_000, "2011-03-01"), bought("B1", 2_000, "2011-03-12", id="again"))
    story.when(brought_back("B1", 1_000, "2011-03-12 11:59"), as_of=instant("2011-03-13"))
    story.then(RecordRefused(reason=Refusal.RETURN_BEFORE_BILL, subject="B1"), ignoring=BOOKKEEPING)
    story.play(brought_back("B1", 1_000, "2011-03-12 12:00"))
    assert story.balance() == 20


def test_return_document_counts_once_whatever_ids_it_comes_under() -> None:
    first, second = (brought_back("B1", 400, "2011-03-02", bill_number="R1", id=one) for one in ("x", "y"))
    story = given(SHOP, bought("B1", 1_000, "2011-03-01"), first)
    story.when(second).then(RecordRefused(reason=Refusal.RETURN_EXISTS, subject="R1"), ignoring=BOOKKEEPING)
    assert (story.balance(), story.section().returned_minor) == (6, 400)


def test_two_return_documents_of_one_amount_count_both() -> None:
    story = given(SHOP, bought("B1", 1_000, "2011-03-01"))
    for number in ("R1", "R2"):
        story.play(brought_back("B1", 400, "2011-03-02", bill_number=number, id=number))
    assert story.balance() == 2


def test_return_document_counts_for_each_bill_that_it_names() -> None:
    story = given(SHOP, bought("B1", 1_000, "2011-03-01"), bought("B2", 1_000, "2011-03-01"))
    for bill in ("B1", "B2"):
        story.play(brought_back(bill, 400, "2011-03-02", bill_number="R1"))
    assert story.section().returned_minor == 800


def test_returns_without_a_document_number_count_by_their_ids() -> None:
    story = given(SHOP, bought("B1", 1_000, "2011-03-01"))
    for one in ("x", "y"):
        story.play(brought_back("B1", 400, "2011-03-02", bill_number="", id=one))
    assert story.balance() == 2


def test_bill_takes_no_more_return_documents_than_it_remembers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "DOCUMENTS_MAX", 2)
    story = given(SHOP, bought("B1", 1_000, "2011-03-01"))
    for day in (2, 3):
        story.play(brought_back("B1", 100, f"2011-03-0{day}"))
    story.when(brought_back("B1", 100, "2011-03-04")).then(
        RecordRefused(reason=Refusal.TOO_MANY, subject="B1"), ignoring=BOOKKEEPING
    )
