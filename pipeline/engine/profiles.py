"""Profiles by field: which write of a field stands, whatever order the writes come in.

RULE (newest write): each field has the value of its write with the newest event time; of two with the same time, the
one that came later. A cleared field was written, too: an older write does not bring its value back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

import msgspec

from pipeline.engine.state import Head
from schemas.records import Profile

NO_PROFILE: Final = Profile()
_EXTENDED: Final = "extended."
_NEVER_WRITTEN: Final = -1

Writes = Mapping[str, str | None]
"""Values by field, extended ones as `extended.NAME`; None clears."""


def fields_of(profile: Profile) -> dict[str, str]:
    """The fields that are known."""
    known = {name: value for name, value in msgspec.structs.asdict(profile).items() if name != "extended" and value}
    return known | {_EXTENDED + name: value for name, value in profile.extended.items()}


def profile_of(fields: Writes) -> Profile:
    """The profile with these fields."""
    extended: dict[str, str] = {}
    parts: dict[str, Any] = {"extended": extended}
    for name, value in fields.items():
        if value is not None:
            if name.startswith(_EXTENDED):
                extended[name.removeprefix(_EXTENDED)] = value
            else:
                parts[name] = value
    return Profile(**parts)


def standing(head: Head, writes: Writes, at: int) -> dict[str, str | None]:
    """The writes of the time `at` that stand: those of fields without a newer one."""
    known = fields_of(head.profile)
    return {
        name: value
        for name, value in writes.items()
        if at >= head.field_times.get(name, head.profile_at if name in known else _NEVER_WRITTEN)
    }


def cleared_extended(head: Head, writes: Writes) -> int:
    """How many extended fields are kept only because they were cleared, once these writes stand."""
    known = fields_of(head.profile)
    names = {name for name in head.field_times if name not in known} - {name for name in writes if writes[name]}
    return sum(name.startswith(_EXTENDED) for name in names | {name for name in writes if writes[name] is None})


def note_writes(head: Head, profile: Profile, names: Iterable[str], at: int) -> None:
    """The profile stands, and these fields were written at `at`; the time that most fields share is kept once.

    No record from before the horizon is accepted, so of writes before it the time makes no difference any more.
    """
    written = frozenset(names)
    known = fields_of(profile)
    before = {name: head.field_times.get(name, head.profile_at) for name in fields_of(head.profile)} | head.field_times
    after = {name: at if name in written else before.get(name, at) for name in (*known, *(written | set(before)))}
    recent = {name: time if time >= head.horizon else 0 for name, time in after.items()}
    shared = _most_common(recent[name] for name in known)
    head.profile = profile
    head.profile_at = shared
    head.field_times = {
        name: time for name, time in sorted(recent.items()) if (time != shared if name in known else time)
    }


def _most_common(times: Iterable[int]) -> int:
    counted = Counter(times)
    return max(counted, key=lambda time: (counted[time], time), default=0)


def changed_fields(before: Profile, after: Profile) -> tuple[str, ...]:
    """The names of the fields of `Profile` that differ."""
    names: Collection[str] = Profile.__struct_fields__
    return tuple(name for name in names if getattr(before, name) != getattr(after, name))
