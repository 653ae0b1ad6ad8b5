"""Redemptions that are held first, and redemptions that are taken back."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.engine.ledger import redemptions
from pipeline.engine.ledger.state import LedgerAccount
from schemas.facts import (
    HoldFor,
    LotOpened,
    PointsExpired,
    PointsHeld,
    PointsRedeemed,
    PointsReleased,
    PointsReversed,
    RecordRefused,
    RedemptionReversed,
    RedemptionTerms,
    Refusal,
    ReleasedBecause,
    Taken,
)
from schemas.program import ProgramDefinition
from schemas.records import AnyCustomerRecord
from tests.dsl import BOOKKEEPING, given
from tests.steps import (
    block,
    bought,
    brought_back,
    confirm,
    day,
    instant,
    program,
    redeem,
    release,
    reverse,
    spend,
    tick,
)

MARCH_2 = "2011-03-02"
B1 = bought("B1", 1_000, "2011-03-01")
B2 = bought("B2", 700, MARCH_2)
DAY = 86_400_000


def shop(**redemption: Any) -> ProgramDefinition:
    """A point for every pound, for ten days; a redeemed point is worth three pence."""
    return program(rules=[spend()], points={"expiry": {"days": 10}, "value_minor": 3}, redemption=redemption)


def test_redemption_that_is_to_be_confirmed_holds_its_points_for_as_long_as_the_program_says() -> None:
    given(shop(hold_minutes=90), B1).when(
        redeem(6, MARCH_2, id="d", hold=True, bill_number="B9", notes="at the till")
    ).then(
        PointsHeld(
            currency="POINTS",
            points=6,
            balance=4,
            hold_id="d",
            kind=HoldFor.REDEMPTION,
            taken=(Taken(lot_id=1, points=6),),
            ends_at=instant("2011-03-02 13:30"),
            redemption=RedemptionTerms(value_minor=18, bill_number="B9", notes="at the till"),
        ),
        ignoring=BOOKKEEPING,
    )


def test_confirmed_redemption_takes_what_it_held() -> None:
    story = given(shop(), B1, redeem(6, MARCH_2, id="d", hold=True, bill_number="B9", notes="at the till"))
    story.when(confirm("d", "2011-03-02 12:30")).then(
        PointsReleased(
            currency="POINTS",
            points=6,
            balance=10,
            hold_id="d",
            kind=HoldFor.REDEMPTION,
            because=ReleasedBecause.USED,
            restored=(Taken(lot_id=1, points=6),),
        ),
        PointsRedeemed(
            currency="POINTS",
            points=6,
            balance=4,
            redemption_id="d",
            taken=(Taken(lot_id=1, points=6),),
            value_minor=18,
            bill_number="B9",
            notes="at the till",
            reversible_until=instant("2011-03-02 12:30") + 400 * DAY,
            forgotten_at=instant("2011-03-02 12:30") + 442 * DAY,
        ),
        ignoring=BOOKKEEPING,
    )
    assert (story.balance(), story.holds()) == (4, [])


def test_redemption_that_is_not_confirmed_in_time_is_released() -> None:
    story = given(shop(hold_minutes=90), B1, redeem(6, MARCH_2, id="d", hold=True), tick("2011-03-02 13:30"))
    assert (story.balance(), story.holds()) == (10, [])
    story.when(confirm("d", "2011-03-02 13:31")).then(
        RecordRefused(reason=Refusal.HOLD_UNKNOWN, subject="d"), ignoring=BOOKKEEPING
    )


def test_redemption_that_is_given_up_is_released_by_its_id() -> None:
    story = given(shop(), B1, redeem(6, MARCH_2, id="d", hold=True), release("d", "2011-03-02 12:10"))
    assert (story.balance(), story.holds(), story.only(PointsRedeemed)) == (10, [], [])


def test_redemption_is_confirmed_with_points_past_their_last_day() -> None:
    story = given(shop(hold_minutes=60), B1)
    story.play(redeem(6, "2011-03-11 23:30", id="d", hold=True))
    story.play(confirm("d", "2011-03-12 00:10"))
    assert [one.points for one in story.only(PointsRedeemed)] == [6]
    assert [one.points for one in story.only(PointsExpired)] == [4]


def test_confirmation_keeps_the_value_that_was_held() -> None:
    story = given(shop(), B1, redeem(6, MARCH_2, id="d", hold=True))
    story.play(program(version=2, points={"expiry": {"days": 10}, "value_minor": 1}))
    story.play(confirm("d", "2011-03-02 12:10"))
    assert [one.value_minor for one in story.only(PointsRedeemed)] == [18]


@pytest.mark.parametrize(
    ("record", "reason", "subject"),
    [
        pytest.param(confirm("x", "2011-03-03"), Refusal.HOLD_UNKNOWN, "x", id="nothing-is-held"),
        pytest.param(confirm("h", "2011-03-03"), Refusal.HOLD_UNKNOWN, "h", id="a-block"),
        pytest.param(confirm("d", "2011-03-03"), Refusal.HOLD_UNKNOWN, "d", id="redeemed-at-once"),
        pytest.param(redeem(1, "2011-03-03", id="h", hold=True), Refusal.HOLD_EXISTS, "h", id="id-of-a-block"),
        pytest.param(redeem(11, "2011-03-03", hold=True), Refusal.BALANCE_TOO_LOW, "11", id="too-many-to-hold"),
        pytest.param(reverse("d", "2011-03-03", 4), Refusal.REVERSAL_TOO_LARGE, "4", id="more-than-redeemed"),
        pytest.param(reverse("d", "2011-03-03", program_id=2), Refusal.REDEMPTION_UNKNOWN, "d", id="other-program"),
        pytest.param(reverse("d", "2011-03-02 11:59"), Refusal.REDEMPTION_UNKNOWN, "d", id="before-the-redemption"),
        pytest.param(reverse("x", "2011-03-03"), Refusal.REDEMPTION_UNKNOWN, "x", id="unknown"),
    ],
)
def test_request_about_a_redemption_that_cannot_be_met_is_refused(
    record: AnyCustomerRecord, reason: Refusal, subject: str
) -> None:
    story = given(shop(), program(program_id=2), B1, redeem(3, MARCH_2, id="d"), block(2, "2011-03-02", id="h"))
    story.when(record).then(RecordRefused(reason=reason, subject=subject), ignoring=BOOKKEEPING)


def test_confirmation_of_a_redemption_id_that_was_redeemed_meanwhile_is_refused() -> None:
    story = given(shop(hold_minutes=527_040), program(program_id=2), B1, redeem(3, MARCH_2, id="d", hold=True))
    story.play(bought("B8", 1_000, "2011-05-01"))
    story.play(redeem(3, "2011-05-01", id="d"))
    story.when(confirm("d", "2011-05-02")).then(
        RecordRefused(reason=Refusal.REDEMPTION_EXISTS, subject="d"), ignoring=BOOKKEEPING
    )


def test_reversal_gives_the_points_back_to_their_lots() -> None:
    story = given(shop(), B1, B2, redeem(12, "2011-03-03", id="d"))
    story.when(reverse("d", "2011-03-04", reason="it was cold", entered_by="desk 3")).then(
        RedemptionReversed(
            currency="POINTS",
            points=12,
            balance=17,
            redemption_id="d",
            restored=(Taken(lot_id=2, points=2), Taken(lot_id=1, points=10)),
            expired=0,
            past=(),
            lots=(),
            reversed_of_redemption=12,
            value_minor=36,
            reason="it was cold",
            entered_by="desk 3",
        ),
        ignoring=BOOKKEEPING,
    )
    assert story.lots() == [(1, 10), (2, 7)]
    assert story.totals() == {LedgerAccount.ISSUED: -17, LedgerAccount.CURRENT: 17, LedgerAccount.LIFETIME: 17}
    story.play(tick("2011-03-12"))
    assert [expired.points for expired in story.only(PointsExpired)] == [10]


def test_reversal_in_parts_undoes_the_lots_that_were_taken_last_first() -> None:
    story = given(shop(), B1, B2, redeem(12, "2011-03-03", id="d"))
    for number, points in enumerate((1, 5, 6)):
        story.play(reverse("d", f"2011-03-04 0{number}:00", points))
    assert [(one.restored, one.reversed_of_redemption) for one in story.only(RedemptionReversed)] == [
        ((Taken(lot_id=2, points=1),), 1),
        ((Taken(lot_id=2, points=1), Taken(lot_id=1, points=4)), 6),
        ((Taken(lot_id=1, points=6),), 12),
    ]


def test_parts_of_a_reversal_are_worth_what_the_redemption_was() -> None:
    odd = program(rules=[spend()], points={"value_minor": 1}, version=1)
    story = given(odd, B1, redeem(10, MARCH_2, id="d"))
    for number, points in enumerate((3, 3, 4)):
        story.play(reverse("d", f"2011-03-04 0{number}:00", points))
    assert sum(one.value_minor for one in story.only(RedemptionReversed)) == 10


@pytest.mark.parametrize(
    ("at", "restored", "expired"),
    [
        pytest.param("2011-03-11 23:59", 12, 0, id="on-the-last-day-of-the-first"),
        pytest.param("2011-03-12 00:00", 2, 10, id="when-the-first-is-past"),
        pytest.param("2011-03-13 00:00", 0, 12, id="when-both-are-past"),
    ],
)
def test_what_is_past_its_last_day_is_reported_and_not_given_back(at: str, restored: int, expired: int) -> None:
    story = given(shop(), B1, B2, redeem(12, "2011-03-03", id="d"), redeem(5, "2011-03-03 13:00"))
    story.play(reverse("d", at))
    (done,) = story.only(RedemptionReversed)
    assert (done.points, done.expired, done.balance) == (12, expired, restored)
    assert sum(part.points for part in done.restored) == restored
    assert story.account().total(LedgerAccount.EXPIRED) == expired
    assert story.only(PointsExpired) == []


def test_what_is_past_its_last_day_is_issued_anew_where_the_program_says_so() -> None:
    story = given(shop(past_expiry="reissue"), B1, B2, redeem(12, "2011-03-03", id="d"))
    story.when(reverse("d", "2011-03-12 09:00")).then(
        RedemptionReversed(
            currency="POINTS",
            points=12,
            balance=17,
            redemption_id="d",
            restored=(Taken(lot_id=2, points=2),),
            expired=0,
            past=(Taken(lot_id=1, points=10),),
            lots=(LotOpened(lot_id=3, points=10, expires_on=day("2011-03-22"), closes_at=instant("2011-03-23 00:00")),),
            reversed_of_redemption=12,
            value_minor=36,
        ),
        ignoring=BOOKKEEPING,
    )
    assert story.lots() == [(2, 7), (3, 10)]
    assert story.totals() == {LedgerAccount.ISSUED: -17, LedgerAccount.CURRENT: 17, LedgerAccount.LIFETIME: 17}


@pytest.mark.parametrize(
    ("days", "at", "taken_back"),
    [
        pytest.param(3, "2011-03-05 11:59", True, id="in-the-last-minute"),
        pytest.param(3, "2011-03-05 12:00", False, id="when-the-window-is-over"),
        pytest.param(0, "2011-03-02 12:01", False, id="no-window"),
        pytest.param(None, "2012-04-05 12:59", True, id="as-long-as-bills-by-default"),
        pytest.param(None, "2012-04-05 13:00", False, id="not-longer-than-bills"),
    ],
)
def test_redemption_can_be_taken_back_within_the_window(days: int | None, at: str, *, taken_back: bool) -> None:
    lasting = program(rules=[spend()], redemption={} if days is None else {"reversible_days": days})
    story = given(lasting, B1, redeem(5, "2011-03-02 12:00", id="d"))
    story.play(reverse("d", at))
    assert bool(story.only(RedemptionReversed)) is taken_back


def test_redemption_is_not_taken_back_in_a_program_that_knows_no_returns_and_names_no_window() -> None:
    story = given(program(rules=[spend()], returns=None), B1, redeem(5, MARCH_2, id="d"))
    assert [one for one in story.state.entries if one.startswith("redemption")] == []


def test_redemption_id_is_free_again_when_the_window_is_over() -> None:
    lasting = program(rules=[spend()], redemption={"reversible_days": 3})
    story = given(lasting, B1, redeem(5, MARCH_2, id="d"), redeem(5, "2011-05-02", id="d"))
    assert len(story.only(PointsRedeemed)) == 2


def test_returned_bill_gives_back_what_was_redeemed_for_it_as_far_as_it_came_back() -> None:
    story = given(shop(), B1, redeem(7, MARCH_2, id="d", bill_number="B5"), bought("B5", 1_000, "2011-03-02 13:00"))
    story.play(brought_back("B5", 333, "2011-03-03"))
    story.play(brought_back("B5", 667, "2011-03-04"))
    assert [(one.points, one.of_bill, one.value_minor) for one in story.only(RedemptionReversed)] == [
        (2, "B5", 6),
        (5, "B5", 15),
    ]
    assert story.lots() == [(1, 10)]


def test_points_come_back_before_the_return_takes_its_own() -> None:
    story = given(shop(), bought("B5", 1_000, "2011-03-01"), redeem(10, MARCH_2, id="d", bill_number="B5"))
    story.play(brought_back("B5", 1_000, "2011-03-03"))
    assert story.kinds()[-2:] == [RedemptionReversed, PointsReversed]
    assert (story.balance(), story.only(PointsReversed)[0].points) == (0, 10)


def test_later_redemption_of_a_bill_comes_back_first() -> None:
    story = given(shop(), B1, redeem(4, MARCH_2, id="d", bill_number="B5"))
    story.play(redeem(4, "2011-03-02 13:00", id="e", bill_number="B5"))
    story.play(bought("B5", 1_000, "2011-03-02 14:00"))
    story.play(brought_back("B5", 500, "2011-03-03"))
    assert [(one.redemption_id, one.balance) for one in story.only(RedemptionReversed)] == [("e", 14), ("d", 16)]


def test_what_a_request_took_back_before_the_return_counts() -> None:
    story = given(shop(), B1, redeem(8, MARCH_2, id="d", bill_number="B5"), bought("B5", 1_000, MARCH_2))
    story.play(reverse("d", "2011-03-03", 5))
    story.play(brought_back("B5", 500, "2011-03-04"))
    story.play(brought_back("B5", 500, "2011-03-05"))
    assert [one.points for one in story.only(RedemptionReversed)] == [5, 3]


def test_return_that_waited_for_its_bill_gives_the_points_back_in_the_turn_of_the_bill() -> None:
    story = given(shop(), B1, redeem(8, MARCH_2, id="d", bill_number="B5"), brought_back("B5", 1_000, "2011-03-03"))
    story.play(bought("B5", 1_000, MARCH_2), as_of=instant("2011-03-04"))
    assert [one.points for one in story.only(RedemptionReversed)] == [8]


def test_redeemed_points_stay_redeemed_where_the_program_says_so() -> None:
    keeps = program(rules=[spend()], returns={"redeemed": "keep"})
    story = given(keeps, B1, redeem(8, MARCH_2, id="d", bill_number="B5"), bought("B5", 1_000, MARCH_2))
    story.play(brought_back("B5", 1_000, "2011-03-03"))
    assert story.only(RedemptionReversed) == []


def test_return_leaves_redemptions_of_other_programs_and_later_ones_alone() -> None:
    story = given(shop(), program(program_id=2, rules=[spend()]), B1)
    story.play(redeem(4, MARCH_2, id="other", bill_number="B5", program_id=2))
    story.play(redeem(4, "2011-03-05", id="later", bill_number="B5"))
    story.play(bought("B5", 1_000, MARCH_2, currency="GBP"))
    story.play(brought_back("B5", 1_000, "2011-03-04"))
    assert [one.redemption_id for one in story.only(RedemptionReversed)] == ["other"]
    assert [one.program_id for one in story.envelopes(RedemptionReversed)] == [2]


def test_return_that_a_program_does_not_take_any_more_gives_nothing_back() -> None:
    short = program(rules=[spend()], returns={"window_days": 35})
    story = given(short, program(program_id=2, rules=[spend()]), B1)
    story.play(redeem(4, MARCH_2, id="d", bill_number="B5"))
    story.play(bought("B5", 1_000, MARCH_2))
    story.play(brought_back("B5", 1_000, "2011-04-20"))
    assert story.only(RedemptionReversed) == []


def test_redemptions_of_one_bill_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redemptions, "PAYMENTS_MAX", 1)
    story = given(shop(), B1, redeem(2, MARCH_2, id="d", bill_number="B5"))
    story.when(redeem(2, "2011-03-03", id="e", bill_number="B5")).then(
        RecordRefused(reason=Refusal.TOO_MANY, subject="B5"), ignoring=BOOKKEEPING
    )


def test_reversal_beyond_the_lots_that_can_be_kept_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    story = given(shop(), B1, redeem(10, MARCH_2, id="d"))
    monkeypatch.setattr("pipeline.engine.ledger.reversal.LOTS_MAX", 0)
    story.when(reverse("d", "2011-03-03")).then(
        RecordRefused(reason=Refusal.TOTAL_TOO_LARGE, subject="POINTS"), ignoring=BOOKKEEPING
    )


def test_return_counts_though_what_paid_for_its_bill_would_be_more_lots_than_can_be_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    story = given(shop(), B1, redeem(4, MARCH_2, id="d", bill_number="B1"))
    monkeypatch.setattr("pipeline.engine.ledger.reversal.LOTS_MAX", 1)
    story.play(brought_back("B1", 1_000, "2011-03-03"))
    assert (story.only(RecordRefused), story.only(RedemptionReversed)) == ([], [])
    assert story.balance() == 0


@pytest.mark.parametrize(("paid", "given_back"), [("B1", [6]), ("B2", [])])
def test_id_that_was_used_for_another_redemption_before_gives_back_what_it_paid_for_last(
    paid: str, given_back: list[int]
) -> None:
    for_ever = program(rules=[spend()], redemption={"reversible_days": 40})
    story = given(for_ever, B1, redeem(4, MARCH_2, id="d", bill_number="B1"))
    story.play(redeem(6, "2011-04-20", id="d", bill_number=paid))
    story.play(brought_back("B1", 1_000, "2011-04-22"))
    assert [one.points for one in story.only(RedemptionReversed)] == given_back
