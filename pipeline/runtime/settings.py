"""Settings of a worker, from `ACCRUE_…` variables, built once at the entry point."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final, Literal, Self, get_args

from pydantic import Field, SecretStr, model_validator
from pydantic.functional_validators import AfterValidator, BeforeValidator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from pipeline.folders import private_folder
from schemas.messages import AnyMessage

RoleName = Literal["intake", "loyalty", "sink", "gateway"]
ROLES: tuple[RoleName, ...] = ("intake", "loyalty", "sink", "gateway")
SINK: RoleName = "sink"
GATEWAY: RoleName = "gateway"
InputTopic = Literal["transactions", "events", "customers", "commands", "gateway"]
INPUT_TOPICS: Final[tuple[InputTopic, ...]] = get_args(InputTopic)
MESSAGE_TYPES: Final = frozenset(str(kind.__struct_config__.tag) for kind in get_args(AnyMessage))
SLOT_MAX: Final = 1_000
_KEY_BYTES: Final = 32


def _known_type(value: str) -> str:
    if value not in MESSAGE_TYPES:
        message = f"write one of {', '.join(sorted(MESSAGE_TYPES))}"
        raise ValueError(message)
    return value


MessageType = Annotated[str, AfterValidator(_known_type)]


def _by_commas(value: object) -> object:
    return tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else value


class Settings(BaseSettings):
    """Spans of time are ISO 8601 durations (`PT7S`) or seconds; `roles` is a list with commas; `none` is None."""

    model_config = SettingsConfigDict(frozen=True, env_prefix="ACCRUE_", extra="forbid", env_parse_none_str="none")

    kafka_bootstrap: Annotated[str, Field(min_length=1)] | None = None
    """Brokers, as `host:port,host:port`; None: the embedded log in `data_dir`."""
    kafka_options: dict[str, str | int | bool] = {}
    """Settings of librdkafka for every client, as a JSON object: addresses apart, how to get in (SASL, TLS)."""
    clickhouse_dsn: str | None = None
    """Where the sink writes; None: the embedded engine in `data_dir`."""
    data_dir: Path = Path("accrue-data")
    """The folder of the embedded parts."""
    state_dir: Path | None = None
    """The folder of the local stores, a cache; None: `state` in `data_dir`."""
    prefix: Annotated[str, Field(pattern=r"^[a-z0-9.-]{0,100}$")] = "loyalty."
    """Prefix of every topic name."""
    partitions: Annotated[int, Field(ge=1, le=1_024)] = 4
    """Partitions of every topic; fixed for the life of the topics."""

    group: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,100}$")] = "accrue"
    slot: Annotated[int, Field(ge=0, le=SLOT_MAX)] = 0
    """Which worker of the group this is; each running worker needs its own."""
    roles: Annotated[tuple[RoleName, ...], NoDecode, BeforeValidator(_by_commas), Field(min_length=1)] = ROLES
    """The roles that this worker runs."""
    web_port: Annotated[int | None, Field(ge=1, le=65_535)] = 6_066
    """Port of `/livez`, `/readyz` and `/metrics` for slot 0, and one more for each slot; None: no web server."""
    web_bind: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    """The address that these pages are served on; `0.0.0.0` and `::` are all of the machine."""
    gateway_port: Annotated[int | None, Field(ge=1, le=65_535)] = 8_080
    """Port of the gateway for slot 0, and one more for each slot; None: no gateway, whatever `roles` says."""
    gateway_bind: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    """The address that the gateway is served on. It speaks plain HTTP: put what ends TLS in front of it."""
    gateway_address: Annotated[str, Field(pattern=r"^https?://[^\s/?#@\\]{1,253}$")] | None = None
    """Where the gateways of other workers reach this one, such as `http://10.0.0.7:8080`; None: customers of other
    workers are out of reach here, and those of this one there."""

    transaction_timeout: Annotated[timedelta, Field(ge=timedelta(seconds=1), le=timedelta(minutes=15))] = timedelta(
        seconds=15
    )
    """After this time the broker aborts a dead worker's open transaction; readers wait for it."""
    transaction_records_max: Annotated[int, Field(ge=1, le=100_000)] = 5_000
    transaction_bytes_max: Annotated[int, Field(ge=1, le=2**30)] = 16 * 2**20
    """Records read in one transaction; the batch that exceeds it is the last one."""
    transaction_span: Annotated[timedelta, Field(ge=timedelta(milliseconds=1), le=timedelta(seconds=5))] = timedelta(
        milliseconds=500
    )
    """A transaction gathers for no longer than this."""
    batch_records_max: Annotated[int, Field(ge=1, le=10_000)] = 1_000
    """Records read at once."""
    slice_records_min: Annotated[int, Field(ge=1, le=10_000)] = 32
    """Records decided at once, or a quarter of what was read where that is more: what they gave leaves while the next
    are decided, and others get their turn."""
    session_timeout: Annotated[timedelta, Field(ge=timedelta(seconds=1), le=timedelta(minutes=5))] = timedelta(
        seconds=10
    )
    """A worker that is silent for this long loses its partitions."""
    patience: Annotated[timedelta, Field(ge=timedelta(seconds=1), le=timedelta(hours=1))] = timedelta(seconds=60)
    """How long an unavailable log is retried before the worker exits."""

    heads_cached_max: Annotated[int, Field(ge=4, le=10_000_000)] = 100_000
    """Customers kept decoded, all partitions together: about 6 kB each with ten open lots."""
    tick_customers_max: Annotated[int, Field(ge=1, le=100_000)] = 2_000
    """Customers whose timers fire in one transaction; more wait for the next."""
    wall_tick: Annotated[timedelta, Field(ge=timedelta(seconds=1), le=timedelta(hours=1))] = timedelta(seconds=60)
    """How often the passing of time is written to a journal partition in wall mode."""
    future_tolerance: Annotated[timedelta, Field(ge=timedelta(0), le=timedelta(days=1))] = timedelta(minutes=5)
    """An event time this far ahead of the wall clock is still accepted."""
    identity_key: Annotated[SecretStr, Field(min_length=16)] | None = None
    """The secret that e-mail addresses, phone and card numbers are hashed with: the same for every worker, for ever.
    None: with the embedded log, that of the file `identity.key` in `data_dir`; else nobody is known by them."""
    jwt_secret: Annotated[SecretStr, Field(min_length=32)] | None = None
    """The secret that the gateway signs tokens with: the same for every worker. None: with the embedded log, that of
    the file `tokens.key` in `data_dir`; else it gives no tokens."""
    types_by_topic: dict[InputTopic, tuple[MessageType, ...]] = {}
    """By input topic, without prefix, the types of messages that are taken from there only, as a JSON object.

    Topics that are not named take the types that none is named with. `{}`: every topic takes every type."""
    dead_letters_per_minute_max: Annotated[int | None, Field(ge=1)] = 600
    """A role that meets more unreadable messages halts until its worker is started again; None: it never does."""
    sink_notifications: bool = True
    """Whether the sink also stores notifications."""
    sink_patience: Annotated[timedelta, Field(ge=timedelta(seconds=1), le=timedelta(days=7))] = timedelta(hours=1)
    """How long one insert into ClickHouse is tried before the worker gives up."""

    @model_validator(mode="after")
    def _clock_comes_from_transactions(self) -> Self:
        if any("advanceClock" in types for topic, types in self.types_by_topic.items() if topic != "transactions"):
            message = "types_by_topic: advanceClock comes from transactions only; leave it out"
            raise ValueError(message)
        return self

    def taken_types(self) -> dict[InputTopic, frozenset[str]]:
        """The types that each input topic takes; empty where each takes every type."""
        if not self.types_by_topic:
            return {}
        named = frozenset(one for types in self.types_by_topic.values() for one in types)
        others = frozenset(MESSAGE_TYPES) - named
        return {topic: frozenset(self.types_by_topic.get(topic, others)) for topic in INPUT_TOPICS}

    def secret_of_identities(self) -> bytes | None:
        """The secret that identifiers are hashed with; a data folder gets one of its own when it is first asked for."""
        if self.identity_key is not None:
            return self.identity_key.get_secret_value().encode()
        return _key_in(self.data_dir, "identity.key") if self.kafka_bootstrap is None else None

    def secret_of_tokens(self) -> str | None:
        """The secret that tokens are signed with; a data folder gets one of its own when it is first asked for."""
        if self.jwt_secret is not None:
            return self.jwt_secret.get_secret_value()
        return _key_in(self.data_dir, "tokens.key").decode() if self.kafka_bootstrap is None else None

    @property
    def states(self) -> Path:
        """The folder of this slot's local stores."""
        return (self.state_dir or self.data_dir / "state") / f"slot-{self.slot}"

    def transactional_id(self, role: str) -> str:
        """Stable across restarts, so a restarted worker aborts whatever its predecessor left open."""
        return f"{self.prefix}{self.group}-{role}-{self.slot}"


def _key_in(folder: Path, name: str) -> bytes:
    """The key of this name in a folder; two processes that ask first agree on one: a name is given once."""
    path = folder / name
    if not path.exists():
        private_folder(folder)
        own = folder / f"{name}.{os.getpid()}"
        own.touch(mode=0o600)
        own.write_text(secrets.token_hex(_KEY_BYTES), "ascii")
        with suppress(FileExistsError):
            os.link(own, path)
        own.unlink()
    return path.read_text("ascii").strip().encode()


def unknown_variables(environment: Iterable[str]) -> list[str]:
    """Unknown `ACCRUE_…` variables, such as misspelt ones; those of the tests are excluded."""
    known = {f"ACCRUE_{name}".upper() for name in Settings.model_fields}
    ours = {name for name in environment if name.startswith("ACCRUE_") and not name.startswith("ACCRUE_TEST_")}
    return sorted(ours - known)
