"""Questions about customers, from any thread to the loyalty role, which answers them between its rounds."""

from __future__ import annotations

import queue
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Final, NamedTuple

from pipeline.engine.state import Head
from schemas.program import ProgramDefinition

_WAITING_MAX: Final = 1_000
_AT_ONCE: Final = 64
"""Questions answered between two rounds: records should not wait for more."""


class Standing(NamedTuple):
    """Where a customer stands as of the last round that took effect. Nobody else has these objects."""

    head: Head
    definitions: Mapping[tuple[int, int, int], ProgramDefinition]
    """The versions that the customer's sections follow, by org, program and version."""
    as_of: int
    """The later of the clocks of the partition and of the customer, milliseconds since the epoch."""


class Unanswered(Exception):
    """Too many questions wait already, or another worker has the customer's partition, or it is being restored."""


class Questions:
    """The questions that wait, bounded."""

    def __init__(self) -> None:
        self._waiting: queue.Queue[tuple[int, int, Future[Standing | None]]] = queue.Queue(_WAITING_MAX)

    def ask(self, org_id: int, customer_id: int) -> Future[Standing | None]:
        """Where a customer stands; None for one that nothing is known of. Raises `Unanswered`, now or as the answer."""
        answer: Future[Standing | None] = Future()
        try:
            self._waiting.put_nowait((org_id, customer_id, answer))
        except queue.Full as error:
            message = "too many questions wait already"
            raise Unanswered(message) from error
        return answer

    def answer(self, look: Callable[[int, int], Standing | None]) -> None:
        """Answer what waits, some at once; `look` raises `Unanswered`."""
        for _ in range(_AT_ONCE):
            try:
                org_id, customer_id, answer = self._waiting.get_nowait()
            except queue.Empty:
                return
            if not answer.set_running_or_notify_cancel():
                continue
            try:
                answer.set_result(look(org_id, customer_id))
            except Unanswered as error:
                answer.set_exception(error)
