"""Claims: what was asked back and was not there is taken when it comes back, whatever came first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st

from pipeline.engine.ledger import claims
from pipeline.engine.ledger.state import LedgerAccount
from pipeline.engine.programs import DAY_MS
from schemas.facts import ClaimsKept, KeptClaim, PointsReclaimed, RecordRefused, RedemptionReversed, Reversal, Taken
from schemas.program import ProgramDefinition
from tests.dsl import BOOKKEEPING, Story, given
from tests.engine.test_returns import SPENT, loyal
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
    updated,
)

POLICIES = ["own_lot", "other_lots", "deficit"]
FORGIVING = POLICIES[:2]
MINUTE = 60_000


def shop(shortfall: str, **parts: Any) -> ProgramDefinition:
    returns = {"shortfall": shortfall, **parts.pop("returns", {})}
    return program(**{"rules": [spend()], "returns": returns, **parts})


def played(definition: ProgramDefinition, *steps: Step) -> Story:
    story = given(definition, *steps)
    assert story.only(RecordRefused) == []
    return story


def stand(story: Story) -> tuple[int, int, int]:
    account = story.account()
    return account.balance, account.deficit, account.lifetime


def test_what_comes_back_is_taken_by_a_decision_of_its_own() -> None:
    story = given(shop("own_lot"), bought("B1", 1_000, "2011-03-01"), redeem(8, "2011-03-02"))
    story.when(brought_back("B1", 1_000, "2011-03-03"))
    assert story.only(ClaimsKept) == [
        ClaimsKept(
            currency="POINTS",
            of_bill="B1",
            claims=(KeptClaim(rule_id="spend", lots=(1,), points=8),),
            until=instant("2011-03-03") + 400 * DAY_MS,
            paid_at=instant("2011-03-01"),
        )
    ]
    story.when(reverse("d-2011-03-02", "2011-03-04", 5)).then(
        story.only(RedemptionReversed)[0],
        PointsReclaimed(
            currency="POINTS",
            points=5,
            balance=0,
            of_bill="B1",
            reversals=(Reversal(rule_id="spend", lot_id=1, claimed=0, points=5, forgiven=0),),
            reversed_of_bill=5,
            lifetime=3,
            paid_at=instant("2011-03-01"),
            claim=1,
        ),
        ignoring=BOOKKEEPING,
    )
    assert story.totals() == {
        LedgerAccount.ISSUED: -10,
        LedgerAccount.REDEEMED: 3,
        LedgerAccount.REVERSED: 7,
        LedgerAccount.LIFETIME: 3,
    }
    story.play(reverse("d-2011-03-02", "2011-03-05"))
    assert (story.balance(), story.account().claims) == (0, [])


@pytest.mark.parametrize("shortfall", POLICIES)
@pytest.mark.parametrize("parts", [[1_000], [500, 500], [333, 333, 334]], ids=["at-once", "in-halves", "in-thirds"])
def test_split_of_a_return_whose_redemption_comes_back_makes_no_difference(shortfall: str, parts: list[int]) -> None:
    definition = shop(shortfall, returns={"redeemed": "restore"})
    story = played(definition, bought("B1", 1_000, "2011-03-01"), adjust(10, "2011-03-01 13:00"))
    story.play(redeem(20, "2011-03-02", bill_number="B1"))
    for number, part in enumerate(parts):
        story.play(brought_back("B1", part, f"2011-03-03 12:0{number}"))
    assert stand(story) == (10, 0, 10)


@pytest.mark.parametrize("shortfall", POLICIES)
@pytest.mark.parametrize("order", [("B1", "B2"), ("B2", "B1")])
def test_order_of_two_bills_makes_no_difference(shortfall: str, order: Sequence[str]) -> None:
    story = played(shop(shortfall), bought("B1", 1_000, "2011-03-01"), redeem(10, "2011-03-02"))
    story.play(bought("B2", 1_000, "2011-03-03"))
    for number, bill in enumerate(order):
        story.play(brought_back(bill, 1_000, f"2011-03-04 12:0{number}"))
    assert story.balance() == 0
    story.play(reverse("d-2011-03-02", "2011-03-05"))
    assert stand(story) == (0, 0, 0)


@pytest.mark.parametrize("shortfall", POLICIES)
@pytest.mark.parametrize("returned_first", [True, False])
def test_hold_that_ends_before_its_goods_come_back_or_after_makes_no_difference(
    shortfall: str,
    returned_first: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    story = played(shop(shortfall), bought("B1", 1_000, "2011-03-01"), block(6, "2011-03-02"))
    steps = [brought_back("B1", 1_000, "2011-03-03"), release("h-2011-03-02", "2011-03-04")]
    for step in steps if returned_first else [release("h-2011-03-02", "2011-03-03"), steps[0]]:
        story.play(step)
    assert stand(story) == (0, 0, 0)


def test_hold_that_ends_by_itself_gives_back_what_was_asked_before() -> None:
    story = played(shop("own_lot"), bought("B1", 1_000, "2011-03-01"), redeem(10, "2011-03-02 12:00", hold=True))
    story.play(brought_back("B1", 700, "2011-03-02 12:05"))
    story.play(tick("2011-03-03"))
    assert stand(story) == (3, 0, 3)


def test_points_past_their_last_day_expire_and_are_not_taken() -> None:
    story = played(
        shop("own_lot", points={"expiry": {"days": 5}}),
        bought("B1", 1_000, "2011-03-01"),
        redeem(10, "2011-03-02"),
        brought_back("B1", 1_000, "2011-03-03"),
        reverse("d-2011-03-02", "2011-03-10"),
    )
    assert (story.only(PointsReclaimed), story.totals()[LedgerAccount.EXPIRED], story.balance()) == ([], 10, 0)


@pytest.mark.parametrize("hand_given", [("2011-03-01", 0), ("2011-03-05", 10)], ids=["before", "after"])
def test_other_lots_are_those_that_there_were_when_the_goods_came_back(hand_given: tuple[str, int]) -> None:
    """What was awarded later is left alone, although it was spent, too, and comes back."""
    on, left = hand_given
    steps: list[Step] = [bought("B1", 1_000, "2011-03-01 11:00"), redeem(10, "2011-03-02", id="of-bill")]
    given_by_hand = [adjust(10, f"{on} 12:00"), redeem(10, f"{on} 13:00", id="of-hand")]
    back = brought_back("B1", 1_000, "2011-03-04")
    order = (*steps[:1], redeem(10, "2011-03-01 11:30", id="of-bill"), *given_by_hand, back)
    if left:
        order = (*steps, back, *given_by_hand)
    story = played(shop("other_lots"), *order, reverse("of-hand", "2011-03-06"))
    assert story.balance() == left


def test_points_that_are_promised_are_reached_when_they_become_current() -> None:
    promised = spend("later", promised={"until": "days", "days": 10}, minimum_minor=1_500)
    definition = shop("other_lots", rules=[spend(), promised])
    story = played(definition, bought("B1", 1_000, "2011-03-01"), redeem(10, "2011-03-02"))
    story.play(bought("B2", 1_500, "2011-03-02 13:00"))
    story.play(redeem(15, "2011-03-03", id="all"))
    story.play(brought_back("B1", 1_000, "2011-03-04"))
    story.play(tick("2011-03-20"))
    assert stand(story) == (5, 0, 30)


def test_points_that_are_issued_anew_are_those_that_were_there() -> None:
    parts: dict[str, Any] = {"points": {"expiry": {"days": 5}}, "redemption": {"past_expiry": "reissue"}}
    steps = [bought("B1", 1_000, "2011-03-01"), redeem(10, "2011-03-02")]
    back, again = brought_back("B1", 1_000, "2011-03-09"), reverse("d-2011-03-02", "2011-03-10")
    assert played(shop("other_lots", **parts), *steps, back, again).balance() == 0
    assert played(shop("own_lot", **parts), *steps, back, again).balance() == 10


def test_what_stood_in_for_points_is_not_asked_of_them_again() -> None:
    steps = [bought("B1", 1_000, "2011-03-01"), redeem(10, "2011-03-02"), adjust(4, "2011-03-03")]
    story = played(shop("other_lots"), *steps, brought_back("B1", 1_000, "2011-03-04"))
    story.play(reverse("d-2011-03-02", "2011-03-05", 7))
    assert stand(story) == (1, 0, 4)
    story.play(reverse("d-2011-03-02", "2011-03-06"))
    assert stand(story) == (4, 0, 4)


MIDNIGHT = instant("2011-03-12 00:00")
LATE = redeem(10, MIDNIGHT - 1, id="late")


@pytest.mark.parametrize("shortfall", POLICIES)
@pytest.mark.parametrize("given_by_hand", [0, 4, 15])
def test_redemption_that_arrives_late_may_come_before_the_return_or_after(shortfall: str, given_by_hand: int) -> None:
    definition = shop(shortfall, points={"expiry": {"days": 10}}, redemption={"late_minutes": 15})
    endings = []
    for returned_first in (True, False):
        story = played(definition, bought("B1", 1_000, "2011-03-01"))
        if given_by_hand:
            story.play(adjust(given_by_hand, "2011-03-10"))
        story.play(tick(MIDNIGHT))
        back = brought_back("B1", 1_000, MIDNIGHT + MINUTE)
        for place, step in enumerate([back, LATE] if returned_first else [LATE, back]):
            story.play(step, as_of=MIDNIGHT + (5 + place) * MINUTE)
        endings.append(stand(story))
    assert endings[0] == endings[1]
    owed = max(0, 10 - given_by_hand)
    left = given_by_hand if shortfall == "own_lot" else max(0, given_by_hand - 10)
    assert endings[0][:2] == (left, owed if shortfall == "deficit" else 0)


def test_debt_of_a_late_redemption_is_a_posting_of_its_own() -> None:
    definition = shop("deficit", points={"expiry": {"days": 10}})
    story = played(definition, bought("B1", 1_000, "2011-03-01"), adjust(3, "2011-03-10"), tick(MIDNIGHT))
    story.play(brought_back("B1", 1_000, MIDNIGHT + MINUTE))
    story.play(LATE, as_of=MIDNIGHT + 2 * MINUTE)
    assert story.only(PointsReclaimed) == [
        PointsReclaimed(
            currency="POINTS",
            points=10,
            balance=0,
            of_bill="B1",
            reversals=(Reversal(rule_id="spend", lot_id=1, claimed=0, points=0, forgiven=0, beyond=10),),
            reversed_of_bill=10,
            lifetime=3,
            others=(Taken(lot_id=2, points=3),),
            owed=7,
            paid_at=instant("2011-03-01"),
            claim=1,
        )
    ]


def test_reward_that_is_achieved_again_is_not_taken() -> None:
    definition = loyal(SPENT, rewards="clawback", returns={"shortfall": "own_lot"})
    steps = [bought("B1", 1_000, "2011-03-01"), redeem(50, "2011-03-02"), brought_back("B1", 1_000, "2011-03-03")]
    story = played(definition, *steps, reverse("d-2011-03-02", "2011-03-04", 20))
    assert (story.balance(), story.account().claims[0].points) == (0, 30)
    story.play(bought("B2", 1_000, "2011-03-05"))
    assert (story.balance(), story.account().claims) == (20, [])
    story.play(reverse("d-2011-03-02", "2011-03-06"))
    assert story.balance() == 50


def test_reward_that_is_forgotten_is_taken_all_the_same() -> None:
    definition = loyal(SPENT, rewards="clawback", returns={"shortfall": "own_lot", "window_days": 40})
    definition = definition.model_copy(update={"repeat_window_days": 1})
    steps = [bought("B1", 1_000, "2011-03-01"), block(50, "2011-03-02"), brought_back("B1", 1_000, "2011-03-03")]
    story = played(definition, *steps, bought("B2", 1_000, "2011-06-01"))
    assert list(story.section().rewards) != ["milestone/spent/494"]
    story.play(release("h-2011-03-02", "2011-06-02"))
    assert story.only(PointsReclaimed)[0].points == 50


@pytest.mark.parametrize(
    ("then", "balance"),
    [
        pytest.param([], 0, id="taken"),
        pytest.param([updated("B1", 1_000, "2011-03-04")], 10, id="and-the-customer-has-had-it"),
        pytest.param([updated("B1", 600, "2011-03-04")], 6, id="and-has-had-a-part"),
    ],
)
def test_points_that_an_update_lets_the_customer_have_after_all_are_not_taken(then: list[Step], balance: int) -> None:
    steps = [bought("B1", 1_000, "2011-03-01"), redeem(10, "2011-03-02"), updated("B1", 0, "2011-03-03")]
    story = played(shop("own_lot"), *steps, *then, reverse("d-2011-03-02", "2011-03-05"))
    assert stand(story) == (balance, 0, balance)
    story.play(updated("B1", 1_200, "2011-03-06"))
    assert stand(story) == (12, 0, 12)


@pytest.mark.parametrize("named", [{"bill_number": "B1"}, {"lot": 1}])
def test_award_that_was_cancelled_is_taken_when_it_comes_back(named: dict[str, Any]) -> None:
    story = played(shop("other_lots"), bought("B1", 1_000, "2011-03-01"), redeem(10, "2011-03-02"))
    story.play(cancel("2011-03-03", **named))
    story.play(reverse("d-2011-03-02", "2011-03-04"))
    assert stand(story) == (0, 0, 0)


def test_award_in_two_lots_is_asked_of_the_one_that_comes_back() -> None:
    steps = [bought("B1", 1_000, "2011-03-01"), redeem(10, "2011-03-02"), updated("B1", 1_500, "2011-03-03")]
    story = played(shop("own_lot"), *steps, brought_back("B1", 1_500, "2011-03-04"))
    story.play(reverse("d-2011-03-02", "2011-03-05"))
    assert stand(story) == (0, 0, 0)


def test_claims_of_other_currencies_wait_each_for_its_own() -> None:
    stars = spend("stars", currency="STARS")
    definition = shop("own_lot", rules=[spend(), stars], currencies=[{"id": "STARS"}])
    story = played(definition, bought("B1", 1_000, "2011-03-01"), redeem(4, "2011-03-02", currency="STARS"))
    story.play(redeem(3, "2011-03-02 13:00", id="points"))
    story.play(brought_back("B1", 1_000, "2011-03-03"))
    story.play(reverse("d-2011-03-02", "2011-03-04"))
    assert (story.balance("STARS"), [one.currency for one in story.only(PointsReclaimed)]) == (0, ["STARS"])


@pytest.mark.parametrize("shortfall", POLICIES)
def test_nothing_is_kept_where_nothing_can_come_back(shortfall: str) -> None:
    story = played(shop(shortfall, points={"expiry": {"days": 10}}), bought("B1", 1_000, "2011-03-01"))
    story.play(tick("2011-03-20"))
    story.play(brought_back("B1", 1_000, "2011-03-21"))
    assert story.only(ClaimsKept) == []


def test_claims_of_what_was_given_away_wait_for_nothing_in_a_program_without_returns() -> None:
    story = played(program(rules=[spend()]), bought("B1", 1_000, "2011-03-01"), block(4, "2011-03-02"))
    story.play(adjust(5, "2011-03-03", id="slip"))
    story.play(cancel("2011-03-04", lot=1))
    assert story.only(ClaimsKept) == []


@pytest.mark.parametrize(("is_held", "claims"), [(True, 2), (False, 1)])
def test_claims_are_forgotten_when_nothing_can_come_back_any_more(
    is_held: bool,  # noqa: FBT001 - a parameter of the test
    claims: int,
) -> None:
    definition = shop("own_lot", repeat_window_days=1, returns={"window_days": 10})
    steps: list[Step] = [bought("B1", 1_000, "2011-03-01"), redeem(5, "2011-03-02")]
    if is_held:
        steps.append(block(2, "2011-03-02 13:00"))
    story = played(definition, *steps, brought_back("B1", 1_000, "2011-03-03"))
    story.play(bought("B2", 1_000, "2011-04-01"))
    story.play(redeem(5, "2011-04-02", id="again"))
    story.play(brought_back("B2", 1_000, "2011-04-03"))
    assert len(story.account().claims) == claims


def test_claims_go_by_what_the_program_said_when_they_were_made() -> None:
    steps = [bought("B1", 1_000, "2011-03-01"), redeem(10, "2011-03-02"), brought_back("B1", 1_000, "2011-03-03")]
    story = played(shop("own_lot"), *steps, starting("2011-03-04", shop("deficit", version=2)))
    story.play(bought("B2", 500, "2011-03-05"))
    assert stand(story) == (5, 0, 15)
    story.play(reverse("d-2011-03-02", "2011-03-06"))
    assert stand(story) == (5, 0, 5)


@pytest.mark.parametrize("shortfall", POLICIES)
@pytest.mark.parametrize("returned_first", [True, False])
def test_points_that_are_taken_go_from_the_term_in_which_they_counted(
    shortfall: str,
    returned_first: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    levels = [{"name": "Base", "threshold": 0}, {"name": "Silver", "threshold": 1_000}]
    tiers = {"basis": "net_purchases", "renewal": "points", "validity": {"months": 12}, "levels": levels}
    story = played(shop(shortfall, tiers=tiers), bought("B1", 1_000, "2011-03-01"), bought("B2", 1_000, "2011-03-02"))
    story.play(redeem(20, "2011-03-03"))
    steps = [brought_back("B2", 1_000, "2011-03-04 10:00"), reverse("d-2011-03-03", "2011-03-04 11:00")]
    for place, step in enumerate(steps if returned_first else steps[::-1]):
        story.play(msgspec.structs.replace(step, event_time=instant(f"2011-03-05 1{place}:00")))
    tenure = story.section().tenure
    assert tenure is not None
    assert (stand(story), tenure.term.points) == ((10, 0, 10), 0)


def test_two_claims_of_one_award_are_one_where_they_may_take_of_the_same() -> None:
    steps = [bought("B1", 1_000, "2011-03-01"), redeem(10, "2011-03-02"), brought_back("B1", 300, "2011-03-03")]
    story = played(shop("own_lot"), *steps, brought_back("B1", 300, "2011-03-04"))
    assert [claim.points for claim in story.account().claims] == [6]
    reaching = played(shop("other_lots"), *steps, adjust(1, "2011-03-03 13:00"), brought_back("B1", 300, "2011-03-04"))
    assert [(claim.points, claim.reach) for claim in reaching.account().claims] == [(3, 1), (2, 2)]


@settings(max_examples=60)
@forall(
    shortfall=st.sampled_from(POLICIES),
    given_by_hand=st.integers(0, 12),
    spent=st.lists(st.integers(1, 12), min_size=1, max_size=3),
    returns=st.lists(st.tuples(st.sampled_from(["B1", "B2"]), st.integers(1, 900)), max_size=3),
    back=st.lists(st.tuples(st.integers(0, 2), st.integers(1, 12)), max_size=3),
    held=st.booleans(),
    data=st.data(),
)
def test_points_that_come_back_before_their_goods_or_after_end_the_same(
    shortfall: str,
    given_by_hand: int,
    spent: list[int],
    returns: list[tuple[str, int]],
    back: list[tuple[int, int]],
    held: bool,  # noqa: FBT001 - drawn
    data: st.DataObject,
) -> None:
    before = [bought("B1", 1_000, "2011-03-01"), bought("B2", 700, "2011-03-02")]
    before += [adjust(given_by_hand, "2011-03-02 13:00")] if given_by_hand else []
    story = given(shop(shortfall), *before)
    there = story.balance()
    redeemed: dict[int, int] = {}
    for number, points in enumerate(spent):
        if points <= there:
            redeemed[number] = points
            there -= points
    taken: list[Step] = [redeem(points, "2011-03-03", id=f"d{number}") for number, points in redeemed.items()]
    if held and there:
        taken.append(block(there, "2011-03-03 13:00", id="held"))
    later: list[Any] = [
        lambda at, bill=bill, amount=amount, number=number: brought_back(bill, amount, at, id=f"r{number}")
        for number, (bill, amount) in enumerate(returns)
    ]
    for number, points in back:
        if redeemed.get(number, 0) >= points:
            redeemed[number] -= points
            later.append(
                lambda at, number=number, points=points: reverse(f"d{number}", at, points, id=f"v{number}-{at}")
            )
    if held and there:
        later.append(lambda at: release("held", at))
    endings = []
    for _ in "ab":
        order = data.draw(st.permutations(later))
        steps = [make(instant("2011-03-05") + place * MINUTE) for place, make in enumerate(order)]
        endings.append(stand(given(shop(shortfall), *before, *taken, *steps)))
    assert endings[0] == endings[1]


def test_of_an_account_the_newest_claims_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "CLAIMS_MAX", 2)
    bills = [bought(f"B{number}", 1_000, f"2011-03-0{number}") for number in (1, 2, 3)]
    back = [brought_back(f"B{number}", 1_000, f"2011-03-0{number + 4}") for number in (1, 2, 3)]
    story = played(shop("own_lot"), *bills, redeem(30, "2011-03-04"), *back)
    assert [claim.of_bill for claim in story.account().claims] == ["B2", "B3"]
    story.play(reverse("d-2011-03-04", "2011-03-08"))
    assert (story.balance(), story.account().claims) == (10, [])
