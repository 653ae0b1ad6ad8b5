"""Transfers: points go from one customer to another, whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from pipeline.engine.amounts import TOTAL_MAX
from pipeline.engine.ledger import transfers
from pipeline.engine.ledger.state import LedgerAccount
from pipeline.engine.outcomes import DONE, WAITS, Outcome, first_outcome
from pipeline.engine.programs import DAY_MS
from schemas.facts import (
    CustomerRegistered,
    Decision,
    Duration,
    HoldFor,
    LotOpened,
    PointsExpired,
    PointsHeld,
    PointsReceived,
    PointsReleased,
    PointsTransferred,
    RecordRefused,
    Refusal,
    ReleasedBecause,
    Taken,
    TransferInitiated,
    TransferRefused,
)
from schemas.program import ProgramDefinition
from schemas.records import AnswerTransfer, ReceiveTransfer, TransferredPart
from tests.dsl import BOOKKEEPING, Story
from tests.steps import (
    BACKFILL,
    ORG,
    adjust,
    bought,
    brought_back,
    day,
    instant,
    joined,
    program,
    redeem,
    spend,
    status,
    tick,
    transfer,
)
from tests.town import SOURCE, Town

GIVER, TAKER = 7, 8
CLUB = program(rules=[spend()], points={"expiry": {"days": 30}})
CLOSED = program(rules=[spend()], add_customers=False)
FIRST, LATER, THEN = "2011-03-01", "2011-03-10", "2011-03-11"
ROOT = f"{GIVER}:{instant(THEN)}:TransferPoints:x-{THEN}"


def saved(*, clubs: Sequence[ProgramDefinition] = (CLUB,)) -> Town:
    """The giver has 10 points of 1 March and 5 of 10 March."""
    town = Town(*clubs)
    town.play(bought("B1", 1_000, FIRST))
    town.play(bought("B2", 500, LATER))
    return town


def told(story: Story) -> list[Decision]:
    """What the last step decided, bookkeeping aside."""
    return [fact.decision for fact in story.decided if type(fact.decision) not in BOOKKEEPING]


def reasons(town: Town) -> list[Refusal]:
    """Why transfers were refused at the taker."""
    return [one.reason for one in town.customer(TAKER).only(TransferRefused)]


def test_points_that_are_given_are_put_aside_and_offered_by_expiry() -> None:
    town = saved()
    town.play(transfer(12, TAKER, THEN)).then(
        PointsHeld(
            currency="POINTS",
            points=12,
            balance=3,
            hold_id=f"x-{THEN}",
            kind=HoldFor.TRANSFER,
            taken=(Taken(lot_id=1, points=10), Taken(lot_id=2, points=2)),
            ends_at=None,
        ),
        TransferInitiated(
            transfer_id=f"x-{THEN}",
            receiver_id=TAKER,
            currency="POINTS",
            parts=(
                TransferredPart(points=10, expires_on=day("2011-03-31"), closes_at=instant("2011-04-01 00:00")),
                TransferredPart(points=2, expires_on=day("2011-04-09"), closes_at=instant("2011-04-10 00:00")),
            ),
        ),
        ignoring=BOOKKEEPING,
    )
    (asked,) = town.waiting
    assert isinstance(asked, ReceiveTransfer)
    assert (asked.org_id, asked.customer_id, asked.sender_id, asked.via) == (ORG, TAKER, GIVER, ROOT)
    assert (asked.received_at, asked.event_time, asked.source) == (instant(THEN), instant(THEN), SOURCE)


def test_points_that_roll_go_on_rolling_with_the_receiver() -> None:
    rolling = program(rules=[spend()], points={"expiry": {"days": 30, "rolling": True}})
    town = Town(rolling)
    town.play(bought("B1", 1_000, FIRST))
    town.play(transfer(10, TAKER, THEN))
    town.settle()
    (lot,) = town.customer(TAKER).account().lots
    assert lot.rolls == Duration(months=0, days=30, round_months=0)


def test_refusal_names_what_the_receiver_refused_at_the_sender_too() -> None:
    town = Town(CLUB)
    town.play(offered(currency="MILES"))
    (answered,) = town.waiting
    assert isinstance(answered, AnswerTransfer)
    assert answered.subject == "MILES"


def test_awards_count_with_what_was_received_towards_what_can_be_stored() -> None:
    town = Town(CLUB)
    town.play(offered(parts=(TransferredPart(points=TOTAL_MAX, expires_on=None, closes_at=None),)))
    town.play(adjust(1, THEN, customer_id=TAKER)).then(
        RecordRefused(reason=Refusal.TOTAL_TOO_LARGE, subject="POINTS"), ignoring=BOOKKEEPING
    )


def test_points_of_one_expiry_are_offered_as_one_part() -> None:
    town = Town(CLUB)
    town.play(bought("B1", 1_000, FIRST))
    town.play(bought("B2", 500, FIRST))
    town.play(transfer(12, TAKER, THEN))

    (offered,) = town.customer(GIVER).only(TransferInitiated)
    assert [part.points for part in offered.parts] == [12]


def test_receiver_has_the_points_with_the_last_days_of_the_giver_and_no_more_lifetime_points() -> None:
    town = saved()
    town.play(transfer(12, TAKER, THEN))

    taker = town.deliver()
    assert told(taker) == [
        PointsReceived(
            currency="POINTS",
            points=12,
            balance=12,
            transfer_id=f"x-{THEN}",
            sender_id=GIVER,
            lots=(
                LotOpened(lot_id=1, points=10, expires_on=day("2011-03-31"), closes_at=instant("2011-04-01 00:00")),
                LotOpened(lot_id=2, points=2, expires_on=day("2011-04-09"), closes_at=instant("2011-04-10 00:00")),
            ),
        )
    ]
    assert taker.only(CustomerRegistered)
    assert taker.account().lifetime == 0
    assert {one.via for one in taker.envelopes(PointsReceived)} == {ROOT}


def test_answer_ends_the_hold_and_both_have_what_they_should() -> None:
    town = saved()
    town.play(transfer(12, TAKER, THEN))
    town.deliver()

    giver = town.deliver()
    held = (Taken(lot_id=1, points=10), Taken(lot_id=2, points=2))
    giver.then(
        PointsReleased(
            currency="POINTS",
            points=12,
            balance=15,
            hold_id=f"x-{THEN}",
            kind=HoldFor.TRANSFER,
            because=ReleasedBecause.USED,
            restored=held,
        ),
        PointsTransferred(
            currency="POINTS", points=12, balance=3, transfer_id=f"x-{THEN}", receiver_id=TAKER, taken=held
        ),
    )
    assert town.waiting == []
    assert first_outcome(giver.state, f"TransferPoints:x-{THEN}") == DONE
    assert giver.totals()[LedgerAccount.TRANSFERRED] == 12
    assert giver.account().lifetime == 15
    assert {one.via for one in giver.envelopes(PointsTransferred)} == {ROOT}
    assert [town.total(one) for one in (LedgerAccount.CURRENT, LedgerAccount.BLOCKED, LedgerAccount.TRANSFERRED)] == [
        15,
        0,
        0,
    ]


@pytest.mark.parametrize(
    ("asks", "refusal"),
    [
        pytest.param({"points": 16}, RecordRefused(reason=Refusal.BALANCE_TOO_LOW, subject="16"), id="too-many"),
        pytest.param({"to": GIVER}, RecordRefused(reason=Refusal.SAME_CUSTOMER, subject="7"), id="to-oneself"),
        pytest.param(
            {"program_id": 9}, RecordRefused(reason=Refusal.PROGRAM_UNKNOWN, subject="9"), id="unknown-program"
        ),
        pytest.param(
            {"currency": "MILES"}, RecordRefused(reason=Refusal.CURRENCY_UNKNOWN, subject="MILES"), id="other-currency"
        ),
    ],
)
def test_transfer_that_the_giver_cannot_make_asks_nothing(asks: dict[str, Any], refusal: Decision) -> None:
    town = saved()
    town.play(transfer(**{"points": 12, "to": TAKER, "on": THEN, **asks})).then(refusal, ignoring=BOOKKEEPING)
    assert town.waiting == []
    assert town.customer(GIVER).balance() == 15


def test_all_points_can_be_given() -> None:
    town = saved()
    town.play(transfer(15, TAKER, THEN, currency="POINTS"))
    town.settle()
    assert (town.customer(GIVER).balance(), town.customer(TAKER).balance()) == (0, 15)


def test_transfer_that_comes_again_counts_once() -> None:
    town = saved()
    town.play(transfer(12, TAKER, THEN))
    town.play(transfer(12, TAKER, THEN)).then_nothing()
    town.settle()
    town.play(transfer(12, TAKER, THEN)).then_nothing()
    assert (town.customer(GIVER).balance(), town.customer(TAKER).balance()) == (3, 12)


def test_request_and_answer_that_come_again_lead_to_nothing() -> None:
    town = saved()
    town.play(transfer(12, TAKER, THEN))
    asked = town.waiting[0]
    town.deliver()
    town.play(asked).then_nothing()  # type: ignore[arg-type]
    answer = town.waiting[0]
    town.deliver()
    town.play(answer, instant("2011-06-01")).then_nothing()  # type: ignore[arg-type]
    assert town.waiting == []
    assert town.customer(GIVER).state.head.clock == instant(THEN)


def test_points_on_their_way_can_neither_be_spent_nor_expire() -> None:
    town = saved()
    town.play(transfer(12, TAKER, THEN))

    town.play(redeem(4, "2011-03-12")).then(
        RecordRefused(reason=Refusal.BALANCE_TOO_LOW, subject="4"), ignoring=BOOKKEEPING
    )
    town.pass_time(tick("2011-06-01"))
    assert [one.points for one in town.customer(GIVER).only(PointsExpired)] == [3]
    assert town.customer(GIVER).totals()[LedgerAccount.BLOCKED] == 12


def test_points_past_their_last_day_expire_with_the_receiver_in_the_turn_that_credits_them() -> None:
    town = saved()
    town.play(adjust(1, "2011-04-05", customer_id=TAKER))
    town.play(transfer(12, TAKER, THEN))

    taker = town.deliver()
    assert [type(one) for one in told(taker)] == [PointsReceived, PointsExpired]
    assert [one.points for one in taker.only(PointsExpired)] == [10]
    town.settle()
    assert town.total(LedgerAccount.CURRENT) == 1 + 3 + 2
    assert town.total(LedgerAccount.TRANSFERRED) == 0


def test_receiver_who_is_not_known_refuses_where_nobody_is_added_by_a_record() -> None:
    town = Town(CLOSED)
    town.play(joined(FIRST))
    town.play(bought("B1", 1_000, FIRST))
    town.play(transfer(4, TAKER, THEN))

    assert told(town.deliver()) == [
        TransferRefused(
            transfer_id=f"x-{THEN}",
            sender_id=GIVER,
            program_id=1,
            currency="POINTS",
            reason=Refusal.CUSTOMER_UNKNOWN,
        )
    ]
    giver = town.deliver()
    assert told(giver) == [
        PointsReleased(
            currency="POINTS",
            points=4,
            balance=10,
            hold_id=f"x-{THEN}",
            kind=HoldFor.TRANSFER,
            because=ReleasedBecause.REFUSED,
            restored=(Taken(lot_id=1, points=4),),
            reason="customer_unknown",
        )
    ]
    assert giver.lots() == [(1, 10)]


def test_points_that_come_back_past_their_last_day_expire_in_that_turn() -> None:
    town = saved()
    town.play(transfer(12, TAKER, THEN))
    town.pass_time(tick("2011-04-05"))
    town.play(bought("B3", 100, "2011-04-06"))
    town.waiting.clear()

    giver = town.play(answer(refusal=Refusal.TOO_OLD, on="2011-04-06"))
    assert [type(one) for one in told(giver)] == [PointsReleased, PointsExpired]
    assert giver.balance() == 3 + 1 + 2


def answer(*, on: str, **parts: Any) -> AnswerTransfer:
    """The taker's answer."""
    return AnswerTransfer(
        received_at=instant(on),
        source=SOURCE,
        offset=0,
        org_id=ORG,
        customer_id=GIVER,
        id="a",
        digest=0,
        event_time=instant(on),
        sender_id=TAKER,
        via=ROOT,
        **{"transfer_id": f"x-{THEN}", "program_id": 1, "currency": "POINTS", "refusal": 0, **parts},
    )


