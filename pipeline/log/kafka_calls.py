"""Calls of librdkafka that may never return."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final, TypeVar

from confluent_kafka import KafkaError, KafkaException

_GRACE_SECONDS: Final = 1.0  # by which librdkafka may exceed a timeout before it is taken for lost

Result = TypeVar("Result")


def within(seconds: float, call: Callable[[], Result]) -> Result:
    """Makes a call in its own thread; raises `TimeoutError` if it does not return in time.

    When a connection is reset at the wrong moment, librdkafka forgets what it was asked and waits for ever, whatever
    timeout it was given. Such a call keeps its client and its thread to the end of the process.
    """
    outcome: Future[Result | KafkaError] = Future()  # not the exception: its traceback would hold the client

    def make() -> None:
        try:
            outcome.set_result(call())
        except KafkaException as error:
            outcome.set_result(error.args[0])

    threading.Thread(target=make, name="accrue-kafka-call", daemon=True).start()
    result = outcome.result(seconds + _GRACE_SECONDS)
    if isinstance(result, KafkaError):
        raise KafkaException(result)
    return result
