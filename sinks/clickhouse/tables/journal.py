"""Journal records as rows."""

from __future__ import annotations

from base64 import b64encode
from typing import Final, NamedTuple

import msgspec

from pipeline.log.port import Message
from schemas.records import (
    ClockAdvanced,
    CustomerRecord,
    ProgramActivated,
    UnknownVersion,
    as_object,
    decode_record,
    forwarded,
)
from sinks.clickhouse.tables.table import SOURCE_COLUMNS, Rows, Source, Table, instant, integer, rising, text, word

_JSON: Final = msgspec.json.Encoder()


class JournalRow(NamedTuple):
    """What a row of `journal` is made of."""

    type: str
    at: int
    received_at: int
    payload: bytes
    src: Source
    org_id: int = 0
    customer_id: int = 0
    record_id: str = ""
    source: str = ""
    source_offset: int = 0
    idx: int = 0


JOURNAL: Final = Table[JournalRow](
    name="journal",
    comment="Everything that happened or was asked for: the only input of the engine.",
    columns=(
        word("type", lambda row: row.type, "record type; Undecodable where the bytes are no record"),
        integer("org_id", lambda row: row.org_id),
        integer("customer_id", lambda row: row.customer_id, "0 for records about no customer"),
        text("record_id", lambda row: row.record_id),
        instant("at", lambda row: row.at, "event time; the time announced; received time of other records"),
        instant("received_at", lambda row: row.received_at),
        word("source", lambda row: row.source, "input partition; for a request, the journal partition of its sender"),
        rising("source_offset", lambda row: row.source_offset),
        text("payload", lambda row: row.payload, "the record as a JSON object", zstd=3),
        *SOURCE_COLUMNS,
    ),
    partition_by="toYYYYMM(at)",
    order_by=("org_id", "type", "customer_id", "at"),
)


def add_journal_record(rows: Rows, message: Message) -> None:
    """Adds one journal record; an undecodable record is a row, too, as the engine continues after it."""
    src = Source(message.topic, message.partition, message.offset)
    rows[JOURNAL.name].append(_journal_row(message, src))


def _journal_row(message: Message, src: Source) -> JournalRow:
    raw = message.value or b""
    try:
        record = forwarded(decode_record(raw))
    except (UnknownVersion, msgspec.DecodeError):
        payload = _JSON.encode({"raw": b64encode(raw).decode()})
        return JournalRow(
            type="Undecodable", at=message.timestamp, received_at=message.timestamp, payload=payload, src=src
        )
    row = JournalRow(
        type=type(record).__name__,
        at=record.received_at,
        received_at=record.received_at,
        source=record.source,
        source_offset=record.offset,
        payload=_JSON.encode(as_object(record)),
        src=src,
    )
    if isinstance(record, CustomerRecord):
        return row._replace(
            org_id=record.org_id, customer_id=record.customer_id, record_id=record.id, at=record.event_time
        )
    if isinstance(record, ClockAdvanced):
        return row._replace(at=record.time)
    if isinstance(record, ProgramActivated):
        return row._replace(org_id=record.org_id)
    return row
