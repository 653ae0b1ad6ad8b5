"""`accrue send`: every way to write messages down arrives message by message, keyed by customer."""

from __future__ import annotations

import codecs
import json
import time
from pathlib import Path

import pytest

from pipeline.cli.reading import partitions_of, read_all
from pipeline.cli.settings_file import settings_in
from pipeline.intake.dialects.native import normalise
from pipeline.intake.org_settings import known
from pipeline.intake.verdict import Accepted, Limits, Rejected
from pipeline.log.embedded import EmbeddedLog
from tests.cli.terminal import Terminal

SAMPLES = sorted(Path("examples/messages").glob("*.json"))
ONE = b'{"orgId": 1, "customerId": 5, "a": "x"}'
OTHER = b'{"orgId": 1, "customerId": 6}'


def sent(terminal: Terminal, topic: str = "transactions") -> list[tuple[bytes | None, bytes | None]]:
    """Key and value of every message in an input topic."""
    log = EmbeddedLog(terminal.folder)
    try:
        return sorted(((one.key, one.value) for one in read_all(log, partitions_of([f"loyalty.{topic}"], 4))), key=repr)
    finally:
        log.close()


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(ONE + b"\n" + OTHER + b"\n", id="lines"),
        pytest.param(b"\n\n" + ONE + b"\n\n" + OTHER, id="lines with blanks between"),
        pytest.param(b"[" + ONE + b",\n " + OTHER + b"]\n", id="a list"),
        pytest.param(codecs.BOM_UTF8 + ONE + b"\r\n" + OTHER + b"\r\n", id="lines as Windows writes them"),
        pytest.param(codecs.BOM_UTF8 + b"[" + ONE + b"," + OTHER + b"]", id="a list after a byte order mark"),
        pytest.param(b"[\n" + ONE + b",\n" + OTHER + b"\n]", id="a list over several lines"),
    ],
)
def test_messages_arrive_one_by_one_under_their_customers_key(written: bytes, with_topics: Terminal) -> None:
    ended = with_topics.done("send", "-", "--json", stdin=written)

    assert ended.json == {"topic": "loyalty.transactions", "sent": 2, "without_customer": 0}
    assert sent(with_topics) == [(b"1:5", ONE), (b"1:6", OTHER)]


