"""Data folders: of any name, and for their owner only."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.cli.place import Place
from pipeline.folders import private_folder
from pipeline.runtime.settings import Settings
from sinks.clickhouse.connect import CannotConnect, open_clickhouse
from tests.cli.terminal import Terminal


@pytest.fixture
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("usual_umask")
def test_folder_of_a_log_and_its_files_are_for_their_owner_only(terminal: Terminal) -> None:
    terminal.done("program", "apply", "examples/programs/roastery.yaml")

    assert mode(terminal.folder) == 0o700
    files = list(terminal.folder.iterdir())
    assert "log.sqlite3" in {file.name for file in files}
    assert {mode(file) for file in files} == {0o600}


@pytest.mark.usefixtures("usual_umask")
def test_folder_that_was_there_keeps_its_permissions_and_new_files_in_it_are_private(terminal: Terminal) -> None:
    terminal.folder.mkdir(mode=0o755)

    terminal.done("topics", "create")

    assert mode(terminal.folder) == 0o755
    assert {mode(file) for file in terminal.folder.iterdir()} == {0o600}


@pytest.mark.usefixtures("usual_umask")
def test_folders_on_the_way_are_private_too(tmp_path: Path) -> None:
    private_folder(tmp_path / "one" / "two")

    assert {mode(tmp_path / "one"), mode(tmp_path / "one" / "two")} == {0o700}


@pytest.mark.parametrize(
    "name", ["d#1", "d%41", "d e", "d\nq", "d'q\"", "d&a=1", "\u00fc\u2615", "a:b", ":memory:", "-x"]
)
def test_embedded_clickhouse_lies_in_the_folder_of_that_very_name(name: str, tmp_path: Path) -> None:
    client = open_clickhouse(Place(Settings(data_dir=tmp_path / name)).dsn)
    client.command("CREATE TABLE kept (a Int64) ENGINE = MergeTree ORDER BY a")
    client.close()

    assert [one.name for one in tmp_path.iterdir()] == [name]
    assert (tmp_path / name / "clickhouse" / "metadata").exists()


def test_folder_that_the_embedded_clickhouse_cannot_open_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(CannotConnect, match=r"has a \? in its name.*rename the folder, or name another"):
        open_clickhouse(Place(Settings(data_dir=tmp_path / "d?1")).dsn)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["d#1", "d?1", "d%41", "d e", "d\nq"])
def test_embedded_log_lies_in_the_folder_of_that_very_name(name: str, tmp_path: Path, terminal: Terminal) -> None:
    terminal.done("topics", "create", "--data-dir", str(tmp_path / name))

    assert [one.name for one in tmp_path.iterdir()] == [name]
    assert terminal.done("topics", "describe", "--json", "--data-dir", str(tmp_path / name)).json["defects"] == []
