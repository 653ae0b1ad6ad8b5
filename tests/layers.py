"""The layers of the suite: what can break a test, and how long each layer may take on two idle cores.

A file belongs to the layer of the most specific entry that names it or a folder it is in. A test of the layer
`embedded` that asks for a Kafka broker is in the layer `broker`, so that a suite over several logs can be one file.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from pathlib import Path, PurePath
from typing import Final

import pytest


class Layer(Enum):
    """A layer and its budget in seconds; the name is the pytest marker that selects it."""

    faults = 360.0
    """Faults on a real broker, and the simulation."""
    broker = 240.0
    """Whatever needs a real Kafka, or librdkafka on a mock of it."""
    embedded = 180.0
    """The embedded log, RocksDB, chDB and processes of this machine."""
    pure = 60.0
    """No input or output but files of the repository."""


LAYERS: Final = {
    "tests/bench/test_doors.py": Layer.embedded,
    "tests/bench/test_midnight.py": Layer.embedded,
    "tests/bench/test_runtime.py": Layer.embedded,
    "tests/bench/test_samples.py": Layer.pure,
    "tests/cli": Layer.embedded,
    "tests/e2e": Layer.embedded,
    "tests/e2e/test_five_versions.py": Layer.broker,
    "tests/e2e/test_health.py": Layer.broker,
    "tests/e2e/test_verify.py": Layer.broker,
    "tests/engine": Layer.pure,
    "tests/faults": Layer.faults,
    "tests/faults/test_checker.py": Layer.pure,
    "tests/faults/test_late_commit.py": Layer.broker,
    "tests/faults/test_lost_call.py": Layer.embedded,
    "tests/faults/test_proxy.py": Layer.embedded,
    "tests/faults/test_schedule.py": Layer.pure,
    "tests/fuzz": Layer.embedded,
    "tests/gateway": Layer.embedded,
    "tests/gateway/test_access.py": Layer.pure,
    "tests/gateway/test_owners.py": Layer.pure,
    "tests/gateway/test_requests.py": Layer.pure,
    "tests/generators": Layer.pure,
    "tests/importer": Layer.pure,
    "tests/intake": Layer.pure,
    "tests/log": Layer.embedded,
    "tests/log/test_client_errors.py": Layer.broker,
    "tests/log/test_partitioner.py": Layer.pure,
    "tests/log/test_unreadable.py": Layer.broker,
    "tests/model": Layer.pure,
    "tests/naive": Layer.pure,
    "tests/notify": Layer.pure,
    "tests/replies": Layer.pure,
    "tests/runtime": Layer.embedded,
    "tests/scenarios": Layer.pure,
    "tests/schemas": Layer.pure,
    "tests/simulation": Layer.faults,
    "tests/simulation/test_ticks.py": Layer.pure,
    "tests/sinks": Layer.embedded,
    "tests/test_adding.py": Layer.pure,
    "tests/test_compose.py": Layer.pure,
    "tests/test_layers.py": Layer.pure,
    "tests/test_locks.py": Layer.pure,
    "tests/test_monitoring.py": Layer.pure,
    "tests/test_once.py": Layer.embedded,
    "tests/test_sealing.py": Layer.pure,
    "tests/test_security.py": Layer.pure,
    "tests/topics": Layer.pure,
    "tests/trial": Layer.pure,
    "tests/verify": Layer.embedded,
}
_KAFKA: Final = "kafka"
"""The fixture that is a broker, and the parameter that asks for it."""
_PROPERTY: Final = "layer"
"""By which the process that prints the summary knows the layer of a test that another process ran."""


def layer_of_file(path: PurePath) -> Layer | None:
    """The layer of a test file, given relative to the repository; None if no entry names it or a folder it is in."""
    places = (path, *path.parents)
    return next((LAYERS[place.as_posix()] for place in places if place.as_posix() in LAYERS), None)


def put_in_layers(items: list[pytest.Item], root: Path) -> None:
    """Mark each test with the name of its layer, by which `-m` selects."""
    for item in items:
        layer = _layer_of(item, root).name
        item.add_marker(layer)
        item.user_properties.append((_PROPERTY, layer))


def budget_of(item: pytest.Item) -> float:
    """The seconds that the layer of a test may take."""
    return _of_properties(item.user_properties).value


def time_by_layer(reports: Iterable[pytest.TestReport]) -> dict[Layer, tuple[int, float]]:
    """How many tests of each layer ran, and the seconds they took with their fixtures, from what pytest reports."""
    taken: dict[Layer, tuple[int, float]] = {}
    for report in reports:
        layer = _of_properties(report.user_properties)
        tests, seconds = taken.get(layer, (0, 0.0))
        taken[layer] = (tests + (report.when == "call"), seconds + report.duration)
    return taken


def _of_properties(properties: list[tuple[str, object]]) -> Layer:
    return Layer[str(dict(properties)[_PROPERTY])]


def _layer_of(item: pytest.Item, root: Path) -> Layer:
    layer = layer_of_file(item.path.relative_to(root)) or Layer.embedded  # `test_layers` fails for a file without one
    return Layer.broker if layer is Layer.embedded and _asks_for_a_broker(item) else layer


def _asks_for_a_broker(item: pytest.Item) -> bool:
    if _KAFKA in getattr(item, "fixturenames", ()):
        return True
    call = getattr(item, "callspec", None)
    return call is not None and _KAFKA in call.params.values()
