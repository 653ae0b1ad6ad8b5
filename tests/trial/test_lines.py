"""What a line may be, when it arrives, and what cannot be tried at all."""

from __future__ import annotations

import pytest

from tests.cli.terminal import Terminal
from tests.trial.trying import (
    BASE,
    WHO,
    Line,
    Trying,
    arrives,
    balance,
    bill,
    event,
    kinds,
    outcomes,
    program,
    redeem,
)

A = bill("A", 1000, "2026-03-01T10:00:00Z")
MARCH = 1_772_359_200_000
"""2026-03-01T10:00:00Z."""


def test_bare_message_arrives_at_its_event_time_raised_to_the_latest_arrival(trying: Trying) -> None:
    result = trying.result(
        A, bill("B", 1000, "2026-02-28T10:00:00Z"), bill("C", 1000, "2026-03-02T11:00:00+01:00"), "no JSON"
    )

    assert [step["at"] for step in result["steps"]] == [
        "2026-03-01T10:00:00.000Z",
        "2026-03-01T10:00:00.000Z",
        "2026-03-02T10:00:00.000Z",
        "2026-03-02T10:00:00.000Z",
    ]
    assert result["settledAt"] == "2026-03-02T10:00:00.000Z"


@pytest.mark.parametrize(
    "at",
    [{"eventTime": MARCH}, {"eventTime": "2026-03-01T10:00:00", "zone": "Europe/London"}],
    ids=["milliseconds", "local"],
)
def test_event_time_is_read_as_intake_reads_it(at: dict[str, object], trying: Trying) -> None:
    step = trying.result(A | at)["steps"][0]

    assert (step["at"], step["outcome"]) == ("2026-03-01T10:00:00.000Z", "accepted")


def test_message_without_an_id_is_named_by_its_line(trying: Trying) -> None:
    nameless = {key: value for key, value in A.items() if key != "id"}

    result = trying.result("", nameless, "  ", arrives(MARCH, nameless | {"billNumber": "B"}))

    assert [(step["line"], step["recordId"]) for step in result["steps"]] == [(2, "try:0:2"), (4, "try:0:4")]


@pytest.mark.parametrize("at", ["2026-03-03T10:00:00Z", MARCH + 2 * 86_400_000], ids=["iso", "milliseconds"])
def test_late_message_is_received_when_it_arrives(at: str | int, trying: Trying) -> None:
    result = trying.result(arrives(at, A))

    step = result["steps"][0]
    assert step["at"] == "2026-03-03T10:00:00.000Z"
    assert step["notifications"][0]["envelope"]["createdAt"] == MARCH + 2 * 86_400_000
    assert step["facts"][0]["at"] == "2026-03-01T10:00:00.000Z"


def test_message_that_arrives_before_it_happened_is_a_dead_letter(trying: Trying) -> None:
    tolerated, ahead = trying.result(
        arrives("2026-03-01T09:55:00Z", A), arrives("2026-03-01T09:55:00Z", bill("B", 1, "2026-03-01T10:00:01Z"))
    )["steps"]

    assert tolerated["outcome"] == "accepted"
    assert (ahead["outcome"], ahead["reason"]) == ("dead_letter", "FUTURE_EVENT_TIME")


def test_clock_message_is_accepted_and_moves_nothing_but_the_time(trying: Trying) -> None:
    result = trying.result(A, {"type": "advanceClock", "time": MARCH + 1000})

    step = result["steps"][1]
    assert (step["outcome"], step["at"], step["customer"]) == ("accepted", "2026-03-01T10:00:01.000Z", None)


