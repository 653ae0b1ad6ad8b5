"""Running a target over inputs that follow from a seed, and keeping those that it fails on."""

from __future__ import annotations

import hashlib
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, NamedTuple

from tests.fuzz import bodies, letters, logfiles, messages, programs, retail, settings

CORPUS: Final = Path(__file__).with_name("corpus")
"""Inputs that once failed, by target: each run of the tests tries them again."""
SECONDS_MAX: Final = 30.0
"""For one input; what takes longer would hold up a worker or a person."""


class Target(NamedTuple):
    """What is fuzzed."""

    name: str
    make: Callable[[random.Random], bytes]
    """An input."""
    run: Callable[[bytes], str]
    """What became of an input; raises where it did what it must not."""
    inputs: int
    """So many are tried by the tests."""


TARGETS: Final = (
    Target("messages", messages.make, messages.run, 6_000),
    Target("bodies", bodies.make, bodies.run, 45_000),
    Target("programs", programs.make, programs.run, 120),
    Target("settings", settings.make, settings.run, 400),
    Target("retail", retail.make, retail.run, 120),
    Target("letters", letters.make, letters.run, 6_000),
    Target("logfiles", logfiles.make, logfiles.run, 8),
)


def fuzz(target: Target, seed: object, numbers: Iterable[int]) -> Counter[str]:
    """Try the inputs of these numbers; what became of them. An input that fails is kept, and its failure raised."""
    ends: Counter[str] = Counter()
    for number in numbers:
        content = target.make(random.Random(f"{target.name}:{seed}:{number}"))
        try:
            ends[tried(target, content)] += 1
        except BaseException as error:
            error.add_note(f"input {number} of seed {seed}, kept as {keep(target, content)}")
            raise
    return ends


def tried(target: Target, content: bytes) -> str:
    """What became of one input."""
    began = time.monotonic()
    end = target.run(content)
    assert time.monotonic() - began < SECONDS_MAX
    return end


def keep(target: Target, content: bytes) -> Path:
    """Put an input into the corpus."""
    file = CORPUS / target.name / hashlib.sha256(content).hexdigest()[:16]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file


def kept(target: Target) -> list[Path]:
    """The inputs of a target that are kept."""
    return sorted((CORPUS / target.name).glob("*"))
