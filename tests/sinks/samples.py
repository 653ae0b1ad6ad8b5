"""One decision of each kind. No two of its numbers are equal, so columns that change places change the golden rows."""

from __future__ import annotations

from typing import Final

from schemas.facts import (
    AlternatePointsIssued,
    AlternatePointsReversed,
    AnyDecision,
    Award,
    CustomerChanged,
    CustomerRegistered,
    Envelope,
    FactMessage,
    Group,
    HoldFor,
    IgnoredFor,
    IssuedFor,
    LotOpened,
    MilestoneAchieved,
    MilestoneProgressed,
    ParkedReturn,
    PointsDebited,
    PointsExpired,
    PointsHeld,
    PointsIssued,
    PointsRedeemed,
    PointsReleased,
    PointsReversed,
    ProgramAdopted,
    PurchaseCounted,
    RecordAccepted,
    RecordRefused,
    Refusal,
    RegisteredEarlier,
    ReleasedBecause,
    ReturnCounted,
    ReturnParked,
    ReturnRecorded,
    ReturnReleased,
    Reversal,
    StreakEnded,
    StreakExtended,
    StreakLevelReached,
    StreakStarted,
    Taken,
    TierReassigned,
    TierUpgraded,
    TransactionRecorded,
    ValueIgnored,
)
from schemas.records import Profile
from sinks.clickhouse.tables import Source

