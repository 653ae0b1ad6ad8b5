"""Lost offsets: where ClickHouse has rows and the group no offset, the sink would store everything again.

It must not, as the blocks would be cut differently and carry other tokens. A partition that is new to both has neither.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from pipeline.failure import Halted
from pipeline.log.port import Committed, Partition

_TOOL: Final = "kafka-consumer-groups.sh --bootstrap-server … --group"


class OffsetsLost(Halted):
    """The group has no offset for messages that ClickHouse has; the message says what to do."""


def doubtful(
    first_tables: Mapping[str, str], ends: Mapping[Partition, int], *, is_new: bool
) -> dict[str, list[Partition]]:
    """By table the partitions without a committed offset that the table may have rows of.

    `first_tables`: by topic the table that has a row of every message, and has it before all others have theirs. So
    nothing beyond its last offset was stored. `ends`: of the log, for the partitions without a committed offset;
    `is_new`: these are all.
    """
    asked: defaultdict[str, list[Partition]] = defaultdict(list)
    for partition, end in ends.items():
        table = first_tables.get(partition.topic)
        # Of an empty partition nothing can come again. But a group without any offset may follow a log made anew.
        if table is not None and (end > 0 or is_new):
            asked[table].append(partition)
    return asked


def require_offsets(
    group: str, found: Mapping[Partition, Committed], stored: Mapping[Partition, int], ends: Mapping[Partition, int]
) -> None:
    """Raise `OffsetsLost` where ClickHouse has stored messages of a partition and the group has no offset.

    `stored`: the last offsets that ClickHouse has; `ends`: of the log, asked for later, so that they are beyond those.
    """
    lost = {partition: last for partition, last in sorted(stored.items()) if found[partition].offset is None}
    if foreign := {partition: last for partition, last in lost.items() if last >= ends[partition]}:
        raise OffsetsLost(_of_another_log(foreign, ends))
    if lost:
        raise OffsetsLost(_without_offset(group, lost))


def _of_another_log(foreign: Mapping[Partition, int], ends: Mapping[Partition, int]) -> str:
    has = ", ".join(
        f"{partition.topic}:{partition.number} up to offset {last} where the log ends at {ends[partition]}"
        for partition, last in foreign.items()
    )
    return (
        f"ClickHouse has rows of {has}, so they came from another log, or from a topic that was deleted since. Stop "
        "the workers, name an empty database in ACCRUE_CLICKHOUSE_DSN, or without a server move `clickhouse` out of "
        "the data folder, and start the workers"
    )


def _without_offset(group: str, lost: Mapping[Partition, int]) -> str:
    has = ", ".join(f"{topic}:{number} up to offset {last}" for (topic, number), last in lost.items())
    lines = " ".join(f"{topic},{number},{last + 1}" for (topic, number), last in lost.items())
    return (
        f"ClickHouse has rows of {has}, and group {group} has no offset there, so they would be stored again. Likely "
        "ACCRUE_GROUP was another before (set it back), the group was deleted, or its offsets expired as no worker ran "
        "for offsets.retention.minutes. To go on with this group, stop all workers, those of a former group too; on "
        f"Kafka write {lines} to a file, one a line, run `{_TOOL} {group} --reset-offsets --from-file FILE --execute`, "
        "start the workers, and run `accrue verify` when they have caught up. If it misses rows, or without Kafka, "
        "build ClickHouse anew: stop all workers, drop Accrue's tables, `schema_migrations` too (without a server "
        f"delete `clickhouse` in the data folder), on Kafka run `{_TOOL} {group} --delete`, and start the workers"
    )
