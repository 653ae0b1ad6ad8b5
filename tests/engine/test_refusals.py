"""Refusals: a case for each, in the order of precedence, and a check that none is missing."""

from __future__ import annotations

import pytest

from pipeline.engine import duplicates, spilled
from pipeline.engine.amounts import TOTAL_MAX
from pipeline.engine.customers import EXTENDED_MAX
from pipeline.engine.identity import holding
from pipeline.engine.ledger import holds
from pipeline.engine.streaks import requests as streak_requests
from schemas.facts import RecordRefused, Refusal
from schemas.program import ProgramDefinition
from schemas.records import Line, Profile
from tests.dsl import BOOKKEEPING, given
from tests.steps import (
    BACKFILL,
    CUSTOMER,
    Step,
    activate,
    adjust,
    assign,
    block,
    bought,
    brought_back,
    cancel,
    changed,
    day,
    did,
    enrol,
    enrol_target,
    expire_now,
    expire_on,
    extend,
    freeze,
    hold_over,
    instant,
    joined,
    keyed,
    merge,
    milestone,
    pause,
    program,
    redeem,
    release,
    release_tier,
    resume,
    reverse,
    set_target,
    spend,
    status,
    transfer,
    unenrol_target,
    unnamed,
    updated,
)

SHOP = program(rules=[spend()], redemption={"minimum_points": 5})
CLUB = program(rules=[spend()], tiers={"basis": "visits", "levels": [{"name": "Base", "threshold": 0}]})
DAILY = program(
    milestones=[milestone("visit", period="day")],
    streaks=[
        {
            "id": "daily",
            "streak_id": 1,
            "name": "Daily",
            "milestone": "visit",
            "levels": [{"name": "Two", "periods": 2}],
            "validity": {"last": "2011-03-31"},
        }
    ],
)
GOAL = program(milestones=[milestone("m")])
STRICT = program(
    rules=[spend()],
    redemption={"minimum_points": 5, "multiple_of": 5, "maximum_points": 5, "minimum_lifetime_points": 11},
)
THRIFTY = program(rules=[spend()], redemption={"minimum_lifetime_purchases_minor": 1_001})
B1 = bought("B1", 1_000, "2011-03-01")
D1 = redeem(5, "2011-03-02", id="d")
RUSH = [bought(f"R{n}", 1, "2011-03-01") for n in range(7)]
TEA = (Line("TEA", 100),)
Case = tuple[list[ProgramDefinition | Step], Step, str, int]