def test_timers_of_all_customers_fire_before_the_line_in_its_step(trying: Trying) -> None:
    days = program(points={"name": "POINTS", "expiry": {"days": 1}})
    result = trying.result(
        A, A | {"customerId": 4712}, bill("C", 500, "2026-03-10T10:00:00Z", customer=4713), programs=(days,)
    )

    step = result["steps"][2]
    assert [(one["customer"], one["eventName"]) for one in step["notifications"]] == [
        (WHO, "pointsExpired"),
        ("100:4712", "pointsExpired"),
        ("100:4713", "customerAdded"),
        ("100:4713", "transactionAdded"),
        ("100:4713", "pointsIssued"),
    ]
    facts = [(row["customer"], row["kind"]) for row in step["facts"]]
    assert facts[:2] == [(WHO, "PointsExpired"), ("100:4712", "PointsExpired")]
    assert step["facts"][0]["at"] == "2026-03-03T00:00:00.000Z"
    assert step["customer"] == "100:4713"


def test_timers_fire_in_the_order_in_which_they_are_due(trying: Trying) -> None:
    days = program(points={"name": "POINTS", "expiry": {"days": 5}})
    story = [
        A,
        bill("C", 500, "2026-03-03T10:00:00Z", customer=4712),
        bill("B", 500, "2026-03-04T10:00:00Z"),
        redeem(10, "2026-03-04T11:00:00Z"),  # all of A, which would have expired first
        {"clock": "2026-04-01T00:00:00Z"},
    ]

    step = trying.result(*story, programs=(days,))["steps"][4]

    assert [one["customer"] for one in step["notifications"]] == ["100:4712", WHO]


def test_timers_of_the_customer_fire_before_their_own_line(trying: Trying) -> None:
    days = program(points={"name": "POINTS", "expiry": {"days": 1}})

    step = trying.result(A, bill("B", 500, "2026-03-10T10:00:00Z"), programs=(days,))["steps"][1]

    assert kinds(step) == ["pointsExpired", "transactionAdded", "pointsIssued"]


def test_clock_line_lets_time_pass(trying: Trying) -> None:
    result = trying.result(A, {"clock": "2027-03-02T00:00:00Z"})

    step = result["steps"][1]
    assert (step["outcome"], step["customer"], step["recordId"]) == ("accepted", None, None)
    assert step["input"] == {"clock": "2027-03-02T00:00:00Z"}
    assert kinds(step) == ["pointsExpired"]
    assert balance(result) == 0


@pytest.mark.parametrize("until", ["2027-03-02T00:00:00Z", "1803945600000"], ids=["iso", "milliseconds"])
def test_until_is_a_last_step_of_its_own(until: str, trying: Trying) -> None:
    result = trying.result(A, until=until)

    step = result["steps"][1]
    assert (step["line"], step["input"], step["outcome"]) == (None, None, "accepted")
    assert kinds(step) == ["pointsExpired"]
    assert step["at"] == result["settledAt"] == "2027-03-02T00:00:00.000Z"


def test_without_lines_there_are_no_steps(trying: Trying) -> None:
    result = trying.result("")

    assert (result["steps"], result["customers"]) == ([], {})
    assert result["settledAt"] == "1970-01-01T00:00:00.000Z"


def test_program_path_is_seen_from_the_messages_file(trying: Trying, monkeypatch: pytest.MonkeyPatch) -> None:
    trying.file("later/v2.yaml", program(version=2))
    (trying.folder / "elsewhere").mkdir()
    monkeypatch.chdir(trying.folder / "elsewhere")

    result = trying.result(A, {"program": "later/v2.yaml"})

    assert outcomes(result) == ["accepted", "accepted"]
    assert [one["version"] for one in result["programs"]] == [1, 2]


def test_several_programs_are_in_force_from_the_start(trying: Trying) -> None:
    result = trying.result(A, programs=(program(), program(program_id=2)))

    assert result["customers"][WHO]["programs"].keys() == {"1", "2"}


def test_messages_may_come_from_standard_input_with_a_byte_order_mark(trying: Trying, terminal: Terminal) -> None:
    path = trying.file("club.yaml", BASE)

    result = terminal.done("try", path, "-", "--json", stdin=b"\xef\xbb\xbf" + str(A).replace("'", '"').encode()).json

    assert outcomes(result) == ["accepted"]


