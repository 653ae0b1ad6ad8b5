"""The place a command works on: real servers by `ACCRUE_…` variables, or the embedded parts in a data folder."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from pipeline.cli.printing import say
from pipeline.failure import Failure
from pipeline.log.embedded import FILE_NAME, EmbeddedLog
from pipeline.log.port import Log, TopicSpec
from pipeline.runtime.settings import Settings, unknown_variables
from topics.catalog import Catalog, defects, in_lines

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client


class Unusable(Failure):
    """The command cannot do its work here; the message says why and what to do."""


class Place(NamedTuple):
    """The log and the ClickHouse that a command works on, and the names of the topics."""

    settings: Settings

    @property
    def catalog(self) -> Catalog:
        """The topics of this place."""
        return Catalog(self.settings.prefix, self.settings.partitions)

    @property
    def dsn(self) -> str:
        """The DSN of ClickHouse."""
        return self.settings.clickhouse_dsn or f"chdb://{quote(str((self.settings.data_dir / 'clickhouse').resolve()))}"

    @property
    def has_log(self) -> bool:
        """Whether there is a log: a configured Kafka, or the embedded log in the folder."""
        return self.settings.kafka_bootstrap is not None or (self.settings.data_dir / FILE_NAME).exists()

    @property
    def worker_command(self) -> str:
        """How to start a worker on the data folder."""
        return f"accrue worker --data-dir {shlex.quote(str(self.settings.data_dir))}"

    def new_log(self) -> Log:
        """The log; an embedded log is created if it is missing."""
        if self.settings.kafka_bootstrap is None:
            return EmbeddedLog(self.settings.data_dir)
        # Only who names a Kafka pays for loading its client.
        from pipeline.log.kafka import KafkaLog  # noqa: PLC0415

        return KafkaLog(self.settings.kafka_bootstrap, self.settings.kafka_options)

    @contextmanager
    def log(self, *, checked: bool = True, create: bool = False) -> Iterator[Log]:
        """Opens the log; with `checked`, its topics must match the catalog. Raises `Unusable`.

        With `create`, an embedded log that is not there is made, with its topics.
        """
        missing = not self.has_log
        if missing and not create:
            message = (
                f"there is no log in the folder {self.settings.data_dir}: give --data-dir, set ACCRUE_KAFKA_BOOTSTRAP "
                "for a Kafka, or make one with `accrue program apply`, `accrue send` or `accrue demo`"
            )
            raise Unusable(message)
        log = self.new_log()
        try:
            if missing:
                self.create_topics(log)
            if checked and (found := defects(self.catalog, log.describe_topics())):
                raise Unusable("\n".join(in_lines(found)))
            yield log
        finally:
            log.close()

    def create_topics(self, log: Log) -> list[str]:
        """Creates missing topics; returns their names."""
        return log.create_topics([TopicSpec(spec.name, spec.partitions, spec.config) for spec in self.catalog.specs()])

    @contextmanager
    def clickhouse(self, *, create: bool = False, migrated: bool = True) -> Iterator[Client]:
        """A ClickHouse client; with `migrated`, the tables are brought up to date.

        Raises `Unusable` for a folder that is not there, and for what ClickHouse refuses in the block.
        """
        # Only who asks ClickHouse pays for loading its client.
        from clickhouse_connect.driver.exceptions import ClickHouseError  # noqa: PLC0415

        from sinks.clickhouse.connect import open_clickhouse  # noqa: PLC0415
        from sinks.clickhouse.schema import migrate  # noqa: PLC0415

        folder = self.settings.data_dir / "clickhouse"
        if self.settings.clickhouse_dsn is None and not create and not folder.exists():
            raise Unusable(self._no_clickhouse())
        client = open_clickhouse(self.dsn)
        try:
            if migrated:
                migrate(client)
            yield client
        except ClickHouseError as error:
            raise Unusable(str(error)) from error
        finally:
            client.close()

    def _no_clickhouse(self) -> str:
        folder = self.settings.data_dir
        if self.settings.kafka_bootstrap is None and self.has_log:
            return (
                f"there is no ClickHouse in the folder {folder} yet, as no worker has run there: start "
                f"`{self.worker_command}`, stop it with Ctrl-C once it has done what was sent, then run this again"
            )
        return (
            f"there is no ClickHouse in the folder {folder}: give --data-dir, set ACCRUE_CLICKHOUSE_DSN for a server, "
            "or make one with `accrue demo` or `accrue worker`"
        )


def place_of(data_dir: Path | None) -> Place:
    """The place from the environment; an explicit folder takes precedence over servers."""
    for name in unknown_variables(os.environ):
        say(f"warning: {name} is not a setting of Accrue and has no effect", err=True)
    if data_dir is None:
        return Place(Settings())
    return Place(Settings(data_dir=data_dir, kafka_bootstrap=None, clickhouse_dsn=None, state_dir=None))
