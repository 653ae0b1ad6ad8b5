"""The sink of a workshop."""

from __future__ import annotations

from typing import Final

from sinks.clickhouse.sink import SinkSettings
from tests.runtime.workshop import Workshop
from tests.sinks.running import settings

SINK: Final = "v.accrue.sink"


def sink_settings(workshop: Workshop) -> SinkSettings:
    """It reads the topics of the workshop, whose prefix is `v.`."""
    catalog = workshop.catalog
    return settings(
        group=SINK,
        journal=catalog.name("journal"),
        facts=catalog.name("facts"),
        state=catalog.name("state"),
        notifications=catalog.notifications,
        replies=(catalog.name("replies"),),
    )
