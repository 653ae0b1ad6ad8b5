"""Reads the dead-letter topic for commands: its entries, which of them were replayed, and filters."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any, Final, NamedTuple

import click

from pipeline.cli.output import Command
from pipeline.cli.place import Place, Unusable
from pipeline.cli.reading import ends_of, partitions_of, read_all
from pipeline.clock import SYSTEM_CLOCK
from pipeline.intake.letters.replays import DeadLetter, Entry, Replayed, entry_of, read_entry
from pipeline.log.port import Log, Message, Partition

_SPAN: Final = re.compile(r"(\d{1,6})([smhd])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Found(NamedTuple):
    """A dead letter, and whether it was replayed."""

    letter: DeadLetter
    replayed_at: int | None
    """When it was sent again, milliseconds since the epoch."""

    @property
    def is_replayed(self) -> bool:
        """Whether it was sent again."""
        return self.replayed_at is not None


class Count(NamedTuple):
    """The number of dead letters of a reason, and how many of them were replayed."""

    reason: str
    dead_letters: int
    replayed: int


class Wanted(NamedTuple):
    """Selects dead letters; an empty or None field selects all."""

    reasons: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    """Full names."""
    since: int | None = None
    """Milliseconds since the epoch, as are those before it."""
    until: int | None = None
    """The end of the time range, exclusive."""

    def takes(self, letter: DeadLetter) -> bool:
        """Whether the filters select this dead letter."""
        return (
            (not self.reasons or letter.reason in self.reasons)
            and (not self.stages or letter.stage in self.stages)
            and (not self.topics or letter.origin.topic in self.topics)
            and (self.since is None or letter.sent_at >= self.since)
            and (self.until is None or letter.sent_at < self.until)
        )


class DeadLetters:
    """The entries of the dead-letter topic, as far as it was read. Headers are kept, values are not."""

    def __init__(self, place: Place, log: Log) -> None:
        """Read what is there now."""
        self._log = log
        self.topic = place.catalog.name("deadletters")
        self._letters: dict[Entry, DeadLetter] = {}
        self._replayed: dict[Entry, int] = {}
        partitions = partitions_of([self.topic], place.settings.partitions)
        self.ends = ends_of(log, partitions)
        """The offsets read up to."""
        for message in read_all(log, partitions, self.ends):
            self.note(message)

    def note(self, message: Message) -> object:
        """Take in one more message of the topic; what it is, as `read_entry` says."""
        one = read_entry(message)
        if isinstance(one, DeadLetter):
            self._letters[one.entry] = one
        elif isinstance(one, Replayed):
            self._replayed[one.entry] = one.at
        return one

    def matching(self, wanted: Wanted) -> list[Found]:
        """The selected entries, in the order in which their messages were first sent."""
        letters = sorted(filter(wanted.takes, self._letters.values()), key=lambda one: (one.sent_at, one.entry))
        return [Found(letter, self._replayed.get(letter.entry)) for letter in letters]

    def without(self, reasons: Sequence[str]) -> str | None:
        """The reasons without any dead letter, and all reasons that occur; None if each reason occurs."""
        there = {letter.reason for letter in self._letters.values()}
        if not (missing := [reason for reason in reasons if reason not in there]):
            return None
        known = f"the reasons here are {', '.join(sorted(there))}" if there else "there are no dead letters"
        return f"no dead letter has the reason {' or '.join(missing)}: {known}"

    def get(self, entry: Entry) -> Found:
        """Looks up a dead letter; raises `Unusable` if there is none."""
        letter = self._letters.get(entry)
        if letter is None:
            message = (
                f"there is no dead letter {entry} in {self.topic}: it was never there, or is gone by its retention; "
                "see accrue dlq list"
            )
            raise Unusable(message)
        return Found(letter, self._replayed.get(entry))

    def messages(self, entries: Sequence[Entry]) -> dict[Entry, Message]:
        """The entries in topic order."""
        firsts: dict[Partition, int] = {}
        ends: dict[Partition, int] = {}
        for number, offset in entries:
            partition = Partition(self.topic, number)
            firsts[partition] = min(offset, firsts.get(partition, offset))
            ends[partition] = max(offset + 1, ends.get(partition, 0))
        wanted = set(entries)
        found = {
            entry: message
            for message in read_all(self._log, list(firsts), ends, firsts)
            if (entry := Entry(message.partition, message.offset)) in wanted
        }
        if gone := wanted - found.keys():
            message = (
                f"{', '.join(map(str, sorted(gone)))}: gone from {self.topic} by its retention just now; run again"
            )
            raise Unusable(message)
        return found


class _Moment(click.ParamType):
    """An instant, or a span back from now."""

    name = "when"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> int:
        """Milliseconds since the epoch."""
        if span := _SPAN.fullmatch(value):
            back = timedelta(**{_UNITS[span[2]]: int(span[1])})
            return SYSTEM_CLOCK.wall() - back // timedelta(milliseconds=1)
        try:
            read = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a time: write 2h, 3d, 2026-03-09 or 2026-03-09T14:30", parameter, context)
        read = read if read.tzinfo else read.replace(tzinfo=UTC)
        return (read - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


class _EntryName(click.ParamType):
    """The `partition:offset` of an entry."""

    name = "entry"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Entry:
        """The entry."""
        try:
            return entry_of(value)
        except ValueError as error:
            self.fail(str(error), parameter, context)


ENTRY: Final = _EntryName()
_MOMENT: Final = _Moment()
_OPTIONS: Final[tuple[Callable[[Any], Any], ...]] = (
    click.option("--reason", "reasons", multiple=True, metavar="CODE", help="Only this reason, such as NOT_JSON."),
    click.option(
        "--stage", "stages", multiple=True, type=click.Choice(["intake", "loyalty"]), help="Only this role's."
    ),
    click.option("--origin-topic", "topics", multiple=True, metavar="TOPIC", help="Only what came from this topic."),
    click.option("--since", type=_MOMENT, help="Only what was sent then or later: 2h, 3d, 2026-03-09T14:30 (UTC)."),
    click.option("--until", type=_MOMENT, help="Only what was sent before then."),
)


def filtered(command: Command) -> Command:
    """Adds the filter options to a command, and passes them as `wanted`."""

    @wraps(command)
    def with_wanted(
        *,
        place: Place,
        reasons: tuple[str, ...],
        stages: tuple[str, ...],
        topics: tuple[str, ...],
        since: int | None,
        until: int | None,
        **others: Any,
    ) -> Any:
        prefix = place.settings.prefix
        full = tuple(name if name.startswith(prefix) else prefix + name for name in topics)
        wanted = Wanted(tuple(reason.upper() for reason in reasons), stages, full, since, until)
        return command(place=place, wanted=wanted, **others)

    decorated: Any = with_wanted
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]


def by_reason(found: Sequence[Found]) -> list[Count]:
    """The reasons, the most frequent first."""
    all_of, replayed = (
        Counter(one.letter.reason for one in found),
        Counter(one.letter.reason for one in found if one.is_replayed),
    )
    return [Count(reason, count, replayed[reason]) for reason, count in all_of.most_common()]
