"""docker-compose.yml cannot be started everywhere, so what it says is held against the code it starts."""

from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from pipeline.cli.main import accrue
from pipeline.runtime.settings import Settings

ROOT = Path(__file__).parent.parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if "build" in service]


def test_the_parts_of_a_deployment_are_there() -> None:
    assert set(SERVICES) == {"kafka", "clickhouse", "topics", "worker", "sink"}
    assert set(OURS) == {"topics", "worker", "sink"}


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"topics"}))
def test_every_server_has_a_health_check(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"


def test_nothing_starts_before_what_it_needs_is_healthy() -> None:
    done, healthy = "service_completed_successfully", "service_healthy"
    needs = {
        name: {other: how["condition"] for other, how in SERVICES[name].get("depends_on", {}).items()}
        for name in SERVICES
    }
    assert needs == {
        "kafka": {},
        "clickhouse": {},
        "topics": {"kafka": healthy},
        "worker": {"topics": done},
        "sink": {"topics": done, "clickhouse": healthy},
    }


@pytest.mark.parametrize("name", OURS)
def test_every_command_is_one_that_accrue_has(name: str) -> None:
    arguments = SERVICES[name]["command"]
    command: Any = accrue
    while isinstance(command, click.Group):
        command, arguments = command.get_command(click.Context(command), arguments[0]), arguments[1:]
    with command.make_context(
        arguments[0] if arguments else command.name, list(arguments), resilient_parsing=True
    ) as made:
        assert made.args == []


@pytest.mark.parametrize("name", OURS)
def test_every_setting_is_one_that_accrue_knows(name: str) -> None:
    given = {key.removeprefix("ACCRUE_").lower() for key in SERVICES[name]["environment"]}
    assert given <= set(Settings.model_fields)


def test_the_example_environment_is_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    for line in (ROOT / ".env.example").read_text("utf-8").splitlines():
        name, equals, value = line.partition("=")
        if equals and name.startswith("ACCRUE_"):
            monkeypatch.setenv(name, value)
    settings = Settings()
    assert settings.kafka_bootstrap == "localhost:9092"
    assert settings.clickhouse_dsn is not None


def test_images_are_pinned_and_ports_stay_on_this_machine() -> None:
    for name, service in SERVICES.items():
        tag = service["image"].partition(":")[2]
        assert tag not in {"", "latest"}, name
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:"), name


def test_every_volume_is_declared_and_used() -> None:
    used = {volume.partition(":")[0] for service in SERVICES.values() for volume in service.get("volumes", ())}
    assert used == set(COMPOSE["volumes"])
