"""One realistic fact for each event, with the record that caused it, in one program."""

from __future__ import annotations

from typing import Any, NamedTuple

from pipeline.notify.context import Context
from pipeline.notify.program_view import OrgView, ProgramView
from schemas.facts import (
    CustomerChanged,
    CustomerRegistered,
    Fact,
    IssuedFor,
    MilestoneAchieved,
    MilestoneProgressed,
    PointsExpired,
    PointsIssued,
    PointsRedeemed,
    PointsReversed,
    Reversal,
    StreakEnded,
    StreakLevelReached,
    StreakStarted,
    Taken,
    TierUpgraded,
    TransactionRecorded,
)
from schemas.notifications import EventName
from schemas.program import ProgramDefinition
from schemas.records import (
    AnyRecord,
    CustomerAdded,
    CustomerUpdated,
    CustomEventReceived,
    Line,
    Profile,
    RedeemPoints,
    TransactionAdded,
    TransactionReturned,
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
    "tiers": {
        "basis": "lifetime_points",
        "levels": [{"name": "Green", "threshold": 0}, {"name": "Dark roast", "threshold": 500}],
    },
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


def context(record: AnyRecord | None, *views: ProgramView, recorded_at: int = RECEIVED) -> Context:
    return Context(ORG, CUSTOMER, record, OrgView(views or (view(),)), recorded_at)


def bill(number: str = "B-1001", **changes: Any) -> TransactionAdded:
    given: dict[str, Any] = {
        "bill_number": number,
        "amount_minor": 1_250,
        "currency": "GBP",
        "lines": (Line("BEAN-ETH-250", 950), Line("CUP", 300, 2)),
        "discount_minor": 150,
        "gross_minor": 1_400,
        "store": "soho",
        "till": "soho.1",
    }
    return TransactionAdded(
        RECEIVED, "loyalty.transactions:0", 17, ORG, CUSTOMER, number, 1, AT, **{**given, **changes}
    )


def event(name: str = "review_written") -> CustomEventReceived:
    return CustomEventReceived(RECEIVED, "loyalty.events:0", 17, ORG, CUSTOMER, "e-1", 1, AT, name, {"stars": 5})


PERSON = Profile("Ada", "Lovelace", "447700900123", "ada@example.org", "X-1", "LOYALTY", "INSTORE", {"milk": "oat"})
BILL = bill()
RETURN = TransactionReturned(
    RECEIVED, "loyalty.transactions:0", 18, ORG, CUSTOMER, "R-1", 1, AT, "R-1", "B-1001", 300, "GBP"
)
REDEMPTION = RedeemPoints(
    RECEIVED, "loyalty.commands:0", 19, ORG, CUSTOMER, "red-1", 1, AT, PROGRAM, 100, "BEANS", "B-1002", "at the till"
)
JOINING = CustomerAdded(RECEIVED, "loyalty.customers:0", 3, ORG, CUSTOMER, "c-1", 1, AT, PERSON)
CHANGE = CustomerUpdated(
    RECEIVED, "loyalty.customers:0", 4, ORG, CUSTOMER, "c-2", 1, AT, Profile(mobile="447700900123")
)

_BILL = ("TransactionAdded:B-1001", AT)
_IN_PROGRAM = (*_BILL, PROGRAM, 3)
FEBRUARY_2024 = 649
FEBRUARY_29 = 19_782
MARCH_1_LONDON = 1_709_251_200_000

ISSUED = PointsIssued(
    4,
    *_IN_PROGRAM,
    "BEANS",
    60,
    IssuedFor.SPEND,
    "every-pound",
    FEBRUARY_29 + 180,
    1_724_799_600_000,
    165,
    665,
    "B-1001",
)
PROGRESSED = MilestoneProgressed(5, *_IN_PROGRAM, "visits", FEBRUARY_2024, MARCH_1_LONDON, 1, 3, 3)
EXPIRED = PointsExpired(
    12,
    f"expiry:{PROGRAM}/BEANS/{FEBRUARY_29}:{MARCH_1_LONDON}",
    MARCH_1_LONDON,
    PROGRAM,
    3,
    "BEANS",
    30,
    FEBRUARY_29,
    (Taken(2, 30),),
    135,
)


class Case(NamedTuple):
    fact: Fact
    record: AnyRecord | None
    """None: a timer, found by a tick."""


CASES: dict[EventName, Case] = {
    EventName.CUSTOMER_ADDED: Case(CustomerRegistered(2, "CustomerAdded:c-1", AT, PERSON), JOINING),
    EventName.CUSTOMER_UPDATED: Case(CustomerChanged(3, "CustomerUpdated:c-2", AT, PERSON, ("mobile",)), CHANGE),
    EventName.TRANSACTION_ADDED: Case(
        TransactionRecorded(3, *_BILL, "B-1001", 1_250, "GBP", AT + 86_400_000, AT + 172_800_000), BILL
    ),
    EventName.POINTS_ISSUED: Case(ISSUED, BILL),
    EventName.POINTS_REDEEMED: Case(
        PointsRedeemed(
            9,
            "RedeemPoints:red-1",
            AT,
            PROGRAM,
            3,
            "BEANS",
            100,
            "red-1",
            (Taken(4, 60), Taken(6, 40)),
            65,
            200,
            "B-1002",
            "at the till",
        ),
        REDEMPTION,
    ),
    EventName.POINTS_EXPIRED: Case(EXPIRED, None),
    EventName.ISSUED_POINTS_REVERSED: Case(
        PointsReversed(
            10,
            "TransactionReturned:R-1",
            AT,
            PROGRAM,
            3,
            "BEANS",
            14,
            "B-1001",
            (Reversal("every-pound", 4, 14, 14, 0),),
            20,
            151,
            651,
        ),
        RETURN,
    ),
    EventName.TIER_UPGRADED: Case(TierUpgraded(8, *_IN_PROGRAM, 1, 2, 665), BILL),
    EventName.TARGET_ACHIEVED_VALUE_UPDATED: Case(PROGRESSED, BILL),
    EventName.TARGET_VALUE_ACHIEVED: Case(MilestoneAchieved(6, *_IN_PROGRAM, "visits", FEBRUARY_2024, 3, 3, 1), BILL),
    EventName.STREAK_START: Case(StreakStarted(7, *_IN_PROGRAM, "regular", FEBRUARY_29, None, None), BILL),
    EventName.STREAK_LEVEL_ACHIEVED: Case(StreakLevelReached(8, *_IN_PROGRAM, "regular", 2, FEBRUARY_2024, 2), BILL),
    EventName.STREAK_END: Case(
        StreakEnded(
            13,
            f"streakEnd:{PROGRAM}/regular:{MARCH_1_LONDON}",
            MARCH_1_LONDON,
            PROGRAM,
            3,
            "regular",
            FEBRUARY_29,
            2,
            (2,),
        ),
        None,
    ),
}
"""Ticks come a minute late: what a timer decides does not show when it was found, except in `timeStamp`."""


def recorded_at(case: Case) -> int:
    return MARCH_1_LONDON + 60_000 if case.record is None else RECEIVED
