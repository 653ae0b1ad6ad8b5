"""`accrue dlq`: what the dead letters say, and sending them again, once, to where they came from."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

import pytest

from pipeline.cli.dead_letters import DeadLetters, Wanted
from pipeline.cli.place import Place
from pipeline.cli.reading import partitions_of, read_all
from pipeline.cli.replaying import Replay
from pipeline.clock import SYSTEM_CLOCK, SystemClock
from pipeline.intake.deadletters import dead_letter_headers
from pipeline.intake.replays import DeadLetter, mark_headers
from pipeline.intake.verdict import Defect, Headers
from pipeline.log.port import Fenced, Log, Message, Outgoing
from pipeline.runtime.settings import Settings
from tests.cli.terminal import Terminal
from tests.intake.incoming import Sent

TOPIC = "loyalty.deadletters"
NOW = SYSTEM_CLOCK.wall()
HOUR = 3_600_000
DEFECT = Defect("customerId", 'is "x"', "write a number")


def place_of(terminal: Terminal) -> Place:
    return Place(Settings(data_dir=terminal.folder))


@contextmanager
def log_of(terminal: Terminal) -> Iterator[Log]:
    with place_of(terminal).log() as log:
        yield log


def produce(terminal: Terminal, *messages: Outgoing) -> None:
    with log_of(terminal) as log, closing(log.producer()) as producer:
        producer.produce(messages)
        producer.flush(10.0)


def read(terminal: Terminal, topic: str) -> list[Message]:
    with log_of(terminal) as log:
        return list(read_all(log, partitions_of([f"loyalty.{topic}"], 4)))


def letter(
    partition: int,
    value: bytes | None = b'{"a": 1}',
    *,
    origin: tuple[str, int, int] = ("loyalty.events", 3, 8),
    reason: str = "INVALID_FIELDS",
    defects: Sequence[Defect] = (DEFECT,),
    key: bytes | None = b"1:5",
    headers: Headers = (),
    stage: str = "intake",
    sent_at: int = NOW - HOUR,
) -> Outgoing:
    """A dead letter as a role writes it, in a partition of our choice."""
    original = Sent(value, *origin, key, sent_at, headers)
    return Outgoing(TOPIC, key, value, partition, dead_letter_headers(original, reason, defects, stage=stage), sent_at)


def entries(ended: Any) -> list[str]:
    return [one["entry"] for one in ended.json["entries"]]


@pytest.fixture
def full(with_topics: Terminal) -> Terminal:
    """Three dead letters of intake, in the order 2:0, 0:0, 1:0, and one of loyalty, 3:0, the newest."""
    produce(
        with_topics,
        letter(2, b"{", reason="NOT_JSON", sent_at=NOW - 50 * HOUR, origin=("loyalty.transactions", 1, 4), key=None),
        letter(0, sent_at=NOW - 3 * HOUR, headers=(("trace", b"abc"), ("raw", b"\xff"))),
        letter(1, b"\x00\xff", reason="NOT_UTF8", sent_at=NOW - 2 * HOUR),
        letter(3, b"\x09", reason="UNREADABLE_RECORD", stage="loyalty", origin=("loyalty.journal", 2, 6)),
    )
    return with_topics


def test_list_has_the_newest_last_and_counts_by_reason(full: Terminal) -> None:
    produce(full, letter(2, b"[", reason="NOT_JSON", sent_at=NOW))

    listed = full.done("dlq", "list", "--json")

    assert entries(listed) == ["2:0", "0:0", "1:0", "3:0", "2:1"]
    assert listed.json["found"] == 5
    assert listed.json["reasons"][0] == {"reason": "NOT_JSON", "dead_letters": 2, "replayed": 0}
    assert listed.json["entries"][0] | {"sent": None} == {
        "entry": "2:0",
        "sent": None,
        "stage": "intake",
        "reason": "NOT_JSON",
        "first_defect": 'customerId: is "x"',
        "origin": "loyalty.transactions:1:4",
        "replayed": None,
        "replay_of": None,
    }


def test_list_for_people_shows_what_the_json_has(full: Terminal) -> None:
    out = full.done("dlq", "list", "--limit", "2").out
    assert "1:0" in out
    assert "2:0" not in out
    assert "and 2 older ones" in out


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        pytest.param(("--reason", "NOT_JSON"), ["2:0"], id="reason"),
        pytest.param(("--reason", "not_json", "--reason", "NOT_UTF8"), ["2:0", "1:0"], id="reasons"),
        pytest.param(("--stage", "loyalty"), ["3:0"], id="stage"),
        pytest.param(("--origin-topic", "events"), ["0:0", "1:0"], id="topic"),
        pytest.param(("--origin-topic", "loyalty.events"), ["0:0", "1:0"], id="topic by its full name"),
        pytest.param(("--since", "1d", "--until", "150m"), ["0:0"], id="spans"),
        pytest.param(("--until", "2000-01-01"), [], id="date"),
        pytest.param(("--since", "2000-01-01T10:00+02:00"), ["2:0", "0:0", "1:0", "3:0"], id="time"),
        pytest.param(("--limit", "1"), ["3:0"], id="limit"),
        pytest.param(("--origin-topic", "events", "--reason", "NOT_JSON"), [], id="all must hold"),
    ],
)
def test_filters_leave_what_they_say(filters: tuple[str, ...], expected: list[str], full: Terminal) -> None:
    assert entries(full.done("dlq", "list", *filters, "--json")) == expected
