"""Rolling: activity moves the expiry of points that are flagged so, each by its own terms.

RULE: by the event time of the activity; later, never earlier; points that have expired do not come back. A bill counts
whatever it earns, a redemption for the currency that was redeemed. The terms are those that the points were awarded
with; what counts as activity is what the version in force says, and nothing where no points of that version roll.
"""

from __future__ import annotations

from typing import Final

from pipeline.engine.currencies import Currency
from pipeline.engine.kernel.concern import ProgramStage
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.ledger.accounts import account_of, with_held
from pipeline.engine.ledger.moving import Moves, moved
from pipeline.engine.ledger.terms import closing_on, through
from pipeline.engine.programs import Program
from schemas.facts import Decision, Duration, MovedBy
from schemas.records import CustomEventReceived, RedeemPoints, TransactionAdded


def _roll_on_bill(turn: ProgramTurn, record: TransactionAdded) -> list[Decision]:  # noqa: ARG001 - a stage
    rolled = (
        _roll(turn, currency) for currency in turn.program.currencies.values() if currency.terms.activity.transactions
    )
    return [one for some in rolled for one in some]


def _roll_on_redemption(turn: ProgramTurn, record: RedeemPoints) -> list[Decision]:
    currency = turn.program.find_currency(record.currency)
    return _roll(turn, currency) if currency is not None and currency.terms.activity.redemptions else []


def _roll_on_event(turn: ProgramTurn, record: CustomEventReceived) -> list[Decision]:
    named = record.event_name
    rolled = (
        _roll(turn, currency)
        for currency in turn.program.currencies.values()
        if named in currency.terms.activity.events
    )
    return [one for some in rolled for one in some]


def _roll(turn: ProgramTurn, currency: Currency) -> list[Decision]:
    """The lots that roll, by the last day that they had and have; nothing where none of them moves."""
    clock = turn.head.clock
    reached: dict[Duration, int] = {}
    moves: Moves = {}
    for lot in with_held(account_of(turn.section, currency.id)):
        if not isinstance(lot.rolls, Duration) or lot.expires_on is None or lot.closes_at <= clock:
            continue
        last = reached.get(lot.rolls)
        if last is None:
            last = reached[lot.rolls] = closing_on(turn.program.calendar, through(lot.rolls, turn.day)).expires_on
        moves.setdefault((lot.expires_on, max(lot.expires_on, last)), []).append(lot)
    decision = moved(turn, currency.id, MovedBy.ACTIVITY, moves)
    return [] if decision is None else [decision]


def _rolls(program: Program) -> bool:
    return program.rolls


ON_BILL: Final = ProgramStage(_roll_on_bill, used=_rolls)
ON_REDEMPTION: Final = ProgramStage(_roll_on_redemption, used=_rolls)
ON_EVENT: Final = ProgramStage(_roll_on_event, used=_rolls)
