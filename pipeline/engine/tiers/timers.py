"""What falls due about a customer's tier: checks at the end of a day, the end of a term or of a period, reminders.

RULE (end of a term): who meets the renewal keeps the tier for another term from that day on; else it is held through
its grace, where the program gives any, and then lost. A tier that somebody gave is kept without an end while it holds;
its term begins when that ends. Records that come late, for a term that has ended, change no decision about it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from pipeline.engine.calendar import NEVER
from pipeline.engine.kernel.concern import Subject, Timer
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.state import Head
from pipeline.engine.tiers.assess import fall_after_return, upgrade
from pipeline.engine.tiers.requests import released
from pipeline.engine.tiers.rules import TierRules
from pipeline.engine.tiers.state import Tenure
from pipeline.engine.tiers.terms import for_ever
from pipeline.engine.tiers.values import basis_value, floor_of, now_of, renewal_value, tenure_of, term_from
from schemas.facts import (
    Decision,
    TierCheckSet,
    TierDowngraded,
    TierGraceBegun,
    TierMoved,
    TierReminded,
    TierRenewed,
    TierTenureBegun,
)


def _check(turn: ProgramTurn, _: Subject) -> list[Decision]:
    """The move that waited for the end of the day, if the values still give one."""
    done = TierCheckSet(at=None)
    rules = turn.program.tier_rules
    up = upgrade(turn, turn.at)
    down = fall_after_return(turn, turn.at) if up is None and rules.definition.on_return == "end_of_day" else None
    move = up or down
    return [done] if move is None else [done, move]


def _end(turn: ProgramTurn, _: Subject) -> list[Decision]:
    """Renewed, held through the grace, or lost."""
    rules, section = turn.program.tier_rules, turn.section
    if section.tier <= 1 or rules.definition.validity is None:
        return [TierTenureBegun(currency=turn.program.currency, term=for_ever(turn.at))]
    measured, needed = renewal_value(section, turn.program, rules), rules.needed(section.tier)
    by_hand = floor_of(section, turn.program) >= section.tier
    if measured >= needed or by_hand:
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
    return [_lost(turn, rules, measured, needed)]


def _lost(turn: ProgramTurn, rules: TierRules, measured: int, needed: int) -> TierDowngraded:
    section, program = turn.section, turn.program
    reached = 1
    if rules.definition.downgrade == "one_lower":
        reached = rules.next_lower(section.tier)
    elif rules.definition.downgrade == "by_value":
        reached = min(rules.by_renewal(measured), rules.next_lower(section.tier))
    reached = max(reached, floor_of(section, program))
    return TierDowngraded(
        previous=section.tier,
        reached=reached,
        reached_id=program.tier_ids[reached],
        measured=measured,
        needed=needed,
        mark=rules.by_value(basis_value(section, program, rules, now_of(turn))),
        term=term_from(turn, reached, turn.at),
        by=TierMoved.RENEWAL,
    )


def _remind(turn: ProgramTurn, _: Subject) -> list[Decision]:
    rules, section, tenure = turn.program.tier_rules, turn.section, tenure_of(turn.section)
    return [
        TierReminded(
            tier=section.tier,
            expires_on=tenure.expires_on or 0,
            lead_days=tenure.reminders[0].lead_days,
            measured=renewal_value(section, turn.program, rules),
            needed=rules.needed(section.tier),
        )
    ]


def _floor(turn: ProgramTurn, _: Subject) -> list[Decision]:
    return [released(turn, turn.at, reason="", entered_by="")]


def _timer(
    kind: int, name: str, at: Callable[[Tenure], int], fire: Callable[[ProgramTurn, Subject], list[Decision]]
) -> Timer:
    """A timer with one instant in each program."""
    return Timer(kind=kind, name=name, due=partial(_due, at), first=partial(_first, at), fire=fire)


def _due(at: Callable[[Tenure], int], head: Head) -> int:
    return min((at(section.tenure) for section in head.sections.values() if section.tenure is not None), default=NEVER)


def _first(at: Callable[[Tenure], int], head: Head, due: int) -> Subject:
    """Programs in id order."""
    program_id = next(
        program_id
        for program_id, section in sorted(head.sections.items())
        if section.tenure is not None and at(section.tenure) == due
    )
    return Subject(program_id=program_id, key=str(program_id), part=None)


CHECK: Final = _timer(17, "tierCheck", lambda tenure: tenure.check_at, _check)
FLOOR: Final = _timer(18, "assignedTierEnd", lambda tenure: tenure.floor_until, _floor)
END: Final = _timer(16, "tierEnd", lambda tenure: tenure.term.ends_at, _end)
REMINDER: Final = _timer(
    19, "tierReminder", lambda tenure: tenure.reminders[0].at if tenure.reminders else NEVER, _remind
)
