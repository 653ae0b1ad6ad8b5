"""What every record has."""

from __future__ import annotations

import msgspec


class Record(msgspec.Struct, frozen=True, array_like=True, tag=True, gc=False):
    """What every journal record has, whoever it is about."""

    received_at: int
    """When intake took it, wall clock."""
    source: str
    """The input partition it came from, as `topic:partition`."""
    offset: int
    """Its offset in `source`."""


class CustomerRecord(Record, frozen=True):
    """A record about one customer."""

    org_id: int
    customer_id: int
    id: str
    """Unique per org, customer and record type; `topic:partition:offset` of the input where none was given."""
    digest: int
    """A 48-bit hash of the content (received time and origin aside): same id with another digest is a conflict."""
    event_time: int
    """When it happened."""


class CommandRecord(CustomerRecord, frozen=True):
    """Something that somebody asks for: it is done or refused, and answered either way."""


class ProgramCommand(CommandRecord, frozen=True):
    """Something that somebody asks of one program."""

    program_id: int


class Request(CustomerRecord, frozen=True):
    """What a decision about another customer of the org, the sender, asks of this one.

    The loyalty role writes it; `source` and `offset` are the place of the journal record that was decided.
    """

    sender_id: int
    via: str
    """The root cause, as `Envelope.via` has it."""