def offered(*, on: str = THEN, **parts: Any) -> ReceiveTransfer:
    """What the giver asks of the taker."""
    part = TransferredPart(points=3, expires_on=None, closes_at=None)
    return ReceiveTransfer(
        received_at=instant(on),
        source=SOURCE,
        offset=0,
        org_id=ORG,
        customer_id=TAKER,
        sender_id=GIVER,
        digest=0,
        via=ROOT,
        **{
            "id": "r",
            "event_time": instant(on),
            "transfer_id": f"x-{THEN}",
            "program_id": 1,
            "currency": "POINTS",
            "parts": (part,),
            **parts,
        },
    )


def test_points_that_never_expire_are_given_as_such() -> None:
    town = Town(CLUB)
    story = town.play(offered())
    assert story.only(PointsReceived)[0].lots == (LotOpened(lot_id=1, points=3, expires_on=None, closes_at=None),)
    town.play(transfer(2, GIVER, THEN, customer_id=TAKER))
    assert story.only(TransferInitiated)[0].parts == (TransferredPart(points=2, expires_on=None, closes_at=None),)


@pytest.mark.parametrize(
    ("asks", "reason"),
    [
        pytest.param({"program_id": 9}, Refusal.PROGRAM_UNKNOWN, id="unknown-program"),
        pytest.param({"currency": "MILES"}, Refusal.CURRENCY_UNKNOWN, id="other-currency"),
        pytest.param({"event_time": instant("2010-03-01")}, Refusal.TOO_OLD, id="older-than-ids-are-remembered"),
        pytest.param(
            {"parts": (TransferredPart(points=9 * 10**18, expires_on=None, closes_at=None),)},
            Refusal.TOTAL_TOO_LARGE,
            id="more-than-can-be-counted",
        ),
    ],
)
def test_receiver_who_cannot_have_the_points_says_why(asks: dict[str, Any], reason: Refusal) -> None:
    town = Town(CLUB)
    town.play(bought("B1", 1_000, FIRST, customer_id=TAKER))
    town.play(offered(**asks))

    assert reasons(town) == [reason]
    (answered,) = town.waiting
    assert isinstance(answered, AnswerTransfer)
    assert (answered.customer_id, answered.transfer_id, answered.refusal) == (GIVER, f"x-{THEN}", reason)
    assert town.customer(TAKER).balance() == 10


