"""Timers of lots: what falls due in an account is known by its first lot, as accounts keep lots in that order.

A subject's key ends with that lot: a late record may bring points that fall due at an instant that is settled already.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pipeline.engine.calendar import NEVER
from pipeline.engine.kernel.concern import Subject, Timer
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.ledger.state import Account
from pipeline.engine.state import Head
from schemas.facts import Decision


def lot_timer(
    *,
    kind: int,
    name: str,
    at: Callable[[Account], int],
    key: Callable[[Account], str],
    fire: Callable[[ProgramTurn, Subject], Sequence[Decision]],
) -> Timer:
    """A timer that falls due in an account at the instant `at`; `NEVER` where it does not.

    Programs in id order, then currencies by name. `key` names what is due first in the account.
    """

    def due(head: Head) -> int:
        due = NEVER
        for section in head.sections.values():
            for account in section.accounts.values():
                due = min(due, at(account))
        return due

    def first(head: Head, due: int) -> Subject:
        return next(
            Subject(program_id=program_id, key=f"{program_id}/{currency}/{key(account)}", part=currency)
            for program_id, section in sorted(head.sections.items())
            for currency, account in sorted(section.accounts.items())
            if at(account) == due
        )

    return Timer(kind=kind, name=name, due=due, first=first, fire=fire)
