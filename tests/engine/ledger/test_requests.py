"""Redemption and adjustment: asked for by the customer, or by somebody for them."""

from __future__ import annotations

import pytest

from schemas.facts import PointsDebited, PointsIssued, PointsRedeemed, RecordRefused, Refusal, Taken
from tests.dsl import adjust, bought, fact, given, instant, program, redeem, spend

SHOP = program(rules=[spend()], redemption={"minimum_points": 5}, points={"value_minor": 3})
MARCH = "2011-03-02"


def refused(reason: Refusal, subject: str) -> object:
    return fact(RecordRefused, reason=reason, clock=instant(MARCH), program_id=1, program_version=1, subject=subject)


def test_redemption_is_worth_what_the_program_says() -> None:
    given(SHOP, bought("B1", 1_000, "2011-03-01")).when(redeem(6, MARCH, bill_number="B2", notes="till 3")).then(
        fact(
            PointsRedeemed,
            points=6,
            redemption_id=f"d-{MARCH}",
            taken=(Taken(6, 6),),
            balance=4,
            value_minor=18,
            bill_number="B2",
            notes="till 3",
        )
    )


@pytest.mark.parametrize(
    ("points", "reason"),
    [
        pytest.param(-5, Refusal.POINTS_NOT_POSITIVE, id="below-zero"),
        pytest.param(0, Refusal.POINTS_NOT_POSITIVE, id="zero"),
        pytest.param(4, Refusal.BELOW_MINIMUM, id="one-short-of-the-minimum"),
        pytest.param(5, None, id="on-the-minimum"),
        pytest.param(10, None, id="the-whole-balance"),
        pytest.param(11, Refusal.BALANCE_TOO_LOW, id="one-more-than-the-balance"),
    ],
)
def test_redemption_keeps_to_the_limits(points: int, reason: Refusal | None) -> None:
    story = given(SHOP, bought("B1", 1_000, "2011-03-01")).when(redeem(points, MARCH))
    if reason is None:
        assert [one.points for one in story.only(PointsRedeemed)] == [points]
    else:
        story.then(refused(reason, str(points)))


def test_redemption_without_any_points_is_refused() -> None:
    given(SHOP).when(redeem(5, MARCH)).then(refused(Refusal.BALANCE_TOO_LOW, "5"))


def test_redemption_in_a_currency_the_program_does_not_know_is_refused() -> None:
    given(SHOP, bought("B1", 1_000, "2011-03-01")).when(redeem(5, MARCH, currency="MILES")).then(
        refused(Refusal.CURRENCY_UNKNOWN, "MILES")
    )


def test_a_request_that_names_no_currency_means_the_programs_own() -> None:
    story = given(program(rules=[spend()], points={"name": "CRUMBS"}), bought("B1", 1_000, "2011-03-01"))
    story.when(redeem(6, MARCH, currency="")).then(
        fact(
            PointsRedeemed,
            currency="CRUMBS",
            points=6,
            redemption_id=f"d-{MARCH}",
            taken=(Taken(6, 6),),
            balance=4,
            value_minor=6,
        )
    )
    story.play(adjust(-1, "2011-03-03", currency=""))
    story.play(adjust(2, "2011-03-04", currency=""))
    assert [(one.currency, one.balance) for one in story.only(PointsDebited)] == [("CRUMBS", 3)]
    assert {name: account.balance for name, account in story.state.head.sections[1].accounts.items()} == {"CRUMBS": 5}


def test_points_in_an_older_record_of_a_program_that_calls_them_otherwise_stay_unknown() -> None:
    crumbs = program(rules=[spend()], points={"name": "CRUMBS"})
    given(crumbs, bought("B1", 1_000, "2011-03-01")).when(redeem(6, MARCH, currency="POINTS")).then(
        refused(Refusal.CURRENCY_UNKNOWN, "POINTS")
    )


@pytest.mark.parametrize("ask", [redeem, adjust])
def test_request_to_a_program_not_in_force_is_refused(ask: object) -> None:
    assert callable(ask)
    given(SHOP).when(ask(5, MARCH, program_id=2)).then(
        fact(RecordRefused, reason=Refusal.PROGRAM_UNKNOWN, clock=instant(MARCH), subject="2")
    )


def test_request_touches_only_the_program_it_names() -> None:
    story = given(SHOP, program(program_id=2, rules=[spend()]), bought("B1", 1_000, "2011-03-01"))
    story.play(redeem(6, "2011-03-02", program_id=2))
    story.play(adjust(-1, "2011-03-03", program_id=2))
    story.play(adjust(2, "2011-03-04", program_id=2))
    assert (story.account(1).balance, story.account(2).balance) == (10, 5)


def test_refusal_of_one_program_leaves_the_others_alone() -> None:
    story = given(SHOP, program(program_id=2)).when(redeem(5, MARCH))
    assert sorted(story.state.head.sections) == [1, 2]


@pytest.mark.parametrize(
    ("points", "reason", "subject"),
    [
        pytest.param(0, Refusal.POINTS_NOT_POSITIVE, "0", id="zero"),
        pytest.param(-11, Refusal.BALANCE_TOO_LOW, "-11", id="more-than-the-balance"),
    ],
)
def test_adjustment_keeps_to_the_balance(points: int, reason: Refusal, subject: str) -> None:
    given(SHOP, bought("B1", 1_000, "2011-03-01")).when(adjust(points, MARCH)).then(refused(reason, subject))


def test_adjustment_in_a_currency_the_program_does_not_know_is_refused() -> None:
    given(SHOP).when(adjust(5, MARCH, currency="MILES")).then(refused(Refusal.CURRENCY_UNKNOWN, "MILES"))


def test_adjustment_may_take_the_whole_balance_and_is_not_held_to_the_minimum() -> None:
    story = given(SHOP, bought("B1", 1_000, "2011-03-01"), adjust(-4, MARCH), adjust(-6, "2011-03-03"))
    assert [one.balance for one in story.only(PointsDebited)] == [6, 0]


def test_refused_redemption_asked_again_stays_refused() -> None:
    story = given(SHOP, redeem(5, MARCH), bought("B1", 1_000, "2011-03-03"))
    story.when(redeem(5, MARCH)).then_nothing()
    assert len(story.only(PointsIssued)) == 1
