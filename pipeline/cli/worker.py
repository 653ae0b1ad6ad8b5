"""`accrue worker`: the roles, in the foreground."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import click

from pipeline.cli.output import placed
from pipeline.cli.place import Place
from pipeline.log.port import Log
from pipeline.runtime.settings import ROLES, RoleName
from pipeline.runtime.takeover import taking_over
from sinks.clickhouse.connect import NoAnswer
from sinks.clickhouse.sink import ClickHouseSink, SinkSettings
from sinks.clickhouse.writer import ClickHouseWriter

SINK: RoleName = "sink"
_EMBEDDED: dict[str, Any] = {"linger_seconds": 3.0, "messages_max": 200_000, "bytes_max": 256 * 2**20}


@click.command()
@click.option("--role", "roles", type=click.Choice(ROLES), multiple=True, help="What it does; all by default.")
@click.option("--slot", type=click.IntRange(0), help="Which worker this is, from 0; each running worker needs its own.")
@placed
def worker(roles: tuple[RoleName, ...], slot: int | None, place: Place) -> None:
    """Run intake, loyalty and sink until SIGTERM or Ctrl-C. All settings: ACCRUE_… variables (README).

    `/livez`, `/readyz` and `/metrics` are on port 6066 plus the slot.

    \b
    Example:
      ACCRUE_KAFKA_BOOTSTRAP=localhost:9092 ACCRUE_CLICKHOUSE_DSN=http://localhost:8123/default accrue worker
      accrue worker --role intake --role loyalty --slot 1
    """
    changes: dict[str, object] = {"roles": roles} if roles else {}
    if slot is not None:
        changes["slot"] = slot
    settings = place.settings.model_copy(update=changes)
    place = Place(settings)
    with place.log(create=True) as log:
        with taking_over(log, settings, [role for role in settings.roles if role != SINK]):
            # Faust takes a second to load, which no other command should pay.
            from pipeline.runtime.host import run_worker  # noqa: PLC0415
        with sinks_of(place, log) as sinks:
            health = (
                ""
                if settings.web_port is None
                else f"; health: http://localhost:{settings.web_port + settings.slot}/readyz"
            )
            click.echo(f"working on {settings.kafka_bootstrap or settings.data_dir}{health}; Ctrl-C ends it", err=True)
            run_worker(settings, log, settings.roles, extra_roles=sinks)


@contextmanager
def sinks_of(place: Place, log: Log, **changes: Any) -> Iterator[list[ClickHouseSink]]:
    """The ClickHouse sink where it is among the roles; `changes` are changes to its settings."""
    settings = place.settings
    if SINK not in settings.roles:
        yield []
        return
    catalog = place.catalog
    with ExitStack() as opened:
        writer = ClickHouseWriter(lambda: opened.enter_context(place.clickhouse(create=True)))
        try:
            writer.open()
        except NoAnswer as error:  # the other roles need not wait for it
            click.echo(f"{error}; the sink tries again", err=True)
        # The embedded engine shares the worker's cores, and what an insert costs there does not depend on its size.
        embedded = _EMBEDDED if settings.clickhouse_dsn is None else {}
        sink_settings = SinkSettings(
            group=f"{settings.group}.{SINK}",
            journal=catalog.name("journal"),
            facts=catalog.name("facts"),
            state=catalog.name("state"),
            notifications=catalog.notifications if settings.sink_notifications else (),
            patience_seconds=settings.sink_patience.total_seconds(),
            **(embedded | changes),
        )
        yield [ClickHouseSink(log, writer, sink_settings)]
