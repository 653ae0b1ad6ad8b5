"""Points that last as long as a tier: through its last day, later with every renewal, and no longer when it is lost."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from pipeline.engine.calendar import NEVER, as_date
from schemas.facts import (
    ExpiryMoved,
    ExpiryReminded,
    LotsMoved,
    MovedBy,
    PointsExpired,
    TierDowngraded,
    TierRenewed,
    TierUpgraded,
)
from schemas.program import ProgramDefinition
from tests.dsl import BOOKKEEPING, Story, given
from tests.steps import (
    Step,
    adjust,
    assign,
    block,
    bought,
    brought_back,
    day,
    instant,
    merge,
    program,
    reassess,
    redeem,
    release,
    release_tier,
    reverse,
    spend,
    starting,
    tick,
    transfer,
)
from tests.town import Town

LEVELS = (
    {"name": "Base", "threshold": 0},
    {"name": "Silver", "threshold": 1_000},
    {"name": "Gold", "threshold": 5_000},
)
SILVER = bought("B1", 1_000, "2011-03-01 09:00")
"""Ten points in the first tier, which never expire, and Silver through 1 March 2012."""
FIVE = bought("B2", 500, "2011-06-01")
"""Five points in Silver."""


def club(when_lost: str = "expire", version: int = 1, **parts: Any) -> ProgramDefinition:
    tiers = {"basis": "net_purchases", "levels": LEVELS, "validity": {"months": 12}, **parts.pop("tiers", {})}
    points = {"expiry": {"with_tier": when_lost}, **parts.pop("points", {})}
    return program(version=version, rules=[spend()], points=points, tiers=tiers, **parts)


def lots(story: Story) -> list[tuple[int, str]]:
    """What is left of each lot, and its last day."""
    account = story.account()
    return [
        (lot.open_points, "never" if lot.expires_on is None else as_date(lot.expires_on).isoformat())
        for lot in sorted(account.lots, key=lambda lot: lot.lot_id)
    ]


def test_points_last_through_the_last_day_of_the_tier_and_those_of_the_first_for_ever() -> None:
    assert lots(given(club(), SILVER, FIVE)) == [(10, "never"), (5, "2012-03-01")]


def test_renewal_moves_them_later_before_they_would_expire() -> None:
    story = given(club(tiers={"renewal": "purchases"}), SILVER, FIVE, bought("B3", 900, "2011-09-01"))
    story.when(tick("2012-03-02 00:00")).then(
        story.only(TierRenewed)[0],
        ExpiryMoved(
            currency="POINTS",
            moved_by=MovedBy.TIER,
            moved=(
                LotsMoved(
                    remaining=14,
                    lots=(2, 3),
                    old_on=day("2012-03-01"),
                    new_on=day("2013-03-02"),
                    closes_at=instant("2013-03-03 00:00"),
                ),
            ),
        ),
        ignoring=BOOKKEEPING,
    )
    story.play(tick("2013-03-04"))
    assert [one.points for one in story.only(PointsExpired)] == [14]
    assert lots(story) == [(10, "never")]


@pytest.mark.parametrize(
    ("when_lost", "points", "last"),
    [
        pytest.param("expire", [], None, id="expire-with-it"),
        pytest.param("keep", [4], "2013-03-02", id="go-on-with-the-tier-that-is-left"),
    ],
)
def test_points_of_a_tier_that_is_lost_at_its_end(when_lost: str, points: list[int], last: str | None) -> None:
    tiers = {"renewal": "purchases"}
    story = given(club(when_lost, tiers=tiers), bought("B1", 5_000, "2011-03-01"), bought("B2", 400, "2011-03-02"))
    story.play(tick("2012-03-02 00:00"))
    assert story.only(TierDowngraded)[0].reached == 2
    assert [one.points for one in story.only(PointsExpired)] == ([] if points else [4])
    assert [(one, "never" if last is None else last) for one in points] == lots(story)[1:]


def test_points_of_a_lower_tier_stay_while_it_is_held() -> None:
    story = given(club(tiers={"renewal": "purchases"}), SILVER, FIVE, bought("B3", 4_000, "2011-07-01"))
    assert lots(story) == [(10, "never"), (5, "2012-07-01"), (40, "2012-07-01")]
    story.play(bought("B4", 100, "2011-07-02"))
    story.play(tick("2012-07-02 00:00"))
    assert story.section().tier == 2
    assert [one.points for one in story.only(PointsExpired)] == [1]
    assert lots(story) == [(10, "never"), (5, "2013-07-02"), (40, "2013-07-02")]


def test_grace_is_a_time_in_which_the_tier_is_held() -> None:
    levels = [LEVELS[0], {**LEVELS[1], "renewal": 10_000}]
    story = given(club(tiers={"renewal": "points", "grace_days": 10, "levels": levels}), SILVER, FIVE)
    story.play(tick("2012-03-02 00:00"))
    assert lots(story) == [(10, "never"), (5, "2012-03-11")]
    story.play(tick("2012-03-12 00:00"))
    assert lots(story) == [(10, "never")]


@pytest.mark.parametrize("on_return", ["at_once", "end_of_day"])
@pytest.mark.parametrize(("when_lost", "last"), [("expire", "2011-07-02"), ("keep", "never")], ids=["expire", "keep"])
def test_points_of_a_tier_that_is_lost_before_its_end(on_return: str, when_lost: str, last: str) -> None:
    story = given(club(when_lost, tiers={"on_return": on_return}), SILVER, FIVE, adjust(3, "2011-06-02"))
    at = "2011-07-02 10:00" if on_return == "at_once" else "2011-07-01 10:00"
    story.play(brought_back("B1", 900, at))
    story.play(tick("2011-07-02 12:00"))
    assert (story.section().tier, lots(story)[-1]) == (1, (3, last))
    story.play(tick("2011-07-03 00:00"))
    assert story.balance() == (1 if when_lost == "expire" else 9)


def test_a_tier_that_is_reached_moves_them_later_and_never_earlier() -> None:
    tiers = {"validity": {"until": "12-31"}}
    story = given(club(tiers=tiers), SILVER, FIVE, bought("B3", 4_000, "2011-07-01"))
    assert (len(story.only(TierUpgraded)), story.only(ExpiryMoved)) == (2, [])
    story = given(club(), SILVER, FIVE, bought("B3", 4_000, "2011-07-01"))
    assert lots(story)[1] == (5, "2012-07-01")


def test_a_tier_given_by_hand_without_an_end_lets_them_last_for_ever() -> None:
    story = given(club(tiers={"renewal": "purchases"}), SILVER, FIVE, assign("silver", "2011-08-01"))
    story.play(tick("2012-03-02 00:00"))
    assert lots(story) == [(10, "never"), (5, "never")]
    assert story.only(ExpiryMoved)[0].moved[0].new_on is None
    assert story.only(ExpiryMoved)[0].moved[0].closes_at == NEVER
    story.play(adjust(7, "2012-03-10"))
    assert lots(story)[2:] == [(7, "never")]
    story.play(release_tier("2012-04-01"))
    assert lots(story) == [(10, "never"), (5, "2013-04-01"), (7, "2013-04-01")]


def test_held_points_follow_and_do_not_come_back_once_their_tier_is_lost() -> None:
    steps: list[Step] = [SILVER, redeem(10, "2011-03-02", id="first"), FIVE, block(5, "2011-06-02")]
    story = given(club(tiers={"renewal": "purchases"}), *steps, bought("B3", 900, "2011-09-01"))
    story.play(tick("2012-03-03"))
    assert [one.parts[0].expires_on for one in story.account().holds] == [day("2013-03-02")]
    story.play(tick("2013-04-01"))
    story.play(bought("B9", 3_000, "2013-04-02"))
    story.play(release("h-2011-06-02", "2013-04-03"))
    assert [one.points for one in story.only(PointsExpired)] == [9, 5]


def test_reminders_go_by_the_day_to_which_they_were_moved() -> None:
    definition = club(tiers={"renewal": "purchases"}, points={"reminders": [30]})
    story = given(definition, SILVER, FIVE, bought("B3", 900, "2011-09-01"), tick("2012-03-03"), tick("2013-03-04"))
    assert [(one.expires_on, one.remaining) for one in story.only(ExpiryReminded)] == [
        (day("2012-03-01"), 14),
        (day("2013-03-02"), 14),
    ]


def test_points_of_a_rule_alone_may_last_with_the_tier() -> None:
    rules = [spend(), spend("tier", expiry={"with_tier": "expire"})]
    definition = program(rules=rules, tiers={"basis": "net_purchases", "levels": LEVELS, "validity": {"months": 12}})
    assert lots(given(definition, SILVER, FIVE)) == [(20, "never"), (5, "never"), (5, "2012-03-01")]


def test_promised_points_last_with_the_tier_of_the_day_on_which_they_become_current() -> None:
    definition = club(promised={"until": "days", "days": 3})
    story = given(definition, SILVER, tick("2011-03-10"))
    assert lots(story) == [(10, "2012-03-01")]


def test_points_that_another_customer_receives_keep_their_day_or_go_by_the_tier_of_the_receiver() -> None:
    for expiry, last in (("keep", "2012-03-01"), ("reset", "never")):
        town = Town(club(transfer={"expiry": expiry}))
        for step in (SILVER, redeem(10, "2011-03-02"), FIVE, transfer(5, 8, "2011-06-02")):
            town.play(step)
            town.settle()
        assert lots(town.customer(8)) == [(5, last)]


@pytest.mark.parametrize(
    ("later", "left"),
    [
        pytest.param(
            bought("S2", 1_000, "2011-09-01"),
            [(10, "never"), (5, "2013-03-02"), (10, "never")],
            id="renewed",
        ),
        pytest.param(brought_back("S1", 1_000, "2011-09-01"), [(10, "never")], id="lost"),
    ],
)
def test_points_of_a_customer_who_is_merged_go_by_the_tier_of_the_survivor(
    later: Step, left: list[tuple[int, str]]
) -> None:
    tiers = {"renewal": "purchases", "on_return": "at_once"}
    town = Town(club(tiers=tiers, returns={"window_days": 400}))
    for step in (SILVER, FIVE):
        town.play(msgspec.structs.replace(step, customer_id=8))
    town.play(bought("S1", 1_000, "2011-03-01 09:00"))
    town.play(merge(8, "2011-06-02"))
    town.settle()
    assert lots(town.customer(7)) == [(10, "never"), (5, "2012-03-01"), (10, "never")]
    town.play(later)
    town.pass_time(tick("2012-03-03"))
    assert lots(town.customer(7))[:3] == left


def test_redemption_that_is_taken_back_gives_points_that_follow_the_tier() -> None:
    story = given(club(tiers={"renewal": "purchases"}), SILVER, FIVE, bought("B3", 900, "2011-09-01"))
    story.play(redeem(3, "2012-02-01"))
    story.play(tick("2012-03-03"))
    story.play(reverse("d-2012-02-01", "2012-03-04"))
    assert lots(story) == [(10, "never"), (5, "2013-03-02"), (9, "2013-03-02")]


def test_points_keep_what_they_had_where_the_program_no_longer_says_it() -> None:
    story = given(club(tiers={"renewal": "purchases"}), SILVER, FIVE)
    dropped = club(version=2, tiers={"renewal": "purchases"}, points={"expiry": None})
    story.play(starting("2011-07-01", dropped))
    story.play(bought("B3", 4_000, "2011-07-02"))
    assert lots(story) == [(10, "never"), (5, "2012-03-01"), (40, "never")]


def test_member_who_is_moved_by_request_loses_the_points_of_the_tier() -> None:
    raised = [LEVELS[0], {"name": "Silver", "threshold": 3_000}]
    story = given(club(), SILVER, FIVE, starting("2011-07-01", club(version=2, tiers={"levels": raised})))
    story.play(reassess("2011-07-02"))
    assert (story.section().tier, lots(story)) == (1, [(10, "never"), (5, "2011-07-02")])
