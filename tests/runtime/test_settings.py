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


def test_a_folder_has_a_secret_of_its_own_and_servers_need_one(tmp_path: Path) -> None:
    folder = Settings(data_dir=tmp_path / "data")
    key = folder.secret_of_identities()

    assert key is not None
    assert len(key) == 64
    assert Settings(data_dir=tmp_path / "data").secret_of_identities() == key
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["identity.key"]
    assert (tmp_path / "data" / "identity.key").stat().st_mode & 0o777 == 0o600
    assert Settings(data_dir=tmp_path, kafka_bootstrap="k:1").secret_of_identities() is None
    given = Settings(data_dir=tmp_path, identity_key="a secret of 16 characters")  # type: ignore[arg-type]
    assert given.secret_of_identities() == b"a secret of 16 characters"
    with pytest.raises(ValidationError, match="at least 16"):
        Settings(data_dir=tmp_path, identity_key="short")  # type: ignore[arg-type]


def test_a_folder_signs_tokens_with_a_secret_of_its_own_and_servers_need_one(tmp_path: Path) -> None:
    folder = Settings(data_dir=tmp_path / "data")
    secret = folder.secret_of_tokens()

    assert secret is not None
    assert secret == Settings(data_dir=tmp_path / "data").secret_of_tokens()
    assert secret.encode() != folder.secret_of_identities()
    assert Settings(data_dir=tmp_path, kafka_bootstrap="k:1").secret_of_tokens() is None
    given = Settings(data_dir=tmp_path, jwt_secret="a secret of at least 32 characters")  # type: ignore[arg-type]
    assert given.secret_of_tokens() == "a secret of at least 32 characters"