def test_receiver_with_as_many_lots_as_are_kept_has_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfers, "LOTS_MAX", 1)
    town = Town(CLUB)
    town.play(offered())
    town.play(offered(id="s"))
    assert reasons(town) == [Refusal.TOTAL_TOO_LARGE]


def test_receiver_in_a_program_with_a_shorter_window_than_the_org_s_longest_refuses_what_is_older() -> None:
    longer = program(program_id=2, repeat_window_days=60, returns={"window_days": 60})
    town = Town(CLUB, longer)
    town.play(bought("B1", 1_000, "2011-04-20", customer_id=TAKER))
    town.play(offered(event_time=instant(FIRST)), instant("2011-04-20"))
    assert reasons(town) == [Refusal.TOO_OLD]
    assert len(town.waiting) == 1


def test_transfer_is_about_one_program_of_several() -> None:
    town = saved(clubs=(CLUB, program(program_id=2, rules=[spend()])))
    town.play(transfer(12, TAKER, THEN, program_id=2))
    town.settle()
    giver, taker = town.customer(GIVER), town.customer(TAKER)
    assert [(one.balance(1), one.balance(2)) for one in (giver, taker)] == [(15, 3), (0, 12)]


def test_refused_transfer_is_remembered_as_refused_for_as_long_as_its_id() -> None:
    town = saved()
    asked = transfer(12, TAKER, THEN)
    cause = f"TransferPoints:{asked.id}"
    town.play(asked)
    assert first_outcome(town.customer(GIVER).state, cause) == WAITS
    town.play(answer(refusal=Refusal.TOO_OLD, on="2011-03-12"))
    assert first_outcome(town.customer(GIVER).state, cause) == Outcome(reason=Refusal.TOO_OLD)


