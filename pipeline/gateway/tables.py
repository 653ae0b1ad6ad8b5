"""What ClickHouse answers: read in a thread of its own, as a client belongs to one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeVar

import msgspec
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from pipeline.failure import Failure
from pipeline.gateway.outbox import NotNow
from pipeline.log.port import Unavailable
from pipeline.runtime.roles.following import KeyRing
from sinks.clickhouse.connect import reason

_WAITING_MAX: Final = 50
_SECONDS_MAX: Final = 10
"""For one query."""
_PROFILES: Final = """
    SELECT l.customer_id AS customer_id, argMax(l.profile, l.seq) AS profile FROM customer_state_latest AS l
    WHERE l.org_id = {org:Int64} AND l.customer_id IN {customers:Array(Int64)} GROUP BY l.customer_id
"""
_READ_ONLY: Final = {"readonly": 2, "max_execution_time": _SECONDS_MAX}
"""Nothing but settings may be changed: 1 would let a server refuse the other setting."""

Row = dict[str, Any]
Connect = Callable[[], Client]
_Answer = TypeVar("_Answer")


class Tables:
    """Asks ClickHouse for rows; connects with the first question, and again after one that failed."""

    def __init__(self, connect: Connect, ring: KeyRing) -> None:
        """`connect` raises a `Failure` that says why ClickHouse cannot be asked; `ring` opens what is sealed there."""
        self._connect = connect
        self._ring = ring
        self._client: Client | None = None
        self._thread = ThreadPoolExecutor(1, "accrue-gateway-tables")
        self._waiting = 0

    async def rows(self, sql: str, **parameters: Any) -> list[Row]:
        """The rows of a query, by the names of its columns. Raises `NotNow`."""
        return await self._ask(partial(self._rows, sql, parameters))

    async def profiles(self, org_id: int, customers: Iterable[int]) -> dict[int, Mapping[str, Any]]:
        """What is known of customers of an org, by their ids; erased texts are empty. Raises `NotNow`."""
        return await self._ask(partial(self._profiles, org_id, sorted(set(customers))))

    async def opened(self, org_id: int, documents: Sequence[str]) -> list[Any]:
        """What JSON documents of an org hold, with what is sealed in them opened; erased texts are empty.

        Raises `NotNow`.
        """
        return await self._ask(partial(self._opened, org_id, documents))

    async def _ask(self, read: Callable[[], _Answer]) -> _Answer:
        if self._waiting >= _WAITING_MAX:
            message = "too many questions wait for ClickHouse already"
            raise NotNow(message)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, read)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Let go of ClickHouse, once the question that it is at is answered."""
        self._thread.submit(self._drop)
        self._thread.submit(self._ring.close)
        self._thread.shutdown()

    def _rows(self, sql: str, parameters: dict[str, Any]) -> list[Row]:
        try:
            self._client = self._client or self._connect()
            return [dict(row) for row in self._client.query(sql, parameters, settings=_READ_ONLY).named_results()]
        except (ClickHouseError, Failure) as error:
            self._drop()
            why = reason(error) if isinstance(error, ClickHouseError) else str(error)
            message = f"ClickHouse does not answer: {why}"
            raise NotNow(message) from error

    def _profiles(self, org_id: int, customers: list[int]) -> dict[int, Mapping[str, Any]]:
        rows = self._rows(_PROFILES, {"org": org_id, "customers": customers})
        profiles = self._opened(org_id, [row["profile"] for row in rows])
        return {row["customer_id"]: profile for row, profile in zip(rows, profiles, strict=True)}

    def _opened(self, org_id: int, documents: Sequence[str]) -> list[Any]:
        try:
            return [msgspec.json.decode(self._ring.open_json(one.encode(), org_id)) for one in documents]
        except Unavailable as error:
            raise NotNow(str(error)) from error

    def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with suppress(ClickHouseError):
                client.close()
