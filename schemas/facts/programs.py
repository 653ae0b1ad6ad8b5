"""Decisions about a customer's part in a program."""

from __future__ import annotations

from schemas.facts.decision import Decision


class ProgramAdopted(Decision, frozen=True, tag=20):
    """The customer's section follows the envelope's version of the program from now on."""

    previous_version: int
    """0 for the first touch."""
    milestones: tuple[str, ...]
    """The milestones of this version, retired ones too."""
    streaks: tuple[str, ...]
    """The streaks of this version, retired ones too."""
    tier: int
    """The number that the customer's tier has in this version; 0 in a program without tiers."""
    tier_id: str = ""
    """The tier, which a new version leaves as it is."""
