"""`accrue send`: JSON lines to an input topic."""

from __future__ import annotations

import codecs
import time
from collections.abc import Iterable
from contextlib import suppress
from itertools import chain, islice
from typing import IO, Final

import click
import msgspec

from pipeline.cli.output import json_option, placed, print_json
from pipeline.cli.place import Place, Unusable
from pipeline.cli.printing import say
from pipeline.intake.dialects.naming import NOBODY, TO_THE_ORG, input_key
from pipeline.intake.letters.letter import DIALECT_HEADER
from pipeline.log.port import Headers, Outgoing

_BATCH: Final = 5_000
_TIMEOUT: Final = 30.0
_ID_KEPT: Final = 100
"""Of an id with an ending, which may have 128 characters."""


class _Address(msgspec.Struct):
    org_id: int = msgspec.field(name="orgId")
    customer_id: int | None = msgspec.field(name="customerId", default=None)
    type: object = None
    identifiers: object = None


class _Kind(msgspec.Struct):
    type: str


_TO_THE_ORG: Final = frozenset(kind.__struct_config__.tag for kind in TO_THE_ORG)
_KIND: Final = msgspec.json.Decoder(_Kind)
_ADDRESS: Final = msgspec.json.Decoder(_Address)
_LIST: Final = msgspec.json.Decoder(list[msgspec.Raw])
_ONE: Final = msgspec.json.Decoder(msgspec.Raw)
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
@click.option(
    "--now",
    is_flag=True,
    help="As something new that happens now: the current time takes the place of eventTime, and ends each id.",
)
@click.option(
    "--header",
    "headers",
    multiple=True,
    metavar="NAME=VALUE",
    callback=lambda _context, _parameter, values: tuple(map(_header, values)),
    help="A header of each message, such as accrue.dialect=voucherify, accrue.org=100 or accrue.store=DEFAULT.",
)
@placed
@json_option
def send(files: tuple[IO[bytes], ...], topic: str, headers: Headers, place: Place, *, now: bool, as_json: bool) -> None:
    """Send JSON to an input topic: one message a line, one object, or a list of objects; `-` reads standard input.

    What begins as a list, or with a line that is only an opening brace, must be JSON as a whole, else nothing is sent.

    Messages are keyed by customer (orgId:customerId), or by orgId:0 where they name one by identifiers, link these
    or assign a bill.
    One that names no customer is sent as it is: intake says what is wrong with it.
    Events older than the program's repeat window (35 days) are refused, the samples among them: send those with --now.

    \b
    Example:
      accrue send --now examples/messages/transactionAdded.json --data-dir accrue-demo
      cat events.jsonl | accrue send - --topic events
      accrue send examples/dialects/voucherify.json --header accrue.dialect=voucherify --header accrue.org=100
    """
    sent = nameless = clocks = 0
    name = place.catalog.name(topic)
    contents = list(map(_messages, files))  # all of them looked at before anything is sent
    with place.log(create=True) as log:
        producer = log.producer()
        try:
            for content in contents:
                messages = map(_of_now, content) if now else iter(content)
                while batch := [Outgoing(name, key_of(one), one, None, headers) for one in islice(messages, _BATCH)]:
                    producer.produce(batch)
                    producer.flush(_TIMEOUT)
                    sent += len(batch)
                    nameless += sum(one.key is None for one in batch)
                    clocks += sum(one.key is None and is_clock(one.value or b"") for one in batch)
        finally:
            producer.close()
    if as_json:
        print_json({"topic": name, "sent": sent, "without_customer": nameless})
    else:
        say(f"sent {sent:,} {'message' if sent == 1 else 'messages'} to {name}")
        if sent and place.settings.kafka_bootstrap is None:
            say(f"a worker takes it from there; if none runs: {place.worker_command}", err=True)
        taken = clocks if topic == "transactions" else 0  # no other topic may carry them
        if taken:
            say(f"clock messages: {taken:,}; they move the time in a backfill, and else have no effect", err=True)
        if (lost := nameless - taken) and DIALECT_HEADER not in dict(headers):
            say(f"without a customer: {lost:,}, these will be dead-lettered; see accrue dlq list", err=True)


def _header(written: str) -> tuple[str, bytes]:
    name, equals, value = written.partition("=")
    if not (name and equals):
        message = f"{written!r} is no header: write NAME=VALUE"
        raise click.BadParameter(message)
    return name, value.encode()


def _messages(file: IO[bytes]) -> Iterable[bytes]:
    """The file's lines; where it begins as a JSON list, its items, and where its first line is only `{`, all of it.

    Raises `Unusable` for a list or an object that is not JSON.
    """
    head = b""
    for line in file:
        head += line
        if line.strip():
            break
    first = head.strip().removeprefix(codecs.BOM_UTF8)
    if first == b"{" or first.startswith(b"["):
        return _document(getattr(file, "name", "standard input"), (head + file.read()).removeprefix(codecs.BOM_UTF8))
    return filter(None, (line.strip() for line in chain([first], file)))


def _document(name: str, whole: bytes) -> Iterable[bytes]:
    try:
        whole.decode()
        return map(bytes, _LIST.decode(whole)) if whole.lstrip().startswith(b"[") else [bytes(_ONE.decode(whole))]
    except UnicodeDecodeError as error:
        wrong, at = f"is not UTF-8: {error.reason}", error.start
    except msgspec.DecodeError as error:
        wrong, _, byte = f"is not JSON: {error}".partition(" (byte ")
        at = int(byte.rstrip(")") or len(whole.rstrip()))
    except RecursionError:
        wrong, at = "is nested too deep to be read", 0
    lines = whole[:at].decode(errors="replace").split("\n")
    message = (
        f"{name}, line {len(lines)}, column {len(lines[-1]) + 1}: the document {wrong}; correct it, and send again: "
        "nothing was sent"
    )
    raise Unusable(message)


def _of_now(message: bytes) -> bytes:
    """The message as a new one of now; what is not a JSON object with an event time stays as it is.

    An id that came before with another time would be refused, so it gets the time as its ending.
    """
    try:
        content = msgspec.json.decode(message, type=dict[str, msgspec.Raw])
    except _NO_JSON:
        return message
    if "eventTime" not in content:
        return message
    content.pop("zone", None)
    now = time.time_ns() // 1_000_000
    changed: dict[str, object] = {"eventTime": now}
    if "id" in content:
        with suppress(*_NO_JSON):
            changed["id"] = f"{msgspec.json.decode(content['id'], type=str)[:_ID_KEPT]}-{now}"
    return msgspec.json.encode(content | changed)


def is_clock(message: bytes) -> bool:
    """Whether it is a clock message."""
    try:
        return _KIND.decode(message).type == "advanceClock"
    except _NO_JSON:
        return False


def key_of(message: bytes) -> bytes | None:
    """The key of a message: that of its customer, or of the org itself; None where it names nobody."""
    try:
        address = _ADDRESS.decode(message)
    except _NO_JSON:
        return None
    customer_id = address.customer_id
    to_the_org = isinstance(address.type, str) and address.type in _TO_THE_ORG
    if (to_the_org or address.identifiers) and (customer_id is None) != to_the_org:
        customer_id = NOBODY
    return None if customer_id is None else input_key(address.org_id, customer_id)
