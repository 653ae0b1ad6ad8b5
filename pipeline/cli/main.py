"""The `accrue` command: its subcommands, and how failures are told."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Final

import click
from clickhouse_connect.driver.exceptions import ClickHouseError
from pydantic import ValidationError

from pipeline.cli.backfill import backfill
from pipeline.cli.customer import customer
from pipeline.cli.demo import demo
from pipeline.cli.dlq import dlq
from pipeline.cli.importing import import_group
from pipeline.cli.place import Unusable
from pipeline.cli.program import problems_of, program
from pipeline.cli.program_file import InvalidProgram
from pipeline.cli.reporting import report
from pipeline.cli.retail_file import Unreadable
from pipeline.cli.send import send
from pipeline.cli.tail import tail
from pipeline.cli.topics import topics
from pipeline.cli.verify import verify
from pipeline.cli.worker import worker
from pipeline.intake.retail import WrongHeader
from pipeline.intake.retail_inputs import UntilTooEarly
from pipeline.log.port import LogError
from pipeline.runtime.changelog import StateAhead, StateMissing
from pipeline.runtime.deadletters import TooManyDeadLetters
from pipeline.runtime.loop import Gone
from pipeline.runtime.slot import SlotInUse
from sinks.clickhouse.connect import CannotConnect
from sinks.clickhouse.intents import ForeignMetadata
from sinks.clickhouse.reading import BlockGone


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="accrue")
def accrue() -> None:
    """Accrue: a loyalty engine on a stream.

    Without servers, commands work on a data folder; with ACCRUE_KAFKA_BOOTSTRAP and ACCRUE_CLICKHOUSE_DSN on real ones.

    \b
    Example:
      accrue demo
      accrue verify --data-dir accrue-demo
      accrue customer 1 12347 --data-dir accrue-demo
    """


for command in (backfill, customer, demo, dlq, import_group, program, report, send, tail, topics, verify, worker):
    accrue.add_command(command)

FAILURES: Final[dict[type[Exception], Callable[[Exception], str]]] = {
    ValidationError: lambda error: problems_of(error) if isinstance(error, ValidationError) else str(error),
    **dict.fromkeys(
        (
            BlockGone,
            CannotConnect,
            ClickHouseError,
            ForeignMetadata,
            Gone,
            InvalidProgram,
            LogError,
            SlotInUse,
            StateAhead,
            StateMissing,
            TooManyDeadLetters,
            Unreadable,
            Unusable,
            UntilTooEarly,
            WrongHeader,
        ),
        str,
    ),
}
"""What is wrong with place or input is told in words, with exit code 2. Anything else is a bug: it shows where."""


def main() -> None:
    """Run the command line."""
    try:
        accrue()
    except tuple(FAILURES) as error:
        tell = next(tell for kind, tell in FAILURES.items() if isinstance(error, kind))
        click.echo(f"error: {tell(error)}", err=True)
        sys.exit(2)
