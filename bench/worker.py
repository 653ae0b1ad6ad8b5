"""Accrue as a user runs it: its settings in the environment, its workers as processes of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.cluster import Cluster
from bench.processes import ACCRUE, accrue
from schemas.program import ProgramDefinition
from schemas.settings import Org, OrgSettings
from tests.ports import free_port
from topics.catalog import Catalog


def environment(bootstrap: str, folder: Path) -> dict[str, str]:
    """The settings, all else as it comes."""
    return {
        "ACCRUE_KAFKA_BOOTSTRAP": bootstrap,
        "ACCRUE_DATA_DIR": str(folder / "accrue"),
        "ACCRUE_WEB_PORT": str(free_port()),
        "ACCRUE_GATEWAY_PORT": "none",
    }


def commands(workers: int, roles: Sequence[str]) -> list[list[str]]:
    """One command for each worker."""
    asked = [part for role in roles for part in ("--role", role)]
    return [[ACCRUE, "worker", *asked, "--slot", str(slot)] for slot in range(workers)]


def create_topics(environment: Mapping[str, str], prefix: str = Catalog().prefix) -> None:
    """Make the topics, and wait until each partition has a leader: a busy broker takes its time."""
    accrue(environment, "topics", "create")
    topics = [spec.name for spec in Catalog(prefix).specs()]
    Cluster(environment["ACCRUE_KAFKA_BOOTSTRAP"]).ends(topics, visible=True)


def prepare(environment: Mapping[str, str], program: ProgramDefinition, folder: Path) -> None:
    """Make the topics and put the program in force."""
    create_topics(environment)
    apply(environment, program, folder)


def apply(environment: Mapping[str, str], program: ProgramDefinition, folder: Path) -> None:
    """Put the program in force."""
    file = folder / "program.yaml"
    file.write_text(program.model_dump_json(exclude_unset=True))
    accrue(environment, "program", "apply", str(file))


def apply_settings(environment: Mapping[str, str], org: Org, folder: Path) -> None:
    """Put the settings of an org in force."""
    file = folder / "settings.yaml"
    file.write_text(OrgSettings(orgs=(org,)).model_dump_json(exclude_unset=True))
    accrue(environment, "settings", "apply", str(file))
