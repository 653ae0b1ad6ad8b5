"""Promised points: awarded first, to be spent once their day has come; a return until then takes them back."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.engine.calendar import NEVER
from pipeline.engine.ledger import issue
from pipeline.engine.ledger.state import LedgerAccount
from schemas.facts import (
    Awaits,
    Award,
    ConvertedBy,
    IssuedFor,
    LotConverted,
    LotOpened,
    LotPromised,
    PointsConverted,
    PointsExpired,
    PointsIssued,
    PointsRedeemed,
    PointsReversed,
    RecordRefused,
    Refusal,
    Reversal,
    TierUpgraded,
)
from schemas.program import ProgramDefinition
from tests.dsl import BOOKKEEPING, Story, given
from tests.steps import (
    adjust,
    bought,
    brought_back,
    day,
    did,
    instant,
    milestone,
    program,
    redeem,
    spend,
    starting,
    tick,
)

TWO_WEEKS = {"until": "days", "days": 14}


def promising(**parts: Any) -> ProgramDefinition:
    """A program of which all points are promised for two weeks, a point for every pound."""
    return program(**{"rules": [spend()], "promised": TWO_WEEKS, **parts})


def waiting(story: Story) -> list[tuple[int, int, int]]:
    """The promised lots: number, points, and when they become current."""
    return [(lot.lot_id, lot.open_points, lot.due_at) for lot in story.account().promised_lots]


def test_points_are_promised_and_become_current_on_their_day_with_an_expiry_that_counts_from_it() -> None:
    story = given(promising(points={"expiry": {"days": 30}}))

    story.when(bought("B1", 1_000, "2011-03-01")).then(
        PointsIssued(
            currency="POINTS",
            points=10,
            balance=0,
            activity="",
            awards=(Award(issued_for=IssuedFor.SPEND, rule_id="spend", points=10, lot_id=1),),
            lots=(),
            lifetime=0,
            bill_number="B1",
            promised=10,
            promised_lots=(
                LotPromised(
                    lot_id=1,
                    points=10,
                    awaits=Awaits.DATE,
                    reference="B1",
                    issued_for=IssuedFor.SPEND,
                    rule_id="spend",
                    due_on=day("2011-03-16"),
                    due_at=instant("2011-03-16 00:00"),
                ),
            ),
        ),
        ignoring=BOOKKEEPING,
    )
    assert story.totals() == {LedgerAccount.ISSUED: -10, LedgerAccount.PROMISED: 10}

    story.when(tick("2011-03-16 00:00")).then(
        PointsConverted(
            currency="POINTS",
            points=10,
            balance=10,
            lots=(
                LotConverted(
                    lot_id=1,
                    points=10,
                    expires_on=day("2011-04-15"),
                    closes_at=instant("2011-04-16 00:00"),
                    promised_at=instant("2011-03-01"),
                    reference="B1",
                    issued_for=IssuedFor.SPEND,
                ),
            ),
            converted_by=ConvertedBy.DATE,
            lifetime=10,
            promised=0,
        )
    )
    assert (story.lots(), waiting(story)) == ([(1, 10)], [])
    assert story.envelopes(PointsConverted)[0].cause == f"promise:1/POINTS/1:{instant('2011-03-16 00:00')}"


@pytest.mark.parametrize(
    ("zone", "promised", "bought_at", "current_from"),
    [
        pytest.param("Europe/London", {"days": 0}, "2011-03-01 00:00", "2011-03-02 00:00", id="next-midnight"),
        pytest.param("Europe/London", {"days": 0}, "2011-03-01 23:59", "2011-03-02 00:00", id="before-midnight"),
        pytest.param("Europe/London", {"days": 1}, "2011-03-02 00:00", "2011-03-04 00:00", id="at-midnight"),
        pytest.param("Europe/London", {"days": 1}, "2011-01-31 09:00", "2011-02-02 00:00", id="month-end"),
        pytest.param("Europe/London", {"days": 1}, "2011-02-27 09:00", "2011-03-01 00:00", id="no-leap-day"),
        pytest.param("Europe/London", {"days": 1}, "2012-02-27 09:00", "2012-02-29 00:00", id="leap-day"),
        pytest.param("Europe/London", {"days": 1}, "2011-12-30 09:00", "2012-01-01 00:00", id="new-year"),
        pytest.param("Europe/London", {"days": 1}, "2011-03-26 09:00", "2011-03-28 00:00", id="clocks-go-forward"),
        pytest.param("Europe/London", {"days": 1}, "2011-10-29 09:00", "2011-10-31 00:00", id="clocks-go-back"),
        pytest.param("America/Sao_Paulo", {"days": 0}, "2011-10-15 09:00", "2011-10-16 01:00", id="no-midnight"),
        pytest.param("Pacific/Apia", {"days": 0}, "2011-12-29 09:00", "2011-12-31 00:00", id="skipped-date"),
        pytest.param("Europe/London", {"date": "2012-02-29"}, "2011-03-01 09:00", "2012-02-29 00:00", id="date"),
        pytest.param("Europe/London", {"date": "2011-03-02"}, "2011-03-01 23:59", "2011-03-02 00:00", id="eve"),
    ],
)
def test_promise_ends_when_its_day_begins(
    zone: str, promised: dict[str, Any], bought_at: str, current_from: str
) -> None:
    terms = {"until": next(iter(promised)), **promised}
    story = given(promising(zone=zone, promised=terms), bought("B1", 700, instant(bought_at, zone)))
    due = instant(current_from, zone)

    story.play(tick(due - 1))
    assert (story.balance(), story.account().promised) == (0, 7)
    story.play(tick(due))
    assert (story.balance(), story.account().promised) == (7, 0)


def test_what_is_awarded_from_the_date_on_is_current_at_once() -> None:
    story = given(promising(promised={"until": "date", "date": "2011-03-02"}), bought("B1", 700, "2011-03-02 00:00"))
    assert (story.balance(), story.account().promised) == (7, 0)


def test_promise_that_would_end_after_the_calendar_does_never_ends() -> None:
    story = given(promising(), bought("B1", 700, instant("9999-12-20", "UTC")))
    assert waiting(story) == [(1, 7, NEVER)]
    assert story.only(PointsIssued)[0].promised_lots[0].due_on is None


def test_own_terms_of_a_rule_a_milestone_and_a_streak_hold_before_those_of_the_program() -> None:
    story = given(
        promising(
            rules=[
                spend("usual"),
                spend("now", promised={"until": "at_once"}),
                spend("soon", promised={"until": "days", "days": 1}),
                {"id": "visit", "kind": "event", "event": "visit", "points": 3},
                {"id": "tip", "kind": "event", "event": "tip", "points": 4, "promised": {"until": "at_once"}},
            ],
            milestones=[
                milestone("first", points=5),
                milestone("other", points=6, promised={"until": "date", "date": "2011-06-01"}),
            ],
            streaks=[
                {
                    "id": "run",
                    "streak_id": 3,
                    "name": "Run",
                    "milestone": "first",
                    "levels": [{"name": "One", "periods": 1, "points": 7}],
                    "promised": {"until": "at_once"},
                }
            ],
        )
    )
    story.play(bought("B1", 200, "2011-03-01"))
    story.play(did("visit", "2011-03-01"))
    story.play(did("tip", "2011-03-01"))
    assert [(lot.reference, lot.open_points, lot.due_at) for lot in story.account().promised_lots] == [
        ("B1", 2, instant("2011-03-03 00:00")),
        ("B1", 2, instant("2011-03-16 00:00")),
        ("milestone/first/494", 5, instant("2011-03-16 00:00")),
        ("e-visit-2011-03-01", 3, instant("2011-03-16 00:00")),
        ("milestone/other/494", 6, instant("2011-06-01 00:00")),
    ]
    assert sorted(points for _, points in story.lots()) == [2, 4, 7]


def test_awards_of_one_bill_that_wait_for_the_same_share_a_lot() -> None:
    rules = [spend("usual"), spend("more", 2), spend("now", 3, promised={"until": "at_once"})]
    story = given(promising(rules=rules), bought("B1", 1_000, "2011-03-01"))
    issued = story.only(PointsIssued)[0]

    assert [(award.rule_id, award.points, award.lot_id) for award in issued.awards] == [
        ("usual", 10, 1),
        ("more", 20, 1),
        ("now", 30, 2),
    ]
    assert issued.lots == (LotOpened(lot_id=2, points=30, expires_on=None, closes_at=None),)
    assert [(lot.lot_id, lot.points) for lot in issued.promised_lots] == [(1, 30)]
    assert (issued.points, issued.promised, issued.balance, issued.lifetime) == (60, 30, 30, 30)


def test_points_given_by_hand_are_current_at_once() -> None:
    assert given(promising(), adjust(5, "2011-03-01")).balance() == 5


def test_promised_points_are_not_spent() -> None:
    story = given(promising(), bought("B1", 1_000, "2011-03-01"), adjust(4, "2011-03-02"))

    story.when(redeem(5, "2011-03-15")).then(
        RecordRefused(reason=Refusal.BALANCE_TOO_LOW, subject="5"), ignoring=BOOKKEEPING
    )
    story.play(redeem(14, "2011-03-16 00:00"))
    assert story.kinds()[0] is PointsConverted
    assert PointsRedeemed in story.kinds()
    assert story.balance() == 0


def test_tier_follows_the_points_when_they_become_current() -> None:
    levels = [{"name": "A", "threshold": 0}, {"name": "B", "threshold": 10}]
    story = given(promising(tiers={"basis": "lifetime_points", "levels": levels}), bought("B1", 1_000, "2011-03-01"))
    assert story.tier() == 1

    story.play(tick("2011-03-16 00:00"))
    assert story.kinds() == [PointsConverted, TierUpgraded]
    assert story.tier() == 2


def test_points_of_one_day_become_current_together_and_those_of_another_on_theirs() -> None:
    story = given(promising(), bought("B1", 100, "2011-03-01 09:00"), bought("B2", 200, "2011-03-01 19:00"))
    story.play(bought("B3", 300, "2011-03-02"))

    story.play(tick("2011-03-17 00:00"))
    assert [(one.points, one.promised, len(one.lots)) for one in story.only(PointsConverted)] == [(3, 3, 2), (3, 0, 1)]


def test_late_bill_whose_day_is_over_gives_current_points_in_its_turn() -> None:
    story = given(promising(points={"expiry": {"days": 1}}))
    story.when(bought("B1", 700, "2011-03-01"), as_of=instant("2011-03-17 12:00"))
    assert [kind for kind in story.kinds() if kind not in BOOKKEEPING] == [PointsIssued, PointsConverted]
    story.when(bought("B2", 700, "2011-02-25"), as_of=instant("2011-03-17 12:00"))
    kinds = [kind for kind in story.kinds() if kind not in BOOKKEEPING]
    assert kinds == [PointsIssued, PointsConverted, PointsExpired]


def test_points_become_current_before_others_expire_at_the_same_midnight() -> None:
    story = given(program(rules=[spend()], points={"expiry": {"days": 15}}), bought("B1", 100, "2011-02-28"))
    story.play(starting("2011-03-01", promising(version=2, promised={"until": "days", "days": 14})))
    story.play(bought("B2", 200, "2011-03-01"))

    story.play(tick("2011-03-16 00:00"))
    assert story.kinds() == [PointsConverted, PointsExpired]


def test_terms_of_expiry_are_those_of_the_version_in_force_when_points_become_current() -> None:
    story = given(promising(points={"expiry": {"days": 1}}), bought("B1", 700, "2011-03-01"))
    story.play(starting("2011-03-10", promising(version=2, points={"expiry": {"days": 5}}, promised=None)))
    story.play(tick("2011-03-16 00:00"))
    assert story.account().lots[0].expires_on == day("2011-03-21")


def test_rule_with_its_own_expiry_keeps_it_when_its_points_become_current() -> None:
    rules = [spend("short", expiry={"days": 2}), spend("usual")]
    story = given(promising(points={"expiry": {"days": 30}}, rules=rules), bought("B1", 700, "2011-03-01"))
    story.play(tick("2011-03-16 00:00"))
    assert [lot.expires_on for lot in story.account().lots] == [day("2011-03-18"), day("2011-04-15")]


class TestReturnInTime:
    def test_takes_promised_points_and_leaves_current_ones_alone(self) -> None:
        story = given(promising(), adjust(50, "2011-02-01"), bought("B1", 1_000, "2011-03-01"))

        story.when(brought_back("B1", 250, "2011-03-05")).then(
            PointsReversed(
                currency="POINTS",
                points=2,
                balance=50,
                of_bill="B1",
                reversals=(Reversal(rule_id="spend", lot_id=2, claimed=2, points=2, forgiven=0, promised=2),),
                reversed_of_bill=2,
                lifetime=50,
                paid_at=instant("2011-03-01"),
                promised_reversed_of_bill=2,
            ),
            ignoring=BOOKKEEPING,
        )
        assert (story.balance(), story.account().promised) == (50, 8)

    def test_of_the_whole_bill_leaves_nothing_to_become_current(self) -> None:
        story = given(promising(), bought("B1", 1_000, "2011-03-01"), brought_back("B1", 1_000, "2011-03-05"))
        assert waiting(story) == []
        story.when(tick("2011-04-01")).then_nothing()
        assert story.totals() == {LedgerAccount.ISSUED: -10, LedgerAccount.REVERSED: 10}

    def test_after_one_in_time_takes_current_points_of_the_same_lot(self) -> None:
        story = given(promising(), bought("B1", 1_000, "2011-03-01"), brought_back("B1", 300, "2011-03-05"))
        story.play(brought_back("B1", 700, "2011-03-20"))
        late = story.only(PointsReversed)[1]
        assert (late.points, late.promised, late.current) == (7, 0, 7)
        assert (late.reversed_of_bill, late.promised_reversed_of_bill) == (10, 3)
        assert (story.balance(), story.account().lifetime) == (0, 0)


class TestBounds:
    def test_customer_with_as_many_promised_lots_as_are_kept_gets_no_more(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(issue, "PROMISED_LOTS_MAX", 1)
        story = given(promising(), bought("B1", 500, "2011-03-01")).when(bought("B2", 700, "2011-03-02"))
        assert story.decided[-1].decision == RecordRefused(reason=Refusal.TOTAL_TOO_LARGE, subject="POINTS")
        story.play(bought("B3", 900, "2011-03-16"))
        assert (story.balance(), story.account().promised) == (5, 9)

    def test_promised_and_lifetime_points_together_stay_within_what_can_be_stored(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(issue, "TOTAL_MAX", 9)
        story = given(promising(), bought("B1", 500, "2011-03-01")).when(adjust(5, "2011-03-02"))
        assert story.decided[-1].decision == RecordRefused(reason=Refusal.TOTAL_TOO_LARGE, subject="POINTS")
