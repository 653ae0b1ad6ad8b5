"""Progress: how far a customer is from the next tier, and from keeping the one they have."""

from __future__ import annotations

from typing import NamedTuple

from pipeline.engine.programs import Program
from pipeline.engine.state import Section
from pipeline.engine.tiers.rules import Decisive, Measure
from pipeline.engine.tiers.values import basis_values, renewal_values, tenure_of


class Condition(NamedTuple):
    """One thing that a tier asks for."""

    measure: Measure
    value: int
    needed: int


class TierProgress(NamedTuple):
    """What is there and what is missing, in the units of the program's tiers."""

    value: int
    """What decides the tier, now: of several conditions the one on which the next tier depends."""
    next_tier: int | None
    """The number of the next higher tier that is left; None in the highest."""
    to_next: int
    """What the value lacks of it; what would renew it, after a loss that the value does not show."""
    expires_on: int | None
    """The last day of the tier; None where it holds for ever."""
    renewed_by: int
    """What came in, or is there, of what keeps the tier."""
    to_keep: int
    """What that lacks; 0 where the tier holds for ever."""
    assigned_id: str
    """The tier that somebody gave; empty for none."""
    towards: Decisive | None
    """The condition on which the next tier depends."""
    conditions: tuple[Condition, ...]
    """What the next tier asks for, or the highest one where there is none."""


def tier_progress(section: Section, program: Program, now: int) -> TierProgress:
    """The progress at an instant of a customer who is in a tier of the program."""
    rules, tenure = program.tier_rules, tenure_of(section)
    values, renewals = basis_values(section, program, now), renewal_values(section, program, now)
    following = next((tier for tier in rules.left[1:] if tier > section.tier), None)
    criteria, found = rules.upgrade, values
    if following is not None and following <= tenure.mark:
        criteria, found = rules.renewal, renewals
    missing = None if following is None else criteria.decisive(found, following)
    kept = rules.renewal.decisive(renewals, section.tier)
    return TierProgress(
        value=rules.upgrade.decisive(values, following or section.tier).value,
        next_tier=following,
        to_next=0 if missing is None else max(0, missing.needed - missing.value),
        expires_on=tenure.expires_on,
        renewed_by=kept.value,
        to_keep=0 if tenure.expires_on is None else max(0, kept.needed - kept.value),
        assigned_id=tenure.floor_id,
        towards=missing,
        conditions=tuple(
            Condition(measure=measure, value=value, needed=needed)
            for measure, value, needed in zip(
                criteria.measures, found, criteria.asked(following or section.tier), strict=True
            )
        ),
    )
