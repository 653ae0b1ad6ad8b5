"""`python -m bench.at_least_once`: a worker without transactions, for comparison; all else is Accrue as it is.

What a round writes is visible as it is written, and the offsets are committed after all of it was acknowledged. So
nothing is lost, and a crash in between repeats the round's outputs.
"""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.log.kafka import KafkaLog
from pipeline.log.kafka_producer import KafkaProducer
from pipeline.log.port import Committed, Consumer, Partition
from pipeline.runtime.host.app import run_worker
from pipeline.runtime.host.starting import roles_of
from pipeline.runtime.settings import Settings


class AtLeastOnceLog(KafkaLog):
    """Kafka, with rounds that are no transactions."""

    def producer(self, transactional_id: str | None = None, *, transaction_timeout: float = 15.0) -> KafkaProducer:
        """An idempotent producer; where a transactional one is asked for, one that acts the part."""
        if transactional_id is None:
            return super().producer()
        return AtLeastOnceProducer(self._settings, None, transaction_timeout=transaction_timeout)


class AtLeastOnceProducer(KafkaProducer):
    """A producer without transactions behind the interface of one with them."""

    _offsets: tuple[Mapping[Partition, Committed], Consumer] | None = None
    """What to commit at the end of the round, and as which consumer."""

    def init(self, timeout: float) -> None:
        """Nobody is fenced."""

    def begin(self) -> None:
        """Begin a round."""
        self._offsets = None

    def send_offsets(self, offsets: Mapping[Partition, Committed], consumer: Consumer, timeout: float) -> None:
        """Keep them until all is acknowledged."""
        del timeout
        self._offsets = (offsets, consumer)

    def commit(self, timeout: float) -> Mapping[Partition, int]:
        """Outputs first, offsets after them."""
        self.flush(timeout)
        if self._offsets is not None:
            offsets, consumer = self._offsets
            consumer.commit_offsets(offsets, timeout)
        return {}

    def abort(self, timeout: float) -> None:
        """What is written stays written; the round's offsets are not committed."""
        del timeout
        self._offsets = None


def main() -> None:
    """Work until told to stop."""
    settings = Settings()
    with roles_of(settings, AtLeastOnceLog(settings.kafka_bootstrap or ""), settings.roles) as roles:
        run_worker(settings, roles)


if __name__ == "__main__":
    main()
