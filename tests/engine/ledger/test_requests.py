"""Redemption and adjustment: points that are spent, given or taken on request."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from schemas.facts import PointsDebited, PointsIssued, RecordRefused, Refusal, Taken
from schemas.records import AdjustPoints, RedeemPoints
from tests.dsl import BOOKKEEPING, given, redeemed
from tests.steps import adjust, bought, program, redeem, spend

SHOP = program(rules=[spend()], redemption={"minimum_points": 5}, points={"value_minor": 3})
MARCH = "2011-03-02"


def test_redemption_is_worth_what_the_program_says() -> None:
    given(SHOP, bought("B1", 1_000, "2011-03-01")).when(redeem(6, MARCH, bill_number="B2", notes="till 3")).then(
        redeemed(
            6,
            MARCH,
            redemption_id=f"d-{MARCH}",
            taken=(Taken(lot_id=1, points=6),),
            balance=4,
            value_minor=18,
            bill_number="B2",
            notes="till 3",
        ),
        ignoring=BOOKKEEPING,
    )


@pytest.mark.parametrize(
    ("points", "reason"),
    [
        pytest.param(-5, Refusal.POINTS_NOT_POSITIVE, id="below-zero"),
        pytest.param(0, Refusal.POINTS_NOT_POSITIVE, id="zero"),
        pytest.param(4, Refusal.BELOW_MINIMUM, id="one-short-of-the-minimum"),
        pytest.param(11, Refusal.BALANCE_TOO_LOW, id="one-more-than-the-balance"),
    ],
)
def test_redemption_outside_the_limits_is_refused(points: int, reason: Refusal) -> None:
    given(SHOP, bought("B1", 1_000, "2011-03-01")).when(redeem(points, MARCH)).then(
        RecordRefused(reason=reason, subject=str(points)), ignoring=BOOKKEEPING
    )


@pytest.mark.parametrize(
    ("points", "left"), [pytest.param(5, 5, id="the-minimum"), pytest.param(10, 0, id="the-whole-balance")]
)
def test_redemption_at_the_limits_succeeds(points: int, left: int) -> None:
    story = given(SHOP, bought("B1", 1_000, "2011-03-01"), redeem(points, MARCH))
    assert story.balance() == left


def test_redemption_without_any_points_is_refused() -> None:
    given(SHOP).when(redeem(5, MARCH)).then(
        RecordRefused(reason=Refusal.BALANCE_TOO_LOW, subject="5"), ignoring=BOOKKEEPING
    )


def test_redemption_in_a_currency_the_program_does_not_know_is_refused() -> None:
    given(SHOP, bought("B1", 1_000, "2011-03-01")).when(redeem(5, MARCH, currency="MILES")).then(
        RecordRefused(reason=Refusal.CURRENCY_UNKNOWN, subject="MILES"), ignoring=BOOKKEEPING
    )


def test_request_that_names_no_currency_means_the_programs_own() -> None:
    story = given(program(rules=[spend()], points={"name": "CRUMBS"}), bought("B1", 1_000, "2011-03-01"))
    story.when(redeem(6, MARCH, currency="")).then(
        redeemed(
            6, MARCH, currency="CRUMBS", redemption_id=f"d-{MARCH}", taken=(Taken(lot_id=1, points=6),), balance=4
        ),
        ignoring=BOOKKEEPING,
    )
    story.play(adjust(-1, "2011-03-03", currency=""))
    story.play(adjust(2, "2011-03-04", currency=""))
    assert [(debited.currency, debited.balance) for debited in story.only(PointsDebited)] == [("CRUMBS", 3)]
    assert (story.balance(currency="CRUMBS"), list(story.section().accounts)) == (5, ["CRUMBS"])


def test_points_in_an_older_record_of_a_program_that_calls_them_otherwise_stay_unknown() -> None:
    crumbs = program(rules=[spend()], points={"name": "CRUMBS"})
    given(crumbs, bought("B1", 1_000, "2011-03-01")).when(redeem(6, MARCH, currency="POINTS")).then(
        RecordRefused(reason=Refusal.CURRENCY_UNKNOWN, subject="POINTS"), ignoring=BOOKKEEPING
    )


@pytest.mark.parametrize("ask", [redeem, adjust])
def test_request_to_a_program_not_in_force_is_refused(ask: Callable[..., RedeemPoints | AdjustPoints]) -> None:
    given(SHOP).when(ask(5, MARCH, program_id=2)).then(
        RecordRefused(reason=Refusal.PROGRAM_UNKNOWN, subject="2"), ignoring=BOOKKEEPING
    )


def test_request_touches_only_the_program_it_names() -> None:
    story = given(SHOP, program(program_id=2, rules=[spend()]), bought("B1", 1_000, "2011-03-01"))
    story.play(redeem(6, "2011-03-02", program_id=2))
    story.play(adjust(-1, "2011-03-03", program_id=2))
    story.play(adjust(2, "2011-03-04", program_id=2))
    assert (story.balance(1), story.balance(2)) == (10, 5)


def test_refusal_of_one_program_leaves_the_others_alone() -> None:
    story = given(SHOP, program(program_id=2)).when(redeem(5, MARCH))
    assert sorted(story.state.head.sections) == [1, 2]


@pytest.mark.parametrize(
    ("points", "currency", "reason", "subject"),
    [
        pytest.param(0, "", Refusal.POINTS_NOT_POSITIVE, "0", id="zero"),
        pytest.param(-11, "", Refusal.BALANCE_TOO_LOW, "-11", id="more-than-the-balance"),
        pytest.param(5, "MILES", Refusal.CURRENCY_UNKNOWN, "MILES", id="unknown-currency"),
    ],
)
def test_adjustment_outside_the_limits_is_refused(points: int, currency: str, reason: Refusal, subject: str) -> None:
    given(SHOP, bought("B1", 1_000, "2011-03-01")).when(adjust(points, MARCH, currency=currency)).then(
        RecordRefused(reason=reason, subject=subject), ignoring=BOOKKEEPING
    )


def test_adjustment_may_take_the_whole_balance_and_is_not_held_to_the_minimum() -> None:
    story = given(SHOP, bought("B1", 1_000, "2011-03-01"), adjust(-4, MARCH), adjust(-6, "2011-03-03"))
    assert [debited.balance for debited in story.only(PointsDebited)] == [6, 0]


def test_refused_redemption_asked_again_stays_refused() -> None:
    story = given(SHOP, redeem(5, MARCH), bought("B1", 1_000, "2011-03-03"))
    story.when(redeem(5, MARCH)).then_nothing()
    assert len(story.only(PointsIssued)) == 1
