"""The takeover: what a worker of this slot left open when it died is ended before the rest of the program is loaded.

Whoever reads committed messages waits behind an open transaction; loading the host takes longer than ending one.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from typing import Final

from pipeline.log.port import Log, LogError
from pipeline.runtime.settings import RoleName, Settings
from pipeline.runtime.slot import SlotInUse, SlotLock

LOGGER: Final = logging.getLogger(__name__)

_INIT_SECONDS: Final = 3.0


@contextmanager
def taking_over(log: Log, settings: Settings, roles: Iterable[RoleName]) -> Iterator[None]:
    """End what is open of these roles while the block runs; what cannot be ended is left to the loops."""
    threads = [
        threading.Thread(target=_end_open, args=(log, settings, role), name=f"accrue-takeover-{role}", daemon=True)
        for role in roles
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for thread in threads:
            thread.join()


def _end_open(log: Log, settings: Settings, role: RoleName) -> None:
    try:
        with SlotLock(settings.states, role), closing(log.producer(settings.transactional_id(role))) as producer:
            producer.init(_INIT_SECONDS)
    except (LogError, SlotInUse, OSError) as error:
        LOGGER.info("%s: nothing was taken over: %s", role, error)
