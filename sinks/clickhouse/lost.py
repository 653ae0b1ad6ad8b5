"""Lost offsets: where ClickHouse has rows and the group no offset, the sink would store everything again.

It must not, as the blocks would be cut differently and carry other tokens. A partition that is new to both has neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pipeline.failure import Halted
from pipeline.log.port import Committed, Partition
from sinks.clickhouse.writer import Writer

_TOOL: Final = "kafka-consumer-groups.sh --bootstrap-server … --group"


class OffsetsLost(Halted):
    """The group has no offset for messages that ClickHouse has; the message says how to give it one."""


def stored_without_offset(
    writer: Writer, first_tables: Mapping[str, str], found: Mapping[Partition, Committed]
) -> dict[Partition, int]:
    """The last offset that ClickHouse has of each partition without a committed one; of most it has none.

    `first_tables`: by topic the table that has a row of every message, and has it before all others have theirs. So
    nothing beyond these offsets was stored. Raises `NoAnswer`.
    """
    unknown = {partition for partition, committed in found.items() if committed.offset is None}
    stored: dict[Partition, int] = {}
    for topic, table in first_tables.items():
        if any(partition.topic == topic for partition in unknown):
            last = writer.last_offsets(table, topic)
            stored |= {Partition(topic, number): offset for number, offset in last.items()}
    return {partition: offset for partition, offset in sorted(stored.items()) if partition in unknown}


def require_offsets(group: str, found: Mapping[Partition, Committed], stored: Mapping[Partition, int]) -> None:
    """Raise `OffsetsLost` where ClickHouse has stored messages of a partition and the group has no offset."""
    lost = {partition: last for partition, last in stored.items() if found[partition].offset is None}
    if not lost:
        return
    has = ", ".join(f"{topic}:{number} up to offset {last}" for (topic, number), last in lost.items())
    lines = " ".join(f"{topic},{number},{last + 1}" for (topic, number), last in lost.items())
    message = (
        f"ClickHouse has rows of {has}, and group {group} has no offset there, so they would be stored again. Likely "
        "the group was deleted, or no worker ran for offsets.retention.minutes and its offsets expired. Stop the "
        f"workers, write {lines} to a file, one a line, and run `{_TOOL} {group} --reset-offsets --from-file FILE "
        "--execute`; start the workers, and run `accrue verify` when they have caught up. If it misses rows, a block "
        "was half stored when the offsets were lost, and ClickHouse must be built anew; so it must if this is not the "
        "log that the rows came from. For that stop the workers, drop ClickHouse's database and create it again, or "
        f"delete `clickhouse` in the data folder, run `{_TOOL} {group} --delete`, and start the workers"
    )
    raise OffsetsLost(message)
