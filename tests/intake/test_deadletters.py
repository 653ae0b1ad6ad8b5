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


def test_an_origin_that_is_no_place_is_not_believed() -> None:
    for value in (b"", b"nowhere", b"a:b:c", b"\xff:0:1", b"t:0:1\n", b"t:0:" + b"1" * 20):
        assert origin_of(Sent(b"{", "t", 3, 4, headers=(("accrue.origin", value),))) == "t:3:4"
