"""`accrue erase`: from a customer whose data is told to one of whom nothing can be read, in log and ClickHouse."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli.place import Place
from pipeline.cli.sinks import sinks_of
from pipeline.log.embedded import EmbeddedLog
from pipeline.runtime.settings import Settings
from tests.cli.terminal import Terminal
from tests.cli.test_identity import work
from tests.runtime.workshop import PROGRAM
from tests.sinks.running import running_sink

ORG = """
orgs:
  - org_id: 1
    name: Cafe
    zone: UTC
    currency: GBP
    country: GB
"""
SEALED = ORG + "    personal_data: sealed\n"
START = int(time.time() * 1_000) - 60_000
PERSON = {"firstName": "Jolanta", "email": "jo@example.com", "extended": {"shoe": "size 38"}}
READABLE = ("Jolanta", "jo@example.com", "size 38")


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    terminal = Terminal(tmp_path / "data", monkeypatch, capsys)
    file = tmp_path / "program.yaml"
    file.write_text(PROGRAM.model_dump_json())
    terminal.done("program", "apply", str(file))
    return terminal


def apply(terminal: Terminal, settings: str) -> None:
    file = terminal.folder.parent / "settings.yaml"
    file.write_text(settings)
    terminal.done("settings", "apply", str(file))


def send(terminal: Terminal, kind: str, topic: str, number: int, **fields: Any) -> None:
    message = {"type": kind, "orgId": 1, "eventTime": START + number, "id": f"{kind}-{number}", **fields}
    file = terminal.folder.parent / "message.json"
    file.write_text(json.dumps(message))
    terminal.done("send", str(file), "--topic", topic)
    work(terminal.folder)


def bill(terminal: Terminal, number: int, **who: Any) -> None:
    fields = {"billNumber": f"B{number}", "amountMinor": 1_000, "currency": "GBP"}
    send(terminal, "transactionAdded", "transactions", number, **fields, **who)


def store(folder: Path) -> None:
    """Bring everything to ClickHouse."""
    log = EmbeddedLog(folder)
    with sinks_of(Place(Settings(data_dir=folder)), log, linger_seconds=0.0) as (sink,), running_sink(sink) as started:
        started.drain()
    assert started.error is None
    log.close()


def rows(terminal: Terminal) -> str:
    tables = ("journal", "facts", "notifications", "customer_state")
    return "".join(terminal.done("sql", f"SELECT * FROM {table}", "--json").out for table in tables)


def test_a_customer_is_erased_everywhere_and_the_others_stay(terminal: Terminal) -> None:
    apply(terminal, SEALED)
    send(terminal, "customerAdded", "customers", 0, customerId=5, **PERSON)
    send(terminal, "customerUpdated", "customers", 1, identifiers={"email": "jo@example.com"}, lastName="Woz")
    send(terminal, "customerAdded", "customers", 2, customerId=6, firstName="Ben", email="ben@example.com")
    bill(terminal, 3, customerId=5)
    store(terminal.folder)

    assert [one for one in READABLE if one in rows(terminal)] == ["Jolanta", "jo@example.com"], "it was told"
    assert terminal.done("customer", "1", "5", "--json").json["programs"][0]["profile"]["last_name"] == "Woz"
    assert "would erase customer 1:5; add --yes" in terminal.done("erase", "1", "5").out
    assert terminal.done("verify", "--json").json["holds"]

    told = terminal.done("erase", "1", "5", "--yes", "--json").json
    assert told == {"org": 1, "customer": 5, "erased": True, "clickhouse": True, "readable": 0}
    work(terminal.folder)
    bill(terminal, 4, customerId=5)
    send(terminal, "customerUpdated", "customers", 5, customerId=5, **PERSON)
    store(terminal.folder)

    profile = terminal.done("customer", "1", "5", "--json").json["programs"][0]["profile"]
    assert (profile["first_name"], profile["last_name"], profile["email"], profile["extended"]["shoe"]) == (("",) * 4)
    assert "ben@example.com" in rows(terminal)
    assert [one for one in (*READABLE, "Woz") if one in rows(terminal)] == []
    assert terminal.done("identity", "show", "1", "6", "--json").json["identifiers"] != []
    verdict = terminal.done("verify", "--json").json
    assert (verdict["holds"], verdict["findings"]) == (True, [])

    assert "customer 1:5 is erased" in terminal.done("erase", "1", "5", "--yes").out, "once more changes nothing"


def test_only_what_is_sealed_can_be_erased_and_what_came_before_is_told(terminal: Terminal) -> None:
    ended = terminal.run("erase", "1", "5", "--yes")
    assert (ended.code, "org 1 keeps personal data readable: write `personal_data: sealed`" in ended.err) == (2, True)

    apply(terminal, ORG)
    send(terminal, "customerAdded", "customers", 0, customerId=5, **PERSON)
    assert terminal.run("erase", "1", "5", "--yes").code == 2

    apply(terminal, SEALED)
    assert terminal.done("erase", "1", "5", "--yes").out.splitlines() == [
        "1 records in the journal came before the org sealed personal data: they stay readable",
        "customer 1:5 is erased in the log; there is no ClickHouse here",
    ]


def test_identifiers_of_an_erased_customer_name_nobody(terminal: Terminal) -> None:
    apply(terminal, SEALED)
    send(terminal, "customerAdded", "customers", 0, customerId=5, **PERSON)
    assert terminal.done("identity", "show", "1", "5", "--json").json["identifiers"] != []
    terminal.done("erase", "1", "5", "--yes")
    work(terminal.folder)
    assert terminal.done("identity", "show", "1", "5", "--json").json["identifiers"] == []
    send(terminal, "customerAdded", "customers", 1, customerId=7, **PERSON)
    assert terminal.done("identity", "show", "1", "email=jo@example.com", "--json").json["customer"] == 7
