"""`accrue program`: check a program file, put it in force, look at what is in force."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import click
import msgspec

from pipeline.cli.activating import activate, in_force
from pipeline.cli.output import json_option, placed, print_json, print_table
from pipeline.cli.place import Place
from pipeline.cli.printing import say
from pipeline.cli.program_doubts import doubts
from pipeline.cli.program_file import program_in
from pipeline.cli.program_problem import InvalidProgram
from pipeline.clock import SYSTEM_CLOCK
from schemas.jsonschema import program_schema, text_of


@click.group()
def program() -> None:
    """Check programs and put them in force.

    \b
    Example:
      accrue program check examples/programs/roastery.yaml
      accrue program apply examples/programs/roastery.yaml
    """


@program.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
@click.pass_context
def check(context: click.Context, file: Path, *, as_json: bool) -> None:
    """Report every mistake in a program file: where, what is wrong, what would be right. Exit code 1 for mistakes.

    \b
    Example:
      accrue program check examples/programs/roastery.yaml
    """
    try:
        definition = program_in(file)
    except InvalidProgram as error:
        if as_json:
            problems = [problem._asdict() for problem in error.problems]
            print_json({"valid": False, "problems": problems, "has_more": error.has_more})
        else:
            count = len(error.problems)
            say(f"{file}: {count} {'mistake' if count == 1 else 'mistakes'}\n{error}")
        context.exit(1)
    warnings = list(doubts(definition, _today()))
    found = {
        "valid": True,
        "org_id": definition.org_id,
        "program_id": definition.program_id,
        "version": definition.version,
        "name": definition.name,
        "rules": len(definition.rules),
        "milestones": len(definition.milestones),
        "streaks": len(definition.streaks),
        "tiers": len(definition.tiers.levels) if definition.tiers else 0,
    }
    if as_json:
        print_json(found | {"warnings": warnings})
        return
    say(
        f"{file} is valid: {definition.name}, version {definition.version} of program "
        f"{definition.program_id} of org {definition.org_id}, with {found['rules']} rules, "
        f"{found['milestones']} milestones, {found['streaks']} streaks and {found['tiers']} tiers"
    )
    for warning in warnings:
        say(f"warning: {warning}")


@program.command("apply")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@placed
@json_option
def apply_program(file: Path, place: Place, *, as_json: bool) -> None:
    """Put a program in force: it applies to everything after this point.

    The version must be higher than the one in force; the same version again, unchanged, does nothing.

    \b
    Example:
      accrue program apply examples/programs/roastery.yaml --data-dir accrue-demo
    """
    definition = program_in(file)
    with place.log(create=True) as log:
        changed = activate(place, log, definition)
    if as_json:
        print_json({"program_id": definition.program_id, "version": definition.version, "changed": changed})
    else:
        state = "in force" if changed else "in force already, unchanged"
        say(f"{definition.name}, version {definition.version}: {state}")
    for warning in doubts(definition, _today()):
        say(f"warning: {warning}", err=True)


@program.command()
@placed
@json_option
def show(place: Place, *, as_json: bool) -> None:
    """Show the programs in force.

    \b
    Example:
      accrue program show --data-dir accrue-demo
    """
    with place.log() as log:
        catalog = in_force(place, log)
    if as_json:
        print_json([msgspec.to_builtins(one) | {"definition": json.loads(one.definition)} for one in catalog.values()])
    else:
        rows = [
            (one.org_id, one.program_id, json.loads(one.definition)["name"], one.version, one.hash[:12])
            for one in catalog.values()
        ]
        print_table("Programs in force", ("org", "program", "name", "version", "hash"), rows)


@program.command()
def schema() -> None:
    """Print the JSON Schema of a program file, for editors.

    \b
    Example:
      accrue program schema > program.schema.json
    """
    say(text_of(program_schema()).rstrip())


def _today() -> date:
    return datetime.fromtimestamp(SYSTEM_CLOCK.wall() / 1000, UTC).date()
