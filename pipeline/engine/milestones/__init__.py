"""Milestones: targets met once in each calendar period."""
