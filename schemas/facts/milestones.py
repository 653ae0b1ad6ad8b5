"""Decisions about milestones."""

from __future__ import annotations

from schemas.facts.decision import Decision


class MilestoneProgressed(Decision, frozen=True, tag=50):
    """What counts towards a milestone changed, before or after it was reached."""

    milestone_id: str
    period: int
    """The period's number: counted from 1970, days, weeks, months, quarters or years as the milestone says."""
    period_ends_at: int
    """The instant at which the period is over."""
    added: int
    value: int
    target: int


class MilestoneAchieved(Decision, frozen=True, tag=51):
    """The target was met, once per period."""

    milestone_id: str
    period: int
    value: int
    target: int
    added: int
    """What the record that met it added."""
