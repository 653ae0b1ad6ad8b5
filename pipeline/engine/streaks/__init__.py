"""Streaks: consecutive periods in which a milestone was met."""