def test_refusal_that_comes_after_the_id_was_forgotten_gives_the_points_back_all_the_same() -> None:
    town = saved()
    town.play(transfer(12, TAKER, THEN))
    town.play(bought("B3", 100, "2011-04-20"))
    town.play(bought("B4", 100, "2011-04-20"))
    giver = town.play(answer(refusal=Refusal.TOO_OLD, on="2011-04-20"))
    assert [type(one) for one in told(giver)] == [PointsReleased, PointsExpired, PointsExpired]
    assert giver.state.head.outcomes == {}


def test_answer_that_nobody_waits_for_leads_to_nothing() -> None:
    town = saved()
    town.play(answer(on=THEN)).then_nothing()
    town.play(answer(on=THEN, program_id=3)).then_nothing()


def test_transfers_are_refused_while_history_is_loaded() -> None:
    town = saved()
    town.pass_time(BACKFILL)
    town.play(transfer(12, TAKER, THEN)).then(RecordRefused(reason=Refusal.IN_BACKFILL), ignoring=BOOKKEEPING)
    town.customer(TAKER).play(BACKFILL)
    town.play(offered())
    assert reasons(town) == [Refusal.IN_BACKFILL]
    assert town.customer(TAKER).state.head.recent == {}


@pytest.mark.parametrize(
    ("marked", "reason"),
    [("FRAUD", Refusal.RECEIVER_FRAUD), ("BLOCKED", Refusal.RECEIVER_BLOCKED)],
)
def test_receiver_who_is_blocked_or_marked_for_fraud_receives_nothing(marked: str, reason: Refusal) -> None:
    town = saved()
    town.play(status(marked, LATER, customer_id=TAKER))
    town.play(transfer(12, TAKER, THEN))
    town.settle()
    assert reasons(town) == [reason]
    assert (town.customer(GIVER).balance(), town.customer(TAKER).balance()) == (15, 0)


