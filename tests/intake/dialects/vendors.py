"""Messages of other systems, for the tests of their dialects."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pipeline.intake.dialects.registry import read
from pipeline.intake.org_settings import KnownOrg, known
from pipeline.intake.verdict import Accepted, Rejected
from schemas.records import CustomerRecord
from schemas.settings import Org, Store, TopicSetting
from tests.intake.incoming import LIMITS, WALL, Sent

STORE = Store(code="DEFAULT", zone="Europe/Warsaw", currency="PLN", country="PL")
ORG = Org(org_id=100, name="Cafe", zone="Europe/London", currency="GBP", country="GB", stores=(STORE,))
ORGS = {100: known(ORG)}


def verdict(
    dialect: str,
    body: object,
    *,
    store: str = "",
    org: str = "100",
    orgs: Mapping[int, KnownOrg] = ORGS,
    **headers: str,
) -> Accepted | Rejected:
    named = {"accrue.dialect": dialect, "accrue.org": org, "accrue.store": store}
    named |= {f"accrue.{name}": value for name, value in headers.items()}
    value = body if isinstance(body, bytes) else json.dumps(body).encode()
    message = Sent(value, headers=tuple((name, value.encode()) for name, value in named.items() if value))
    return read(message, wall=WALL, limits=LIMITS._replace(orgs=orgs))


def record(dialect: str, body: object, **options: Any) -> Any:
    """The record of a message that is accepted."""
    accepted = verdict(dialect, body, **options)
    assert isinstance(accepted, Accepted), accepted
    assert isinstance(accepted.record, CustomerRecord)
    return accepted.record


def rejected(dialect: str, body: object, **options: Any) -> tuple[str, list[str]]:
    """The reason and the defects of a message that is not."""
    found = verdict(dialect, body, **options)
    assert isinstance(found, Rejected), found
    return found.reason.value, [f"{one.path} {one.problem}; {one.remedy}".strip() for one in found.defects]


def topic(name: str, **setting: Any) -> TopicSetting:
    return TopicSetting(name=name, **setting)  # type: ignore[arg-type]
