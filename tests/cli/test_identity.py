"""`accrue identity`: whom identifiers name, on a folder in which a worker has run."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.cli.terminal import Terminal
from tests.cli.working import work

EXAMPLE = "examples/settings/roastery.yaml"


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    terminal = Terminal(tmp_path / "data", monkeypatch, capsys)
    terminal.done("settings", "apply", EXAMPLE)
    return terminal


def test_links_are_made_shown_and_contested(terminal: Terminal, tmp_path: Path) -> None:
    joined = {
        "type": "customerAdded",
        "orgId": 100,
        "customerId": 4711,
        "eventTime": 1_700_000_000_000,
        "email": "Jo@Example.com",
        "mobile": "07911 123456",
    }
    file = tmp_path / "joined.json"
    file.write_text(json.dumps(joined))
    terminal.done("send", str(file), "--topic", "customers")
    work(terminal.folder)
    terminal.done("identity", "link", "100", "4712", "email=jo@example.com", "cardNumber=C")
    work(terminal.folder)

    shown = terminal.done("identity", "show", "100", "4711", "--json").json
    assert [(one["type"], one["claimed_by"]) for one in shown["identifiers"]] == [("mobile", []), ("email", [4712])]
    assert terminal.done("identity", "show", "100", "email=jo@example.com", "--json").json == shown
    (conflict,) = terminal.done("identity", "conflicts", "100", "--json").json
    assert (conflict["type"], conflict["customer"], conflict["claimed_by"]) == ("email", 4711, [4712])
    assert "4712" in terminal.done("identity", "conflicts", "100").out

    terminal.done("identity", "unlink", "100", "4711", "email=jo@example.com")
    work(terminal.folder)
    terminal.done("identity", "link", "100", "4712", "email=jo@example.com")
    work(terminal.folder)
    assert terminal.done("identity", "conflicts", "100", "--json").json == []
    assert "Customer 100:4712 is known by" in terminal.done("identity", "show", "100", "email=jo@example.com").out


def test_two_customers_become_one(terminal: Terminal, tmp_path: Path) -> None:
    now = int(time.time() * 1000)
    joined = {"type": "customerAdded", "orgId": 100, "eventTime": now}
    file = tmp_path / "joined.json"
    file.write_text(json.dumps([joined | {"customerId": 4711}, joined | {"customerId": 4712}]))
    terminal.done("send", str(file), "--topic", "customers")
    terminal.done("program", "apply", "examples/programs/roastery.yaml")
    work(terminal.folder)
    terminal.done("identity", "merge", "100", "4711", "4712")
    for card in "ABC":  # at least one of what is asked, handed over and taken over is decided each time
        terminal.done("identity", "link", "100", "4711", f"cardNumber={card}")
        work(terminal.folder)
    found = terminal.done("tail", "--replies", "--json").out
    assert '"type":"mergeCustomers"' in found.replace(" ", "")
    assert "customer 4712 is merged into this one" in found


def test_what_waits_for_somebody_is_listed_until_it_is_released(terminal: Terminal, tmp_path: Path) -> None:
    now = int(time.time() * 1000)
    visit = {"type": "customEvent", "orgId": 100, "eventTime": now, "eventName": "app_login", "id": "v"}
    file = tmp_path / "visit.json"
    file.write_text(json.dumps(visit | {"identifiers": {"email": "jo@example.com"}}))
    terminal.done("send", str(file), "--topic", "customers")
    work(terminal.folder)

    (waits,) = terminal.done("held", "100", "--json").json
    assert (waits["type"], waits["id"], waits["at"]) == ("CustomEventReceived", "v", now)
    assert 365 <= (waits["until"] - now) / 86_400_000 <= 366
    assert "loyalty.customers" in terminal.done("held", "100").out

    terminal.done("identity", "link", "100", "4711", "email=jo@example.com")
    work(terminal.folder)
    assert terminal.done("held", "100", "--json").json == []


@pytest.mark.parametrize(
    ("who", "told"),
    [
        ("email=nobody@example.com", "org 100 knows nobody by this email"),
        ("e-mail=a", "'e-mail=a' is no identifier: write TYPE=VALUE with one of mobile, email"),
    ],
)
def test_what_names_nobody_is_told(terminal: Terminal, who: str, told: str) -> None:
    ended = terminal.run("identity", "show", "100", who)
    assert ended.code == 2
    assert told in ended.err


def test_without_settings_nobody_is_known_by_identifiers(terminal: Terminal) -> None:
    assert "org 7 has no settings" in terminal.run("identity", "show", "7", "email=jo@example.com").err


def test_another_key_finds_nobody_and_is_told_so(terminal: Terminal) -> None:
    terminal.done("identity", "link", "100", "4711", "email=jo@example.com")
    work(terminal.folder)
    assert terminal.done("identity", "show", "100", "email=jo@example.com", "--json").json["customer"] == 4711
    terminal.set("ACCRUE_IDENTITY_KEY", "another key than that")
    ended = terminal.run("identity", "show", "100", "email=jo@example.com")
    assert (ended.code, "nobody would be recognised" in ended.err) == (2, True)
