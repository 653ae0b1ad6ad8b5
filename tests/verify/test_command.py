"""The command: what it is asked to look at, what it prints, and its exit code."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from pipeline.cli.place import Place
from pipeline.log.embedded import EmbeddedLog
from pipeline.log.port import Partition
from pipeline.runtime.settings import Settings
from sinks.clickhouse.schema import migrate
from tests.cli.terminal import Terminal
from tests.runtime.workshop import DAY, START, Workshop, bill, history
from tests.sinks.running import drain
from tests.verify.damage import damage, without
from tests.verify.stored import sink_settings

_AGAIN: Final = "run verify again when the sink has caught up; if no worker runs, start one: accrue worker --data-dir"


@pytest.fixture
def decided(
    tmp_path: Path, embedded_log: EmbeddedLog, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Terminal:
    """A folder with a log that a worker has decided, and no ClickHouse."""
    workshop = Workshop(embedded_log, tmp_path, "loyalty.", partitions=4)
    workshop.journal(*history(days=5))
    workshop.decide_all()
    workshop.close()
    monkeypatch.setenv("ACCRUE_GROUP", workshop.settings.group)
    return Terminal(tmp_path / "log", monkeypatch, capsys)


def test_log_without_clickhouse_is_checked_alone_and_that_is_said(decided: Terminal) -> None:
    verdict = decided.run("verify", "--json").json

    assert (verdict["holds"], verdict["findings"], verdict["invariants"]) == (True, [], [])
    assert len(verdict["checks"]) == 9
    assert verdict["notes"][-1] == "there is no ClickHouse here: only the log was checked"


def test_findings_are_limited_and_counted(decided: Terminal) -> None:
    damage(decided.folder, Partition("loyalty.notifications.points", 1), lambda _: [])

    ended = decided.run("verify", "--limit-findings", "2")
    verdict = decided.run("verify", "--limit-findings", "2", "--json").json

    broken = next(one["broken"] for one in verdict["checks"] if one["check"] == "notifications")
    assert ended.code == 1
    assert (verdict["holds"], len(verdict["findings"])) == (False, 2)
    assert f"notifications and {broken - 2} more" in ended.out


def test_damage_in_a_partition_that_is_not_asked_for_is_not_seen(decided: Terminal) -> None:
    damage(decided.folder, Partition("loyalty.facts", 1), without(0))

    assert decided.run("verify", "--partition", "0", "--partition", "2").code == 0
    assert decided.run("verify", "--partition", "1").code == 1


def test_partition_that_is_named_twice_is_looked_at_once(decided: Terminal) -> None:
    once = decided.run("verify", "--partition", "1", "--json").json

    assert once["holds"]
    assert decided.run("verify", "--partition", "1", "--partition", "1", "--json").json == once


def test_partition_that_there_is_not_is_told(decided: Terminal) -> None:
    ended = decided.run("verify", "--partition", "4")

    assert ended.code == 2
    assert "there is no partition 4: the topics have 4" in ended.err


def test_nothing_to_check_is_told(decided: Terminal) -> None:
    ended = decided.run("verify", "--log-only", "--clickhouse-only")

    assert ended.code == 2
    assert "--log-only and --clickhouse-only leave nothing to check" in ended.err


def test_clickhouse_that_is_not_there_is_missed_when_it_is_asked_for(decided: Terminal) -> None:
    ended = decided.run("verify", "--clickhouse-only")

    assert ended.code == 2
    assert f"there is no ClickHouse in the folder {decided.folder}" in ended.err


def test_log_in_which_nothing_was_decided_is_told(decided: Terminal, tmp_path: Path) -> None:
    log = EmbeddedLog(tmp_path / "empty")
    Workshop(log, tmp_path / "empty", "loyalty.", partitions=4).close()
    log.close()

    ended = decided.run("verify", "--data-dir", str(tmp_path / "empty"))

    assert ended.code == 2
    assert "there is nothing to check: no facts in the log, and no customers in ClickHouse" in ended.err


@pytest.fixture
def behind(
    tmp_path: Path, embedded_log: EmbeddedLog, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Terminal:
    """A folder whose ClickHouse lacks the last bill; of customer 5 it says another tier than the log."""
    workshop = Workshop(embedded_log, tmp_path, "loyalty.", partitions=4)
    workshop.journal(*history(days=5))
    workshop.decide_all()
    with Place(Settings(data_dir=tmp_path / "log")).clickhouse(create=True) as client:
        drain(embedded_log, client, sink_settings(workshop))
        client.command(
            "ALTER TABLE customer_state UPDATE tier = 3 WHERE customer_id = 5", settings={"mutations_sync": 1}
        )
    workshop.journal(bill(3, 900, START + 5 * DAY))
    workshop.decide_all()
    workshop.close()
    monkeypatch.setenv("ACCRUE_GROUP", workshop.settings.group)
    return Terminal(tmp_path / "log", monkeypatch, capsys)


def test_what_the_sink_has_to_catch_up_for_is_not_judged_and_the_worker_that_it_takes_is_named(
    behind: Terminal,
) -> None:
    said = behind.run("verify", "--clickhouse-only").out
    verdict = behind.run("verify", "--clickhouse-only", "--json").json

    views = next(line for line in said.splitlines() if "the views say of each customer" in line)
    assert "not judged" in views
    assert "OK" not in views
    assert {one["check"]: one["settled"] for one in verdict["checks"]}["views"] is False
    assert verdict["notes"] == [
        "messages of facts that ClickHouse does not have yet, and that were not compared: 1",
        "the sink has not stored everything yet, so these could not be judged: views",
        f"{_AGAIN} {behind.folder}",
    ]


def test_a_clickhouse_in_which_nothing_is_stored_yet_is_not_called_ok(decided: Terminal) -> None:
    with Place(Settings(data_dir=decided.folder)).clickhouse(create=True) as client:
        migrate(client)

    ended = decided.run("verify", "--clickhouse-only")

    assert ended.code == 0
    assert "OK" not in ended.out
    assert f"note: {_AGAIN} {decided.folder}" in " ".join(ended.out.split())
