"""`accrue dlq`: what the dead letters say, and sending them again, once, to where they came from."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli.dead_letters import DeadLetters, Wanted
from pipeline.cli.output import instant
from pipeline.cli.place import Place
from pipeline.cli.reading import partitions_of, read_all
from pipeline.cli.replaying import Replay
from pipeline.clock import SYSTEM_CLOCK, SystemClock
from pipeline.intake.letters.letter import dead_letter_of
from pipeline.intake.verdict import Defect, Headers
from pipeline.log.port import Log, Message, Outgoing
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
    letter = dead_letter_of(original, reason, defects, stage=stage)
    return Outgoing(TOPIC, letter.key, letter.value, partition, letter.headers, sent_at)


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
        "cut": None,
        "unread": None,
    }


def test_list_for_people_shows_the_newest_and_says_how_many_there_are(full: Terminal) -> None:
    out = full.done("dlq", "list", "--limit", "2").out

    assert [one for one in ("2:0", "0:0", "1:0", "3:0") if f" {one} " in out] == ["1:0", "3:0"]
    assert "and 2 older ones" in out
    assert "UNREADABLE_RECORD" in out


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


def test_time_is_utc_and_its_bounds_are_half_open(full: Terminal) -> None:
    at = instant(NOW - 3 * HOUR).replace(tzinfo=None).isoformat()

    assert entries(full.done("dlq", "list", "--since", at, "--until", f"{at}Z", "--json")) == []
    for since in (at, f"{at}Z"):
        assert entries(full.done("dlq", "list", "--since", since, "--until", "150m", "--json")) == ["0:0"]
        assert entries(full.done("dlq", "list", "--since", "1d", "--until", since, "--json")) == []
    a_moment_later = instant(NOW - 3 * HOUR + 1).replace(tzinfo=None).isoformat()
    assert entries(full.done("dlq", "list", "--since", "1d", "--until", a_moment_later, "--json")) == ["0:0"]


def test_timestamp_that_is_no_time_is_shown_as_it_is(with_topics: Terminal) -> None:
    produce(with_topics, letter(0, sent_at=10**17))

    assert with_topics.done("dlq", "list", "--json").json["entries"][0]["sent"] == str(10**17)
    assert f" {10**17} " in with_topics.done("dlq", "show", "0:0").out


def test_dead_letter_and_the_one_it_became_name_each_other(full: Terminal) -> None:
    replayed = (
        ("accrue.origin", b"loyalty.events:3:7"),
        ("accrue.timestamp", b"%d" % NOW),
        ("accrue.replay-of", b"0:0"),
    )
    produce(full, letter(1, headers=replayed))

    assert full.done("dlq", "show", "0:0", "--json").json["failed_again_as"] == ["1:1"]
    assert full.done("dlq", "show", "1:1", "--json").json["replay_of"] == "0:0"
    assert [one["replay_of"] for one in full.done("dlq", "list", "--json").json["entries"]].count("0:0") == 1


def test_list_of_nothing_says_whether_there_is_something_else(full: Terminal, tmp_path: Path) -> None:
    assert full.done("dlq", "list", "--reason", "NONE").out == "no dead letters that these filters leave\n"
    full.done("topics", "create", "--data-dir", str(tmp_path / "other"))
    assert full.done("dlq", "list", "--data-dir", str(tmp_path / "other")).out == "no dead letters\n"


def test_what_is_no_time_or_no_entry_is_told_with_an_example(full: Terminal) -> None:
    assert "'soon' is not a time: write 2h, 3d," in full.run("dlq", "list", "--since", "soon").err
    assert "'7' names no entry: write partition:offset, such as 2:17" in full.run("dlq", "show", "7").err


def test_messages_that_somebody_else_wrote_are_passed_by(full: Terminal) -> None:
    origin = dead_letter_of(Sent(b"", key=None), "EMPTY", (), stage="intake").headers
    produce(
        full,
        Outgoing(TOPIC, b"1:5", b"{}", 0),
        Outgoing(TOPIC, None, None, 0, (("accrue.replayed", b"of nothing"),)),
        Outgoing(TOPIC, None, None, 0, tuple(one for one in origin if one[0] != "accrue.stage")),
        Outgoing(TOPIC, None, None, 0, (*origin, ("accrue.detail", b'["no object"]'))),
    )

    assert full.done("dlq", "list", "--json").json["found"] == 4
    assert "there is no dead letter 0:1" in full.run("dlq", "show", "0:1").err


def test_show_tells_everything(full: Terminal) -> None:
    defects = (DEFECT, Defect("", "is [/bold] and \x1b[31m", "write neither"))
    produce(full, letter(0, b'{"b":1.50,"a":[]}', headers=(("trace", b"[x]\x1b"), ("raw", b"\xff")), defects=defects))

    out = full.done("dlq", "show", "0:1").out

    for said in (
        "INVALID_FIELDS",
        "loyalty.events:3:8",
        "customerId",
        'is "x"',
        "write a number",
        "(the whole message)",
        "is [/bold] and \\x1b[31m",
        "[x]\\x1b",
        "0xff",
        '{\n  "b": 1.50,\n  "a": []\n}\n',
    ):
        assert said in out
    assert "\x1b" not in out


def test_show_for_scripts_has_every_field(full: Terminal) -> None:
    shown = full.done("dlq", "show", "0:0", "--json").json

    assert shown | {"sent": None} == {
        "entry": "0:0",
        "sent": None,
        "stage": "intake",
        "reason": "INVALID_FIELDS",
        "origin": "loyalty.events:3:8",
        "replayed": None,
        "replay_of": None,
        "cut": None,
        "unread": None,
        "failed_again_as": [],
        "defects": [{"path": "customerId", "problem": 'is "x"', "remedy": "write a number"}],
        "key": "1:5",
        "headers": [["trace", "abc"], ["raw", {"hex": "ff"}]],
        "value": '{"a": 1}',
    }


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(None, "no value (a tombstone)", id="tombstone"),
        pytest.param(b"no \x1b[31mJSON [/x]\nsecond", "text\nno \\x1b[31mJSON [/x]\nsecond", id="text"),
        pytest.param(b"\x00\xffab", "no text\n000000  00 ff 61 62 ", id="bytes"),
        pytest.param(b"[" * 5_000, "text\n[[", id="too deep to be read"),
        pytest.param(b"\xff" * 5_000, "no text, the first 4,096 of them; --raw writes all", id="many bytes"),
    ],
)
def test_show_bears_any_bytes(value: bytes | None, expected: str, full: Terminal) -> None:
    produce(full, letter(0, value))

    assert expected in full.done("dlq", "show", "0:1").out


def test_raw_is_the_original_and_nothing_else(full: Terminal) -> None:
    produce(full, letter(0, b"\r\n{ }\x00\n"), letter(0, None))

    assert full.done("dlq", "show", "0:1", "--raw").out == "\r\n{ }\x00\n"
    assert full.done("dlq", "show", "0:2", "--raw").out == ""


def test_show_of_an_unknown_entry_says_what_to_do(full: Terminal) -> None:
    for unknown in ("0:7", "9:0"):
        ended = full.run("dlq", "show", unknown)
        why = "it was never there, or is gone by its retention; see accrue dlq list"
        assert (ended.code, ended.err) == (2, f"error: there is no dead letter {unknown} in {TOPIC}: {why}\n")


def test_replay_sends_the_original_back_to_its_partition_and_marks_the_entry(full: Terminal) -> None:
    ended = full.done("dlq", "replay", "0:0", "2:0", "--json")

    first = {"entry": "0:0", "reason": "INVALID_FIELDS", "topic": "loyalty.events", "partition": 3, "key": "1:5"}
    second = {"entry": "2:0", "reason": "NOT_JSON", "topic": "loyalty.transactions", "partition": 1, "key": None}
    assert ended.json == {
        "dry_run": False,
        "messages": [first | {"bytes": 8}, second | {"bytes": 1}],
        "refused": [],
        "left": 0,
    }
    (event,), (transaction,) = read(full, "events"), read(full, "transactions")
    assert event._replace(offset=0) == Message(
        "loyalty.events",
        3,
        0,
        b"1:5",
        b'{"a": 1}',
        NOW - 3 * HOUR,
        (
            ("trace", b"abc"),
            ("raw", b"\xff"),
            ("accrue.origin", b"loyalty.events:3:8"),
            ("accrue.timestamp", str(NOW - 3 * HOUR).encode()),
            ("accrue.replay-of", b"0:0"),
        ),
    )
    assert (transaction.partition, transaction.key, transaction.value) == (1, None, b"{")
    marked = {one["entry"]: bool(one["replayed"]) for one in full.done("dlq", "list", "--json").json["entries"]}
    assert marked == {"2:0": True, "0:0": True, "1:0": False, "3:0": False}
    assert entries(full.done("dlq", "list", "--not-replayed", "--json")) == ["1:0", "3:0"]


def test_replayed_entry_is_refused_unless_it_is_wanted_again(full: Terminal) -> None:
    full.done("dlq", "replay", "0:0")

    refused = full.run("dlq", "replay", "1:0", "0:0")

    assert (refused.code, len(read(full, "events"))) == (2, 1)
    assert re.fullmatch(
        r"error: 0:0 is not sent again: it was already, at .*; --again does so once more\n", refused.err
    )
    full.done("dlq", "replay", "0:0", "--again")
    assert len(read(full, "events")) == 2


def test_replay_of_all_sends_each_once_and_tells_what_it_leaves_out(full: Terminal) -> None:
    first, second = (full.done("dlq", "replay", "--all", "--json").json for _ in range(2))

    assert [one["entry"] for one in first["messages"]] == ["0:0", "1:0", "2:0"]
    assert second["messages"] == []
    assert [one["entry"] for one in second["refused"]] == ["3:0"]
    assert (len(read(full, "events")), len(read(full, "transactions")), read(full, "journal")) == (2, 1, [])
    assert "1 left out: it came from loyalty.journal" in full.done("dlq", "replay", "--all").out


def test_replay_by_a_filter_sends_what_the_filter_leaves(full: Terminal) -> None:
    said = full.done("dlq", "replay", "--reason", "NOT_UTF8").out

    assert [one.value for one in read(full, "events")] == [b"\x00\xff"]
    assert said.startswith("sent again: 1 to loyalty.events;")


def test_reason_that_no_dead_letter_has_is_told_with_those_that_there_are(full: Terminal) -> None:
    there = ", ".join(sorted({entry["reason"] for entry in full.done("dlq", "list", "--json").json["entries"]}))

    said = full.done("dlq", "replay", "--reason", "futur").out

    assert (
        said == f"there is nothing to send again\nno dead letter has the reason FUTUR: the reasons here are {there}\n"
    )


def test_dry_run_shows_what_would_be_sent_and_writes_nothing(full: Terminal) -> None:
    before = read(full, "deadletters")

    shown = full.done("dlq", "replay", "--all", "--dry-run", "--json").json
    said = full.done("dlq", "replay", "--all", "--dry-run").out

    assert [one["entry"] for one in shown["messages"]] == ["0:0", "1:0", "2:0"]
    assert "nothing was sent; without --dry-run: 2 to loyalty.events, 1 to loyalty.transactions" in said
    assert (read(full, "events"), read(full, "transactions"), read(full, "deadletters")) == ([], [], before)


def test_limit_takes_the_oldest_and_says_how_many_wait(full: Terminal) -> None:
    assert "1 more wait, beyond --limit" in full.done("dlq", "replay", "--all", "--limit", "2").out
    assert entries(full.done("dlq", "list", "--not-replayed", "--json")) == ["1:0", "3:0"]


def test_messages_go_back_in_the_order_in_which_they_lay_in_their_partition(with_topics: Terminal) -> None:
    offsets = [*range(150, 0, -1)]
    produce(with_topics, *(letter(one % 4, str(one).encode(), origin=("loyalty.events", 0, one)) for one in offsets))

    with_topics.done("dlq", "replay", "--all")

    assert [one.value for one in read(with_topics, "events")] == [str(one).encode() for one in sorted(offsets)]


@pytest.mark.parametrize(
    ("origin", "why"),
    [
        pytest.param(("loyalty.events", 4, 0), "loyalty.events has no partition 4", id="partition"),
        pytest.param(("loyalty.facts", 0, 0), "it came from loyalty.facts, which intake does not read", id="our topic"),
        pytest.param(("payments", 0, 0), "it came from payments, which intake does not read", id="any topic"),
    ],
)
def test_nothing_is_sent_to_where_intake_does_not_read(
    origin: tuple[str, int, int], why: str, with_topics: Terminal
) -> None:
    produce(with_topics, letter(0, origin=origin))

    ended = with_topics.run("dlq", "replay", "0:0")

    assert (ended.code, ended.err) == (2, f"error: 0:0 is not sent again: {why}; send it with accrue send\n")


def test_record_of_the_journal_is_refused_with_the_way_that_is_open(full: Terminal) -> None:
    ended = full.run("dlq", "replay", "3:0")

    assert (ended.code, read(full, "journal")) == (2, [])
    assert "it came from loyalty.journal, which only the engine writes to and which still has it" in ended.err
    assert "send the input message that it was made of again" in ended.err


def test_message_near_the_end_of_its_topics_memory_is_sent_as_of_now_and_keeps_its_time_in_a_header(
    with_topics: Terminal,
) -> None:
    produce(with_topics, letter(0, sent_at=NOW - 100 * HOUR), letter(0, sent_at=NOW - 80 * HOUR))

    with_topics.done("dlq", "replay", "--all")

    old, young = read(with_topics, "events")
    assert old.timestamp >= NOW
    assert dict(old.headers)["accrue.timestamp"] == str(NOW - 100 * HOUR).encode()
    assert young.timestamp == NOW - 80 * HOUR


@pytest.mark.parametrize(
    "arguments",
    [(), ("0:0", "--all"), ("0:0", "--reason", "NOT_JSON"), ("--again",)],
    ids=["nothing", "entry and all", "entry and filter", "only again"],
)
def test_replay_must_be_told_which_in_one_way(arguments: tuple[str, ...], full: Terminal) -> None:
    ended = full.run("dlq", "replay", *arguments)

    assert (ended.code, read(full, "events")) == (2, [])
    assert "name the entries, or say which ones by filters or --all (one of the two)" in ended.err


class WaitingClock(SystemClock):
    """Remembers how long it was asked to wait."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        self.waits.append(seconds)
        return stop.is_set()


