"""Every outcome of a step, with its reason, and the exit code it gives."""

from __future__ import annotations

import pytest

from tests.trial.trying import (
    WHO,
    Trying,
    adjust,
    arrives,
    back,
    balance,
    bill,
    event,
    kinds,
    membership,
    message,
    outcomes,
    program,
    redeem,
)

A = bill("A", 1000, "2026-03-01T10:00:00Z")
LOWERED = ((1, 5000), (2, 1000))
"""A version and its target, which the second one has reached."""


def test_accepted_bill_has_its_facts_and_notifications_and_exits_with_0(trying: Trying) -> None:
    ended = trying.run(A, options=("--json",))

    step = ended.json["steps"][0]
    assert ended.code == 0
    assert (step["outcome"], step["reason"], step["customer"], step["recordId"]) == ("accepted", None, WHO, "bill-A")
    assert kinds(step) == ["customerAdded", "transactionAdded", "pointsIssued"]
    assert {row["customer"] for row in step["facts"]} == {WHO}
    assert [row["seq"] for row in step["facts"]] == list(range(1, len(step["facts"]) + 1))
    assert balance(ended.json) == 10


def test_duplicate_changes_nothing_and_says_what_became_of_the_first(trying: Trying) -> None:
    ended = trying.run(A, A, options=("--json",))

    step = ended.json["steps"][1]
    assert ended.code == 0
    assert (step["outcome"], step["firstOutcome"], step["reason"]) == ("duplicate", "accepted", None)
    assert (step["facts"], step["notifications"], step["customer"], step["recordId"]) == ([], [], WHO, "bill-A")


def test_duplicate_of_a_refused_command_says_so(trying: Trying) -> None:
    asked = redeem(99, "2026-03-01T11:00:00Z")

    step = trying.result(A, asked, asked)["steps"][2]

    assert (step["outcome"], step["firstOutcome"], step["firstReason"]) == ("duplicate", "refused", "balance_too_low")


def test_step_shows_the_replies_as_the_stream_gives_them(trying: Trying) -> None:
    spent, asked = redeem(4, "2026-03-01T10:30:00Z"), redeem(99, "2026-03-01T11:00:00Z")

    bought, done, refused, again = trying.result(A, spent, asked, asked)["steps"]

    assert bought["replies"] == []
    [reply] = done["replies"]
    assert (reply["outcome"], reply["requestId"], reply["recordId"]) == ("done", "try:0:2", done["recordId"])
    assert reply["result"] == [
        {"kind": "PointsRedeemed", "programId": 1, "currency": "POINTS", "points": 4, "balance": 6, "valueMinor": 4}
    ]
    assert [(one["outcome"], one["reason"], one["vendorCode"]) for one in refused["replies"]] == [
        ("refused", "balance_too_low", 818)
    ]
    [repeated] = again["replies"]
    assert (repeated["outcome"], repeated["firstOutcome"], repeated["reason"]) == (
        "duplicate",
        "refused",
        "balance_too_low",
    )


def test_reply_to_a_waiting_return_is_shown_where_its_bill_or_the_end_of_the_wait_decides_it(trying: Trying) -> None:
    early, vain = back("A", 500, "2026-03-02T10:00:00Z"), back("Z", 500, "2026-03-02T10:00:00Z", document="R2")

    result = trying.result(early, arrives("2026-03-03T10:00:00Z", A), vain, until="2026-05-01T00:00:00Z")

    assert [[(one["outcome"], one["reason"]) for one in step["replies"]] for step in result["steps"]] == [
        [("held", None)],
        [("done", None)],
        [("held", None)],
        [("refused", "bill_unknown")],
    ]


def test_command_is_refused_though_the_version_that_it_meets_first_gives_a_reward(trying: Trying) -> None:
    monthly = {
        "id": "monthly",
        "target_id": 1,
        "name": "Monthly",
        "period": "month",
        "counts": {"of": "transactions", "measure": "sum"},
        "points": 5,
    }
    hard, easy = (program(version=version, milestones=[monthly | {"target": target}]) for version, target in LOWERED)

    asked = redeem(99, "2026-03-01T11:00:00Z")
    result = trying.result(A, {"program": "v2.yaml"}, asked, programs=(hard,), versions=(easy,))

    step = result["steps"][2]
    assert (step["outcome"], step["reason"], balance(result)) == ("refused", "balance_too_low", 15)


def test_command_is_refused_though_the_version_that_it_meets_first_moves_the_customer_to_another_tier(
    trying: Trying,
) -> None:
    levels = [{"name": "Base", "threshold": 0}, {"name": "Plus", "threshold": 5}]
    plus, ended = (
        program(version=version, tiers={"basis": "lifetime_points", "levels": [levels[0], levels[1] | more]})
        for version, more in ((1, {}), (2, {"retired": True}))
    )

    asked = redeem(99, "2026-03-01T11:00:00Z")
    result = trying.result(A, {"program": "v2.yaml"}, asked, programs=(plus,), versions=(ended,))

    assert (outcomes(result)[2], membership(result)["tier"]["id"]) == ("refused", "base")


