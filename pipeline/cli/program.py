"""`accrue program`: check a program file, put it in force, look at what is in force."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import click
import msgspec

from pipeline.cli.activating import activate, activations, in_force_or_later, predecessor_of, reached_by, write
from pipeline.cli.moving import commands, moves_of
from pipeline.cli.output import instant, json_option, placed, print_json, print_table
from pipeline.cli.place import Place, Unusable
from pipeline.cli.printing import say
from pipeline.cli.program_diff import changes
from pipeline.cli.program_doubts import doubts
from pipeline.cli.program_file import problems_after, program_in
from pipeline.cli.program_problem import InvalidProgram, Problem
from pipeline.clock import SYSTEM_CLOCK
from pipeline.intake.times import instant_of
from pipeline.intake.verdict import Defect
from schemas.jsonschema import program_schema, text_of
from schemas.program import ProgramDefinition
from schemas.succession import reaches_all

_ADOPTIONS_PER_SECOND: Final = 5_000
"""How many members a worker brings to a new version: half of what was measured without a broker."""
_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def program() -> None:
    """Check programs and put them in force.

    \b
    Example:
      accrue program check examples/programs/roastery.yaml
      accrue program apply examples/programs/roastery.yaml
    """


@program.command()
@click.argument("file", type=_FILE)
@click.option("--against", type=_FILE, help="The version before: also report what keeps FILE from following it.")
@json_option
@click.pass_context
def check(context: click.Context, file: Path, against: Path | None, *, as_json: bool) -> None:
    """Report every mistake in a program file: where, what is wrong, what would be right. Exit code 1 for mistakes.

    \b
    Example:
      accrue program check examples/programs/roastery.yaml
    """
    before = None if against is None else program_in(against)
    try:
        definition = program_in(file, after=before)
    except InvalidProgram as error:
        if as_json:
            problems = [problem._asdict() for problem in error.problems]
            print_json({"valid": False, "problems": problems, "has_more": error.has_more})
        else:
            count = len(error.problems)
            say(f"{file}: {count} {'mistake' if count == 1 else 'mistakes'}\n{error}")
        context.exit(1)
    warnings = list(doubts(definition, _today()))
    tiers = len(definition.tiers.levels) if definition.tiers else 0
    found = {
        "valid": True,
        "org_id": definition.org_id,
        "program_id": definition.program_id,
        "version": definition.version,
        "name": definition.name,
        "rules": len(definition.rules),
        "milestones": len(definition.milestones),
        "streaks": len(definition.streaks),
        "tiers": tiers,
    }
    if as_json:
        print_json(found | {"warnings": warnings})
        return
    say(
        f"{file} is valid: {definition.name}, version {definition.version} of program "
        f"{definition.program_id} of org {definition.org_id}, with {_counted(len(definition.rules), 'rule')}, "
        f"{_counted(len(definition.milestones), 'milestone')}, "
        f"{_counted(len(definition.streaks), 'streak')} "
        f"and {_counted(tiers, 'tier')}"
    )
    for warning in warnings:
        say(f"warning: {warning}")


@program.command()
@click.argument("old", type=_FILE)
@click.argument("new", type=_FILE)
@json_option
@click.pass_context
def diff(context: click.Context, old: Path, new: Path, *, as_json: bool) -> None:
    """Say what a new version changes for members. Exit code 1 where it may not follow the old one.

    \b
    Example:
      accrue program diff version-1.yaml version-2.yaml
    """
    before, after = program_in(old), program_in(new)
    problems = problems_after(before, after)
    _tell_changes(before, after, problems, as_json=as_json)
    context.exit(1 if problems else 0)


@program.command("apply")
@click.argument("file", type=_FILE)
@click.option("--from", "starts", metavar="INSTANT", help="In force from then on: ISO 8601, in the program's zone.")
@click.option("--dry-run", is_flag=True, help="Only say what would change for members; exit code 1 if it is refused.")
@placed
@json_option
@click.pass_context
def apply_program(
    context: click.Context, file: Path, starts: str | None, place: Place, *, dry_run: bool, as_json: bool
) -> None:
    """Put a program in force: it applies to everything after this point, or after an instant.

    The version must be higher than the one in force, and may not leave out or reuse what members have; the same version
    again, unchanged, does nothing.

    \b
    Example:
      accrue program apply examples/programs/roastery.yaml --data-dir accrue-demo
    """
    definition = program_in(file)
    starts_at = None if starts is None else _instant(starts, definition.zone)
    if dry_run:
        with place.log() as log:
            before = predecessor_of(place, log, definition)
            problems = [] if before is None else problems_after(before, definition)
            members = None if before is None or problems else reached_by(place, log, before, definition)
        _tell_changes(before, definition, problems, members, as_json=as_json)
        context.exit(1 if problems else 0)
    with place.log(create=True) as log:
        before = predecessor_of(place, log, definition)
        changed = activate(place, log, definition, starts_at)
        members = reached_by(place, log, before, definition) if changed and before is not None else None
    if as_json:
        told = {"program_id": definition.program_id, "version": definition.version, "changed": changed}
        print_json({**told, "members": members})
    else:
        state = "in force already, unchanged"
        if changed:
            state = "in force" if starts is None else f"in force from {starts}"
        say(f"{definition.name}, version {definition.version}: {state}")
        if members is not None:
            _tell_members(members)
    for warning in doubts(definition, _today()):
        say(f"warning: {warning}", err=True)


def _tell_changes(
    before: ProgramDefinition | None,
    after: ProgramDefinition,
    problems: list[Problem],
    members: int | None = None,
    *,
    as_json: bool,
) -> None:
    """Prints what `after` changes, and why it may not follow `before`."""
    found = [] if before is None else changes(before, after)
    for_all = before is not None and not problems and reaches_all(before, after)
    if as_json:
        version = None if before is None else before.version
        texts = [change._asdict() for change in found]
        refused = [problem._asdict() for problem in problems]
        told = {"from_version": version, "to_version": after.version, "changes": texts, "problems": refused}
        print_json({**told, "for_all": for_all, "members": members})
        return
    if before is None:
        say(f"{after.name}, version {after.version}: a new program; it counts what happens from then on")
        return
    say(f"{after.name}, version {before.version} to version {after.version}:")
    for change in found:
        say(f"  {change.path}: {change.text}")
    if not found:
        say("  nothing changes for members")
    for problem in problems:
        say(f"refused: {problem}")
    if for_all:
        _tell_members(members)


def _tell_members(members: int | None) -> None:
    """Prints how many members a version reaches at its start, and for how long."""
    if members is None:
        say("reaches every member at its start, those without traffic too")
        return
    seconds = max(1, round(members / _ADOPTIONS_PER_SECOND))
    say(
        f"reaches {_counted(members, 'member')} at its start, those without traffic too: about {seconds:,} s for one "
        "worker, in slices; records of its partitions wait meanwhile"
    )


def _instant(written: str, zone: str) -> int:
    """An instant in ISO 8601; in the program's zone where it has no offset. Raises `Unusable`."""
    read = instant_of(written, None)
    if isinstance(read, Defect):
        read = instant_of(written, zone)
    if isinstance(read, Defect):
        message = f"--from is {written!r}, which is not an instant: write ISO 8601, such as 2026-03-01T00:00:00"
        raise Unusable(message)
    return read


