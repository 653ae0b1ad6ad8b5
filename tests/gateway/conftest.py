"""The gateway over intake and loyalty on the embedded log."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from clickhouse_connect.driver.client import Client as ClickHouse
from pydantic import SecretStr

from pipeline.gateway.role import GatewayRole
from pipeline.intake.org_settings import entries_of, entry_of
from pipeline.log.embedded import EmbeddedLog
from pipeline.runtime.host.app import build_app, running
from pipeline.runtime.host.web import listen_on
from pipeline.runtime.roles.questions import Questions
from pipeline.runtime.roles.settings_writer import write_keys
from pipeline.sealing import root_of
from schemas.program import ProgramDefinition
from schemas.settings import Org, Store
from sinks.clickhouse.connect import open_clickhouse
from sinks.clickhouse.schema import migrate
from sinks.clickhouse.sink import ClickHouseSink, SinkSettings
from sinks.clickhouse.writer import ClickHouseWriter
from tests.gateway.service import Client, access_key
from tests.runtime.workshop import PROGRAM, Until, Workshop, activation

FIGURES = 3
"""An org of which nobody but the test of its figures knows; its personal data is sealed."""
OTHER = 4
"""An org whose customer ids are made here."""
ORGS = (1, FIGURES, OTHER)


def org(number: int) -> Org:
    return Org(
        org_id=number,
        name="One",
        zone="UTC",
        currency="GBP",
        country="GB",
        identifiers=("mobile", "email", "externalId", "cardNumber", "sourceId"),
        stores=(Store(code="DEFAULT", name="High Street"),),
        personal_data="sealed" if number == FIGURES else "readable",
        ids="accrue" if number == OTHER else "upstream",
        unassigned_bills="hold" if number == 1 else "reject",
    )


def program(number: int) -> ProgramDefinition:
    levels = [{"name": f"level{place}", "threshold": threshold} for place, threshold in enumerate((0, 20, 200))]
    tiers = {"basis": "lifetime_points", "levels": levels}
    definition = json.loads(PROGRAM.model_dump_json())
    booked = {"kind": "event", "id": "booking", "event": "booked", "points": 50}
    promised = {"until": "trigger", "event": "stayed", "within_days": 5}
    definition |= {"org_id": number, "tiers": tiers, "rules": [*definition["rules"], booked | {"promised": promised}]}
    definition["redemption"]["reversible_days"] = 10
    return ProgramDefinition.model_validate_json(json.dumps(definition))


def migrated(dsn: str, opened: list[ClickHouse]) -> ClickHouse:
    opened.append(open_clickhouse(dsn))
    migrate(opened[-1])
    return opened[-1]


def sink_settings(workshop: Workshop) -> SinkSettings:
    return SinkSettings(
        group="sink",
        journal=workshop.topic("journal"),
        facts=workshop.topic("facts"),
        state=workshop.topic("state"),
        replies=(workshop.topic("replies"),),
        notifications=(),
        linger_seconds=0.0,
    )


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("gateway")
    log = EmbeddedLog(folder / "log")
    workshop = Workshop(log, folder, "gateway.")
    keys = [
        access_key("5", FIGURES, "produce", "read"),
        access_key("6", OTHER, "admin"),
        access_key("1", 1, "produce", "read"),
        access_key("2", 2, "admin"),
        access_key("3", 1, "read"),
        access_key("4", 1, "admin"),
    ]
    orgs = [entry for number in ORGS for entry in entries_of(org(number)).items()]
    write_keys(log, workshop.settings, lambda _: {root_of(FIGURES): b"r" * 32})
    for key, value in [*orgs, *map(entry_of, keys)]:
        workshop.send("settings", key, value, 0)
    workshop.journal(*(activation(program(number)) for number in ORGS))
    listener, other = listen_on("127.0.0.1", 0), listen_on("127.0.0.1", 0)
    questions = Questions(workshop.settings.partitions)
    settings = workshop.settings.model_copy(update={"jwt_secret": SecretStr("j" * 32)})
    opened: list[ClickHouse] = []
    dsn = f"chdb://{folder / 'clickhouse'}"
    role = GatewayRole(log, settings, listener, questions, lambda: open_clickhouse(dsn))
    apart = GatewayRole(log, settings, other, Questions(workshop.settings.partitions), lambda: open_clickhouse(dsn))
    apart.name = "apart"
    sink = ClickHouseSink(log, ClickHouseWriter(lambda: migrated(dsn, opened)), sink_settings(workshop))
    app = build_app(workshop.settings, log, ("intake", "loyalty"), extra_roles=[role, apart, sink], questions=questions)
    with listener, other, running(app):
        ready = Until(lambda: all(is_ready for is_ready, _ in app.roles.status().values()))
        while not ready.is_set():
            ready.wait(0.05)
        yield Client(listener.getsockname()[1], other.getsockname()[1])
    for one in opened:  # one process has one folder at a time
        one.close()
    workshop.close()
    log.close()
