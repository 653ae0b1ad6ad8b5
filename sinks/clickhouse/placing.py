"""Chooses the start offset of a partition from the committed offset, log retention and the rows already in ClickHouse.

Retention passes what is committed even where nothing was left to store: a topic's last record is a control record, and
what is committed is the offset of that. So the sink continues from the first offset that the log still has.

A commit may take effect late, over all that came after it. An intent comes before its rows; so where ClickHouse has
rows beyond what is committed and begun, that is such a commit, and the sink continues after the last of those rows.

A begun block that lost messages, or whose intent was lost to a late commit, can never be inserted with its token again.
Were the rest of it inserted with another token, rows would come twice; so the sink continues after the last offset that
ClickHouse has a row of. What remains: where a sink died in the middle of such a block, the block's rows are missing in
the tables, and in the months of a table, that it had not come to; and an insert that arrives only after this look comes
twice. Either is logged as a warning.

Where ClickHouse has no row of a partition, its tables are new: the partition is stored from its beginning, whatever is
committed. So a database that was dropped is filled again.
"""

from __future__ import annotations

from typing import NamedTuple

from pipeline.log.port import Committed, Partition
from sinks.clickhouse.intents import Intent, intent_of


class Start(NamedTuple):
    """The start offset of a partition, and the block to replay first."""

    offset: int
    begun: Intent | None
    warning: str = ""
    """Why the start is after the committed offset."""


def start_of(partition: Partition, committed: Committed, first: int, last: int | None) -> Start:
    """`first`: the first offset kept; `last`: of the rows that ClickHouse has, if it has any that matter here."""
    offset, begun = committed.offset, intent_of(partition, committed)
    if offset is None:
        return Start(first, begun)
    after_rows = 0 if last is None else last + 1
    if after_rows > max(first, offset if begun is None else begun.last + 1):
        warning = (
            f"the group is at offset {offset} and ClickHouse has rows up to {last}: a commit took effect late, or "
            f"somebody set the group back; the sink goes on from offset {after_rows}, so that no row comes twice. Run "
            "`accrue verify`: a block that a dying sink had begun may lack rows"
        )
        return Start(after_rows, None, warning)
    if offset >= first:
        return Start(offset, begun)
    if begun is not None and begun.first >= first:  # before a block come control records alone
        return Start(first, begun)
    following = max(first, after_rows)
    warning = (
        f"{first - offset} offsets, {offset} to {first - 1}, are deleted and ClickHouse may not have them: control "
        f"records, or messages older than the topic's retention; the sink goes on from offset {following}"
    )
    return Start(following, None, warning)


def is_late(found: Committed, agreed: Committed) -> bool:
    """Whether this was committed before what a sink has agreed on with the group, and took effect after it.

    Another owner only goes on from what was agreed: to a later offset, where a block was begun, else to a later offset
    or a block. A group that has lost its offsets has none.
    """
    if found.offset is None or agreed.offset is None or found == agreed:
        return False
    return found.offset < agreed.offset or (found.offset == agreed.offset and bool(agreed.metadata))


def has_stored(committed: Committed, first: int) -> bool:
    """Whether the group has committed messages that the log still has, so that ClickHouse must have their rows."""
    return committed.offset is not None and committed.offset > first


def start_again(committed: Committed, first: int) -> Start:
    """The start in a partition whose messages are committed, but which has no rows in ClickHouse."""
    warning = (
        f"the group is at offset {committed.offset} and ClickHouse has no rows, so its tables are new; the sink stores "
        f"everything again, from offset {first} on"
    )
    return Start(first, None, warning)


def start_of_state(committed: Committed, first: int, last: int | None) -> Start:
    """The start in the changelog, whose rows replace one another, so that reading them again changes nothing.

    `last`: of the rows that ClickHouse has, if any. What is behind it is read again, so tables that were dropped, or
    restored from an older copy, get what they lack.
    """
    after_rows = 0 if last is None else last + 1
    return Start(max(first, min(committed.offset or 0, after_rows)), None)
