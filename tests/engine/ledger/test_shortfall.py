"""Shortfall: where the points come from that a return asks back and that were spent; and what is owed."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st

from pipeline.engine.ledger.state import LedgerAccount
from schemas.facts import LotsTracked, PointsReversed, PointsSettled, Reversal, Taken
from schemas.program import ProgramDefinition, Shortfall
from tests.dsl import BOOKKEEPING, Story, given, issued
from tests.steps import (
    Step,
    adjust,
    block,
    bought,
    brought_back,
    confirm,
    did,
    instant,
    program,
    redeem,
    release,
    reverse,
    spend,
    starting,
    tick,
    updated,
)

POLICIES = [policy.value for policy in Shortfall]
BEYOND = POLICIES[1:]


def shop(shortfall: str, days: int | None = None, version: int = 1) -> ProgramDefinition:
    expiry = {"expiry": {"days": days}} if days else {}
    return program(version=version, rules=[spend()], points=expiry, returns={"shortfall": shortfall})


def more(story: Story, *steps: Step) -> Story:
    for step in steps:
        story.play(step)
    return story


@pytest.mark.parametrize(
    ("shortfall", "balance", "deficit"),
    [
        pytest.param("own_lot", 4, 0, id="forgiven"),
        pytest.param("other_lots", 0, 0, id="from-other-lots-as-far-as-they-go"),
        pytest.param("deficit", 0, 6, id="and-the-rest-is-owed"),
    ],
)
def test_points_that_were_spent_come_from_where_the_program_says(shortfall: str, balance: int, deficit: int) -> None:
    story = given(shop(shortfall), bought("B1", 1_000, "2011-03-01"), redeem(10, "2011-03-02"))
    more(story, adjust(4, "2011-03-03"), brought_back("B1", 1_000, "2011-03-04"))
    assert (story.balance(), story.account().deficit) == (balance, deficit)


def test_what_is_owed_is_a_posting_of_its_own() -> None:
    story = given(shop("deficit"), bought("B1", 1_000, "2011-03-01"), redeem(8, "2011-03-02"))
    more(story, bought("B2", 300, "2011-03-03"))
    story.when(brought_back("B1", 1_000, "2011-03-04")).then(
        PointsReversed(
            currency="POINTS",
            points=10,
            of_bill="B1",
            reversals=(Reversal(rule_id="spend", lot_id=1, claimed=10, points=2, forgiven=0, beyond=8),),
            reversed_of_bill=10,
            balance=0,
            lifetime=3,
            others=(Taken(lot_id=2, points=3),),
            owed=5,
            paid_at=instant("2011-03-01"),
        ),
        ignoring=BOOKKEEPING,
    )
    assert story.totals() == {
        LedgerAccount.ISSUED: -13,
        LedgerAccount.REDEEMED: 8,
        LedgerAccount.REVERSED: 10,
        LedgerAccount.DEFICIT: -5,
        LedgerAccount.LIFETIME: 3,
    }


def test_the_next_points_repay_what_is_owed_before_they_can_be_spent() -> None:
    story = given(shop("deficit"), bought("B1", 1_000, "2011-03-01"), redeem(10, "2011-03-02"))
    more(story, brought_back("B1", 1_000, "2011-03-03"))
    story.when(bought("B2", 400, "2011-03-04")).then(
        issued(("spend", 4), balance=4, lot=2, bill_number="B2"),
        PointsSettled(currency="POINTS", points=4, taken=(Taken(lot_id=2, points=4),), balance=0, deficit=6),
        ignoring=BOOKKEEPING,
    )
    more(story, adjust(9, "2011-03-05"))
    assert (story.balance(), story.account().deficit, story.account().lifetime) == (3, 0, 13)
    assert story.lots() == [(3, 3)]


def test_points_that_have_expired_since_their_bill_repay_what_is_owed() -> None:
    story = given(shop("deficit", days=5), bought("B1", 1_000, "2011-03-20"), redeem(10, "2011-03-20 13:00"))
    more(story, brought_back("B1", 1_000, "2011-03-20 14:00"), bought("B2", 400, "2011-03-01"))
    assert (story.account().deficit, story.totals().get(LedgerAccount.EXPIRED, 0)) == (6, 0)


@pytest.mark.parametrize("shortfall", BEYOND)
@pytest.mark.parametrize(
    ("spent", "left"),
    [
        pytest.param(0, 20, id="none-was-spent"),
        pytest.param(3, 17, id="what-was-spent-is-taken"),
        pytest.param(10, 10, id="all-was-spent"),
    ],
)
def test_points_that_expired_unused_are_never_asked_back(shortfall: str, spent: int, left: int) -> None:
    story = given(shop(shortfall, days=10), bought("B1", 1_000, "2011-03-01"))
    more(story, *([redeem(spent, "2011-03-02")] if spent else []), tick("2011-03-12"))
    more(story, adjust(20, "2011-03-13"), brought_back("B1", 1_000, "2011-03-14"))
    assert (story.balance(), story.account().deficit) == (left, 0)


@pytest.mark.parametrize(
    ("parts", "balance"),
    [
        pytest.param([1_000], 10, id="at-once"),
        pytest.param([500, 500], 10, id="in-halves"),
        pytest.param([333, 333, 334], 10, id="in-thirds"),
    ],
)
def test_any_split_of_a_return_takes_the_same_from_other_lots(parts: list[int], balance: int) -> None:
    story = given(shop("other_lots"), bought("B1", 1_000, "2011-03-01"), redeem(7, "2011-03-02"))
    more(story, bought("B2", 1_700, "2011-03-03"))
    for number, part in enumerate(parts):
        more(story, brought_back("B1", part, f"2011-03-04 12:0{number}"))
    assert story.balance() == balance


def test_other_lots_go_in_the_order_of_spending() -> None:
    story = given(shop("other_lots", days=30), bought("B1", 1_000, "2011-03-01"), redeem(10, "2011-03-02"))
    more(story, bought("B2", 400, "2011-03-05"), bought("B3", 400, "2011-03-03"))
    more(story, brought_back("B1", 600, "2011-03-06"))
    assert story.lots() == [(2, 2)]


def test_claims_on_one_lot_share_what_was_spent_of_it_in_their_order() -> None:
    rules = [spend("base"), spend("more", points=2)]
    story = given(program(rules=rules, returns={"shortfall": "other_lots"}), bought("B1", 1_000, "2011-03-01"))
    more(story, redeem(30, "2011-03-02"), adjust(12, "2011-03-03"), brought_back("B1", 1_000, "2011-03-04"))
    assert story.only(PointsReversed)[0].reversals == (
        Reversal(rule_id="base", lot_id=1, claimed=10, points=0, forgiven=0, beyond=10),
        Reversal(rule_id="more", lot_id=1, claimed=20, points=0, forgiven=18, beyond=2),
    )


def test_a_bill_of_a_version_that_forgave_is_forgiven() -> None:
    story = given(shop("own_lot"), bought("B1", 1_000, "2011-03-01"), redeem(10, "2011-03-02"))
    more(story, starting("2011-03-03", shop("deficit", version=2)), brought_back("B1", 1_000, "2011-03-04"))
    assert (story.only(LotsTracked), story.account().deficit) == ([], 0)


def test_what_is_owed_is_repaid_though_the_program_lets_nothing_be_owed_any_more() -> None:
    story = given(shop("deficit"), bought("B1", 1_000, "2011-03-01"), redeem(10, "2011-03-02"))
    more(story, brought_back("B1", 1_000, "2011-03-03"), starting("2011-03-04", shop("own_lot", version=2)))
    more(story, bought("B2", 1_200, "2011-03-05"))
    assert (story.balance(), story.account().deficit) == (2, 0)


def test_uses_are_forgotten_when_no_return_can_ask_back_any_more() -> None:
    definition = program(rules=[spend()], repeat_window_days=5, returns={"shortfall": "other_lots", "window_days": 10})
    story = given(definition, bought("B1", 1_000, "2011-03-01"), bought("B2", 1_000, "2011-03-10"))
    assert list(story.account().uses) == [1, 2]
    more(story, bought("B3", 1_000, "2011-03-16"))
    assert list(story.account().uses) == [2, 3]


bounded = settings(max_examples=60)


@bounded
@forall(
    st.sampled_from(BEYOND),
    st.lists(st.integers(1, 9), max_size=6),
    st.lists(st.integers(1, 700), min_size=1, max_size=5),
)
def test_nobody_keeps_points_of_goods_that_went_back_while_there_is_balance(
    shortfall: str, spent: list[int], parts: list[int]
) -> None:
    story = given(shop(shortfall), bought("B1", 1_000, "2011-03-01"), bought("B2", 700, "2011-03-02"))
    for number, points in enumerate(spent):
        more(story, redeem(points, f"2011-03-03 12:0{number}"))
    for number, part in enumerate((*parts, 1_000)):
        more(story, brought_back("B1", part, f"2011-03-04 12:0{number}"))
    redeemed = story.totals().get(LedgerAccount.REDEEMED, 0)
    net = 7 - redeemed
    owed = -net if shortfall == "deficit" else 0
    assert (story.balance(), story.account().deficit) == (max(net, 0), max(owed, 0))


def test_points_of_a_redemption_that_was_taken_back_were_not_used() -> None:
    story = given(shop("other_lots", days=10), bought("B1", 1_000, "2011-03-01"), redeem(10, "2011-03-02"))
    more(story, reverse("d-2011-03-02", "2011-03-03"), bought("B2", 1_000, "2011-03-05"), tick("2011-03-12"))
    assert story.balance() == 10
    story.play(brought_back("B1", 1_000, "2011-03-13"))
    assert story.balance() == 10


@pytest.mark.parametrize("shortfall", BEYOND)
def test_what_made_good_for_another_bill_is_made_good_when_its_own_bill_comes_back(shortfall: str) -> None:
    story = given(shop(shortfall), bought("B1", 1_000, "2011-03-01"), redeem(10, "2011-03-02"))
    more(story, bought("B2", 1_000, "2011-03-03"), brought_back("B1", 1_000, "2011-03-04"))
    assert story.balance() == 0
    more(story, adjust(10, "2011-03-05"), brought_back("B2", 1_000, "2011-03-06"))
    assert story.balance() == 0


@pytest.mark.parametrize("shortfall", BEYOND)
def test_points_of_an_event_make_good_for_a_bill(shortfall: str) -> None:
    gift = {"id": "gift", "kind": "event", "event": "gift", "points": 7}
    there = program(rules=[spend(), gift], returns={"shortfall": shortfall})
    story = given(there, bought("B1", 1_000, "2011-03-01"), redeem(10, "2011-03-02"))
    more(story, did("gift", "2011-03-03"), brought_back("B1", 600, "2011-03-04"))
    assert (story.balance(), story.account().deficit) == (1, 0)


def test_points_that_repaid_a_debt_are_owed_again_when_their_bill_comes_back() -> None:
    story = given(shop("deficit"), bought("B1", 1_000, "2011-03-01"), redeem(10, "2011-03-02"))
    more(story, brought_back("B1", 1_000, "2011-03-03"), bought("B2", 1_000, "2011-03-04"))
    assert (story.balance(), story.account().deficit) == (0, 0)
    more(story, brought_back("B2", 1_000, "2011-03-05"))
    assert (story.balance(), story.account().deficit) == (0, 10)


@pytest.mark.parametrize("spent", [4, 9, 13, 20])
def test_points_of_an_update_that_were_spent_are_owed_as_those_of_its_bill_are(spent: int) -> None:
    story = given(shop("deficit"), bought("B1", 1_000, "2011-03-01"), updated("B1", 2_000, "2011-03-02"))
    more(story, redeem(spent, "2011-03-03"), brought_back("B1", 2_000, "2011-03-04"))
    assert (story.balance(), story.account().deficit, story.account().lifetime) == (0, spent, 0)


@pytest.mark.parametrize("spent", [4, 10])
def test_promised_points_that_were_spent_once_they_were_current_are_owed(spent: int) -> None:
    promising = program(rules=[spend()], promised={"until": "days", "days": 1}, returns={"shortfall": "deficit"})
    story = given(promising, bought("B1", 1_000, "2011-03-01"), tick("2011-03-03"), redeem(spent, "2011-03-04"))
    more(story, brought_back("B1", 1_000, "2011-03-05"))
    assert (story.balance(), story.account().deficit) == (0, spent)


@pytest.mark.parametrize(
    ("then", "balance", "deficit"),
    [
        pytest.param(confirm("d-2011-03-02", "2011-03-05"), 0, 10, id="and-are-spent"),
        pytest.param(release("d-2011-03-02", "2011-03-05"), 0, 0, id="and-come-back"),
    ],
)
def test_points_that_are_held_while_their_goods_come_back_are_asked_back(
    then: Step, balance: int, deficit: int
) -> None:
    story = given(shop("deficit"), bought("B1", 1_000, "2011-03-01"), redeem(10, "2011-03-02", hold=True))
    more(story, brought_back("B1", 1_000, "2011-03-02 12:10"))
    assert story.account().deficit == 10
    story.play(msgspec.structs.replace(then, event_time=instant("2011-03-02 12:12")))
    assert (story.balance(), story.account().deficit) == (balance, deficit)


def test_points_that_are_held_are_asked_back_once_and_the_rest_expired_unused() -> None:
    story = given(shop("deficit", days=10), bought("B1", 1_000, "2011-03-01"), block(3, "2011-03-02"))
    more(story, tick("2011-03-12"), brought_back("B1", 500, "2011-03-13"))
    assert story.account().deficit == 3
    more(story, brought_back("B1", 500, "2011-03-14"))
    assert story.account().deficit == 3


def test_points_that_were_issued_anew_after_their_last_day_are_asked_back() -> None:
    returns = {"shortfall": "other_lots"}
    anew = program(
        rules=[spend()], points={"expiry": {"days": 5}}, returns=returns, redemption={"past_expiry": "reissue"}
    )
    story = given(anew, bought("B1", 1_000, "2011-03-01"), redeem(10, "2011-03-02"))
    more(story, reverse("d-2011-03-02", "2011-03-10"))
    assert story.balance() == 10
    story.play(brought_back("B1", 1_000, "2011-03-11"))
    assert story.balance() == 0


def test_rule_leaves_a_lot_that_it_shares_to_a_rule_that_has_no_other() -> None:
    rules = [spend(), spend("big", 2, minimum_minor=2_000)]
    story = given(program(rules=rules, returns={"shortfall": "deficit"}), bought("B1", 1_000, "2011-03-01"))
    more(story, updated("B1", 2_000, "2011-03-02"), redeem(10, "2011-03-03"), brought_back("B1", 2_000, "2011-03-04"))
    assert (story.balance(), story.account().deficit) == (0, 10)
