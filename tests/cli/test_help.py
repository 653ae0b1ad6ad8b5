"""Every command explains itself with an example, and speaks JSON where it prints figures."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest

from pipeline.cli.main import accrue
from tests.cli.terminal import Terminal

SILENT = {("worker",), ("program", "schema")}
"""One runs until it is stopped, the other prints JSON anyway."""


def commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            yield from commands(child, (*path, name))


ALL = dict(commands(accrue))
LEAVES = {path: command for path, command in ALL.items() if not isinstance(command, click.Group)}


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_help_shows_an_example_that_names_the_command(path: tuple[str, ...], terminal: Terminal) -> None:
    out = terminal.done(*path, "--help").out

    _, _, example = out.partition("Example:\n")
    assert f"accrue {' '.join(path)}".strip() in example


@pytest.mark.parametrize("path", sorted(LEAVES.keys() - SILENT), ids=" ".join)
def test_command_has_json_for_scripts(path: tuple[str, ...]) -> None:
    assert "--json" in {option for parameter in LEAVES[path].params for option in parameter.opts}


def test_there_are_the_commands_that_the_readme_shows() -> None:
    assert {" ".join(path) for path in LEAVES} == {
        "backfill begin",
        "backfill end",
        "customer",
        "demo",
        "dlq list",
        "dlq replay",
        "dlq show",
        "erase",
        "events check",
        "events list",
        "events show",
        "events unknown",
        "held",
        "identity conflicts",
        "identity link",
        "identity merge",
        "identity show",
        "identity unlink",
        "import messages",
        "import retail",
        "key create",
        "key list",
        "key revoke",
        "program apply",
        "program check",
        "program diff",
        "program move-members",
        "program schema",
        "program show",
        "report",
        "send",
        "settings apply",
        "settings diff",
        "settings show",
        "simulate",
        "sql",
        "tail",
        "topics create",
        "topics describe",
        "topics list",
        "try",
        "verify",
        "worker",
    }
