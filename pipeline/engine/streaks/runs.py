"""Runs: a set of periods, kept as its runs of consecutive periods."""

from __future__ import annotations

Run = tuple[int, int]
"""First and last period, both in it."""


def current_run(runs: list[Run], period: int) -> int:
    """The length of the run that ends in `period`, or in the one before (the running period breaks nothing)."""
    for first, last in reversed(runs):
        if last in (period, period - 1):
            return last - first + 1
    return 0


def with_period(runs: list[Run], period: int) -> tuple[list[Run], int]:
    """The runs with one more period in them, and the length of the run that the period is in."""
    first = last = period
    kept: list[Run] = []
    for run in runs:
        if run[1] + 1 < first or last + 1 < run[0]:
            kept.append(run)
        else:
            first, last = min(first, run[0]), max(last, run[1])
    kept.append((first, last))
    kept.sort()
    return kept, last - first + 1


def holds(runs: list[Run], period: int) -> bool:
    """Whether the period is in the set."""
    for first, last in reversed(runs):  # noqa: SIM110 - any() over a generator costs three times the loop
        if first <= period <= last:
            return True
    return False


def without_period(runs: list[Run], period: int) -> list[Run]:
    """The runs without one of their periods."""
    kept: list[Run] = []
    for first, last in runs:
        if first <= period <= last:
            kept += [run for run in ((first, period - 1), (period + 1, last)) if run[0] <= run[1]]
        else:
            kept.append((first, last))
    return kept


def longest_of(runs: list[Run]) -> int:
    """The length of the longest run."""
    return max((last - first + 1 for first, last in runs), default=0)
