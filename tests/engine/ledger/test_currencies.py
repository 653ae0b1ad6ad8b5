"""Several currencies in one program: each is earned, spent, taken back and gone by itself."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.engine.ledger import issue
from schemas.facts import (
    AlternatePointsIssued,
    AlternatePointsReversed,
    Decision,
    IssuedFor,
    PointsDebited,
    PointsExpired,
    PointsIssued,
    PointsReversed,
    RecordRefused,
    Refusal,
    Reversal,
    Taken,
)
from tests.dsl import BOOKKEEPING, given, issued, redeemed
from tests.steps import adjust, block, bought, brought_back, day, did, instant, milestone, program, redeem, spend, tick

STARS = {"id": "STARS", "scale": 1, "expiry": {"days": 10}, "value_minor": 25}
COINS = {"id": "COINS", "redemption": {"minimum_points": 5}}
PARTS: dict[str, Any] = {
    "rules": [
        spend("stars", 5, 1_000, currency="STARS"),
        spend(),
        spend("coins", 2, 1_000, currency="COINS"),
        spend("more-stars", 1, 1_000, currency="STARS"),
    ],
    "currencies": [STARS, COINS],
}
SHOP = program(**PARTS)
B1 = bought("B1", 2_000, "2011-03-01")
EXPIRES = ("2011-03-11", "2011-03-12 00:00")


def stars(**parts: Any) -> PointsIssued:
    awards = (("stars", 10), ("more-stars", 2))
    return issued(*awards, **{"currency": "STARS", "balance": 12, "expires": EXPIRES, "bill_number": "B1", **parts})


def coins(**parts: Any) -> PointsIssued:
    return issued(("coins", 4), **{"currency": "COINS", "balance": 4, "bill_number": "B1", **parts})


def test_bill_gives_points_in_one_decision_and_all_other_currencies_in_another() -> None:
    given(SHOP).when(B1).then(
        issued(("spend", 20), balance=20, bill_number="B1"),
        AlternatePointsIssued(currencies=(stars(), coins())),
        ignoring=BOOKKEEPING,
    )


def test_bill_that_gives_no_points_gives_the_other_currencies_alone() -> None:
    rules = [one for one in PARTS["rules"] if one["id"] != "spend"]
    given(program(**{**PARTS, "rules": rules})).when(B1).then(
        AlternatePointsIssued(currencies=(stars(), coins())), ignoring=BOOKKEEPING
    )


def test_program_without_other_currencies_decides_as_it_did() -> None:
    named = program(rules=[spend(currency="POINTS")])
    for definition in (named, program(rules=[spend()])):
        given(definition).when(B1).then(issued(("spend", 20), balance=20, bill_number="B1"), ignoring=BOOKKEEPING)


def test_event_milestone_and_streak_level_pay_the_currency_that_they_name() -> None:
    definition = program(
        currencies=[STARS, COINS],
        rules=[{"id": "login", "kind": "event", "event": "login", "points": 1, "currency": "COINS"}],
        milestones=[
            milestone("day", 1, "day", counts={"of": "events", "event": "login"}, points=3, currency="STARS"),
        ],
        streaks=[
            {
                "id": "loyal",
                "streak_id": 1,
                "name": "Loyal",
                "milestone": "day",
                "levels": [{"name": "One", "periods": 1, "points": 7, "currency": "COINS"}],
            }
        ],
    )
    story = given(definition, did("login", "2011-03-01"))
    assert [
        (one.currency, one.points, one.activity, one.balance, one.lots[0].lot_id)
        for decision in story.only(AlternatePointsIssued)
        for one in decision.currencies
    ] == [
        ("COINS", 1, "", 1, 1),
        ("STARS", 3, f"milestone/day/{day('2011-03-01')}", 3, 1),
        ("COINS", 7, "streak/loyal/1", 8, 2),
    ]
    assert story.only(PointsIssued) == []


@pytest.mark.parametrize(
    ("points", "currency", "expected"),
    [
        pytest.param(
            11,
            "STARS",
            redeemed(
                11,
                "2011-03-02",
                currency="STARS",
                redemption_id="d-2011-03-02",
                taken=(Taken(lot_id=1, points=11),),
                balance=1,
                value_minor=27,
            ),
            id="1.1 stars at 25 pence are 27 pence",
        ),
        pytest.param(
            20,
            "",
            redeemed(20, "2011-03-02", redemption_id="d-2011-03-02", taken=(Taken(lot_id=1, points=20),), balance=0),
            id="the main currency where none is named",
        ),
        pytest.param(
            13, "STARS", RecordRefused(reason=Refusal.BALANCE_TOO_LOW, subject="13"), id="its own balance decides"
        ),
        pytest.param(
            4, "COINS", RecordRefused(reason=Refusal.BELOW_MINIMUM, subject="4"), id="its own minimum decides"
        ),
        pytest.param(1, "SUNS", RecordRefused(reason=Refusal.CURRENCY_UNKNOWN, subject="SUNS"), id="unknown"),
    ],
)
def test_redemption_of_a_currency_goes_by_its_own_terms(points: int, currency: str, expected: Decision) -> None:
    given(SHOP, B1).when(redeem(points, "2011-03-02", currency=currency)).then(expected, ignoring=BOOKKEEPING)


def test_adjustment_gives_and_takes_the_currency_that_it_names() -> None:
    story = given(SHOP, B1)
    given_by_hand = issued(
        ("goodwill", 6), issued_for=IssuedFor.ADJUSTMENT, currency="COINS", balance=10, lot=2, lifetime=10
    )
    story.when(adjust(6, "2011-03-02", currency="COINS")).then(
        AlternatePointsIssued(currencies=(given_by_hand,)), ignoring=BOOKKEEPING
    )
    story.when(adjust(-5, "2011-03-03", currency="COINS")).then(
        PointsDebited(
            currency="COINS",
            points=5,
            reason="goodwill",
            taken=(Taken(lot_id=1, points=4), Taken(lot_id=2, points=1)),
            balance=5,
        ),
        ignoring=BOOKKEEPING,
    )
    assert (story.balance(), story.balance(currency="STARS")) == (20, 12)


def test_currency_is_put_aside_by_itself() -> None:
    story = given(SHOP, B1, block(5, "2011-03-02", currency="STARS"))
    assert [story.balance(currency=one) for one in ("POINTS", "STARS", "COINS")] == [20, 7, 4]


def test_return_takes_back_points_in_one_decision_and_all_other_currencies_in_another() -> None:
    story = given(SHOP, B1, redeem(12, "2011-03-02", currency="STARS"))
    story.when(brought_back("B1", 1_000, "2011-03-03")).then(
        PointsReversed(
            currency="POINTS",
            points=10,
            of_bill="B1",
            reversals=(Reversal(rule_id="spend", lot_id=1, claimed=10, points=10, forgiven=0),),
            reversed_of_bill=10,
            balance=10,
            lifetime=10,
            paid_at=instant("2011-03-01"),
        ),
        AlternatePointsReversed(
            currencies=(
                PointsReversed(
                    currency="STARS",
                    points=0,
                    of_bill="B1",
                    reversals=(
                        Reversal(rule_id="stars", lot_id=1, claimed=5, points=0, forgiven=5),
                        Reversal(rule_id="more-stars", lot_id=1, claimed=1, points=0, forgiven=1),
                    ),
                    reversed_of_bill=0,
                    balance=0,
                    lifetime=12,
                    paid_at=instant("2011-03-01"),
                ),
                PointsReversed(
                    currency="COINS",
                    points=2,
                    of_bill="B1",
                    reversals=(Reversal(rule_id="coins", lot_id=1, claimed=2, points=2, forgiven=0),),
                    reversed_of_bill=2,
                    balance=2,
                    lifetime=2,
                    paid_at=instant("2011-03-01"),
                ),
            )
        ),
        ignoring=BOOKKEEPING,
    )


def test_whole_return_leaves_no_currency_of_the_bill() -> None:
    story = given(SHOP, B1, brought_back("B1", 700, "2011-03-02"), brought_back("B1", 1_300, "2011-03-03"))
    assert [story.balance(currency=one) for one in ("POINTS", "STARS", "COINS")] == [0, 0, 0]


def test_currency_expires_by_its_own_terms() -> None:
    given(SHOP, B1).when(tick("2011-06-01")).then(
        PointsExpired(
            currency="STARS",
            points=12,
            expired_on=day("2011-03-11"),
            taken=(Taken(lot_id=1, points=12),),
            balance=0,
            restorable_until=instant("2011-03-12 00:15"),
        )
    )


def test_tiers_go_by_the_main_currency_alone() -> None:
    levels = [{"name": "A", "threshold": 0}, {"name": "B", "threshold": 21}]
    story = given(program(**PARTS, tiers={"basis": "lifetime_points", "levels": levels}), B1)
    assert story.tier() == 1


def test_what_members_have_of_a_retired_currency_can_be_spent_and_nothing_is_given_in_it() -> None:
    rules = [one if "currency" not in one else one | {"retired": True} for one in PARTS["rules"]]
    ended = program(version=2, currencies=[STARS | {"retired": True}, COINS], rules=rules)
    story = given(SHOP, B1, ended, bought("B2", 2_000, "2011-03-02"))
    assert story.balance(currency="STARS") == 12
    story.when(adjust(1, "2011-03-03", currency="STARS")).then(
        RecordRefused(reason=Refusal.CURRENCY_UNKNOWN, subject="STARS"), ignoring=BOOKKEEPING
    )
    story.play(adjust(-2, "2011-03-04", currency="STARS"))
    story.play(redeem(10, "2011-03-05", currency="STARS"))
    assert story.balance(currency="STARS") == 0


def test_account_that_is_full_refuses_its_currency_and_what_would_come_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issue, "TOTAL_MAX", 11)
    given(program(**{**PARTS, "rules": PARTS["rules"][:1] + PARTS["rules"][2:]})).when(B1).then(
        RecordRefused(reason=Refusal.TOTAL_TOO_LARGE, subject="STARS"), ignoring=BOOKKEEPING
    )


def test_lots_of_all_currencies_count_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issue, "LOTS_MAX", 2)
    given(SHOP).when(B1).then(RecordRefused(reason=Refusal.TOTAL_TOO_LARGE, subject="COINS"), ignoring=BOOKKEEPING)
