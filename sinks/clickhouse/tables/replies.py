"""Replies as rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import msgspec

from pipeline.log.port import Message
from sinks.clickhouse.tables.table import SOURCE_COLUMNS, Column, Rows, Source, Table, instant, integer, text, word

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


class _Said(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """What columns need of a reply; its body is kept whole."""

    reply_id: str
    record_id: str
    org_id: int
    customer_id: int
    type: str
    outcome: str
    first_outcome: str | None
    reason: str | None
    vendor_code: int | None
    message: str
    at: datetime
    seq: int


_SAID: Final = msgspec.json.Decoder(_Said)


class ReplyRow(NamedTuple):
    """What a row of `replies` is made of."""

    said: _Said
    body: bytes
    src: Source
    idx: int = 0


REPLIES: Final = Table[ReplyRow](
    name="replies",
    comment="What senders were answered: of commands, and of records that were refused, wait or came before.",
    columns=(
        integer("org_id", lambda row: row.said.org_id),
        integer("customer_id", lambda row: row.said.customer_id),
        word("type", lambda row: row.said.type, "of the message, such as redeemPoints"),
        text("record_id", lambda row: row.said.record_id),
        word("outcome", lambda row: row.said.outcome, "done, refused, duplicate, held"),
        word("first_outcome", lambda row: row.said.first_outcome or "", "of a duplicate: that of the first"),
        word("reason", lambda row: row.said.reason or "", "empty unless refused"),
        Column(
            "vendor_code", "Nullable(Int64)", lambda row: row.said.vendor_code, "", "of Capillary, where it has one"
        ),
        text("message", lambda row: row.said.message, "the answer as a sentence"),
        integer("seq", lambda row: row.said.seq, "the customer's count of facts when it was decided"),
        text("reply_id", lambda row: row.said.reply_id),
        instant("at", lambda row: (row.said.at - _EPOCH) // _MILLISECOND, "when it was decided"),
        text("body", lambda row: row.body, "the reply, JSON", zstd=3),
        *SOURCE_COLUMNS,
    ),
    partition_by="toYYYYMM(at)",
    order_by=("org_id", "type", "customer_id", "at"),
)


def add_reply(rows: Rows, message: Message) -> None:
    """Add one reply; raises `msgspec.DecodeError` where it cannot be read."""
    body = message.value or b""
    rows[REPLIES.name].append(
        ReplyRow(
            said=_SAID.decode(body),
            body=body,
            src=Source(message.topic, message.partition, message.offset),
        )
    )
