"""`accrue send`: JSON lines to an input topic."""

from __future__ import annotations

import codecs
import time
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import IO, Final

import click
import msgspec

from pipeline.cli.output import json_option, placed, print_json
from pipeline.cli.place import Place
from pipeline.intake.native import input_key
from pipeline.log.port import Outgoing

_BATCH: Final = 5_000
_TIMEOUT: Final = 30.0


class _Address(msgspec.Struct):
    org_id: int = msgspec.field(name="orgId")
    customer_id: int = msgspec.field(name="customerId")


_ADDRESS: Final = msgspec.json.Decoder(_Address)
_LIST: Final = msgspec.json.Decoder(list[msgspec.Raw])
_NO_JSON: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.File("rb"))
@click.option(
    "--topic",
    type=click.Choice(["transactions", "events", "customers", "commands"]),
    default="transactions",
    show_default=True,
    help="The input topic; each takes every type of message.",
)
@click.option("--now", is_flag=True, help="Say that it happens now: the current time takes the place of eventTime.")
@placed
@json_option
def send(files: tuple[IO[bytes], ...], topic: str, place: Place, *, now: bool, as_json: bool) -> None:
    """Send JSON to an input topic: one message a line, one object, or a list of objects; `-` reads standard input.

    Messages are keyed by customer. One that names no customer is sent as it is: intake says what is wrong with it.
    Events older than the program's repeat window (35 days) are refused, the samples among them: send those with --now.

    \b
    Example:
      accrue send --now examples/messages/transactionAdded.json --data-dir accrue-demo
      cat events.jsonl | accrue send - --topic events
    """
    sent = nameless = 0
    name = place.catalog.name(topic)
    with place.log(create=True) as log:
        producer = log.producer()
        try:
            for file in files:
                messages = map(_of_now, _messages(file)) if now else _messages(file)
                while batch := [Outgoing(name, _key(one), one) for one in islice(messages, _BATCH)]:
                    producer.produce(batch)
                    producer.flush(_TIMEOUT)
                    sent += len(batch)
                    nameless += sum(one.key is None for one in batch)
        finally:
            producer.close()
    if as_json:
        print_json({"topic": name, "sent": sent, "without_customer": nameless})
    else:
        click.echo(f"sent {sent:,} {'message' if sent == 1 else 'messages'} to {name}")
        if nameless:
            click.echo(f"without a customer: {nameless:,}, to become dead letters; see accrue dlq list", err=True)


def _messages(file: IO[bytes]) -> Iterator[bytes]:
    """The file's lines; where it is one JSON value over several lines, that; where it is a JSON list, its items."""
    first = next((line.strip() for line in file if line.strip()), b"").removeprefix(codecs.BOM_UTF8)
    if first == b"{":
        yield first + b"\n" + file.read().strip()
        return
    rest: Iterable[bytes] = file
    if first.startswith(b"["):
        whole = first + b"\n" + file.read()
        try:
            yield from map(bytes, _LIST.decode(whole))
        except _NO_JSON:  # no list, so each of its lines speaks for itself
            rest = whole.splitlines()[1:]
        else:
            return
    for line in chain([first], rest):
        if line.strip():
            yield line.strip()


def _of_now(message: bytes) -> bytes:
    """The message as of now; what is no JSON object with an event time stays as it is."""
    try:
        content = msgspec.json.decode(message, type=dict[str, msgspec.Raw])
    except _NO_JSON:
        return message
    if "eventTime" not in content:
        return message
    content.pop("zone", None)
    return msgspec.json.encode(content | {"eventTime": time.time_ns() // 1_000_000})


def _key(message: bytes) -> bytes | None:
    try:
        address = _ADDRESS.decode(message)
    except _NO_JSON:
        return None
    return input_key(address.org_id, address.customer_id)
