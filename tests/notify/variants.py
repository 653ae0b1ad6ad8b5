"""Further cases of events: what leads to the same notification in another way, or fills other parts of it.

Named by the event and, after a hyphen, what is different.
"""

from __future__ import annotations

from datetime import date

import msgspec

from pipeline.engine.calendar import as_day
from schemas.facts import (
    AlternatePointsReversed,
    Award,
    ConvertedBy,
    CustomerStatusChanged,
    ExpiryMoved,
    IssuedFor,
    LotOpened,
    LotsMoved,
    MilestoneLowered,
    MovedBy,
    PointsCancelled,
    PointsIssued,
    PointsReclaimed,
    PointsReversed,
    RedemptionReversed,
    ReturnRecorded,
    Reversal,
    Standing,
    Taken,
    TierAssigned,
    TierDowngraded,
    TierMoved,
)
from schemas.notifications import EventName
from schemas.records import AssignTier, CancelPoints, ChangeExpiry, CustomerStatus
from tests.notify.cases import (
    BILL,
    CASES,
    CONVERTED,
    FEBRUARY_29,
    FEBRUARY_2024,
    PERSON,
    PROGRAM,
    REDEMPTION,
    RETURN,
    SOHO,
    THROUGH_FEBRUARY,
    TILL,
    UPDATE,
    Case,
    fact_of,
    in_program,
    of_customer,
    record_fields,
    with_decision,
    with_envelope,
)

USER = "50672906"
BY_RETURN = in_program("TransactionReturned:R-1")
BY_UPDATE = msgspec.structs.replace(in_program("TransactionUpdated:u-1"), correction_of="TransactionAdded:B-1001")
STATUS = CustomerStatus(**record_fields("s-1", "customers"), status="FRAUD", reason="odd bills", entered_by=USER)
CANCELLATION = CancelPoints(
    **record_fields("x-1", "commands"), program_id=PROGRAM, reason="paid twice", bill_number="B-1001", entered_by=USER
)
EXTENSION = ChangeExpiry(
    **record_fields("e-1", "commands"),
    program_id=PROGRAM,
    later=True,
    expires_on=FEBRUARY_29 + 180,
    reason="goodwill",
    entered_by=USER,
)
GIVEN_TIER = AssignTier(
    **record_fields("t-1", "commands"), program_id=PROGRAM, tier="dark", reason="a friend", entered_by=USER
)
OWED = PointsReversed(
    currency="BEANS",
    points=40,
    of_bill="B-1001",
    reversals=(
        Reversal(rule_id="beans-week", lot_id=5, claimed=4, points=4, forgiven=0, promised=4),
        Reversal(rule_id="every-pound", lot_id=4, claimed=36, points=10, forgiven=0, beyond=26),
    ),
    reversed_of_bill=46,
    promised_reversed_of_bill=6,
    balance=0,
    lifetime=611,
    others=(Taken(lot_id=6, points=15), Taken(lot_id=7, points=5)),
    owed=6,
)

