"""`accrue simulate`: a message decided on its customer's own state, and forgotten."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.clock import SYSTEM_CLOCK
from tests.cli.terminal import Ended, Terminal
from tests.cli.test_identity import EXAMPLE, work

PROGRAM = "examples/programs/roastery.yaml"


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """A folder in which a customer has bought for 20 pounds."""
    terminal = Terminal(tmp_path / "data", monkeypatch, capsys)
    terminal.done("settings", "apply", EXAMPLE)
    terminal.done("program", "apply", PROGRAM)
    file = tmp_path / "messages.jsonl"
    joined = {"type": "customerAdded", "orgId": 100, "customerId": 4711, "email": "jo@example.com"}
    now = SYSTEM_CLOCK.wall()
    file.write_text("\n".join(json.dumps(one | {"eventTime": now}) for one in (joined, bill("B1", 2_000))))
    terminal.done("send", str(file), "--topic", "transactions")
    work(terminal.folder)
    return terminal


def bill(number: str, amount: int, **who: Any) -> dict[str, Any]:
    named = who or {"customerId": 4711}
    common = {"type": "transactionAdded", "orgId": 100, "billNumber": number, "currency": "GBP"}
    return {**common, "amountMinor": amount, **named}


def simulated(terminal: Terminal, message: object) -> Any:
    return terminal.done("simulate", json.dumps(message), "--json").json


def failed(terminal: Terminal, *arguments: str, code: int = 2) -> Ended:
    ended = terminal.run(*arguments)
    assert ended.code == code, ended
    return ended


def kinds(result: Any) -> list[str]:
    return [fact["kind"] for fact in result["facts"]]


def test_what_would_be_is_told_and_nothing_is_written(terminal: Terminal) -> None:
    first, again = simulated(terminal, bill("B2", 1_250)), simulated(terminal, bill("B2", 1_250))

    assert first["customer"] == "100:4711"
    assert "PointsIssued" in kinds(first)
    assert kinds(first) == kinds(again)
    assert first["facts"][0]["seq"] == again["facts"][0]["seq"] > 1
    assert first["standing"]["programs"]["1"]["transactions"] == 2
    told = terminal.done("simulate", json.dumps(bill("B2", 1_250))).out
    assert "customer 100:4711, if it came now" in told
    assert "62 POINTS by the rule every-pound" in told


def test_customer_is_known_by_identifiers(terminal: Terminal) -> None:
    by_mail = simulated(terminal, bill("B3", 100, identifiers={"email": "JO@example.com"}))
    assert by_mail["customer"] == "100:4711"
    unknown = failed(terminal, "simulate", json.dumps(bill("B3", 100, identifiers={"email": "x@example.com"})))
    assert "nobody is known" in unknown.err


def test_refusal_and_duplicate_are_told(terminal: Terminal) -> None:
    poor = {"type": "redeemPoints", "orgId": 100, "customerId": 4711, "programId": 1, "points": 100_000}
    assert "refused: " in terminal.done("simulate", json.dumps(poor)).out
    newcomer = simulated(terminal, bill("B1", 500, customerId=9))
    assert (newcomer["facts"][0]["seq"], newcomer["standing"]["programs"]["1"]["transactions"]) == (1, 1)


@pytest.mark.parametrize("message", ["{", "[]", "[{}, {}]", "{}", "7", '{"orgId": "1"}'])
def test_what_is_no_message_is_told(terminal: Terminal, message: str) -> None:
    assert failed(terminal, "simulate", message).err


def test_what_would_be_a_dead_letter_is_told_with_each_mistake(terminal: Terminal) -> None:
    wrong = failed(terminal, "simulate", json.dumps(bill("B2", 1_250) | {"currency": "pounds"})).err
    assert "INVALID_FIELDS" in wrong
    assert "currency" in wrong


def test_folder_in_which_nothing_was_decided_says_what_to_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = Terminal(tmp_path / "data", monkeypatch, capsys)
    terminal.done("program", "apply", PROGRAM)
    assert "accrue worker" in failed(terminal, "simulate", json.dumps(bill("B1", 1))).err
