"""The command: what it is asked to look at, what it prints, and its exit code."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.log.embedded import EmbeddedLog
from pipeline.log.port import Partition
from tests.cli.terminal import Terminal
from tests.runtime.workshop import Workshop, history
from tests.verify.damage import damage, without


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
