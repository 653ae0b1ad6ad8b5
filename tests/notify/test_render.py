"""Which facts become notifications, and how settings and causes change them."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
import pytest

from pipeline.engine.calendar import NEVER
from pipeline.notify.activity import ACTIVITIES, activity_of
from pipeline.notify.context import Context
from pipeline.notify.parts import Pair
from pipeline.notify.program_view import OrgView
from pipeline.notify.render import RENDERER
from schemas.facts import (
    AlternatePointsIssued,
    AlternatePointsReversed,
    Award,
    CustomerStatusChanged,
    Decision,
    ExpiryMoved,
    Fact,
    Group,
    IssuedFor,
    LotOpened,
    LotsMoved,
    MilestoneLowered,
    MovedBy,
    PointsCancelled,
    PointsDebited,
    PointsIssued,
    PointsReversed,
    RecordAccepted,
    RecordRefused,
    Refusal,
    ReturnRecorded,
    Standing,
    StreakExtended,
)
from schemas.notifications import EventName, Notification
from schemas.records import (
    AnyCustomerRecord,
    AnyRecord,
    CancelPoints,
    ConfirmRedemption,
    CustomerStatus,
    Profile,
    Site,
    TransactionUpdated,
)
from tests.notify.cases import (
    ACHIEVED,
    ADJUSTMENT,
    AT,
    BILL,
    CASES,
    CHANGE,
    CUSTOMER,
    DEFINITION,
    EXPIRED,
    FEBRUARY_29,
    FEBRUARY_2024,
    ISSUED,
    LEVEL_REACHED,
    MARCH_1_LONDON,
    NOBODY,
    ORG,
    PERSON,
    PROGRAM,
    PROGRESSED,
    RECEIVED,
    REDEMPTION,
    REGISTRATION,
    RETURN,
    REVERSAL,
    SOHO,
    bill,
    context,
    event,
    fact_of,
    in_program,
    of_customer,
    record_fields,
    view,
    with_decision,
    with_envelope,
)

replace = msgspec.structs.replace


def _told(fact: Fact, record: AnyRecord | None) -> dict[str, Any]:
    notification = RENDERER.render(fact, context(record))
    assert notification is not None
    told: dict[str, Any] = msgspec.json.decode(notification.body)
    return told


def test_every_kind_of_customer_record_is_an_activity() -> None:
    assert set(ACTIVITIES) == set(get_args(AnyCustomerRecord))


@pytest.mark.parametrize("name", EventName)
def test_a_notification_has_the_name_topic_id_and_seq_of_its_event(name: EventName) -> None:
    case = CASES[name]
    notification = rendered(case.fact, context(case.record))
    body = decoded(notification.body)
    assert (notification.event, notification.topic) == (name, case.topic)
    assert (body["eventName"], body["eventId"], body["seq"]) == (name, notification.id, case.fact.seq)


@pytest.mark.parametrize(
    "decision",
    [
        RecordAccepted(digest=1, forget_before=0),
        RecordRefused(reason=Refusal.BILL_EXISTS),
        PointsDebited(currency="BEANS", points=5, reason="mistake", taken=(), balance=60),
        StreakExtended(streak_id="regular", period=FEBRUARY_2024, run=1, longest=1),
    ],
    ids=lambda decision: type(decision).__name__,
)
def test_bookkeeping_gives_no_notification(decision: Decision) -> None:
    assert RENDERER.render(fact_of(decision), context(BILL)) is None


def test_a_refusal_in_a_program_that_the_org_does_not_have_gives_no_notification() -> None:
    refused = fact_of(RecordRefused(reason=Refusal.PROGRAM_UNKNOWN), in_program(program_id=99, version=0))
    assert RENDERER.render(refused, context(REDEMPTION)) is None


def test_a_change_of_the_status_is_an_update_with_its_values_before_and_after() -> None:
    record = CustomerStatus(**record_fields("s-1", "customers"), status="FRAUD", reason="odd bills")
    changed = CustomerStatusChanged(status=Standing.FRAUD, previous=Standing.ACTIVE, profile=PERSON)
    rendered = _told(fact_of(changed, of_customer("CustomerStatus:s-1")), record)
    assert rendered["eventName"] == "customerUpdated"
    assert rendered["data"]["updatedFields"] == [
        {"fieldName": "status", "previousValue": "ACTIVE", "currentValue": "FRAUD"}
    ]
    again = msgspec.structs.replace(changed, previous=Standing.FRAUD)
    assert _told(fact_of(again, of_customer("CustomerStatus:s-1")), record)["data"]["updatedFields"] == []


def test_confirmed_redemption_names_the_redemption_and_its_bill() -> None:
    record = ConfirmRedemption(**record_fields("n-1", "commands"), program_id=PROGRAM, redemption_id="red-1")
    fact = with_envelope(CASES[EventName.POINTS_REDEEMED].fact, cause="ConfirmRedemption:n-1")
    own, at_once = (_told(one, by)["data"] for one, by in ((fact, record), CASES[EventName.POINTS_REDEEMED][:2]))
    assert own["triggeringActivity"] == at_once["triggeringActivity"] | {"enteredBy": {}}


def test_a_return_that_found_no_points_to_take_gives_no_notification() -> None:
    reversed_none = fact_of(
        PointsReversed(
            currency="BEANS", points=0, of_bill="B-1001", reversals=(), reversed_of_bill=6, balance=0, lifetime=0
        ),
        in_program("TransactionReturned:R-1"),
    )
    assert RENDERER.render(reversed_none, context(RETURN)) is None


def test_an_award_that_is_cancelled_names_what_asked_for_it_and_its_currency() -> None:
    record = CancelPoints(
        **record_fields("c-1", "commands"), program_id=PROGRAM, reason="a mistake", lot=3, currency="GRAMS"
    )
    decision = PointsCancelled(
        currency="GRAMS", points=1_500, of_bill="", reversals=(), reversed_of_bill=1_500, balance=65, lifetime=70
    )
    told = data_of(fact_of(decision, in_program("CancelPoints:c-1")), context(record))
    assert told["triggeringActivity"]["name"] == "PointsCancellation"
    assert {"key": "lotId", "value": "3"} in told["triggeringActivity"]["identifiers"]
    assert (told["currentEventTotalPointsReturned"], told["alternateCurrencyName"]) == (1.5, "GRAMS")
    nothing = replace(decision, points=0)
    assert RENDERER.render(fact_of(nothing, in_program("CancelPoints:c-1")), context(record)) is None
    of_streak = replace(record, lot=0, streak="days", level=2)
    told = data_of(fact_of(decision, in_program("CancelPoints:c-1")), context(of_streak))
    named = [(one["key"], one["value"]) for one in told["triggeringActivity"]["identifiers"]]
    assert named[1:] == [("streakId", "days"), ("level", "2")]
    of_bill = replace(record, lot=0, bill_number="B-1001")
    told = data_of(fact_of(decision, in_program("CancelPoints:c-1")), context(of_bill))
    assert {"key": "billNumber", "value": "B-1001"} in told["triggeringActivity"]["identifiers"]


def test_a_return_that_found_nothing_of_a_currency_does_not_name_it() -> None:
    decision = CASES[EventName.ISSUED_ALTERNATE_CURRENCIES_REVERSED].fact.decision
    assert isinstance(decision, AlternatePointsReversed)
    (one,) = decision.currencies
    none = replace(one, currency="COINS", points=0)
    envelope = in_program("TransactionReturned:R-1")
    both = fact_of(AlternatePointsReversed(currencies=(none, one)), envelope)
    assert [told["alternateCurrencyName"] for told in data_of(both, context(RETURN))["alternateCurrencies"]] == [
        "stars"
    ]
    nothing = fact_of(AlternatePointsReversed(currencies=(none,)), envelope)
    assert RENDERER.render(nothing, context(RETURN)) is None


def test_amounts_of_a_currency_have_its_decimals() -> None:
    grams = PointsIssued(
        currency="GRAMS",
        points=1_250,
        activity="",
        awards=(Award(issued_for=IssuedFor.SPEND, rule_id="grams", points=1_250, lot_id=1),),
        lots=(LotOpened(lot_id=1, points=1_250, expires_on=None, closes_at=None),),
        balance=2_000,
        lifetime=3_005,
    )
    (told,) = data_of(fact_of(AlternatePointsIssued(currencies=(grams,))), context(BILL))["alternateCurrencies"]
    assert (told["totalAlternateCurrenciesIssued"], told["programCurrentAlternateCurrencies"]) == (1.25, 2.0)
    assert (told["programLifetimeAlternateCurrencies"], told["awards"][0]["alternateCurrencies"]) == (3.005, 1.25)


def test_points_that_are_spent_or_gone_say_which_currency_unless_it_is_the_main_one() -> None:
    grams = {"alternateCurrencyName": "GRAMS", "alternateCurrencyIdentifier": "GRAMS"}
    redeemed, expired = CASES[EventName.POINTS_REDEEMED].fact, CASES[EventName.POINTS_EXPIRED].fact
    spent = data_of(with_decision(redeemed, currency="GRAMS", points=1_500), context(REDEMPTION))
    assert spent["totalPointsRedeemed"] == 1.5
    assert spent["redemptionFromEarningPrograms"][0]["programCurrentPoints"] == 0.065
    gone = data_of(with_decision(expired, currency="GRAMS", points=1_500), context(None))
    assert gone["pointsExpired"] == 1.5
    assert grams.items() <= spent.items()
    assert grams.items() <= gone.items()
    assert not grams.keys() & data_of(redeemed, context(REDEMPTION)).keys()
    assert not grams.keys() & data_of(expired, context(None)).keys()


def test_a_return_shows_the_points_of_all_returns_of_the_bill_and_its_own() -> None:
    data = data_of(CASES[EventName.ISSUED_POINTS_REVERSED].fact, context(RETURN))
    assert (data["totalIssuedPointsReversed"], data["currentEventTotalPointsReturned"]) == (20.0, 14.0)


def test_the_facts_of_a_message_are_rendered_in_order_with_their_seq() -> None:
    groups = [
        Group(
            envelope=of_customer(),
            decisions=(RecordAccepted(digest=1, forget_before=0), CASES[EventName.TRANSACTION_ADDED].fact.decision),
        ),
        Group(
            envelope=in_program(),
            decisions=(
                ISSUED.decision,
                StreakExtended(streak_id="regular", period=FEBRUARY_2024, run=1, longest=1),
                PROGRESSED.decision,
            ),
        ),
    ]
    bodies = [decoded(notification.body) for notification in RENDERER.render_all(groups, 31, context(BILL))]
    assert [(body["eventName"], body["seq"]) for body in bodies] == [
        ("transactionAdded", 32),
        ("pointsIssued", 33),
        ("targetAchievedValueUpdated", 35),
    ]


# --- settings


@pytest.mark.parametrize("name", EventName)
def test_an_event_that_is_switched_off_is_not_sent(name: EventName) -> None:
    case = CASES[name]
    off = context(case.record, view(notifications={"off": (name.value,)}))
    assert RENDERER.render(case.fact, off) is None


@pytest.mark.parametrize("name", EventName)
def test_switching_all_other_events_off_does_not_change_an_event(name: EventName) -> None:
    case = CASES[name]
    others = tuple(other.value for other in EventName if other is not name)
    without_others = context(case.record, view(notifications={"off": others}))
    assert rendered(case.fact, without_others) == rendered(case.fact, context(case.record))


def test_only_known_fields_of_a_profile_are_told() -> None:
    fact = with_decision(CASES[EventName.CUSTOMER_ADDED].fact, profile=Profile(email="ada@example.org"))
    nowhere = msgspec.structs.replace(REGISTRATION, store="", till="", entered_by="")
    assert data_of(fact, context(nowhere)) == {
        "loyaltyType": "LOYALTY",
        "source": "",
        "firstName": "",
        "lastName": "",
        "enteredAt": AT,
        "enteredBy": {},
        "customerIdentifiers": {"customerId": CUSTOMER, "instore": {"email": "ada@example.org"}},
    }


def test_each_program_sends_in_its_own_profile() -> None:
    around = context(BILL, view(), view(program_id=8, notifications={"profile": "wrapped"}))
    first, second = (rendered(with_envelope(ISSUED, program_id=number), around) for number in (PROGRAM, 8))
    assert (is_wrapped(first), is_wrapped(second)) == (False, True)
    assert first.id != second.id


# --- causes


def test_a_timer_has_the_instant_it_was_due_whether_a_tick_or_a_record_made_it_fire() -> None:
    by_tick = context(None, view(), recorded_at=MARCH_1_LONDON + 60_000)
    by_record = context(BILL, view(), recorded_at=MARCH_1_LONDON + 3_600_000)
    notification = rendered(EXPIRED, by_tick)
    assert decoded(notification.body)["createdAt"] == MARCH_1_LONDON
    assert rendered(EXPIRED, by_record) == notification


def test_facts_of_timers_and_of_the_record_that_made_them_fire_keep_their_own_causes() -> None:
    around = context(BILL)
    facts = [EXPIRED, ISSUED, with_decision(EXPIRED, currency="LEAVES"), ISSUED]
    bodies = [decoded(rendered(fact, around).body) for fact in facts]
    assert [body["createdAt"] for body in bodies] == [MARCH_1_LONDON, RECEIVED, MARCH_1_LONDON, RECEIVED]
    assert bodies[1]["refId"] == bodies[3]["refId"] != bodies[0]["refId"] == bodies[2]["refId"]


@pytest.mark.parametrize(
    ("record", "activity"),
    [
        (BILL, ("TransactionAdd", {"BillId": "3592808002462034", "billNumber": "B-1001"})),
        (RETURN, ("ReturnBill", {"billId": "3592808002462034", "billNumber": "B-1001"})),
        (event("review_written"), ("CustomEvent", {"CustomerId": "42", "eventName": "review_written"})),
        (REDEMPTION, ("PointsRedemption", {"billId": "3077990026554394", "redemptionId": "red-1"})),
        (replace(REDEMPTION, bill_number=""), ("PointsRedemption", {"billId": "-1", "redemptionId": "red-1"})),
        (ADJUSTMENT, ("PointsAdjustment", {"CustomerId": "42"})),
        (REGISTRATION, ("CustomerAdd", {"CustomerId": "42"})),
        (CHANGE, ("CustomerUpdate", {"CustomerId": "42"})),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_triggering_activity_names_the_record(record: Any, activity: tuple[str, dict[str, str]]) -> None:
    issued = with_envelope(ISSUED, cause=f"{type(record).__name__}:{record.id}")
    trigger = data_of(issued, context(record))["triggeringActivity"]
    assert (trigger["name"], {pair["key"]: pair["value"] for pair in trigger["identifiers"]}) == activity


@pytest.mark.parametrize(
    ("user", "told"),
    [
        ("", {}),
        ("50672906", {"id": 50_672_906}),
        ("0", {"id": 0}),
        ("007", {"name": "007"}),
        ("9007199254740993", {"name": "9007199254740993"}),
        ("anna", {"name": "anna"}),
    ],
)
def test_who_entered_a_command_is_told_as_the_record_says_it(user: str, told: dict[str, object]) -> None:
    record = replace(REVERSAL, entered_by=user)
    data = data_of(CASES[EventName.REDEEMED_POINTS_REVERSED].fact, context(record))
    assert data["triggeringActivity"]["enteredBy"] == told


def test_who_changed_a_status_is_told() -> None:
    changed = CustomerStatusChanged(
        status=Standing.FRAUD, previous=Standing.ACTIVE, profile=PERSON, entered_by="50672906"
    )
    assert data_of(fact_of(changed, of_customer("CustomerStatus:s-1")), context(None))["enteredBy"] == {
        "id": 50_672_906
    }


def test_a_bill_has_its_own_number_for_each_org_customer_and_bill_number() -> None:
    customers = [(ORG, CUSTOMER), (ORG, CUSTOMER + 1), (ORG + 1, CUSTOMER)]
    bills = [
        replace(bill(number), org_id=org, customer_id=customer)
        for org, customer in customers
        for number in ("B1", "B2")
    ]
    assert len({activity_of(record).transaction_id for record in bills}) == len(bills)


def test_a_return_and_a_redemption_name_their_bill_by_the_same_number_as_the_bill_itself() -> None:
    number = activity_of(BILL).transaction_id
    assert activity_of(RETURN).transaction_id == number
    redemption = activity_of(replace(REDEMPTION, bill_number=BILL.bill_number))
    assert redemption.identifiers[0] == Pair(key="billId", value=str(number))


def test_progress_of_a_target_by_an_event_names_no_bill() -> None:
    progressed = with_envelope(PROGRESSED, cause="CustomEventReceived:e-1")
    data = data_of(progressed, context(event()))
    assert data.keys() & {"transactionId", "eventId"} == set()
    assert (data["eventName"], data["triggeringActivity"]["name"]) == ("CustomEvent", "CustomEvent")


def test_a_bill_without_its_record_is_a_bug() -> None:
    with pytest.raises(TypeError, match="B-1001"):
        RENDERER.render(CASES[EventName.TRANSACTION_ADDED].fact, context(None))


# --- points


def test_points_that_never_expire_have_no_expiry_date() -> None:
    lots = (LotOpened(lot_id=6, points=60, expires_on=None, closes_at=None),)
    assert data_of(with_decision(ISSUED, lots=lots), context(BILL))["regularPointsBreakup"] == [{"points": 60.0}]


def test_awards_of_one_activity_are_one_notification_with_an_entry_for_each_award_and_each_lot() -> None:
    issued = with_decision(
        ISSUED,
        points=75,
        awards=(
            Award(issued_for=IssuedFor.SPEND, rule_id="every-pound", points=40, lot_id=6),
            Award(issued_for=IssuedFor.SPEND, rule_id="december", points=20, lot_id=6),
            Award(issued_for=IssuedFor.EVENT, rule_id="review", points=15, lot_id=7),
        ),
        lots=(
            LotOpened(lot_id=6, points=60, expires_on=FEBRUARY_29, closes_at=MARCH_1_LONDON),
            LotOpened(lot_id=7, points=15, expires_on=None, closes_at=None),
        ),
        promised=0,
        promised_lots=(),
    )
    data = data_of(issued, context(BILL))
    assert (data["totalPointsIssued"], data["regularPointsIssued"]) == (75.0, 75.0)
    assert data["regularPointsBreakup"] == [{"points": 60.0, "expiryAt": "2024-02-29"}, {"points": 15.0}]
    assert data["awards"] == [
        {"issuedFor": "spend", "ruleId": "every-pound", "points": 40.0},
        {"issuedFor": "spend", "ruleId": "december", "points": 20.0},
        {"issuedFor": "event", "ruleId": "review", "points": 15.0},
    ]


@pytest.mark.parametrize("issued_for", IssuedFor)
def test_points_are_regular_whatever_they_were_issued_for(issued_for: IssuedFor) -> None:
    award = Award(issued_for=issued_for, rule_id="why", points=60, lot_id=6)
    data = data_of(with_decision(ISSUED, awards=(award,)), context(BILL))
    assert data["regularPointsIssued"] == 60.0
    assert data["awards"] == [{"issuedFor": issued_for.name.lower(), "ruleId": "why", "points": 60.0}]


# --- milestones and streaks


def test_a_target_on_money_is_printed_in_major_units() -> None:
    progressed = with_decision(PROGRESSED, milestone_id="spend", period=216, added=1_250, value=7_600, target=7_500)
    data = data_of(progressed, context(BILL))
    values = [data[key] for key in ("currentEventTargetValue", "achievedTargetValue", "definedTargetValue")]
    assert (values, data["targetDetails"]["targetPeriodName"]) == (["12.5", "76.000", "75.000"], "2024-Q1")


def test_an_achievement_that_added_nothing_has_no_current_value() -> None:
    assert "currentEventTargetValue" not in data_of(with_decision(ACHIEVED, added=0), context(BILL))


EMPTY = {"milestones": (), "unified_targets": (), "streaks": (), "tiers": None}


@pytest.mark.parametrize("name", EventName)
def test_a_removed_part_of_a_program_does_not_change_event_ids(name: EventName) -> None:
    case = CASES[name]
    notification = rendered(case.fact, context(case.record, view(**EMPTY)))
    assert notification.id == rendered(case.fact, context(case.record)).id


def test_a_removed_milestone_is_shown_by_its_id() -> None:
    progressed = with_decision(PROGRESSED, milestone_id="gone")
    assert data_of(progressed, context(BILL))["targetDetails"] == {
        "id": 0,
        "name": "gone",
        "targetGroupId": 0,
        "targetGroupName": "gone",
        "targetPeriodId": FEBRUARY_2024,
        "targetPeriodName": "649",
    }


def test_a_removed_level_is_shown_by_its_periods() -> None:
    reached = with_decision(LEVEL_REACHED, level=5, run=5)
    assert data_of(reached, context(BILL))["streakData"][0]["streakLevelName"] == "5"


# --- bills


def test_a_bill_without_lines_store_or_till_has_none_in_its_notification() -> None:
    bare = bill(lines=(), discount_minor=0, gross_minor=None, store="", till="", entered_by="")
    data = data_of(CASES[EventName.TRANSACTION_ADDED].fact, context(bare))
    assert (data["lineItemCount"], data["discount"], data["enteredBy"], "grossAmount" in data) == (0, 0.0, {}, False)


def returned(**changes: Any) -> Fact:
    fields: dict[str, Any] = {
        "of_bill": "B-1001",
        "amount_minor": 300,
        "basis_minor": 1_250,
        "returned_before_minor": 950,
        "bill_number": "R-1",
        "currency": "GBP",
        "line_count": 1,
        "store": "soho",
        "till": "soho.1",
    }
    return fact_of(ReturnRecorded(**{**fields, **changes}), of_customer("TransactionReturned:R-1"))


def test_a_return_is_told_as_a_bill_of_its_own_with_what_it_counts_for() -> None:
    data = data_of(returned(), context(RETURN))
    assert data == {
        "amount": 3.0,
        "billNumber": "R-1",
        "enteredAt": AT,
        "transactionId": data["transactionId"],
        "billType": "RETURN",
        "lineItemCount": 1,
        "discount": 0.0,
        "currencyCode": "GBP",
        "enteredBy": {"till": {"code": "soho.1", "name": "soho.1"}, "store": {"code": "soho", "name": "soho"}},
        "customerIdentifiers": {"customerId": CUSTOMER, "loyaltyType": "loyalty"},
        "returnedBillNumber": "B-1001",
    }


KNOWN = {"code": "soho", "name": "Old Compton Street", "externalId": "S-7", "externalId1": "7", "externalId2": ""}


@pytest.mark.parametrize(
    ("store", "till", "site", "told"),
    [
        ("soho", "", SOHO, {"store": KNOWN}),
        ("soho", "1", SOHO, {"till": {"code": "1", "name": "1"}, "store": KNOWN}),
        (
            "soho",
            "1",
            Site(store_name="", till_name="Bar"),
            {
                "till": {"code": "1", "name": "Bar"},
                "store": {"code": "soho", "name": "soho", "externalId": "", "externalId1": "", "externalId2": ""},
            },
        ),
        ("", "1", None, {"till": {"code": "1", "name": "1"}}),
    ],
    ids=["no till", "a till by its code", "no name of the store", "no store"],
)
def test_a_store_is_told_as_the_settings_know_it(
    store: str, till: str, site: Site | None, told: dict[str, Any]
) -> None:
    assert data_of(returned(store=store, till=till, site=site), context(RETURN))["enteredBy"] == told


def test_a_return_that_names_no_lines_tells_no_number_of_them() -> None:
    assert "lineItemCount" not in data_of(returned(line_count=0), context(RETURN))


def test_a_return_says_how_much_more_than_was_left_of_its_bill_it_asks_for() -> None:
    assert data_of(returned(over_minor=120), context(RETURN))["amountBeyondBill"] == 1.2


def test_a_return_that_waited_for_its_bill_is_told_from_its_fact_alone() -> None:
    told, at_once = (data_of(returned(), context(record)) for record in (BILL, RETURN))
    assert told == at_once


def test_a_return_has_a_number_of_its_own_and_as_published_names_it() -> None:
    numbers = [
        data_of(returned(of_bill=of_bill, bill_number=number), context(RETURN))["transactionId"]
        for of_bill, number in (("B", "R"), ("B", "R2"), ("B2", "R"), ("R", "B"), ("R", "R"))
    ]
    assert len({*numbers, activity_of(BILL).transaction_id, activity_of(bill("R")).transaction_id}) == 7
    around = context(RETURN, view(notifications={"profile": "as-published"}))
    attributes = decoded(rendered(returned(), around).body)["attributes"]
    assert attributes["refId"] == f"{ORG}_{attributes['data']['transactionId']}"


def test_an_update_that_says_no_lines_tells_no_number_of_them() -> None:
    updated = with_decision(CASES[EventName.TRANSACTION_UPDATED].fact, line_count=0)
    assert "lineItemCount" not in data_of(updated, context(CASES[EventName.TRANSACTION_UPDATED].record))


def test_a_customer_of_an_org_without_programs_is_announced_in_the_flat_profile() -> None:
    around = Context(
        org_id=ORG, customer_id=CUSTOMER, record=REGISTRATION, org=OrgView(), recorded_at=RECEIVED, profile=NOBODY
    )
    assert not is_wrapped(rendered(CASES[EventName.CUSTOMER_ADDED].fact, around))


def test_the_cases_are_in_the_program_that_they_name() -> None:
    assert (view().id, view().org_id, view().version) == (PROGRAM, ORG, DEFINITION["version"])


def decoded(body: bytes) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.json.decode(body)
    return document


def rendered(fact: Fact, around: Context) -> Notification:
    notification = RENDERER.render(fact, around)
    assert notification is not None
    return notification


def is_wrapped(notification: Notification) -> bool:
    return "attributes" in decoded(notification.body)


def data_of(fact: Fact, around: Context) -> dict[str, Any]:
    data: dict[str, Any] = decoded(rendered(fact, around).body)["data"]
    return data


def test_what_an_update_takes_off_a_milestone_is_below_zero_and_names_the_update() -> None:
    record = TransactionUpdated(**record_fields("u-1", "transactions"), bill_number="B-1001", amount_minor=1)
    envelope = replace(in_program("TransactionUpdated:u-1"), correction_of="TransactionAdded:t-1")
    lowered = MilestoneLowered(
        milestone_id="visits", period=FEBRUARY_2024, removed=2, value=1, target=3, of_bill="B-1001"
    )
    told = data_of(fact_of(lowered, envelope), context(record))
    assert (told["triggeringActivity"]["name"], told["currentEventTargetValue"][0]) == ("TransactionUpdate", "-")


def test_points_that_expire_no_longer_have_no_new_day() -> None:
    moved = ExpiryMoved(
        currency="POINTS",
        moved_by=MovedBy.TIER,
        moved=(LotsMoved(remaining=5, lots=(2,), old_on=FEBRUARY_29, new_on=None, closes_at=NEVER),),
    )
    told = data_of(fact_of(moved, in_program("tierEnd:7:1")), context(None))
    assert told["updatedPointsExpiry"] == [
        {"programId": PROGRAM, "points": 5.0, "pointsType": "billRegular", "oldExpiryDate": "2024-02-29"}
    ]
