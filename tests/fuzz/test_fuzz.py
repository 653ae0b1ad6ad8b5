"""Whatever anybody sends or writes ends in words: a bounded run of every fuzzer, and every input that once failed."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from pipeline.intake.verdict import Rejected
from tests.fuzz.running import CORPUS, TARGETS, Target, fuzz, kept, tried
from tests.intake.incoming import Sent, taken

ENDS_MIN = {"messages": 8, "bodies": 30, "programs": 4, "settings": 2, "retail": 3, "letters": 3, "logfiles": 2}
"""So many different ends say that a fuzzer still gets somewhere."""


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_random_inputs_end_in_words(target: Target) -> None:
    ends = fuzz(target, "tests", range(target.inputs))

    assert len(ends) >= ENDS_MIN[target.name], ends


@pytest.mark.parametrize(
    ("target", "file"),
    [pytest.param(target, file, id=f"{target.name}-{file.name}") for target in TARGETS for file in kept(target)],
)
def test_input_that_once_failed_ends_in_words(target: Target, file: Path) -> None:
    assert tried(target, file.read_bytes())


def test_every_kept_input_belongs_to_a_fuzzer() -> None:
    assert {one.name for one in CORPUS.iterdir()} <= {target.name for target in TARGETS}


def test_random_bytes_are_dead_letters() -> None:
    chance = random.Random(7)
    for _ in range(1_000):
        raw = chance.randbytes(chance.randrange(60))
        assert isinstance(taken(Sent(raw)), Rejected), raw
