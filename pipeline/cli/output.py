"""Output of commands: tables for people, one JSON value for scripts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import click
from rich.table import Table
from rich.text import Text

from pipeline.cli.console import PlainConsole
from pipeline.cli.place import Place, place_of
from pipeline.cli.printing import printable, printable_lines, say_json

Command = TypeVar("Command", bound=Callable[..., Any])


CONSOLE: Final = PlainConsole(highlight=False)
ERRORS: Final = PlainConsole(stderr=True, highlight=False)


def print_json(value: object) -> None:
    """One JSON value on a line of its own."""
    say_json(json.dumps(value, ensure_ascii=False, default=_plain))


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Prints a table; numbers are right-aligned, and the first column, which names things, is never folded.

    A `Text` keeps its style; anything else is shown verbatim: brackets in a name are not markup.
    """
    cells = [list(row) for row in rows]
    table = Table(title=title, title_justify="left", title_style="bold")
    for index, column in enumerate(columns):
        numeric = bool(cells) and all(isinstance(row[index], int | float) or row[index] is None for row in cells)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold", no_wrap=index == 0)
    for row in cells:
        table.add_row(*(value if isinstance(value, Text) else Text(printable_lines(shown(value))) for value in row))
    CONSOLE.print(table)


def summary_table(title: str, rows: Sequence[tuple[str, int | str]]) -> Table:
    """A table of two columns, what and how much; numbers are aligned right."""
    table = Table(title=title, title_justify="left", title_style="bold", show_header=False)
    table.add_column()
    table.add_column(justify="right", no_wrap=True)
    for what, figure in rows:
        table.add_row(Text(printable(what)), Text(f"{figure:,}" if isinstance(figure, int) else printable(figure)))
    return table


def shown(value: object) -> str:
    """Formats a value: thousands separated, instants in UTC to the second."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return str(value)


def instant(milliseconds: int) -> datetime:
    """An instant as a date and time in UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def placed(command: Command) -> Command:
    """Adds `--data-dir` to a command and passes it the `place` to work on."""

    def with_place(_context: click.Context, _parameter: click.Parameter, value: Path | None) -> Place:
        return place_of(value)

    return click.option(
        "--data-dir",
        "place",
        type=click.Path(path_type=Path, file_okay=False),
        callback=with_place,
        help="Folder of the embedded log and ClickHouse, such as the one a demo leaves. "
        "Without it: ACCRUE_DATA_DIR, or the servers that ACCRUE_KAFKA_BOOTSTRAP and ACCRUE_CLICKHOUSE_DSN name.",
    )(command)


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
"""Every command has it."""


def _plain(value: object) -> object:
    if isinstance(value, date | datetime):
        return value.isoformat()
    return str(value)
