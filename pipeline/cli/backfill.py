"""`accrue backfill`: loads history in event time, then switches the journal to real time."""

from __future__ import annotations

import time

import click
import msgspec

from pipeline.cli.activating import write
from pipeline.cli.output import json_option, placed, print_json
from pipeline.cli.place import Place, Unusable
from pipeline.cli.printing import say
from pipeline.cli.reading import partitions_of, read_all
from pipeline.engine.clock import PartitionClock
from pipeline.importer.upstream import last_clock
from pipeline.log.port import Log, Message, Outgoing, Partition
from schemas.records import (
    AnyRecord,
    BackfillBegun,
    ClockAdvanced,
    ProgramActivated,
    UnknownVersion,
    decode_record,
    encode_record,
)


@click.group()
def backfill() -> None:
    """Load history in event time.

    While a backfill is on, timers fall due by the time of the records, and `advanceClock` in each partition of the
    transactions topic says how far that is.

    \b
    Example:
      accrue backfill begin
      accrue import retail online_retail.csv --until 2011-12-10
      accrue backfill end
    """


@backfill.command()
@placed
@json_option
def begin(place: Place, *, as_json: bool) -> None:
    """Put a journal that is still empty into event mode.

    \b
    Example:
      accrue backfill begin
    """
    with place.log(create=True) as log:
        begin_backfill(place, log)
    print_json({"mode": "event"}) if as_json else say("the journal runs on event time")


@backfill.command()
@placed
@json_option
def end(place: Place, *, as_json: bool) -> None:
    """Say that no more history follows: once that is read, the journal runs on the wall clock for good.

    \b
    Example:
      accrue backfill end
    """
    with place.log() as log:
        if not in_event_mode(place, log):
            message = "no backfill is on: there is nothing to end"
            raise Unusable(message)
        topic = place.catalog.name("transactions")
        value = last_clock(int(time.time() * 1000))
        write(place, log, [Outgoing(topic, None, value, number) for number in range(place.settings.partitions)])
    print_json({"mode": "wall"}) if as_json else say("the journal is now on real time")


def begin_backfill(place: Place, log: Log) -> None:
    """Writes `BackfillBegun` as the first record of every journal partition, unless a backfill is running.

    Raises `Unusable` if the journal has other records already.
    """
    if in_event_mode(place, log):
        return
    journal = partitions_of([place.catalog.name("journal")], place.settings.partitions)
    for message in read_all(log, journal):
        if not isinstance(_record_of(message), ProgramActivated):
            text = (
                f"the journal has begun (partition {message.partition}, offset {message.offset}), and a backfill must "
                "come first: use new topics (ACCRUE_PREFIX) or a new folder (--data-dir)"
            )
            raise Unusable(text)
    transactions = place.catalog.name("transactions")
    sources = tuple(f"{transactions}:{number}" for number in range(place.settings.partitions))
    record = encode_record(BackfillBegun(int(time.time() * 1000), "command", 0, sources))
    write(place, log, [Outgoing(one.topic, b"$backfill", record, one.number) for one in journal])


def in_event_mode(place: Place, log: Log) -> bool:
    """Whether the journal, as written so far, runs on event time."""
    journal = partitions_of([place.catalog.name("journal")], place.settings.partitions)
    clocks: dict[Partition, PartitionClock] = {one: PartitionClock() for one in journal}
    for message in read_all(log, journal):
        record = _record_of(message)
        clock = clocks[Partition(message.topic, message.partition)]
        if isinstance(record, BackfillBegun):
            clock.begin_backfill(record)
        elif isinstance(record, ClockAdvanced):
            clock.advance(record)
    return any(clock.event_mode for clock in clocks.values())


def _record_of(message: Message) -> AnyRecord | None:
    """The record in a journal message; None if it cannot be read (the loyalty role dead-letters it)."""
    try:
        return decode_record(message.value or b"")
    except (UnknownVersion, msgspec.DecodeError):
        return None
