"""What people read: sentences with names, money and dates, refusals with remedies, and a table at the end."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest

from pipeline.replies import refusals
from pipeline.trial import decisions, messages, told
from pipeline.trial.names import day_text, money
from schemas.facts import AnyDecision, Refusal
from schemas.messages import AnyMessage
from schemas.notifications import EventName
from tests.cli.terminal import Terminal
from tests.trial.golden import ARGUMENTS
from tests.trial.trying import (
    BASE,
    Line,
    Program,
    Trying,
    adjust,
    back,
    bill,
    block,
    event,
    message,
    program,
    redeem,
)

README = Path(__file__).parents[2] / "README.md"
STREAK = {"id": "s", "streak_id": 1, "name": "Streak", "milestone": "m"}
A = bill("A", 10_000, "2026-03-02T10:00:00Z")


def lines_of(trying: Trying, *lines: Line, programs: tuple[Program, ...] = (BASE,), until: str = "") -> list[str]:
    options = ("--until", until) if until else ()
    return trying.run(*lines, programs=programs, options=options).out.splitlines()


def test_bill_is_told_with_money_points_and_dates(trying: Trying) -> None:
    told_lines = lines_of(trying, A)

    assert told_lines[:9] == [
        "Club: version 1 of program 1 of org 100, GBP, Europe/London",
        "",
        "line 1, 2026-03-02 10:00: customer 100:4711 pays £100.00, bill A",
        "    customer added",
        "    100 POINTS by the rule spend, to be used by 2 March 2027; balance 100",
        "    customerAdded tells: Welcome.",
        "    transactionAdded tells: We have recorded your purchase of £100.00, bill A.",
        "    pointsIssued tells: You have earned 100 POINTS. Use them by 2 March 2027. Your balance is 100 POINTS.",
        "",
    ]


def test_tier_is_told_with_what_gave_it(trying: Trying) -> None:
    gold = {"tier": {"id": "gold", "validity": {"days": 1}}}
    month = {"id": "m", "target_id": 1, "name": "Month", "period": "month", "counts": {"of": "transactions"}}
    club = program(
        tiers={
            "basis": "net_purchases",
            "levels": [{"name": "Base", "threshold": 0}, {"name": "Gold", "threshold": 1}],
        },
        milestones=[month | {"target": 1} | gold],
        streaks=[STREAK | {"levels": [{"name": "One", "periods": 1} | gold]}],
        returns={"rewards": "clawback"},
    )
    for lines, until, why in (
        ((A, back("A", 10_000, "2026-03-02T11:00:00Z")), "", ", taken back"),
        ((A,), "2026-03-05T10:00:00Z", ""),
    ):
        said = "\n".join(lines_of(trying, *lines, programs=(club,), until=until))
        assert "the tier Gold given as the reward of the milestone Month, through 3 March 2026: tier Base" in said
        assert "the tier Gold given as the reward of the streak Streak" in said
        assert f"the tier given as the reward of the milestone Month holds no longer{why}: " in said


def test_other_currencies_are_told_by_name_with_their_decimals(trying: Trying) -> None:
    club = program(
        currencies=[{"id": "STARS", "name": "Stars", "scale": 1}, {"id": "COINS"}],
        rules=[
            {"id": "stars", "kind": "spend", "points": 5, "per_minor": 1_000, "currency": "STARS"},
            {"id": "coins", "kind": "spend", "points": 3, "per_minor": 1_000, "currency": "COINS"},
        ],
    )
    lines = (A, redeem(26, "2026-03-03T10:00:00Z", currency="STARS"), back("A", 5_000, "2026-03-04T10:00:00Z"))

    out = lines_of(trying, *lines, programs=(club,))

    parts = (
        "    5 Stars by the rule stars, never to expire; balance 5, and 30 COINS by the rule coins",
        "tells: You have earned 5 Stars. Your balance is 5 Stars. You have earned 30 COINS.",
        "    2.6 Stars redeemed, worth £0.02; balance 2.4",
        "pointsRedeemed tells: You have redeemed 2.6 Stars, worth £0.02. Your balance is 2.4 Stars.",
        "    2.4 Stars taken back for bill A, 0.1 more were no longer there; balance 0, and 15 COINS taken back",
        "tells: For your return we have taken back 2.4 Stars. Your balance is 0 Stars. For your return we have",
    )
    assert [part for part in parts if part not in "\n".join(out)] == []


def test_return_is_told_with_what_it_asked_for_beyond_its_bill(trying: Trying) -> None:
    out = lines_of(trying, A, back("A", 9_000, "2026-03-03T10:00:00Z"), back("A", 9_000, "2026-03-04T10:00:00Z", "R2"))
    parts = (
        "    transactionAdded tells: We have recorded your return of £90.00 of bill A.",
        "    transactionAdded tells: We have recorded your return of £10.00 of bill A. £80.00 is more than was left.",
    )
    assert [part for part in parts if part not in out] == []


def test_reply_is_told_with_its_outcome_and_reason(trying: Trying) -> None:
    asked = redeem(999, "2026-03-03T10:00:00Z", id="r1")

    told_lines = lines_of(trying, A, asked, asked)

    assert "    reply to r1: refused (balance_too_low)" in told_lines
    assert told_lines[told_lines.index("    reply to r1: refused (balance_too_low)") + 2 :][1:3] == [
        "    duplicate: it came before and was refused then (balance_too_low); it does not count again",
        "    reply to r1: duplicate (balance_too_low)",
    ]


def test_update_of_a_bill_is_told_with_what_it_corrects(trying: Trying) -> None:
    update = {"type": "transactionUpdated", "orgId": 100, "customerId": 4711, "billNumber": "A"}
    out = lines_of(
        trying,
        A,
        update | {"eventTime": "2026-03-03T10:00:00Z", "amountMinor": 12_000, "deliveryStatus": "DELIVERED"},
        update | {"eventTime": "2026-03-04T10:00:00Z", "amountMinor": 0},
        update | {"eventTime": "2026-03-05T10:00:00Z", "billNumber": "B", "lines": [{"sku": "X", "amountMinor": 100}]},
    )
    parts = (
        "customer 100:4711: bill A is to be 12,000 minor units, DELIVERED",
        "    bill A is £120.00, was £100.00, delivery status DELIVERED",
        "    20 POINTS by the rule spend, to be used by 2 March 2027; balance 120",
        "    transactionUpdated tells: We have corrected your purchase. It is delivered.",
        "customer 100:4711: bill A is to be cancelled",
        "    bill A is cancelled, delivery status DELIVERED",
        "    120 POINTS taken back for bill A; balance 0",
        "customer 100:4711: bill B is to be 100 minor units",
        "    update of bill B waits for its bill, until 9 April 2026",
    )
    assert [part for part in parts if part not in "\n".join(out)] == []


def test_table_says_where_each_customer_stands(trying: Trying) -> None:
    out = "\n".join(lines_of(trying, A, back("A", 2_500, "2026-03-03T10:00:00Z"), until="2026-03-04T00:00:00Z"))

    assert "Where each customer stands at 2026-03-04T00:00:00.000Z" in out
    row = next(line for line in out.splitlines() if line.startswith("│ 100:4711"))
    assert [cell.strip() for cell in row.split("│")[1:-1]] == [
        "100:4711",
        "Club",
        "-",
        "75 POINTS",
        "2027-03-02",
        "£100.00",
        "£25.00",
    ]


def test_table_says_how_many_points_are_held(trying: Trying) -> None:
    out = lines_of(trying, A, block(7, "2026-03-03T10:00:00Z"))

    row = next(place for place, line in enumerate(out) if line.startswith("│ 100:4711"))
    assert [line.split("│")[4].strip() for line in out[row : row + 2]] == ["93 POINTS", "(7 held)"]


def test_customer_in_no_program_stands_in_the_table(trying: Trying) -> None:
    out = lines_of(trying, A, programs=(program(add_customers=False),))

    row = next(line for line in out if line.startswith("│ 100:4711"))
    assert [cell.strip() for cell in row.split("│")[1:-1]] == ["100:4711", *["-"] * 6]


def test_money_has_the_decimals_and_the_sign_of_its_currency() -> None:
    assert [money(123_456, "GBP"), money(123_456, "JPY"), money(123_456, "CHF"), money(1, "KWD"), money(-5, "EUR")] == [
        "£1,234.56",
        "¥123,456",
        "1,234.56 CHF",
        "0.001 KWD",
        "-€0.05",
    ]


def test_date_is_written_out() -> None:
    assert day_text("2027-03-02") == "2 March 2027"


RICH = program(
    returns={"window_days": 40},
    points={"name": "POINTS", "expiry": {"days": 30}, "value_minor": 2},
    tiers={"basis": "net_purchases", "levels": [{"name": "Base", "threshold": 0}, {"name": "Gold", "threshold": 5000}]},
    rules=[*BASE["rules"], {"id": "runner", "kind": "event", "event": "run", "points": 5}],
    milestones=[
        {
            "id": "spend",
            "target_id": 1,
            "name": "A good month",
            "period": "month",
            "counts": {"of": "transactions", "measure": "sum"},
            "target": 7500,
            "points": 20,
        },
        {
            "id": "runs",
            "target_id": 2,
            "name": "A run",
            "period": "week",
            "counts": {"of": "events", "event": "run"},
            "target": 1,
        },
    ],
    streaks=[
        {
            "id": "weekly",
            "streak_id": 3,
            "name": "Week by week",
            "milestone": "runs",
            "levels": [{"name": "Two weeks", "periods": 2, "points": 7}],
            "validity": {"last": "2026-03-31"},
        }
    ],
)

SENTENCES: dict[str, tuple[list[Line], list[str]]] = {
    "milestone and tier": (
        [A],
        [
            "milestone A good month (2026-03): £100.00 of £75.00",
            "milestone A good month (2026-03): £100.00 of £75.00: achieved",
            "20 POINTS as the reward of the milestone A good month, to be used by 1 April 2026; balance 120",
            "tier Base → Gold",
            "targetAchievedValueUpdated tells: Your progress in A good month (2026-03): £100.00 of £75.00.",
            "targetValueAchieved tells: You have reached the target of A good month (2026-03): £100.00 of £75.00.",
            "tierUpgraded tells: You have moved up from Base to Gold.",
        ],
    ),
    "streak": (
        [event("run", "2026-03-03T10:00:00Z"), event("run", "2026-03-10T10:00:00Z", attributes={"km": 4})],
        [
            "streak Week by week: enrolled",
            "streak Week by week: 1 in a row",
            "streakStart tells: You take part in Week by week, from 3 March 2026 on.",
            "line 2, 2026-03-10 10:00: customer 100:4711 does run (km 4)",
            "5 POINTS by the rule runner, to be used by 9 April 2026; balance 10",
            "milestone A run (2026-W11): 1 of 1",
            "targetAchievedValueUpdated tells: Your progress in A run (2026-W11): 1 of 1.",
            "streak Week by week: level Two weeks reached",
            "7 POINTS as the reward for 2 in a row in the streak Week by week, to be used by 9 April 2026; balance 17",
            "streakLevelAchieved tells: 2 in a row in Week by week: Two weeks.",
            "customer 100:4711: streak Week by week: ended with 0 in a row",
            "customer 100:4711: streakEnd tells: Week by week has ended; you had 0 in a row.",
            "customer 100:4711: 5 POINTS expired at the end of 2 April 2026; balance 12",
            "customer 100:4711: pointsExpired tells: 5 POINTS have expired.",
        ],
    ),
    "status": (
        [
            message("customerStatus", "2026-03-02T10:00:00Z", status="BLOCKED", reason="stolen card"),
            message("customerStatus", "2026-03-03T10:00:00Z", status="BLOCKED", reason="again"),
        ],
        [
            "line 1, 2026-03-02 10:00: customer 100:4711 is to be BLOCKED (stolen card)",
            "status ACTIVE → BLOCKED (stolen card)",
            "customerUpdated tells: We have updated your profile: status.",
        ],
    ),
    "redemption": (
        [A, redeem(50, "2026-03-03T10:00:00Z")],
        [
            "line 2, 2026-03-03 10:00: customer 100:4711 asks to redeem 50 points",
            "50 POINTS redeemed, worth £1.00; balance 70",
            "pointsRedeemed tells: You have redeemed 50 POINTS, worth £1.00. Your balance is 70 POINTS.",
        ],
    ),
    "redemption that is confirmed": (
        [
            A,
            redeem(50, "2026-03-03T10:00:00Z", hold=True),
            message("confirmRedemption", "2026-03-03T10:05:00Z", id="c", programId=1, redemptionId="redeem-50"),
            message(
                "reverseRedemption",
                "2026-03-04T10:00:00Z",
                id="v",
                programId=1,
                redemptionId="redeem-50",
                points=20,
            ),
            message("reverseRedemption", "2026-04-02T10:00:00Z", id="w", programId=1, redemptionId="redeem-50"),
        ],
        [
            "line 2, 2026-03-03 10:00: customer 100:4711 asks to redeem 50 points, to be confirmed",
            "50 POINTS held as redeem-50 until 3 March 2026 11:00 UTC; balance 70",
            "line 3, 2026-03-03 10:05: customer 100:4711 confirms the redemption redeem-50",
            "50 POINTS of redeem-50 no longer held, to be taken next; balance 120",
            "50 POINTS redeemed, worth £1.00; balance 70",
            "pointsRedeemed tells: You have redeemed 50 POINTS, worth £1.00. Your balance is 70 POINTS.",
            "line 4, 2026-03-04 10:00: customer 100:4711: 20 points are to be given back of the redemption redeem-50",
            "20 POINTS given back of the redemption redeem-50, worth £0.40; balance 90",
            "redeemedPointsReversed tells: We have given back 20 POINTS. Your balance is 90 POINTS.",
            "line 5, 2026-04-02 11:00: customer 100:4711: what is left is to be given back of the redemption redeem-50",
            (
                "0 POINTS given back of the redemption redeem-50, worth £0.60, 30 POINTS more have expired meanwhile; "
                "balance 0"
            ),
            (
                "redeemedPointsReversed tells: We have given back 0 POINTS; 30 POINTS more have expired. "
                "Your balance is 0 POINTS."
            ),
        ],
    ),
    "adjustment": (
        [adjust(5, "2026-03-03T10:00:00Z", "sorry"), adjust(-2, "2026-03-03T10:00:00Z", "oops")],
        [
            "line 1, 2026-03-03 10:00: customer 100:4711: an adjustment is to give 5 points (sorry)",
            "5 POINTS given by hand (sorry), to be used by 2 April 2026; balance 5",
            "line 2, 2026-03-03 10:00: customer 100:4711: an adjustment is to take 2 points (oops)",
            "2 POINTS taken away by hand (oops); balance 3",
        ],
    ),
    "block": (
        [
            A,
            block(40, "2026-03-03T10:00:00Z", id="h"),
            block(5, "2026-03-03T11:00:00Z", id="h2", until="2026-03-04T10:00:00Z"),
            message("releasePoints", "2026-03-05T10:00:00Z", programId=1, holdId="h", reason="found again"),
        ],
        [
            "line 2, 2026-03-03 10:00: customer 100:4711: 40 points are to be blocked (stolen card)",
            "40 POINTS held as h until they are released (stolen card); balance 80",
            "5 POINTS held as h2 until 4 March 2026 10:00 UTC (stolen card); balance 75",
            "5 POINTS of h2 no longer held, as their time is up; balance 80",
            "line 4, 2026-03-05 10:00: customer 100:4711: what h holds is to be released (found again)",
            "40 POINTS of h no longer held, as asked (found again); balance 120",
        ],
    ),
    "return": (
        [A, redeem(110, "2026-03-03T10:00:00Z"), back("A", 5_000, "2026-03-04T10:00:00Z")],
        [
            "line 3, 2026-03-04 10:00: customer 100:4711 brings back £50.00 of bill A",
            "return of bill A recorded",
            "0 POINTS taken back for bill A, 50 more were no longer there; balance 10",
        ],
    ),
    "points taken back": (
        [A, back("A", 5_000, "2026-03-04T10:00:00Z")],
        [
            "50 POINTS taken back for bill A; balance 70",
            "issuedPointsReversed tells: For your return we have taken back 50 POINTS. Your balance is 70 POINTS.",
        ],
    ),
    "profile": (
        [
            message("customerAdded", "2026-03-02T10:00:00Z", firstName="Ann", lastName="Lee"),
            message("customerUpdated", "2026-03-02T10:00:00Z", email="ann@example.org"),
        ],
        [
            "line 1, 2026-03-02 10:00: customer 100:4711 joins: Ann Lee",
            "customerAdded tells: Welcome, Ann Lee.",
            "line 2, 2026-03-02 10:00: customer 100:4711 changes their profile",
            "profile changed: email",
            "customerUpdated tells: We have updated your profile: email.",
        ],
    ),
    "duplicate": ([A, A], ["duplicate: it came before and was accepted then; it does not count again"]),
    "refusal": (
        [A, redeem(999, "2026-03-03T10:00:00Z")],
        ["refused: the balance is below 999 points (balance_too_low); redeem, give or take away at most the balance"],
    ),
    "refused adjustment": (
        [A, adjust(-999, "2026-03-03T10:00:00Z")],
        ["refused: the balance is below 999 points (balance_too_low); redeem, give or take away at most the balance"],
    ),
    "dead letter": (
        [A | {"amountMinor": -1}],
        [
            "line 1, 2026-03-02 10:00: a message of customer 100:4711",
            "dead letter: INVALID_FIELDS",
            "amountMinor is -1; write an integer from 0 to 1000000000000",
        ],
    ),
    "no message": (["[]"], ["line 1: a message", "is []; write one JSON object for each message"]),
    "time": ([{"clock": "2026-07-01T00:00:00Z"}], ["line 1, 2026-07-01 01:00: time passes"]),
}


@pytest.mark.parametrize(("story", "sentences"), SENTENCES.values(), ids=SENTENCES)
def test_step_is_told_in_sentences(story: list[Line], sentences: list[str], trying: Trying) -> None:
    until = "2026-04-03T10:00:00Z" if story[-1] != SENTENCES["time"][0][0] else ""

    said = [line.strip() for line in lines_of(trying, *story, programs=(RICH,), until=until)]

    assert [sentence for sentence in sentences if sentence not in said] == []


def test_refused_program_is_told_with_its_line(trying: Trying) -> None:
    trying.file("v2.yaml", program(version=2, zone="Nowhere"))

    said = lines_of(trying, {"program": "v2.yaml"})

    assert "line 1: program v2.yaml" in said
    assert "    refused: the version before stays in force" in said
    assert any(line.startswith("    zone line 1: 'Nowhere' is") for line in said)


def test_refusal_names_its_program_where_there_are_several(trying: Trying) -> None:
    said = lines_of(trying, A, programs=(program(), program(program_id=2, currency="EUR")))

    assert any(line.startswith("    refused by program 2: the program does not know the currency GBP") for line in said)


def test_times_are_those_of_the_first_program_of_the_org(trying: Trying) -> None:
    programs = (program(zone="Asia/Tokyo"), program(program_id=2), program(org_id=7, zone="America/New_York"))

    said = lines_of(trying, A, A | {"orgId": 7}, A | {"orgId": 8}, {"clock": "2026-03-03T00:00:00Z"}, programs=programs)

    assert [line.partition(":")[0] for line in said if line.startswith("line ")] == [
        "line 1, 2026-03-02 19",
        "line 2, 2026-03-02 05",
        "line 3, 2026-03-02 10",
        "line 4, 2026-03-03 09",
    ]


def test_last_day_that_can_be_written_is_told_in_utc(trying: Trying) -> None:
    said = lines_of(trying, {"clock": "9999-12-31T23:00:00Z"}, programs=(program(zone="Asia/Tokyo"),))

    assert "line 1, 9999-12-31 23:00 UTC: time passes" in said


def test_notifications_of_all_profiles_are_told_alike(trying: Trying) -> None:
    flat, *others = (
        lines_of(trying, A, programs=(program(notifications={"profile": profile}),))
        for profile in ("flat", "wrapped", "as-published")
    )

    assert others == [flat, flat]


def test_milestone_that_a_later_version_dropped_is_told(trying: Trying) -> None:
    trying.file("v2.yaml", program(version=2))

    said = lines_of(trying, A, {"program": "v2.yaml"}, bill("B", 100, "2026-03-03T10:00:00Z"), programs=(RICH,))

    assert "    milestone A good month (2026-03): £100.00 of £75.00" in said


def test_example_is_told_whole(terminal: Terminal) -> None:
    ended = terminal.run(*ARGUMENTS[:-1])

    assert ended.code == 1
    assert "    refused: 60 points are fewer than can be redeemed at once (below_minimum); redeem at least" in ended.out
    assert "Milestones and streaks" in ended.out


def test_readme_shows_what_the_example_prints(terminal: Terminal) -> None:
    _, _, section = README.read_text("utf-8").partition("## Try a program")
    shown = next(block for block in section.split("```") if block.startswith("\nline "))

    assert shown in terminal.run(*ARGUMENTS[:-1]).out


def test_every_kind_of_decision_is_told_or_silent() -> None:
    kinds = {kind.__name__ for kind in get_args(AnyDecision)}

    assert kinds == decisions.SENTENCES | decisions.SILENT
    assert not decisions.SENTENCES & decisions.SILENT


def test_every_event_refusal_and_type_of_message_has_words() -> None:
    assert told.HOUSE.keys() | told.IN_PROGRAM.keys() == set(EventName)
    assert refusals.REASONS.keys() == set(Refusal)
    assert messages.SENTENCES.keys() == {str(kind.__struct_config__.tag) for kind in get_args(AnyMessage)}


@pytest.mark.parametrize(
    ("named", "what"),
    [
        ({"lot": 3}, "lot 3"),
        ({"billNumber": "A"}, "what bill A gave"),
        ({"billNumber": "A", "rule": "spend"}, "what bill A gave by the rule spend"),
        ({"event": "e-1"}, "what event e-1 gave"),
        ({"milestone": "visits", "cycle": "2026-03"}, "what milestone visits gave in 2026-03"),
        ({"streak": "days", "level": 2}, "what level 2 of streak days gave"),
    ],
)
def test_award_to_cancel_is_told_by_what_it_is_named_by(trying: Trying, named: dict[str, Any], what: str) -> None:
    content = {"type": "cancelPoints", "orgId": 100, "customerId": 4711, "id": "c", "programId": 1, "reason": "wrong"}
    out = lines_of(trying, content | {"eventTime": "2026-03-03T10:00:00Z"} | named)
    assert f"customer 100:4711: {what} is to be cancelled (wrong)" in "\n".join(out)
