from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from pipeline.runtime.settings import INPUT_TOPICS, MESSAGE_TYPES, Settings, unknown_variables


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCRUE_KAFKA_BOOTSTRAP", "broker:9092")
    monkeypatch.setenv("ACCRUE_ROLES", "intake, loyalty")
    monkeypatch.setenv("ACCRUE_SLOT", "3")
    monkeypatch.setenv("ACCRUE_TRANSACTION_SPAN", "PT0.2S")

    settings = Settings(data_dir=Path("data"))

    assert (settings.kafka_bootstrap, settings.roles, settings.slot, settings.transaction_span) == (
        "broker:9092",
        ("intake", "loyalty"),
        3,
        timedelta(milliseconds=200),
    )
    assert settings.states == Path("data/state/slot-3")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ACCRUE_PARTITIONS", "0"),
        ("ACCRUE_ROLES", "waiter"),
        ("ACCRUE_PREFIX", "no_underscores."),
        ("ACCRUE_SLOT", "x"),
        ("ACCRUE_TYPES_BY_TOPIC", '{"journal": ["redeemPoints"]}'),
        ("ACCRUE_TYPES_BY_TOPIC", '{"commands": ["redeem"]}'),
        ("ACCRUE_TYPES_BY_TOPIC", '{"commands": ["advanceClock"]}'),
    ],
)
def test_setting_out_of_its_limits_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(ValidationError):
        Settings()


def test_types_that_a_topic_is_named_with_come_from_there_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCRUE_TYPES_BY_TOPIC", '{"commands": ["redeemPoints", "adjustPoints"]}')

    types = Settings().taken_types()

    commands = frozenset({"redeemPoints", "adjustPoints"})
    assert types == dict.fromkeys(INPUT_TOPICS, MESSAGE_TYPES - commands) | {"commands": commands}


def test_every_topic_takes_every_type_unless_it_is_said_otherwise() -> None:
    assert Settings().taken_types() == {}


def test_misspelt_setting_is_known_for_none() -> None:
    names = ["ACCRUE_SESION_TIMEOUT", "ACCRUE_SESSION_TIMEOUT", "ACCRUE_TEST_KAFKA", "HOME"]

    assert unknown_variables(names) == ["ACCRUE_SESION_TIMEOUT"]