@program.command()
@placed
@json_option
def show(place: Place, *, as_json: bool) -> None:
    """Show the programs in force, and their versions that start later.

    \b
    Example:
      accrue program show --data-dir accrue-demo
    """
    with place.log() as log:
        catalog = activations(place, log)
    now = SYSTEM_CLOCK.wall()
    shown = [version for versions in catalog.values() for version in in_force_or_later(versions, now)]
    if as_json:
        print_json(
            [
                msgspec.to_builtins(version)
                | {"in_force": version.has_started(now), "definition": json.loads(version.definition)}
                for version in shown
            ]
        )
    else:
        rows = [
            (
                version.org_id,
                version.program_id,
                definition["name"],
                version.version,
                ", ".join((definition["points"]["name"], *(points["id"] for points in definition["currencies"]))),
                version.hash[:12],
                "now" if version.has_started(now) else f"from {instant(version.starts_at or 0)}",
            )
            for version in shown
            for definition in (json.loads(version.definition),)
        ]
        columns = ("org", "program", "name", "version", "points", "hash", "in force")
        print_table("Programs", columns, rows)


@program.command("move-members")
@click.option("--org", "org_id", type=int, default=1, show_default=True)
@click.option("--program", "program_id", type=int, required=True)
@click.option("--reason", default="moved to the tiers in force", show_default=True)
@click.option("--entered-by", default="", help="Who asks.")
@click.option("--dry-run", is_flag=True, help="Only say who would move.")
@placed
@json_option
def move_members(
    org_id: int, program_id: int, reason: str, entered_by: str, place: Place, *, dry_run: bool, as_json: bool
) -> None:
    """Give every member the tier that their values have in the version in force, be it higher or lower.

    A new version moves members up only; who is above what their values give keeps the tier. This sends a command
    `reassessTier` for each member who moves. Tiers that somebody gave are kept.

    \b
    Example:
      accrue program move-members --org 100 --program 1 --dry-run
    """
    now = SYSTEM_CLOCK.wall()
    with place.log() as log:
        found = moves_of(place, log, org_id, program_id, now)
        if not dry_run and found.moves:
            write(place, log, commands(place, found, reason, entered_by, now))
    counts = Counter((move.previous, move.reached) for move in found.moves)
    if as_json:
        print_json(
            {
                "members": found.members,
                "behind": found.behind,
                "sent": 0 if dry_run else len(found.moves),
                "moves": [
                    {"from": previous, "to": reached, "members": number}
                    for (previous, reached), number in sorted(counts.items())
                ],
            }
        )
        return
    for (previous, reached), number in sorted(counts.items()):
        say(f"{previous} to {reached}: {_counted(number, 'member')}")
    if found.behind:
        say(f"{_counted(found.behind, 'member')} left alone: the version in force has not reached them yet")
    said = "would move" if dry_run else "are asked to move"
    say(f"{len(found.moves):,} of {_counted(found.members, 'member')} {said}")


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


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what if number == 1 else f'{what}s'}"
