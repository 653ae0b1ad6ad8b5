"""Scenarios: a program and a customer's story as YAML, what came of it as text beside it.

ACCRUE_UPDATE_SCENARIOS=1 writes the texts anew; read the difference before you commit it.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest

from tests.scenarios.telling import tell

SCENARIOS = sorted(Path(__file__).parent.glob("*.yaml"))


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_story_ends_as_it_is_told(path: Path) -> None:
    golden = path.with_suffix(".txt")
    told = tell(path)
    if os.environ.get("ACCRUE_UPDATE_SCENARIOS"):
        golden.write_text(told)
    assert told == golden.read_text()


def test_every_text_belongs_to_a_story() -> None:
    texts = {path.stem for path in Path(__file__).parent.glob("*.txt")}
    assert texts == {path.stem for path in SCENARIOS}


def test_every_point_is_shown_by_stories_that_are_there_and_every_story_shows_a_point() -> None:
    subjects = tomllib.loads((Path(__file__).parent / "what_is_shown.toml").read_text("utf-8"))
    shown = [story for points in subjects.values() for stories in points.values() for story in stories]
    numbers = [[int(point.partition(" ")[0]) for point in points] for points in subjects.values()]
    assert numbers == [list(range(1, len(points) + 1)) for points in subjects.values()]
    assert set(shown) == {path.stem for path in SCENARIOS}
