"""The value of a tracker on a day."""

from __future__ import annotations

from pipeline.engine.state import Section
from pipeline.engine.trackers.rules import TrackerRule
from pipeline.engine.trackers.state import Tracked


def tracked_of(section: Section, rule: TrackerRule) -> Tracked | None:
    """What is kept of a customer's tracker; None before the first bill that counts."""
    return section.trackers.get(rule.tracker.id)


def tracker_value(section: Section, rule: TrackerRule, today: int) -> int:
    """What the window of that day holds."""
    return value_with(tracked_of(section, rule), rule, today, today, 0)


def value_with(tracked: Tracked | None, rule: TrackerRule, today: int, day: int, added: int) -> int:
    """The same with so much more on one day, on which a bill was paid."""
    first_day = day if tracked is None else min(tracked.first_day, day)
    begins = rule.begins(first_day, today)
    days = {} if tracked is None else tracked.days
    there = sum(value for on, value in days.items() if begins <= on <= today)
    return there + (added if begins <= day <= today else 0)
