"""`accrue topics`: the catalog, and the topics as they are."""

from __future__ import annotations

from datetime import timedelta

import click

from pipeline.cli.output import json_option, placed, print_json, print_table
from pipeline.cli.place import Place
from pipeline.cli.printing import say
from topics.catalog import Spec, defects, in_lines


@click.group()
def topics() -> None:
    """Create and check the topics.

    \b
    Example:
      accrue topics create
      accrue topics describe
    """


@topics.command()
@placed
@json_option
def create(place: Place, *, as_json: bool) -> None:
    """Create the topics that are missing; those that exist are left as they are.

    \b
    Example:
      ACCRUE_KAFKA_BOOTSTRAP=localhost:9092 accrue topics create
    """
    log = place.new_log()
    try:
        created = place.create_topics(log)
    finally:
        log.close()
    if as_json:
        print_json({"created": created})
    else:
        say("\n".join(f"created {name}" for name in created) or "all topics exist already")


@topics.command("list")
@placed
@json_option
def list_topics(place: Place, *, as_json: bool) -> None:
    """List the topics of the catalog: contents, key, number of partitions, retention.

    \b
    Example:
      accrue topics list
    """
    specs = place.catalog.specs()
    if as_json:
        print_json([spec._asdict() | {"config": dict(spec.config)} for spec in specs])
    else:
        print_table("Topics", ("topic", "contents"), [(spec.name, _contents(spec)) for spec in specs])


@topics.command()
@placed
@json_option
@click.pass_context
def describe(context: click.Context, place: Place, *, as_json: bool) -> None:
    """Compare the topics that exist with the catalog. Exit code 1 when something differs.

    \b
    Example:
      accrue topics describe --json
    """
    with place.log(checked=False) as log:
        described = log.describe_topics()
    found = defects(place.catalog, described)
    names = [spec.name for spec in place.catalog.specs()]
    if as_json:
        print_json(
            {
                "topics": {
                    name: {"partitions": described[name].partitions, "config": dict(described[name].config)}
                    for name in names
                    if name in described
                },
                "defects": [defect._asdict() for defect in found],
            }
        )
    else:
        rows = [(name, described[name].partitions if name in described else None) for name in names]
        print_table("Topics as they are", ("topic", "partitions"), rows)
        for line in in_lines(found):
            say(line)
    if found:
        context.exit(1)


def _contents(spec: Spec) -> str:
    return f"{spec.description}\n{spec.value}; key {spec.key}; {spec.partitions} partitions, {_kept(spec)}"


def _kept(spec: Spec) -> str:
    if spec.config["cleanup.policy"] == "compact":
        return "the last of each key kept"
    time = timedelta(milliseconds=int(spec.config["retention.ms"]))
    return f"kept {time.days} days" if time >= timedelta() else "kept for ever"
