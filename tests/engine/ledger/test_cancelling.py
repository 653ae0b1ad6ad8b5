"""Awards that were a mistake and are cancelled by request, named by their lot or by the bill that earned them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st

from pipeline.engine.ledger.state import LedgerAccount
from schemas.facts import PointsCancelled, PointsReversed, RecordRefused, Refusal, Reversal
from schemas.program import ProgramDefinition
from tests.dsl import BOOKKEEPING, Story, given
from tests.steps import (
    Step,
    adjust,
    block,
    bought,
    brought_back,
    cancel,
    instant,
    program,
    redeem,
    release,
    reverse,
    spend,
    starting,
    tick,
    transfer,
    updated,
)
from tests.town import Town

RULES = [spend(), spend("double", 2, expiry={"days": 20})]


def shop(shortfall: str = "own_lot", **parts: Any) -> ProgramDefinition:
    return program(**{"rules": RULES, "returns": {"shortfall": shortfall}, **parts})


def refusals(story: Story) -> list[tuple[Refusal, str]]:
    return [(one.reason, one.subject) for one in story.only(RecordRefused)]


def standing(story: Story) -> tuple[int, int, int]:
    account = story.account()
    return account.balance, account.lifetime, account.deficit


def test_adjustment_names_the_one_that_it_corrects_and_lifetime_points_fall_with_it() -> None:
    story = given(shop(), adjust(9, "2011-03-01"), adjust(50, "2011-03-02", id="mistake"))
    story.when(adjust(-50, "2011-03-03", reason="undone", corrects="mistake")).then(
        PointsCancelled(
            currency="POINTS",
            points=50,
            of_bill="",
            reversals=(Reversal(rule_id="", lot_id=2, claimed=50, points=50, forgiven=0),),
            reversed_of_bill=50,
            balance=9,
            lifetime=9,
            paid_at=instant("2011-03-02"),
            reason="undone",
        ),
        ignoring=BOOKKEEPING,
    )


@pytest.mark.parametrize(
    ("steps", "stands"),
    [
        pytest.param([adjust(-20, "2011-03-03", corrects="mistake")], (39, 39, 0), id="in part"),
        pytest.param([adjust(-20, f"2011-03-0{at}", corrects="mistake") for at in (3, 4, 5)], (9, 9, 0), id="in parts"),
        pytest.param([adjust(-99, "2011-03-03", corrects="mistake")], (9, 9, 0), id="never more than it gave"),
        pytest.param([adjust(-99, "2011-03-03", corrects="a-2011-03-01")], (50, 50, 0), id="the other one"),
        pytest.param([redeem(40, "2011-03-03"), adjust(-50, "2011-03-04", corrects="mistake")], (0, 40, 0), id="spent"),
        pytest.param([tick("2011-03-20"), adjust(-50, "2011-03-20", corrects="mistake")], (0, 59, 0), id="expired"),
        pytest.param([adjust(-50, "2011-03-03", corrects="unknown")], (59, 59, 0), id="unknown"),
        pytest.param(
            [
                block(59, "2011-03-03"),
                adjust(7, "2011-03-04"),
                adjust(-50, "2011-03-05", corrects="mistake"),
                release("h-2011-03-03", "2011-03-06"),
                adjust(-50, "2011-03-07", corrects="mistake"),
            ],
            (16, 16, 0),
            id="not while it is blocked",
        ),
    ],
)
def test_adjustment_is_corrected_as_far_as_it_is_there(steps: list[Step], stands: tuple[int, int, int]) -> None:
    there = shop(points={"expiry": {"days": 10}})
    story = given(there, adjust(9, "2011-03-01"), adjust(50, "2011-03-02", id="mistake"), *steps)
    assert standing(story) == stands


@pytest.mark.parametrize(
    ("shortfall", "stands"), [("own_lot", (0, 30, 0)), ("other_lots", (0, 30, 0)), ("deficit", (0, 0, 30))]
)
def test_adjustment_that_is_spent_is_corrected_from_where_the_program_says(
    shortfall: str, stands: tuple[int, int, int]
) -> None:
    story = given(shop(shortfall), adjust(50, "2011-03-02", id="mistake"), redeem(30, "2011-03-03"))
    for day in (4, 5):
        story.play(adjust(-50, f"2011-03-0{day}", corrects="mistake"))
    assert standing(story) == stands


def test_lot_that_was_a_mistake_goes_and_lifetime_points_fall_with_it() -> None:
    story = given(shop(), adjust(50, "2011-03-01"), adjust(9, "2011-03-02"))
    story.when(cancel("2011-03-03", lot=1, entered_by="desk 1")).then(
        PointsCancelled(
            currency="POINTS",
            points=50,
            of_bill="",
            reversals=(Reversal(rule_id="", lot_id=1, claimed=50, points=50, forgiven=0),),
            reversed_of_bill=50,
            balance=9,
            lifetime=9,
            paid_at=instant("2011-03-01"),
            reason="a mistake",
            entered_by="desk 1",
        ),
        ignoring=BOOKKEEPING,
    )
    assert story.totals() == {
        LedgerAccount.ISSUED: -59,
        LedgerAccount.CURRENT: 9,
        LedgerAccount.REVERSED: 50,
        LedgerAccount.LIFETIME: 9,
    }


def test_plain_debit_leaves_lifetime_points() -> None:
    story = given(shop(), adjust(50, "2011-03-01"), adjust(-50, "2011-03-03"))
    assert standing(story) == (0, 50, 0)


@pytest.mark.parametrize(
    ("shortfall", "standing_after"),
    [
        pytest.param("own_lot", (54, 57, 0), id="what-is-left-of-the-lot"),
        pytest.param("other_lots", (51, 54, 0), id="the-spent-part-from-other-lots"),
        pytest.param("deficit", (51, 54, 0), id="or-owed"),
    ],
)
def test_award_that_is_partly_spent_goes_as_far_as_the_program_says(
    shortfall: str, standing_after: tuple[int, int, int]
) -> None:
    story = given(program(rules=[spend()], returns={"shortfall": shortfall}), bought("B1", 600, "2011-03-01"))
    story.play(redeem(3, "2011-03-02"))
    story.play(adjust(54, "2011-03-03"))
    story.play(cancel("2011-03-04", lot=1))
    assert standing(story) == standing_after


def test_what_is_spent_and_not_there_is_owed() -> None:
    story = given(shop("deficit"), bought("B1", 600, "2011-03-01"), redeem(18, "2011-03-02"))
    story.play(cancel("2011-03-04", bill_number="B1"))
    assert standing(story) == (0, 0, 18)


def test_points_that_expired_unused_are_not_asked_for() -> None:
    story = given(shop("deficit"), bought("B1", 600, "2011-03-01"), tick("2011-04-01"), adjust(9, "2011-04-02"))
    story.play(cancel("2011-04-03", bill_number="B1", rule="double"))
    assert standing(story) == (15, 27, 0)


class TestBill:
    def test_rule_that_was_a_mistake_goes_and_others_stay(self) -> None:
        story = given(shop(), bought("B1", 600, "2011-03-01"), cancel("2011-03-02", bill_number="B1", rule="double"))
        assert story.lots() == [(1, 6)]

    def test_all_that_the_bill_earned_goes(self) -> None:
        story = given(shop(), bought("B1", 600, "2011-03-01"), cancel("2011-03-02", bill_number="B1"))
        assert (story.lots(), story.account().lifetime) == ([], 0)

    def test_promised_points_go_too(self) -> None:
        promising = shop(promised={"until": "days", "days": 5})
        story = given(promising, bought("B1", 600, "2011-03-01"), cancel("2011-03-02", bill_number="B1", rule="spend"))
        assert (story.account().promised, story.only(PointsCancelled)[0].promised) == (12, 6)
        story.play(cancel("2011-03-03", lot=2))
        assert (story.account().promised, story.account().lifetime) == (0, 0)

    def test_return_after_it_takes_only_what_the_other_rules_gave(self) -> None:
        story = given(shop(), bought("B1", 600, "2011-03-01"), adjust(100, "2011-03-01"))
        story.play(cancel("2011-03-02", bill_number="B1", rule="double"))
        story.play(brought_back("B1", 600, "2011-03-03"))
        assert [one.points for one in story.only(PointsReversed)] == [6]
        assert story.balance() == 100

    def test_it_takes_what_returns_have_left(self) -> None:
        story = given(shop(), bought("B1", 600, "2011-03-01"), brought_back("B1", 200, "2011-03-02"))
        story.play(cancel("2011-03-03", bill_number="B1"))
        cancelled = story.only(PointsCancelled)[0]
        assert (cancelled.points, cancelled.reversed_of_bill, standing(story)) == (12, 18, (0, 0, 0))

    def test_update_of_the_bill_gives_none_of_it_again(self) -> None:
        story = given(shop(), bought("B1", 600, "2011-03-01"), cancel("2011-03-02", bill_number="B1", rule="double"))
        story.play(updated("B1", 1_000, "2011-03-03"))
        assert story.balance() == 10
        story.play(updated("B1", 100, "2011-03-04"))
        assert (story.balance(), story.account().lifetime) == (1, 1)

    def test_points_of_another_currency_are_named_by_it(self) -> None:
        stars = [{"id": "STARS", "name": "Stars"}]
        rules = [spend(), spend("stars", 2, currency="STARS")]
        story = given(shop(rules=rules, currencies=stars), bought("B1", 600, "2011-03-01"))
        story.play(cancel("2011-03-02", bill_number="B1", currency="STARS"))
        assert (story.balance(), story.balance(currency="STARS")) == (6, 0)


def test_restored_points_of_a_cancelled_award_come_back_to_the_customer_once() -> None:
    story = given(shop("deficit"), bought("B1", 600, "2011-03-01"), redeem(18, "2011-03-02"))
    story.play(cancel("2011-03-03", bill_number="B1"))
    story.play(reverse("d-2011-03-02", "2011-03-04"))
    assert standing(story) == (0, 0, 0)


def test_tier_falls_with_the_mistake_where_returns_cost_tiers() -> None:
    tiers = {"basis": "lifetime_points", "on_return": "at_once", "levels": [{"name": "Basic", "threshold": 0}]}
    tiers["levels"].append({"name": "Gold", "threshold": 50})  # type: ignore[attr-defined]
    story = given(shop(tiers=tiers), adjust(60, "2011-03-01"), adjust(-60, "2011-03-02"))
    assert story.tier() == 2
    story.play(adjust(60, "2011-03-03"))
    story.play(cancel("2011-03-04", lot=2))
    assert (story.tier(), story.account().lifetime) == (2, 60)
    tiers["levels"][1]["threshold"] = 61  # type: ignore[index]
    story = given(shop(tiers=tiers), adjust(60, "2011-03-01"), adjust(60, "2011-03-02"))
    story.play(cancel("2011-03-04", lot=2))
    assert story.tier() == 1


@pytest.mark.parametrize(
    ("named", "refused"),
    [
        pytest.param({"lot": 9}, (Refusal.LOT_UNKNOWN, "9"), id="lot-that-never-was"),
        pytest.param({"bill_number": "B9"}, (Refusal.AWARD_UNKNOWN, "B9"), id="bill-that-never-was"),
        pytest.param({"bill_number": "B1", "rule": "x"}, (Refusal.AWARD_UNKNOWN, "B1/x"), id="rule-that-paid-nothing"),
        pytest.param({"lot": 1, "currency": "STARS"}, (Refusal.CURRENCY_UNKNOWN, "STARS"), id="currency"),
    ],
)
def test_what_is_not_there_is_refused(named: dict[str, Any], refused: tuple[Refusal, str]) -> None:
    story = given(shop(), bought("B1", 600, "2011-03-01"), cancel("2011-03-02", **named))
    assert refusals(story) == [refused]
    assert story.balance() == 18


def test_second_request_is_refused() -> None:
    story = given(shop(), bought("B1", 600, "2011-03-01"))
    for on in ("2011-03-02", "2011-03-03"):
        story.play(cancel(on, bill_number="B1", rule="double"))
    assert refusals(story) == [(Refusal.AWARD_CANCELLED, "B1/double")]


def test_bill_that_can_no_longer_be_returned_is_not_known_by_its_number() -> None:
    story = given(shop(returns={"window_days": 40}), bought("B1", 600, "2011-03-01"))
    story.play(cancel("2011-04-11", bill_number="B1"))
    assert refusals(story) == [(Refusal.AWARD_UNKNOWN, "B1")]
    story.play(cancel("2011-04-12", lot=1))
    assert story.balance() == 0


def test_held_points_stay_held() -> None:
    story = given(shop(), adjust(10, "2011-03-01"), block(4, "2011-03-02"), cancel("2011-03-03", lot=1))
    assert (story.balance(), story.holds()) == (0, [("h-2011-03-02", 4)])
    story.play(cancel("2011-03-04", lot=1))
    assert refusals(story) == [(Refusal.LOT_UNKNOWN, "1")]


def test_points_of_another_customer_are_no_award() -> None:
    town = Town(shop())
    town.play(adjust(10, "2011-03-01"))
    town.play(transfer(6, 8, "2011-03-02"))
    town.settle()
    receiver = town.customer(8)
    receiver.play(cancel("2011-03-03", lot=1, customer_id=8))
    assert (refusals(receiver), receiver.balance()) == ([(Refusal.AWARD_UNKNOWN, "1")], 6)


def test_nothing_is_left_that_the_program_would_take() -> None:
    story = given(shop(), bought("B1", 600, "2011-03-01"), redeem(18, "2011-03-02"))
    story.play(cancel("2011-03-03", bill_number="B1"))
    cancelled = story.only(PointsCancelled)[0]
    assert (cancelled.points, sum(one.forgiven for one in cancelled.reversals)) == (0, 18)


def test_another_program_has_nothing_to_do_with_it() -> None:
    story = given(shop(), shop(program_id=2), bought("B1", 600, "2011-03-01"))
    story.play(cancel("2011-03-02", bill_number="B1"))
    assert (story.balance(), story.balance(2)) == (0, 18)


def test_bill_of_a_version_before_one_without_returns_can_still_be_cancelled() -> None:
    story = given(shop(), bought("B1", 600, "2011-03-01"), starting("2011-03-02", shop(version=2, returns=None)))
    story.play(cancel("2011-03-03", bill_number="B1"))
    assert story.balance() == 0


@settings(max_examples=40)
@forall(
    st.sampled_from(["own_lot", "other_lots", "deficit"]),
    st.integers(0, 18),
    st.integers(0, 6),
    st.sampled_from([{"lot": 1}, {"lot": 2}, {"bill_number": "B1"}, {"bill_number": "B1", "rule": "spend"}]),
)
def test_no_order_of_cancelling_and_returning_takes_more_than_the_bill_gave(
    shortfall: str, spent: int, returned: int, named: dict[str, Any]
) -> None:
    story = given(shop(shortfall), bought("B1", 600, "2011-03-01"), adjust(7, "2011-03-01 13:00"))
    steps = [redeem(spent, "2011-03-02")] if spent else []
    steps += [brought_back("B1", 100 * returned, "2011-03-03")] if returned else []
    for step in (*steps, cancel("2011-03-04", **named), brought_back("B1", 600, "2011-03-05")):
        story.play(step)
    taken = sum(one.points for one in (*story.only(PointsReversed), *story.only(PointsCancelled)))
    assert taken <= 18
    if shortfall == "deficit":
        assert (taken, story.balance() - story.account().deficit) == (18, 7 - spent)