def test_rate_bounds_what_is_sent_in_a_second(with_topics: Terminal) -> None:
    produce(with_topics, *(letter(0, origin=("loyalty.events", 0, one)) for one in range(130)))
    place, clock, sizes = place_of(with_topics), WaitingClock(), list[int]()
    with log_of(with_topics) as log:
        letters = DeadLetters(place, log)
        chosen = [one.letter for one in letters.matching(Wanted())]
        with closing(Replay(place, log, letters, chosen, clock)) as replay:
            replay.send(40, lambda some: sizes.append(len(some)))

    assert (sizes, clock.waits) == ([40, 40, 20, 30], [1.0, 1.0, 0.5])


LARGE = letter(0, b'{"a": "' + b"x" * 8_800_000 + b'"}', reason="TOO_LARGE", origin=("loyalty.events", 1, 9))
CUT = {"at": "loyalty.events:1:9", "value_bytes": 8_800_009, "key_bytes": 3, "headers_bytes": 0}
WHOLE = "loyalty.events:1:9, of 8,800,009 bytes, its key 3, its headers 0"


def test_show_says_that_a_letter_is_only_a_part_and_where_the_whole_message_lies(full: Terminal) -> None:
    produce(full, LARGE)

    shown, raw = full.done("dlq", "show", "0:1").out, full.done("dlq", "show", "0:1", "--raw")

    said = f"the dead letter holds only a part: the whole message is at {WHOLE}\n"
    assert "Beginning of the message: 65,536 bytes of text\n" in shown
    assert shown.endswith(said)
    assert (raw.out, raw.err) == ((LARGE.value or b"").decode(), said)
    assert full.done("dlq", "show", "0:1", "--json").json["cut"] == CUT


def test_replay_sends_no_part_of_a_message_and_says_where_the_whole_lies(full: Terminal) -> None:
    produce(full, LARGE)

    named = full.run("dlq", "replay", "0:0", "0:1")
    scripted = full.done("dlq", "replay", "--reason", "TOO_LARGE", "--json").json
    said = full.done("dlq", "replay", "--origin-topic", "events").out

    why = (
        "it holds only the beginning of its message; read the whole message from its topic while that keeps it, make "
        "it smaller and send it with accrue send"
    )
    assert (named.code, named.err) == (2, f"error: 0:1 is not sent again: {why}: {WHOLE}\n")
    assert (scripted["messages"], scripted["refused"]) == ([], [{"entry": "0:1", "why": why, "cut": CUT}])
    assert f"\n1 left out: {why}\n  0:1: {WHOLE}\n" in said
    assert [one.value for one in read(full, "events")] == [b'{"a": 1}', b"\x00\xff"]


def test_of_many_parts_replay_names_the_first(with_topics: Terminal) -> None:
    produce(with_topics, *(LARGE for _ in range(22)))

    said = with_topics.done("dlq", "replay", "--all").out

    assert said.count(WHOLE) == 20
    assert said.endswith("  and 2 more; --json has all\n")
