"""Logs librdkafka's connection errors at a limited rate; its own log repeats them twenty times a second."""

from __future__ import annotations

import logging
import time
from math import inf
from typing import Final

from confluent_kafka import KafkaError

from pipeline.log.kafka_errors import ALL_DOWN

LOGGER: Final = logging.getLogger(__name__)

_AGAIN_SECONDS: Final = 30.0


class Connections:
    """The connections of the clients of one log. Clients hold this, and this holds no client."""

    def __init__(self) -> None:
        self.failure = ""
        """Why a connection last failed."""
        self._told_at = -inf

    def noted(self, error: KafkaError) -> None:
        """A connection failed while a caller was waiting for an answer; that caller gets the error."""
        if error.code() != ALL_DOWN:  # that says no more than that each of them failed
            self.failure = error.str()

    def told(self, error: KafkaError) -> None:
        """A connection failed while no call was waiting."""
        self.noted(error)
        now = time.monotonic()
        if self.failure and now - self._told_at > _AGAIN_SECONDS:
            self._told_at = now
            LOGGER.warning("Kafka: %s", self.failure)
