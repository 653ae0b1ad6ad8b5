"""The whole of the settings: what one file says, and what the topic holds at one offset."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from schemas.limits import AtMost, Misfit
from schemas.program.values import Definition
from schemas.settings.orgs import Org, Zone

InputTopic = Literal["transactions", "events", "customers", "commands"]
Dialect = Literal["native", "openloyalty", "voucherify", "capillary"]


class TopicSetting(Definition):
    """An input topic that another system writes to, in its own words."""

    name: InputTopic
    """Without the prefix."""
    dialect: Dialect = "native"
    """What messages are in that do not name another one by the header `accrue.dialect`."""
    org_id: Annotated[int | None, Field(ge=1, le=2**53)] = None
    """Whose messages they are, where the header `accrue.org` does not say so."""
    store: Annotated[str, Field(max_length=64)] = ""
    """The code of the store that they are of, where the header `accrue.store` names none."""
    entered_at_zone: Zone = "Asia/Kolkata"
    """The zone by which Capillary's `enteredAt` is encoded, whatever the zone of the store."""


class OrgSettings(Definition):
    """Everything about some orgs. A file says all about each org that it names, and nothing about the others."""

    orgs: Annotated[tuple[Org, ...], Field(min_length=1), AtMost(100)]
    topics: tuple[TopicSetting, ...] = ()
    """Input topics that other systems write to."""

    @field_validator("orgs")
    @classmethod
    def _each_org_once(cls, orgs: tuple[Org, ...]) -> tuple[Org, ...]:
        seen: set[int] = set()
        for index, org in enumerate(orgs):
            if org.org_id in seen:
                message = f"repeats the org {org.org_id}; write all about an org in one place"
                raise Misfit(message, index, "org_id")
            seen.add(org.org_id)
        return orgs

    @field_validator("topics")
    @classmethod
    def _each_topic_once(cls, topics: tuple[TopicSetting, ...]) -> tuple[TopicSetting, ...]:
        names = [topic.name for topic in topics]
        for index, name in enumerate(names):
            if name in names[:index]:
                message = (
                    f"repeats the topic {name}; give it one dialect, and name another by the header accrue.dialect"
                )
                raise Misfit(message, index, "name")
        return topics
