"""`accrue worker`: the roles, in the foreground."""

from __future__ import annotations

import gc
import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import Final

import click

from pipeline.cli.output import placed
from pipeline.cli.place import Place
from pipeline.cli.printing import say
from pipeline.cli.sinks import sinks_of
from pipeline.runtime.host.signals import end_at_the_next
from pipeline.runtime.host.web import WebServer, listen_on, url_of
from pipeline.runtime.settings import GATEWAY, ROLES, SLOT_MAX, RoleName

_LOG_FORMAT: Final = "[%(asctime)s] [%(process)s] [%(levelname)s] %(message)s"
"""Faust's own format: Faust sets up logging only once it is loaded, and roles log before that."""


@click.command()
@click.option("--role", "roles", type=click.Choice(ROLES), multiple=True, help="What it does; all by default.")
@click.option(
    "--slot", type=click.IntRange(0, SLOT_MAX), help="Which worker this is, from 0; each running worker needs its own."
)
@placed
def worker(roles: tuple[RoleName, ...], slot: int | None, place: Place) -> None:
    """Run intake, loyalty, sink and gateway until SIGTERM or Ctrl-C. All settings: ACCRUE_… variables (README).

    `/livez`, `/readyz` and `/metrics` are on port 6066 plus the slot, the gateway on 8080 plus the slot, of this
    machine only unless ACCRUE_WEB_BIND and ACCRUE_GATEWAY_BIND say otherwise.

    \b
    Example:
      ACCRUE_KAFKA_BOOTSTRAP=localhost:9092 ACCRUE_CLICKHOUSE_DSN=http://localhost:8123/default accrue worker
      accrue worker --role intake --role loyalty --slot 1
    """
    wanted = roles or place.settings.roles
    changes: dict[str, object] = {
        "roles": [one for one in wanted if one != GATEWAY or place.settings.gateway_port is not None]
    }
    if slot is not None:
        changes["slot"] = slot
    settings = place.settings.model_copy(update=changes)
    place = Place(settings)
    with ExitStack() as opened:
        listener = None
        if settings.web_port is not None:  # first of all: a worker whose slot is in use should not begin
            listener = opened.enter_context(listen_on(settings.web_bind, settings.web_port + settings.slot))
        doors = None
        if GATEWAY in settings.roles and settings.gateway_port is not None:
            port = settings.gateway_port + settings.slot
            doors = opened.enter_context(
                listen_on(settings.gateway_bind, port, variables="ACCRUE_GATEWAY_PORT or ACCRUE_GATEWAY_BIND")
            )
        log = opened.enter_context(place.log(create=True))
        gc.disable()  # what is loaded stays, and looking through it again and again is a tenth of a start
        from pipeline.runtime.host.starting import roles_of  # noqa: PLC0415 - no other command pays for loading it
        from pipeline.runtime.roles.questions import Questions  # noqa: PLC0415

        logging.basicConfig(level=logging.INFO, format=_LOG_FORMAT)
        sinks = opened.enter_context(sinks_of(place, log))
        _end_by(_end)
        questions = Questions(settings.partitions)
        at_once = [one for one in settings.roles if one != GATEWAY]
        begun = opened.enter_context(roles_of(settings, log, at_once, sinks, questions=questions))
        begun.start()
        served = ""
        with _held_back(begun.stop):  # what follows takes longer to load than roles take to begin
            if doors is not None:
                from pipeline.gateway.role import GatewayRole  # noqa: PLC0415
                from sinks.clickhouse.connect import open_clickhouse  # noqa: PLC0415

                begun.all.append(GatewayRole(log, settings, doors, questions, lambda: open_clickhouse(place.dsn)))
                begun.start()
            from pipeline.runtime.host.pages import pages_of  # noqa: PLC0415

            if listener is not None:
                opened.enter_context(WebServer(listener, pages_of(begun, settings.group)))
                served = f"; health: {url_of(listener)}/readyz"
            if doors is not None:
                served += f"; gateway: {url_of(doors)}"
            from pipeline.runtime.host.app import run_worker  # noqa: PLC0415

        say(f"working on {settings.kafka_bootstrap or settings.data_dir}{served}; Ctrl-C ends it", err=True)
        run_worker(settings, begun)


def _end(number: int, _frame: FrameType | None) -> None:
    """Before the host is up: roles leave their groups, so that other workers get their partitions at once."""
    _told(number)
    sys.exit(0)


@contextmanager
def _held_back(stop: threading.Event) -> Iterator[None]:
    """Modules are loaded: at a signal roles stop at once, and the process ends when that is done.

    What is being loaded may swallow an exit that is raised in its midst, and the worker would go on for ever.
    """
    numbers: list[int] = []

    def hold(number: int, _frame: FrameType | None) -> None:
        numbers.append(number)
        _told(number)
        stop.set()

    _end_by(hold)
    yield
    _end_by(_end)
    if numbers:
        end_at_the_next()
        sys.exit(0)


def _end_by(handler: Callable[[int, FrameType | None], None]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handler)


def _told(number: int) -> None:
    logging.getLogger(__name__).info("Signal received: %s", signal.Signals(number).name)
    end_at_the_next()
