"""Which facts become notifications, and what settings and circumstances make of them."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
import pytest

from pipeline.notify.activity import ACTIVITIES, activity_of
from pipeline.notify.context import Context
from pipeline.notify.parts import Pair
from pipeline.notify.program_view import OrgView
from pipeline.notify.render import RENDERINGS, render, render_all
from schemas.facts import (
    AnyFact,
    Fact,
    IssuedFor,
    MilestoneAchieved,
    MilestoneProgressed,
    PointsDebited,
    PointsReversed,
    RecordAccepted,
    RecordRefused,
    Refusal,
    StreakExtended,
    StreakLevelReached,
)
from schemas.notifications import FAMILIES, TOPIC_OF, EventName
from schemas.records import AdjustPoints, AnyCustomerRecord, AnyRecord, Profile
from tests.notify.cases import (
    AT,
    BILL,
    CASES,
    CHANGE,
    CUSTOMER,
    DEFINITION,
    EXPIRED,
    FEBRUARY_2024,
    ISSUED,
    JOINING,
    MARCH_1_LONDON,
    ORG,
    PROGRAM,
    PROGRESSED,
    RECEIVED,
    REDEMPTION,
    RETURN,
    bill,
    context,
    event,
    view,
)

replace = msgspec.structs.replace


def test_every_kind_of_fact_is_rendered_or_silent() -> None:
    assert set(RENDERINGS) == set(get_args(AnyFact))


def test_every_event_is_rendered_from_one_kind_of_fact_and_has_a_topic() -> None:
    events = [rendering.event for rendering in RENDERINGS.values() if rendering is not None]
    assert sorted(events) == sorted(EventName) == sorted(TOPIC_OF)
    assert {rendering.topic for rendering in RENDERINGS.values() if rendering is not None} <= set(FAMILIES)


def test_every_kind_of_customer_record_is_an_activity() -> None:
    assert set(ACTIVITIES) == set(get_args(AnyCustomerRecord))


@pytest.mark.parametrize("one", EventName)
def test_a_notification_says_its_event_its_topic_and_its_id(one: EventName) -> None:
    case = CASES[one]
    notification = render(case.fact, context(case.record))
    assert notification is not None
    body = msgspec.json.decode(notification.body)
    assert (notification.event, notification.topic) == (one, TOPIC_OF[one])
    assert (body["eventName"], body["eventId"], body["seq"]) == (one, notification.id, case.fact.seq)


@pytest.mark.parametrize(
    "fact",
    [
        RecordAccepted(1, "TransactionAdded:B-1001", AT, AT, 1, 0),
        RecordRefused(1, "TransactionAdded:B-1001", AT, Refusal.BILL_EXISTS, AT),
        PointsDebited(1, "AdjustPoints:a-1", AT, PROGRAM, 3, "BEANS", 5, "mistake", (), 60),
        StreakExtended(1, "TransactionAdded:B-1001", AT, PROGRAM, 3, "regular", FEBRUARY_2024, 1, 1),
    ],
    ids=lambda fact: type(fact).__name__,
)
def test_bookkeeping_is_no_news(fact: Fact) -> None:
    assert render(fact, context(BILL)) is None


def test_a_return_that_found_nothing_left_to_take_is_no_news() -> None:
    reversed_none = PointsReversed(10, "TransactionReturned:R-1", AT, PROGRAM, 3, "BEANS", 0, "B-1001", (), 6, 0, 0)
    assert render(reversed_none, context(RETURN)) is None


def test_a_return_gives_what_all_returns_of_the_bill_took_and_what_this_one_took() -> None:
    data = data_of(CASES[EventName.ISSUED_POINTS_REVERSED].fact, context(RETURN))
    assert (data["totalIssuedPointsReversed"], data["currentEventTotalPointsReturned"]) == (20.0, 14.0)


# --- settings


@pytest.mark.parametrize("one", EventName)
def test_an_event_that_is_switched_off_is_not_sent(one: EventName) -> None:
    case = CASES[one]
    assert render(case.fact, context(case.record, view(notifications={"off": (one.value,)}))) is None


@pytest.mark.parametrize("one", EventName)
def test_switching_all_other_events_off_leaves_an_event_as_it_is(one: EventName) -> None:
    case = CASES[one]
    others = tuple(other.value for other in EventName if other is not one)
    settled = context(case.record, view(notifications={"off": others}))
    assert render(case.fact, settled) == render(case.fact, context(case.record))


@pytest.mark.parametrize(("one", "record"), [(EventName.CUSTOMER_ADDED, JOINING), (EventName.CUSTOMER_UPDATED, CHANGE)])
def test_identifiers_are_left_out_where_the_program_says_so(one: EventName, record: AnyRecord) -> None:
    silent = view(notifications={"identifiers": False})
    assert data_of(CASES[one].fact, context(record, silent))["customerIdentifiers"] == {"customerId": CUSTOMER}
    for secret in (b"447700900123", b"ada@example.org", b"X-1"):
        notification = render(CASES[one].fact, context(record, silent))
        assert notification is not None
        assert secret not in notification.body


def test_only_what_is_known_of_a_customer_is_an_identifier() -> None:
    fact = replace(CASES[EventName.CUSTOMER_ADDED].fact, profile=Profile(email="ada@example.org"))
    assert data_of(fact, context(JOINING)) == {
        "loyaltyType": "LOYALTY",
        "source": "",
        "firstName": "",
        "lastName": "",
        "enteredAt": AT,
        "customerIdentifiers": {"customerId": CUSTOMER, "instore": {"email": "ada@example.org"}},
    }


def test_each_program_sends_in_its_own_envelope() -> None:
    flat, wrapped = view(), view(program_id=8, notifications={"profile": "wrapped"})
    both = context(BILL, flat, wrapped)
    first, second = render_all([ISSUED, replace(ISSUED, program_id=8)], both)
    assert ("attributes" in decoded(first.body), "attributes" in decoded(second.body)) == (False, True)
    assert first.id != second.id


@pytest.mark.parametrize(
    ("defaults", "expected"),
    [((True, False), True), ((False, True), False), ((True, True), True), ((False, False), True)],
    ids=["first is default", "second is default", "both: the lower number", "none: the lower number"],
)
def test_facts_outside_programs_follow_the_default_program(defaults: tuple[bool, bool], *, expected: bool) -> None:
    first = view(program_id=8, default=defaults[0], notifications={"profile": "wrapped"})
    second = view(program_id=9, default=defaults[1])
    notification = render(CASES[EventName.CUSTOMER_ADDED].fact, context(JOINING, second, first))
    assert notification is not None
    assert ("attributes" in decoded(notification.body)) is expected


def test_a_customer_of_an_org_without_programs_is_announced_in_the_flat_envelope() -> None:
    notification = render(CASES[EventName.CUSTOMER_ADDED].fact, Context(ORG, CUSTOMER, JOINING, OrgView(), RECEIVED))
    assert notification is not None
    assert "attributes" not in decoded(notification.body)


# --- causes


def test_a_timer_carries_the_instant_it_was_due_whatever_found_it() -> None:
    by_tick = context(None, view(), recorded_at=MARCH_1_LONDON + 60_000)
    by_record = context(BILL, view(), recorded_at=MARCH_1_LONDON + 3_600_000)
    notification = render(EXPIRED, by_tick)
    assert notification is not None
    assert decoded(notification.body)["createdAt"] == MARCH_1_LONDON
    assert render(EXPIRED, by_record) == notification


def test_facts_of_timers_and_of_the_record_that_found_them_keep_their_own_causes() -> None:
    facts = [EXPIRED, ISSUED, replace(EXPIRED, currency="LEAVES"), ISSUED]
    bodies = [decoded(one.body) for one in render_all(facts, context(BILL))]
    assert [body["createdAt"] for body in bodies] == [MARCH_1_LONDON, RECEIVED, MARCH_1_LONDON, RECEIVED]
    assert bodies[1]["refId"] == bodies[3]["refId"] != bodies[0]["refId"]


ADJUSTMENT = AdjustPoints(RECEIVED, "loyalty.commands:0", 1, ORG, CUSTOMER, "a-1", 1, AT, PROGRAM, 60, "goodwill")


@pytest.mark.parametrize(
    ("record", "activity"),
    [
        (BILL, ("TransactionAdd", {"BillId": "3592808002462034", "billNumber": "B-1001"})),
        (RETURN, ("ReturnBill", {"billId": "3592808002462034", "billNumber": "B-1001"})),
        (event("review_written"), ("CustomEvent", {"CustomerId": "42", "eventName": "review_written"})),
        (REDEMPTION, ("PointsRedemption", {"billId": "3077990026554394", "redemptionId": "red-1"})),
        (replace(REDEMPTION, bill_number=""), ("PointsRedemption", {"billId": "-1", "redemptionId": "red-1"})),
        (ADJUSTMENT, ("PointsAdjustment", {"CustomerId": "42"})),
        (JOINING, ("CustomerAdd", {"CustomerId": "42"})),
        (CHANGE, ("CustomerUpdate", {"CustomerId": "42"})),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_triggering_activity_names_the_record(record: Any, activity: tuple[str, dict[str, str]]) -> None:
    issued = replace(ISSUED, cause=f"{type(record).__name__}:{record.id}", issued_for=IssuedFor.EVENT)
    trigger = data_of(issued, context(record))["triggeringActivity"]
    assert (trigger["name"], {one["key"]: one["value"] for one in trigger["identifiers"]}) == activity


def test_bills_have_a_number_of_their_own_for_each_customer_org_and_bill_number() -> None:
    customers = [(ORG, CUSTOMER), (ORG, CUSTOMER + 1), (ORG + 1, CUSTOMER)]
    bills = [replace(bill(number), org_id=org, customer_id=one) for org, one in customers for number in ("B1", "B2")]
    assert len({activity_of(one).transaction_id for one in bills}) == len(bills)


def test_a_return_and_a_redemption_name_their_bill_by_the_number_that_it_has_itself() -> None:
    number = activity_of(BILL).transaction_id
    assert activity_of(RETURN).transaction_id == number
    redemption = activity_of(replace(REDEMPTION, bill_number=BILL.bill_number))
    assert redemption.identifiers[0] == Pair("billId", str(number))


def test_a_target_that_an_event_brings_forward_names_no_bill() -> None:
    progressed = replace(PROGRESSED, cause="CustomEventReceived:e-1")
    data = data_of(progressed, context(event()))
    assert data.keys() & {"transactionId", "eventId"} == set()
    assert (data["eventName"], data["triggeringActivity"]["name"]) == ("CustomEvent", "CustomEvent")


def test_a_bill_without_its_record_is_a_bug() -> None:
    with pytest.raises(TypeError, match="B-1001"):
        render(CASES[EventName.TRANSACTION_ADDED].fact, context(None))


# --- what the program says


def test_points_that_never_expire_have_no_expiry_date() -> None:
    issued = replace(ISSUED, expires_on=None, closes_at=None)
    assert data_of(issued, context(BILL))["regularPointsBreakup"] == [{"points": 60.0}]


@pytest.mark.parametrize("issued_for", IssuedFor)
def test_points_are_regular_whatever_they_were_issued_for(issued_for: IssuedFor) -> None:
    data = data_of(replace(ISSUED, issued_for=issued_for, rule_id="why"), context(BILL))
    assert (data["regularPointsIssued"], data["issuedFor"], data["ruleId"]) == (60.0, issued_for, "why")


def test_a_target_on_money_is_printed_in_major_units() -> None:
    progressed = replace(PROGRESSED, milestone_id="spend", period=216, added=1_250, value=7_600, target=7_500)
    data = data_of(progressed, context(BILL))
    values = [data[key] for key in ("currentEventTargetValue", "achievedTargetValue", "definedTargetValue")]
    assert (values, data["targetDetails"]["targetPeriodName"]) == (["12.5", "76.000", "75.000"], "2024-Q1")


def test_an_achievement_that_does_not_say_what_it_added_leaves_that_out() -> None:
    achieved = MilestoneAchieved(6, ISSUED.cause, AT, PROGRAM, 3, "visits", FEBRUARY_2024, 3, 3)
    assert "currentEventTargetValue" not in data_of(achieved, context(BILL))


EMPTY = {"milestones": (), "streaks": (), "tiers": None}


@pytest.mark.parametrize("one", EventName)
def test_what_the_program_no_longer_has_is_shown_by_its_id(one: EventName) -> None:
    case = CASES[one]
    notification = render(case.fact, context(case.record, view(**EMPTY)))
    assert notification is not None
    before = render(case.fact, context(case.record))
    assert before is not None
    assert notification.id == before.id


def test_a_removed_milestone_is_shown_by_its_id() -> None:
    achieved = MilestoneProgressed(5, ISSUED.cause, AT, PROGRAM, 3, "gone", FEBRUARY_2024, MARCH_1_LONDON, 1, 3, 3)
    assert data_of(achieved, context(BILL))["targetDetails"] == {
        "id": 0,
        "name": "gone",
        "targetGroupId": 0,
        "targetGroupName": "gone",
        "targetPeriodId": FEBRUARY_2024,
        "targetPeriodName": "649",
    }


def test_a_level_that_was_removed_is_shown_by_its_periods() -> None:
    reached = StreakLevelReached(8, ISSUED.cause, AT, PROGRAM, 3, "regular", 5, FEBRUARY_2024, 5)
    assert data_of(reached, context(BILL))["streakData"][0]["streakLevelName"] == "5"


def test_a_bill_without_lines_or_place_is_told_as_it_is() -> None:
    bare = bill(lines=(), discount_minor=0, gross_minor=None, store="", till="")
    data = data_of(CASES[EventName.TRANSACTION_ADDED].fact, context(bare))
    assert (data["lineItemCount"], data["discount"], data["enteredBy"], "grossAmount" in data) == (0, 0.0, {}, False)


def test_the_cases_are_in_the_program_they_say() -> None:
    assert (view().id, view().org_id, DEFINITION["program_id"]) == (PROGRAM, ORG, PROGRAM)


def decoded(body: bytes) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.json.decode(body)
    return document


def data_of(fact: Fact, around: Context) -> dict[str, Any]:
    notification = render(fact, around)
    assert notification is not None
    data: dict[str, Any] = decoded(notification.body)["data"]
    return data
