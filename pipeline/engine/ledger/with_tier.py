"""Points that last as long as a tier: through its last day, and later with it.

RULE (which tier): that of whom they are awarded to, when they become current; points of a customer in the first tier,
which is never lost, never expire. They last while that tier, or a higher one, is held.
RULE (what moves them): a tier that is renewed, reached, or held through its grace moves their last day to its own,
later and never earlier; for ever, where it has none. When their tier is lost, they expire with it: at its end, or where
it is lost before (by a return or by request), with that day; or they go on with the tier that is left, as the program
says. What has expired does not come back.
"""

from __future__ import annotations

from typing import Final, Literal

from pipeline.engine.kernel.concern import ProgramStage
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.ledger.accounts import with_held
from pipeline.engine.ledger.moving import Moves, moved
from pipeline.engine.ledger.state import Lot
from pipeline.engine.ledger.terms import closing_on
from pipeline.engine.programs import Program
from schemas.facts import Decision, MovedBy
from schemas.program.definition import expiries
from schemas.records import CustomerRecord


def lasting_with_tier(
    turn: ProgramTurn, when_lost: Literal["expire", "keep"]
) -> tuple[int | None, int | None, str | None]:
    """The last day of points that become current now, the instant after it, and what ties them to the tier."""
    section = turn.section
    if section.tier <= 1:
        return None, None, None
    last = _last_day(turn)
    tie = section.tier_id if when_lost == "expire" else ""
    return (None, None, tie) if last is None else (*closing_on(turn.program.calendar, last), tie)


def _last_day(turn: ProgramTurn) -> int | None:
    """Of the tier that the customer is in; None for one without an end."""
    tenure = turn.section.tenure
    return None if tenure is None else tenure.expires_on


def _follow(turn: ProgramTurn, record: CustomerRecord | None) -> list[Decision]:
    """The points whose tier now ends on another day, or is lost."""
    open_after = turn.at - 1 if record is None else turn.head.clock
    decisions: list[Decision] = []
    for currency, account in turn.section.accounts.items():
        moves: Moves = {}
        for lot in with_held(account):
            if isinstance(lot.rolls, str) and lot.closes_at > open_after:
                new = _moved_to(turn, lot, lot.rolls)
                if new != lot.expires_on:
                    moves.setdefault((lot.expires_on, new), []).append(lot)
        decision = moved(turn, currency, MovedBy.TIER, moves)
        decisions += [] if decision is None else [decision]
    return decisions


def _moved_to(turn: ProgramTurn, lot: Lot, tier_id: str) -> int | None:
    """The last day of a lot that lasts with that tier; None for never."""
    if turn.program.tier_numbers.get(tier_id, 0) <= turn.section.tier:
        last = _last_day(turn)
        return last if last is None or lot.expires_on is None else max(last, lot.expires_on)
    lost_on = turn.program.calendar.day_of(max(turn.head.clock, turn.at))
    return lost_on if lot.expires_on is None else min(lost_on, lot.expires_on)


def _used(program: Program) -> bool:
    return any(expiry.with_tier is not None for _, expiry in expiries(program.definition))


FOLLOW: Final = ProgramStage(_follow, used=_used)
