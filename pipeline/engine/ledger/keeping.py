"""Keeping promises: what makes promised points current before a day does, or cancels them.

RULE (delivery): DELIVERED makes those promised points of the bill current that wait for its delivery; other statuses
change nothing. RULE (trigger): an event makes current what waits for an event of its name and has its reference. The
commands reach every promised lot, whatever it waits for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from pipeline.engine.bills.entries import bill_of
from pipeline.engine.kernel.concern import ProgramStage
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.ledger.conversion import cancel, convert
from pipeline.engine.ledger.promises import reference_of
from pipeline.engine.ledger.state import Account, PromisedLot
from schemas.facts import Awaits, CancelledFor, ConvertedBy, Decision, RecordRefused, Refusal
from schemas.records import ActivatePoints, CancelPromise, CustomEventReceived, TransactionUpdated

DELIVERED: Final = "DELIVERED"


def _on_event(turn: ProgramTurn, record: CustomEventReceived) -> Sequence[Decision]:
    """What waits for this event becomes current."""
    if not turn.head.promised_lots:
        return ()
    name, reference = record.event_name, reference_of(record)
    return [
        convert(turn, currency, account, lots, ConvertedBy.TRIGGER)
        for currency, account, lots in _promised(
            turn, lambda lot: lot.awaits is Awaits.TRIGGER and lot.event == name and lot.reference == reference
        )
    ]


def deliver(turn: ProgramTurn, record: TransactionUpdated) -> Sequence[Decision]:
    """What waits for the delivery of the bill becomes current, also what an update adds after it.

    Points of an earlier bill of that number go on waiting.
    """
    bill = bill_of(turn.state, record.bill_number)
    if bill.delivery_status != DELIVERED:
        return ()
    return [
        convert(turn, currency, account, lots, ConvertedBy.DELIVERY)
        for currency, account, lots in _promised(
            turn,
            lambda lot: (
                lot.awaits is Awaits.DELIVERY
                and lot.reference == record.bill_number
                and lot.promised_at >= bill.paid_at
            ),
        )
    ]


def activate(turn: ProgramTurn, record: ActivatePoints) -> Sequence[Decision]:
    """The promised points that are named become current now."""
    return [
        convert(turn, currency, account, lots, ConvertedBy.COMMAND, record.reason, record.entered_by)
        for currency, account, lots in _promised(turn, _named(record))
    ] or [_unknown(record)]


def give_up(turn: ProgramTurn, record: CancelPromise) -> Sequence[Decision]:
    """The promised points that are named will not become current."""
    return [
        cancel(
            currency,
            account,
            lots,
            CancelledFor.COMMAND,
            promised=account.promised,
            reason=record.reason,
            entered_by=record.entered_by,
        )
        for currency, account, lots in _promised(turn, _named(record))
    ] or [_unknown(record)]


def _named(record: ActivatePoints | CancelPromise) -> Callable[[PromisedLot], bool]:
    """Whether a lot has the reference, or is one of the lots, where the record names any."""
    lots = frozenset(record.lots)
    return lambda lot: lot.reference == record.reference and (not lots or lot.lot_id in lots)


def _unknown(record: ActivatePoints | CancelPromise) -> RecordRefused:
    return RecordRefused(reason=Refusal.PROMISE_UNKNOWN, subject=record.reference)


def _promised(turn: ProgramTurn, chosen: Callable[[PromisedLot], bool]) -> list[tuple[str, Account, list[PromisedLot]]]:
    """The promised lots that are chosen, by currency, with their account."""
    found = (
        (currency, account, [lot for lot in account.promised_lots if chosen(lot)])
        for currency, account in sorted(turn.section.accounts.items())
    )
    return [one for one in found if one[2]]


ON_EVENT: Final = ProgramStage(_on_event)
