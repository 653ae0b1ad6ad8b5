"""Follows small topics: all of one is read before a role begins, and no decision is made by what is stale."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar, Final

from pipeline.clock import Clock
from pipeline.intake.org_settings import KnownOrg, access_keys_in, known, orgs_in, topics_in
from pipeline.log.port import Consumer, Log, Partition, Unavailable
from pipeline.sealing import NO_KEYS, Keys, is_sealed
from schemas.settings import AccessKey, TopicSetting

STALE_SECONDS: Final = 30.0
"""Settings may be this old: a follower that cannot reach the log for longer decides nothing."""
_EVERY_SECONDS: Final = 1.0
_CALL_SECONDS: Final = 1.0
_BATCH: Final = 1_000
_POLL_SECONDS: Final = 0.05


class Follower:
    """The entries of a compacted topic; belongs to the thread of one role."""

    what: ClassVar[str] = "entries"
    """What its entries are, for those who read of a failure."""

    def __init__(self, log: Log, topic: str, clock: Clock) -> None:
        """`topic`: its full name; all entries are in its first partition."""
        self._log = log
        self._partition = Partition(topic, 0)
        self._clock = clock
        self._reader: Consumer | None = None
        self.entries: dict[bytes, bytes] = {}
        """As read so far, by key."""
        self._first = 0
        """Where the topic began when reading began."""
        self._changed = True
        """Whether entries have come since `_renew` made something of them."""
        self._seen_at: float | None = None
        """When all that the topic has was read last, monotonic seconds."""
        self._due = 0.0

    def begun(self) -> bool:
        """Whether all that the topic holds was read at least once; reads on until then."""
        if self._seen_at is None:
            self._look()
        return self._seen_at is not None

    def look(self) -> None:
        """Read what has come, at most once a second. Raises `Unavailable` where they are stale."""
        now = self._clock.now()
        if now >= self._due:
            self._due = now + _EVERY_SECONDS
            self._look()
        if self._seen_at is None or now - self._seen_at > STALE_SECONDS:
            message = f"{self._partition} could not be read for {STALE_SECONDS:.0f} s: the {self.what} may have changed"
            raise Unavailable(message)

    def close(self) -> None:
        """Stop reading; a second call does nothing."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _look(self) -> None:
        began = self._clock.now()
        try:
            if self._read_to_the_end(began + _CALL_SECONDS):
                self._seen_at = began
        except Unavailable:  # it counts only once the entries are stale
            return

    def _read_to_the_end(self, deadline: float) -> bool:
        if self._reader is None:
            reader = self._log.consumer()
            first, _ = reader.bounds((self._partition,), _CALL_SECONDS)[self._partition]
            reader.assign({self._partition: first})
            self._reader, self._first = reader, first
        end = self._log.ends((self._partition,), _CALL_SECONDS)[self._partition]
        while self._reached() < end:
            if self._clock.now() > deadline:
                return False
            for message in self._reader.consume(_BATCH, _POLL_SECONDS):
                self._changed = True
                if message.key is not None and message.value is not None:
                    self.entries[message.key] = message.value
                elif message.key is not None:
                    self.entries.pop(message.key, None)
        # Only what stands at the end of a transaction is one version of everything.
        if self._changed:
            self._renew()
            self._changed = False
        return True

    def _renew(self) -> None:
        """Make of the entries what is asked for."""

    def _reached(self) -> int:
        """The offset before which all is read; control records are passed over."""
        position = None if self._reader is None else self._reader.position(self._partition)
        return self._first if position is None else position


class SettingsFollower(Follower):
    """The orgs as the settings topic has them."""

    what = "settings"

    def __init__(self, log: Log, topic: str, clock: Clock) -> None:
        super().__init__(log, topic, clock)
        self.orgs: Mapping[int, KnownOrg] = {}
        """By id, as of the last look."""
        self.topics: Mapping[str, TopicSetting] = {}
        """By name without prefix."""
        self.keys: Mapping[str, AccessKey] = {}
        """By key id, as of the last look."""

    def _renew(self) -> None:
        self.topics = topics_in(self.entries)
        self.orgs = {number: known(org) for number, org in orgs_in(self.entries).items()}
        self.keys = access_keys_in(self.entries)


class KeyRing(Follower):
    """The keys of personal data; nothing is read before they are first asked for."""

    what = "keys of personal data"

    def __init__(self, log: Log, topic: str, clock: Clock) -> None:
        super().__init__(log, topic, clock)
        self._keys = NO_KEYS

    def keys_of(self, orgs: Iterable[int]) -> Keys:
        """The keys as they are; those of an org are written before anything of it is sealed.

        Raises `Unavailable` where they cannot be read, or are stale.
        """
        if not self.begun():
            message = f"the keys of personal data could not be read to their end within {_CALL_SECONDS:.0f} s"
            raise Unavailable(message)
        self.look()
        if not all(map(self._keys.has, orgs)):
            self._look()
        return self._keys

    def open_json(self, body: bytes, org_id: int) -> bytes:
        """JSON about an org with what is sealed in it opened; what is erased is empty. Raises as `keys_of` does."""
        if not is_sealed(body):
            return body
        return self.keys_of((org_id,)).open_json(body, org_id)

    def _renew(self) -> None:
        self._keys = Keys(dict(self.entries))
