"""Checks before a partition is read that the committed offset, the log and ClickHouse's rows fit together.

Rows without a committed offset would be stored again, in blocks that are cut differently and carry other tokens. A
committed offset beyond the rows would leave a gap, and so would messages that were deleted before they were stored.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Final

from pipeline.failure import Halted
from pipeline.log.port import Committed, Partition

_TOOL: Final = "kafka-consumer-groups.sh --bootstrap-server … --group"
_REBUILD: Final = (
    "stop all workers, drop Accrue's tables and `schema_migrations` (without a server delete `clickhouse` in the data "
    "folder), and start the workers; they store everything again"
)


class OffsetsLost(Halted):
    """The group has no offset for messages that ClickHouse has; the message says what to do."""


class RowsLost(Halted):
    """ClickHouse lacks rows that the group has committed; the message says what to do."""


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


def with_rows(
    first_tables: Mapping[str, str], found: Mapping[Partition, Committed], ends: Mapping[Partition, int]
) -> dict[str, list[Partition]]:
    """By table the partitions that it may have rows of, so that it must be asked for its last offset.

    `first_tables`: by topic the table that has a row of every message, and has it before all others have theirs. So
    nothing beyond its last offset was stored. `ends`: of the log, for each in `found`.
    """
    is_new = all(committed.offset is None for committed in found.values())
    asked: defaultdict[str, list[Partition]] = defaultdict(list)
    for partition in found:
        table = first_tables.get(partition.topic)
        # An empty partition has no rows. But a group without any offset may follow a log that was created again.
        if table is not None and (ends[partition] > 0 or is_new):
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


def require_rows(
    group: str, found: Mapping[Partition, Committed], stored: Mapping[Partition, int], firsts: Mapping[Partition, int]
) -> None:
    """Raise `RowsLost` where ClickHouse's rows end before the committed offset, though the log has messages between.

    A partition without any row is not among `stored`: it can be read again from its beginning.
    """
    lost = {
        partition: last
        for partition, last in sorted(stored.items())
        if max(last + 1, firsts[partition]) < (found[partition].offset or 0)
    }
    if lost:
        raise RowsLost(_behind(group, lost, found))


def require_no_rows(others: Mapping[str, Collection[Partition]]) -> None:
    """Raise `RowsLost` where tables have rows of partitions that their first table has none of.

    `others`: by table, those partitions.
    """
    has = [f"{table} of {partition}" for table, partitions in others.items() for partition in sorted(partitions)]
    if has:
        message = (
            f"ClickHouse has rows in {', '.join(has)}, and none in the table that gets them first, so that one was "
            f"emptied. Rebuild ClickHouse: {_REBUILD}"
        )
        raise RowsLost(message)


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
    has = ", ".join(f"{partition} up to offset {last}" for partition, last in lost.items())
    return (
        f"ClickHouse has rows of {has}, and group {group} has no offset there, so they would be stored again. Likely "
        "ACCRUE_GROUP was another before (set it back), the group was deleted, or its offsets expired as no worker ran "
        "for offsets.retention.minutes. To go on with this group (after stopping the workers of a former one), "
        f"{_reset(group, lost)}. If it finds missing rows, or without Kafka, rebuild ClickHouse: {_REBUILD}"
    )


def _behind(group: str, lost: Mapping[Partition, int], found: Mapping[Partition, Committed]) -> str:
    has = ", ".join(
        f"{partition} only up to offset {last} where group {group} has committed offset {found[partition].offset}"
        for partition, last in lost.items()
    )
    return (
        f"ClickHouse has rows of {has}, so rows are missing. Likely the database was restored from an older copy, or "
        f"lost its last writes with the machine. To go on from these rows, {_reset(group, lost)}. If it finds missing "
        f"or repeated rows, or without Kafka, rebuild ClickHouse: {_REBUILD}"
    )


def _reset(group: str, lasts: Mapping[Partition, int]) -> str:
    lines = " ".join(f"{topic},{number},{last + 1}" for (topic, number), last in lasts.items())
    return (
        f"stop all workers, on Kafka write {lines} to a file, one a line, run `{_TOOL} {group} --reset-offsets "
        "--from-file FILE --execute`, start the workers, and run `accrue verify` when they have caught up"
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
