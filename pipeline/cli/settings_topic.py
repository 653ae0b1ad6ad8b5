"""What a settings file makes of the settings topic."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence

from pipeline.cli.place import Place
from pipeline.cli.program_problem import InvalidProgram, Problem
from pipeline.intake.org_settings import access_keys_in, entries_of, entry_of, org_of, orgs_in, topic_entry, topics_in
from pipeline.log.port import Log
from pipeline.runtime.roles.identity_key import check_key
from pipeline.runtime.roles.settings_writer import Change, read_settings, write_keys, write_settings
from pipeline.sealing import SECRET_BYTES, Keys, root_of
from schemas.settings import AccessKey, Org, OrgSettings, TopicSetting
from schemas.settings.succession import breaches


def orgs_now(place: Place, log: Log) -> dict[int, Org]:
    """The orgs as the settings topic has them, by id."""
    return orgs_in(read_settings(log, place.settings))


def identifying_orgs_now(place: Place, log: Log) -> dict[int, Org]:
    """The same, for who looks up identifiers: raises `OtherIdentityKey` where they are hashed with another key."""
    entries = read_settings(log, place.settings)
    check_key(place.settings, entries)
    return orgs_in(entries)


def topics_now(place: Place, log: Log) -> dict[str, TopicSetting]:
    """The settings of input topics as the settings topic has them, by name."""
    return topics_in(read_settings(log, place.settings))


def changes_by(place: Place, log: Log, wanted: OrgSettings) -> tuple[list[Change], list[Problem]]:
    """What a file would change, and why it may not."""
    entries = read_settings(log, place.settings)
    return _changes(entries, wanted), problems_after(orgs_in(entries), wanted)


def apply(place: Place, log: Log, wanted: OrgSettings) -> Sequence[Change]:
    """Make the topic say what the file says about its orgs, in one transaction; what was changed.

    Before that, each org that seals personal data gets a key, if it has none.
    Raises `InvalidProgram` for settings that may not follow those that are there.
    """
    sealing = [org.org_id for org in wanted.orgs if org.personal_data == "sealed"]
    if sealing:
        write_keys(log, place.settings, lambda known: _missing_keys(known, sealing))

    def changes(entries: Mapping[bytes, bytes]) -> list[Change]:
        problems = problems_after(orgs_in(entries), wanted)
        if problems:
            raise InvalidProgram(problems)
        return _changes(entries, wanted)

    return write_settings(log, place.settings, changes)


def access_keys_now(place: Place, log: Log) -> dict[str, AccessKey]:
    """The access keys as the settings topic has them, by key id."""
    return access_keys_in(read_settings(log, place.settings))


def put_access_key(place: Place, log: Log, key: AccessKey) -> None:
    """Write an access key, new or changed."""
    name, value = entry_of(key)
    write_settings(log, place.settings, lambda entries: [Change(name, entries.get(name), value)])


def problems_after(before: Mapping[int, Org], wanted: OrgSettings) -> list[Problem]:
    """Why settings may not follow those that are there, as mistakes in their file."""
    return [
        Problem(path=f"orgs[{place}].{breach.path}", line=None, wrong=breach.problem, right=breach.remedy)
        for place, org in enumerate(wanted.orgs)
        if org.org_id in before
        for breach in breaches(before[org.org_id], org)
    ]


def _missing_keys(known: Mapping[bytes, bytes], orgs: Sequence[int]) -> dict[bytes, bytes | None]:
    keys = Keys(known)
    return {root_of(org_id): secrets.token_bytes(SECRET_BYTES) for org_id in orgs if not keys.has(org_id)}


def _changes(entries: Mapping[bytes, bytes], wanted: OrgSettings) -> list[Change]:
    named = {org.org_id for org in wanted.orgs}
    after = {key: value for org in wanted.orgs for key, value in entries_of(org).items()}
    after |= dict(map(topic_entry, wanted.topics))
    gone = [key for key in entries if org_of(key) in named and key not in after]
    return [
        Change(key, entries.get(key), after.get(key)) for key in (*after, *gone) if entries.get(key) != after.get(key)
    ]
