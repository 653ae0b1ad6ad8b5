"""Dead letters are read back as they were written, and go back as they came."""

from __future__ import annotations

import pytest

from pipeline.intake.letters.letter import Cut, Unread, dead_letter_of
from pipeline.intake.letters.replays import (
    DeadLetter,
    Entry,
    Origin,
    ReplayBegan,
    Replayed,
    began_headers,
    defects_in,
    entry_of,
    headers_again,
    mark_headers,
    read_entry,
    timestamp_again,
    why_not,
)
from pipeline.intake.verdict import Defect, Headers
from tests.intake.incoming import Sent

DAY = 86_400_000
DEFECTS = (Defect("lines[2].sku", 'is "é"', "write another"), Defect("", "a", "b"))
ORIGINAL = Sent(b"{", "loyalty.events", 1, 42, b"1:5", 1_700_000_000_000, (("trace", b"\xff"), ("trace", b"2")))
LETTER = DeadLetter(
    entry=Entry(2, 17),
    sent_at=1_700_000_000_000,
    stage="intake",
    reason="NOT_JSON",
    first_defect=DEFECTS[0],
    origin=Origin("loyalty.events", 1, 42),
    replay_of=None,
    cut=None,
    unread=None,
)


def buried(message: Sent, offset: int = 17) -> Sent:
    """The dead letter of a message, as it lies in the log."""
    headers = dead_letter_of(message, "NOT_JSON", DEFECTS, stage="intake").headers
    return Sent(message.value, "loyalty.deadletters", 2, offset, message.key, message.timestamp, headers)


def test_a_dead_letter_is_read_back_as_it_was_written() -> None:
    assert read_entry(buried(ORIGINAL)) == LETTER
    assert defects_in(buried(ORIGINAL)) == [*DEFECTS]


def test_a_dead_letter_that_is_cut_is_read_back_with_where_the_whole_message_lies() -> None:
    original = ORIGINAL._replace(value=b"x" * 2_000_000)
    cut = Cut("loyalty.events:1:42", value_bytes=2_000_000, key_bytes=3, headers_bytes=12)
    assert read_entry(buried(original)) == LETTER._replace(cut=cut)


def test_a_dead_letter_that_holds_nothing_says_what_it_stands_for_and_is_not_sent_again() -> None:
    unread = Unread(at="loyalty.events:1", first=42, last=44)
    place = ORIGINAL._replace(key=None, value=None, headers=())
    headers = dead_letter_of(place, "NOT_JSON", DEFECTS, stage="intake", unread=unread).headers
    letter = read_entry(Sent(None, "loyalty.deadletters", 2, 17, None, 5, headers))

    assert letter == LETTER._replace(unread=unread)
    assert isinstance(letter, DeadLetter)
    assert str(letter.unread) == "loyalty.events:1:42 to 44"
    assert (why_not(letter, ["loyalty.events"], 4) or "").startswith("it holds nothing of its messages")


def test_a_message_sent_again_has_its_own_headers_and_says_where_it_came_from() -> None:
    assert headers_again(buried(ORIGINAL).headers, LETTER) == (
        ("trace", b"\xff"),
        ("trace", b"2"),
        ("accrue.origin", b"loyalty.events:1:42"),
        ("accrue.timestamp", b"1700000000000"),
        ("accrue.replay-of", b"2:17"),
    )


def test_what_fails_again_keeps_place_and_time_and_names_the_entry_before_it() -> None:
    again = Sent(b"{", "loyalty.events", 1, 99, b"1:5", 7, headers_again(buried(ORIGINAL).headers, LETTER))
    thrice = Sent(
        b"{",
        "loyalty.events",
        1,
        100,
        b"1:5",
        8,
        headers_again(buried(again).headers, LETTER._replace(entry=Entry(2, 18))),
    )

    assert read_entry(buried(again, 18)) == LETTER._replace(entry=Entry(2, 18), replay_of=Entry(2, 17))
    assert read_entry(buried(thrice, 19)) == LETTER._replace(entry=Entry(2, 19), replay_of=Entry(2, 18))


def test_marks_and_beginnings_are_told_from_dead_letters() -> None:
    assert read_entry(Sent(None, timestamp=5, headers=mark_headers(Entry(2, 17)))) == Replayed(Entry(2, 17), 5)
    assert read_entry(Sent(None, headers=began_headers(b"abc"))) == ReplayBegan(b"abc")


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param((), id="none"),
        pytest.param((("accrue.replayed", b"nonsense"),), id="mark of nothing"),
        pytest.param((("accrue.replayed", b"\xff"),), id="mark that is no text"),
        *(
            pytest.param(tuple(one for one in buried(ORIGINAL).headers if one[0] != name), id=f"no {name}")
            for name in ("accrue.reason", "accrue.detail", "accrue.stage", "accrue.origin", "accrue.timestamp")
        ),
        *(
            pytest.param((*buried(ORIGINAL).headers, (name, value)), id=f"{name} {value!r}")
            for name, value in (
                ("accrue.detail", b"{"),
                ("accrue.detail", b'[{"path": "a"}]'),
                ("accrue.detail", b'[{"way": "a"}]'),
                ("accrue.origin", b"nowhere"),
                ("accrue.origin", b"a:b:c"),
                ("accrue.timestamp", b"now"),
                ("accrue.reason", b"\xff"),
                ("accrue.replay-of", b"2"),
            )
        ),
    ],
)
def test_what_somebody_else_wrote_is_none_of_ours(headers: Headers) -> None:
    assert read_entry(Sent(b"{", headers=headers)) is None


def test_an_entry_is_read_as_it_is_written() -> None:
    assert entry_of(str(Entry(2, 17))) == (2, 17)


@pytest.mark.parametrize("text", ["", "2", "2:", ":17", "2:17:3", "-2:17", "2: 17", "two:17"])
def test_what_names_no_entry_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="names no entry: write partition:offset, such as 2:17"):
        entry_of(text)


def test_a_timestamp_that_is_no_time_is_not_sent_again() -> None:
    for sent_at in (9_999_999_999_999_999_999, 2**63 - 1, -1):
        assert timestamp_again(LETTER._replace(sent_at=sent_at), LETTER.sent_at, 4 * DAY) is None


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        pytest.param(-DAY, True, id="from the future"),
        pytest.param(2 * DAY - 1, True, id="just in the first half of its time"),
        pytest.param(2 * DAY, False, id="half its time is over"),
    ],
)
def test_the_own_timestamp_is_used_while_the_topic_keeps_it_for_long(age: int, *, expected: bool) -> None:
    now = LETTER.sent_at + age

    assert timestamp_again(LETTER, now, 4 * DAY) == (LETTER.sent_at if expected else None)
