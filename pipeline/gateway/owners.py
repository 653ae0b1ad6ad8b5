"""Where to ask about a customer: workers publish the address of their gateway for each partition that they have ready.

The topic `owners` holds the latest address of each partition. Each worker that has an address looks once a second at
what the topic says of its own partitions, and corrects it: so it does not matter in which order workers write.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import ClassVar, Final

import msgspec

from pipeline.clock import Clock
from pipeline.log.port import Log, LogError, Outgoing, Producer, Unavailable
from pipeline.runtime.roles.following import Follower

OWNERS: Final = "owners"
_EVERY_SECONDS: Final = 1.0
_FLUSH_SECONDS: Final = 5.0


class Owner(msgspec.Struct, frozen=True):
    """What is published about a partition."""

    address: str
    """Where the gateway of its worker is reached, as `http://host:port`."""


_OWNER: Final = msgspec.json.Decoder(Owner)


class Owners(Follower):
    """Follows and publishes in a thread of its own; any other may ask."""

    what: ClassVar[str] = "owners of partitions"

    def __init__(self, log: Log, topic: str, clock: Clock, own: str, ready: Callable[[], Collection[int]]) -> None:
        """`topic`: its full name; `own`: this worker's address; `ready`: the partitions that this worker has."""
        super().__init__(log, topic, clock)
        self._own = own
        self._ready = ready
        self._addresses: Mapping[int, str] = {}

    def address_of(self, partition: int) -> str | None:
        """Where another worker is asked about a partition; None where none is known."""
        address = self._addresses.get(partition)
        return None if address == self._own else address

    def run(self, stop: threading.Event) -> None:
        """Follow and publish until `stop` is set; then nobody is sent here any more."""
        producer: Producer | None = None
        try:
            while True:
                is_over = self._clock.wait(stop, _EVERY_SECONDS)
                producer = self._publish(producer, () if is_over else self._ready())
                if is_over:
                    return
        finally:
            self.close()
            if producer is not None:
                producer.close()

    def _publish(self, producer: Producer | None, ready: Collection[int]) -> Producer | None:
        """Returns the producer, or None where another must take its place."""
        with suppress(Unavailable):  # what was read before is still the best that there is
            if self.begun():
                self.look()
        changes = corrections(self._addresses, self._own, ready)
        if not changes:
            return producer
        producer = producer or self._log.producer()
        topic = self._partition.topic
        try:
            producer.produce([Outgoing(topic, b"%d" % number, value, 0) for number, value in changes.items()])
            producer.flush(_FLUSH_SECONDS)
        except LogError:  # said again in a second
            producer.close()
            return None
        return producer

    def _renew(self) -> None:
        self._addresses = {int(key): _OWNER.decode(value).address for key, value in self.entries.items()}


def corrections(addresses: Mapping[int, str], own: str, ready: Collection[int]) -> dict[int, bytes | None]:
    """What has to be published so that exactly the partitions that are ready have the worker's own address.

    By partition: what is published about it, or None where nothing is to stand there.
    """
    now = {number for number, address in addresses.items() if address == own}
    told = msgspec.json.encode(Owner(address=own))
    return {number: told for number in ready if number not in now} | dict.fromkeys(now.difference(ready))