OF_RECEIVERS = {
    Refusal.RECEIVER_FRAUD,
    Refusal.RECEIVER_BLOCKED,
    Refusal.CUSTOMER_MERGED,
    Refusal.POINTS_HELD,
    Refusal.TRANSACTION_UNKNOWN,
    Refusal.TRANSACTION_ASSIGNED,
}
"""A receiver refuses points for them (`TransferRefused`), a victim a merge (`MergeRefused`), the org an assignment."""
CASES: dict[Refusal, Case] = {
    Refusal.ID_REUSED: ([SHOP, B1], bought("B2", 1, "2011-03-02", id="t-B1"), "t-B1", 0),
    Refusal.TOO_OLD: ([SHOP, joined("2011-03-01")], bought("B2", 1, "2011-01-01"), "", 0),
    Refusal.TOO_MANY: ([SHOP, *RUSH], bought("B3", 1, "2011-03-02"), "", 0),
    Refusal.CUSTOMER_UNKNOWN: ([program(add_customers=False)], B1, "", 0),
    Refusal.CUSTOMER_EXISTS: ([SHOP, B1], joined("2011-03-02"), "", 0),
    Refusal.PROFILE_TOO_LARGE: (
        [SHOP, joined("2011-03-01", Profile(extended={"a": "1"}))],
        changed("2011-03-02", Profile(extended={f"x{n}": "1" for n in range(EXTENDED_MAX)})),
        "",
        0,
    ),
    Refusal.PROGRAM_UNKNOWN: ([SHOP, B1], redeem(5, "2011-03-02", program_id=9), "9", 0),
    Refusal.CURRENCY_UNKNOWN: ([SHOP], bought("B2", 1, "2011-03-02", currency="EUR"), "EUR", 0),
    Refusal.BILL_EXISTS: ([SHOP, B1], bought("B1", 1_000, "2011-03-02", id="other"), "B1", 0),
    Refusal.BILL_UNKNOWN: ([program(rules=[spend()], returns=None), B1], brought_back("B1", 1, "2011-03-02"), "B1", 0),
    Refusal.RETURN_BEFORE_BILL: ([SHOP, B1], brought_back("B1", 1, "2011-02-28"), "B1", 0),
    Refusal.RETURN_EXISTS: (
        [SHOP, B1, brought_back("B1", 100, "2011-03-02", bill_number="R1")],
        brought_back("B1", 200, "2011-03-03", bill_number="R1"),
        "R1",
        0,
    ),
    Refusal.BILL_RETURNED: (
        [SHOP, B1, brought_back("B1", 1_000, "2011-03-02")],
        brought_back("B1", 1, "2011-03-03"),
        "B1",
        0,
    ),
    Refusal.LINES_UNKNOWN: (
        [program(rules=[spend()], returns={"method": "line_exact"}), bought("B1", None, "2011-03-01", lines=TEA)],
        brought_back("B1", 1, "2011-03-02", lines=(Line("MUG", 1),)),
        "B1",
        0,
    ),
    Refusal.SUPERSEDED: (
        [SHOP, B1, updated("B1", 900, "2011-03-04")],
        updated("B1", 800, "2011-03-03"),
        "B1",
        0,
    ),
    Refusal.UPDATE_CHANGES_NOTHING: ([SHOP, B1], updated("B1", 1_000, "2011-03-02"), "B1", 0),
    Refusal.RETURNED_MORE: (
        [SHOP, B1, brought_back("B1", 600, "2011-03-02")],
        updated("B1", 599, "2011-03-03"),
        "B1",
        0,
    ),
    Refusal.LINES_MISSING: (
        [SHOP, bought("B7", None, "2011-03-01", lines=(Line(sku="A", amount_minor=100),))],
        updated("B7", 200, "2011-03-03"),
        "B7",
        0,
    ),
    Refusal.CUSTOMER_FRAUD: ([SHOP, B1, status("FRAUD", "2011-03-02")], redeem(5, "2011-03-03"), "", 1),
    Refusal.CUSTOMER_BLOCKED: ([SHOP, B1, status("BLOCKED", "2011-03-02")], redeem(5, "2011-03-03"), "", 1),
    Refusal.STATUS_OUTDATED: ([SHOP, status("FRAUD", "2011-03-02")], status("ACTIVE", "2011-03-01"), "FRAUD", 0),
    Refusal.POINTS_NOT_POSITIVE: ([SHOP, B1], redeem(0, "2011-03-02"), "0", 1),
    Refusal.BELOW_MINIMUM: ([SHOP, B1], redeem(4, "2011-03-02"), "4", 1),
    Refusal.NOT_A_MULTIPLE: ([STRICT, B1], redeem(7, "2011-03-02"), "7", 1),
    Refusal.ABOVE_MAXIMUM: ([STRICT, B1], redeem(10, "2011-03-02"), "10", 1),
    Refusal.LIFETIME_POINTS_TOO_LOW: ([STRICT, B1], redeem(5, "2011-03-02"), "11", 1),
    Refusal.LIFETIME_PURCHASES_TOO_LOW: ([THRIFTY, B1], redeem(5, "2011-03-02"), "1001", 1),
    Refusal.BALANCE_TOO_LOW: ([SHOP, B1], redeem(11, "2011-03-02"), "11", 1),
    Refusal.LOT_UNKNOWN: ([SHOP, B1], expire_now("2011-03-02", 7), "7", 1),
    Refusal.EXPIRY_PASSED: ([SHOP, B1], expire_on("2011-03-01", "2011-03-02"), "2011-03-01", 1),
    Refusal.NOTHING_CHANGES: ([SHOP, B1], extend("2011-04-01", "2011-03-02"), "2011-04-01", 1),
    Refusal.AWARD_UNKNOWN: ([SHOP, B1], cancel("2011-03-02", bill_number="B2"), "B2", 1),
    Refusal.AWARD_CANCELLED: (
        [SHOP, B1, cancel("2011-03-02", bill_number="B1")],
        cancel("2011-03-03", bill_number="B1"),
        "B1",
        1,
    ),
    Refusal.PROMISE_UNKNOWN: ([SHOP, B1], activate("B1", "2011-03-02"), "B1", 1),
    Refusal.HOLD_UNKNOWN: ([SHOP, B1], release("h-1", "2011-03-02"), "h-1", 1),
    Refusal.HOLD_EXISTS: ([SHOP, B1, block(1, "2011-03-02", id="h")], block(1, "2011-06-02", id="h"), "h", 1),
    Refusal.TOO_MANY_HOLDS: ([SHOP, B1, block(1, "2011-03-02")], block(1, "2011-03-03", id="h"), "h", 1),
    Refusal.REDEMPTION_EXISTS: ([SHOP, B1, D1], redeem(5, "2011-05-02", id="d"), "d", 1),
    Refusal.REDEMPTION_UNKNOWN: ([SHOP, B1], reverse("d", "2011-03-03"), "d", 1),
    Refusal.REDEMPTION_REVERSED: ([SHOP, B1, D1, reverse("d", "2011-03-03")], reverse("d", "2011-03-04"), "d", 1),
    Refusal.REVERSAL_TOO_LARGE: ([SHOP, B1, D1], reverse("d", "2011-03-03", 6), "6", 1),
    Refusal.TIER_UNKNOWN: ([SHOP, B1], assign("gold", "2011-03-02"), "gold", 1),
    Refusal.TIER_NOT_ASSIGNED: ([SHOP, B1], release_tier("2011-03-02"), "", 1),
    Refusal.DATE_PASSED: ([CLUB, B1], assign("base", "2011-03-02", last_day=day("2011-03-01")), "base", 1),
    Refusal.STREAK_UNKNOWN: ([DAILY], enrol("hourly", "2011-03-02"), "hourly", 1),
    Refusal.STREAK_OVER: ([DAILY], enrol("daily", "2011-04-01"), "daily", 1),
    Refusal.STREAK_ENROLLED: ([DAILY, B1], enrol("daily", "2011-03-02"), "daily", 1),
    Refusal.STREAK_NOT_ENROLLED: ([DAILY], pause("daily", "2011-03-02"), "daily", 1),
    Refusal.STREAK_PAUSED: ([DAILY, B1, pause("daily", "2011-03-02")], pause("daily", "2011-03-03"), "daily", 1),
    Refusal.STREAK_NOT_PAUSED: ([DAILY, B1], resume("daily", "2011-03-02"), "daily", 1),
    Refusal.TOO_MANY_FREEZES: (
        [DAILY, B1, freeze("daily", "2011-03-05", 1, "2011-03-02")],
        freeze("daily", "2011-03-07", 1, "2011-03-03"),
        "daily",
        1,
    ),
    Refusal.MILESTONE_UNKNOWN: ([SHOP, B1], enrol_target("m", "2011-03-02"), "m", 1),
    Refusal.ENROLLED_ALREADY: ([GOAL, B1], enrol_target("m", "2011-03-02"), "m", 1),
    Refusal.NOT_ENROLLED: ([GOAL, B1], unenrol_target("m", "2011-03-02"), "m", 1),
    Refusal.TARGET_UNCHANGED: ([GOAL, B1], set_target("m", None, "2011-03-02"), "m", 1),
    Refusal.SAME_CUSTOMER: ([SHOP, B1], transfer(5, CUSTOMER, "2011-03-02"), str(CUSTOMER), 0),
    Refusal.IN_BACKFILL: ([SHOP, B1, BACKFILL], transfer(5, 8, "2011-03-02"), "", 0),
    Refusal.MERGE_UNDER_WAY: ([SHOP, B1, merge(8, "2011-03-02")], merge(8, "2011-03-03"), "8", 0),
    Refusal.EVENT_EXISTS: (
        [SHOP, did("review", "2011-01-01", unique=True, id="u:1"), did("visit", "2011-05-01")],
        did("review", "2011-06-01", unique=True, id="u:1"),
        "u:1",
        0,
    ),
    Refusal.IDENTITY_KEY_DIFFERS: ([SHOP, keyed("a", "2011-03-02")], keyed("b", "2011-03-03"), "a", 0),
    Refusal.IDENTIFIER_UNKNOWN: ([SHOP, unnamed("email", "2011-03-02")], unnamed("email", "2011-03-03"), "email", 0),
    Refusal.TOO_MANY_HELD: (
        [SHOP, unnamed("email", "2011-03-02"), unnamed("email", "2011-03-03", "e")],
        unnamed("email", "2011-03-04", "f"),
        "",
        0,
    ),
    Refusal.HOLD_ENDED: ([SHOP, unnamed("email", "2011-03-02")], hold_over("in:0:2011-03-02", "2011-04-07"), "", 0),
    Refusal.IDENTIFIERS_IN_BACKFILL: ([SHOP, BACKFILL], unnamed("email", "2011-03-02"), "", 0),
    Refusal.TOTAL_TOO_LARGE: ([SHOP], bought("B2", TOTAL_MAX + 1, "2011-03-02"), "GBP", 1),
}


