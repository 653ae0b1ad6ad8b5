"""What a dead letter says about itself."""

from __future__ import annotations

import json

import pytest

from pipeline.intake.letters.letter import PART_BYTES_MAX, WHOLE_BYTES_MAX, dead_letter_of, kept_of, origin_of
from pipeline.intake.verdict import Defect, Reason
from tests.intake.incoming import Sent

DEFECTS = (Defect("lines[2].sku", 'is "é"', "write another"),)
REPLAYED = (("accrue.replay-of", b"2:17"), ("accrue.timestamp", b"7"), ("accrue.origin", b"loyalty.events:1:42"))


def test_a_dead_letter_keeps_its_headers_and_says_why_where_and_when() -> None:
    message = Sent(b"{", "loyalty.events", 1, 42, timestamp=1_700_000_000_000, headers=(("trace", b"\xff"),))
    headers = dead_letter_of(message, Reason.INVALID_FIELDS, DEFECTS, stage="intake").headers
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
    first = dead_letter_of(Sent(b"{", "loyalty.events", 1, 42), Reason.NOT_JSON, DEFECTS, stage="intake").headers
    again = Sent(b"{", "loyalty.events", 1, 99, headers=(*first, ("accrue.replay-of", b"2:17")))
    headers = dict(dead_letter_of(again, Reason.EMPTY, (), stage="intake").headers)
    assert (headers["accrue.origin"], headers["accrue.reason"]) == (b"loyalty.events:1:42", b"EMPTY")
    assert len(headers) == len(first) + 1


def test_a_dead_letter_that_was_sent_again_keeps_its_time_and_says_which_entry_it_was() -> None:
    again = Sent(b"{", "loyalty.events", 1, 99, timestamp=99, headers=REPLAYED)
    headers = dead_letter_of(again, Reason.NOT_JSON, DEFECTS, stage="intake").headers
    assert headers[2:] == (
        ("accrue.stage", b"intake"),
        ("accrue.origin", b"loyalty.events:1:42"),
        ("accrue.timestamp", b"7"),
        ("accrue.replay-of", b"2:17"),
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            pytest.param("accrue.replay-of", value, id=f"entry {value!r}")
            for value in (b"", b"2", b"2:", b"\xff:0", b"2:17\n", b"2:" + b"1" * 20, b"-2:17", b"2147483648:1")
        ),
        *(
            pytest.param("accrue.timestamp", value, id=f"time {value!r}")
            for value in (b"", b"now", b"7.0", b"9999999999999999999", b"-9999999999999999999", b"1" * 20)
        ),
        *(
            pytest.param("accrue.origin", value, id=f"origin {value!r}")
            for value in (b"", b"a:b:c", b"\xff:0:1", b"loyalty.events:1:42\n", b"loyalty.events:1:" + b"1" * 20)
        ),
        pytest.param("accrue.origin", b"loyalty.commands:1:42", id="origin in another topic"),
        pytest.param("accrue.origin", b"loyalty.events:2:42", id="origin in another partition"),
        pytest.param("accrue.origin", b"loyalty.events:1:99", id="origin where the message itself is"),
    ],
)
def test_headers_that_no_replay_has_written_are_not_believed_and_a_defect_of_what_fails(
    name: str, value: bytes
) -> None:
    headers = tuple((one, value if one == name else right) for one, right in REPLAYED)
    sent = Sent(b"{", "loyalty.events", 1, 99, timestamp=5, headers=headers)
    letter = dict(dead_letter_of(sent, Reason.NOT_JSON, DEFECTS, stage="intake").headers)
    assert origin_of(sent) == "loyalty.events:1:99"
    assert (letter["accrue.origin"], letter["accrue.timestamp"]) == (b"loyalty.events:1:99", b"5")
    assert "accrue.replay-of" not in letter
    told = {one["path"]: one["problem"] for one in json.loads(letter["accrue.detail"])}
    assert told.keys() == {"lines[2].sku", "accrue.origin", "accrue.timestamp", "accrue.replay-of"}
    assert told["accrue.timestamp"].endswith("which no replay has written")


