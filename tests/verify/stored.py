"""The sink of a workshop."""

from __future__ import annotations

from typing import Final

from sinks.clickhouse.sink import SinkSettings
from tests.runtime.workshop import Workshop
from tests.sinks.running import settings

SINK: Final = "v.accrue.sink"
"""The group of the sink, in a workshop with the prefix `v.`."""


def sink_settings(workshop: Workshop) -> SinkSettings:
    """It reads the topics of the workshop."""
    catalog = workshop.catalog
    return settings(
        group=f"{workshop.settings.group}.sink",
        journal=catalog.name("journal"),
        facts=catalog.name("facts"),
        state=catalog.name("state"),
        notifications=catalog.notifications,
        replies=(catalog.name("replies"),),
    )