ANN: Final = Profile(
    first_name="Ann",
    last_name="Lee",
    mobile="m-1",
    email="e-1",
    external_id="x-1",
    loyalty_type="l-1",
    channel="c-1",
    extended={"pet": "cat"},
)
ONE_OF_EACH: Final[tuple[AnyDecision, ...]] = (
    RecordAccepted(digest=81_474_976_710_655, forget_before=3_000),
    RecordRefused(reason=Refusal.BALANCE_TOO_LOW, subject="40"),
    CustomerRegistered(profile=ANN),
    CustomerChanged(
        profile=Profile(first_name="Bea"), updated_fields=("first_name", "extended"), written=("extended.pet",)
    ),
    RegisteredEarlier(),
    TransactionRecorded(bill_number="B1", amount_minor=900, currency="GBP", returnable_until=9_000, forgotten_at=9_500),
    ReturnRecorded(of_bill="B1", amount_minor=90, basis_minor=910, returned_before_minor=10, over_minor=1, document=5),
    PurchaseCounted(
        bill_number="B1",
        amount_minor=900,
        transactions=3,
        purchases_minor=2_900,
        returned_minor=70,
        return_days=60,
    ),
    ReturnCounted(of_bill="B1", amount_minor=90, purchases_minor=2_900, returned_minor=160),
    ProgramAdopted(previous_version=4, milestones=("m", "n"), streaks=("s",), tier=6, tier_id="gold"),
    PointsIssued(
        currency="POINTS",
        points=30,
        activity="milestone/m/490",
        awards=(
            Award(issued_for=IssuedFor.SPEND, rule_id="spend", points=12, lot_id=1),
            Award(issued_for=IssuedFor.EVENT, rule_id="review", points=18, lot_id=2),
        ),
        lots=(
            LotOpened(lot_id=1, points=12, expires_on=15_000, closes_at=16_000),
            LotOpened(lot_id=2, points=18, expires_on=None, closes_at=None),
        ),
        balance=35,
        lifetime=47,
        bill_number="B1",
    ),
    PointsRedeemed(
        currency="POINTS",
        points=8,
        redemption_id="r1",
        taken=(Taken(lot_id=1, points=3), Taken(lot_id=2, points=5)),
        balance=27,
        value_minor=80,
        bill_number="B2",
        notes="a mug",
    ),
    PointsExpired(currency="POINTS", points=4, expired_on=15_100, taken=(Taken(lot_id=3, points=6),), balance=23),
    PointsReversed(
        currency="POINTS",
        points=7,
        of_bill="B1",
        reversals=(
            Reversal(rule_id="spend", lot_id=1, claimed=13, points=9, forgiven=4),
            Reversal(rule_id="review", lot_id=2, claimed=29, points=11, forgiven=18),
        ),
        reversed_of_bill=21,
        balance=16,
        lifetime=40,
    ),
    PointsDebited(currency="POINTS", points=14, reason="mistake", taken=(Taken(lot_id=3, points=15),), balance=2),
    AlternatePointsIssued(
        currencies=(
            PointsIssued(
                currency="STARS",
                points=51,
                activity="",
                awards=(Award(issued_for=IssuedFor.SPEND, rule_id="stars", points=51, lot_id=52),),
                lots=(LotOpened(lot_id=52, points=51, expires_on=15_300, closes_at=16_300),),
                balance=53,
                lifetime=54,
                bill_number="B1",
            ),
            PointsIssued(
                currency="COINS",
                points=55,
                activity="",
                awards=(Award(issued_for=IssuedFor.EVENT, rule_id="coins", points=55, lot_id=56),),
                lots=(LotOpened(lot_id=56, points=55, expires_on=None, closes_at=None),),
                balance=57,
                lifetime=58,
                bill_number="B1",
            ),
        )
    ),
    AlternatePointsReversed(
        currencies=(
            PointsReversed(
                currency="STARS",
                points=41,
                of_bill="B1",
                reversals=(Reversal(rule_id="stars", lot_id=52, claimed=42, points=43, forgiven=44),),
                reversed_of_bill=45,
                balance=46,
                lifetime=48,
            ),
        )
    ),
    MilestoneProgressed(milestone_id="m", period=490, period_ends_at=9_100, added=17, value=19, target=22),
    MilestoneAchieved(milestone_id="m", period=490, value=19, target=22, added=17),
    ValueIgnored(milestone_id="m", attribute="km", value="4.0001", reason=IgnoredFor.TOO_FINE),
    StreakStarted(streak_id="s", starts_on=15_000, ends_on=15_200, ends_at=9_200, ends_in=499),
    StreakExtended(streak_id="s", period=490, run=24, longest=25),
    StreakLevelReached(streak_id="s", level=26, period=490, run=28),
    StreakEnded(streak_id="s", ends_on=15_200, run=31, levels=(32, 33)),
    TierUpgraded(previous=34, reached=36, basis_value=901, reached_id="silver"),
    TierReassigned(previous=37, reached=38, basis_value=902, reached_id="bronze"),
    ReturnParked(
        of_bill="B1",
        until=9_600,
        parked=ParkedReturn(
            record_id="r2",
            event_time=1_100,
            document="R2",
            amount_minor=95,
            currency="GBP",
            store="s-1",
            till="t-1",
        ),
    ),
    ReturnReleased(of_bill="B1", record_id="r2", event_time=1_100),
    PointsHeld(
        currency="POINTS",
        points=41,
        balance=42,
        hold_id="h1",
        kind=HoldFor.BLOCK,
        taken=(Taken(lot_id=43, points=44),),
        ends_at=9_700,
        reason="stolen card",
        entered_by="desk 1",
    ),
    PointsReleased(
        currency="POINTS",
        points=45,
        balance=46,
        hold_id="h2",
        kind=HoldFor.TRANSFER,
        because=ReleasedBecause.ENDED,
        restored=(Taken(lot_id=47, points=48),),
        reason="found again",
        entered_by="desk 2",
    ),
)
SOURCE: Final = Source(topic="facts", partition=203, offset=204)


def message_of(*decisions: AnyDecision) -> FactMessage:
    """The decisions in one envelope."""
    envelope = Envelope(
        cause="RedeemPoints:r1",
        at=1_000,
        as_of=1_500,
        program_id=207,
        version=202,
        correction_of="TransactionAdded:t0",
        via="TransferPoints:x1",
    )
    return FactMessage(
        journal_partition=205,
        journal_offset=240,
        engine_version=206,
        org_id=201,
        customer_id=211,
        first_seq=301,
        recorded_at=2_000,
        groups=(Group(envelope=envelope, decisions=decisions),),
    )