VARIANTS: dict[str, Case] = {
    "transactionAdded-return": Case(
        fact=fact_of(
            ReturnRecorded(
                of_bill="B-1001",
                amount_minor=300,
                basis_minor=1_250,
                returned_before_minor=950,
                over_minor=120,
                bill_number="R-1",
                currency="GBP",
                line_count=1,
                store="soho",
                till="soho.1",
                site=SOHO,
                entered_by=TILL,
            ),
            of_customer("TransactionReturned:R-1"),
            seq=9,
        ),
        record=RETURN,
        topic="notifications.customers",
    ),
    "customerUpdated-status": Case(
        fact=fact_of(
            CustomerStatusChanged(
                status=Standing.FRAUD, previous=Standing.ACTIVE, profile=PERSON, reason="odd bills", entered_by=USER
            ),
            of_customer("CustomerStatus:s-1"),
            seq=17,
        ),
        record=STATUS,
        topic="notifications.customers",
    ),
    "pointsIssued-milestone": Case(
        fact=fact_of(
            PointsIssued(
                currency="BEANS",
                points=25,
                activity="milestone/visits/649",
                awards=(Award(issued_for=IssuedFor.MILESTONE, rule_id="visits", points=25, lot_id=8),),
                lots=(LotOpened(lot_id=8, points=25, expires_on=None, closes_at=None),),
                balance=190,
                lifetime=690,
            ),
            seq=7,
        ),
        record=BILL,
        topic="notifications.points",
    ),
    "pointsRedeemed-currency": Case(
        fact=with_decision(CASES[EventName.POINTS_REDEEMED].fact, currency="GRAMS", points=1_500),
        record=msgspec.structs.replace(REDEMPTION, currency="GRAMS", points=1_500),
        topic="notifications.points",
    ),
    "promisedToCurrentPointsConversion-delivery": Case(
        fact=with_envelope(
            with_decision(CONVERTED, converted_by=ConvertedBy.DELIVERY),
            cause="TransactionUpdated:u-1",
            at=UPDATE.event_time,
        ),
        record=UPDATE,
        topic="notifications.points",
    ),
    "redeemedPointsReversed-return": Case(
        fact=fact_of(
            RedemptionReversed(
                currency="BEANS",
                points=100,
                balance=165,
                redemption_id="red-1",
                restored=(Taken(lot_id=6, points=40),),
                expired=0,
                past=(Taken(lot_id=4, points=60),),
                lots=(LotOpened(lot_id=9, points=60, expires_on=FEBRUARY_29 + 30, closes_at=1_711_843_200_000),),
                reversed_of_redemption=100,
                value_minor=200,
                of_bill="B-1001",
            ),
            BY_RETURN,
            seq=12,
        ),
        record=RETURN,
        topic="notifications.points",
    ),
    "singlePointsExpiryUpdated-request": Case(
        fact=fact_of(
            ExpiryMoved(
                currency="BEANS",
                moved_by=MovedBy.EXTEND,
                moved=(
                    LotsMoved(
                        remaining=25,
                        lots=(3,),
                        old_on=FEBRUARY_29,
                        new_on=FEBRUARY_29 + 180,
                        closes_at=1_724_799_600_000,
                    ),
                ),
                reason="goodwill",
                entered_by=USER,
            ),
            in_program("ChangeExpiry:e-1"),
            seq=18,
        ),
        record=EXTENSION,
        topic="notifications.points",
    ),
    "issuedPointsReversed-owed": Case(
        fact=fact_of(OWED, BY_RETURN, seq=10), record=RETURN, topic="notifications.points"
    ),
    "issuedPointsReversed-update": Case(
        fact=fact_of(
            OWED,
            BY_UPDATE,
            seq=10,
        ),
        record=UPDATE,
        topic="notifications.points",
    ),
    "issuedPointsReversed-cancelled": Case(
        fact=fact_of(
            PointsCancelled(
                currency="BEANS",
                points=14,
                of_bill="B-1001",
                reversals=(Reversal(rule_id="every-pound", lot_id=4, claimed=14, points=14, forgiven=0),),
                reversed_of_bill=14,
                balance=151,
                lifetime=651,
                reason="paid twice",
                entered_by=USER,
            ),
            in_program("CancelPoints:x-1"),
            seq=19,
        ),
        record=CANCELLATION,
        topic="notifications.points",
    ),
    "issuedPointsReversed-reclaimed": Case(
        fact=fact_of(
            PointsReclaimed(
                currency="POINTS",
                points=14,
                of_bill="B-1001",
                reversals=(Reversal(rule_id="every-pound", lot_id=4, claimed=0, points=14, forgiven=0),),
                reversed_of_bill=14,
                balance=151,
                lifetime=651,
                claim=1,
            ),
            BY_RETURN,
            seq=20,
        ),
        record=RETURN,
        topic="notifications.points",
    ),
    "issuedalternateCurrenciesReversed-owed": Case(
        fact=fact_of(
            AlternatePointsReversed(
                currencies=(
                    msgspec.structs.replace(OWED, currency="STARS"),
                    PointsReversed(
                        currency="COINS",
                        points=3,
                        of_bill="B-1001",
                        reversals=(Reversal(rule_id="coins", lot_id=1, claimed=3, points=3, forgiven=0),),
                        reversed_of_bill=3,
                        balance=5,
                        lifetime=6,
                    ),
                )
            ),
            BY_RETURN,
            seq=15,
        ),
        record=RETURN,
        topic="notifications.points",
    ),
    "tierUpgraded-manual": Case(
        fact=fact_of(
            TierAssigned(
                previous=1,
                reached=2,
                reached_id="dark",
                assigned_id="dark",
                until=None,
                currency="BEANS",
                term=THROUGH_FEBRUARY,
                reason="a friend",
                entered_by=USER,
            ),
            in_program("AssignTier:t-1"),
            seq=20,
        ),
        record=GIVEN_TIER,
        topic="notifications.tiers",
    ),
    "tierUpgraded-reward": Case(
        fact=fact_of(
            TierAssigned(
                previous=1,
                reached=2,
                reached_id="dark",
                assigned_id="dark",
                until=None,
                currency="BEANS",
                term=THROUGH_FEBRUARY,
                reason="",
                entered_by="",
                reward_of="milestone/kilos/494",
                last_day=as_day(date(2024, 2, 15)),
            ),
            seq=20,
        ),
        record=BILL,
        topic="notifications.tiers",
    ),
    "tierDowngraded-return": Case(
        fact=fact_of(
            TierDowngraded(
                previous=2,
                reached=1,
                reached_id="green",
                measured=400,
                needed=500,
                mark=0,
                term=THROUGH_FEBRUARY,
                by=TierMoved.RETURN,
            ),
            BY_RETURN,
            seq=21,
        ),
        record=RETURN,
        topic="notifications.tiers",
    ),
    "targetAchievedValueUpdated-return": Case(
        fact=fact_of(
            MilestoneLowered(
                milestone_id="spend", period=216, removed=40_000, value=7_600, target=7_500, of_bill="B-1001"
            ),
            BY_RETURN,
            seq=22,
        ),
        record=RETURN,
        topic="notifications.milestones",
    ),
    "targetAchievedValueUpdated-update": Case(
        fact=fact_of(
            MilestoneLowered(
                milestone_id="spend", period=216, removed=1_200, value=6_350, target=7_500, of_bill="B-1001"
            ),
            BY_UPDATE,
            seq=22,
        ),
        record=UPDATE,
        topic="notifications.milestones",
    ),
    "streakLevelUnAchieved-update": Case(
        fact=CASES[EventName.STREAK_LEVEL_UN_ACHIEVED].fact._replace(envelope=BY_UPDATE),
        record=UPDATE,
        topic="notifications.streaks",
    ),
    "targetAchievedValueUpdated-count": Case(
        fact=fact_of(
            MilestoneLowered(
                milestone_id="visits", period=FEBRUARY_2024, removed=1, value=2, target=3, of_bill="B-1001"
            ),
            BY_RETURN,
            seq=23,
        ),
        record=RETURN,
        topic="notifications.milestones",
    ),
}


def event_of(name: str) -> EventName:
    """The event of a case."""
    return EventName(name.partition("-")[0])
