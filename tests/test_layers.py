"""Every test file is in one layer, and a file of the layer `pure` opens no log and no database."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.layers import LAYERS, Layer, layer_of_file, time_by_layer

ROOT = Path(__file__).parents[1]
FILES = sorted(path.relative_to(ROOT) for path in ROOT.glob("tests/**/test_*.py"))
IMPURE_FIXTURES = {"folder", "embedded_log", "kafka"}
"""`folder` is that of the embedded ClickHouse."""
IMPURE = {"chdb", "confluent_kafka", "faust", "multiprocessing", "rocksdict", "socket", "threading"}


def imported(path: Path) -> Iterator[str]:
    """The packages that a file imports itself."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0]


def test_every_test_file_is_in_a_layer() -> None:
    unplaced = [str(path) for path in FILES if layer_of_file(path) is None]
    assert not unplaced, "add each of these, or its folder, to LAYERS in tests/layers.py"


@pytest.mark.parametrize("entry", LAYERS)
def test_every_entry_names_test_files_that_exist(entry: str) -> None:
    assert any(entry in (path.as_posix(), *(parent.as_posix() for parent in path.parents)) for path in FILES)


def test_every_layer_has_a_marker_that_selects_it(pytestconfig: pytest.Config) -> None:
    markers = {line.partition(":")[0] for line in pytestconfig.getini("markers")}
    assert {layer.name for layer in Layer} <= markers


@pytest.mark.parametrize("path", [path for path in FILES if layer_of_file(path) is Layer.pure], ids=str)
def test_a_pure_file_uses_no_log_no_database_and_no_thread(path: Path) -> None:
    assert not IMPURE & set(imported(ROOT / path))


def test_pure_tests_ask_for_no_log_and_no_database(request: pytest.FixtureRequest) -> None:
    pure = [item for item in request.session.items if item.get_closest_marker("pure")]
    asking = [item.nodeid for item in pure if IMPURE_FIXTURES & set(getattr(item, "fixturenames", ()))]
    assert not asking, "put their files in another layer, in tests/layers.py"


def test_a_test_counts_once_and_takes_the_time_of_its_fixtures_too() -> None:
    reports = [
        pytest.TestReport(
            "test", ("test", 1, "test"), {}, "passed", None, when, duration=2.0, user_properties=[("layer", layer)]
        )
        for layer in ("pure", "broker")
        for when in ("setup", "call", "teardown")
    ]

    assert time_by_layer(reports) == {Layer.pure: (1, 6.0), Layer.broker: (1, 6.0)}
