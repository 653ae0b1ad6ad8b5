"""Notifications as rows."""

from __future__ import annotations

from typing import Final, NamedTuple

from pipeline.log.port import Message
from sinks.clickhouse.tables.table import SOURCE_COLUMNS, Rows, Source, Table, instant, integer, text, word

EVENT_NAME_HEADER: Final = "eventName"


class NotificationRow(NamedTuple):
    """What a row of `notifications` is made of."""

    org_id: int
    customer_id: int
    event_name: str
    at: int
    body: bytes
    src: Source
    idx: int = 0


NOTIFICATIONS: Final = Table[NotificationRow](
    name="notifications",
    comment="What downstream systems were told.",
    columns=(
        integer("org_id", lambda row: row.org_id),
        integer("customer_id", lambda row: row.customer_id),
        word("event_name", lambda row: row.event_name),
        instant("at", lambda row: row.at, "timestamp of the message"),
        text("body", lambda row: row.body, "the envelope, JSON", zstd=3),
        *SOURCE_COLUMNS,
    ),
    computed=("event_id String MATERIALIZED JSONExtractString(body, 'eventId') CODEC(ZSTD(1))",),
    partition_by="toYYYYMM(at)",
    order_by=("org_id", "event_name", "customer_id", "at"),
)


def add_notification(rows: Rows, message: Message) -> None:
    """Add one notification: who it is about from the key, what it is from the header, the body as it is."""
    org, _, customer = (message.key or b"").partition(b":")
    name = next((value for header, value in message.headers if header == EVENT_NAME_HEADER), b"")
    rows[NOTIFICATIONS.name].append(
        NotificationRow(
            org_id=int(org),
            customer_id=int(customer),
            event_name=name.decode(),
            at=message.timestamp,
            body=message.value or b"",
            src=Source(message.topic, message.partition, message.offset),
        )
    )
