"""Progress: how far a customer is from the next tier, and from keeping the one they have."""

from __future__ import annotations

from typing import NamedTuple

from pipeline.engine.programs import Program
from pipeline.engine.state import Section
from pipeline.engine.tiers.values import basis_value, renewal_value, tenure_of


class TierProgress(NamedTuple):
    """What is there and what is missing, in the units of the program's tiers."""

    value: int
    """What decides the tier, now."""
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


def tier_progress(section: Section, program: Program, now: int) -> TierProgress:
    """The progress at an instant of a customer who is in a tier of the program."""
    rules, tenure = program.tier_rules, tenure_of(section)
    value, measured = basis_value(section, program, rules, now), renewal_value(section, program, rules)
    following = next((tier for tier in rules.left[1:] if tier > section.tier), None)
    to_next = 0
    if following is not None:
        by_renewal = following <= tenure.mark
        needed = rules.needed(following) if by_renewal else rules.thresholds[rules.left.index(following) - 1]
        to_next = max(0, needed - (measured if by_renewal else value))
    return TierProgress(
        value=value,
        next_tier=following,
        to_next=to_next,
        expires_on=tenure.expires_on,
        renewed_by=measured,
        to_keep=0 if tenure.expires_on is None else max(0, rules.needed(section.tier) - measured),
        assigned_id=tenure.floor_id,
    )
