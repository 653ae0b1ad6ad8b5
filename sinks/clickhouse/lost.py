"""Lost offsets: where ClickHouse has rows and the group no offset, the sink would store everything again.

It must not, as the blocks would be cut differently and carry other tokens. A partition that is new to both has neither.
Lost messages, too: what a topic that is kept for ever has deleted before it was stored is nothing to pass in silence.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Final

from pipeline.failure import Halted
from pipeline.log.port import Committed, Partition

_TOOL: Final = "kafka-consumer-groups.sh --bootstrap-server … --group"


class OffsetsLost(Halted):
    """The group has no offset for messages that ClickHouse has; the message says what to do."""


class MessagesLost(Halted):
    """A topic that is kept for ever has deleted messages before they were stored; the message says what to do."""


def require_messages(
    group: str, found: Mapping[Partition, Committed], firsts: Mapping[Partition, int], for_a_while: Collection[str]
) -> None:
    """Raise `MessagesLost` where what is committed is deleted, unless the topic is kept `for_a_while`.

    `firsts`: the first offset that the log keeps of each partition.
    """
    lost = {
        partition: committed.offset
        for partition, committed in sorted(found.items())
        if committed.offset is not None and committed.offset < firsts[partition] and partition.topic not in for_a_while
    }
    if lost:
        raise MessagesLost(_deleted(group, lost, firsts))


def doubtful(
    first_tables: Mapping[str, str],
    found: Mapping[Partition, Committed],
    ends: Mapping[Partition, int],
) -> dict[str, list[Partition]]:
    """By table the partitions that the table may have rows of which the committed offset does not tell.

    `first_tables`: by topic the table that has a row of every message, and has it before all others have theirs. So
    nothing beyond its last offset was stored. `ends`: of the log, for each in `found`.
    """
    is_new = all(committed.offset is None for committed in found.values())
    asked: defaultdict[str, list[Partition]] = defaultdict(list)
    for partition, committed in found.items():
        table = first_tables.get(partition.topic)
        end = ends[partition]
        # Of an empty partition nothing can come again. But a group without any offset may follow a log made anew.
        is_doubtful = (end > 0 or is_new) if committed.offset is None else committed.offset < end
        if table is not None and is_doubtful:
            asked[table].append(partition)
    return asked


def require_offsets(
    group: str, found: Mapping[Partition, Committed], stored: Mapping[Partition, int], ends: Mapping[Partition, int]
) -> None:
    """Raise `OffsetsLost` where ClickHouse has rows of another log, or of partitions that the group has no offset of.

    `stored`: the last offsets that ClickHouse has; `ends`: of the log, asked for later, so that they are beyond those.
    """
    if foreign := {partition: last for partition, last in sorted(stored.items()) if last >= ends[partition]}:
        raise OffsetsLost(_of_another_log(foreign, ends))
    if lost := {partition: last for partition, last in sorted(stored.items()) if found[partition].offset is None}:
        raise OffsetsLost(_without_offset(group, lost))


def _of_another_log(foreign: Mapping[Partition, int], ends: Mapping[Partition, int]) -> str:
    has = ", ".join(
        f"{partition} up to offset {last} where the log ends at {ends[partition]}"
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


def _deleted(group: str, lost: Mapping[Partition, int], firsts: Mapping[Partition, int]) -> str:
    gone = ", ".join(
        f"{partition} from offset {offset} to {firsts[partition] - 1}" for partition, offset in lost.items()
    )
    lines = " ".join(f"{partition.topic},{partition.number},{firsts[partition]}" for partition in lost)
    return (
        f"the log has deleted messages of {gone} that ClickHouse may not have, though their topics are kept for ever. "
        "Somebody deleted records, or gave a topic a retention: find out who, and bring them back from a copy of the "
        f"log. To go on without them, stop all workers, write {lines} to a file, one a line, run `{_TOOL} {group} "
        "--reset-offsets --from-file FILE --execute`, and start the workers"
    )
