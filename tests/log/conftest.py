"""The contract tests' desk, over each adapter in turn."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pipeline.clock import SYSTEM_CLOCK
from tests.log.desk import Desk
from tests.simulation.broker import SimBroker
from tests.simulation.machine import InRealTime


@pytest.fixture
def simulated_log() -> SimBroker:
    """The simulation's log, undisturbed: what it promises must be what the others promise."""
    return SimBroker(InRealTime(0, {}), SYSTEM_CLOCK, undisturbed=True)


@pytest.fixture(params=["embedded", "kafka", "simulated"])
def desk(request: pytest.FixtureRequest, prefix: str) -> Iterator[Desk]:
    """One log under test; every test of the contract runs once on each."""
    desk = Desk(request.getfixturevalue(f"{request.param}_log"), prefix)
    yield desk
    desk.close()
