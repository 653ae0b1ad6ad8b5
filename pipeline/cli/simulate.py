"""`accrue simulate`: what a message would lead to, decided on its customer's own state and forgotten."""

from __future__ import annotations

import json
from secrets import token_hex
from typing import Any, Final

import click
import msgspec

from pipeline.cli.output import CONSOLE, json_option, placed, print_json
from pipeline.cli.place import Place, Unusable
from pipeline.cli.reading import read_all
from pipeline.cli.settings_topic import orgs_now
from pipeline.clock import SYSTEM_CLOCK
from pipeline.engine.state import CustomerState
from pipeline.gateway.requests import Misread, Refused, Sender, Taken, messages_in, take
from pipeline.intake.dialects.naming import NOBODY, input_key
from pipeline.intake.org_settings import known
from pipeline.log.partitioner import partition_for
from pipeline.log.port import Log, Partition
from pipeline.replies import refusals
from pipeline.runtime.roles.intake import limits_of
from pipeline.runtime.roles.partition import programs_of
from pipeline.runtime.roles.questions import Foreseen, Known
from pipeline.runtime.roles.settings_writer import read_keys
from pipeline.runtime.state.marker import MARKER_KEY, PROGRAM_PREFIX, decode_marker
from pipeline.runtime.state.store_port import ENTRY_MARK
from pipeline.trial.decisions import decision
from pipeline.trial.reader import customer_row, fact_rows, refusal_rows
from schemas.facts import facts_of
from schemas.records import CustomerRecord

_ORG_MAX: Final = 2**53


@click.command()
@click.argument("message")
@placed
@json_option
def simulate(message: str, place: Place, *, as_json: bool) -> None:
    """Say what a message would lead to if it came now, without sending it: one in JSON, as `accrue send` takes them.

    It is decided on the customer's own state, with the programs in force; nothing is written anywhere.

    \b
    Example:
      accrue simulate '{"type": "transactionAdded", "orgId": 100, "customerId": 4711, "billNumber": "B1",
        "amountMinor": 1250, "currency": "GBP"}'
    """
    with place.log() as log:
        taken = _taken(place, log, message)
        customer_id = taken.record.customer_id
        if customer_id == NOBODY:
            org = _known(place, log, taken.record.org_id, NOBODY)
            found = org.named_by(taken.record.org_id, taken.identifiers)
            if found is None:
                unknown = "nobody is known by the identifiers of the message, so it would be held: name a customerId"
                raise Unusable(unknown)
            customer_id = found
        record = msgspec.structs.replace(taken.record, customer_id=customer_id)
        state = _known(place, log, record.org_id, customer_id)
        before = state.standing(record.org_id, customer_id)
        foreseen = state.foresee(record)  # type: ignore[arg-type]  # the union's cases
    first_seq = 1 + (0 if before is None else before.head.seq)
    if as_json:
        print_json(_as_json(record, foreseen, first_seq))
    else:
        _tell(record, foreseen, first_seq)


def _taken(place: Place, log: Log, message: str) -> Taken:
    try:
        raw, many = messages_in(message.encode())
        org_id = msgspec.json.decode(raw[0], type=dict[str, Any]).get("orgId")
    except (Misread, msgspec.DecodeError) as error:
        unread = f"this is no message: {error}"
        raise click.UsageError(unread) from error
    if many or type(org_id) is not int or not 1 <= org_id <= _ORG_MAX:
        unread = "give one message with its orgId, not a list"
        raise click.UsageError(unread)
    orgs = {number: known(org) for number, org in orgs_now(place, log).items()}
    sender = Sender(
        org_id=org_id,
        idempotency_key="",
        wall=SYSTEM_CLOCK.wall(),
        topic=place.catalog.name("gateway"),
        limits=limits_of(place.settings)._replace(orgs=orgs),
        new_id=lambda: token_hex(16),
    )
    taken = take(raw[0], None, sender)
    if isinstance(taken, Refused):
        wrong = "\n".join(f"{one.path} {one.problem}; {one.remedy}".strip() for one in taken.defects)
        refused = f"{taken.reason}: it would be a dead letter\n{wrong}"
        raise Unusable(refused)
    return taken


def _known(place: Place, log: Log, org_id: int, customer_id: int) -> Known:
    """What the changelog has of a customer, and of the programs of its partition."""
    key = input_key(org_id, customer_id)
    partition = Partition(place.catalog.name("state"), partition_for(key, place.settings.partitions))
    latest: dict[bytes, bytes | None] = {}
    for one in read_all(log, [partition]):
        name = one.key or b""
        if name in (key, MARKER_KEY) or name.startswith((key + ENTRY_MARK, PROGRAM_PREFIX)):
            latest[name] = one.value
    raw = latest.get(MARKER_KEY)
    if raw is None:
        message = f"no worker has decided anything in {partition} yet: start `{place.worker_command}`"
        raise Unusable(message)
    marker = decode_marker(raw)
    return Known(latest.get, marker.clock, programs_of(marker, latest.get), read_keys(log, place.catalog).open_json)


def _as_json(record: CustomerRecord, foreseen: Foreseen, first_seq: int) -> dict[str, Any]:
    customer, standing = input_key(record.org_id, record.customer_id).decode(), foreseen.standing
    facts = fact_rows(customer, facts_of(first_seq, foreseen.groups))
    row = customer_row(CustomerState(standing.head), standing.definitions, standing.as_of)
    told: dict[str, Any] = json.loads(msgspec.json.encode({"customer": customer, "facts": facts, "standing": row}))
    return told


def _tell(record: CustomerRecord, foreseen: Foreseen, first_seq: int) -> None:
    customer, standing = input_key(record.org_id, record.customer_id).decode(), foreseen.standing
    facts = list(facts_of(first_seq, foreseen.groups))
    lines = [f"customer {customer}, {'if it came now' if facts else 'a duplicate: it came before and would not count'}"]
    lines += [sentence for row in fact_rows(customer, facts) if (sentence := decision(row, standing.definitions))]
    lines += [f"refused: {refusals.told(one.reason, one.subject)}" for one in refusal_rows(customer, facts)]
    CONSOLE.print("\n    ".join(lines), markup=False, soft_wrap=True)
