"""Every topic of Accrue as data: what it carries, how it is keyed, and how long it is kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, NamedTuple, Protocol


def _kept_for(time: timedelta) -> dict[str, str]:
    return {"cleanup.policy": "delete", "retention.ms": str(time // timedelta(milliseconds=1))}


_INPUT: Final = _kept_for(timedelta(days=7))
# What is known of one customer is one message of the changelog, and a tick may expire many lots of one: a busy account
# outgrows a broker's default of 1 MB. The engine's own bounds keep it below this.
_LARGE: Final = {"max.message.bytes": str(8 * 2**20)}
_FOR_EVER: Final = {"cleanup.policy": "delete", "retention.ms": "-1"} | _LARGE
_NOTIFICATION: Final = _kept_for(timedelta(days=30))
_COMPACT: Final = {"cleanup.policy": "compact"}
# Small segments and an early cleaner keep the changelog, which is read whole at a restore, near its live size.
_CHANGELOG: Final = _COMPACT | {"segment.bytes": str(16 * 2**20), "min.cleanable.dirty.ratio": "0.1"} | _LARGE
# An erased key must not lie about: cleaned within a day, however little is written.
_KEYS: Final = _COMPACT | {"max.compaction.lag.ms": "86400000", "delete.retention.ms": "86400000"}
# A dead letter is the original and its reasons, so it may be longer than the longest input of a broker's default.
_DEAD_LETTER: Final = _kept_for(timedelta(days=30)) | {"max.message.bytes": str(2 * 2**20)}

_CUSTOMER: Final = "orgId:customerId"
_NATIVE: Final = "native message, JSON"
_ENVELOPE: Final = "notification, JSON; header eventName"
_REPLY: Final = "reply, JSON"


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic, by its name without prefix."""

    name: str
    key: str
    """What its messages are keyed by."""
    value: str
    """What its messages carry."""
    config: Mapping[str, str] = field(hash=False)
    description: str


TOPICS: Final = (
    Topic("transactions", _CUSTOMER, _NATIVE, _INPUT, "Bills and returns from upstream; backfills pass time here too."),
    Topic("events", _CUSTOMER, _NATIVE, _INPUT, "Custom events from upstream."),
    Topic("customers", _CUSTOMER, _NATIVE, _INPUT, "New customers and changed profiles from upstream."),
    Topic("commands", _CUSTOMER, _NATIVE, _INPUT, "Commands, such as redemptions, adjustments and transfers."),
    Topic("gateway", _CUSTOMER, _NATIVE, _INPUT, "Messages of every type that came over HTTP."),
    Topic(
        "journal",
        _CUSTOMER,
        "record, msgpack",
        _FOR_EVER,
        "The truth: every accepted input, and what decisions ask of other customers, in one order.",
    ),
    Topic("facts", _CUSTOMER, "facts of one record, msgpack", _FOR_EVER, "What was decided."),
    Topic("notifications.points", _CUSTOMER, _ENVELOPE, _NOTIFICATION, "Points issued, redeemed, reversed, expired."),
    Topic("notifications.tiers", _CUSTOMER, _ENVELOPE, _NOTIFICATION, "Changes of tier."),
    Topic("notifications.milestones", _CUSTOMER, _ENVELOPE, _NOTIFICATION, "Progress and achievement of targets."),
    Topic(
        "notifications.streaks", _CUSTOMER, _ENVELOPE, _NOTIFICATION, "Streaks begun, levels reached, streaks ended."
    ),
    Topic(
        "notifications.customers", _CUSTOMER, _ENVELOPE, _NOTIFICATION, "Customers and transactions that were taken."
    ),
    Topic("notifications.rewards", _CUSTOMER, _ENVELOPE, _NOTIFICATION, "Notifications that fit nowhere else."),
    Topic(
        "replies",
        _CUSTOMER,
        _REPLY,
        _NOTIFICATION,
        "Answers to commands, and to messages that were refused or came before.",
    ),
    Topic(
        "state",
        "orgId:customerId[#kind:id], $partition, $program:…",
        "state entry, msgpack",
        _CHANGELOG,
        "The changelog that a worker's state is restored from; partitioned as the journal.",
    ),
    Topic(
        "programs", "orgId/programId/version", "program version, JSON", _COMPACT, "The catalog of programs, to be read."
    ),
    Topic(
        "settings",
        "org:…, store:…, event:…",
        "part of the settings, JSON",
        _COMPACT,
        "Orgs with their stores and events, all in partition 0, so that one offset is one version of all of it.",
    ),
    Topic(
        "owners",
        "partition",
        "address of a gateway, JSON",
        _COMPACT,
        "Whose gateway is asked about a partition, all in partition 0. Let nobody but Accrue write it.",
    ),
    Topic(
        "keys",
        "orgId:path",
        "secret, 32 bytes",
        _KEYS,
        "The secrets that personal data is sealed with, all in partition 0. Let nobody but Accrue read it.",
    ),
    Topic(
        "deadletters",
        "as it came",
        "as it came; reason in headers",
        _DEAD_LETTER,
        "Unreadable messages, and marks of those sent again.",
    ),
)


