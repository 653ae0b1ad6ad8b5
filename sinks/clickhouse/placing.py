"""Placing: where a partition is read from, by what its group has committed, the log keeps and ClickHouse has.

Retention passes what is committed even where nothing was left to store: a topic's last record is a control record, and
what is committed is the offset of that. So the sink goes on from the first offset that the log keeps.

A begun block that lost messages to that can never be inserted with its token again. Were the rest of it inserted with
another token, rows would come twice; so it goes on after the last offset that ClickHouse has a row of. ClickHouse takes
one month of a table after the other: where the sink died between two, the block's rows of the second are missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from pipeline.log.port import Committed, Partition
from sinks.clickhouse.intents import Intent, intent_of


class Start(NamedTuple):
    """Where a partition is read from, and the block that comes first there."""

    offset: int
    begun: Intent | None


def start_of(partition: Partition, committed: Committed, first: int, last: int | None) -> Start:
    """`first`: the first offset kept; `last`: of the rows that ClickHouse has, asked for where `first` is not there."""
    offset, begun = committed.offset, intent_of(partition, committed)
    if offset is None:
        return Start(first, begun)
    if offset >= first:
        return Start(offset, begun)
    if begun is not None and begun.first >= first:  # before a block come control records alone
        return Start(first, begun)
    return Start(max(first, 0 if last is None else last + 1), None)


def moved(found: Mapping[Partition, Committed], starts: Mapping[Partition, Start]) -> dict[Partition, Committed]:
    """What to commit where the sink goes on beyond what is committed, so that this is found, and told, only once."""
    return {
        partition: Committed(start.offset)
        for partition, start in starts.items()
        if start.begun is None and found[partition].offset not in {None, start.offset}
    }
