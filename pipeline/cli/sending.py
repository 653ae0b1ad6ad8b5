"""Sending input messages: in order, in transactions, with the passing of time in every partition."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Final

from pipeline.cli.place import Place
from pipeline.importer.upstream import Input
from pipeline.log.port import Log, Outgoing

_BATCH: Final = 5_000
_TIMEOUT: Final = 30.0


def send_inputs(place: Place, log: Log, inputs: Iterable[Input], on_sent: Callable[[int, int], None]) -> int:
    """Send the inputs to the transactions topic, a clock message to each of its partitions; how many were sent.

    `on_sent` gets the count so far and the time of the last input, after each transaction.
    """
    topic = place.catalog.name("transactions")
    everywhere = range(place.settings.partitions)
    producer = log.producer(f"{place.settings.prefix}{place.settings.group}-import")
    source = iter(inputs)
    sent = 0
    try:
        producer.init(_TIMEOUT)
        while batch := list(islice(source, _BATCH)):
            messages: list[Outgoing] = []
            for one in batch:
                if one.key is None:
                    messages += [Outgoing(topic, None, one.value, number) for number in everywhere]
                else:
                    messages.append(Outgoing(topic, one.key, one.value))
            producer.begin()
            producer.produce(messages)
            producer.commit(_TIMEOUT)
            sent += len(messages)
            on_sent(sent, batch[-1].time)
    finally:
        producer.close()
    return sent
