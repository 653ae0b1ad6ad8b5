"""Decisions about tiers."""

from __future__ import annotations

from schemas.facts.decision import Decision


class TierUpgraded(Decision, frozen=True, tag=70):
    """The customer moved up, by one tier or several."""

    previous: int
    reached: int
    basis_value: int
    """What was measured: lifetime points, or net purchases in minor units."""
    reached_id: str = ""


class TierReassigned(Decision, frozen=True, tag=71):
    """The customer's tier was retired: they are in the next lower tier that is left."""

    previous: int
    reached: int
    basis_value: int
    reached_id: str
