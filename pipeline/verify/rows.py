"""Rows: compares what ClickHouse has of each message with the rows that the messages in the log make."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import closing
from typing import Final, NamedTuple

import msgspec
from clickhouse_connect.driver.client import Client

from pipeline.log.port import Log, Message, Partition
from pipeline.sealing import Keys
from pipeline.verify.digests import digest, digest_sql
from pipeline.verify.reading import Reading, name_of
from pipeline.verify.report import Check, Report, Watcher
from schemas.records import UnknownVersion
from sinks.clickhouse.tables import (
    FACTS,
    JOURNAL,
    LEDGER_ENTRIES,
    NOTIFICATIONS,
    REPLIES,
    TABLES,
    Rows,
    add_fact_message,
    add_journal_record,
    add_notification,
    add_reply,
)
from topics.catalog import Catalog

_STRETCH: Final = 10_000
"""Messages compared with one query per table."""


class Followed(NamedTuple):
    """A topic that the sink follows."""

    topic: str
    tables: tuple[str, ...]
    add: Callable[[Rows, Message], None]


def followed_by_the_sink(catalog: Catalog) -> tuple[Followed, ...]:
    """The topics whose messages are rows, all but the changelog (`customer_state` compares that)."""
    return (
        Followed(topic=catalog.name("facts"), tables=(FACTS.name, LEDGER_ENTRIES.name), add=add_fact_message),
        Followed(topic=catalog.name("journal"), tables=(JOURNAL.name,), add=add_journal_record),
        *(Followed(topic=topic, tables=(NOTIFICATIONS.name,), add=add_notification) for topic in catalog.notifications),
        Followed(topic=catalog.name("replies"), tables=(REPLIES.name,), add=add_reply),
    )


class Sum(NamedTuple):
    """A number of rows, and the sum of their digests."""

    rows: int
    digests: int


_NOTHING: Final = Sum(rows=0, digests=0)


class RowsCheck:
    """Compares the rows of one topic."""

    def __init__(self, client: Client, followed: Followed, report: Report, watcher: Watcher, keys: Keys) -> None:
        """`keys` of personal data: what erased customers were told is stored no longer, and not compared."""
        self._keys = keys
        self._client = client
        self._followed = followed
        self._report = report
        self._watcher = watcher
        self._digests = {table: digest_sql(client, table, TABLES[table].names) for table in followed.tables}

    def run(self, log: Log, number: int, upto: int) -> None:
        """Compare one partition, for messages with an offset lower than `upto`: those that the sink is through with."""
        partition = Partition(self._followed.topic, number)
        last = self._last(partition)
        with closing(Reading(log, partition)) as reading:
            self._watcher.stage(f"{name_of(partition)}: rows", max(0, upto - reading.first))
            if last >= reading.end:
                what = f"ClickHouse has a message of offset {last}, and the log ends at {reading.end}"
                self._report.find(Check.ROWS, name_of(partition), what)
            stretch: list[Message] = []
            begin = reading.first
            for message in reading.all():
                if message.offset >= upto:
                    break
                stretch.append(message)
                if len(stretch) >= _STRETCH:
                    self._compare(partition, begin, message.offset + 1, stretch)
                    begin, stretch = message.offset + 1, []
            self._compare(partition, begin, upto, stretch)

    def _compare(self, partition: Partition, begin: int, end: int, messages: Sequence[Message]) -> None:
        if begin >= end:
            return
        erased = frozenset(one.offset for one in messages if self._is_erased(one))
        expected = self._expected(partition, (one for one in messages if one.offset not in erased))
        for table in self._followed.tables:
            by_offset = expected[table]
            rows, digests = (sum(each[index] for each in by_offset.values()) for index in (0, 1))
            if self._sum(table, partition, begin, end, erased) != (rows, digests):
                self._tell(table, partition, begin, end, erased, by_offset)
        self._report.look(Check.ROWS, sum(each.rows for sums in expected.values() for each in sums.values()))
        self._watcher.step(end - begin)

    def _expected(self, partition: Partition, messages: Iterable[Message]) -> dict[str, dict[int, Sum]]:
        expected: dict[str, dict[int, Sum]] = defaultdict(dict)
        for message in messages:
            rows: Rows = defaultdict(list)
            try:
                self._followed.add(rows, message)
            except (UnknownVersion, msgspec.DecodeError, ValueError) as error:
                where = name_of(partition, message.offset)
                self._report.find(Check.ROWS, where, f"cannot be decoded, so the sink cannot store it: {error}")
                continue
            for table, items in rows.items():
                found = [digest(row) for row in TABLES[table].rows(items)]
                expected[table][message.offset] = Sum(rows=len(found), digests=sum(found))
        return expected

    def _is_erased(self, message: Message) -> bool:
        if self._followed.tables != (NOTIFICATIONS.name,):
            return False
        org, _, customer = (message.key or b"").partition(b":")
        return self._keys.is_erased(int(org), int(customer))

    def _sum(self, table: str, partition: Partition, begin: int, end: int, erased: Collection[int]) -> tuple[int, int]:
        sql = f"SELECT count(), sum({self._digests[table]}) FROM {table} WHERE {_STRETCH_SQL}"  # noqa: S608 - ours
        (found,) = self._client.query(sql, parameters=_bounds(partition, begin, end, erased)).result_rows
        return found[0], found[1]

    def _tell(
        self,
        table: str,
        partition: Partition,
        begin: int,
        end: int,
        erased: Collection[int],
        expected: dict[int, Sum],
    ) -> None:
        """Find the messages whose rows are not as they should be."""
        sql = (
            f"SELECT src_offset, count(), sum({self._digests[table]}) FROM {table} "  # noqa: S608 - ours
            f"WHERE {_STRETCH_SQL} GROUP BY src_offset"
        )
        found = self._client.query(sql, parameters=_bounds(partition, begin, end, erased)).result_rows
        stored = {offset: Sum(rows=rows, digests=digests) for offset, rows, digests in found}
        for offset in sorted(stored.keys() | expected.keys()):
            has, should = stored.get(offset, _NOTHING), expected.get(offset, _NOTHING)
            if has != should:
                what = (
                    f"{has.rows} rows in {table}, and the message makes {should.rows}"
                    if has.rows != should.rows
                    else f"its {has.rows} rows in {table} differ from what the message makes"
                )
                self._report.find(Check.ROWS, name_of(partition, offset), what)

    def _last(self, partition: Partition) -> int:
        """The last message that ClickHouse has of a partition; -1 for none."""
        last = -1
        for table in self._followed.tables:
            sql = (
                f"SELECT toInt64(max(src_offset)), count() FROM {table} "  # noqa: S608 - ours
                "WHERE src_topic = {topic:String} AND src_partition = {number:UInt32}"
            )
            ((found, rows),) = self._client.query(sql, parameters=_bounds(partition, 0, 0, ())).result_rows
            last = max(last, found if rows else -1)
        return last


_STRETCH_SQL: Final = (
    "src_topic = {topic:String} AND src_partition = {number:UInt32} "
    "AND src_offset >= {begin:Int64} AND src_offset < {end:Int64} AND src_offset NOT IN {erased:Array(Int64)}"
)


def _bounds(partition: Partition, begin: int, end: int, erased: Collection[int]) -> dict[str, object]:
    return {
        "topic": partition.topic,
        "number": partition.number,
        "begin": begin,
        "end": end,
        "erased": list(erased),
    }
