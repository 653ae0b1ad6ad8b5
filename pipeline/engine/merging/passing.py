"""Records that still arrive for a customer who was merged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.engine.bills.entries import is_known
from pipeline.engine.kernel.turn import Turn
from schemas.facts import Decision, Envelope, RecordPassedOn, RecordRefused, Refusal
from schemas.records import CustomerRecord, ForwardRecord, TransactionAdded, encode_record, with_customer


def passed_on(turn: Turn, record: CustomerRecord) -> list[Decision]:
    """The record goes to the survivor under its own id, where it is admitted; nothing where there is none.

    A bill that this customer has is not passed on: it counted before the merge.
    """
    merge = turn.head.merge
    if merge is None or not merge.into:
        return []
    if isinstance(record, TransactionAdded) and is_known(turn.state, record):
        return [RecordRefused(reason=Refusal.BILL_EXISTS, subject=record.bill_number)]
    return [RecordPassedOn(survivor_id=merge.into, record=encode_record(record))]


def forward(decision: RecordPassedOn, _envelope: Envelope, stated: Mapping[str, Any]) -> ForwardRecord:
    """The record, as one of the survivor."""
    survivor = decision.survivor_id
    return ForwardRecord(**stated, customer_id=survivor, record=with_customer(decision.record, survivor))
