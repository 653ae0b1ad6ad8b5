"""A history that a worker has decided, and ways to damage what it wrote."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pipeline.log.embedded import FILE_NAME
from pipeline.log.logfile import LogFile
from pipeline.log.port import Message, Partition
from pipeline.verify.log import verify_log
from pipeline.verify.report import Finding, Report
from tests.runtime.workshop import Workshop

Damage = Callable[[list[Message]], list[Message]]
"""What becomes of the messages of one partition."""


class Nobody:
    """Watches nothing."""

    def stage(self, name: str, total: int) -> None:
        pass

    def step(self, count: int) -> None:
        pass


def verified(workshop: Workshop, *numbers: int) -> Report:
    report = Report(findings_max=20)
    group = f"{workshop.settings.group}.loyalty"
    verify_log(workshop.log, workshop.catalog, group, numbers or (0, 1), 0.0, report, Nobody())
    return report


def found(report: Report) -> list[tuple[str, str, str]]:
    """Check, place and what, as plain text."""
    return [(str(check), where, what) for check, where, what in report.findings]


def damage(log_folder: Path, partition: Partition, change: Damage) -> None:
    """Write a partition of an embedded log anew, changed; its messages are numbered from 0 without gaps."""
    file = LogFile((log_folder / FILE_NAME).resolve())
    place = file.place(partition)
    messages = [
        Message(*partition, offset, *message)
        for first, _, batch in file.batches(place, 0)
        for offset, message in enumerate(batch, first)
    ]
    with file.writing(10.0, "damage") as connection:
        connection.execute("DELETE FROM batches WHERE topic_id = ? AND partition = ?", place)
        file.append(place, [one[3:] for one in change(messages)], control_records=0)
    file.close()


def without(index: int) -> Damage:
    return lambda messages: messages[:index] + messages[index + 1 :]


def twice(index: int) -> Damage:
    return lambda messages: messages[: index + 1] + messages[index:]


def swapped(index: int) -> Damage:
    return lambda messages: [*messages[:index], messages[index + 1], messages[index], *messages[index + 2 :]]


def changed(index: int, change: Callable[[Message], Message]) -> Damage:
    return lambda messages: [*messages[:index], change(messages[index]), *messages[index + 1 :]]


def added(*more: Message) -> Damage:
    return lambda messages: [*messages, *more]


def only(check: str, report: Report) -> list[Finding]:
    return [one for one in report.findings if one.check == check]
