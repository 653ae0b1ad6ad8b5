"""Replays dead letters: each is sent in one transaction with its mark, or not at all.

1. Take over the transactional id of replays, which fences a replay that is running and ends its open transaction.
2. Write the beginning of this replay to the dead-letter partitions concerned, and read on until it is there. By then
   every mark of an earlier replay has been read, even if it was behind a worker's open transaction.
3. In each transaction: some messages, back to the partitions they came from, and a mark beside the entry of each.

Ended between 2 and 3, it has sent nothing; in the middle of 3, what was committed is marked and the rest is not. So the
same command, run again, continues where it stopped.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from threading import Event
from typing import Final, NamedTuple

from pipeline.cli.dead_letters import DeadLetters
from pipeline.cli.place import Place
from pipeline.clock import Clock
from pipeline.intake.letters.replays import (
    DeadLetter,
    Entry,
    ReplayBegan,
    began_headers,
    headers_again,
    mark_headers,
    timestamp_again,
)
from pipeline.log.port import Aborted, Fenced, Log, Message, OutcomeUnknown, Outgoing, Partition, Producer, Unavailable

_TIMEOUT: Final = 30.0
_POLL: Final = 0.5
_BATCH: Final = 10_000
_LETTERS_MAX: Final = 100
"""Messages per transaction, which are held in memory: each may have a megabyte."""


class Again(NamedTuple):
    """A dead letter and the message that it becomes."""

    letter: DeadLetter
    message: Outgoing


def composed(place: Place, letters: DeadLetters, chosen: Sequence[DeadLetter], now: int) -> Iterator[list[Again]]:
    """The messages to be sent, in batches; `now` in milliseconds since the epoch."""
    kept = {spec.name: int(spec.config.get("retention.ms", -1)) for spec in place.catalog.specs()}
    for start in range(0, len(chosen), _LETTERS_MAX):
        part = chosen[start : start + _LETTERS_MAX]
        originals = letters.messages([letter.entry for letter in part])
        yield [Again(one, _again(one, originals[one.entry], now, kept[one.origin.topic])) for one in part]


class Replay:
    """One run of `accrue dlq replay`; making it does steps 1 and 2."""

    def __init__(
        self,
        place: Place,
        log: Log,
        letters: DeadLetters,
        chosen: Sequence[DeadLetter],
        clock: Clock,
        *,
        again: bool = False,
    ) -> None:
        """Replays `chosen`; with `again`, also entries that another run has replayed in the meantime."""
        self._place = place
        self._log = log
        self._letters = letters
        self._clock = clock
        self._sent = 0
        self._id = f"{place.settings.prefix}{place.settings.group}-dlq"
        self._producer: Producer = log.producer(self._id)
        try:
            self._producer.init(_TIMEOUT)
            self._begin({Partition(letters.topic, letter.entry.partition) for letter in chosen})
        except BaseException:
            self._producer.close()
            raise
        self.chosen = [one for one in chosen if again or not letters.get(one.entry).is_replayed]
        """The messages to send."""

    def send(self, rate: int | None, on_sent: Callable[[list[Again]], None]) -> None:
        """Send them, at most `rate` a second; `on_sent` gets those of each transaction."""
        for part in composed(self._place, self._letters, self.chosen, self._clock.wall()):
            size = rate or len(part)
            for start in range(0, len(part), size):
                some = part[start : start + size]
                marks = [_mark(self._letters.topic, one.letter.entry) for one in some]
                self._commit([*(one.message for one in some), *marks])
                self._sent += len(some)
                on_sent(some)
                if rate is not None and self._sent < len(self.chosen):
                    self._clock.wait(Event(), len(some) / rate)

    def close(self) -> None:
        """Release the producer."""
        self._producer.close()

    def _begin(self, partitions: set[Partition]) -> None:
        token = secrets.token_hex(8).encode()
        headers = began_headers(token)
        self._commit([Outgoing(topic, None, None, number, headers) for topic, number in sorted(partitions)])
        consumer = self._log.consumer()
        try:
            consumer.assign({partition: self._letters.ends[partition] for partition in partitions})
            deadline = self._clock.now() + _TIMEOUT
            while partitions:
                messages: list[Message] = consumer.consume(_BATCH, _POLL)
                for message in messages:
                    if self._letters.note(message) == ReplayBegan(token):
                        partitions.discard(Partition(message.topic, message.partition))
                if partitions and self._clock.now() > deadline:
                    silent = (
                        f"nothing was sent: a transaction in {self._letters.topic} has been open for {_TIMEOUT:.0f} s, "
                        "and what follows it cannot be read yet; run this again once it has ended"
                    )
                    raise Unavailable(silent)
        finally:
            consumer.close()

    def _commit(self, messages: Sequence[Outgoing]) -> None:
        producer = self._producer
        try:
            producer.begin()
            producer.produce(messages)
            producer.commit(_TIMEOUT)
        except Fenced as error:
            message = f"another accrue dlq replay has begun in this group ({self._id}); {self._so_far()}"
            raise Fenced(message) from error
        except OutcomeUnknown as error:
            message = f"it is unknown whether the last of them were sent ({error}); {self._so_far()}"
            raise OutcomeUnknown(message) from error
        except Aborted as error:
            with suppress(Fenced, OutcomeUnknown):  # then the next replay, or the broker, ends what is open
                producer.abort(_TIMEOUT)
            message = f"{error}; {self._so_far()}"
            raise Aborted(message) from error

    def _so_far(self) -> str:
        return (
            f"{self._sent:,} were sent again by this run. Each that was sent is marked, so the same command sends the "
            "others and none twice"
        )


def _again(letter: DeadLetter, original: Message, now: int, kept: int) -> Outgoing:
    # To the partition it came from also where it has a key: its producer may have partitioned otherwise than we do.
    return Outgoing(
        letter.origin.topic,
        original.key,
        original.value,
        letter.origin.partition,
        headers_again(original.headers, letter),
        timestamp_again(letter, now, kept),
    )


def _mark(topic: str, entry: Entry) -> Outgoing:
    return Outgoing(topic, None, None, entry.partition, mark_headers(entry))
