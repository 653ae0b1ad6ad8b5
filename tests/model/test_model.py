"""The model and the engine agree on histories by chance, and each broken rule of the engine shows."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.model import mutants
from tests.model.chance import history_by
from tests.model.compare import differences, told

HISTORIES = 300
SLICES = 6
OF_THE_MODEL = (
    *("town", "member", "achiever", "holder", "ranker", "rows", "bills", "marks", "purse", "shares"),
    *("cycles", "dates", "words"),
)


@pytest.mark.parametrize("part", range(SLICES))
def test_model_and_engine_agree(part: int) -> None:
    for seed in range(part, HISTORIES, SLICES):
        assert not differences(*history_by(seed)), told(seed)


@pytest.mark.parametrize(("mutant", "seed"), mutants.CAUGHT_BY.items(), ids=lambda one: getattr(one, "__name__", ""))
def test_broken_rule_disagrees(mutant: Callable[[], mutants.Mutant], seed: int) -> None:
    assert not differences(*history_by(seed))
    with mutants.broken(mutant):
        assert differences(*history_by(seed)), "look for another seed: python -m tests.model --mutants"


@pytest.mark.parametrize("module", OF_THE_MODEL)
def test_model_imports_nothing_of_the_project(module: str) -> None:
    tree = ast.parse((Path(__file__).parent / f"{module}.py").read_text(encoding="utf-8"))
    imported = {one.module or "" for one in ast.walk(tree) if isinstance(one, ast.ImportFrom)}
    imported |= {name.name for one in ast.walk(tree) if isinstance(one, ast.Import) for name in one.names}
    others = {name for name in imported if name.split(".")[0] not in sys.stdlib_module_names}
    assert others <= {"tests.model", *(f"tests.model.{one}" for one in OF_THE_MODEL)}