def test_receiver_who_is_inactive_receives_points() -> None:
    town = saved()
    town.play(status("INACTIVE", LATER, customer_id=TAKER))
    town.play(transfer(12, TAKER, THEN))
    town.settle()
    assert town.customer(TAKER).balance() == 12


@pytest.mark.parametrize(
    ("settings", "last_days"),
    [
        pytest.param({}, ["2011-03-31", "2011-04-09"], id="kept"),
        pytest.param({"expiry": "reset"}, ["2011-04-10", "2011-04-10"], id="as-if-awarded-on-that-day"),
        pytest.param(
            {"expiry": "reset", "extra_days": 1}, ["2011-04-01", "2011-04-10"], id="a-day-beyond-their-own-at-most"
        ),
        pytest.param({"expiry": "reset", "extra_days": 0}, ["2011-03-31", "2011-04-09"], id="never-longer"),
    ],
)
def test_points_last_with_the_receiver_as_the_program_says(settings: dict[str, Any], last_days: list[str]) -> None:
    town = saved(clubs=(program(rules=[spend()], points={"expiry": {"days": 30}}, transfer=settings),))
    town.play(transfer(12, TAKER, THEN))
    town.settle()
    account = town.customer(TAKER).account()
    assert [(lot.expires_on, lot.closes_at) for lot in account.lots] == [
        (day(last), instant(f"{last} 00:00") + DAY_MS) for last in last_days
    ]


def test_points_that_never_expire_last_as_the_program_says_with_the_receiver() -> None:
    resets = program(rules=[spend()], points={"expiry": {"days": 30}}, transfer={"expiry": "reset", "extra_days": 5})
    town = Town(resets)
    town.play(offered())
    assert [lot.expires_on for lot in town.customer(TAKER).account().lots] == [day("2011-04-10")]
    for_good = program(rules=[spend()], transfer={"expiry": "reset", "extra_days": 5})
    town = Town(for_good)
    last = TransferredPart(points=3, expires_on=day("2011-03-31"), closes_at=instant("2011-04-01 00:00"))
    town.play(offered(parts=(last,)))
    assert [lot.expires_on for lot in town.customer(TAKER).account().lots] == [day("2011-04-05")]


