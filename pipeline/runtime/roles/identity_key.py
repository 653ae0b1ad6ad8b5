"""The key that identifiers are hashed with: the first that an intake uses is that of all topics, for good."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pipeline.clock import Clock
from pipeline.failure import Halted
from pipeline.intake.dialects.naming import NOBODY, input_key
from pipeline.intake.identifiers import fingerprint_of
from pipeline.intake.org_settings import IDENTITY_KEY
from pipeline.intake.verdict import Accepted
from pipeline.log.port import Fenced, Log, Outgoing, Unavailable
from pipeline.runtime.roles.settings_writer import SETTINGS, Change, read_settings, write_settings
from pipeline.runtime.settings import Settings
from schemas.records import CustomerRecord, UseIdentityKey, encode_record
from topics.catalog import Catalog

_SOURCE: Final = "identityKey"
"""It comes from no input partition: no message says it."""


class OtherIdentityKey(Halted):
    """Identifiers of these topics are hashed with another key, so nobody would be recognised."""


def check_key(settings: Settings, entries: Mapping[bytes, bytes]) -> None:
    """Raise `OtherIdentityKey` where `entries`, those of the settings topic, name another key than this process has."""
    key, known = settings.secret_of_identities(), entries.get(IDENTITY_KEY)
    if key is None or known is None or known.decode() == fingerprint_of(key):
        return
    message = (
        f"{Catalog(settings.prefix, settings.partitions).name(SETTINGS)} says that identifiers (e-mail addresses, "
        f"phone and card numbers) are hashed with the key {known.decode()}, and ACCRUE_IDENTITY_KEY here (in a data "
        f"folder without it the file identity.key) is {fingerprint_of(key)}: nobody would be recognised. Give it the "
        "key that the first worker had"
    )
    raise OtherIdentityKey(message)


class KeyInUse:
    """Sees to it that intake hashes with the key of the topics, and that each org's journal says which that is."""

    def __init__(self, log: Log, settings: Settings, journal: str, clock: Clock) -> None:
        """`journal`: its full name."""
        key = settings.secret_of_identities()
        self._own = None if key is None else fingerprint_of(key)
        self._log = log
        self._settings = settings
        self._journal = journal
        self._clock = clock
        self._agreed = False
        self._told: set[int] = set()
        """Orgs whose journal says it, as far as this worker knows."""
        self._open: set[int] = set()
        """Those to whom the open round says it."""

    def agree(self, entries: Mapping[bytes, bytes]) -> None:
        """Hash with the key of the topics. Raises `OtherIdentityKey` where that is another one.

        `entries` of the settings: an org among them makes the first key that of the topics.
        """
        own = self._own
        if own is None or self._agreed or not any(name.startswith(b"org:") for name in entries):
            return
        check_key(self._settings, entries if IDENTITY_KEY in entries else self._put(own.encode()))
        self._agreed = True

    def _put(self, own: bytes) -> Mapping[bytes, bytes]:
        """Say that this is the key, unless another one was said to be since; the settings by now."""
        try:
            write_settings(
                self._log,
                self._settings,
                lambda entries: [] if IDENTITY_KEY in entries else [Change(IDENTITY_KEY, None, own)],
                self._clock,
            )
        except Fenced as error:
            message = "somebody else writes the settings at this moment"
            raise Unavailable(message) from error
        return read_settings(self._log, self._settings, self._clock)

    def told_to(self, verdict: Accepted) -> list[Outgoing]:
        """What an org is told before the first record with identifiers: the fingerprint of the key."""
        record: CustomerRecord | None = verdict.links
        if record is None and isinstance(verdict.record, CustomerRecord) and verdict.record.customer_id == NOBODY:
            record = verdict.record
        if record is None or self._own is None or record.org_id in self._told | self._open:
            return []
        self._open.add(record.org_id)
        return [Outgoing(self._journal, input_key(record.org_id, NOBODY), encode_record(_use(record, self._own)))]

    def committed(self) -> None:
        """The round took effect."""
        self._told |= self._open
        self._open = set()

    def aborted(self) -> None:
        """The round had no effect."""
        self._open = set()


def _use(record: CustomerRecord, fingerprint: str) -> UseIdentityKey:
    return UseIdentityKey(
        received_at=record.received_at,
        source=_SOURCE,
        offset=0,
        org_id=record.org_id,
        customer_id=NOBODY,
        id=f"{record.source}:{record.offset}",
        digest=0,
        event_time=record.received_at,
        fingerprint=fingerprint,
    )