def with_small_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lower the bounds that `CASES` go beyond."""
    monkeypatch.setattr(spilled, "BUCKETS", 1)
    monkeypatch.setattr(duplicates, "RECENT_MAX", 4)
    monkeypatch.setattr(duplicates, "SPILLED_MAX", 4)
    monkeypatch.setattr(holds, "HOLDS_MAX", 1)
    monkeypatch.setattr(holding, "HELD_MAX", 1)
    monkeypatch.setattr(holding, "HELD_OF_ORG_MAX", 2)
    monkeypatch.setattr(streak_requests, "EXCUSES_MAX", 1)


@pytest.mark.parametrize("reason", list(CASES))
def test_record_is_refused_for_its_reason(reason: Refusal, monkeypatch: pytest.MonkeyPatch) -> None:
    with_small_bounds(monkeypatch)
    steps, record, subject, program_id = CASES[reason]
    story = given(*steps)
    story.play(record)
    assert [
        (fact.decision.reason, fact.decision.subject, fact.envelope.program_id, fact.envelope.version)
        for fact in story.decided
        if isinstance(fact.decision, RecordRefused)
    ] == [(reason, subject, program_id, min(program_id, 1))]


def test_no_refusal_is_missing_here() -> None:
    assert list(CASES) == [reason for reason in Refusal if reason not in OF_RECEIVERS]


@pytest.mark.parametrize(
    ("steps", "record", "first"),
    [
        pytest.param([SHOP, B1], bought("B9", 1, "2010-01-01", id="t-B1"), Refusal.ID_REUSED, id="reused-and-too-old"),
        pytest.param([SHOP, joined("2011-03-01")], joined("2010-01-01"), Refusal.TOO_OLD, id="too-old-and-exists"),
        pytest.param(
            [program(add_customers=False)],
            redeem(0, "2011-03-01", program_id=9),
            Refusal.CUSTOMER_UNKNOWN,
            id="unknown-customer-and-program",
        ),
        pytest.param(
            [SHOP],
            redeem(0, "2011-03-01", program_id=9, currency="X"),
            Refusal.PROGRAM_UNKNOWN,
            id="program-and-currency",
        ),
        pytest.param([SHOP], redeem(0, "2011-03-01", currency="X"), Refusal.CURRENCY_UNKNOWN, id="currency-and-zero"),
        pytest.param([SHOP], adjust(0, "2011-03-01", currency="X"), Refusal.CURRENCY_UNKNOWN, id="adjustment-currency"),
        pytest.param([SHOP], redeem(0, "2011-03-01"), Refusal.POINTS_NOT_POSITIVE, id="zero-and-below-minimum"),
        pytest.param([SHOP], redeem(4, "2011-03-01"), Refusal.BELOW_MINIMUM, id="below-minimum-and-balance"),
    ],
)
def test_of_several_reasons_the_first_in_order_is_given(steps: list[Step], record: Step, first: Refusal) -> None:
    story = given(*steps)
    story.play(record, as_of=instant("2011-03-02"))
    assert [fact.decision.reason for fact in story.decided if isinstance(fact.decision, RecordRefused)] == [first]


def test_return_in_another_currency_than_its_bill_is_refused() -> None:
    given(SHOP, B1).when(brought_back("B1", 1_000, "2011-03-02", currency="EUR")).then(
        RecordRefused(reason=Refusal.CURRENCY_UNKNOWN, subject="EUR"), ignoring=BOOKKEEPING
    )