@pytest.mark.parametrize("name", ["accrue.origin", "accrue.timestamp", "accrue.replay-of"])
def test_a_part_of_the_headers_of_a_replay_is_not_believed(name: str) -> None:
    headers = tuple(one for one in REPLAYED if one[0] != name)
    assert origin_of(Sent(b"{", "loyalty.events", 1, 99, headers=headers)) == "loyalty.events:1:99"


def test_what_reads_like_a_mark_in_an_original_is_not_taken_over() -> None:
    sent = Sent(b"{", headers=(("accrue.replayed", b"2:17"), ("accrue.replay-began", b"x"), ("accruement", b"y")))
    headers = dead_letter_of(sent, Reason.NOT_JSON, DEFECTS, stage="intake").headers
    assert {name for name, _ in headers} == {
        "accruement",
        "accrue.reason",
        "accrue.detail",
        "accrue.stage",
        "accrue.origin",
        "accrue.timestamp",
    }


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(Sent(b"x" * WHOLE_BYTES_MAX), id="value"),
        pytest.param(Sent(None, key=b"k" * WHOLE_BYTES_MAX), id="key"),
        pytest.param(Sent(b"x", headers=(("name", b"h" * (WHOLE_BYTES_MAX - 15)),)), id="header"),
        pytest.param(Sent(b"x" * WHOLE_BYTES_MAX, headers=(("accrue.trace", b"h"),)), id="header like ours"),
    ],
)
def test_the_longest_original_is_kept_whole_and_a_byte_more_is_cut(message: Sent) -> None:
    own = tuple(one for one in message.headers if one[0] == "name")
    assert kept_of(message) == (message.key, message.value, own, None)
    assert "accrue.cut" not in dict(dead_letter_of(message, "TOO_LARGE", DEFECTS, stage="intake").headers)

    longer = kept_of(message._replace(value=(message.value or b"") + b"x"))

    assert longer.cut is not None
    assert all(len(part or b"") <= PART_BYTES_MAX for part in (longer.key, longer.value))


def test_a_dead_letter_that_is_cut_says_where_the_whole_message_lies_and_how_long_it_is() -> None:
    headers = (("a", b"1"), ("b", b"2" * 70_000), ("c", b"3"), *REPLAYED)
    message = Sent(b"x" * 8_800_000, "loyalty.events", 1, 99, b"k" * 70_000, headers=headers)
    kept = kept_of(message)
    said = dict(dead_letter_of(message, "TOO_LARGE", DEFECTS, stage="intake").headers)
    assert (kept.key, kept.value, kept.headers) == (b"k" * PART_BYTES_MAX, b"x" * PART_BYTES_MAX, (("a", b"1"),))
    assert said["accrue.origin"] == b"loyalty.events:1:42"
    assert json.loads(said["accrue.cut"]) == {
        "at": "loyalty.events:1:99",
        "value_bytes": 8_800_000,
        "key_bytes": 70_000,
        "headers_bytes": 70_005,
    }


def test_very_many_headers_without_content_are_cut_as_well() -> None:
    kept = kept_of(Sent(b"{", headers=(("h", b""),) * 100_000))
    assert (kept.value, len(kept.headers)) == (b"{", PART_BYTES_MAX // 11)


@pytest.mark.parametrize("character", ["x", "é", "€", "𝄞"])
def test_text_is_not_cut_within_a_character(character: str) -> None:
    for shift in range(4):
        text = "-" * shift + character * 400_000
        value = kept_of(Sent((text + "y" * 1_000_000).encode())).value or b""
        assert text.startswith(value.decode())
        assert len(value) > PART_BYTES_MAX - 4


def test_bytes_that_are_no_text_are_cut_at_the_bound_or_just_before_it() -> None:
    assert len(kept_of(Sent(b"\x80" * 2_000_000)).value or b"") == PART_BYTES_MAX - 3
