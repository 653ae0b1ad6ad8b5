"""The sinks that a worker runs beside its loops."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Final

from pipeline.cli.place import Place
from pipeline.cli.printing import say
from pipeline.log.port import Log
from pipeline.runtime.settings import SINK

if TYPE_CHECKING:
    from sinks.clickhouse.sink import ClickHouseSink

_EMBEDDED: Final[dict[str, Any]] = {"linger_seconds": 3.0, "messages_max": 200_000, "bytes_max": 256 * 2**20}


@contextmanager
def sinks_of(place: Place, log: Log, **changes: Any) -> Iterator[list[ClickHouseSink]]:
    """The ClickHouse sink where it is among the roles; `changes` are changes to its settings."""
    settings = place.settings
    if SINK not in settings.roles:
        yield []
        return
    # Only a worker that has a sink pays for loading it.
    from sinks.clickhouse.connect import NoAnswer  # noqa: PLC0415
    from sinks.clickhouse.sink import ClickHouseSink, SinkSettings  # noqa: PLC0415
    from sinks.clickhouse.writer import ClickHouseWriter  # noqa: PLC0415

    catalog = place.catalog
    with ExitStack() as opened:
        writer = ClickHouseWriter(lambda: opened.enter_context(place.clickhouse(create=True)))
        try:
            writer.open()
        except NoAnswer as error:  # the other roles need not wait for it
            say(f"{error}; the sink tries again", err=True)
        # The embedded engine shares the worker's cores, and what an insert costs there does not depend on its size.
        embedded = _EMBEDDED if settings.clickhouse_dsn is None else {}
        sink_settings = SinkSettings(
            group=f"{settings.group}.{SINK}",
            member=f"{SINK}-{settings.slot}",
            journal=catalog.name("journal"),
            facts=catalog.name("facts"),
            state=catalog.name("state"),
            replies=(catalog.name("replies"),),
            notifications=catalog.notifications if settings.sink_notifications else (),
            patience_seconds=settings.sink_patience.total_seconds(),
            session_seconds=settings.session_timeout.total_seconds(),
            **(embedded | changes),
        )
        yield [ClickHouseSink(log, writer, sink_settings)]