def test_refused_command_has_its_reason_and_exits_with_1(trying: Trying) -> None:
    ended = trying.run(A, redeem(99, "2026-03-01T11:00:00Z", id="r1"), options=("--json",))

    step = ended.json["steps"][1]
    assert ended.code == 1
    assert (step["outcome"], step["reason"]) == ("refused", "balance_too_low")
    refusal = {
        "customer": WHO,
        "programId": 1,
        "reason": "balance_too_low",
        "subject": "99",
        "cause": "RedeemPoints:r1",
    }
    assert step["refusals"] == [refusal]


def test_refusal_for_all_programs_names_none(trying: Trying) -> None:
    result = trying.result(A, message("customerAdded", "2026-03-02T10:00:00Z", id="c1"))

    step = result["steps"][1]
    assert (step["outcome"], step["reason"]) == ("refused", "customer_exists")
    assert [(one["programId"], one["subject"]) for one in step["refusals"]] == [(None, "")]


def test_customer_of_whom_only_a_refusal_is_known_stands_in_no_program(trying: Trying) -> None:
    result = trying.result(A | {"customerId": 4712}, programs=(program(add_customers=False),))

    assert outcomes(result) == ["refused"]
    assert result["customers"]["100:4712"] == {
        "registeredAt": None,
        "status": "ACTIVE",
        "seq": 2,
        "parked": [],
        "programs": {},
    }


def test_bill_that_one_of_two_programs_refuses_is_accepted_and_exits_with_1(trying: Trying) -> None:
    ended = trying.run(A, programs=(program(), program(program_id=2, currency="EUR")), options=("--json",))

    step = ended.json["steps"][0]
    assert ended.code == 1
    assert (step["outcome"], step["reason"]) == ("accepted", None)
    assert [(one["programId"], one["reason"], one["subject"]) for one in step["refusals"]] == [
        (2, "currency_unknown", "GBP")
    ]


def test_bill_that_every_program_refuses_is_refused(trying: Trying) -> None:
    step = trying.result(A, programs=(program(currency="EUR"),))["steps"][0]

    assert (step["outcome"], step["reason"]) == ("refused", "currency_unknown")


def test_message_of_an_org_without_programs_is_accepted_and_does_nothing(trying: Trying) -> None:
    result = trying.result(A | {"orgId": 7})

    assert outcomes(result) == ["accepted"]
    assert result["customers"]["7:4711"]["programs"] == {}


@pytest.mark.parametrize(
    ("line", "reason", "path"),
    [
        (A | {"amountMinor": "10"}, "INVALID_FIELDS", "amountMinor"),
        (A | {"type": "bought"}, "UNKNOWN_TYPE", "type"),
        ("no JSON", "NOT_JSON", ""),
        ("[1]", "NOT_AN_OBJECT", ""),
        (b"\xff{}", "NOT_UTF8", ""),
        ("[" * 5_000, "TOO_DEEP", ""),
    ],
    ids=["field", "type", "json", "list", "utf-8", "deep"],
)
def test_dead_letter_has_every_defect_and_exits_with_1(
    line: dict[str, object] | str | bytes, reason: str, path: str, trying: Trying
) -> None:
    ended = trying.run(line, options=("--json",))

    step = ended.json["steps"][0]
    assert ended.code == 1
    assert (step["outcome"], step["reason"]) == ("dead_letter", reason)
    assert [defect["path"] for defect in step["defects"]] == [path]
    assert all(defect["problem"] and defect["remedy"] for defect in step["defects"])
    assert ended.json["customers"] == {}


def test_dead_letter_names_customer_and_id_where_they_can_be_read(trying: Trying) -> None:
    named, nameless = trying.result(A | {"amountMinor": "10"}, {"type": "transactionAdded"})["steps"]

    assert (named["customer"], named["recordId"]) == (WHO, "bill-A")
    assert (nameless["customer"], nameless["recordId"]) == (None, "try:0:2")


def test_line_is_printed_as_it_was_written(trying: Trying) -> None:
    lines = [event("run", "2026-03-01T10:00:00Z", attributes={"km": 4.0, "name": "é"}), "not { JSON"]

    result = trying.result(*lines)

    assert [step["input"] for step in result["steps"]] == lines


