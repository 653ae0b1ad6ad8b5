"""What a dead letter says about itself."""

from __future__ import annotations

import json

from pipeline.intake.deadletters import dead_letter_headers, origin_of
from pipeline.intake.verdict import Defect, Reason
from tests.intake.incoming import Sent

DEFECTS = (Defect("lines[2].sku", 'is "é"', "write another"),)


def test_a_dead_letter_keeps_its_headers_and_says_why_where_and_when() -> None:
    message = Sent(b"{", "loyalty.events", 1, 42, timestamp=1_700_000_000_000, headers=(("trace", b"\xff"),))
    headers = dead_letter_headers(message, Reason.INVALID_FIELDS, DEFECTS, stage="intake")
    detail = headers[2][1]
    assert headers == (
        ("trace", b"\xff"),
        ("accrue.reason", b"INVALID_FIELDS"),
        ("accrue.detail", detail),
        ("accrue.stage", b"intake"),
        ("accrue.origin", b"loyalty.events:1:42"),
        ("accrue.timestamp", b"1700000000000"),
    )
    assert json.loads(detail) == [{"path": "lines[2].sku", "problem": 'is "é"', "remedy": "write another"}]


def test_a_dead_letter_that_fails_again_keeps_its_first_place_and_says_each_thing_once() -> None:
    first = dead_letter_headers(Sent(b"{", "loyalty.events", 1, 42), Reason.NOT_JSON, DEFECTS, stage="intake")
    again = Sent(b"{", "loyalty.transactions", 0, 99, headers=first)
    headers = dict(dead_letter_headers(again, Reason.EMPTY, (), stage="loyalty"))
    assert (headers["accrue.origin"], headers["accrue.reason"]) == (b"loyalty.events:1:42", b"EMPTY")
    assert len(headers) == len(first)


def test_a_dead_letter_that_was_sent_again_keeps_its_time_and_says_which_entry_it_was() -> None:
    again = Sent(
        b"{",
        timestamp=99,
        headers=(("accrue.replay-of", b"2:17"), ("accrue.timestamp", b"7"), ("accrue.origin", b"loyalty.events:1:42")),
    )
    headers = dead_letter_headers(again, Reason.NOT_JSON, DEFECTS, stage="intake")
    assert headers[2:] == (
        ("accrue.stage", b"intake"),
        ("accrue.origin", b"loyalty.events:1:42"),
        ("accrue.timestamp", b"7"),
        ("accrue.replay-of", b"2:17"),
    )


def test_a_time_or_an_entry_that_is_none_is_not_believed() -> None:
    for value in (b"", b"2", b"2:", b"\xff:0", b"2:17\n", b"2:" + b"1" * 20, b"-2:17"):
        sent = Sent(b"{", timestamp=5, headers=(("accrue.replay-of", value), ("accrue.timestamp", value + b":")))
        headers = dict(dead_letter_headers(sent, Reason.NOT_JSON, DEFECTS, stage="intake"))
        assert (headers["accrue.timestamp"], headers.get("accrue.replay-of")) == (b"5", None)


def test_what_reads_like_a_mark_in_an_original_is_not_taken_over() -> None:
    sent = Sent(b"{", headers=(("accrue.replayed", b"2:17"), ("accrue.replay-began", b"x"), ("accruement", b"y")))
    headers = dead_letter_headers(sent, Reason.NOT_JSON, DEFECTS, stage="intake")
    assert {name for name, _ in headers} == {
        "accruement",
        "accrue.reason",
        "accrue.detail",
        "accrue.stage",
        "accrue.origin",
        "accrue.timestamp",
    }


def test_an_origin_that_is_no_place_is_not_believed() -> None:
    for value in (b"", b"nowhere", b"a:b:c", b"\xff:0:1", b"t:0:1\n", b"t:0:" + b"1" * 20):
        assert origin_of(Sent(b"{", "t", 3, 4, headers=(("accrue.origin", value),))) == "t:3:4"
