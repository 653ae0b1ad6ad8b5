"""The records that intake makes of Capillary's published samples, as files.

`python -m tests.intake.dialects.golden` writes them again: read the difference.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import msgspec

from pipeline.intake.org_settings import known
from pipeline.intake.verdict import Accepted
from schemas.settings import Org
from tests.intake.dialects import vendors
from tests.notify.seed_samples import published

GOLDEN: Final = Path(__file__).parent / "golden"
SAMPLES: Final = ("customerAdded", "customerUpdated", "transactionAdded", "transactionUpdated")
_ORGS: Final = (
    Org(
        org_id=150698,
        name="Mothercare",
        zone="Asia/Makassar",
        currency="IDR",
        country="ID",
        identifiers=("mobile", "email", "externalId", "cardNumber", "cuid", "wechat"),
    ),
    Org(org_id=150117, name="VH", zone="Asia/Kolkata", currency="INR", country="IN"),
    Org(
        org_id=151195,
        name="Shell",
        zone="Asia/Jakarta",
        currency="IDR",
        country="ID",
        identifiers=("mobile", "email", "externalId", "cuid", "wechat"),
    ),
    Org(org_id=151229, name="Mall", zone="Asia/Singapore", currency="MYR", country="MY"),
)
ORGS: Final = {org.org_id: known(org) for org in _ORGS}
"""The orgs of the samples."""


def accepted(body: object) -> Accepted:
    """The verdict on a message that is right."""
    verdict = vendors.verdict("capillary", body, org="", orgs=ORGS)
    assert isinstance(verdict, Accepted), verdict
    return verdict


def told(sample: str) -> str:
    """The record of a sample as it is published, page breaks and all, and what it says to the org itself."""
    verdict = accepted(published(sample).encode())
    parts = {"record": verdict.record, "identifiers": verdict.links}
    named = {name: _named(part) for name, part in parts.items() if part is not None}
    return msgspec.json.format(msgspec.json.encode(named), indent=2).decode() + "\n"


def path_of(sample: str) -> Path:
    """Where the golden file of a sample is."""
    return GOLDEN / f"capillary-{sample}.json"


def _named(value: Any) -> Any:
    """Structs with the names of their fields, but for those that say nothing."""
    if isinstance(value, msgspec.Struct):
        fields = {name: _named(one) for name, one in msgspec.structs.asdict(value).items()}
        return {"type": type(value).__name__} | {name: one for name, one in fields.items() if one not in ("", (), None)}
    return [_named(one) for one in value] if isinstance(value, tuple) else value


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for name in SAMPLES:
        path_of(name).write_text(told(name))
