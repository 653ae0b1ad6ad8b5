"""`accrue import messages`: history whose customers are named by identifiers is resolved before it is sent."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli.place import Place
from pipeline.cli.reading import partitions_of, read_all
from pipeline.log.embedded import EmbeddedLog
from pipeline.runtime.settings import Settings
from tests.cli.terminal import Terminal
from tests.cli.working import work

EXAMPLE = "examples/settings/roastery.yaml"
AT = 1_300_000_000_000
JO, AL = {"email": "jo@example.com"}, {"email": "al@example.com"}


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    terminal = Terminal(tmp_path / "data", monkeypatch, capsys)
    terminal.done("settings", "apply", EXAMPLE)
    return terminal


def visit(number: int, **who: Any) -> dict[str, Any]:
    return {
        "type": "customEvent",
        "orgId": 100,
        "eventTime": AT + number,
        "eventName": "app_login",
        "id": f"v{number}",
        **who,
    }


def joins(customer: int, number: int, **identifiers: str) -> dict[str, Any]:
    told = {"type": "customerAdded", "orgId": 100, "customerId": customer, "eventTime": AT + number}
    return told | {"id": f"j{number}", "identifiers": identifiers}


def written(folder: Path, name: str, *lines: dict[str, Any] | str) -> str:
    file = folder / name
    file.write_text("".join(f"{one if isinstance(one, str) else json.dumps(one)}\n" for one in lines))
    return str(file)


def sent(terminal: Terminal) -> list[dict[str, Any]]:
    place = Place(Settings(data_dir=terminal.folder))
    with closing(EmbeddedLog(terminal.folder)) as log:
        topic = place.catalog.name("transactions")
        messages = read_all(log, partitions_of([topic], place.settings.partitions))
        return sorted((json.loads(one.value or b"") for one in messages), key=lambda one: one.get("eventTime", 0))


def test_customers_are_looked_up_in_the_files_and_what_names_nobody_is_told(terminal: Terminal, tmp_path: Path) -> None:
    first = written(
        tmp_path,
        "first.jsonl",
        visit(1, identifiers=JO),
        "",
        visit(2, identifiers={"email": "who@example.com"}),
        visit(3, identifiers={"mobile": "1111"}),
        visit(4),
    )
    second = written(
        tmp_path,
        "second.jsonl",
        joins(5, 5, **JO),
        visit(6, identifiers=JO),
        visit(7, customerId=9),
        "no JSON",
        {"type": "linkIdentifiers", "orgId": 100, "customerId": 6, "eventTime": AT + 8, "identifiers": AL},
        visit(9, identifiers=AL),
        {"type": "advanceClock", "time": AT + 10},
    )

    ended = terminal.run("import", "messages", first, second, "--resolve", "--json")

    assert ended.code == 1
    told = ended.json
    assert [(one["file"], one["line"]) for one in told["left_out"]] == [(first, 3), (first, 4), (first, 5), (second, 4)]
    assert told["left_out"][0]["reason"] == "nobody is known by the email"
    assert told["left_out"][1]["reason"].startswith("identifiers name a customer by mobile, which identifies nobody")
    assert {one["reason"] for one in told["left_out"][2:]} == {"it names no customer"}
    assert told["resolved"] == 3
    who = {one["id"]: (one["customerId"], "identifiers" in one) for one in sent(terminal) if "id" in one}
    assert who == {"v1": (5, False), "j5": (5, True), "v6": (5, False), "v7": (9, False), "v9": (6, False)}
    clocks = [one for one in sent(terminal) if one["type"] == "advanceClock"]
    assert len(clocks) == Settings().partitions


def test_customers_whom_the_org_knows_already_are_found(terminal: Terminal, tmp_path: Path) -> None:
    terminal.done("import", "messages", written(tmp_path, "who.jsonl", joins(5, 1, **JO)))
    work(terminal.folder)
    visits = written(tmp_path, "visits.jsonl", visit(2, identifiers=JO), visit(3, identifiers=AL))

    ended = terminal.run("import", "messages", visits, "--resolve")

    assert ended.code == 1
    assert f"{visits}, line 2: left out: nobody is known by the email" in ended.err
    assert "sent 1 messages to loyalty.transactions, left out 1 lines" in ended.out
    assert [one["customerId"] for one in sent(terminal) if one["id"] == "v2"] == [5]
