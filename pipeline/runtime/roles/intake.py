"""The intake role: what producers send becomes the journal, or a dead letter that says why. It keeps no state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

import msgspec

from pipeline.clock import SYSTEM_CLOCK, Clock
from pipeline.intake.dialects.naming import input_key
from pipeline.intake.dialects.registry import read as read_message
from pipeline.intake.verdict import Accepted, Limits, Reason, Rejected, in_words
from pipeline.log.port import Committed, Log, Message, Outgoing, Partition, Unavailable, Unreadable
from pipeline.replies.rejected import OF_INTAKE, addressed, reply_to_rejected
from pipeline.runtime.loop.progress import Progress
from pipeline.runtime.loop.role import Decided, Finished
from pipeline.runtime.roles.deadletters import Burial, DeadLetters, TooManyDeadLetters, burial_of
from pipeline.runtime.roles.following import KeyRing, SettingsFollower
from pipeline.runtime.roles.identity_key import KeyInUse
from pipeline.runtime.roles.oddities import Oddities
from pipeline.runtime.settings import Settings
from pipeline.sealing import Keys
from schemas.records import encode_record
from topics.catalog import Catalog

INTAKE: Final = "intake"
_FETCH_BYTES_MAX: Final = 16_384
"""What producers write may be 30,000 times as long once it is decompressed, and what was fetched is so all at once."""


class IntakeRole:
    """Normalises input messages; implements `loop.Role`."""

    name = INTAKE
    fetch_bytes_max = _FETCH_BYTES_MAX

    def __init__(self, log: Log, settings: Settings, progress: Progress, *, clock: Clock = SYSTEM_CLOCK) -> None:
        """The wall time of `clock` is when a message was taken."""
        catalog = Catalog(settings.prefix, settings.partitions)
        self.topics: Sequence[str] = catalog.inputs
        self._clock = clock
        self._prefix = settings.prefix
        self._settings = SettingsFollower(log, catalog.name("settings"), clock)
        self._ring = KeyRing(log, catalog.name("keys"), clock)
        self._limits = limits_of(settings)
        self._journal = catalog.name("journal")
        self._identity_key = KeyInUse(log, settings, self._journal, clock)
        self._replies = catalog.name("replies")
        self._journal_partitions = range(settings.partitions)
        self._dead_letters = DeadLetters(
            catalog.name("deadletters"), INTAKE, settings.dead_letters_per_minute_max, reasons=Reason, clock=clock.now
        )
        progress.dead_letters_by_reason = self._dead_letters.by_reason
        self._keys = Oddities(
            "messages have a key that is not orgId:customerId of their customer (orgId:0 where identifiers name them, "
            "and for linkIdentifiers and unlinkIdentifiers)",
            "give each message that key: only messages under one key keep their order",
            clock.now,
        )
        progress.odd_keys = self._keys.counts
        self._events = Oddities(
            "events are not defined in the settings of their org",
            "define them with `accrue settings apply`, or correct their names",
            clock.now,
        )
        progress.unknown_events = self._events.counts
        self._opened: dict[Partition, int] = {}
        self._read: dict[Partition, int] = {}
        """Of the open round: the offset after the last message of each partition."""

    def open(self, partition: Partition, committed: Committed, first: int) -> None:  # noqa: ARG002 - as in `Keeper`
        """Begin where the group stands."""
        self._opened[partition] = first

    def restore(self, partition: Partition) -> int | None:
        """Intake keeps no state, so the partition is ready as soon as the settings are read."""
        if not self._settings.begun():
            return None
        self._identity_key.agree(self._settings.entries)
        return self._opened.pop(partition)

    def wants_round(self) -> bool:
        """Never: there is nothing to do without a message."""
        return False

    def process(self, batch: Sequence[Message]) -> Decided:
        """One journal record or dead letter for each message; the passing of time goes to every journal partition."""
        self._settings.look()
        self._identity_key.agree(self._settings.entries)
        self._limits = self._limits._replace(
            orgs=self._settings.orgs,
            topics={self._prefix + name: setting for name, setting in self._settings.topics.items()},
            keys=self._keys_in_use(),
        )
        out: list[Outgoing] = []
        halt: TooManyDeadLetters | None = None
        read: dict[tuple[str, int], int] = {}
        wall, limits, journal = self._clock.wall(), self._limits, self._journal
        for message in batch:
            verdict = read_message(message, wall=wall, limits=limits)
            if isinstance(verdict, Accepted):
                value = encode_record(verdict.record)
                if verdict.undefined_event:
                    self._events.saw(verdict.undefined_event)
                out += self._identity_key.told_to(verdict)
                if verdict.links is not None:
                    org = input_key(verdict.links.org_id, verdict.links.customer_id)
                    out.append(Outgoing(journal, org, encode_record(verdict.links)))
                if verdict.key is None:
                    out += [Outgoing(journal, None, value, number) for number in self._journal_partitions]
                else:
                    out.append(Outgoing(journal, verdict.key, value))
                    if message.key != verdict.key:
                        self._keys.saw(message.topic)
            else:
                burial = Burial(message, verdict.reason.value, verdict.defects)
                if (halt := self._dead_letters.too_many(burial)) is not None:
                    break
                out.append(self._dead_letters.letter(burial))
                out += self._answer(message, verdict, wall)
            read[message[:2]] = message[2] + 1
        self._read.update({Partition(*partition): offset for partition, offset in read.items()})
        return Decided(out, halt=halt)

    def _keys_in_use(self) -> Keys | None:
        """The keys, if any org seals personal data. Raises `Unavailable` where they cannot be read, or one is missing.

        Nothing is taken without them, as it would be readable for ever.
        """
        sealing = [number for number, one in self._settings.orgs.items() if one.org.personal_data == "sealed"]
        if not sealing:
            return None
        keys = self._ring.keys_of(sealing)
        for org_id in sealing:
            if not keys.has(org_id):
                message = f"org {org_id} seals personal data and has no key; run `accrue settings apply` for it again"
                raise Unavailable(message)
        return keys

    def _answer(self, message: Message, rejected: Rejected, wall: int) -> list[Outgoing]:
        """The reply to a dead letter, where its bytes name a customer."""
        value = message.value
        if value is None or len(value) > self._limits.bytes_max:
            return []
        origin = f"{message.topic}:{message.partition}:{message.offset}"
        about = addressed(value, origin)
        if about is None:
            return []
        reply = reply_to_rejected(about, origin, rejected.reason.value, in_words(rejected.defects), wall)
        key = input_key(about.org_id, about.customer_id)
        return [Outgoing(self._replies, key, msgspec.json.encode(reply), None, OF_INTAKE)]

    def pass_over(self, unreadable: Unreadable) -> Decided:
        """A dead letter with the coordinates, and with all that could be read."""
        burial = burial_of(unreadable, self._clock.wall())
        if (halt := self._dead_letters.too_many(burial)) is not None:
            return Decided([], halt=halt)
        self._read[unreadable.partition] = unreadable.after
        return Decided([self._dead_letters.letter(burial)])

    def finish(self) -> Finished:
        """Nothing more to write."""
        return Finished([], {partition: Committed(offset) for partition, offset in self._read.items()})

    def committed(self, ends: Mapping[Partition, int]) -> None:
        """The round took effect; intake has nothing to store."""
        del ends
        self._read = {}
        self._dead_letters.committed()
        self._identity_key.committed()
        self._keys.committed()
        self._events.committed()

    def aborted(self) -> None:
        """The round had no effect."""
        self._read = {}
        self._dead_letters.aborted()
        self._identity_key.aborted()
        self._keys.aborted()
        self._events.aborted()

    def drop(self, partition: Partition) -> None:
        """Let go of a partition; what the open round read of it is aborted."""
        self._opened.pop(partition, None)

    def close(self) -> None:
        """Stop following the settings and the keys."""
        self._settings.close()
        self._ring.close()


def limits_of(settings: Settings) -> Limits:
    """What messages are held to, as far as the settings of a worker say it: by intake, and by who sends to it."""
    catalog = Catalog(settings.prefix, settings.partitions)
    return Limits(
        clock_topic=catalog.name("transactions"),
        future_ms=settings.future_tolerance // timedelta(milliseconds=1),
        types={catalog.name(topic): types for topic, types in settings.taken_types().items()},
        identity_key=settings.secret_of_identities(),
    )
