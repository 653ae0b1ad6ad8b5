"""Who is nearly in the next tier is told so, where the program asks for it.

RULE: with a bill or a custom event, when the condition on which the next tier depends has at least so many percent of
what the tier asks for; again after the cool-down, or at once for a higher tier than before. Nothing falls due of
itself, so ticks decide nothing.
"""

from __future__ import annotations

from typing import Final

from pipeline.engine.kernel.concern import ProgramStage
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.programs import DAY_MS, Program
from pipeline.engine.tiers.progress import tier_progress
from pipeline.engine.tiers.values import now_of, tenure_of
from schemas.facts import Decision, TierApproached
from schemas.records import CustomerRecord, CustomEventReceived, TransactionAdded

_PERCENT: Final = 100


def _approach(turn: ProgramTurn, record: CustomerRecord | None) -> list[Decision]:
    program, section, now = turn.program, turn.section, now_of(turn)
    near = program.tier_rules.definition.approaching
    if near is None or not isinstance(record, TransactionAdded | CustomEventReceived):
        return []
    progress, tenure = tier_progress(section, program, now), tenure_of(section)
    following, towards = progress.next_tier, progress.towards
    if following is None or towards is None or towards.value >= towards.needed:
        return []
    if towards.value * _PERCENT < towards.needed * near.percent:
        return []
    if following <= tenure.approached and now < tenure.approached_at + near.cooldown_days * DAY_MS:
        return []
    ends_on = None if tenure.period is None else program.calendar.day_of(tenure.period.ends_at - 1)
    return [
        TierApproached(
            tier=following,
            tier_id=program.tier_ids[following],
            measured=towards.value,
            needed=towards.needed,
            basis=next(one.measure.basis for one in progress.conditions if one[1:] == towards).value,
            ends_on=ends_on,
            days_left=None if ends_on is None else ends_on - program.calendar.day_of(now),
        )
    ]


def _asked_for(program: Program) -> bool:
    return program.tier_rules.definition.approaching is not None


APPROACH: Final = ProgramStage(_approach, used=_asked_for)
