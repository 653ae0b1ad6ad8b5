"""`accrue worker`: the roles, in the foreground."""

from __future__ import annotations

import gc
import logging
import signal
import socket
import sys
from typing import Final

import click

from pipeline.cli.output import placed
from pipeline.cli.place import Place, Unusable
from pipeline.cli.sinks import sinks_of
from pipeline.runtime.settings import ROLES, SLOT_MAX, RoleName

_LOG_FORMAT: Final = "[%(asctime)s] [%(process)s] [%(levelname)s] %(message)s"
"""Faust's own; it sets up logging anew once it is loaded, and roles have something to say before."""


@click.command()
@click.option("--role", "roles", type=click.Choice(ROLES), multiple=True, help="What it does; all by default.")
@click.option(
    "--slot", type=click.IntRange(0, SLOT_MAX), help="Which worker this is, from 0; each running worker needs its own."
)
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
    port = None if settings.web_port is None else settings.web_port + settings.slot
    if port is not None:
        _look_at(port)
    with place.log(create=True) as log:
        gc.disable()  # what is loaded stays, and looking through it again and again is a tenth of a start
        from pipeline.runtime.host.starting import roles_of  # noqa: PLC0415 - no other command pays for loading it

        logging.basicConfig(level=logging.INFO, format=_LOG_FORMAT)
        with sinks_of(place, log) as sinks:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, _end)
            with roles_of(settings, log, settings.roles, sinks) as begun:
                begun.start()
                # Faust takes longer to load than roles take to begin.
                from pipeline.runtime.host.app import run_worker  # noqa: PLC0415

                health = "" if port is None else f"; health: http://localhost:{port}/readyz"
                where = settings.kafka_bootstrap or settings.data_dir
                click.echo(f"working on {where}{health}; Ctrl-C ends it", err=True)
                run_worker(settings, begun)


def _end(*_: object) -> None:
    """Before the host is up: roles leave their groups, or nobody else would have their partitions for a while."""
    sys.exit(0)


def _look_at(port: int) -> None:
    """Raises `Unusable` where the port is another's: the web server would tell it in a traceback, and much later."""
    try:
        with socket.socket() as own:
            own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # one that has just ended is in nobody's way
            own.bind(("", port))
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or "there is no such port"
        message = f"cannot listen on port {port}: {reason}; give another --slot, or another ACCRUE_WEB_PORT"
        raise Unusable(message) from error
