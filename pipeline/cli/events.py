"""`accrue events`: the custom events that orgs define, and those that came without a definition."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import click
import msgspec

from pipeline.cli.output import instant, json_option, placed, print_json, print_table
from pipeline.cli.place import Place, Unusable
from pipeline.cli.printing import say
from pipeline.cli.reading import partitions_of, read_all
from pipeline.cli.settings_file import settings_in
from pipeline.cli.settings_topic import orgs_now
from pipeline.intake.events import judge
from pipeline.intake.letters.letter import REASON_HEADER
from pipeline.intake.org_settings import KnownOrg, known
from pipeline.intake.verdict import Reason, Rejected
from pipeline.log.port import Log, Message
from schemas.messages import CustomEvent
from schemas.records import CustomerRecord, CustomEventReceived, UnknownVersion, as_sent, decode_record

_EVENT: Final = msgspec.json.Decoder(CustomEvent)
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


@click.group()
def events() -> None:
    """Look at the custom events that orgs define, and judge events by them.

    \b
    Example:
      accrue events list
      accrue events unknown
    """


@events.command("list")
@placed
@json_option
def list_events(place: Place, *, as_json: bool) -> None:
    """List the events that are defined, with their actions and fields.

    \b
    Example:
      accrue events list --data-dir accrue-demo
    """
    with place.log() as log:
        orgs = orgs_now(place, log)
    found = [(org.org_id, event) for _, org in sorted(orgs.items()) for event in org.events]
    if as_json:
        print_json([{"org_id": org_id} | json.loads(event.model_dump_json()) for org_id, event in found])
        return
    rows = [
        (
            org_id,
            event.name,
            ", ".join(event.actions),
            ", ".join(f"{field.name}{'*' if field.is_required else ''}" for field in event.fields) or "-",
            ", ".join(field.name for field in event.unique_key) or "-",
            "yes" if event.retired else "-",
        )
        for org_id, event in found
    ]
    print_table("Events (* required)", ("org", "event", "actions", "fields", "unique by", "retired"), rows)


@events.command()
@click.argument("name")
@placed
@json_option
def show(name: str, place: Place, *, as_json: bool) -> None:
    """Show how an event is defined, in each org that has it.

    \b
    Example:
      accrue events show review_written
    """
    with place.log() as log:
        orgs = orgs_now(place, log)
    found = [(org.org_id, event) for _, org in sorted(orgs.items()) for event in org.events if event.name == name]
    if not found:
        message = f"no org defines an event {name!r}; `accrue events list` shows those that there are"
        raise Unusable(message)
    if as_json:
        print_json([{"org_id": org_id} | json.loads(event.model_dump_json()) for org_id, event in found])
        return
    for org_id, event in found:
        ended = ", retired" if event.retired else ""
        say(f"{event.name} of org {org_id}, for {' and '.join(event.actions)}{ended}")
        if event.description:
            say(event.description)
        rows = [
            (
                field.name,
                field.type,
                "yes" if field.is_required else "-",
                "yes" if field.is_unique_key_field else "-",
                ", ".join(field.values) or "-",
            )
            for field in event.fields
        ]
        if rows:
            print_table("Fields", ("field", "type", "required", "unique key", "values"), rows)


class _Unknown(NamedTuple):
    """Events of one name that came without a definition."""

    org_id: int
    name: str
    accepted: int
    rejected: int
    last: int
    """When the last came, milliseconds since the epoch."""


@events.command()
@placed
@json_option
def unknown(place: Place, *, as_json: bool) -> None:
    """Count the events that came without a definition, by name: in the journal, and among the dead letters.

    Events whose definition came later are not counted.

    \b
    Example:
      accrue events unknown --data-dir accrue-demo
    """
    with place.log() as log:
        orgs = {number: known(org) for number, org in orgs_now(place, log).items()}
        found = _unknown(place, log, orgs)
    if as_json:
        print_json([one._asdict() for one in found])
        return
    rows = [(one.org_id, one.name, one.accepted, one.rejected, instant(one.last)) for one in found]
    print_table("Events without a definition", ("org", "event", "accepted", "rejected", "last"), rows)


def _unknown(place: Place, log: Log, orgs: Mapping[int, KnownOrg]) -> list[_Unknown]:
    accepted: Counter[tuple[int, str]] = Counter()
    rejected: Counter[tuple[int, str]] = Counter()
    last: dict[tuple[int, str], int] = {}
    journal = place.catalog.name("journal")
    topics = [journal, place.catalog.name("deadletters")]
    for message in read_all(log, partitions_of(topics, place.settings.partitions)):
        is_accepted = message.topic == journal
        event = _accepted(message) if is_accepted else _rejected(message)
        if event is None or (event.org_id in orgs and event.event_name in orgs[event.org_id].events):
            continue
        name = event.org_id, event.event_name
        (accepted if is_accepted else rejected)[name] += 1
        last[name] = max(last.get(name, 0), message.timestamp)
    return [_Unknown(*name, accepted[name], rejected[name], when) for name, when in sorted(last.items())]


def _accepted(message: Message) -> CustomEventReceived | None:
    """The custom event in a message of the journal, also one that came by identifiers."""
    try:
        record = decode_record(message.value or b"")
        sent = as_sent(record) if isinstance(record, CustomerRecord) else None
    except (UnknownVersion, msgspec.DecodeError):
        return None
    return sent if isinstance(sent, CustomEventReceived) else None


def _rejected(message: Message) -> CustomEvent | None:
    """The custom event in a dead letter for its name."""
    if dict(message.headers).get(REASON_HEADER) != Reason.UNKNOWN_EVENT.encode():
        return None
    try:
        return _EVENT.decode(message.value or b"")
    except _UNREADABLE:  # too long to be kept whole
        return None


@events.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--settings",
    "settings_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Judge by this file instead of the settings that are in force.",
)
@placed
@json_option
@click.pass_context
def check(context: click.Context, file: Path, settings_file: Path | None, place: Place, *, as_json: bool) -> None:
    """Judge the custom events in FILE, a message on each line. Exit code 1 where one would be rejected.

    \b
    Example:
      accrue events check my-events.jsonl --settings examples/settings/roastery.yaml
    """
    if settings_file is not None:
        orgs = {org.org_id: known(org) for org in settings_in(settings_file).orgs}
    else:
        with place.log() as log:
            orgs = {number: known(org) for number, org in orgs_now(place, log).items()}
    judged = list(_judged(file, orgs))
    if as_json:
        print_json(judged)
    else:
        for one in judged:
            say(f"line {one['line']}: {one['eventName']}: {one['outcome']}")
            for defect in one["defects"]:
                say(f"    {defect['path']} {defect['problem']}; {defect['remedy']}")
    context.exit(1 if any(one["outcome"] in set(Reason) for one in judged) else 0)


def _judged(file: Path, orgs: Mapping[int, KnownOrg]) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(file.read_bytes().splitlines(), 1):
        if not line.strip():
            continue
        try:
            event = _EVENT.decode(line)
        except _UNREADABLE as error:
            message = f"{file}, line {number}: this is no custom event: {error}; write one JSON message on each line"
            raise Unusable(message) from error
        verdict = judge(event.event_name, event.attributes, orgs[event.org_id]) if event.org_id in orgs else None
        if isinstance(verdict, Rejected):
            outcome, defects = verdict.reason.value, verdict.defects
        else:
            outcome, defects = "accepted" if verdict is not None and verdict.is_defined else "not defined, accepted", ()
        yield {
            "line": number,
            "org_id": event.org_id,
            "eventName": event.event_name,
            "outcome": outcome,
            "defects": [defect._asdict() for defect in defects],
        }
