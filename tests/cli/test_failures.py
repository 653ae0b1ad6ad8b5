"""What is wrong with place or input is told in words, with exit code 2 and nothing done."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from pipeline.log.embedded import EmbeddedLog
from pipeline.log.port import Outgoing, TopicSpec
from pipeline.runtime.slot import SlotLock
from schemas.records import WALL_SOURCE, ClockAdvanced, encode_record
from tests.cli.terminal import Terminal
from tests.e2e.product import ACCRUE
from tests.e2e.shop import HEADER
from topics.catalog import TOPICS

PATIENCE_SECONDS = 10.0
ROASTERY = Path("examples/programs/roastery.yaml")
ROW = ["536365", "85123A", "A thing", "6", "2010-12-01 08:26:00", "2.55", "17850", "United Kingdom"]


def shop_file(folder: Path, header: list[str] = HEADER) -> str:
    file = folder / "shop.csv"
    file.write_text(f"{','.join(header)}\n{','.join(ROW)}\n")
    return str(file)


def journal_of(terminal: Terminal) -> int:
    """How many messages lie in the journal."""
    log = EmbeddedLog(terminal.folder)
    consumer = log.consumer()
    try:
        return sum(end for _, end in consumer.bounds(log.group_offsets("any", ["loyalty.journal"]), 5.0).values())
    finally:
        consumer.close()
        log.close()


@pytest.mark.parametrize("command", ["program show", "tail", "topics describe", "backfill end"])
def test_folder_without_a_log_is_named(command: str, terminal: Terminal) -> None:
    ended = terminal.run(*command.split())

    assert ended.code == 2
    assert f"there is no log in the folder {terminal.folder}" in ended.err
    assert "accrue send" in ended.err
    assert not terminal.folder.exists()


@pytest.mark.parametrize("command", ["send -", "backfill begin", "program apply examples/programs/roastery.yaml"])
def test_first_command_that_writes_makes_the_log_with_its_topics(command: str, terminal: Terminal) -> None:
    assert terminal.run(*command.split()).code == 0
    assert terminal.run("topics", "describe").code == 0


@pytest.mark.parametrize("command", ["customer 1 2", "report", "verify"])
def test_folder_without_clickhouse_is_named(command: str, terminal: Terminal) -> None:
    ended = terminal.run(*command.split())

    assert ended.code == 2
    assert f"there is no ClickHouse in the folder {terminal.folder}" in ended.err
    assert not terminal.folder.exists()


def test_missing_topics_are_all_named_with_one_remedy(terminal: Terminal) -> None:
    log = EmbeddedLog(terminal.folder)
    log.create_topics([TopicSpec("loyalty.transactions", 4, {})])
    log.close()

    ended = terminal.run("send", "-")

    assert ended.code == 2
    assert ended.err.startswith("error: loyalty.events, loyalty.customers, loyalty.commands, ")
    assert ended.err.endswith(": missing; run `accrue topics create`\n")
    assert ended.err.count("loyalty.") == len(TOPICS) - 1
    assert "loyalty.transactions" not in ended.err


def test_setting_that_is_wrong_is_named_by_its_variable(terminal: Terminal) -> None:
    terminal.set("ACCRUE_PARTITIONS", "none at all")

    ended = terminal.run("topics", "list")

    assert ended.code == 2
    assert ended.err.startswith("error: ACCRUE_PARTITIONS: ")
    assert "'none at all'" in ended.err


@pytest.mark.parametrize(
    ("variable", "written"),
    [
        ("ACCRUE_GATEWAY_PORT", "write a whole number or `none`"),
        ("ACCRUE_WEB_PORT", "write a whole number or `none`"),
        ("ACCRUE_PARTITIONS", "write a whole number"),
    ],
)
def test_setting_that_is_no_number_says_what_may_be_written(terminal: Terminal, variable: str, written: str) -> None:
    terminal.set(variable, "abc")

    assert terminal.run("topics", "list").err == f"error: {variable}: {written}, not 'abc'\n"


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        pytest.param('{"sasl.password": ["secret"]}', "sasl.password: Input should be a valid string", id="no text"),
        pytest.param('["secret"]', "Input should be a valid dictionary", id="no object"),
        pytest.param('{"sasl.password": "secret', "write a JSON object", id="no JSON"),
    ],
)
def test_setting_that_may_hold_a_password_is_told_without_it(terminal: Terminal, options: str, problem: str) -> None:
    terminal.set("ACCRUE_KAFKA_OPTIONS", options)

    ended = terminal.run("topics", "list")

    assert ended.code == 2
    assert f"ACCRUE_KAFKA_OPTIONS: {problem}" in ended.err
    assert "secret" not in ended.err + ended.out


@pytest.mark.parametrize("setting", ["ACCRUE_IDENTITY_KEY", "ACCRUE_JWT_SECRET"])
def test_secret_that_is_too_short_is_not_shown(terminal: Terminal, setting: str) -> None:
    terminal.set(setting, "tooshort")
    ended = terminal.run("topics", "list")

    assert f"{setting}: " in ended.err
    assert "tooshort" not in ended.out + ended.err


def test_changed_program_needs_a_higher_version(with_topics: Terminal, tmp_path: Path) -> None:
    changed = tmp_path / "changed.yaml"
    changed.write_text(ROASTERY.read_text().replace("Copper Kettle Rewards", "Tin Kettle Rewards"))
    with_topics.done("program", "apply", str(ROASTERY))

    ended = with_topics.run("program", "apply", str(changed))

    assert ended.code == 2
    assert (
        "version: is 1, while version 1 of program 1 is in force and differs; give the file a version above 1"
        in ended.err
    )
    assert [one["definition"]["name"] for one in with_topics.done("program", "show", "--json").json] == [
        "Copper Kettle Rewards"
    ]


def test_same_program_again_changes_nothing(with_topics: Terminal) -> None:
    first = with_topics.done("program", "apply", str(ROASTERY), "--json").json
    written = journal_of(with_topics)

    again = with_topics.done("program", "apply", str(ROASTERY), "--json").json

    assert (first["changed"], again["changed"]) == (True, False)
    assert journal_of(with_topics) == written


def test_program_with_mistakes_is_not_applied(with_topics: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "program.yaml"
    file.write_text("org_id: one\n")

    ended = with_topics.run("program", "apply", str(file))

    assert ended.code == 2
    assert "line 1, org_id: found 'one'" in ended.err
    assert journal_of(with_topics) == 0


def test_program_check_has_exit_code_one_for_mistakes(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "program.yaml"
    file.write_bytes(b"org_id: 1\nname: Caf\xe9\n")

    ended = terminal.run("program", "check", str(file), "--json")

    assert ended.code == 1
    assert ended.json == {
        "valid": False,
        "problems": [
            {
                "path": "",
                "line": None,
                "wrong": "byte 19 is not UTF-8 text (invalid continuation byte)",
                "right": "save the file as UTF-8",
            }
        ],
        "has_more": False,
    }


def test_file_of_another_format_is_refused_with_its_header(with_topics: Terminal, tmp_path: Path) -> None:
    ended = with_topics.run("import", "retail", shop_file(tmp_path, ["a", "b"]))

    assert ended.code == 2
    assert "shop.csv" in ended.err
    assert "InvoiceNo" in ended.err
    assert journal_of(with_topics) == 0


def test_line_that_cannot_be_read_is_told_in_one_line_and_is_no_markup(with_topics: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "shop.csv"
    file.write_text(f"{','.join(HEADER)}\n{','.join([*ROW[:3], '[/b]', *ROW[4:]])}\n")

    ended = with_topics.done("import", "retail", str(file))

    assert ended.err == "reading …\nmalformed: shop.csv, line 2: Quantity '[/b]' is not a whole number\n"


def test_brackets_in_the_name_of_a_program_are_shown_and_are_no_markup(with_topics: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "program.yaml"
    file.write_text(ROASTERY.read_text().replace("Copper Kettle Rewards", "Tin [/b] [red]"))
    with_topics.done("program", "apply", str(file))

    assert "│ Tin [/b] [red] │" in with_topics.done("program", "show").out


def test_file_that_is_cut_off_is_refused(with_topics: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "shop.csv.gz"
    file.write_bytes(b"\x1f\x8b\x08\x00\x00")

    ended = with_topics.run("import", "retail", str(file))

    assert ended.code == 2
    assert f"cannot read {file}" in ended.err


def test_settlement_before_the_last_bill_is_refused_and_leaves_no_trace(with_topics: Terminal, tmp_path: Path) -> None:
    ended = with_topics.run("import", "retail", shop_file(tmp_path), "--until", "2010-12-01")

    assert ended.code == 2
    assert "settle as of 2010-12-02 or later, not as of 2010-12-01" in ended.err
    assert journal_of(with_topics) == 0


def test_backfill_cannot_follow_records(with_topics: Terminal, tmp_path: Path) -> None:
    with_topics.done("import", "retail", shop_file(tmp_path))
    with_topics.done("backfill", "begin")  # on already: nothing happens
    with_topics.set("ACCRUE_PREFIX", "other.")
    with_topics.done("topics", "create")
    write_wall_tick(with_topics)

    ended = with_topics.run("backfill", "begin")

    assert ended.code == 2
    assert "the journal has begun (partition 0, offset 0), and a backfill must come first" in ended.err
    assert "ACCRUE_PREFIX" in ended.err


def write_wall_tick(terminal: Terminal) -> None:
    """What a worker writes first where no backfill is on."""
    log = EmbeddedLog(terminal.folder)
    producer = log.producer()
    tick = encode_record(ClockAdvanced(1, WALL_SOURCE, 0, WALL_SOURCE, 1))
    producer.produce([Outgoing("other.journal", None, tick, 0)])
    producer.close()
    log.close()


def test_backfill_that_is_not_on_cannot_end(with_topics: Terminal) -> None:
    ended = with_topics.run("backfill", "end")

    assert ended.code == 2
    assert "no backfill is on: there is nothing to end" in ended.err


@pytest.mark.parametrize(
    "command",
    [
        "tail -n -1",
        "import retail examples/programs/roastery.yaml --org 0",
        "demo --days 0",
        "demo --days 100000",
        "demo --members 0",
        "demo --members 100000000",
        "worker --slot 1001",
    ],
)
def test_number_that_is_out_of_range_is_refused(command: str, terminal: Terminal) -> None:
    ended = terminal.run(*command.split())

    assert ended.code == 2
    assert "is not in the range" in ended.err
    assert not terminal.folder.exists()


@pytest.mark.parametrize("command", ["send -", "topics create", "program apply examples/programs/roastery.yaml"])
def test_place_that_cannot_be_a_folder_is_told_with_the_reason(command: str, terminal: Terminal) -> None:
    terminal.folder.touch()

    ended = terminal.run(*command.split(), "--json")

    assert ended.code == 2
    assert ended.err.startswith(f"error: cannot read or write {terminal.folder}: File exists; ")
    assert ended.out == ""


def test_demo_does_not_run_for_a_file_that_it_cannot_write(terminal: Terminal) -> None:
    file = terminal.folder / "nowhere" / "customers.csv"
    small = ("demo", "--members", "1", "--days", "1", "--data-dir", str(terminal.folder))

    ended = terminal.run(*small, "--customers", str(file), "--json")

    assert ended.code == 2
    assert ended.err.startswith(f"error: cannot read or write {file}: No such file or directory; ")
    assert ended.out == ""


def test_stopped_command_has_an_exit_code_of_its_own(with_topics: Terminal, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    over = threading.Event()

    def interrupt() -> None:
        with pipe.open("wb"):  # opens once somebody reads
            os.kill(os.getpid(), signal.SIGINT)
            over.wait(PATIENCE_SECONDS)  # else it might read the end before it is interrupted

    # A process that was started in the background ignores it, and so would these tests there.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    typist = threading.Thread(target=interrupt)
    typist.start()
    ended = with_topics.run("send", str(pipe))
    over.set()
    typist.join()
    signal.signal(signal.SIGINT, before)

    assert ended == (130, "", "stopped\n")


@pytest.mark.parametrize("options", [(), ("--json",)], ids=["for people", "for scripts"])
def test_command_whose_reader_has_gone_ends_quietly_as_one_of_the_shell_would(options: tuple[str, ...]) -> None:
    reader, writer = os.pipe()
    os.close(reader)

    ended = subprocess.run(
        [ACCRUE, "topics", "list", *options], stdout=writer, stderr=subprocess.PIPE, timeout=60, check=False
    )
    os.close(writer)

    assert (ended.returncode, ended.stderr) == (128 + signal.SIGPIPE, b"")


def test_worker_whose_port_is_taken_says_so_and_makes_nothing(terminal: Terminal) -> None:
    with socket.create_server(("", 0)) as other:
        port = other.getsockname()[1]
        terminal.set("ACCRUE_WEB_PORT", str(port))

        ended = terminal.run("worker")

    assert ended.code == 2
    assert f"cannot listen on 127.0.0.1, port {port}: Address already in use; give another --slot" in ended.err
    assert not terminal.folder.exists()


def test_port_beyond_the_last_is_refused(terminal: Terminal) -> None:
    terminal.set("ACCRUE_WEB_PORT", "65535")

    ended = terminal.run("worker", "--slot", "1")

    assert ended.code == 2
    assert "cannot listen on 127.0.0.1, port 65536: there is no such port" in ended.err


def test_second_worker_of_a_slot_is_refused(with_topics: Terminal) -> None:
    running = SlotLock(with_topics.folder / "state" / "slot-0", "loyalty")

    ended = with_topics.run("worker", "--role", "loyalty")
    running.close()

    assert ended.code == 2
    assert "is in use by another loyalty worker; start each worker with a --slot of its own" in ended.err


def test_demo_leaves_a_folder_alone_that_is_not_a_demos(with_topics: Terminal) -> None:
    ended = with_topics.run("demo", "--data-dir", str(with_topics.folder))

    assert ended.code == 2
    assert f"{with_topics.folder} is not empty and holds no earlier demo" in ended.err
    assert with_topics.done("topics", "describe", "--json").json["defects"] == []


def test_demo_of_a_file_of_another_format_leaves_the_earlier_demo_as_it_was(
    with_topics: Terminal, tmp_path: Path
) -> None:
    (with_topics.folder / "this-is-a-demo").touch()
    other = shop_file(tmp_path, ["a", "b"])

    ended = with_topics.run("demo", "--data", other, "--data-dir", str(with_topics.folder))

    assert ended.code == 2
    assert "InvoiceNo" in ended.err
    assert with_topics.done("topics", "describe", "--json").json["defects"] == []


def test_demo_stopped_while_it_clears_its_folder_leaves_it_to_the_next(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = terminal.folder / "this-is-a-demo"
    for number in range(20):  # the order in which folders are listed is anybody's guess
        (terminal.folder / str(number)).mkdir(parents=True)
    mark.touch()
    removed: list[object] = []

    def interrupted(name: str, **_: object) -> None:
        removed.append(name)
        if len(removed) == 20:
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "rmdir", interrupted)

    assert terminal.run("demo", "--data-dir", str(terminal.folder)) == (130, "", "stopped\n")
    assert mark.exists()


def test_demo_leaves_a_folder_alone_that_a_worker_runs_in(with_topics: Terminal) -> None:
    (with_topics.folder / "this-is-a-demo").touch()
    running = SlotLock(with_topics.folder / "state" / "slot-0", "loyalty")

    ended = with_topics.run("demo", "--data-dir", str(with_topics.folder))
    running.close()

    assert ended.code == 2
    assert "is in use by another loyalty worker" in ended.err
    assert with_topics.done("topics", "describe", "--json").json["defects"] == []
