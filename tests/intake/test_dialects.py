"""The registry of dialects: complete, and each entry keeps the promise of its type."""

from __future__ import annotations

import pkgutil
from importlib import import_module

import pytest

from pipeline.intake import dialects
from pipeline.intake.dialects.registry import DIALECTS, NATIVE
from pipeline.intake.verdict import Reason, Rejected
from tests.intake.incoming import LIMITS, WALL, Sent


def test_every_module_that_reads_messages_is_registered_under_its_own_name() -> None:
    modules = [import_module(f"{dialects.__name__}.{found.name}") for found in pkgutil.iter_modules(dialects.__path__)]
    readers = {
        module.__name__.rpartition(".")[2]: module.normalise for module in modules if "normalise" in vars(module)
    }
    assert readers == DIALECTS


def test_our_own_dialect_comes_first() -> None:
    assert next(iter(DIALECTS)) == NATIVE


@pytest.mark.parametrize("name", DIALECTS)
def test_a_dialect_refuses_a_message_without_a_value(name: str) -> None:
    verdict = DIALECTS[name](Sent(None), wall=WALL, limits=LIMITS)
    assert isinstance(verdict, Rejected)
    assert verdict.reason is Reason.EMPTY


@pytest.mark.parametrize("name", DIALECTS)
def test_a_dialect_names_what_is_wrong_with_bytes_that_are_no_message(name: str) -> None:
    verdict = DIALECTS[name](Sent(b"\xff\xfe"), wall=WALL, limits=LIMITS)
    assert isinstance(verdict, Rejected)
    assert verdict.defects
