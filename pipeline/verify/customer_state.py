"""Customers in ClickHouse, compared with the changelog's latest heads.

Both sides may change meanwhile, and the sink may be behind: a customer is compared where both know the same last fact.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from struct import Struct
from typing import Final, NamedTuple

import msgspec
from clickhouse_connect.driver.client import Client

from pipeline.engine.state import decode_head
from pipeline.log.port import Log, Message, Partition
from pipeline.verify.digests import digest, digest_sql
from pipeline.verify.kept import Kept
from pipeline.verify.reading import Reading, name_of
from pipeline.verify.report import Check, Report, Watcher
from schemas.records import UnknownVersion
from sinks.clickhouse.tables import CUSTOMER_STATE, SOURCE_NAMES, Rows, add_heads, is_head

_TABLE: Final = CUSTOMER_STATE.name
_STATE: Final = replace(
    CUSTOMER_STATE, columns=tuple(column for column in CUSTOMER_STATE.columns if column.name not in SOURCE_NAMES)
)
"""The columns compared: all but the place in the changelog, as a later record may have the same content."""
_PAGE: Final = 20_000
_OFFSET: Final = Struct(">q")


class Stored(NamedTuple):
    """A customer in ClickHouse."""

    key: bytes
    seq: int
    rows: int
    digests: int
    offset: int
    """The offset of the changelog record behind the rows."""


class CustomerStateCheck:
    """Compares the customers of one partition after the other."""

    def __init__(self, client: Client, report: Report, watcher: Watcher) -> None:
        self._client = client
        self._report = report
        self._watcher = watcher
        self._digest = digest_sql(client, _TABLE, _STATE.names)

    def run(self, log: Log, changelog: Partition, upto: int, folder: Path) -> None:
        """Compare one partition; the sink is through with the changelog up to the offset `upto`."""
        with closing(Reading(log, changelog)) as reading, closing(Kept(folder)) as heads:
            self._watcher.stage(f"{name_of(changelog)}: customers", reading.end - reading.first)
            while messages := reading.take():
                heads.put(
                    {
                        message.key: None if message.value is None else _OFFSET.pack(message.offset) + message.value
                        for message in messages
                        if message.key is not None and is_head(message.key)
                    }
                )
                self._watcher.step(len(messages))
            self._compare(changelog, heads, upto, reading.end)

    def _compare(self, changelog: Partition, heads: Kept, upto: int, end: int) -> None:
        count = 0
        rest = self._stored(changelog)
        stored = next(rest, None)
        for key, value in heads.items():
            while stored is not None and stored.key < key:
                self._tell_unknown(changelog, stored, end)
                stored = next(rest, None)
            head = Message(changelog.topic, changelog.number, _OFFSET.unpack_from(value)[0], key, value[8:], 0, ())
            if stored is not None and stored.key == key:
                self._look_at(changelog, head, stored, upto, end)
                stored = next(rest, None)
                count += 1
            elif head.offset < upto:
                self._report.find(Check.CUSTOMER_STATE, name_of(changelog, head.offset), f"{_name(key)}: not there")
        while stored is not None:
            self._tell_unknown(changelog, stored, end)
            stored = next(rest, None)
        self._report.look(Check.CUSTOMER_STATE, count)

    def _look_at(self, changelog: Partition, message: Message, stored: Stored, upto: int, end: int) -> None:
        where, who = name_of(changelog, message.offset), _name(stored.key)
        try:
            seq = decode_head(message.value or b"").seq
            rows: Rows = defaultdict(list)
            add_heads(rows, [message])
        except (UnknownVersion, msgspec.DecodeError) as error:
            self._report.find(Check.CUSTOMER_STATE, where, f"{who}: cannot be decoded: {error}")
            return
        if stored.seq < seq and message.offset < upto:
            what = f"{who}: stands at seq {stored.seq}, and the changelog at {seq}"
            self._report.find(Check.CUSTOMER_STATE, where, what)
        elif stored.seq > seq and stored.offset < end:
            what = f"{who}: stands at seq {stored.seq}, and the changelog only at {seq}"
            self._report.find(Check.CUSTOMER_STATE, where, what)
        elif stored.seq == seq:
            digests = [digest(row) for row in _STATE.rows(rows[_TABLE])]
            if (len(digests), sum(digests)) != (stored.rows, stored.digests):
                what = f"{who}: {stored.rows} rows at seq {seq} differ from what the changelog says"
                self._report.find(Check.CUSTOMER_STATE, where, what)

    def _tell_unknown(self, changelog: Partition, stored: Stored, end: int) -> None:
        if stored.offset < end:
            what = f"{_name(stored.key)}: is in ClickHouse, and the changelog does not know them"
            self._report.find(Check.CUSTOMER_STATE, name_of(changelog, stored.offset), what)

    def _stored(self, changelog: Partition) -> Iterator[Stored]:
        """Every customer of the partition, in the order of keys, with what is stored of the highest seq."""
        after = ""
        while True:
            sql = (
                "SELECT concat(toString(org_id), ':', toString(customer_id)) AS key, seq, count(), "  # noqa: S608
                f"sum({self._digest}), max(src_offset) FROM {_TABLE} FINAL "
                "WHERE src_topic = {topic:String} AND src_partition = {number:UInt32} AND key > {after:String} "
                f"GROUP BY key, seq ORDER BY key, seq LIMIT {_PAGE}"
            )
            parameters = {"topic": changelog.topic, "number": changelog.number, "after": after}
            found = self._client.query(sql, parameters=parameters).result_rows
            customers = [list(rows)[-1] for _, rows in groupby(found, key=lambda row: row[0])]
            # The last of a full page may go on in the next one, which begins with it.
            whole = len(found) < _PAGE
            for key, *rest in customers if whole else customers[:-1]:
                yield Stored(key.encode(), *rest)
            if whole:
                return
            after = customers[-2][0]


def _name(key: bytes) -> str:
    return f"customer {key.decode(errors='replace')}"
