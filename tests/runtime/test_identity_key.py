"""The key that identifiers are hashed with: the first one is that of the topics, for good."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from pydantic import SecretStr

from pipeline.intake.identifiers import fingerprint_of
from pipeline.intake.org_settings import IDENTITY_KEY, entries_of
from pipeline.log.port import Log, Outgoing
from pipeline.runtime.loop.progress import Progress
from pipeline.runtime.roles.identity_key import OtherIdentityKey
from pipeline.runtime.roles.intake import IntakeRole
from pipeline.runtime.roles.settings_writer import read_settings
from schemas.records import ResolveCustomer, UseIdentityKey, decode_record
from schemas.settings import Org
from tests.runtime.workshop import PATIENCE_SECONDS, START, Until, Workshop, activation
from tests.verify.damage import found, verified

ORG = Org(org_id=1, name="Cafe", zone="UTC", currency="GBP", country="GB")
FIRST, OTHER = (SecretStr(f"the {one} of the keys") for one in ("first", "other"))


@pytest.fixture(params=["embedded", "kafka"])
def log(request: pytest.FixtureRequest) -> Log:
    return request.getfixturevalue(f"{request.param}_log")


@pytest.fixture
def workshop(log: Log, tmp_path: Path, prefix: str) -> Iterator[Workshop]:
    workshop = Workshop(log, tmp_path, prefix)
    workshop.clock.shown = START + 1_000
    workshop.settings = workshop.settings.model_copy(update={"identity_key": FIRST})
    workshop.journal(activation())
    yield workshop
    workshop.close()


def put_settings(workshop: Workshop) -> None:
    producer = workshop.log.producer()
    producer.produce([Outgoing(workshop.topic("settings"), key, value, 0) for key, value in entries_of(ORG).items()])
    producer.flush(PATIENCE_SECONDS)
    producer.close()


def send(workshop: Workshop, number: int, **fields: object) -> None:
    message = {"type": "customEvent", "orgId": 1, "eventTime": START, "eventName": "visit", "id": f"v{number}"}
    workshop.send("events", b"1:0", json.dumps(message | fields).encode(), 0)


def take(workshop: Workshop, **changes: object) -> None:
    workshop.intake(**changes).run(workshop.until_read("intake", "events"))


def org_records(workshop: Workshop) -> list[type]:
    records = [decode_record(one.value or b"") for one in workshop.read("journal") if one.key == b"1:0"]
    return [type(one) for one in records]


def test_fingerprint_is_the_first_record_of_an_org_and_another_key_is_refused(workshop: Workshop) -> None:
    put_settings(workshop)
    for number in range(2):
        send(workshop, number, identifiers={"email": "jo@example.com"})
    take(workshop)
    send(workshop, 2, identifiers={"email": "al@example.com"})
    take(workshop)

    fingerprint = fingerprint_of(FIRST.get_secret_value().encode())
    assert read_settings(workshop.log, workshop.settings)[IDENTITY_KEY] == fingerprint.encode()
    assert org_records(workshop) == [UseIdentityKey, ResolveCustomer, ResolveCustomer, UseIdentityKey, ResolveCustomer]
    workshop.decide_all()
    assert found(verified(workshop)) == []

    send(workshop, 3, identifiers={"email": "jo@example.com"})
    with pytest.raises(OtherIdentityKey, match=f"hashed with the key {fingerprint}, and ACCRUE_IDENTITY_KEY here"):
        take(workshop, identity_key=OTHER)
    assert len(org_records(workshop)) == 5


def test_key_is_said_once_there_is_an_org_with_settings(workshop: Workshop) -> None:
    role = IntakeRole(workshop.log, workshop.settings, Progress("intake"), clock=workshop.clock)
    pause = threading.Event()

    def is_said() -> bool:
        role.process([])
        return IDENTITY_KEY in read_settings(workshop.log, workshop.settings)

    with closing(role):
        assert role._settings.begun()
        assert not is_said()
        put_settings(workshop)
        said = Until(is_said)
        while not said.is_set():
            pause.wait(0.05)


def test_somebody_elses_key_that_came_in_between_holds(workshop: Workshop) -> None:
    put_settings(workshop)
    role = IntakeRole(workshop.log, workshop.settings, Progress("intake"), clock=workshop.clock)
    with closing(role):
        assert role._settings.begun()
        other = Outgoing(workshop.topic("settings"), IDENTITY_KEY, b"of another", 0)
        producer = workshop.log.producer()
        producer.produce([other])
        producer.flush(PATIENCE_SECONDS)
        producer.close()
        with pytest.raises(OtherIdentityKey, match="hashed with the key of another"):
            role._identity_key.agree(dict(role._settings.entries))