def test_messages_may_have_another_name_than_jsonl(trying: Trying, terminal: Terminal) -> None:
    messages, path = trying.file("messages.txt", ""), trying.file("club.yaml", BASE)

    assert terminal.done("try", path, messages, "--json").json["steps"] == []


BAD_LINES: dict[str, Line] = {
    "clock that is no time": {"clock": "noon"},
    "clock without an offset": {"clock": "2026-03-01T10:00:00"},
    "clock as a date": {"clock": "2026-03-01"},
    "clock that is true": {"clock": True},
    "clock after the year 9999": {"clock": 253_402_300_800_000},
    "clock before 1970": {"clock": -1},
    "clock of more digits than are read": '{"clock": ' + "9" * 5_000 + "}",
    "clock beyond all numbers": '{"clock": 1e400}',
    "program with a zero byte": {"program": "v2\0.yaml"},
    "clock with something else": {"clock": MARCH, "note": "spring"},
    "clock that goes back": {"clock": MARCH - 1},
    "arrival that goes back": arrives(MARCH - 1, event("run", "2026-03-01T09:00:00Z")),
    "arrival that is null": {"arrives": None, "message": A},
    "arrival without a message": {"arrives": MARCH},
    "message without an arrival": {"message": A},
    "program that is no path": {"program": 2},
    "program that is not there": {"program": "nowhere.yaml"},
    "program that is a folder": {"program": "."},
}


@pytest.mark.parametrize("line", BAD_LINES.values(), ids=BAD_LINES)
def test_bad_line_exits_with_2_and_prints_nothing(line: Line, trying: Trying) -> None:
    ended = trying.run(A, line, options=("--json",))

    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("error: ")


def test_true_is_no_instant(trying: Trying) -> None:
    assert trying.run({"clock": True}).code == 2


def test_line_with_a_type_is_a_message_whatever_else_it_has(trying: Trying) -> None:
    assert outcomes(trying.result(A | {"clock": MARCH})) == ["dead_letter"]


def test_bad_line_is_named_with_what_would_be_right(trying: Trying) -> None:
    assert "line 2: clock is 'noon', which is not an instant: write ISO 8601" in trying.run(A, {"clock": "noon"}).err
    assert "line 2: clock is 1, 1,772,359,199,999 ms before the latest arrival" in trying.run(A, {"clock": 1}).err
    assert "line 1 has the keys clock, note: write a message" in trying.run({"clock": 1, "note": 2}).err


@pytest.mark.parametrize("until", ["2026-02-01T00:00:00Z", "soon", "9" * 5_000], ids=["past", "word", "digits"])
def test_until_that_cannot_be_exits_with_2(until: str, trying: Trying) -> None:
    ended = trying.run(A, options=("--until", until))

    assert (ended.code, ended.out) == (2, "")
    assert "--until is" in ended.err


@pytest.mark.parametrize(
    "programs",
    [(program(zone="Nowhere"),), (program(), program(name="Other"))],
    ids=["invalid", "twice with one version"],
)
def test_invalid_first_program_exits_with_2_and_names_its_file(
    programs: tuple[dict[str, object], ...], trying: Trying
) -> None:
    ended = trying.run(A, programs=programs)

    assert (ended.code, ended.out) == (2, "")
    assert f"program-{len(programs)}.yaml" in ended.err


def test_files_that_are_not_there_or_not_named_exit_with_2(trying: Trying, terminal: Terminal) -> None:
    path, messages = trying.file("club.yaml", BASE), trying.file("messages.jsonl", "")

    assert terminal.run("try", path, str(trying.folder / "none.jsonl")).code == 2
    assert terminal.run("try", str(trying.folder / "none.yaml"), messages).code == 2
    assert "name a program file before the messages" in terminal.run("try", messages).err
    assert "then one file of messages" in terminal.run("try", path, path).err
