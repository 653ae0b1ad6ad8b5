"""The whole of the settings: what one file says, and what the topic holds at one offset."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from schemas.limits import AtMost, Misfit
from schemas.program.values import Definition
from schemas.settings.orgs import Org


class OrgSettings(Definition):
    """Everything about some orgs. A file says all about each org that it names, and nothing about the others."""

    orgs: Annotated[tuple[Org, ...], Field(min_length=1), AtMost(100)]

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
