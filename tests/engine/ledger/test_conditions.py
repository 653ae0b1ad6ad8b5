"""What a redemption must keep to, what it is worth, and which points it takes first."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from schemas.facts import PointsHeld, PointsRedeemed, RecordRefused, Refusal
from schemas.program import ProgramDefinition
from tests.dsl import BOOKKEEPING, given
from tests.steps import (
    Step,
    adjust,
    block,
    bought,
    brought_back,
    confirm,
    did,
    milestone,
    program,
    redeem,
    spend,
    status,
    transfer,
)

B1 = bought("B1", 10_000, "2011-03-01")
LEVELS = [{"name": "Base", "threshold": 0}, {"name": "Gold", "threshold": 10_000}]


def shop(**redemption: Any) -> ProgramDefinition:
    """A point for every pound; who has bought for 100 pounds is in the tier Gold."""
    tiers = {"basis": "net_purchases", "levels": LEVELS}
    return program(rules=[spend()], redemption=redemption, tiers=tiers)


def asked(definition: ProgramDefinition, points: int, *before: Step) -> Refusal | None:
    """Why a redemption is refused; None where it is not."""
    story = given(definition, B1, *before)
    story.play(redeem(points, "2011-03-20"))
    refused = [fact.decision for fact in story.decided if isinstance(fact.decision, RecordRefused)]
    assert bool(refused) is (story.only(PointsRedeemed) == [])
    return refused[0].reason if refused else None


@pytest.mark.parametrize(
    ("redemption", "points", "reason"),
    [
        pytest.param({"minimum_points": 20}, 19, Refusal.BELOW_MINIMUM, id="one-short-of-the-minimum"),
        pytest.param({"minimum_points": 20}, 20, None, id="the-minimum"),
        pytest.param({"multiple_of": 25}, 49, Refusal.NOT_A_MULTIPLE, id="one-short-of-a-multiple"),
        pytest.param({"multiple_of": 25}, 50, None, id="a-multiple"),
        pytest.param({"multiple_of": 25}, 51, Refusal.NOT_A_MULTIPLE, id="one-beyond-a-multiple"),
        pytest.param({"maximum_points": 60}, 60, None, id="the-maximum"),
        pytest.param({"maximum_points": 60}, 61, Refusal.ABOVE_MAXIMUM, id="one-beyond-the-maximum"),
        pytest.param({"minimum_lifetime_points": 100}, 5, None, id="as-many-lifetime-points-as-asked-for"),
        pytest.param(
            {"minimum_lifetime_points": 101}, 5, Refusal.LIFETIME_POINTS_TOO_LOW, id="one-lifetime-point-short"
        ),
        pytest.param({"minimum_lifetime_purchases_minor": 10_000}, 5, None, id="as-many-purchases-as-asked-for"),
        pytest.param(
            {"minimum_lifetime_purchases_minor": 10_001},
            5,
            Refusal.LIFETIME_PURCHASES_TOO_LOW,
            id="a-penny-of-purchases-short",
        ),
        pytest.param({}, 100, None, id="the-whole-balance"),
        pytest.param({}, 101, Refusal.BALANCE_TOO_LOW, id="one-beyond-the-balance"),
    ],
)
def test_redemption_keeps_to_the_conditions(redemption: dict[str, Any], points: int, reason: Refusal | None) -> None:
    assert asked(program(rules=[spend()], redemption=redemption), points) is reason


@pytest.mark.parametrize(
    ("limits", "points", "reason"),
    [
        pytest.param({"minimum_points": 10}, 10, None, id="lower-minimum"),
        pytest.param({"minimum_points": 30}, 29, Refusal.BELOW_MINIMUM, id="higher-minimum"),
        pytest.param({"multiple_of": 7}, 28, None, id="other-multiple"),
        pytest.param({"multiple_of": 7}, 30, Refusal.NOT_A_MULTIPLE, id="not-the-usual-multiple"),
        pytest.param({"maximum_points": 90}, 90, None, id="higher-maximum"),
        pytest.param({"maximum_points": 90}, 95, Refusal.ABOVE_MAXIMUM, id="beyond-the-higher-maximum"),
        pytest.param({"minimum_lifetime_points": 0}, 20, None, id="no-lifetime-points"),
        pytest.param({"minimum_lifetime_points": 101}, 20, Refusal.LIFETIME_POINTS_TOO_LOW, id="more-lifetime-points"),
        pytest.param(
            {"minimum_lifetime_purchases_minor": 10_001}, 20, Refusal.LIFETIME_PURCHASES_TOO_LOW, id="more-purchases"
        ),
        pytest.param({}, 25, None, id="nothing-else"),
        pytest.param({}, 22, Refusal.NOT_A_MULTIPLE, id="the-usual-multiple"),
    ],
)
def test_tier_has_conditions_of_its_own(limits: dict[str, Any], points: int, reason: Refusal | None) -> None:
    usual = {"minimum_points": 20, "multiple_of": 5, "maximum_points": 50, "minimum_lifetime_points": 50}
    assert asked(shop(**usual, by_tier={"gold": limits}), points) is reason


def test_conditions_of_a_tier_are_not_those_of_others() -> None:
    definition = shop(by_tier={"base": {"minimum_points": 50}, "gold": {"maximum_points": 60}})
    assert asked(definition, 5) is None
    small = given(definition, bought("B0", 5_000, "2011-03-01")).when(redeem(5, "2011-03-02"))
    small.then(RecordRefused(reason=Refusal.BELOW_MINIMUM, subject="5"), ignoring=BOOKKEEPING)


def test_purchases_count_less_what_came_back() -> None:
    definition = program(rules=[spend()], redemption={"minimum_lifetime_purchases_minor": 9_000})
    assert asked(definition, 5, brought_back("B1", 1_000, "2011-03-02")) is None
    assert asked(definition, 5, brought_back("B1", 1_001, "2011-03-02")) is Refusal.LIFETIME_PURCHASES_TOO_LOW


def test_lifetime_points_are_those_of_the_currency_that_is_redeemed() -> None:
    stars = {"id": "STARS", "redemption": {"minimum_lifetime_points": 5}}
    story = given(program(rules=[spend()], currencies=[stars]), B1, adjust(4, "2011-03-02", currency="STARS"))
    story.when(redeem(1, "2011-03-03", currency="STARS")).then(
        RecordRefused(reason=Refusal.LIFETIME_POINTS_TOO_LOW, subject="5"), ignoring=BOOKKEEPING
    )


def test_held_redemption_keeps_to_the_same_conditions() -> None:
    story = given(program(rules=[spend()], redemption={"maximum_points": 60}), B1)
    story.when(redeem(61, "2011-03-02", hold=True)).then(
        RecordRefused(reason=Refusal.ABOVE_MAXIMUM, subject="61"), ignoring=BOOKKEEPING
    )


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        pytest.param("BLOCKED", Refusal.CUSTOMER_BLOCKED, id="blocked"),
        pytest.param("FRAUD", Refusal.CUSTOMER_FRAUD, id="fraud"),
        pytest.param("INACTIVE", None, id="inactive"),
        pytest.param("ACTIVE", None, id="active"),
    ],
)
def test_customer_who_is_blocked_or_marked_for_fraud_redeems_nothing(name: str, reason: Refusal | None) -> None:
    assert asked(program(rules=[spend()]), 5, status(name, "2011-03-02")) is reason


def test_blocked_customer_gives_no_points_away() -> None:
    story = given(program(rules=[spend()]), B1, status("BLOCKED", "2011-03-02"))
    story.when(transfer(5, 8, "2011-03-03")).then(RecordRefused(reason=Refusal.CUSTOMER_BLOCKED), ignoring=BOOKKEEPING)
    assert story.holds() == []


def test_blocked_customer_confirms_nothing_and_keeps_what_is_held() -> None:
    story = given(program(rules=[spend()]), B1, redeem(5, "2011-03-02 10:00", id="d", hold=True))
    story.play(status("BLOCKED", "2011-03-02 10:01"))
    story.when(confirm("d", "2011-03-02 10:02")).then(
        RecordRefused(reason=Refusal.CUSTOMER_BLOCKED), ignoring=BOOKKEEPING
    )
    story.play(status("ACTIVE", "2011-03-02 10:03"))
    story.play(confirm("d", "2011-03-02 10:04"))
    assert [one.points for one in story.only(PointsRedeemed)] == [5]


@pytest.mark.parametrize(
    ("points", "money", "redeemed", "value"),
    [
        pytest.param({"ratio": "0.0125"}, "GBP", 100, 125, id="a-point-and-a-quarter-pence"),
        pytest.param({"ratio": "0.0125"}, "GBP", 1, 1, id="what-is-left-over-is-lost-once"),
        pytest.param({"ratio": "0.0125"}, "GBP", 99, 123, id="less-than-a-penny-is-lost"),
        pytest.param({"ratio": "0.0000000001"}, "GBP", 100, 0, id="ten-decimals"),
        pytest.param({"ratio": "0.0099999999"}, "GBP", 100, 99, id="nearly-a-penny-each"),
        pytest.param({"ratio": "0.01"}, "JPY", 100, 1, id="money-without-decimals"),
        pytest.param({"ratio": "0.01"}, "KWD", 100, 1_000, id="money-with-three-decimals"),
        pytest.param({"ratio": "0"}, "GBP", 100, 0, id="worth-nothing"),
        pytest.param({"value_minor": 3}, "GBP", 100, 300, id="in-minor-units"),
        pytest.param({}, "GBP", 100, 100, id="a-penny-by-default"),
    ],
)
def test_points_are_worth_what_the_program_says(points: dict[str, Any], money: str, redeemed: int, value: int) -> None:
    definition = program(rules=[spend()], points=points, currency=money)
    story = given(definition, bought("B1", 10_000, "2011-03-01", currency=money), redeem(redeemed, "2011-03-02"))
    assert [one.value_minor for one in story.only(PointsRedeemed)] == [value]


@forall(st.integers(1, 10**10 - 1), st.lists(st.integers(1, 10**6), min_size=1, max_size=5))
def test_value_is_rounded_down_once_and_by_less_than_one_unit(billionths: int, parts: list[int]) -> None:
    definition = program(rules=[spend(points=10**6)], points={"ratio": f"0.{billionths:010}"})
    story = given(definition, bought("B1", 10_000, "2011-03-01"))
    for number, points in enumerate(parts):
        story.play(redeem(points, "2011-03-02", id=f"d{number}"))
    for redeemed in story.only(PointsRedeemed):
        exact = redeemed.points * billionths * 100
        assert 0 <= exact - redeemed.value_minor * 10**10 < 10**10


ORDERED = [
    {"id": "review", "kind": "event", "event": "review", "points": 7, "expiry": {"days": 90}},
    spend(expiry={"days": 60}),
]


@pytest.mark.parametrize(
    ("order", "lots"),
    [
        pytest.param("fefo", [3, 1, 2, 4], id="soonest-to-expire-first"),
        pytest.param("fifo", [1, 2, 3, 4], id="first-awarded-first"),
        pytest.param("lifo", [4, 3, 2, 1], id="last-awarded-first"),
        pytest.param("promotional_first", [2, 4, 3, 1], id="promotional-first"),
    ],
)
def test_points_are_spent_in_the_order_that_the_program_says(order: str, lots: list[int]) -> None:
    rules = [{**ORDERED[0]}, {**ORDERED[1]}]
    definition = program(
        rules=rules,
        redemption={"order": order},
        points={"expiry": {"days": 30}},
        milestones=[milestone("big", target=3, points=5, expiry={"days": 200})],
    )
    story = given(
        definition,
        bought("B1", 1_000, "2011-03-01"),
        did("review", "2011-03-02"),
        adjust(3, "2011-03-03"),
        bought("B2", 50, "2011-03-04"),
        bought("B3", 50, "2011-03-04 13:00"),
    )
    assert sorted(lot for lot, _ in story.lots()) == [1, 2, 3, 4]
    story.play(redeem(25, "2011-03-05"))
    assert [taken.lot_id for taken in story.only(PointsRedeemed)[0].taken] == lots


def test_blocks_and_debits_take_the_points_that_would_be_spent_first() -> None:
    definition = program(rules=[spend()], redemption={"order": "lifo"})
    story = given(definition, bought("B1", 500, "2011-03-01"), bought("B2", 500, "2011-03-02"))
    story.play(block(3, "2011-03-03"))
    story.play(adjust(-1, "2011-03-04"))
    assert [taken.lot_id for taken in story.only(PointsHeld)[0].taken] == [2]
    assert story.lots() == [(1, 5), (2, 1)]
