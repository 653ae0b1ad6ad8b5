"""Settings from the environment: taken, or refused in words that hold no password."""

from __future__ import annotations

import os
import random
from typing import Final
from unittest.mock import patch

import msgspec
from pydantic import ValidationError
from pydantic_settings import SettingsError

from pipeline.cli.main import problems_of
from pipeline.runtime.settings import Settings, unknown_variables
from topics.catalog import Catalog

SECRET: Final = "hunter2"
_NAMES: Final = tuple(f"ACCRUE_{name}".upper() for name in Settings.model_fields)
_VALUES: Final = (
    *("", " ", "none", "0", "-1", "1", "4", "6066", "99999999999999999999", "1.5", "true", "NaN", "1e999", "9" * 5_000),
    *("PT0S", "PT7S", "PT1H", "P1Y", "P99999999999D", "-PT1S", "7", "intake", "intake,loyalty,sink", ",", "sink,sink"),
    *("localhost:9092", "[::1]:9092", "a" * 300, "loyalty.", "Loyalty_", "\x1b[2J", "\u202e", "\udc80", "/nowhere"),
    *("~", "{}", "[]", "{", '{"a": 1}', '{"a": null}', "ftp://x", "chdb:///x"),
)
_SECRET_VALUES: Final = {
    "ACCRUE_KAFKA_OPTIONS": tuple(
        text.replace("SECRET", SECRET)
        for text in ('{"sasl.password": "SECRET"', '{"sasl.password": ["SECRET"]}', '["SECRET"]', '"SECRET"', "SECRET")
    ),
    "ACCRUE_CLICKHOUSE_DSN": (f"http://u:{SECRET}@h:1/d", f"http://u:{SECRET}@h:x/d", f"http://u:{SECRET}@[h/d"),
}


def make(chance: random.Random) -> bytes:
    """Some variables."""
    chosen = chance.sample(_NAMES, chance.randint(1, 4))
    names = [name + chance.choice(["", "", "", "", "S", "_X"]) for name in chosen]
    values = {name: chance.choice(_VALUES + 5 * _SECRET_VALUES.get(name, ())) for name in names}
    return msgspec.msgpack.encode({name: value.encode("utf-8", "surrogateescape") for name, value in values.items()})


def run(raw: bytes) -> str:
    """Read them as every command does."""
    variables = msgspec.msgpack.decode(raw, type=dict[str, bytes])
    environment = {name: os.fsdecode(value).replace("\0", "") for name, value in variables.items()}
    with patch.dict(os.environ, environment):
        unknown_variables(os.environ)
        try:
            settings = Settings()
        except ValidationError as error:
            told = problems_of(error)
        except SettingsError as error:
            told = str(error)
        else:
            assert Catalog(settings.prefix, settings.partitions).specs()
            assert settings.transactional_id("intake")
            return "taken"
    assert SECRET not in told
    return "refused"