def test_reset_gives_points_past_their_last_day_no_new_one() -> None:
    town = saved(clubs=(program(rules=[spend()], points={"expiry": {"days": 30}}, transfer={"expiry": "reset"}),))
    town.play(adjust(1, "2011-04-05", customer_id=TAKER))
    town.play(transfer(12, TAKER, THEN))
    taker = town.deliver()
    assert [one.points for one in taker.only(PointsExpired)] == [10]


def test_received_points_count_for_the_receiver_where_the_program_says_so() -> None:
    tiers = {
        "basis": "lifetime_points",
        "levels": [{"name": "Base", "threshold": 0}, {"name": "Gold", "threshold": 12}],
    }
    town = saved(clubs=(program(rules=[spend()], transfer={"lifetime": "count"}, tiers=tiers),))
    town.play(transfer(12, TAKER, THEN))
    town.settle()
    giver, taker = town.customer(GIVER), town.customer(TAKER)
    assert (giver.account().lifetime, taker.account().lifetime, taker.tier()) == (15, 12, 2)
    assert taker.only(PointsReceived)[0].lifetime == 12


def test_received_points_that_count_stay_within_what_can_be_stored() -> None:
    town = Town(program(rules=[spend()], transfer={"lifetime": "count"}))
    most = TransferredPart(points=TOTAL_MAX, expires_on=None, closes_at=None)
    town.play(offered(parts=(most,)))
    town.play(transfer(5, GIVER, THEN, customer_id=TAKER))
    town.settle()
    town.play(offered(id="again", parts=(TransferredPart(points=5, expires_on=None, closes_at=None),)))
    assert reasons(town) == [Refusal.TOTAL_TOO_LARGE]


class TestDebts:
    OWING = program(rules=[spend()], returns={"shortfall": "deficit"})

    def indebted(self, customer: int) -> Town:
        """The customer owes 10 points; the other one has 20."""
        town, other = Town(self.OWING), GIVER + TAKER - customer
        town.play(bought("B1", 1_000, FIRST, customer_id=customer))
        town.play(redeem(10, "2011-03-02", customer_id=customer))
        town.play(bought("B2", 2_000, FIRST, customer_id=other))
        town.play(brought_back("B1", 1_000, LATER, customer_id=customer))
        return town

    @pytest.mark.parametrize(("given", "left"), [(6, (0, 4)), (10, (0, 0)), (14, (4, 0))])
    def test_points_that_are_received_repay_what_is_owed_before_they_can_be_spent(
        self, given: int, left: tuple[int, int]
    ) -> None:
        town = self.indebted(TAKER)
        town.play(transfer(given, TAKER, THEN))
        town.settle()
        account = town.customer(TAKER).account()
        assert (account.balance, account.deficit) == left
        assert town.total(LedgerAccount.TRANSFERRED) == 0

    @pytest.mark.parametrize("shortfall", ["other_lots", "deficit"])
    def test_points_that_were_given_away_were_used_when_their_bill_comes_back(self, shortfall: str) -> None:
        town = Town(program(rules=[spend()], returns={"shortfall": shortfall}))
        town.play(bought("B1", 1_000, FIRST))
        town.play(transfer(10, TAKER, "2011-03-02"))
        town.settle()
        town.play(adjust(4, LATER))
        town.play(brought_back("B1", 1_000, THEN))
        account = town.customer(GIVER).account()
        assert (account.balance, account.deficit) == (0, 6 if shortfall == "deficit" else 0)
        assert town.customer(TAKER).balance() == 10

    def test_points_on_their_way_when_their_bill_comes_back_are_owed_and_go_through(self) -> None:
        town = Town(self.OWING)
        town.play(bought("B1", 1_000, FIRST))
        town.play(transfer(10, TAKER, "2011-03-02"))
        town.play(brought_back("B1", 1_000, THEN))
        assert town.customer(GIVER).account().deficit == 10
        town.settle()
        assert (town.customer(GIVER).account().deficit, town.customer(TAKER).balance()) == (10, 10)
