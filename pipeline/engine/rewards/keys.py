"""What a reward is known by: `PointsIssued.activity` of a milestone met or a streak level reached."""

from __future__ import annotations


def milestone_key(milestone_id: str, cycle: int) -> str:
    """The reward of a milestone in one cycle."""
    return f"milestone/{milestone_id}/{cycle}"


def unified_key(unified_id: str, cycle: int) -> str:
    """The reward of a unified target in one cycle."""
    return f"unified/{unified_id}/{cycle}"


def level_key(streak_id: str, level: int, again: int) -> str:
    """The reward of a level, for each time that it is reached."""
    return f"streak/{streak_id}/{level}/{again + 1}" if again else f"streak/{streak_id}/{level}"
