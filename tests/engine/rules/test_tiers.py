"""Rules for the members of some tiers: by the tier that a customer has before the record."""

from __future__ import annotations

import pytest

from schemas.records import Line
from tests.dsl import Story, given
from tests.steps import bought, did, program, spend

TIERS = {
    "basis": "net_purchases",
    "levels": [{"name": "Base", "threshold": 0}, {"name": "Silver", "threshold": 1_000}],
}
BEANS = (Line(sku="BEANS", amount_minor=1_000),)


def after_two_bills(*rules: dict[str, object]) -> Story:
    shop = program(rules=list(rules), tiers=TIERS)
    return given(shop, bought("B1", None, "2011-03-01", lines=BEANS), bought("B2", None, "2011-03-02", lines=BEANS))


@pytest.mark.parametrize(
    ("tiers", "earned"),
    [([], 20), (["base", "silver"], 20), (["silver"], 10), (["base"], 10)],
)
def test_spend_rule_pays_members_of_its_tiers_and_not_the_bill_that_lifts_them_there(
    tiers: list[str], earned: int
) -> None:
    assert after_two_bills(spend(tiers=tiers)).balance() == earned


def test_multiplier_holds_for_members_of_its_tiers() -> None:
    double = {"id": "double", "kind": "multiplier", "factor": 2, "skus": ["BEANS"], "tiers": ["silver"]}
    assert after_two_bills(spend(), double).balance() == 10 + 20


def test_event_rule_pays_members_of_its_tiers() -> None:
    gift = {"id": "gift", "kind": "event", "event": "birthday", "points": 50, "tiers": ["silver"]}
    shop = program(rules=[gift], tiers=TIERS)
    story = given(shop, did("birthday", "2011-03-01"), bought("B1", 1_000, "2011-03-02"), did("birthday", "2012-03-01"))
    assert story.balance() == 50


def test_rule_with_dates_and_tiers_holds_where_both_do() -> None:
    story = after_two_bills(spend(tiers=["base", "silver"], validity={"last": "2011-03-01"}))
    assert story.balance() == 10


@pytest.mark.parametrize("tiers", [None, TIERS])
def test_rule_for_a_tier_that_there_is_not_is_no_program(tiers: object) -> None:
    with pytest.raises(ValueError, match=r"rules\.0 is for the tier 'gold', which is none of this program"):
        program(rules=[spend(tiers=["gold"])], tiers=tiers)
