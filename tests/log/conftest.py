"""The contract tests' desk, over each adapter in turn."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.log.desk import Desk


@pytest.fixture(params=["embedded", "kafka"])
def desk(request: pytest.FixtureRequest, prefix: str) -> Iterator[Desk]:
    """One log under test; every test of the contract runs once on each."""
    desk = Desk(request.getfixturevalue(f"{request.param}_log"), prefix)
    yield desk
    desk.close()
