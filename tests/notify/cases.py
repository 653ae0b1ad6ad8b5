"""A realistic fact for each event, with the record that led to it, in one program."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from pipeline.notify.context import Context
from pipeline.notify.program_view import OrgView, ProgramView
from schemas.facts import (
    AlternatePointsIssued,
    AlternatePointsReversed,
    Awaits,
    Award,
    BillUpdated,
    ConvertedBy,
    CustomerChanged,
    CustomerRegistered,
    CustomersMerged,
    CycleBegan,
    CycleEnded,
    Decision,
    EnrolledBy,
    Envelope,
    ExpiryMoved,
    ExpiryReminded,
    Fact,
    IssuedFor,
    LotConverted,
    LotOpened,
    LotPromised,
    LotsMoved,
    MergedStanding,
    MilestoneAchieved,
    MilestoneEnrolled,
    MilestoneProgressed,
    MovedBy,
    PointsConverted,
    PointsExpired,
    PointsIssued,
    PointsReceived,
    PointsRedeemed,
    PointsReversed,
    PointsTransferred,
    RedemptionReversed,
    Reversal,
    StreakAtRisk,
    StreakEnded,
    StreakEnrolled,
    StreakLevelReached,
    StreakLevelUnachieved,
    StreakStarted,
    StreakUnenrolled,
    Taken,
    TargetChanged,
    TierApproached,
    TierDowngraded,
    TierMoved,
    TierReminded,
    TierRenewed,
    TierTerm,
    TierUpgraded,
    TransactionRecorded,
    UnifiedAchieved,
    UnifiedPart,
    UnifiedUnachieved,
)
from schemas.notifications import EventName
from schemas.program import ProgramDefinition
from schemas.records import (
    AdjustPoints,
    AnswerMerge,
    AnswerTransfer,
    AnyRecord,
    CustomerAdded,
    CustomerUpdated,
    CustomEventReceived,
    EnrolStreak,
    EnrolTarget,
    Line,
    Profile,
    ReceiveTransfer,
    RedeemPoints,
    ReverseRedemption,
    Site,
    TransactionAdded,
    TransactionReturned,
    TransactionUpdated,
    TransferPoints,
    TransferredPart,
    UnenrolStreak,
)

ORG, CUSTOMER, PROGRAM = 100, 42, 7
AT = 1_709_208_000_000
"""2024-02-29 12:00 in London."""
RECEIVED = AT + 2_345

DEFINITION: dict[str, Any] = {
    "org_id": ORG,
    "program_id": PROGRAM,
    "version": 3,
    "name": "Corner Roastery",
    "zone": "Europe/London",
    "currency": "GBP",
    "points": {"name": "BEANS", "value_minor": 2},
    "currencies": [{"id": "STARS", "name": "stars"}, {"id": "COINS", "name": "coins"}, {"id": "GRAMS", "scale": 3}],
    "tiers": {
        "basis": "lifetime_points",
        "levels": [{"name": "Green", "threshold": 0}, {"name": "Dark roast", "threshold": 500}],
    },
    "unified_targets": [
        {"id": "goals", "group_id": 25_780, "name": "Any of them", "expression": "visits | calls", "threshold": 3}
    ],
    "milestones": [
        {
            "id": "visits",
            "target_id": 102,
            "name": "Three visits in a month",
            "period": "month",
            "counts": {"of": "transactions", "measure": "count"},
            "target": 3,
        },
        {
            "id": "spend",
            "target_id": 103,
            "name": "75 pounds in a quarter",
            "period": "quarter",
            "counts": {"of": "transactions", "measure": "sum"},
            "target": 7_500,
        },
        {
            "id": "calls",
            "target_id": 104,
            "name": "A call in a month",
            "period": "month",
            "counts": {"of": "events", "event": "call"},
            "target": 1,
        },
    ],
    "streaks": [
        {
            "id": "regular",
            "streak_id": 201,
            "name": "Regular",
            "description": "Months in a row with three visits",
            "milestone": "visits",
            "levels": [{"name": "Two months", "periods": 2}, {"name": "Half a year", "periods": 6}],
        }
    ],
}


def definition(**changes: Any) -> ProgramDefinition:
    return ProgramDefinition.model_validate({**DEFINITION, **changes}, strict=False)


def view(**changes: Any) -> ProgramView:
    return ProgramView(definition(**changes))


NOBODY = Profile()


def context(
    record: AnyRecord | None, *views: ProgramView, recorded_at: int = RECEIVED, profile: Profile = NOBODY
) -> Context:
    """`profile`: what was known of the customer before."""
    return Context(
        org_id=ORG,
        customer_id=CUSTOMER,
        record=record,
        org=OrgView(views or (view(),)),
        recorded_at=recorded_at,
        profile=profile,
    )


def record_fields(identity: str, source: str) -> dict[str, Any]:
    """What all records have, those of the customer at noon."""
    return {
        "received_at": RECEIVED,
        "source": f"loyalty.{source}:0",
        "offset": 17,
        "org_id": ORG,
        "customer_id": CUSTOMER,
        "id": identity,
        "digest": 1,
        "event_time": AT,
    }


TILL = "200280487"
SOHO = Site(store_name="Old Compton Street", store_ids=("S-7", "7", ""))


def bill(number: str = "B-1001", **changes: Any) -> TransactionAdded:
    given: dict[str, Any] = {
        "bill_number": number,
        "amount_minor": 1_250,
        "currency": "GBP",
        "lines": (
            Line(sku="BEAN-ETH-250", amount_minor=950),
            Line(sku="CUP", amount_minor=300, quantity=2),
        ),
        "discount_minor": 150,
        "gross_minor": 1_400,
        "store": "soho",
        "till": "soho.1",
        "site": SOHO,
        "entered_by": TILL,
    }
    return TransactionAdded(**record_fields(number, "transactions"), **{**given, **changes})


def event(name: str = "review_written") -> CustomEventReceived:
    return CustomEventReceived(**record_fields("e-1", "events"), event_name=name, attributes={"stars": 5})


PERSON = Profile(
    first_name="Ada",
    last_name="Lovelace",
    mobile="447700900123",
    email="ada@example.org",
    external_id="X-1",
    loyalty_type="LOYALTY",
    channel="INSTORE",
    extended={
        "milk": "oat",
        "web_engage/~1341059d8/cuid": "447700900123",
        "web_engage/~1341059d8/mobile": "447700900123",
        "wechat/HDHSDHS32347287D/wechatId": "SGHDGAHA74278sdfG",
    },
)
BILL = bill()
RETURN = TransactionReturned(
    **record_fields("R-1", "transactions"),
    bill_number="R-1",
    of_bill="B-1001",
    amount_minor=300,
    currency="GBP",
    store="soho",
    till="soho.1",
    site=SOHO,
    entered_by=TILL,
)
UPDATE = TransactionUpdated(
    **record_fields("u-1", "transactions"),
    bill_number="B-1001",
    amount_minor=1_450,
    discount_minor=50,
    gross_minor=1_500,
    delivery_status="DELIVERED",
    entered_by=TILL,
)
REDEMPTION = RedeemPoints(
    **record_fields("red-1", "commands"),
    program_id=PROGRAM,
    points=100,
    currency="BEANS",
    bill_number="B-1002",
    notes="at the till",
    entered_by=TILL,
)
REVERSAL = ReverseRedemption(
    **record_fields("v-1", "commands"),
    program_id=PROGRAM,
    redemption_id="red-1",
    points=45,
    reason="it was cold",
    entered_by=TILL,
)
ADJUSTMENT = AdjustPoints(**record_fields("a-1", "commands"), program_id=PROGRAM, points=60, reason="goodwill")
ASKED: dict[str, Any] = {
    "sender_id": 43,
    "via": f"43:{AT}:TransferPoints:gift-1",
    "transfer_id": "gift-1",
    "program_id": PROGRAM,
    "currency": "BEANS",
}
OFFER = ReceiveTransfer(
    **record_fields("2c3d", "journal"),
    **ASKED,
    parts=(TransferredPart(points=10, expires_on=19_785, closes_at=1_709_510_400_000),),
)
ANSWER = AnswerTransfer(**record_fields("0a1b", "journal"), **ASKED)
MERGED = AnswerMerge(
    **record_fields("0a1b", "journal"),
    sender_id=43,
    via=f"{CUSTOMER}:{AT}:MergeCustomers:same-person-1",
    merge_id="same-person-1",
)
ENROL = EnrolStreak(**record_fields("enrol-1", "commands"), program_id=PROGRAM, streak="regular")
UNENROL = UnenrolStreak(**record_fields("unenrol-1", "commands"), program_id=PROGRAM, streak="regular")
TRANSFER = TransferPoints(**record_fields("gift-1", "commands"), receiver_id=43, program_id=PROGRAM, points=10)
ENROLMENT = EnrolTarget(**record_fields("enrol-1", "commands"), program_id=PROGRAM, milestone="visits", reason="asked")
AT_THE_TILL: dict[str, Any] = {"store": "soho", "till": "soho.1", "site": SOHO, "entered_by": TILL}
REGISTRATION = CustomerAdded(**record_fields("c-1", "customers"), profile=PERSON, **AT_THE_TILL)
CHANGE = CustomerUpdated(**record_fields("c-2", "customers"), profile=Profile(mobile="447700900123"), **AT_THE_TILL)

FEBRUARY_2024 = 649
FEBRUARY_29 = 19_782
MARCH_1_LONDON = 1_709_251_200_000


def of_customer(cause: str = "TransactionAdded:B-1001", at: int = AT) -> Envelope:
    """The envelope of decisions about the customer as such."""
    return Envelope(cause=cause, at=at, as_of=at)


def in_program(
    cause: str = "TransactionAdded:B-1001", at: int = AT, *, program_id: int = PROGRAM, version: int = 3
) -> Envelope:
    return Envelope(cause=cause, at=at, as_of=at, program_id=program_id, version=version)


def with_envelope(fact: Fact, **changes: Any) -> Fact:
    return fact._replace(envelope=msgspec.structs.replace(fact.envelope, **changes))


def with_decision(fact: Fact, **changes: Any) -> Fact:
    return fact._replace(decision=msgspec.structs.replace(fact.decision, **changes))


def fact_of(decision: Decision, envelope: Envelope | None = None, seq: int = 1) -> Fact:
    """The fact of a decision, in the program and for the bill unless the envelope says otherwise."""
    return Fact(seq=seq, envelope=envelope or in_program(), decision=decision)


ISSUED = fact_of(
    PointsIssued(
        currency="BEANS",
        points=80,
        activity="",
        awards=(
            Award(issued_for=IssuedFor.SPEND, rule_id="every-pound", points=60, lot_id=6),
            Award(issued_for=IssuedFor.SPEND, rule_id="beans-week", points=20, lot_id=7),
        ),
        lots=(LotOpened(lot_id=6, points=60, expires_on=FEBRUARY_29 + 180, closes_at=1_724_799_600_000),),
        balance=165,
        lifetime=665,
        bill_number="B-1001",
        promised=20,
        promised_lots=(
            LotPromised(
                lot_id=7,
                points=20,
                awaits=Awaits.DATE,
                reference="B-1001",
                issued_for=IssuedFor.SPEND,
                rule_id="beans-week",
                due_on=FEBRUARY_29 + 15,
                due_at=1_710_460_800_000,
            ),
        ),
    ),
    seq=4,
)
CONVERTED = fact_of(
    PointsConverted(
        currency="BEANS",
        points=60,
        balance=165,
        lots=(
            LotConverted(
                lot_id=6,
                points=60,
                expires_on=FEBRUARY_29 + 181,
                closes_at=1_724_886_000_000,
                promised_at=AT - 14 * 86_400_000,
                reference="B-1001",
                issued_for=IssuedFor.SPEND,
            ),
        ),
        converted_by=ConvertedBy.DATE,
        lifetime=665,
        promised=0,
    ),
    in_program(f"promise:{PROGRAM}/BEANS/6:{MARCH_1_LONDON}", MARCH_1_LONDON),
    seq=11,
)
PROGRESSED = fact_of(
    MilestoneProgressed(
        milestone_id="visits",
        period=FEBRUARY_2024,
        period_ends_at=MARCH_1_LONDON,
        added=1,
        value=3,
        target=3,
    ),
    seq=5,
)
ACHIEVED = fact_of(
    MilestoneAchieved(milestone_id="visits", period=FEBRUARY_2024, value=3, target=3, added=1),
    seq=6,
)
THROUGH_FEBRUARY = TierTerm(begins_at=9_801, expires_on=FEBRUARY_29, ends_at=MARCH_1_LONDON)
LEVEL_REACHED = fact_of(StreakLevelReached(streak_id="regular", level=2, period=FEBRUARY_2024, run=2), seq=8)
EXPIRED = fact_of(
    PointsExpired(
        currency="BEANS",
        points=30,
        expired_on=FEBRUARY_29,
        taken=(Taken(lot_id=2, points=30),),
        balance=135,
    ),
    in_program(f"expiry:{PROGRAM}/BEANS/{FEBRUARY_29}:{MARCH_1_LONDON}", MARCH_1_LONDON),
    seq=12,
)


class Case(NamedTuple):
    fact: Fact
    record: AnyRecord | None
    """None: a timer, found by a tick."""
    topic: str


CASES: dict[EventName, Case] = {
    EventName.CUSTOMER_ADDED: Case(
        fact=fact_of(CustomerRegistered(profile=PERSON), of_customer("CustomerAdded:c-1"), seq=2),
        record=REGISTRATION,
        topic="notifications.customers",
    ),
    EventName.CUSTOMER_UPDATED: Case(
        fact=fact_of(
            CustomerChanged(profile=PERSON, updated_fields=("mobile",)), of_customer("CustomerUpdated:c-2"), seq=3
        ),
        record=CHANGE,
        topic="notifications.customers",
    ),
    EventName.LOYALTY_CUSTOMER_MERGE: Case(
        fact=fact_of(
            CustomersMerged(
                merge_id="same-person-1",
                victim_id=43,
                standings=(MergedStanding(program_id=PROGRAM, lifetime=200, current=190, promised=10, tier=3),),
            ),
            msgspec.structs.replace(
                of_customer("AnswerMerge:0a1b"), via=f"{CUSTOMER}:{AT}:MergeCustomers:same-person-1"
            ),
            seq=9,
        ),
        record=MERGED,
        topic="notifications.customers",
    ),
    EventName.TRANSACTION_ADDED: Case(
        fact=fact_of(
            TransactionRecorded(
                bill_number="B-1001",
                amount_minor=1_250,
                currency="GBP",
                returnable_until=AT + 86_400_000,
                forgotten_at=AT + 172_800_000,
            ),
            of_customer(),
            seq=3,
        ),
        record=BILL,
        topic="notifications.customers",
    ),
    EventName.TRANSACTION_UPDATED: Case(
        fact=fact_of(
            BillUpdated(
                bill_number="B-1001",
                amount_minor=1_450,
                previous_minor=1_250,
                currency="GBP",
                delivery_status="DELIVERED",
                discount_minor=50,
                gross_minor=1_500,
                line_count=2,
                entered_by=TILL,
            ),
            msgspec.structs.replace(of_customer("TransactionUpdated:u-1"), correction_of="TransactionAdded:B-1001"),
            seq=16,
        ),
        record=UPDATE,
        topic="notifications.customers",
    ),
    EventName.POINTS_ISSUED: Case(fact=ISSUED, record=BILL, topic="notifications.points"),
    EventName.POINTS_REDEEMED: Case(
        fact=fact_of(
            PointsRedeemed(
                currency="BEANS",
                points=100,
                redemption_id="red-1",
                taken=(Taken(lot_id=4, points=60), Taken(lot_id=6, points=40)),
                balance=65,
                value_minor=200,
                bill_number="B-1002",
                notes="at the till",
            ),
            in_program("RedeemPoints:red-1"),
            seq=9,
        ),
        record=REDEMPTION,
        topic="notifications.points",
    ),
    EventName.PROMISED_TO_CURRENT_POINTS_CONVERSION: Case(fact=CONVERTED, record=None, topic="notifications.points"),
    EventName.REDEEMED_POINTS_REVERSED: Case(
        fact=fact_of(
            RedemptionReversed(
                currency="BEANS",
                points=45,
                balance=95,
                redemption_id="red-1",
                restored=(Taken(lot_id=6, points=30),),
                expired=15,
                past=(Taken(lot_id=4, points=15),),
                lots=(),
                reversed_of_redemption=45,
                value_minor=90,
                reason="it was cold",
            ),
            in_program("ReverseRedemption:v-1"),
            seq=11,
        ),
        record=REVERSAL,
        topic="notifications.points",
    ),
    EventName.POINTS_EXPIRED: Case(fact=EXPIRED, record=None, topic="notifications.points"),
    EventName.POINTS_EXPIRY_REMINDER: Case(
        fact=fact_of(
            ExpiryReminded(currency="BEANS", expires_on=FEBRUARY_29 + 8, lead_days=7, remaining=45),
            in_program(f"expiryReminder:{PROGRAM}:{MARCH_1_LONDON}", MARCH_1_LONDON),
            seq=12,
        ),
        record=None,
        topic="notifications.points",
    ),
    EventName.SINGLE_POINTS_EXPIRY_UPDATED: Case(
        fact=fact_of(
            ExpiryMoved(
                currency="BEANS",
                moved_by=MovedBy.ACTIVITY,
                moved=(
                    LotsMoved(
                        remaining=25,
                        lots=(3, 4),
                        old_on=FEBRUARY_29,
                        new_on=FEBRUARY_29 + 180,
                        closes_at=1_724_799_600_000,
                    ),
                    LotsMoved(
                        remaining=60,
                        lots=(6,),
                        old_on=FEBRUARY_29 + 180,
                        new_on=FEBRUARY_29 + 180,
                        closes_at=1_724_799_600_000,
                    ),
                ),
            ),
            seq=9,
        ),
        record=BILL,
        topic="notifications.points",
    ),
    EventName.ISSUED_POINTS_REVERSED: Case(
        fact=fact_of(
            PointsReversed(
                currency="BEANS",
                points=14,
                of_bill="B-1001",
                reversals=(
                    Reversal(rule_id="beans-week", lot_id=5, claimed=4, points=4, forgiven=0, promised=4),
                    Reversal(rule_id="every-pound", lot_id=4, claimed=10, points=10, forgiven=0),
                ),
                reversed_of_bill=20,
                promised_reversed_of_bill=6,
                balance=151,
                lifetime=651,
            ),
            in_program("TransactionReturned:R-1"),
            seq=10,
        ),
        record=RETURN,
        topic="notifications.points",
    ),
    EventName.ALTERNATE_CURRENCIES_ISSUED: Case(
        fact=fact_of(
            AlternatePointsIssued(
                currencies=(
                    PointsIssued(
                        currency="STARS",
                        points=12,
                        activity="",
                        awards=(Award(issued_for=IssuedFor.SPEND, rule_id="stars", points=12, lot_id=3),),
                        lots=(
                            LotOpened(lot_id=3, points=12, expires_on=FEBRUARY_29 + 90, closes_at=1_717_023_600_000),
                        ),
                        balance=20,
                        lifetime=32,
                    ),
                    PointsIssued(
                        currency="COINS",
                        points=7,
                        activity="",
                        awards=(Award(issued_for=IssuedFor.SPEND, rule_id="coins", points=7, lot_id=1),),
                        lots=(LotOpened(lot_id=1, points=7, expires_on=None, closes_at=None),),
                        balance=8,
                        lifetime=9,
                    ),
                )
            ),
            seq=14,
        ),
        record=BILL,
        topic="notifications.points",
    ),
    EventName.ISSUED_ALTERNATE_CURRENCIES_REVERSED: Case(
        fact=fact_of(
            AlternatePointsReversed(
                currencies=(
                    PointsReversed(
                        currency="STARS",
                        points=4,
                        of_bill="B-1001",
                        reversals=(Reversal(rule_id="stars", lot_id=2, claimed=5, points=4, forgiven=1),),
                        reversed_of_bill=6,
                        balance=16,
                        lifetime=28,
                    ),
                )
            ),
            in_program("TransactionReturned:R-1"),
            seq=15,
        ),
        record=RETURN,
        topic="notifications.points",
    ),
    EventName.POINTS_TRANSFERRED_INITIATED: Case(
        fact=fact_of(
            PointsTransferred(
                currency="BEANS",
                points=10,
                balance=90,
                transfer_id="gift-1",
                receiver_id=43,
                taken=(Taken(lot_id=4, points=10),),
            ),
            msgspec.structs.replace(in_program("AnswerTransfer:0a1b"), via=f"{CUSTOMER}:{AT}:TransferPoints:gift-1"),
            seq=11,
        ),
        record=ANSWER,
        topic="notifications.points",
    ),
    EventName.POINTS_TRANSFERRED_RECEIVED: Case(
        fact=fact_of(
            PointsReceived(
                currency="BEANS",
                points=10,
                balance=75,
                transfer_id="gift-1",
                sender_id=43,
                lots=(LotOpened(lot_id=7, points=10, expires_on=FEBRUARY_29 + 3, closes_at=1_709_510_400_000),),
            ),
            msgspec.structs.replace(in_program("ReceiveTransfer:2c3d"), via=f"43:{AT}:TransferPoints:gift-1"),
            seq=11,
        ),
        record=OFFER,
        topic="notifications.points",
    ),
    EventName.TIER_UPGRADED: Case(
        fact=fact_of(TierUpgraded(previous=1, reached=2, basis_value=665, term=THROUGH_FEBRUARY), seq=8),
        record=BILL,
        topic="notifications.tiers",
    ),
    EventName.TIER_RENEWED: Case(
        fact=fact_of(
            TierRenewed(tier=2, measured=700, needed=665, term=THROUGH_FEBRUARY, by=TierMoved.RENEWAL),
            seq=8,
        ),
        record=BILL,
        topic="notifications.tiers",
    ),
    EventName.TIER_DOWNGRADED: Case(
        fact=fact_of(
            TierDowngraded(
                previous=2,
                reached=1,
                reached_id="bronze",
                measured=400,
                needed=665,
                mark=2,
                term=THROUGH_FEBRUARY,
                by=TierMoved.RENEWAL,
            ),
            seq=8,
        ),
        record=BILL,
        topic="notifications.tiers",
    ),
    EventName.TIER_DOWNGRADE_REMINDER: Case(
        fact=fact_of(
            TierReminded(tier=2, expires_on=FEBRUARY_29, lead_days=7, measured=400, needed=665),
            in_program(f"tierReminder:{PROGRAM}:{MARCH_1_LONDON}", MARCH_1_LONDON),
            seq=8,
        ),
        record=None,
        topic="notifications.tiers",
    ),
    EventName.TIER_APPROACHING: Case(
        fact=fact_of(
            TierApproached(
                tier=3,
                tier_id="gold",
                measured=960,
                needed=1_000,
                basis="points_in_period",
                ends_on=FEBRUARY_29,
                days_left=5,
            ),
            seq=8,
        ),
        record=BILL,
        topic="notifications.tiers",
    ),
    EventName.TARGET_ACHIEVED_VALUE_UPDATED: Case(fact=PROGRESSED, record=BILL, topic="notifications.milestones"),
    EventName.TARGET_VALUE_ACHIEVED: Case(fact=ACHIEVED, record=BILL, topic="notifications.milestones"),
    EventName.STREAK_CUSTOMER_ENROLMENT: Case(
        fact=fact_of(
            StreakEnrolled(streak_id="regular", period=FEBRUARY_2024, first_day=FEBRUARY_29 - 28, last_day=FEBRUARY_29),
            seq=7,
        ),
        record=ENROL,
        topic="notifications.streaks",
    ),
    EventName.STREAK_CUSTOMER_UN_ENROLMENT: Case(
        fact=fact_of(
            StreakUnenrolled(
                streak_id="regular", period=FEBRUARY_2024, first_day=FEBRUARY_29 - 28, last_day=FEBRUARY_29
            ),
            seq=7,
        ),
        record=UNENROL,
        topic="notifications.streaks",
    ),
    EventName.TARGET_VALUE_UPDATED: Case(
        fact=fact_of(
            TargetChanged(milestone_id="spend", period=216, previous=7_500, target=9_050, requested=False), seq=25
        ),
        record=BILL,
        topic="notifications.milestones",
    ),
    EventName.TARGET_PERIOD_START: Case(
        fact=fact_of(
            CycleBegan(
                milestone_id="visits",
                period=FEBRUARY_2024,
                begins_at=1_706_745_600_000,
                ends_at=MARCH_1_LONDON,
                target=3,
            ),
            seq=26,
        ),
        record=BILL,
        topic="notifications.milestones",
    ),
    EventName.TARGET_PERIOD_END: Case(
        fact=fact_of(
            CycleEnded(
                milestone_id="visits", period=FEBRUARY_2024, ends_at=MARCH_1_LONDON, value=4, target=3, achieved=True
            ),
            in_program(f"cycleEnd:{PROGRAM}/visits/{FEBRUARY_2024}:{MARCH_1_LONDON}", MARCH_1_LONDON),
            seq=27,
        ),
        record=None,
        topic="notifications.milestones",
    ),
    EventName.TARGET_CUSTOMER_ENROLMENT: Case(
        fact=fact_of(
            MilestoneEnrolled(
                milestone_id="visits",
                enrolled_by=EnrolledBy.COMMAND,
                anchor=FEBRUARY_29,
                period=FEBRUARY_2024,
                target=3,
                reason="asked",
            ),
            in_program("EnrolTarget:enrol-1"),
            seq=28,
        ),
        record=ENROLMENT,
        topic="notifications.milestones",
    ),
    EventName.UNIFIED_TARGETS_ACHIEVED: Case(
        fact=fact_of(
            UnifiedAchieved(
                unified_id="goals",
                period=FEBRUARY_2024,
                ends_at=MARCH_1_LONDON,
                parts=(UnifiedPart(milestone_id="visits", value=3, target=3),),
                total=3,
            ),
            seq=29,
        ),
        record=BILL,
        topic="notifications.milestones",
    ),
    EventName.UNIFIED_TARGETS_UN_ACHIEVED: Case(
        fact=fact_of(
            UnifiedUnachieved(
                unified_id="goals",
                period=FEBRUARY_2024,
                parts=(UnifiedPart(milestone_id="visits", value=2, target=3),),
                total=2,
                of_bill="B-1001",
            ),
            seq=30,
        ),
        record=RETURN,
        topic="notifications.milestones",
    ),
    EventName.STREAK_START: Case(
        fact=fact_of(StreakStarted(streak_id="regular", starts_on=FEBRUARY_29, ends_on=None, ends_at=None), seq=7),
        record=BILL,
        topic="notifications.streaks",
    ),
    EventName.STREAK_LEVEL_UN_ACHIEVED: Case(
        fact=fact_of(
            StreakLevelUnachieved(
                streak_id="regular",
                level=2,
                period=FEBRUARY_2024,
                run=1,
                achieved_at=1_709_000_000_000,
                of_bill="B-1001",
            ),
            seq=24,
        ),
        record=RETURN,
        topic="notifications.streaks",
    ),
    EventName.STREAK_LEVEL_ACHIEVED: Case(fact=LEVEL_REACHED, record=BILL, topic="notifications.streaks"),
    EventName.STREAK_AT_RISK: Case(
        fact=fact_of(
            StreakAtRisk(
                streak_id="regular",
                period=FEBRUARY_2024,
                run=2,
                missing=1,
                last_day=FEBRUARY_29,
                ends_at=MARCH_1_LONDON,
            ),
            in_program(f"streakRisk:{PROGRAM}/regular:{MARCH_1_LONDON - 21_600_000}", MARCH_1_LONDON - 21_600_000),
            seq=9,
        ),
        record=None,
        topic="notifications.streaks",
    ),
    EventName.STREAK_END: Case(
        fact=fact_of(
            StreakEnded(streak_id="regular", ends_on=FEBRUARY_29, run=2, levels=(2,)),
            in_program(f"streakEnd:{PROGRAM}/regular:{MARCH_1_LONDON}", MARCH_1_LONDON),
            seq=13,
        ),
        record=None,
        topic="notifications.streaks",
    ),
}
"""Ticks come a minute late; of a timer's notification, only `timeStamp` depends on when the tick came."""


def recorded_at(case: Case) -> int:
    return MARCH_1_LONDON + 60_000 if case.record is None else RECEIVED