def test_one_object_over_several_lines_is_one_message(with_topics: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "one.json"
    file.write_text(json.dumps(json.loads(ONE), indent=2))

    with_topics.done("send", str(file), "--topic", "events")

    ((key, value),) = sent(with_topics, "events")
    assert (key, json.loads(value or b"")) == (b"1:5", json.loads(ONE))


def test_message_that_names_no_customer_is_sent_as_it_is(with_topics: Terminal) -> None:
    with_topics.done("send", "-", stdin=b'{"orgId": 1}\nnonsense\n[1,\n{\n\xff')

    assert sent(with_topics) == [(None, one) for one in (b"[1,", b"\xff", b"nonsense", b'{"orgId": 1}', b"{")]


@pytest.mark.parametrize("options", [(), ("--now",)], ids=["as of then", "as of now"])
@pytest.mark.parametrize(
    "written",
    [b'{"eventTime": 1, "a": ' + b"[" * 5_000 + b"]" * 5_000 + b"}", b'{"a": ' + b"[" * 5_000],
    ids=["whole", "torn"],
)
def test_message_too_deep_to_be_read_is_sent_as_it_is(
    written: bytes, options: tuple[str, ...], with_topics: Terminal
) -> None:
    with_topics.done("send", "-", *options, stdin=written)

    assert sent(with_topics) == [(None, written)]


@pytest.mark.parametrize(
    ("written", "wrong"),
    [
        pytest.param(
            b'\n{\n  "orgId": 1,\n}\n',
            "line 4, column 1: the document is not JSON: JSON is malformed: trailing comma",
            id="an object",
        ),
        pytest.param(
            b"[" + ONE + b",\n " + OTHER + b",\n]",
            "line 3, column 1: the document is not JSON: JSON is malformed",
            id="a list",
        ),
        pytest.param(
            b"[\n" + ONE, "line 2, column 40: the document is not JSON: Input data was truncated", id="cut off"
        ),
        pytest.param(
            b'{\n"a": "\xc3\xab \xff"}', "line 2, column 9: the document is not UTF-8: invalid start byte", id="no text"
        ),
        pytest.param(b"[" * 5_000, "line 1, column 1: the document is nested too deep to be read", id="too deep"),
        pytest.param(
            b"{\n}\n{\n}\n", "line 3, column 2: the document is not JSON: JSON is malformed: trailing", id="two objects"
        ),
    ],
)
def test_document_that_cannot_be_read_is_refused_with_its_place_and_nothing_is_sent(
    written: bytes, wrong: str, with_topics: Terminal, tmp_path: Path
) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_bytes(ONE)
    bad.write_bytes(written)

    ended = with_topics.run("send", str(good), str(bad))

    assert (ended.code, ended.out) == (2, "")
    assert f"error: {bad}, {wrong}" in ended.err
    assert sent(with_topics) == []


def test_nothing_is_sent_for_nothing(with_topics: Terminal) -> None:
    assert with_topics.done("send", "-", "--json", stdin=b"\n").json["sent"] == 0


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_every_sample_file_arrives_as_messages_that_intake_takes(sample: Path, with_topics: Terminal) -> None:
    with_topics.done("send", str(sample))

    log = EmbeddedLog(with_topics.folder)
    messages = list(read_all(log, partitions_of(["loyalty.transactions"], 4)))
    log.close()
    orgs = {org.org_id: known(org) for org in settings_in(Path("examples/settings/roastery.yaml")).orgs}
    limits = Limits(clock_topic="loyalty.transactions", orgs=orgs, identity_key=b"a key of the tests")
    assert len(messages) == len(json.loads(sample.read_text()))
    for one in messages:
        verdict = normalise(one, wall=1_790_000_000_000, limits=limits)
        assert isinstance(verdict, Accepted)
        assert one.key == verdict.key


@pytest.mark.parametrize(
    ("parts", "key"),
    [
        pytest.param({"identifiers": {"email": "jo@example.com"}}, b"1:0", id="by identifiers"),
        pytest.param({"customerId": 5, "identifiers": {"email": "jo@example.com"}}, b"1:5", id="by both"),
        pytest.param({"identifiers": {}}, None, id="by none"),
        pytest.param({"type": "linkIdentifiers", "identifiers": {"email": "a@b.com"}}, None, id="links nobody"),
        pytest.param(
            {"type": "unlinkIdentifiers", "customerId": 5, "identifiers": {"email": "a"}}, b"1:0", id="unlink"
        ),
        pytest.param({"type": ["linkIdentifiers"], "customerId": 5}, b"1:5", id="of no type"),
    ],
)
def test_message_is_keyed_by_who_is_looked_for(
    parts: dict[str, object], key: bytes | None, with_topics: Terminal
) -> None:
    message = json.dumps({"type": "customEvent", "orgId": 1} | parts).encode()

    ended = with_topics.done("send", "-", stdin=message)

    assert sent(with_topics) == [(key, message)]
    assert ("without a customer: 1" in ended.err) == (key is None)


def test_messages_sent_as_of_now_keep_all_but_their_time(with_topics: Terminal) -> None:
    message = {"orgId": 1, "customerId": 5, "eventTime": "2011-03-09T10:00", "zone": "Europe/London", "a": [1.50]}
    before = time.time_ns() // 1_000_000

    with_topics.done("send", "-", "--now", stdin=json.dumps(message).encode() + b'\n{"b": 1}\nnonsense')

    (_, first), (_, second), (_, third) = sent(with_topics)
    now = json.loads(third or b"")
    assert (first, second) == (b"nonsense", b'{"b": 1}')
    assert now | {"eventTime": 0} == {"orgId": 1, "customerId": 5, "eventTime": 0, "a": [1.50]}
    assert before <= now["eventTime"] <= time.time_ns() // 1_000_000


def test_message_sent_twice_as_of_now_is_two_messages(with_topics: Terminal) -> None:
    message = json.dumps({"orgId": 1, "customerId": 5, "eventTime": 0, "id": "x" * 128}).encode()

    for _ in range(2):
        with_topics.done("send", "-", "--now", stdin=message)

    messages = [json.loads(value or b"") for _, value in sent(with_topics)]
    assert [one["id"] for one in messages] == [f"{'x' * 100}-{one['eventTime']}" for one in messages]
    assert all(len(one["id"]) <= 128 for one in messages)


def test_id_that_is_no_text_stays_for_intake_to_name(with_topics: Terminal) -> None:
    with_topics.done("send", "-", "--now", stdin=b'{"orgId": 1, "customerId": 5, "eventTime": 0, "id": 7}')

    [(_, value)] = sent(with_topics)
    assert json.loads(value or b"")["id"] == 7


def test_one_without_a_customer_is_told_with_where_to_look(with_topics: Terminal) -> None:
    ended = with_topics.done("send", "-", stdin=b'{"orgId": 1}')

    assert ended.out == "sent 1 message to loyalty.transactions\n"
    assert ended.err.endswith("\nwithout a customer: 1, these will be dead-lettered; see accrue dlq list\n")


@pytest.mark.parametrize(
    ("topic", "told"),
    [
        ("transactions", "clock messages: 2; they move the time in a backfill, and else have no effect\n"),
        ("events", "without a customer: 2, these will be dead-lettered; see accrue dlq list\n"),
    ],
)
def test_clock_messages_are_no_dead_letters_where_they_belong(topic: str, told: str, with_topics: Terminal) -> None:
    ended = with_topics.done("send", "examples/messages/advanceClock.json", "--topic", topic)

    assert ended.err.endswith(f"\n{told}")
    log = EmbeddedLog(with_topics.folder)
    messages = list(read_all(log, partitions_of([f"loyalty.{topic}"], 4)))
    log.close()
    judged = {type(normalise(one, wall=1_790_000_000_000, limits=Limits("loyalty.transactions"))) for one in messages}
    assert judged == {Accepted if topic == "transactions" else Rejected}


def test_next_step_is_named_where_no_broker_takes_the_messages_further(with_topics: Terminal) -> None:
    told = with_topics.done("send", "-", stdin=ONE)

    assert told.out == "sent 1 message to loyalty.transactions\n"
    assert told.err == f"a worker takes it from there; if none runs: accrue worker --data-dir {with_topics.folder}\n"


@pytest.mark.parametrize("command", [("customer", "1", "5"), ("report",), ("sql", "SELECT 1")], ids=" ".join)
def test_folder_in_which_no_worker_has_run_yet_is_told_with_the_command_that_runs_one(
    with_topics: Terminal, command: tuple[str, ...]
) -> None:
    ended = with_topics.run(*command)

    assert ended.code == 2
    assert (
        f"there is no ClickHouse in the folder {with_topics.folder} yet, as no worker has run there: start "
        f"`accrue worker --data-dir {with_topics.folder}`"
    ) in ended.err