class Spec(NamedTuple):
    """The configuration that a topic must have in the log."""

    name: str
    """The full name, prefix included."""
    partitions: int
    config: Mapping[str, str]
    key: str
    value: str
    description: str


class Described(Protocol):
    """An existing topic, as the log reports it."""

    @property
    def partitions(self) -> int:
        """How many partitions it has."""

    @property
    def config(self) -> Mapping[str, str]:
        """Its configuration, as far as the log knows it."""


@dataclass(frozen=True, slots=True)
class Catalog:
    """The topics under one prefix, all with the same number of partitions, which is fixed for life."""

    prefix: str = "loyalty."
    partitions: int = 4

    def name(self, topic: str) -> str:
        """The full name of a topic; raises `KeyError` for one that is not in the catalog."""
        return self.prefix + _BY_NAME[topic].name

    @property
    def inputs(self) -> tuple[str, ...]:
        """The full names of the topics that intake reads."""
        return tuple(self.prefix + topic.name for topic in TOPICS if topic.value == _NATIVE)

    @property
    def notifications(self) -> tuple[str, ...]:
        """The full names of the topics that downstream systems read."""
        return tuple(self.prefix + topic.name for topic in TOPICS if topic.value == _ENVELOPE)

    def specs(self) -> tuple[Spec, ...]:
        """Every topic, in the order of the catalog."""
        return tuple(
            Spec(self.prefix + topic.name, self.partitions, topic.config, topic.key, topic.value, topic.description)
            for topic in TOPICS
        )


_BY_NAME: Final = {topic.name: topic for topic in TOPICS}


class Defect(NamedTuple):
    """One deviation of a topic from the catalog."""

    topic: str
    problem: str
    remedy: str


def defects(catalog: Catalog, described: Mapping[str, Described]) -> list[Defect]:
    """Compares the existing topics with the catalog, by full name; returns the problems.

    Of the configuration only what the log knows is compared.
    """
    found: list[Defect] = []
    for spec in catalog.specs():
        topic = described.get(spec.name)
        if topic is None:
            found.append(Defect(spec.name, "missing", "run `accrue topics create`"))
            continue
        if topic.partitions != spec.partitions:
            problem = f"has {topic.partitions} partitions, not {spec.partitions}"
            # A key's partition follows from the count, so adding partitions would tear customers apart.
            remedy = (
                f"set the partition count to {topic.partitions} if all topics have that many, else use a new prefix"
            )
            found.append(Defect(spec.name, problem, remedy))
        found += [
            Defect(
                spec.name,
                f"has {key}={topic.config[key]}, not {wanted}",
                f"kafka-configs.sh --alter --entity-type topics --entity-name {spec.name} --add-config {key}={wanted}",
            )
            for key, wanted in spec.config.items()
            if topic.config.get(key, wanted) != wanted
        ]
    return found


def in_lines(found: Iterable[Defect]) -> Iterator[str]:
    """A line for each problem with its remedy, which names all the topics that have it."""
    topics: dict[tuple[str, str], list[str]] = {}
    for defect in found:
        topics.setdefault((defect.problem, defect.remedy), []).append(defect.topic)
    for (problem, remedy), names in topics.items():
        yield f"{', '.join(names)}: {problem}; {remedy}"
