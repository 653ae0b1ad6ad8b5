"""Two hundred members over five versions of one program: where workers that are killed and replaced leave each."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import msgspec

from pipeline.cli.sending import send_inputs
from pipeline.engine.state import CustomerState, decode_head
from pipeline.importer.upstream import Input, clock
from pipeline.intake.dialects.naming import input_key
from pipeline.trial.reader import customer_row
from schemas.program import ProgramDefinition
from tests.e2e.conftest import product_on_kafka
from tests.e2e.product import Product, Watch, Worker, wait_until
from tests.five_versions.model import Standing, standing_of, standings
from tests.five_versions.story import MEMBERS, ORG, VERSIONS, Round, milliseconds, story

DEFINITIONS = {
    (ORG, 1, one["version"]): ProgramDefinition.model_validate_json(msgspec.json.encode(one)) for one in VERSIONS
}
SMALL = {"ACCRUE_TRANSACTION_RECORDS_MAX": "20", "ACCRUE_BATCH_RECORDS_MAX": "20"}
"""So many transactions that there is a midway to be killed at."""


def apply(product: Product, version: int, *options: str) -> None:
    file = product.folder / f"version-{version}.yaml"
    file.write_bytes(msgspec.json.encode(VERSIONS[version - 1]))
    product.run("program", "apply", str(file), *options)


def send(product: Product, part: Round) -> None:
    """The clock, the messages, and the clock a moment later, which is decided once all of them are."""
    at = milliseconds(part.arrives)
    messages = [
        Input(input_key(ORG, one["customerId"]), msgspec.json.encode(one), one["eventTime"]) for one in part.messages
    ]
    with product.place.log() as log:
        send_inputs(product.place, log, [clock(at), *messages, clock(at + 1)], lambda _sent, _time: None)


def wait_for(watch: Watch, part: Round, worker: Worker, *, to_its_end: bool = True) -> None:
    wait_until(lambda: watch.clock() >= milliseconds(part.arrives) + to_its_end, worker)


def stand(product: Product) -> dict[int, Standing]:
    """Where the state topic says that each member stands."""
    last: dict[bytes, Any] = {one.key: one.value for one in product.read("state") if one.key is not None}
    heads = {member: last.get(input_key(ORG, member)) for member in MEMBERS}
    states = {member: CustomerState(decode_head(head)) for member, head in heads.items() if head is not None}
    rows = {
        member: customer_row(state, DEFINITIONS, milliseconds(story()[-1].arrives)) for member, state in states.items()
    }
    return {member: standing_of(msgspec.to_builtins(row)) for member, row in rows.items()}


def test_workers_across_restarts_leave_every_member_where_they_must_be_to_the_point(
    kafka_bootstrap: str, tmp_path: Path
) -> None:
    product = product_on_kafka(kafka_bootstrap, tmp_path)
    first, second, third, fourth, fifth = story()
    product.run("topics", "create")
    product.run("backfill", "begin")
    apply(product, 1)
    send(product, first)
    with product.watched() as watch:
        with product.worker(**SMALL) as killed:
            wait_for(watch, first, killed)
            apply(product, 2)
            send(product, second)
            wait_for(watch, second, killed)
            apply(product, 3, "--from", third.arrives.isoformat())
            send(product, third)
            wait_for(watch, third, killed, to_its_end=False)
            killed.kill()
        shutil.rmtree(product.place.settings.states)
        with product.worker() as stopped:
            wait_for(watch, third, stopped)
            apply(product, 4)
            send(product, fourth)
            wait_for(watch, fourth, stopped)
            stopped.stop()
        apply(product, 5)
        send(product, fifth)
        with product.worker() as last:
            wait_until(lambda: watch.clock() > milliseconds(fifth.arrives) and watch.is_stored(), last)
            last.stop()

    assert stand(product) == standings()
    assert product.json("verify")["holds"]
