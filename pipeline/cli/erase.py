"""`accrue erase`: makes what is known of a customer unreadable for ever."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import click
import msgspec

from pipeline.cli.output import json_option, placed, print_json
from pipeline.cli.place import Place, Unusable
from pipeline.cli.printing import say
from pipeline.cli.reading import read_all
from pipeline.cli.settings_topic import orgs_now
from pipeline.intake.dialects.naming import NOBODY, input_key
from pipeline.intake.personal import is_readable
from pipeline.log.partitioner import partition_for
from pipeline.log.port import Log, Outgoing, Partition
from pipeline.runtime.roles.settings_writer import write_keys
from pipeline.sealing import Keys, subjects_in
from schemas import messages
from schemas.records import decode_record, forwarded

_TIMEOUT: Final = 30.0
_EMPTIED: Final = """ALTER TABLE notifications UPDATE body = concat('{"eventId":"', event_id, '"}')
WHERE org_id = {org:Int64} AND customer_id = {customer:Int64}"""


class _Found(NamedTuple):
    """What the journal has of a customer."""

    subjects: frozenset[int]
    """Under which their records are sealed."""
    readable: int
    """Records with personal data that came before the org sealed it."""


@click.command()
@click.argument("org", type=int)
@click.argument("customer", type=int)
@click.option("--yes", is_flag=True, help="Erase; without this the command only says what it would do.")
@placed
@json_option
def erase(org: int, customer: int, place: Place, *, yes: bool, as_json: bool) -> None:
    """Erase a customer: their personal data can be read by nobody from then on. It cannot be undone.

    The customer's key is taken away, so names, addresses and numbers are unreadable in journal, facts and state, which
    stay as they are; bills and points count as before. Their identifiers name nobody any more, and what ClickHouse has
    of their notifications is emptied. Later messages about the customer keep no personal data.

    \b
    Example:
      accrue erase 100 4711 --yes
    """
    with place.log() as log:
        settings = orgs_now(place, log).get(org)
        if settings is None or settings.personal_data != "sealed":
            message = f"org {org} keeps personal data readable: write `personal_data: sealed` in its settings"
            raise Unusable(message)
        found = _found(place, log, org, customer)
        if yes:
            subjects = {customer, *found.subjects}
            write_keys(log, place.settings, lambda secrets: _without(secrets, org, subjects))
            _unlink(place, log, org, customer)
    emptied = _empty_notifications(place, org, customer) if yes else False
    if as_json:
        told = {"org": org, "customer": customer, "erased": yes, "clickhouse": emptied, "readable": found.readable}
        print_json(told)
        return
    if found.readable:
        say(f"{found.readable:,} records in the journal came before the org sealed personal data: they stay readable")
    if not yes:
        say(f"would erase customer {org}:{customer}; add --yes to do it, for ever")
    elif emptied:
        say(f"customer {org}:{customer} is erased")
    else:
        say(f"customer {org}:{customer} is erased in the log; there is no ClickHouse here")


def _found(place: Place, log: Log, org: int, customer: int) -> _Found:
    key = input_key(org, customer)
    journal = Partition(place.catalog.name("journal"), partition_for(key, place.settings.partitions))
    subjects: set[int] = set()
    readable = 0
    for message in read_all(log, [journal]):
        if message.key == key and message.value is not None:
            subjects |= subjects_in(message.value)
            readable += is_readable(forwarded(decode_record(message.value)))
    return _Found(subjects=frozenset(subjects), readable=readable)


def _without(secrets: Mapping[bytes, bytes], org: int, subjects: Iterable[int]) -> dict[bytes, bytes | None]:
    """What has to change so that none of the subjects has a key."""
    kept: dict[bytes, bytes] = dict(secrets)
    changes: dict[bytes, bytes | None] = {}
    for subject in sorted(subjects):
        for name, secret in Keys(kept).without(org, subject).items():
            changes[name] = secret
            if secret is None:
                del kept[name]
            else:
                kept[name] = secret
    return {name: secret for name, secret in changes.items() if secret is not None or name in secrets}


def _unlink(place: Place, log: Log, org: int, customer: int) -> None:
    now = int(time.time() * 1_000)
    message = messages.UnlinkIdentifiers(org_id=org, customer_id=customer, event_time=now, everything=True)
    producer = log.producer()
    try:
        topic = place.catalog.name("customers")
        producer.produce([Outgoing(topic, input_key(org, NOBODY), msgspec.json.encode(message))])
        producer.flush(_TIMEOUT)
    finally:
        producer.close()


def _empty_notifications(place: Place, org: int, customer: int) -> bool:
    """Leave nothing but the ids of what the customer was told; whether there is a ClickHouse."""
    if place.settings.clickhouse_dsn is None and not (place.settings.data_dir / "clickhouse").exists():
        return False
    with place.clickhouse() as client:
        client.command(_EMPTIED, parameters={"org": org, "customer": customer}, settings={"mutations_sync": 2})
    return True
