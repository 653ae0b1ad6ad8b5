"""Patience: what cannot be done now is tried again, as it was, while ClickHouse or the log is away."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final, TypeVar

from pipeline.clock import Clock
from pipeline.log.port import Unavailable
from sinks.clickhouse.connect import NoAnswer
from sinks.clickhouse.health import Health
from sinks.clickhouse.writer import NotInserted

Result = TypeVar("Result")
_LOG: Final = logging.getLogger(__name__)


class Stopped(Exception):
    """The sink was asked to stop while it waited; its intents are committed, so the next run continues from them."""


class Patience:
    """Retries for a number of seconds, with waits that double up to a maximum."""

    def __init__(self, clock: Clock, health: Health, *, seconds: float, first_wait: float, longest_wait: float) -> None:
        self._clock = clock
        self._health = health
        self._seconds = seconds
        self._first_wait = first_wait
        self._longest_wait = longest_wait

    def until_done(self, what: str, attempt: Callable[[], Result], stop: threading.Event) -> Result:
        """Retries `attempt` until it succeeds; raises its last error when the time is up, or `Stopped`."""
        wait = self._first_wait
        ends_at = self._clock.now() + self._seconds
        while True:
            self._health.begins(what)
            try:
                result = attempt()
            except (NotInserted, NoAnswer, Unavailable) as error:
                left = ends_at - self._clock.now()
                if left <= 0:
                    raise
                self._health.fails(f"{what} is tried again, for {left:.0f} s more: {error}")
                _LOG.warning("%s is tried again in %s s, for %.0f s more: %s", what, wait, left, error)
                if self._clock.wait(stop, min(wait, left)):
                    raise Stopped from error
                wait = min(2 * wait, self._longest_wait)
            else:
                self._health.works()
                return result
