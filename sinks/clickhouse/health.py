"""Health of the sink, shown by the web pages; written by one thread and read by others."""

from __future__ import annotations

from typing import Final

from pipeline.clock import Clock

_STUCK_SECONDS: Final = 8.0
"""A call that takes longer makes the sink not ready, which shows within ten seconds."""
_UNHEARD_SECONDS: Final = 4.0
"""As long without an answer of the log; a look may have been two seconds off and then take a second."""


class Health:
    """What the sink does, and what blocks it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._trouble: str | None = "not started"
        self._doing = ""
        self._since = clock.now()
        """When that began."""
        self._unheard_since: float | None = None
        self._lost_rounds = 0
        self._lost_why = ""

    def begins(self, what: str) -> None:
        """Starts timing a call that may block."""
        self._doing, self._since = what, self._clock.now()

    def works(self) -> None:
        """Reports a success."""
        self._trouble = None

    def fails(self, why: str) -> None:
        """Reports a failure; the next success clears it."""
        self._trouble = why

    def heard(self, *, answer: bool) -> None:
        """Whether the log told how far it goes; a poll of a log that is away just finds nothing."""
        if answer:
            self._unheard_since = None
        elif self._unheard_since is None:
            self._unheard_since = self._clock.now()

    def loses(self, why: str) -> None:
        """Reports an abandoned round. A sink that was frozen has one, but not two in a row."""
        self._lost_rounds += 1
        self._lost_why = why

    def gets_on(self) -> None:
        """Reports a finished round, or that nothing is left to store."""
        self._lost_rounds = 0

    def trouble(self) -> str | None:
        """What blocks the sink; None if it makes progress."""
        if self._trouble is not None:
            return self._trouble
        if self._lost_rounds > 1:
            return f"{self._lost_rounds} rounds in a row were given up: {self._lost_why}"
        now, since = self._clock.now(), self._unheard_since
        if since is not None and now - since > _UNHEARD_SECONDS:
            return f"the log has not answered for {now - since:.0f} s"
        if now - self._since > _STUCK_SECONDS:
            return f"{self._doing} has taken {now - self._since:.0f} s"
        return None
