"""Personal data: sealed before it gets into the journal, where the org wants that.

RULE: personal is all that a profile says, but for the type of loyalty, the channel, and the time zone, by which
programs may date records. The content's digest is made one that nobody can guess the content from.
"""

from __future__ import annotations

from typing import Final

import msgspec

from pipeline.engine.dates import ZONE_FIELD
from pipeline.intake.org_settings import KnownOrg
from pipeline.intake.verdict import Limits
from pipeline.sealing import Keys, is_sealed
from schemas.records import CustomerAdded, CustomerRecord, CustomerUpdated, Profile, Record

_PERSONAL: Final = ("first_name", "last_name", "mobile", "email", "external_id")


def sealed(record: CustomerRecord, subject: int, limits: Limits, org: KnownOrg | None) -> CustomerRecord:
    """The record with what is personal in it sealed for a subject, if its org wants that.

    Of an erased customer nothing personal is taken.
    """
    keys = limits.keys
    if keys is None or org is None or org.org.personal_data != "sealed":
        return record
    if not isinstance(record, CustomerAdded | CustomerUpdated):
        return record
    return msgspec.structs.replace(
        record,
        profile=_sealed(record.profile, record.org_id, subject, keys),
        digest=keys.digest(record.org_id, record.digest),
    )


def is_readable(record: Record) -> bool:
    """Whether a record holds personal data that is not sealed."""
    if not isinstance(record, CustomerAdded | CustomerUpdated):
        return False
    texts = [getattr(record.profile, name) for name in _PERSONAL]
    texts += [value for name, value in record.profile.extended.items() if name != ZONE_FIELD]
    return any(text and not is_sealed(text.encode()) for text in texts)


def _sealed(profile: Profile, org_id: int, subject: int, keys: Keys) -> Profile:
    extended = {
        name: value if name == ZONE_FIELD else keys.seal(org_id, subject, value)
        for name, value in profile.extended.items()
    }
    return msgspec.structs.replace(
        profile,
        extended={name: value for name, value in extended.items() if value or not profile.extended[name]},
        **{name: keys.seal(org_id, subject, getattr(profile, name)) for name in _PERSONAL},
    )
