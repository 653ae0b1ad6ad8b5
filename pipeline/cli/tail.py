"""`accrue tail`: the latest notifications or replies, and those to come."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

import click
from rich.text import Text

from pipeline.cli.activating import activations
from pipeline.cli.output import CONSOLE, instant, json_option, placed, shown
from pipeline.cli.place import Place
from pipeline.cli.printing import printable, say, say_json
from pipeline.cli.reading import ends_of, follow, partitions_of, read_all
from pipeline.cli.sentences import Sentences
from pipeline.log.port import Message
from schemas.notifications import EventName
from schemas.program import ProgramDefinition

_FAMILIES: Final = ("points", "tiers", "milestones", "streaks", "customers", "rewards")


@click.command()
@click.option("--topic", type=click.Choice(_FAMILIES), multiple=True, help="Only these topics; all by default.")
@click.option(
    "--event",
    multiple=True,
    metavar="NAME",
    type=click.Choice([name.value for name in EventName]),
    help="Only events of this name, such as pointsIssued.",
)
@click.option("--replies", is_flag=True, help="Replies to senders, in place of notifications.")
@click.option("--customer", type=int, help="Only this customer.")
@click.option("-n", "--lines", type=click.IntRange(0), default=10, show_default=True, help="How many existing ones.")
@click.option("-f", "--follow", "following", is_flag=True, help="Keep following; Ctrl-C ends it.")
@placed
@json_option
def tail(
    topic: tuple[str, ...],
    event: tuple[str, ...],
    customer: int | None,
    lines: int,
    place: Place,
    *,
    replies: bool,
    following: bool,
    as_json: bool,
) -> None:
    """Print notifications: the latest, and with -f new ones as they arrive.

    With --replies: what senders were answered of commands, and of messages that were refused, wait or came before.

    Those of one customer are in the order of their count `seq`, those of all in the order in which they were written.

    \b
    Example:
      accrue tail --event tierUpgraded --data-dir accrue-demo
      accrue tail --customer 10001 -n 50 --data-dir accrue-demo
      accrue tail -f --json | jq .eventName
      accrue tail --replies --data-dir accrue-demo
    """
    if replies and (topic or event):
        mixed = "--replies goes with neither --topic nor --event: these choose among notifications"
        raise click.UsageError(mixed)
    kinds = ["replies"] if replies else [f"notifications.{one}" for one in topic or _FAMILIES]
    names = list(map(place.catalog.name, kinds))
    partitions = partitions_of(names, place.settings.partitions)
    suffix = None if customer is None else b":%d" % customer

    def wanted(message: Message) -> bool:
        if suffix is not None and not (message.key or b"").endswith(suffix):
            return False
        return not event or event_name(message) in event

    def show(message: Message) -> None:
        if as_json:
            say_json((message.value or b"").decode(errors="replace"))
        else:
            CONSOLE.print(reply_line_of(message) if replies else line_of(message, sentences), soft_wrap=True)

    with place.log() as log:
        sentences = Sentences(
            ProgramDefinition.model_validate_json(versions[-1].definition)
            for versions in activations(place, log).values()
        )
        ends = ends_of(log, partitions)
        found = filter(wanted, read_all(log, partitions, ends))
        # Topics have no common order: only a customer's own `seq` says what came first. Between customers
        # there is none, so all of them are shown by the time at which they were written.
        present = sorted(found, key=_written if customer is None else _counted)
        for message in present[max(0, len(present) - lines) :]:
            show(message)
        if not present and not following:
            say(f"no matching {'replies' if replies else 'notifications'}", err=True)
        if following:
            with suppress(KeyboardInterrupt):
                for message in filter(wanted, follow(log, ends)):
                    show(message)


def event_name(message: Message) -> str:
    """The notification's event name, from its header."""
    return next((value.decode() for name, value in message.headers if name == "eventName"), "")


def _written(message: Message) -> int:
    return message.timestamp


def _counted(message: Message) -> tuple[bytes, int]:
    """The customer, who may be one in each of several orgs, and their own count."""
    return message.key or b"", _body(message).get("seq", 0)


def _body(message: Message) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(message.value or b"{}")
    attributes: dict[str, Any] = body.get("attributes", body)
    return attributes


def line_of(message: Message, sentences: Sentences) -> Text:
    """A notification in one line, for people: a sentence, or what it says by name where there is none."""
    body = _body(message)
    data = body.get("data", {})
    org, _, customer = (message.key or b"").decode().partition(":")
    name = event_name(message)
    text = sentences.told(name, int(org), data) or _by_name(data)
    when = instant(body["createdAt"]).strftime("%Y-%m-%d %H:%M")
    return Text.assemble(
        (when, "dim"), "  ", (f"{name:28}", "bold"), f" customer {customer}  ", (printable(text), "dim")
    )


def _by_name(data: dict[str, Any]) -> str:
    return ", ".join(
        f"{name} {shown(int(value)) if isinstance(value, float) and value.is_integer() else value}"
        for name, value in data.items()
        if isinstance(value, int | float | str)
        and value != ""
        and name not in {"loyaltyProgramId", "loyaltyType", "notes"}
    )


def reply_line_of(message: Message) -> Text:
    """A reply in one line, for people."""
    reply = _body(message)
    when = datetime.fromisoformat(reply["at"]).strftime("%Y-%m-%d %H:%M")
    about = printable(f" customer {reply['customerId']}  {reply['type']} {reply['recordId']}: ")
    return Text.assemble(
        (when, "dim"), "  ", (f"{reply['outcome']:9}", "bold"), about, (printable(reply["message"]), "dim")
    )
