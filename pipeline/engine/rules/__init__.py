"""Earning rules: one module for each kind, composed of a base, a filter and a rate.

A kind is a class in `schemas.program` and a `compile_…` function here, registered in `RULES`; a test holds the registry
to the schema. Compiling a rule adds what it does to `Earning`, indexed by what can match a record, so that a rule that
cannot match costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pipeline.engine.rules.earning import Earning
from pipeline.engine.rules.event import compile_event
from pipeline.engine.rules.multiplier import compile_multiplier
from pipeline.engine.rules.spend import compile_spend
from schemas.program import EventRule, MultiplierRule, Rule, SpendRule

RULES: Final[dict[type[Rule], Callable[[Any, Earning], None]]] = {
    SpendRule: compile_spend,
    MultiplierRule: compile_multiplier,
    EventRule: compile_event,
}

__all__ = ["RULES", "Earning"]
