"""Dead letters: unreadable messages are sent on with their original bytes; above a rate, the role stops instead."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final, NamedTuple

from pipeline.failure import Halted
from pipeline.intake.letters.letter import Unread, dead_letter_of
from pipeline.intake.verdict import JUDGED, Defect, Reason
from pipeline.log.port import Message, Outgoing, Unreadable

_WINDOW_SECONDS: Final = 60.0


class TooManyDeadLetters(Halted):
    """More messages than allowed could not be read, so it is more likely that we are wrong than that they are."""


class Burial(NamedTuple):
    """What a dead letter is made of."""

    message: Message
    reason: str
    defects: Sequence[Defect]
    unread: Unread | None = None


class DeadLetters:
    """Makes the dead letters of one role and counts those that took effect in the last minute.

    What was read and refused (`judged`) says nothing against our reading, so it is counted by reason only.
    """

    def __init__(
        self,
        topic: str,
        stage: str,
        per_minute_max: int | None,
        *,
        reasons: Iterable[str] = (),
        judged: Collection[str] = JUDGED,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`stage` is the role's name; without a maximum it never stops; `clock` gives seconds.

        Letters of `reasons` are exported from zero: to Prometheus, a counter that first appears at 1 has not risen.
        """
        self.by_reason: Counter[str] = Counter(dict.fromkeys(reasons, 0))
        """Letters that took effect."""
        self._topic = topic
        self._stage = stage
        self._max = per_minute_max
        self._judged = judged
        self._clock = clock
        self._recent: deque[tuple[float, int]] = deque()
        self._open: Counter[str] = Counter()
        """Letters of the open round, by reason."""

    def too_many(self, burial: Burial) -> TooManyDeadLetters | None:
        """Why to halt rather than bury this, too; None while its dead letter is within the maximum."""
        message, reason, defects, _ = burial
        if self._max is None or reason in self._judged or self._counted() < self._max:
            return None
        what = f"{defects[0].path} {defects[0].problem}".strip() if defects else "no defect was named"
        text = (
            f"more than {self._max} messages in a minute could not be read. Those are dead letters; the next is "
            f"{message.topic}:{message.partition}:{message.offset}, {reason}: {what}. Correct the producer, "
            "then start the worker again, with a higher ACCRUE_DEAD_LETTERS_PER_MINUTE_MAX if more still wait"
        )
        return TooManyDeadLetters(text)

    def letter(self, burial: Burial) -> Outgoing:
        """The dead letter for a message, a part of it where it is too long for one."""
        message, reason, defects, unread = burial
        self._open[reason] += 1
        key, value, headers = dead_letter_of(message, reason, defects, stage=self._stage, unread=unread)
        return Outgoing(self._topic, key, value, None, headers, message.timestamp)

    def committed(self) -> None:
        """The letters of the open round are sent."""
        if self._open:
            self.by_reason.update(self._open)
            if self._max is not None:
                self._recent.append((self._clock(), self._unread_in_round()))
            self._open.clear()

    def aborted(self) -> None:
        """The letters of the open round are not sent."""
        self._open.clear()

    def _counted(self) -> int:
        horizon = self._clock() - _WINDOW_SECONDS
        while self._recent and self._recent[0][0] < horizon:
            self._recent.popleft()
        return self._unread_in_round() + sum(count for _, count in self._recent)

    def _unread_in_round(self) -> int:
        return sum(count for reason, count in self._open.items() if reason not in self._judged)


def burial_of(unreadable: Unreadable, now: int) -> Burial:
    """What is left of what the log's client could not read: its coordinates, and all that is known of it.

    `now`, milliseconds since the epoch, stands in for an unknown time of sending.
    """
    if unreadable.message is not None:
        defect = Defect("", unreadable.problem, "write header names in UTF-8; a replay sends it without headers")
        return Burial(unreadable.message, Reason.UNREADABLE, (defect,))
    topic, partition = unreadable.partition
    defect = Defect("", unreadable.problem, "read it with another client, and send it again in smaller batches")
    place = Message(topic, partition, unreadable.first, None, None, now, ())
    unread = Unread(at=str(unreadable.partition), first=unreadable.first, last=unreadable.after - 1)
    return Burial(place, Reason.UNREADABLE, (defect,), unread)
