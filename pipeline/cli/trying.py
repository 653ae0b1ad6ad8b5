"""`accrue try`: a program and some messages in memory, and what would come of them."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
import msgspec

from pipeline.cli.printing import say_json
from pipeline.cli.program_file import program_in
from pipeline.cli.program_problem import InvalidProgram
from pipeline.cli.settings_file import settings_in
from pipeline.intake.org_settings import KnownOrg, known
from pipeline.intake.verdict import Defect
from pipeline.trial.lines import BadLine, Loaded, instant_in, read_lines
from pipeline.trial.run import Trial

if TYPE_CHECKING:
    from pipeline.trial.form import Result

_STANDARD_INPUT: Final = "-"
_PROGRAM_SUFFIXES: Final = frozenset({".yaml", ".yml"})
_MESSAGES_SUFFIX: Final = ".jsonl"
_SHOWN_MAX: Final = 40
"""Longer than any instant; how much of something else is repeated."""
_WELL: Final = frozenset({"accepted", "duplicate", "parked"})


@click.command("try")
@click.argument("files", nargs=-1, required=True, metavar="PROGRAM.yaml... MESSAGES.jsonl")
@click.option(
    "--until",
    metavar="INSTANT",
    help="Let time pass up to here at the end: ISO 8601 with an offset, or milliseconds since 1970.",
)
@click.option(
    "--settings",
    "settings_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The settings of the orgs: custom events are judged by their definitions.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
@click.pass_context
def try_program(
    context: click.Context, files: tuple[str, ...], until: str | None, settings_file: Path | None, *, as_json: bool
) -> None:
    """Try programs on messages, in memory: what is decided, what customers would be told, where they stand at the end.

    Each line of the messages file (`-` reads standard input) is a message, which arrives when it happened, or one of

    \b
      {"arrives": INSTANT, "message": {...}}   a message that arrives late
      {"clock": INSTANT}                       time passes
      {"program": "version-2.yaml"}            a new version, its path seen from the messages file

    Exit code 1 where a message is a dead letter or something is refused, 2 where the files cannot be tried.

    \b
    Example:
      accrue try examples/try/corner-cafe.yaml examples/try/corner-cafe.jsonl
      accrue try my-program.yaml my-messages.jsonl --until 2026-12-31T23:59:59Z --json
    """
    programs, messages = _sorted(files)
    trial = Trial({} if settings_file is None else _orgs(settings_file))
    for path in programs:
        _put_in_force(trial, path)
    folder = Path() if messages == _STANDARD_INPUT else Path(messages).parent
    lines = read_lines(_content(messages), partial(_load, folder))
    clock = lines[-1].at if lines else 0
    end = None if until is None else _until(until[:_SHOWN_MAX], clock)
    trial.run(lines, end)
    result = trial.result()
    if as_json:
        say_json(msgspec.json.encode(result).decode())
    else:
        _tell(trial, result)
    if any(step.outcome not in _WELL or step.refusals for step in result.steps):
        context.exit(1)


def _orgs(file: Path) -> dict[int, KnownOrg]:
    try:
        return {org.org_id: known(org) for org in settings_in(file).orgs}
    except InvalidProgram as error:
        message = f"{file} holds no valid settings:\n{error}"
        raise BadLine(message) from error


def _until(written: str, clock: int) -> int:
    return instant_in(int(written) if written.isdecimal() else written, clock, "--until")


def _sorted(files: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
    """The program files, and the messages file: the last where it looks like one, else the only one without `.yaml`."""
    *others, last = files
    if not (last == _STANDARD_INPUT or last.endswith(_MESSAGES_SUFFIX)):
        messages = [file for file in files if Path(file).suffix not in _PROGRAM_SUFFIXES]
        if len(messages) != 1:
            message = "name the program files first, then one file of messages, such as messages.jsonl, or -"
            raise click.UsageError(message)
        last = messages[0]
        others = [file for file in files if file != last]
    if not others:
        message = "name a program file before the messages, such as examples/try/corner-cafe.yaml"
        raise click.UsageError(message)
    return tuple(others), last


def _content(messages: str) -> bytes:
    return sys.stdin.buffer.read() if messages == _STANDARD_INPUT else Path(messages).read_bytes()


def _put_in_force(trial: Trial, path: str) -> None:
    try:
        definition = program_in(Path(path))
    except InvalidProgram as error:
        message = f"{path} is not a valid program:\n{error}"
        raise BadLine(message) from error
    for defect in trial.activate(definition):
        message = f"{path}: {defect.path} {defect.problem}; {defect.remedy}"
        raise BadLine(message)


def _load(folder: Path, path: str) -> Loaded:
    try:
        return program_in(folder / path)
    except InvalidProgram as error:
        defects = [
            Defect(
                path=problem.path,
                problem=f"line {problem.line}: {problem.wrong}" if problem.line else problem.wrong,
                remedy=problem.right,
            )
            for problem in error.problems
        ]
        more = [Defect(path="", problem="has more mistakes", remedy="correct these first")] if error.has_more else []
        return (*defects, *more)


def _tell(trial: Trial, result: Result) -> None:
    # Who asks for JSON does not wait for what draws tables.
    from pipeline.cli.output import CONSOLE, print_table  # noqa: PLC0415
    from pipeline.trial.text import PROGRESS, STANDING, Narrator  # noqa: PLC0415

    narrator = Narrator(result, trial.definitions)
    for line in narrator.programs():
        CONSOLE.print(line, markup=False, soft_wrap=True)
    for step in result.steps:
        CONSOLE.print("\n".join(("", *narrator.step(step))), markup=False, soft_wrap=True)
    CONSOLE.print()
    if standing := narrator.standing():
        print_table(f"Where each customer stands at {result.settled_at}", STANDING, standing)
    if progress := narrator.progress():
        print_table("Milestones and streaks", PROGRESS, progress)
