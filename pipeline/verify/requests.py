"""Requests: what decisions about one customer ask of another, matched with what all journals have, one to one.

A request names its sender's place in the journal, so one without a match is judged only where that place was decided
again. The partitions of both sides must be among those that are verified.
"""

from __future__ import annotations

from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final

import msgspec

from pipeline.intake.dialects.naming import input_key
from pipeline.log.partitioner import partition_for
from pipeline.log.port import Log, Message, Outgoing, Partition
from pipeline.verify.kept import Kept, pairs
from pipeline.verify.reading import Reading, name_of
from pipeline.verify.report import Check, Report
from schemas.records import Request, UnknownVersion, decode_record
from topics.catalog import Catalog

_WRITE: Final = msgspec.msgpack.Encoder()


class _Asked(msgspec.Struct, array_like=True, frozen=True):
    """A request as it is decided again."""

    offset: int
    """Of the journal record that was decided."""
    due: bool
    """Whether the journal must have it: that record's decision is committed."""
    value: bytes


class _Found(msgspec.Struct, array_like=True, frozen=True):
    """A request as a journal has it."""

    number: int
    offset: int
    value: bytes


_READ_ASKED: Final = msgspec.msgpack.Decoder(_Asked)
_READ_FOUND: Final = msgspec.msgpack.Decoder(_Found)


class Requests:
    """The requests of all partitions that are verified, on disk."""

    def __init__(self, catalog: Catalog, folder: Path, report: Report) -> None:
        self._catalog = catalog
        self._journal = catalog.name("journal")
        self._report = report
        self._asked = Kept(folder / "asked")
        self._found = Kept(folder / "found")
        self._decided: dict[int, tuple[int, int]] = {}
        """By partition: the journal offsets that were decided again, from the first up to the end."""

    def ask(self, journal_offset: int, outgoing: Outgoing, *, due: bool) -> None:
        """This is what the decision of a journal record asks."""
        asked = _Asked(offset=journal_offset, due=due, value=outgoing.value or b"")
        key = _key_of(outgoing.value or b"")
        if key is not None:
            self._asked.put({key: _WRITE.encode(asked)})

    def find(self, message: Message) -> None:
        """This is what a journal has; no request where it is anything else."""
        value = message.value or b""
        key = _key_of(value)
        if key is None:
            return
        place = name_of(Partition(message.topic, message.partition), message.offset)
        if self._found.get(key) is not None:
            self._report.find(Check.REQUESTS, place, f"{_told(value)} is here for the second time")
            return
        self._found.put({key: _WRITE.encode(_Found(number=message.partition, offset=message.offset, value=value))})

    def decided(self, number: int, first: int, end: int) -> None:
        """These offsets of a journal partition were decided again, and looked through."""
        self._decided[number] = (first, end)

    def judge(self, log: Log) -> None:
        """Read on in every journal, and tell what has no match."""
        with ExitStack() as stack:
            readings = [
                stack.enter_context(closing(Reading(log, Partition(self._journal, number), end)))
                for number, (_, end) in self._decided.items()
            ]
            for reading in readings:
                for message in reading.all():
                    self.find(message)
            if self._missing():
                for reading in readings:  # what was committed a moment ago may not show yet
                    for message in reading.settle():
                        self.find(message)
        for _, asked, found in pairs(self._asked, self._found):
            self._judge(asked, found)

    def close(self) -> None:
        """Close the files."""
        self._asked.close()
        self._found.close()

    def _missing(self) -> bool:
        return any(
            asked is not None and found is None and _READ_ASKED.decode(asked).due
            for _, asked, found in pairs(self._asked, self._found)
        )

    def _judge(self, asked: bytes | None, found: bytes | None) -> None:
        if asked is None and found is not None:
            self._judge_found(_READ_FOUND.decode(found))
        elif asked is not None:
            self._judge_asked(_READ_ASKED.decode(asked), None if found is None else _READ_FOUND.decode(found))

    def _judge_found(self, found: _Found) -> None:
        request = _request_in(found.value)
        assert request is not None  # noqa: S101 - only requests are kept
        sender = request.source.rpartition(":")[2]
        first, end = self._decided.get(int(sender) if sender.isdecimal() else -1, (0, 0))
        if first <= request.offset < end:
            self._report.look(Check.REQUESTS, 1)
            what = f"{_told(found.value)}, and nothing that is decided there asks for it"
            self._report.find(Check.REQUESTS, self._place(found), what)

    def _judge_asked(self, asked: _Asked, found: _Found | None) -> None:
        request = _request_in(asked.value)
        assert request is not None  # noqa: S101 - only requests are kept
        number = partition_for(input_key(request.org_id, request.customer_id), self._catalog.partitions)
        if number not in self._decided or (found is None and not asked.due):
            return
        self._report.look(Check.REQUESTS, 1)
        if found is None:
            self._report.find(Check.REQUESTS, f"{self._journal}[{number}]", f"lacks {_told(asked.value)}")
        elif found.value != asked.value:
            self._report.find(Check.REQUESTS, self._place(found), f"{_told(asked.value)} says something else here")
        elif found.number != number:
            what = f"{_told(asked.value)} is here, and that customer's records are in partition {number}"
            self._report.find(Check.REQUESTS, self._place(found), what)

    def _place(self, found: _Found) -> str:
        return name_of(Partition(self._journal, found.number), found.offset)


def _request_in(value: bytes) -> Request | None:
    try:
        record = decode_record(value)
    except (UnknownVersion, msgspec.DecodeError):
        return None
    return record if isinstance(record, Request) else None


def _key_of(value: bytes) -> bytes | None:
    """What a request is known by; None for what is no request.

    Its id hashes its sender, cause and place. A record that comes twice for somebody who was merged is passed on twice,
    with one id, so the place of what was decided counts, too.
    """
    request = _request_in(value)
    if request is None:
        return None
    return f"{type(request).__name__}:{request.id}:{request.source}:{request.offset}".encode()


def _told(value: bytes) -> str:
    request = _request_in(value)
    assert request is not None  # noqa: S101 - only requests are kept
    kind, of = type(request).__name__, f"{request.org_id}:{request.customer_id}"
    return f"{kind} {request.id} for customer {of}, asked at {request.source} offset {request.offset}"
