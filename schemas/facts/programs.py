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
    base_tier: int
    """The tier of a customer who is new to the program; 0 in a program without tiers."""
