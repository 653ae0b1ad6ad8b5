"""Tiers as Open Loyalty's levels (S2 l.679, l.6021)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pipeline.gateway.vendors import uuid_named
from pipeline.notify.numbers import major
from schemas.program import ProgramDefinition, Tier, TierBasis

_IN_MONEY: Final = frozenset({TierBasis.NET_PURCHASES, TierBasis.PURCHASES_IN_PERIOD})


def level_row(level: Tier, program: ProgramDefinition) -> dict[str, Any]:
    """One level of the list; RULE: a tier has neither description nor photo."""
    return {"name": level.name, "description": "", "conditionValue": condition_of(level, program), "hasPhoto": False}


def level_statistics(program: ProgramDefinition | None, customers: Mapping[int, int]) -> list[dict[str, Any]]:
    """Each tier in use with how many customers it has; `customers`: by the tier's number."""
    if program is None or program.tiers is None:
        return []
    return [
        {
            "levelId": level_id(program, level),
            "name": level.name,
            "conditionValue": f"{condition_of(level, program):.2f}",
            "store": "",
            "customers": customers.get(number, 0),
        }
        for number, level in enumerate(program.tiers.levels, 1)
        if not level.retired
    ]


def level_id(program: ProgramDefinition, level: Tier) -> str:
    """What a level is known by."""
    return uuid_named(program.org_id, f"level:{program.program_id}:{level.id}")


def condition_of(level: Tier, program: ProgramDefinition) -> float:
    """What the level asks for: points, or money in major units."""
    return major(level.threshold, program.currency) if is_in_money(program) else float(level.threshold)


def is_in_money(program: ProgramDefinition) -> bool:
    """Whether its tiers ask for money."""
    return program.tiers is not None and program.tiers.basis in _IN_MONEY
