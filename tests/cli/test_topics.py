"""`accrue topics`: create what is missing, and tell what differs."""

from __future__ import annotations

from pipeline.log.embedded import EmbeddedLog
from pipeline.log.port import TopicSpec
from tests.cli.terminal import Terminal
from topics.catalog import Catalog


def test_create_makes_every_topic_once(terminal: Terminal) -> None:
    names = [spec.name for spec in Catalog().specs()]

    assert terminal.done("topics", "create", "--json").json == {"created": names}
    assert terminal.done("topics", "create", "--json").json == {"created": []}
    assert terminal.done("topics", "create").out == "all topics exist already\n"


def test_list_shows_the_catalog_without_any_log(terminal: Terminal) -> None:
    listed = terminal.done("topics", "list", "--json").json

    assert [one["name"] for one in listed] == [spec.name for spec in Catalog().specs()]
    assert "loyalty.journal" in terminal.done("topics", "list").out
    assert not terminal.folder.exists()


def test_describe_finds_nothing_wrong_with_what_create_made(with_topics: Terminal) -> None:
    described = with_topics.done("topics", "describe", "--json").json

    assert described["defects"] == []
    assert {name: one["partitions"] for name, one in described["topics"].items()} == dict.fromkeys(
        (spec.name for spec in Catalog().specs()), 4
    )


def test_describe_has_exit_code_one_for_another_partition_count(with_topics: Terminal) -> None:
    with_topics.set("ACCRUE_PARTITIONS", "3")

    ended = with_topics.run("topics", "describe", "--json")

    assert ended.code == 1
    assert {defect["problem"] for defect in ended.json["defects"]} == {"has 4 partitions, not 3"}
    assert len(ended.json["defects"]) == len(Catalog().specs())


def test_describe_has_exit_code_one_for_missing_topics_and_says_what_to_do(terminal: Terminal) -> None:
    log = EmbeddedLog(terminal.folder)
    log.create_topics([TopicSpec(*spec[:3]) for spec in Catalog().specs() if spec.name != "loyalty.journal"])
    log.close()

    ended = terminal.run("topics", "describe")

    assert ended.code == 1
    assert "loyalty.journal: missing; run `accrue topics create`" in ended.out
