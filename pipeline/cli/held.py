"""`accrue held`: messages that wait until somebody is known by their identifiers."""

from __future__ import annotations

import click

from pipeline.cli.identity import entries_of_org
from pipeline.cli.output import instant, json_option, placed, print_json, print_table
from pipeline.cli.place import Place
from pipeline.clock import SYSTEM_CLOCK
from pipeline.engine.identity.state import Held
from schemas.records import CustomerRecord, decode_record


@click.command()
@click.argument("org", type=int)
@placed
@json_option
def held(org: int, place: Place, *, as_json: bool) -> None:
    """List the messages of an org that wait for a customer; `accrue identity link` releases them.

    \b
    Example:
      accrue held 100 --data-dir accrue-demo
    """
    now = SYSTEM_CLOCK.wall()
    with place.log() as log:
        waiting = [
            (name.partition(":")[2], entry.until, decode_record(entry.record))
            for name, entry in entries_of_org(place, log, org)
            if isinstance(entry, Held) and entry.record and entry.until > now
        ]
    found = [
        (origin, type(record).__name__, record.id, record.event_time, until)
        for origin, until, record in sorted(waiting, key=lambda one: one[1])
        if isinstance(record, CustomerRecord)
    ]
    if as_json:
        keys = ("message", "type", "id", "at", "until")
        print_json([dict(zip(keys, one, strict=True)) for one in found])
        return
    rows = [(origin, kind, record_id, instant(at), instant(until)) for origin, kind, record_id, at, until in found]
    print_table("Messages that wait for a customer", ("message", "type", "id", "at", "until"), rows)
