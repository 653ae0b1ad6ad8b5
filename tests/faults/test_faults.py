"""Points are money: 25 faults on a real broker leave what an undisturbed run leaves."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.broker import HOW_TO_GET_ONE, can_run
from tests.faults.run import run

SEED = 20_261
FAULTS = 25


@pytest.mark.timeout(600)
def test_faults_leave_what_an_undisturbed_run_leaves(tmp_path: Path) -> None:
    if not can_run():
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(HOW_TO_GET_ONE)
    said: list[str] = []

    result = run(tmp_path, faults=FAULTS, seed=SEED, workers=2, rate=60.0, say=said.append)

    assert result.violations == [], "\n".join(said)
    assert result.faults == FAULTS
