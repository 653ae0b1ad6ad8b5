"""The `accrue` command: its subcommands, and how failures are reported."""

from __future__ import annotations

import os
import signal
import sys
from importlib import import_module
from typing import Final, get_args

import click
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsError

from pipeline.cli.printing import say
from pipeline.failure import Failure

_COMMANDS: Final = {
    "backfill": "backfill:backfill",
    "customer": "customer:customer",
    "demo": "demo.command:demo",
    "dlq": "dlq:dlq",
    "erase": "erase:erase",
    "events": "events:events",
    "held": "held:held",
    "identity": "identity:identity",
    "import": "importing:import_group",
    "key": "key:key",
    "program": "program:program",
    "report": "reporting:report",
    "send": "send:send",
    "settings": "settings:settings",
    "simulate": "simulate:simulate",
    "sql": "sql:sql",
    "tail": "tail:tail",
    "topics": "topics:topics",
    "try": "trying:try_program",
    "verify": "verify:verify",
    "worker": "worker:worker",
}
"""The module of each command, loaded on demand so that a restarting worker does not wait for the others."""
INTERRUPTED: Final = 130
"""The exit code of a command that Ctrl-C has ended."""
_UNREAD: Final = 128 + signal.SIGPIPE
_SECRET: Final = frozenset({"clickhouse_dsn", "identity_key", "jwt_secret", "kafka_options"})
"""Settings that may hold a password: errors about them do not show the value."""


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's own names and arguments
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(f"pipeline.cli.{module}"), name)
        return command

    def invoke(self, ctx: click.Context) -> None:
        try:
            super().invoke(ctx)
        except KeyboardInterrupt:  # click would exit with 1, by which `verify` says that something is broken
            say("stopped", err=True)
            ctx.exit(INTERRUPTED)
        except BrokenPipeError:  # who read the output has enough, as `head` has; 1 would again be a verdict
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(_UNREAD)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="accrue")
def accrue() -> None:
    """Accrue: a loyalty engine on a stream.

    Without servers, commands work on a data folder; with ACCRUE_KAFKA_BOOTSTRAP and ACCRUE_CLICKHOUSE_DSN on real ones.

    \b
    Example:
      accrue demo
      accrue verify --data-dir accrue-demo
      accrue customer 100 10001 --data-dir accrue-demo
    """


def main() -> None:
    """Runs the command line. A failure prints its message and exits with 2; other exceptions are bugs."""
    try:
        accrue()
    except ValidationError as error:
        _fail(problems_of(error))
    except SettingsError as error:  # the only setting that is JSON
        _fail(f"ACCRUE_KAFKA_OPTIONS: write a JSON object ({error})")
    except Failure as error:
        _fail("\n".join((str(error), *getattr(error, "__notes__", ()))))
    except OSError as error:
        if error.strerror is None:
            raise
        where = "" if error.filename is None else f" {error.filename}"
        _fail(f"cannot read or write{where}: {error.strerror}; check that it exists, its permissions and free space")


def _fail(message: str) -> None:
    say(f"error: {message}", err=True)
    sys.exit(2)


def problems_of(error: ValidationError) -> str:
    """The invalid settings, one per line."""
    return "\n".join(map(_problem, error.errors()))


def _problem(one: ErrorDetails) -> str:
    setting, *inside = one["loc"]
    name = f"ACCRUE_{setting}".upper()
    if setting in _SECRET:
        return f"{name}: {': '.join([*map(str, inside[:1]), one['msg']])}"
    told = _number(str(setting)) if one["type"] == "int_parsing" else one["msg"]
    return f"{name}: {told}, not {one['input']!r}"


def _number(setting: str) -> str:
    from pipeline.runtime.settings import Settings  # noqa: PLC0415 - commands that need no settings do not load them

    or_none = " or `none`" if type(None) in get_args(Settings.model_fields[setting].annotation) else ""
    return f"write a whole number{or_none}"