def test_later_version_of_a_program_is_accepted_and_listed_with_its_start(trying: Trying) -> None:
    twice = program(version=2, rules=[{"id": "spend", "kind": "spend", "points": 2, "per_minor": 100}])

    result = trying.result(A, {"program": "v2.yaml"}, bill("B", 1000, "2026-03-02T10:00:00Z"), versions=(twice,))

    assert outcomes(result) == ["accepted"] * 3
    assert [(one["version"], one["from"]) for one in result["programs"]] == [
        (1, "1970-01-01T00:00:00.000Z"),
        (2, "2026-03-01T10:00:00.000Z"),
    ]
    assert balance(result) == 30
    assert membership(result)["version"] == 2


def test_program_in_force_again_unchanged_does_nothing(trying: Trying) -> None:
    result = trying.result(A, {"program": "v2.yaml"}, versions=(program(),))

    assert outcomes(result) == ["accepted", "accepted"]
    assert len(result["programs"]) == 1


@pytest.mark.parametrize(
    ("version", "path"),
    [(program(name="Other"), "version"), (program(version=2, zone="Nowhere"), "zone"), ("org_id: [", "")],
    ids=["version not raised", "invalid", "no YAML"],
)
def test_refused_program_has_its_problems_as_defects_and_the_old_one_stays(
    version: dict[str, object] | str, path: str, trying: Trying
) -> None:
    trying.file("v2.yaml", version)
    ended = trying.run(A, {"program": "v2.yaml"}, bill("B", 1000, "2026-03-02T10:00:00Z"), options=("--json",))

    step = ended.json["steps"][1]
    assert ended.code == 1
    assert (step["outcome"], step["reason"]) == ("refused", "program_refused")
    assert [defect["path"] for defect in step["defects"]] == [path]
    assert len(ended.json["programs"]) == 1
    assert balance(ended.json) == 20


def test_program_with_countless_mistakes_says_that_there_are_more(trying: Trying) -> None:
    rules = [{"id": f"r{number}", "kind": "spend", "points": 0, "per_minor": 1} for number in range(101)]
    trying.file("v2.yaml", program(version=2, rules=rules))

    defects = trying.result({"program": "v2.yaml"})["steps"][0]["defects"]

    assert len(defects) == 101
    assert defects[100] == {"path": "", "problem": "has more mistakes", "remedy": "correct these first"}


def test_refusal_within_an_accepted_return_is_none(trying: Trying) -> None:
    result = trying.result(A, back("A", 400, "2026-03-02T10:00:00Z"))

    assert outcomes(result) == ["accepted", "accepted"]
    assert balance(result) == 6
    assert membership(result)["returnedMinor"] == 400


def test_late_and_reused_ids_are_refused_as_on_the_stream(trying: Trying) -> None:
    result = trying.result(
        A,
        A | {"amountMinor": 2000},
        arrives("2026-05-01T10:00:00Z", bill("B", 1000, "2026-03-02T10:00:00Z")),
    )

    assert [step["reason"] for step in result["steps"]] == [None, "id_reused", "too_old"]


def test_adjustment_is_counted_where_points_were_taken_away(trying: Trying) -> None:
    result = trying.result(A, adjust(-4, "2026-03-01T11:00:00Z"))

    assert membership(result)["balances"]["POINTS"] == {
        "current": 6,
        "promised": 0,
        "blocked": 0,
        "deficit": 0,
        "lifetime": 10,
        "issued": 10,
        "redeemed": 0,
        "expired": 0,
        "reversed": 0,
        "transferred": 0,
        "adjusted": 4,
    }


def test_event_that_no_program_knows_is_taken_with_a_warning_that_names_those_that_are(trying: Trying) -> None:
    club = program(rules=[{"id": "run", "kind": "event", "event": "run", "points": 5}])

    ended = trying.run(
        event("rum", "2026-03-01T10:00:00Z"),
        event("run", "2026-03-01T11:00:00Z"),
        programs=(club,),
        options=("--json",),
    )

    misspelt, known = ended.json["steps"]
    assert (ended.code, misspelt["outcome"]) == (0, "accepted")
    assert misspelt["warnings"] == ["no program of org 100 knows the event 'rum', so it earns nothing; known are run"]
    assert known["warnings"] == []


def test_warning_is_told_also_where_the_programs_know_no_event(trying: Trying) -> None:
    told = trying.run(event("rum", "2026-03-01T10:00:00Z"), programs=(program(rules=[]),)).out

    assert "    warning: no program of org 100 knows the event 'rum', so it earns nothing; they know no events" in told


def test_dead_letter_that_names_a_customer_has_a_reply(trying: Trying) -> None:
    step = trying.result(redeem("many", "2026-03-01T10:00:00Z", id="r1"))["steps"][0]  # type: ignore[arg-type]

    [reply] = step["replies"]
    assert (reply["outcome"], reply["reason"], reply["recordId"], reply["seq"]) == ("rejected", step["reason"], "r1", 0)
    assert reply["message"].startswith('Rejected: points is "many"; write an integer')
