"""The locks: every package pinned with hashes, as `pyproject.toml` asks."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

_PIN = re.compile(r"^([A-Za-z0-9_.-]+)==([^\s;\\]+)[^\n]*((?:\n {4}--hash=sha256:[0-9a-f]{64}[ \\]*)*)", re.MULTILINE)
RUN, DEV = "requirements.lock", "requirements-dev.lock"
PROJECT = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(file: str) -> dict[str, tuple[str, int]]:
    """By package: its version, and how many hashes there are of it."""
    found = _PIN.findall(Path(file).read_text("utf-8"))
    return {plain(name): (version, hashes.count("--hash")) for name, version, hashes in found}


@pytest.mark.parametrize(
    ("file", "asked"),
    [
        (RUN, [*PROJECT["dependencies"], *EXTRAS["build"]]),
        (DEV, [*PROJECT["dependencies"], *EXTRAS["build"], *EXTRAS["dev"]]),
    ],
    ids=["run", "dev"],
)
def test_lock_pins_what_the_project_asks_for(file: str, asked: list[str]) -> None:
    pinned = pins(file)

    wrong = [
        f"{one}: {pinned.get(plain(one.name), ('nothing', 0))[0]}"
        for one in map(Requirement, asked)
        if plain(one.name) not in pinned or pinned[plain(one.name)][0] not in one.specifier
    ]
    assert wrong == [], "run: make lock"


@pytest.mark.parametrize("file", [RUN, DEV])
def test_every_pin_has_hashes(file: str) -> None:
    assert [name for name, (_, hashes) in pins(file).items() if hashes == 0] == []
    assert len(pins(file)) > 30


def test_both_locks_pin_the_same_versions() -> None:
    developed = pins(DEV)

    assert {name: developed[name] for name in pins(RUN)} == pins(RUN)
