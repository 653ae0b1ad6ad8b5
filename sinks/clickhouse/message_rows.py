"""Messages of the other topics as rows: journal records, notifications and the changelog's heads."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from itertools import chain
from typing import Any, Final

import msgspec

from pipeline.engine.state import NEVER, Head, Section, decode_head
from pipeline.log.port import Message
from schemas.facts import decode_facts
from schemas.records import (
    AnyRecord,
    ClockAdvanced,
    CustomerRecord,
    ProgramActivated,
    UnknownVersion,
    decode_record,
)
from sinks.clickhouse.fact_rows import add_facts
from sinks.clickhouse.rows import Rows, Source

_JSON: Final = msgspec.json.Encoder()
EVENT_NAME_HEADER: Final = "eventName"


def add_fact_message(rows: Rows, message: Message) -> None:
    """Add the facts of one message; bytes that are no facts are a bug and raise."""
    add_facts(rows, decode_facts(message.value or b""), _source(message))


def add_journal_record(rows: Rows, message: Message) -> None:
    """Add one journal record; what cannot be decoded is a row too, as the heart passes it by with a dead letter."""
    try:
        record = decode_record(message.value or b"")
    except (UnknownVersion, msgspec.DecodeError):
        raw = _JSON.encode({"raw": b64encode(message.value or b"").decode()}).decode()
        at = message.timestamp
        rows["journal"] += ("Undecodable", 0, 0, "", at, at, "", 0, raw, *_source(message), 0)
        return
    received_at = record.received_at
    org, customer, record_id, at = 0, 0, "", received_at
    if isinstance(record, CustomerRecord):
        org, customer, record_id, at = record.org_id, record.customer_id, record.id, record.event_time
    elif isinstance(record, ClockAdvanced):
        at = record.time
    elif isinstance(record, ProgramActivated):
        org = record.org_id
    rows["journal"] += (
        type(record).__name__,
        org,
        customer,
        record_id,
        at,
        received_at,
        record.source,
        record.offset,
        _JSON.encode(_as_object(record)).decode(),
        *_source(message),
        0,
    )


def add_notification(rows: Rows, message: Message) -> None:
    """Add one notification: who it is about from the key, what it is from the header, the body as it is."""
    org, customer = _org_and_customer(message.key or b"")
    name = next((value for header, value in message.headers if header == EVENT_NAME_HEADER), b"")
    body = message.value or b""
    rows["notifications"] += (org, customer, name.decode(), message.timestamp, body, *_source(message), 0)


def add_heads(rows: Rows, messages: Iterable[Message]) -> None:
    """Add the last state of every customer in the messages; other changelog entries are passed by."""
    latest: dict[bytes, Message] = {}
    for message in messages:
        if message.key is not None and message.value is not None and is_head(message.key):
            latest[message.key] = message
    for message in latest.values():
        _add_head(rows, decode_head(message.value or b""), _source(message))


def is_head(key: bytes) -> bool:
    """Whether a changelog key is a customer's head (`org:customer`), and no entry beside it or `$…`."""
    return b"#" not in key and not key.startswith(b"$")


def _add_head(rows: Rows, head: Head, source: Source) -> None:
    profile = _JSON.encode(msgspec.structs.asdict(head.profile)).decode()
    sections = head.sections or {0: Section(version=0)}
    target = rows["customer_state"]
    for index, (program_id, section) in enumerate(sections.items()):
        target += (head.org_id, head.customer_id, program_id, head.seq, head.clock, head.registered_at, profile)
        target += (section.version, section.tier, section.transactions, section.purchases_minor)
        target.append(section.returned_minor)
        target += _accounts(section)
        target += _lots(section)
        target += _milestones(section)
        target += _streaks(section)
        target += (*source, index)


def _accounts(section: Section) -> tuple[list[Any], ...]:
    accounts = section.accounts.values()
    return (
        list(section.accounts),
        [account.balance for account in accounts],
        [account.lifetime for account in accounts],
        [account.issued for account in accounts],
        [account.redeemed for account in accounts],
        [account.expired for account in accounts],
        [account.reversed for account in accounts],
        [account.debited for account in accounts],
    )


def _lots(section: Section) -> tuple[list[Any], ...]:
    currencies = [currency for currency, account in section.accounts.items() for _ in account.lots]
    lots = list(chain.from_iterable(account.lots for account in section.accounts.values()))
    return (
        currencies,
        [lot.lot_id for lot in lots],
        [lot.issued_at for lot in lots],
        [lot.open_points for lot in lots],
        [lot.expires_on for lot in lots],
        [None if lot.closes_at == NEVER else lot.closes_at for lot in lots],
    )


def _milestones(section: Section) -> tuple[list[Any], ...]:
    rows = [
        (milestone_id, period, progress)
        for milestone_id, periods in section.milestones.items()
        for period, progress in periods.items()
    ]
    return (
        [milestone_id for milestone_id, _, _ in rows],
        [period for _, period, _ in rows],
        [progress.ends_at for _, _, progress in rows],
        [progress.value for _, _, progress in rows],
        [progress.achieved for _, _, progress in rows],
    )


def _streaks(section: Section) -> tuple[list[Any], ...]:
    streaks = section.streaks.values()
    return (
        list(section.streaks),
        [streak.runs[-1][0] if streak.runs else None for streak in streaks],
        [streak.runs[-1][1] if streak.runs else None for streak in streaks],
        [streak.longest for streak in streaks],
        [streak.levels for streak in streaks],
        [streak.ended for streak in streaks],
        [streak.ends_on for streak in streaks],
    )


def _source(message: Message) -> Source:
    return Source(message.topic, message.partition, message.offset)


def _org_and_customer(key: bytes) -> tuple[int, int]:
    org, _, customer = key.partition(b":")
    return int(org), int(customer)


def _as_object(record: AnyRecord) -> dict[str, Any]:
    """The record with names: on the wire it is an array, which nobody can query."""
    fields = msgspec.structs.asdict(record)
    if "lines" in fields:
        fields["lines"] = [msgspec.structs.asdict(line) for line in fields["lines"]]
    if "profile" in fields:
        fields["profile"] = msgspec.structs.asdict(fields["profile"])
    return fields
