"""The catalog of topics, and what a log may be told about its own."""

from __future__ import annotations

import pytest

from topics.catalog import Catalog, Defect, Spec, defects

ALL = [
    "transactions",
    "events",
    "customers",
    "commands",
    "gateway",
    "journal",
    "facts",
    "notifications.points",
    "notifications.tiers",
    "notifications.milestones",
    "notifications.streaks",
    "notifications.customers",
    "notifications.rewards",
    "replies",
    "state",
    "programs",
    "settings",
    "owners",
    "keys",
    "deadletters",
]


def existing(catalog: Catalog) -> dict[str, Spec]:
    return {spec.name: spec for spec in catalog.specs()}


def test_the_catalog_has_every_topic_of_the_design_under_its_prefix() -> None:
    assert [spec.name for spec in Catalog().specs()] == [f"loyalty.{name}" for name in ALL]
    assert [spec.name for spec in Catalog("a-1.").specs()] == [f"a-1.{name}" for name in ALL]


def test_every_topic_has_the_same_partitions_and_says_what_it_carries() -> None:
    specs = Catalog(partitions=12).specs()
    assert {spec.partitions for spec in specs} == {12}
    assert [spec.name for spec in specs if not (spec.key and spec.value and spec.description)] == []


@pytest.mark.parametrize(
    ("topics", "config"),
    [
        (ALL[:5], {"cleanup.policy": "delete", "retention.ms": "604800000"}),
        (ALL[5:7], {"cleanup.policy": "delete", "retention.ms": "-1", "max.message.bytes": "8388608"}),
        (ALL[7:13], {"cleanup.policy": "delete", "retention.ms": "2592000000"}),
        (
            ["state"],
            {
                "cleanup.policy": "compact",
                "segment.bytes": "16777216",
                "min.cleanable.dirty.ratio": "0.1",
                "max.message.bytes": "8388608",
            },
        ),
        (["programs", "settings", "owners"], {"cleanup.policy": "compact"}),
        (
            ["keys"],
            {"cleanup.policy": "compact", "max.compaction.lag.ms": "86400000", "delete.retention.ms": "86400000"},
        ),
        (
            ["deadletters"],
            {"cleanup.policy": "delete", "retention.ms": "2592000000", "max.message.bytes": "2097152"},
        ),
    ],
    ids=["inputs", "truth", "notifications", "state", "catalogs", "keys", "dead letters"],
)
def test_a_topic_is_kept_as_long_as_its_use_asks(topics: list[str], config: dict[str, str]) -> None:
    catalog = Catalog()
    assert [dict(existing(catalog)[catalog.name(topic)].config) for topic in topics] == [config] * len(topics)


def test_a_name_that_is_no_topic_is_an_error() -> None:
    with pytest.raises(KeyError):
        Catalog().name("transaction")


def test_inputs_and_notifications_are_named_by_what_they_carry() -> None:
    catalog = Catalog("x.")
    assert catalog.inputs == tuple(f"x.{name}" for name in ALL[:5])
    assert catalog.notifications == tuple(f"x.{name}" for name in ALL[7:13])


def test_a_log_that_has_what_the_catalog_asks_has_no_defects() -> None:
    catalog = Catalog()
    other = Spec("other", 1, {"cleanup.policy": "compact"}, "", "", "")
    known_to_the_broker = {
        name: spec._replace(config={**spec.config, "compression.type": "producer"})
        for name, spec in existing(catalog).items()
    }
    assert defects(catalog, {**known_to_the_broker, "other": other}) == []


def test_a_log_that_knows_no_configuration_is_only_asked_for_partitions() -> None:
    catalog = Catalog()
    assert defects(catalog, {name: spec._replace(config={}) for name, spec in existing(catalog).items()}) == []


def test_what_differs_is_named_with_what_to_do() -> None:
    catalog = Catalog()
    log = existing(catalog)
    del log["loyalty.events"]
    log["loyalty.journal"] = log["loyalty.journal"]._replace(
        partitions=8, config={"cleanup.policy": "delete", "retention.ms": "604800000"}
    )
    log["loyalty.state"] = log["loyalty.state"]._replace(config={"cleanup.policy": "delete"})
    alter = "kafka-configs.sh --alter --entity-type topics --entity-name"
    assert defects(catalog, log) == [
        Defect("loyalty.events", "missing", "run `accrue topics create`"),
        Defect(
            "loyalty.journal",
            "has 8 partitions, not 4",
            "set the partition count to 8 if all topics have that many, else use a new prefix",
        ),
        Defect(
            "loyalty.journal",
            "has retention.ms=604800000, not -1",
            f"{alter} loyalty.journal --add-config retention.ms=-1",
        ),
        Defect(
            "loyalty.state",
            "has cleanup.policy=delete, not compact",
            f"{alter} loyalty.state --add-config cleanup.policy=compact",
        ),
    ]
