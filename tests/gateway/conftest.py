"""The gateway over intake and loyalty on the embedded log."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from pipeline.gateway.role import GatewayRole
from pipeline.intake.org_settings import entries_of, entry_of
from pipeline.log.embedded import EmbeddedLog
from pipeline.runtime.host.app import build_app, running
from pipeline.runtime.host.web import listen_on
from pipeline.runtime.roles.questions import Questions
from schemas.settings import Org, Store
from tests.gateway.service import Client, access_key
from tests.runtime.workshop import Until, Workshop, activation


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("gateway")
    log = EmbeddedLog(folder / "log")
    workshop = Workshop(log, folder, "gateway.")
    org = Org(
        org_id=1,
        name="One",
        zone="UTC",
        currency="GBP",
        country="GB",
        identifiers=("mobile", "email", "externalId", "cardNumber", "sourceId"),
        stores=(Store(code="DEFAULT"),),
    )
    keys = [
        access_key("1", 1, "produce", "read"),
        access_key("2", 2, "admin"),
        access_key("3", 1, "read"),
        access_key("4", 1, "admin"),
    ]
    for key, value in [*entries_of(org).items(), *map(entry_of, keys)]:
        workshop.send("settings", key, value, 0)
    workshop.journal(activation())
    listener = listen_on("127.0.0.1", 0)
    questions = Questions()
    settings = workshop.settings.model_copy(update={"jwt_secret": SecretStr("j" * 32)})
    role = GatewayRole(log, settings, listener, questions)
    app = build_app(workshop.settings, log, ("intake", "loyalty"), extra_roles=[role], questions=questions)
    with listener, running(app):
        ready = Until(lambda: all(is_ready for is_ready, _ in app.roles.status().values()))
        while not ready.is_set():
            ready.wait(0.05)
        yield Client(listener.getsockname()[1], workshop)
    workshop.close()
    log.close()
