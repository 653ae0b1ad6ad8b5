"""What falls due about a customer's tier: checks at the end of a day, the end of a term or of a period, reminders.

RULE (end of a term): who meets the renewal keeps the tier for another term from that day on; else it is held through
its grace, where the program gives any, and then lost. A tier that somebody gave is kept without an end while it holds;
its term begins when that ends, and nobody is reminded of one that would go on so. Where several that were given end at
one instant, the first end is the one move. Records that come late, for a term that has ended, change no decision about
it.
"""

from __future__ import annotations

from typing import Final

from pipeline.engine.calendar import NEVER
from pipeline.engine.kernel.concern import Subject
from pipeline.engine.kernel.timers import part_timer, section_timer
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.tiers.assess import fall_after_return, upgrade
from pipeline.engine.tiers.requests import released
from pipeline.engine.tiers.rules import TierRules
from pipeline.engine.tiers.terms import for_ever
from pipeline.engine.tiers.values import basis_values, floor_of, now_of, renewal_values, tenure_of, term_from
from schemas.facts import (
    Decision,
    TierCheckSet,
    TierDowngraded,
    TierGraceBegun,
    TierMoved,
    TierReminded,
    TierRemindersPlanned,
    TierRenewed,
    TierTenureBegun,
)


def _check(turn: ProgramTurn, _: Subject) -> list[Decision]:
    """The move that waited for the end of the day, if the values still give one."""
    done = TierCheckSet(at=None)
    rules = turn.program.tier_rules
    up = upgrade(turn, turn.at)
    falls = up is None and tenure_of(turn.section).falls_then and rules.definition.on_return == "end_of_day"
    down = fall_after_return(turn, turn.at) if falls else None
    move = up or down
    return [done] if move is None else [done, move]


def _end(turn: ProgramTurn, _: Subject) -> list[Decision]:
    """Renewed, held through the grace, or lost."""
    rules, section = turn.program.tier_rules, turn.section
    if rules.definition.validity is None:
        return [TierTenureBegun(currency=rules.currency, term=for_ever(turn.at))]
    values = renewal_values(section, turn.program, now_of(turn) - 1)
    measured, needed = rules.renewal.decisive(values, section.tier)
    by_hand = floor_of(section, turn.program) >= section.tier
    if rules.renewal.met(values, section.tier) or by_hand:
        return [
            TierRenewed(
                tier=section.tier,
                measured=measured,
                needed=needed,
                term=for_ever(turn.at) if by_hand else term_from(turn, section.tier, turn.at),
                by=TierMoved.HAND if by_hand else TierMoved.RENEWAL,
            )
        ]
    if rules.definition.grace_days and not tenure_of(section).in_grace:
        last = turn.day - 1 + rules.definition.grace_days
        ends_at = turn.program.calendar.start_of(last + 1)
        if ends_at != NEVER:
            return [
                TierGraceBegun(tier=section.tier, expires_on=last, ends_at=ends_at, measured=measured, needed=needed)
            ]
    return [_lost(turn, rules, values)]


def _lost(turn: ProgramTurn, rules: TierRules, values: tuple[int, ...]) -> TierDowngraded:
    section, program = turn.section, turn.program
    measured, needed = rules.renewal.decisive(values, section.tier)
    reached = 1
    if rules.definition.downgrade == "one_lower":
        reached = rules.next_lower(section.tier)
    elif rules.definition.downgrade == "by_value":
        reached = min(rules.renewal.reached(values), rules.next_lower(section.tier))
    reached = max(reached, floor_of(section, program))
    return TierDowngraded(
        previous=section.tier,
        reached=reached,
        reached_id=program.tier_ids[reached],
        measured=measured,
        needed=needed,
        mark=rules.upgrade.reached(basis_values(section, program, now_of(turn))),
        term=term_from(turn, reached, turn.at),
        by=TierMoved.RENEWAL,
    )


def _given_beyond(turn: ProgramTurn, instant: int) -> int:
    """The number of the highest tier that was given and holds after an instant, 0 for none."""
    tenure = tenure_of(turn.section)
    over = [key for key, one in tenure.rewards.items() if one.until <= instant]
    over += [""] if tenure.floor_until <= instant else []
    return floor_of(turn.section, turn.program, but=over)


def _remind(turn: ProgramTurn, _: Subject) -> list[Decision]:
    rules, section, tenure = turn.program.tier_rules, turn.section, tenure_of(turn.section)
    if rules.definition.validity is None or _given_beyond(turn, tenure.term.ends_at) >= section.tier:
        return [TierRemindersPlanned(reminders=tuple(tenure.reminders[1:]))]
    measured, needed = rules.renewal.decisive(renewal_values(section, turn.program, now_of(turn)), section.tier)
    return [
        TierReminded(
            tier=section.tier,
            expires_on=tenure.expires_on or 0,
            lead_days=tenure.reminders[0].lead_days,
            measured=measured,
            needed=needed,
        )
    ]


def _floor(turn: ProgramTurn, _: Subject) -> list[Decision]:
    return [released(turn, turn.at, turn.section.tier, _given_beyond(turn, turn.at))]


def _reward_over(turn: ProgramTurn, subject: Subject) -> list[Decision]:
    return [released(turn, turn.at, turn.section.tier, _given_beyond(turn, turn.at), reward_of=subject.part)]


CHECK: Final = section_timer(kind=17, name="tierCheck", at=lambda section: tenure_of(section).check_at, fire=_check)
FLOOR: Final = section_timer(
    kind=18, name="assignedTierEnd", at=lambda section: tenure_of(section).floor_until, fire=_floor
)
REWARD_END: Final = part_timer(
    kind=50,
    name="rewardedTierEnd",
    parts=lambda section: tenure_of(section).rewards,
    at=lambda reward: NEVER if reward.taken else reward.until,
    fire=_reward_over,
)
END: Final = section_timer(kind=16, name="tierEnd", at=lambda section: tenure_of(section).term.ends_at, fire=_end)
REMINDER: Final = section_timer(
    kind=19,
    name="tierReminder",
    at=lambda section: next((reminder.at for reminder in tenure_of(section).reminders), NEVER),
    fire=_remind,
)
