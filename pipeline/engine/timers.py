"""Timers: what falls due at an instant for one customer.

RULE (order): by due instant; at the same instant streaks end before points expire; then programs in id order. A timer's
facts carry the due instant as effective time and (kind, subject, instant) as cause, never the tick that found them.
An expiry's subject ends with its first lot: points of a late record may expire on a date that is settled already.
"""

from __future__ import annotations

from pipeline.engine.state import Account, CustomerState, Section
from pipeline.engine.streaks import current_run
from schemas.facts import Fact, PointsExpired, StreakEnded, Taken


def fall_due(state: CustomerState, due: int) -> list[Fact]:
    """Everything that falls due at that instant."""
    facts: list[Fact] = []
    sections = sorted(state.head.sections.items())
    for program_id, section in sections:
        for streak_id in sorted(section.streaks):
            _end_streak(state, program_id, section, streak_id, due, facts)
    for program_id, section in sections:
        for currency in sorted(section.accounts):
            _expire(state, program_id, section.version, currency, section.accounts[currency], due, facts)
    return facts


def _end_streak(
    state: CustomerState, program_id: int, section: Section, streak_id: str, due: int, facts: list[Fact]
) -> None:
    streak = section.streaks[streak_id]
    if streak.ended or streak.ends_at != due or streak.ends_on is None or streak.ends_in is None:
        return
    facts.append(
        StreakEnded(
            state.head.seq + len(facts) + 1,
            f"streakEnd:{program_id}/{streak_id}:{due}",
            due,
            program_id,
            section.version,
            streak_id,
            streak.ends_on,
            current_run(streak.runs, streak.ends_in),
            tuple(streak.levels),
        )
    )


def _expire(
    state: CustomerState,
    program_id: int,
    version: int,
    currency: str,
    account: Account,
    due: int,
    facts: list[Fact],
) -> None:
    by_date: dict[int, list[Taken]] = {}
    for lot in account.lots:
        if lot.closes_at != due or lot.expires_on is None:
            break
        by_date.setdefault(lot.expires_on, []).append(Taken(lot.lot_id, lot.open_points))
    balance = account.balance
    for expired_on, taken in by_date.items():
        points = sum(one.points for one in taken)
        balance -= points
        facts.append(
            PointsExpired(
                state.head.seq + len(facts) + 1,
                f"expiry:{program_id}/{currency}/{expired_on}/{taken[0].lot_id}:{due}",
                due,
                program_id,
                version,
                currency,
                points,
                expired_on,
                tuple(taken),
                balance,
            )
        )
