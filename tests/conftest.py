"""The logs that tests run on: the embedded one in a temporary folder, and a real Kafka, one broker for a test run."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol
from hypothesis import HealthCheck, settings
from pytest_timeout import _get_item_settings
from xdist.remote import Producer

from pipeline.log.embedded import EmbeddedLog
from pipeline.log.kafka import KafkaLog
from tests.broker import HOW_TO_GET_ONE, can_run
from tests.layers import budget_of, put_in_layers, time_by_layer
from tests.shared_broker import Shared, shared_broker
from tests.spreading import ByFile
from tests.starvation import Stretch, wait_for_better_times

# A broker that lives for some minutes never earns what the second compiler costs.
os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1")

# An example that takes long says something of the machine and nothing of the code. The same commit gives the same
# answer every time; `make explore` tries examples that nobody has seen.
settings.register_profile(
    "any machine",
    deadline=None,
    derandomize="ACCRUE_EXPLORE" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("any machine")

_ATTEMPTS = 3


def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool:
    """Run a test; once more where it failed while the machine had little time (`tests.starvation`)."""
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for attempts_left in reversed(range(_ATTEMPTS)):
        stretch = Stretch()
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
        failed = [report.longreprtext for report in reports if report.failed]
        if not (attempts_left and failed and stretch.was_starved()):
            break
        taken = f"{stretch.stolen_share():.0%} of the time was taken from the machine"
        item.warn(pytest.PytestWarning(f"{item.nodeid} failed while {taken}, and is tried again: {' '.join(failed)}"))
        wait_for_better_times()
        # The timer of the first attempt has ended with its failure.
        item.ihook.pytest_timeout_set_timer(item=item, settings=_get_item_settings(item))
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put every test in its layer before `-m` selects; of several processes, the longest tests begin first."""
    put_in_layers(items, config.rootpath)
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=lambda item: -budget_of(item))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    """Spread tests as `tests.spreading` says, whatever `--dist` does."""
    return ByFile(config, log)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print what each layer took beside its budget; a machine that is slow or busy fails nothing."""
    processes = config.getoption("numprocesses", None) or 1
    reports = [one for found in terminalreporter.stats.values() for one in found if isinstance(one, pytest.TestReport)]
    taken = time_by_layer(reports)
    if taken:
        terminalreporter.section(f"time of the tests, over {processes} processes")
    for layer, (tests, seconds) in taken.items():
        share, budget = seconds / processes, layer.value
        terminalreporter.write_line(
            f"{layer.name:<9}{tests:>6} tests {share:>6.0f} s of {budget:.0f} s on two idle cores"
        )


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of this test run share."""
    own = tmp_path_factory.getbasetemp()
    return (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "shared"


@pytest.fixture(scope="session")
def kafka(run_folder: Path) -> Iterator[Shared]:
    """A real Kafka: ACCRUE_TEST_KAFKA, or a broker that all processes of this test run share."""
    if given := os.environ.get("ACCRUE_TEST_KAFKA"):
        yield Shared(given)
    elif can_run():
        with shared_broker(run_folder / "kafka") as shared:
            yield shared
    elif os.environ.get("CI") == "true":
        pytest.fail(HOW_TO_GET_ONE, pytrace=False)
    else:
        pytest.skip(HOW_TO_GET_ONE)


@pytest.fixture(scope="session")
def kafka_bootstrap(kafka: Shared) -> str:
    """The address of a real Kafka."""
    return kafka.bootstrap


@pytest.fixture
def prefix() -> str:
    """What this test's topics, groups and transactional ids begin with, so that tests can share a broker."""
    return f"test-{secrets.token_hex(4)}."


@pytest.fixture
def embedded_log(tmp_path: Path) -> Iterator[EmbeddedLog]:
    """An empty embedded log."""
    log = EmbeddedLog(tmp_path / "log")
    yield log
    log.close()


@pytest.fixture
def kafka_log(kafka_bootstrap: str) -> Iterator[KafkaLog]:
    """The real Kafka, shared by the tests of a run: begin every name with `prefix`."""
    log = KafkaLog(kafka_bootstrap)
    yield log
    log.close()
