"""`accrue identity`: which customer an identifier names, and the identifiers that several claim."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

import click
import msgspec

from pipeline.cli.output import json_option, placed, print_json, print_table
from pipeline.cli.place import Place, Unusable
from pipeline.cli.printing import say
from pipeline.cli.reading import read_all
from pipeline.cli.settings_topic import identifying_orgs_now
from pipeline.engine.identity.state import Link, Person, link_of, person_of
from pipeline.engine.state import Entry, decode_entry
from pipeline.intake.dialects.naming import NOBODY, input_key
from pipeline.intake.identifiers import known_by
from pipeline.intake.org_settings import known
from pipeline.log.partitioner import partition_for
from pipeline.log.port import Log, Outgoing, Partition
from pipeline.runtime.state.store_port import ENTRY_MARK
from schemas import messages
from schemas.records import KnownBy
from schemas.settings import IDENTIFIERS

_TIMEOUT: Final = 30.0


@click.group()
def identity() -> None:
    """Look at which customers are known by which identifiers, and correct it.

    \b
    Example:
      accrue identity show 100 4711
      accrue identity show 100 email=jo@example.com
      accrue identity conflicts 100
    """


def _identifier(written: str) -> tuple[str, str]:
    kind, equals, value = written.partition("=")
    if kind not in IDENTIFIERS or not (equals and value):
        message = f"{written!r} is no identifier: write TYPE=VALUE with one of {', '.join(IDENTIFIERS)}"
        raise click.BadParameter(message)
    return kind, value


_identifiers: Final = click.argument(
    "identifiers",
    nargs=-1,
    required=True,
    metavar="TYPE=VALUE...",
    callback=lambda _context, _parameter, values: dict(map(_identifier, values)),
)


@identity.command()
@click.argument("org", type=int)
@click.argument("who", metavar="CUSTOMER|TYPE=VALUE")
@placed
@json_option
def show(org: int, who: str, place: Place, *, as_json: bool) -> None:
    """Show the identifiers of a customer, or whom an identifier names. Values are kept as hashes, and not shown.

    \b
    Example:
      accrue identity show 100 4711
      accrue identity show 100 mobile=07911123456
    """
    with place.log() as log:
        entries = dict(entries_of_org(place, log, org))
        person = int(who) if who.isdecimal() else _named(place, log, org, _identifier(who), entries)
    own = entries.get(person_of(person))
    identifiers = own.identifiers if isinstance(own, Person) else []
    found = [
        {"type": kind, "hash": digest, "claimed_by": list(claimants)}
        for kind, digest in identifiers
        for claimants in (_claimants(entries, kind, digest),)
    ]
    if as_json:
        print_json({"org": org, "customer": person, "identifiers": found})
        return
    rows = [(one["type"], one["hash"], ", ".join(map(str, one["claimed_by"])) or "-") for one in found]
    print_table(f"Customer {org}:{person} is known by", ("type", "hash", "claimed by"), rows)


@identity.command()
@click.argument("org", type=int)
@placed
@json_option
def conflicts(org: int, place: Place, *, as_json: bool) -> None:
    """List the identifiers that were said to be another customer's, too.

    To settle one, `accrue identity unlink` it from the customer who has it, and `link` it to the other.

    \b
    Example:
      accrue identity conflicts 100
    """
    with place.log() as log:
        links = [(name, entry) for name, entry in entries_of_org(place, log, org) if isinstance(entry, Link)]
    contested = [
        (kind, digest, link.person, link.claimants)
        for name, link in links
        if link.person and link.claimants
        for _, kind, digest in (name.split(":"),)
    ]
    if as_json:
        keys = ("type", "hash", "customer", "claimed_by")
        print_json([dict(zip(keys, one, strict=True)) for one in contested])
        return
    rows = [(*one, ", ".join(map(str, claimants))) for *one, claimants in contested]
    print_table("Identifiers of several customers", ("type", "hash", "customer", "claimed by"), rows)


@identity.command()
@click.argument("org", type=int)
@click.argument("customer", type=int)
@_identifiers
@placed
@json_option
def link(org: int, customer: int, identifiers: dict[str, str], place: Place, *, as_json: bool) -> None:
    """Say that a customer has identifiers; those of somebody else stay there.

    \b
    Example:
      accrue identity link 100 4711 cardNumber=4000123412341234
    """
    _send(place, messages.LinkIdentifiers, org, customer, identifiers, as_json=as_json)


@identity.command()
@click.argument("org", type=int)
@click.argument("customer", type=int)
@_identifiers
@placed
@json_option
def unlink(org: int, customer: int, identifiers: dict[str, str], place: Place, *, as_json: bool) -> None:
    """Say that a customer has identifiers no longer.

    \b
    Example:
      accrue identity unlink 100 4711 email=jo@example.com
    """
    _send(place, messages.UnlinkIdentifiers, org, customer, identifiers, as_json=as_json)


@identity.command()
@click.argument("org", type=int)
@click.argument("survivor", type=int)
@click.argument("victim", type=int)
@placed
@json_option
def merge(org: int, survivor: int, victim: int, place: Place, *, as_json: bool) -> None:
    """Make one customer out of two who are the same person: the survivor gets all that the victim has.

    What still arrives for the victim goes to the survivor. It cannot be undone. The reply to `mergeCustomers` says
    whether it was done.

    \b
    Example:
      accrue identity merge 100 4711 4712
    """
    now = int(time.time() * 1000)
    message = messages.MergeCustomers(
        org_id=org, customer_id=survivor, event_time=now, victim_customer_id=victim, id=f"merge-{victim}-{now}"
    )
    _produce(place, input_key(org, survivor), message, as_json=as_json)


def _send(
    place: Place,
    kind: type[messages.LinkIdentifiers | messages.UnlinkIdentifiers],
    org: int,
    customer: int,
    identifiers: dict[str, str],
    *,
    as_json: bool,
) -> None:
    now = int(time.time() * 1000)
    message = kind(org_id=org, customer_id=customer, event_time=now, identifiers=identifiers)
    _produce(place, input_key(org, NOBODY), message, as_json=as_json)


def _produce(place: Place, key: bytes, message: messages.CustomerMessage, *, as_json: bool) -> None:
    topic = place.catalog.name("customers")
    with place.log() as log:
        producer = log.producer()
        try:
            producer.produce([Outgoing(topic, key, msgspec.json.encode(message))])
            producer.flush(_TIMEOUT)
        finally:
            producer.close()
    print_json({"topic": topic, "sent": 1}) if as_json else say(f"sent to {topic}; a worker takes it from there")


def _named(place: Place, log: Log, org: int, identifier: tuple[str, str], entries: dict[str, Entry]) -> int:
    """The customer whom an identifier names; raises `Unusable` where it names nobody."""
    settings, key = identifying_orgs_now(place, log).get(org), place.settings.secret_of_identities()
    if settings is None or key is None:
        missing = f"org {org} has no settings" if settings is None else "ACCRUE_IDENTITY_KEY is not set"
        message = f"{missing}, so nobody is known by identifiers"
        raise Unusable(message)
    for one in known_by(dict([identifier]), known(settings), "", key):
        link = _link(entries, one)
        if link is not None and link.person:
            return link.person
    message = f"org {org} knows nobody by this {identifier[0]}"
    raise Unusable(message)


def _link(entries: dict[str, Entry], one: KnownBy) -> Link | None:
    entry = entries.get(link_of(one.kind, one.digest))
    return entry if isinstance(entry, Link) else None


def _claimants(entries: dict[str, Entry], kind: str, digest: str) -> tuple[int, ...]:
    link = _link(entries, KnownBy(kind=kind, digest=digest))
    return () if link is None else link.claimants


def entries_of_org(place: Place, log: Log, org: int) -> Iterator[tuple[str, Entry]]:
    """The entries of the org itself, by name, as the changelog has them."""
    key = input_key(org, NOBODY)
    partition = Partition(place.catalog.name("state"), partition_for(key, place.settings.partitions))
    latest: dict[str, bytes | None] = {}
    for message in read_all(log, [partition]):
        owner, _, entry = (message.key or b"").partition(ENTRY_MARK)
        if owner == key and entry:
            latest[entry.decode()] = message.value
    for name, raw in latest.items():
        if raw is not None:
            yield name, decode_entry(raw)
