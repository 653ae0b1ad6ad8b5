"""docker-compose.yml cannot be started everywhere, so what it says is held against the code it starts."""

import re
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
EXACT = re.compile(r"\d+\.\d+\.\d+[\w.-]*")
"""The tag of an image that is published once."""


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


def test_the_example_environment_is_valid_once_its_password_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for line in (ROOT / ".env.example").read_text("utf-8").splitlines():
        name, equals, value = line.partition("=")
        if equals and name.startswith("ACCRUE_"):
            monkeypatch.setenv(name, value.replace("${CLICKHOUSE_PASSWORD}", "secret"))
    settings = Settings()
    assert settings.kafka_bootstrap == "localhost:9092"
    assert settings.clickhouse_dsn == "http://accrue:secret@localhost:8123/accrue"


def test_there_is_no_default_password() -> None:
    assert "\nCLICKHOUSE_PASSWORD=\n" in (ROOT / ".env.example").read_text("utf-8")
    uses = re.findall(r"\$\{CLICKHOUSE_PASSWORD[^}]*\}", (ROOT / "docker-compose.yml").read_text("utf-8"))
    assert set(uses) == {"${CLICKHOUSE_PASSWORD:?set it in .env (see .env.example)}"}


def test_the_user_of_clickhouse_manages_no_other_users() -> None:
    assert set(SERVICES["clickhouse"]["environment"]) == {"CLICKHOUSE_DB", "CLICKHOUSE_USER", "CLICKHOUSE_PASSWORD"}


@pytest.mark.parametrize("name", sorted(set(SERVICES) - set(OURS)))
def test_images_of_others_are_of_one_exact_version(name: str) -> None:
    assert EXACT.fullmatch(SERVICES[name]["image"].partition(":")[2])


def test_our_image_begins_with_one_exact_version_and_does_not_run_as_root() -> None:
    lines = (ROOT / "Dockerfile").read_text("utf-8").splitlines()
    assert [EXACT.fullmatch(line.partition(":")[2]) is not None for line in lines if line.startswith("FROM")] == [True]
    assert "USER accrue" in lines


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_container_is_confined(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]
    assert service["pids_limit"]


def test_ports_stay_on_this_machine() -> None:
    for name, service in SERVICES.items():
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:"), name


def test_pages_that_a_port_publishes_are_served_to_all_interfaces_of_the_container() -> None:
    for name in OURS:
        assert SERVICES[name]["environment"]["ACCRUE_WEB_BIND"] == "0.0.0.0"


def test_the_build_context_holds_what_the_image_copies_and_nothing_else() -> None:
    copied = [
        source
        for line in (ROOT / "Dockerfile").read_text("utf-8").splitlines()
        if line.startswith("COPY")
        for source in line.split()[1:-1]
    ]
    everything, *others = [
        line for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if not line.startswith("#")
    ]
    assert everything == "*"
    assert [line.removeprefix("!") for line in others if line.startswith("!")] == copied
    assert {line for line in others if not line.startswith("!")} == {"**/.env*", "**/__pycache__"}


def test_every_volume_is_declared_and_used() -> None:
    used = {volume.partition(":")[0] for service in SERVICES.values() for volume in service.get("volumes", ())}
    assert used == set(COMPOSE["volumes"])
