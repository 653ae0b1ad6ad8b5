"""The form of the JSON: every key that is promised is there, and a whole story is as it was."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cli.terminal import Terminal
from tests.trial.golden import ARGUMENTS, GOLDEN, story
from tests.trial.trying import WHO, Trying, arrives, back, bill, block, event, membership, message, program

TAKES_PART = {"frozen": 0, "enrolled": True, "paused": False}
PROMISED: dict[str, Any] = {
    "form": 1,
    "engine": 1,
    "settledAt": "",
    "programs": [
        {
            "orgId": 100,
            "programId": 1,
            "version": 2,
            "from": "",
            "zone": "Europe/London",
            "money": {"code": "GBP", "scale": 2},
            "currencies": {"POINTS": {"scale": 0}},
        }
    ],
    "steps": [
        {
            "line": 1,
            "at": "",
            "input": {},
            "customer": "",
            "recordId": "",
            "outcome": "",
            "reason": "",
            "firstOutcome": "",
            "firstReason": "",
            "defects": [{"path": "", "problem": "", "remedy": ""}],
            "warnings": [""],
            "refusals": [{"customer": "", "programId": 1, "reason": "", "subject": "", "cause": ""}],
            "facts": [
                {
                    "customer": "",
                    "seq": 7,
                    "kind": "",
                    "cause": "",
                    "at": "",
                    "programId": 1,
                    "version": 2,
                    "body": {},
                }
            ],
            "notifications": [{"eventName": "", "topic": "", "customer": "", "seq": 7, "envelope": {}}],
            "replies": [
                {
                    "replyId": "",
                    "requestId": "",
                    "recordId": "",
                    "orgId": 100,
                    "customerId": 4711,
                    "type": "",
                    "outcome": "",
                    "firstOutcome": "",
                    "reason": "",
                    "vendorCode": 818,
                    "message": "",
                    "at": "",
                    "seq": 7,
                    "result": [],
                }
            ],
        }
    ],
    "customers": {
        WHO: {
            "registeredAt": "",
            "status": "",
            "seq": 9,
            "parked": [],
            "programs": {
                "1": {
                    "version": 2,
                    "transactions": 1,
                    "purchasesMinor": 10000,
                    "returnedMinor": 0,
                    "tier": {"number": 2, "id": "", "name": ""},
                    "tierProgress": {"value": 7500, "toNext": 2500, "expiresOn": "", "toKeep": 100, "assigned": ""},
                    "balances": {
                        "POINTS": {
                            "current": 0,
                            "promised": 0,
                            "blocked": 0,
                            "deficit": 0,
                            "lifetime": 0,
                            "issued": 0,
                            "redeemed": 0,
                            "expired": 0,
                            "reversed": 0,
                            "transferred": 0,
                            "adjusted": 0,
                        }
                    },
                    "lots": [
                        {
                            "id": 1,
                            "currency": "",
                            "standing": "",
                            "points": 60,
                            "issuedAt": "",
                            "expiresOn": "",
                            "dueAt": "",
                            "reference": "",
                        }
                    ],
                    "holds": [{"id": "", "currency": "", "heldFor": "", "points": 5, "endsAt": ""}],
                    "milestones": [
                        {"id": "", "period": "", "value": 7500, "target": 7500, "scale": 2, "achieved": True}
                    ],
                    "streaks": [{"id": "", "run": 3, "longest": 3, "levels": [3], "ended": False, **TAKES_PART}],
                    "trackers": [{"id": "", "value": 3, "scale": 3}],
                }
            },
        }
    },
}
FREE = {"input", "body", "envelope", "result"}
"""What is inside is not of the form."""


def misfits(value: Any, promised: Any, path: str = "") -> list[str]:
    """Where a value has other keys or types than promised; null says that there is nothing to say."""
    if isinstance(promised, dict) and isinstance(value, dict):
        if value.keys() != promised.keys():
            return [f"{path}: {sorted(value.keys() ^ promised.keys())}"]
        inside = ((key, one) for key, one in value.items() if key not in FREE)
        return [found for key, one in inside for found in misfits(one, promised[key], f"{path}.{key}")]
    if isinstance(promised, list) and isinstance(value, list):
        return [found for one in value for found in misfits(one, promised[0] if promised else "", f"{path}[]")]
    return [] if value is None or type(value) is type(promised) else [f"{path}: {value!r}"]


RICH = program(
    version=2,
    tiers={
        "basis": "lifetime_points",
        "levels": [{"name": "Base", "threshold": 0}, {"name": "À la carte!", "threshold": 75}],
    },
    milestones=[
        {
            "id": "spend",
            "target_id": 1,
            "name": "Spend",
            "period": "month",
            "counts": {"of": "transactions", "measure": "sum"},
            "target": 7500,
        },
        {
            "id": "runs",
            "target_id": 2,
            "name": "Runs",
            "period": "week",
            "counts": {"of": "events", "event": "run"},
            "target": 1,
        },
    ],
    trackers=[{"id": "spent", "of": "amount", "window": {"days": 30}}],
    streaks=[
        {
            "id": "weekly",
            "streak_id": 3,
            "name": "Weekly",
            "milestone": "runs",
            "levels": [{"name": "Two", "periods": 2}],
        }
    ],
)
STORY = [
    bill("A", 10_000, "2026-03-02T10:00:00Z"),
    event("run", "2026-03-03T10:00:00Z", id="e1"),
    event("run", "2026-03-10T10:00:00Z", id="e2"),
    back("A", 2_500, "2026-03-10T11:00:00Z", currency="EUR"),
    block(5, "2026-03-10T12:00:00Z", until="2026-06-01T00:00:00Z", id="h1"),
    block(1, "2026-03-10T12:00:00Z", id="h2"),
    bill("B", "much", "2026-03-11T10:00:00Z"),  # type: ignore[arg-type]  # a mistake on purpose
]


def test_every_promised_key_is_there_with_its_type_and_no_other(trying: Trying) -> None:
    result = trying.result(*STORY, programs=(RICH,))

    assert misfits(result, PROMISED) == []
    # The story is worth it: nothing that a step may hold is always empty.
    for key in ("defects", "refusals", "facts", "notifications"):
        assert any(step[key] for step in result["steps"]), key


def test_members_of_the_form_say_where_the_customer_stands(trying: Trying) -> None:
    stands = membership(trying.result(*STORY, programs=(RICH,), until="2026-03-17T00:00:00Z"))

    assert stands["tier"] == {"number": 2, "id": "la-carte", "name": "À la carte!"}
    assert stands["milestones"] == [
        {"id": "spend", "period": "2026-03", "value": 10_000, "target": 7_500, "scale": 2, "achieved": True},
        {"id": "runs", "period": "2026-W10", "value": 1, "target": 1, "scale": 0, "achieved": True},
        {"id": "runs", "period": "2026-W11", "value": 1, "target": 1, "scale": 0, "achieved": True},
    ]
    assert stands["streaks"] == [{"id": "weekly", "run": 2, "longest": 2, "levels": [2], "ended": False, **TAKES_PART}]
    assert [(lot["points"], lot["issuedAt"], lot["expiresOn"], lot["standing"]) for lot in stands["lots"]] == [
        (94, "2026-03-02T10:00:00.000Z", "2027-03-02", "current")
    ]
    assert stands["holds"] == [
        {"id": "h1", "currency": "POINTS", "heldFor": "block", "points": 5, "endsAt": "2026-06-01T00:00:00.000Z"},
        {"id": "h2", "currency": "POINTS", "heldFor": "block", "points": 1, "endsAt": None},
    ]


def test_periods_of_a_milestone_are_in_order_of_time(trying: Trying) -> None:
    late = arrives("2026-03-11T10:00:00Z", event("run", "2026-02-24T10:00:00Z", id="e0"))

    stands = membership(trying.result(*STORY, late, programs=(RICH,)))

    assert [one["period"] for one in stands["milestones"]] == ["2026-03", "2026-W09", "2026-W10", "2026-W11"]


def test_run_of_a_streak_is_that_of_the_end_of_the_trial(trying: Trying) -> None:
    later = membership(trying.result(*STORY, programs=(RICH,), until="2026-03-24T00:00:00Z"))

    assert [(one["run"], one["longest"]) for one in later["streaks"]] == [(0, 2)]


def test_streak_that_is_paused_and_left_says_so(trying: Trying) -> None:
    asked = {"programId": 1, "streak": "weekly"}
    pause = message("pauseStreak", "2026-03-17T10:00:00Z", **asked, reason="away", id="p1")
    leave = message("unenrolStreak", "2026-03-18T10:00:00Z", **asked, id="u1")

    paused = membership(trying.result(*STORY, pause, programs=(RICH,), until="2026-06-01T00:00:00Z"))
    left = membership(trying.result(*STORY, pause, leave, programs=(RICH,), until="2026-03-19T00:00:00Z"))

    assert [(one["run"], one["enrolled"], one["paused"]) for one in paused["streaks"]] == [(2, True, True)]
    assert [(one["run"], one["enrolled"], one["paused"]) for one in left["streaks"]] == [(2, False, False)]


def test_streak_says_how_many_freezes_its_run_has_used(trying: Trying) -> None:
    forgiving = RICH | {"streaks": [RICH["streaks"][0] | {"freezes": {"per": "month", "max": 2}}]}
    later = event("run", "2026-03-26T10:00:00Z", id="e9")

    stands = membership(trying.result(*STORY, later, programs=(forgiving,)))

    assert [(one["run"], one["frozen"]) for one in stands["streaks"]] == [(3, 1)]


def test_run_of_an_ended_streak_is_the_one_it_ended_with(trying: Trying) -> None:
    season = RICH | {"streaks": [RICH["streaks"][0] | {"validity": {"last": "2026-03-15"}}]}

    ended = membership(trying.result(*STORY, programs=(season,), until="2026-06-01T00:00:00Z"))

    assert ended["streaks"] == [{"id": "weekly", "run": 2, "longest": 2, "levels": [2], "ended": True, **TAKES_PART}]


def test_without_tiers_the_tier_is_null_and_balances_are_there_before_any_points(trying: Trying) -> None:
    stands = membership(trying.result(bill("A", 10, "2026-03-02T10:00:00Z")))

    assert stands["tier"] is None
    assert set(stands["balances"]["POINTS"].values()) == {0}
    assert (stands["lots"], stands["milestones"], stands["streaks"]) == ([], [], [])


def test_currencies_have_their_scale_and_the_main_one_comes_first(trying: Trying) -> None:
    several = program(currencies=[{"id": "STARS", "scale": 2}, {"id": "COINS"}])
    result = trying.result(bill("A", 100, "2026-03-02T10:00:00Z"), programs=(several,))
    scales = {"POINTS": {"scale": 0}, "STARS": {"scale": 2}, "COINS": {"scale": 0}}
    assert result["programs"][0]["currencies"] == scales
    assert list(result["customers"][WHO]["programs"]["1"]["balances"]) == list(scales)


def test_scale_of_money_is_that_of_its_currency(trying: Trying) -> None:
    yen = program(currency="JPY", milestones=[RICH["milestones"][0]])

    result = trying.result(bill("A", 10_000, "2026-03-02T10:00:00Z", currency="JPY"), programs=(yen,))

    assert result["programs"][0]["money"] == {"code": "JPY", "scale": 0}
    assert membership(result)["milestones"][0]["scale"] == 0


def test_rolling_window_is_the_one_that_ends_with_the_last_record(trying: Trying) -> None:
    week = RICH["milestones"][0] | {"period": None, "cycle": {"kind": "rolling", "days": 7}}
    bills = (bill("A", 10_000, "2026-03-02T10:00:00Z"), bill("B", 500, "2026-03-09T10:00:00Z"))

    (row,) = membership(trying.result(*bills, programs=(program(milestones=[week]),)))["milestones"]

    assert (row["period"], row["value"]) == ("7 days to 2026-03-09", 500)


@pytest.mark.parametrize("profile", ["flat", "wrapped", "as-published"])
def test_notification_has_topic_seq_and_the_envelope_of_its_program(profile: str, trying: Trying) -> None:
    told = trying.result(STORY[0], programs=(program(notifications={"profile": profile}),))["steps"][0]

    first = told["notifications"][0]
    assert (first["eventName"], first["topic"], first["customer"], first["seq"]) == (
        "customerAdded",
        "notifications.customers",
        WHO,
        2,
    )
    assert ("attributes" in first["envelope"]) == (profile != "flat")  # as the vendor's page prints it


def test_customers_are_in_order_of_their_numbers(trying: Trying) -> None:
    result = trying.result(*(bill("A", 10, "2026-03-02T10:00:00Z", customer=number) for number in (10, 9, 100)))

    assert list(result["customers"]) == ["100:9", "100:10", "100:100"]


def test_late_message_is_shown_with_its_arrival(trying: Trying) -> None:
    late = arrives("2026-03-05T10:00:00Z", STORY[0])

    assert trying.result(late)["steps"][0]["input"] == late


def test_example_is_as_its_golden_file_says(terminal: Terminal) -> None:
    ended = terminal.run(*ARGUMENTS)

    assert ended.code == 1
    assert story(ended.out) == json.loads(GOLDEN.read_text("utf-8"))
