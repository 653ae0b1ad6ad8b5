"""`accrue events`: definitions, what came without one, and events judged by them."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pipeline.intake.letters.letter import REASON_HEADER
from pipeline.log.embedded import EmbeddedLog
from pipeline.log.port import Outgoing
from schemas.records import (
    CustomEventReceived,
    ForwardRecord,
    KnownBy,
    ResolveCustomer,
    encode_record,
    with_customer,
)
from tests.cli.terminal import Terminal

EXAMPLE = "examples/settings/roastery.yaml"


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    terminal = Terminal(tmp_path / "data", monkeypatch, capsys)
    terminal.done("settings", "apply", EXAMPLE)
    return terminal


def message(name: str, **attributes: Any) -> dict[str, Any]:
    return {
        "type": "customEvent",
        "orgId": 100,
        "customerId": 4711,
        "eventTime": 1_700_000_000_000,
        "eventName": name,
        "attributes": attributes,
    }


def journalled(name: str) -> Outgoing:
    record = CustomEventReceived(1, "in:0", 1, 100, 4711, name, 0, 1, name)
    return Outgoing("loyalty.journal", b"100:4711", encode_record(record), 0)


def test_definitions_are_listed_and_shown(terminal: Terminal) -> None:
    listed = terminal.done("events", "list", "--json").json
    assert [one["name"] for one in listed] == ["app_login", "page_viewed", "review_written"]
    assert "app_login" in terminal.done("events", "list").out

    shown = terminal.done("events", "show", "review_written").out
    assert shown.startswith("review_written of org 100, for EMFConsumer\n")
    assert "app, web" in shown
    assert terminal.run("events", "show", "nothing").code == 2


def test_events_without_definition_are_counted_where_they_went(terminal: Terminal) -> None:
    with closing(EmbeddedLog(terminal.folder)) as log, closing(log.producer()) as producer:
        rejected = json.dumps(message("reviw")).encode()
        producer.produce([journalled("reviw"), journalled("reviw"), journalled("app_login")])
        producer.produce([Outgoing("loyalty.deadletters", None, rejected, 0, ((REASON_HEADER, b"UNKNOWN_EVENT"),))])
        producer.produce([Outgoing("loyalty.deadletters", None, rejected, 0, ((REASON_HEADER, b"INVALID_EVENT"),))])
        producer.flush(5.0)

    (only,) = terminal.done("events", "unknown", "--json").json
    assert (only["org_id"], only["name"], only["accepted"], only["rejected"]) == (100, "reviw", 2, 1)
    assert "reviw" in terminal.done("events", "unknown").out


def test_event_without_definition_that_came_by_identifiers_is_counted_once(terminal: Terminal) -> None:
    event = CustomEventReceived(1, "in:0", 1, 100, 0, "v", 0, 1, "reviw")
    known_by = (KnownBy(kind="email", digest="d"),)
    resolve = ResolveCustomer(1, "in:0", 1, 100, 0, "in:0:1", 0, 1, known_by, encode_record(event))
    forward = ForwardRecord(1, "j:0", 1, 100, 4711, "f", 0, 1, 0, "0:1:v", with_customer(encode_record(event), 4711))
    with closing(EmbeddedLog(terminal.folder)) as log, closing(log.producer()) as producer:
        producer.produce([Outgoing("loyalty.journal", b"100:0", encode_record(resolve), 0)])
        producer.produce([Outgoing("loyalty.journal", b"100:4711", encode_record(forward), 0)])
        producer.flush(5.0)

    (only,) = terminal.done("events", "unknown", "--json").json
    assert (only["org_id"], only["name"], only["accepted"]) == (100, "reviw", 1)


def test_events_of_a_file_are_judged(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    lines = [
        message("app_login"),
        message("reviw"),
        message("review_written", product="S", stars="five", channel="post"),
    ]
    file.write_text("\n".join(map(json.dumps, lines)) + "\n\n")

    for settings in ([], ["--settings", EXAMPLE]):
        ended = terminal.run("events", "check", str(file), *settings)
        assert ended.code == 1
        assert ended.out.splitlines() == [
            "line 1: app_login: accepted",
            "line 2: reviw: not defined, accepted",
            "line 3: review_written: INVALID_EVENT",
            '    attributes.stars is "five"; write a whole number',
            '    attributes.channel is "post"; write one of app, web',
        ]
    file.write_text(json.dumps(lines[0]))
    assert terminal.done("events", "check", str(file), "--json").json[0]["outcome"] == "accepted"
    file.write_text("{}")
    assert "line 1: this is no custom event" in terminal.run("events", "check", str(file)).err
