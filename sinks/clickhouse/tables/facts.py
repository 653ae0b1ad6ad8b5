"""Messages of facts as rows: a row of `facts` for each fact of any kind, and the legs of its postings."""

from __future__ import annotations

from typing import Final

import msgspec

from pipeline.engine.ledger.postings import Posting, postings
from pipeline.engine.ledger.state import LedgerAccount
from pipeline.log.port import Message
from schemas.facts import Decision, Envelope, FactMessage, IssuedFor, decode_facts
from sinks.clickhouse.canonical import canonical_json
from sinks.clickhouse.tables.table import (
    SOURCE_COLUMNS,
    Column,
    Rows,
    Source,
    Table,
    instant,
    integer,
    number,
    rising,
    text,
    word,
)

_ACCOUNTS: Final = {account: account.text for account in LedgerAccount}
_REASONS: Final[dict[IssuedFor | None, str]] = {None: "", **{reason: reason.text for reason in IssuedFor}}


class FactRow(msgspec.Struct, frozen=True, gc=False):
    """What a row of `facts` is made of."""

    message: FactMessage
    envelope: Envelope
    decision: Decision
    seq: int
    src: Source
    idx: int


class LegRow(FactRow, frozen=True, gc=False):
    """What a row of `ledger_entries` is made of: one side of a posting of the fact."""

    leg: int
    posting: Posting
    account: LedgerAccount
    points: int


_WHO: Final[tuple[Column[FactRow], ...]] = (
    integer("org_id", lambda row: row.message.org_id),
    integer("customer_id", lambda row: row.message.customer_id),
    integer("seq", lambda row: row.seq, "the customer's count of facts, from 1 without gaps"),
)
_WHY: Final[tuple[Column[FactRow], ...]] = (
    text("cause", lambda row: row.envelope.cause, "recordType:id, or timerKind:subject:dueInstant"),
    instant("at", lambda row: row.envelope.at, "effective time"),
)
_PROGRAM: Final[tuple[Column[FactRow], ...]] = (
    integer("program_id", lambda row: row.envelope.program_id, "0 for decisions about the customer as such"),
    integer("program_version", lambda row: row.envelope.version),
)

FACTS: Final = Table[FactRow](
    name="facts",
    comment="What the engine decided, every kind: the envelope in columns, the decision as JSON. Start with the views.",
    columns=(
        *_WHO,
        word("kind", lambda row: type(row.decision).__name__, "such as PointsIssued"),
        *_WHY,
        instant("as_of", lambda row: row.envelope.as_of, "the clock of the customer at the decision"),
        *_PROGRAM,
        text("correction_of", lambda row: row.envelope.correction_of, "the cause that this corrects"),
        text("via", lambda row: row.envelope.via, "the root cause at another customer"),
        number("engine_version", lambda row: row.message.engine_version),
        instant(
            "recorded_at", lambda row: row.message.recorded_at, "when intake took the record; for a tick its instant"
        ),
        number("journal_partition", lambda row: row.message.journal_partition),
        rising("journal_offset", lambda row: row.message.journal_offset),
        *SOURCE_COLUMNS,
        text(
            "data",
            lambda row: canonical_json(row.decision),
            "the decision by field name; fields at their default are left out",
            zstd=3,
        ),
    ),
    partition_by="toYYYYMM(at)",
    order_by=("org_id", "kind", "program_id", "customer_id", "seq"),
)

LEDGER_ENTRIES: Final = Table[LegRow](
    name="ledger_entries",
    comment="The double-entry ledger: each movement of points is two legs, out of one account and into another.",
    columns=(
        *_WHO,
        *_WHY,
        *_PROGRAM,
        number("leg", lambda row: row.leg, "place among the legs of the fact"),
        word("account", lambda row: _ACCOUNTS[row.account], "issued, current, redeemed, expired, reversed, adjusted …"),
        word("currency", lambda row: row.posting.currency),
        integer("points", lambda row: row.points, "into the account; negative out of it"),
        word(
            "issued_for",
            lambda row: _REASONS[row.posting.issued_for],
            "spend, event, milestone, streak, adjustment; empty unless issued",
        ),
        word("rule_id", lambda row: row.posting.rule_id, "what issued; empty unless issued"),
        *SOURCE_COLUMNS,
    ),
    partition_by="toYYYYMM(at)",
    order_by=("org_id", "program_id", "account", "customer_id", "seq"),
)


def add_fact_message(rows: Rows, message: Message) -> None:
    """Add the facts of one message; raises `UnknownVersion` or `msgspec.DecodeError` where it cannot be read."""
    add_facts(rows, decode_facts(message.value or b""), Source(message.topic, message.partition, message.offset))


def add_facts(rows: Rows, message: FactMessage, src: Source) -> None:
    """Add the rows of one message, those of `facts` first: it has a row of every message."""
    facts, legs = rows[FACTS.name], rows[LEDGER_ENTRIES.name]
    seq = message.first_seq
    for group in message.groups:
        for decision in group.decisions:
            row = FactRow(
                message=message,
                envelope=group.envelope,
                decision=decision,
                seq=seq,
                src=src,
                idx=seq - message.first_seq,
            )
            facts.append(row)
            legs += _legs(row)
            seq += 1


def _legs(row: FactRow) -> list[LegRow]:
    """Two for each movement of points, numbered within the fact."""
    return [
        LegRow(
            message=row.message,
            envelope=row.envelope,
            decision=row.decision,
            seq=row.seq,
            src=row.src,
            idx=row.idx,
            leg=2 * number + side,
            posting=posting,
            account=account,
            points=points,
        )
        for number, posting in enumerate(postings(row.decision))
        for side, (account, points) in enumerate(
            ((posting.source, -posting.points), (posting.destination, posting.points))
        )
    ]
