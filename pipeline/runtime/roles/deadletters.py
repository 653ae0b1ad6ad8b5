"""Dead letters: messages nobody can read leave with their original bytes, and past a rate the role stops instead."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from pipeline.failure import Halted
from pipeline.intake.letters.letter import Unread, dead_letter_of
from pipeline.intake.verdict import Defect, Reason
from pipeline.log.port import Message, Outgoing, Unreadable

_WINDOW_SECONDS: Final = 60.0


class TooManyDeadLetters(Halted):
    """More messages than allowed could not be read, so it is more likely that we are wrong than that they are."""


class DeadLetters:
    """Makes the dead letters of one role and counts those that took effect in the last minute."""

    def __init__(
        self,
        topic: str,
        stage: str,
        per_minute_max: int | None,
        *,
        reasons: Iterable[str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`stage` is the role's name; without a maximum it never stops; `clock` gives seconds.

        Letters of `reasons` are counted from zero: a first one that appears out of nothing is no rise to Prometheus.
        """
        self.by_reason: Counter[str] = Counter(dict.fromkeys(reasons, 0))
        """Letters that took effect."""
        self._topic = topic
        self._stage = stage
        self._max = per_minute_max
        self._clock = clock
        self._recent: deque[tuple[float, int]] = deque()
        self._open: Counter[str] = Counter()
        """Letters of the open round, by reason."""

    def letter(
        self, message: Message, reason: str, defects: Sequence[Defect], unread: Unread | None = None
    ) -> Outgoing:
        """The dead letter for `message`, a part of it where it is too long for one.

        Raises `TooManyDeadLetters`, before any of the open round takes effect.
        """
        self._open[reason] += 1
        if self._max is not None and self._open.total() + self._in_last_minute() > self._max:
            problem = defects[0].problem if defects else reason
            text = (
                f"more than {self._max} messages in a minute could not be read; the last was "
                f"{message.topic}:{message.partition}:{message.offset}, {reason}: {problem}. Correct the producer, "
                "then start the worker again, with a higher ACCRUE_DEAD_LETTERS_PER_MINUTE_MAX if as many still wait"
            )
            raise TooManyDeadLetters(text)
        key, value, headers = dead_letter_of(message, reason, defects, stage=self._stage, unread=unread)
        return Outgoing(self._topic, key, value, None, headers, message.timestamp)

    def unread(self, unreadable: Unreadable, now: int) -> Outgoing:
        """The dead letter for what the log's client could not read: its coordinates, and what is known of it.

        `now`, milliseconds since the epoch, stands for a time of sending that nobody knows. Raises as `letter` does.
        """
        if unreadable.message is not None:
            defect = Defect("", unreadable.problem, "write header names in UTF-8; a replay sends it without headers")
            return self.letter(unreadable.message, Reason.UNREADABLE, (defect,))
        topic, partition = unreadable.partition
        defect = Defect("", unreadable.problem, "read it with another client, and send it again in smaller batches")
        place = Message(topic, partition, unreadable.first, None, None, now, ())
        unread = Unread(at=str(unreadable.partition), first=unreadable.first, last=unreadable.after - 1)
        return self.letter(place, Reason.UNREADABLE, (defect,), unread)

    def committed(self) -> None:
        """The letters of the open round are sent."""
        if self._open:
            self.by_reason.update(self._open)
            if self._max is not None:
                self._recent.append((self._clock(), self._open.total()))
            self._open.clear()

    def aborted(self) -> None:
        """The letters of the open round are not sent."""
        self._open.clear()

    def _in_last_minute(self) -> int:
        horizon = self._clock() - _WINDOW_SECONDS
        while self._recent and self._recent[0][0] < horizon:
            self._recent.popleft()
        return sum(count for _, count in self._recent)
