"""`accrue settings`: orgs with their stores and events, from a file to the settings topic."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import click
from pydantic import BaseModel

from pipeline.cli.output import json_option, placed, print_json, print_table
from pipeline.cli.place import Place
from pipeline.cli.printing import say
from pipeline.cli.settings_diff import sentences
from pipeline.cli.settings_file import settings_in
from pipeline.cli.settings_topic import apply, changes_by, orgs_now, topics_now

_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def settings() -> None:
    """Say what orgs, stores and events there are.

    \b
    Example:
      accrue settings apply examples/settings/roastery.yaml
      accrue settings show
    """


@settings.command("apply")
@click.argument("file", type=_FILE)
@placed
@json_option
def apply_settings(file: Path, place: Place, *, as_json: bool) -> None:
    """Make the settings of the orgs in FILE what it says. Orgs that it does not name stay as they are.

    Workers go by them within a second. Stores that the file leaves out are removed; events can only be retired.

    \b
    Example:
      accrue settings apply examples/settings/roastery.yaml --data-dir accrue-demo
    """
    wanted = settings_in(file)
    with place.log(create=True) as log:
        changed = list(sentences(apply(place, log, wanted)))
    if as_json:
        print_json({"changes": changed})
    else:
        say("\n".join(changed) or "nothing changes: the settings are as the file says")


@settings.command()
@click.argument("file", type=_FILE)
@placed
@json_option
@click.pass_context
def diff(context: click.Context, file: Path, place: Place, *, as_json: bool) -> None:
    """Say what FILE would change, and change nothing. Exit code 1 where it would be refused.

    \b
    Example:
      accrue settings diff examples/settings/roastery.yaml
    """
    wanted = settings_in(file)
    with place.log(create=True) as log:
        changes, problems = changes_by(place, log, wanted)
    said = list(sentences(changes))
    if as_json:
        print_json({"changes": said, "problems": [problem._asdict() for problem in problems]})
    else:
        say("\n".join(said) or "nothing changes: the settings are as the file says")
        for problem in problems:
            say(f"refused: {problem}")
    context.exit(1 if problems else 0)


@settings.command()
@placed
@json_option
def show(place: Place, *, as_json: bool) -> None:
    """Show the orgs, with their stores and events.

    \b
    Example:
      accrue settings show --data-dir accrue-demo
    """
    with place.log() as log:
        orgs = [org for _, org in sorted(orgs_now(place, log).items())]
        topics = list(topics_now(place, log).values())
    if as_json:
        print_json({"orgs": list(map(_as_json, orgs)), "topics": list(map(_as_json, topics))})
        return
    columns = ("org", "name", "zone", "currency", "stores", "events", "unknown events")
    rows = [
        (org.org_id, org.name, org.zone, org.currency, len(org.stores), len(org.events), org.unknown_events)
        for org in orgs
    ]
    print_table("Orgs", columns, rows)
    stores = [
        (org.org_id, store.code, store.name, store.zone or org.zone, store.currency or org.currency, len(store.tills))
        for org in orgs
        for store in org.stores
    ]
    if stores:
        print_table("Stores", ("org", "code", "name", "zone", "currency", "tills"), stores)
    if topics:
        listed = [(topic.name, topic.dialect, topic.org_id, topic.store or "-") for topic in topics]
        print_table("Topics of other systems", ("topic", "dialect", "org", "store"), listed)


def _as_json(part: BaseModel) -> object:
    return json.loads(part.model_dump_json())
