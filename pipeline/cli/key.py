"""`accrue key`: the keys that let other systems use the gateway."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable

import click

from pipeline.cli.output import json_option, placed, print_json, print_table
from pipeline.cli.place import Place, Unusable
from pipeline.cli.printing import say
from pipeline.cli.settings_topic import access_keys_now, put_access_key
from pipeline.gateway.access import digest_of, written
from pipeline.log.port import Log
from pipeline.replies.replies import iso
from schemas.settings import SCOPES, AccessKey, Scope


@click.group()
def key() -> None:
    """Say who may send messages and ask questions over HTTP.

    \b
    Example:
      accrue key create --org 100 --scope produce --label tills
      accrue key list
      accrue key revoke 0123456789ab
    """


@key.command()
@click.option("--org", type=click.IntRange(min=1), required=True, help="Whose messages and customers it is for.")
@click.option(
    "--scope", "scopes", type=click.Choice(SCOPES), multiple=True, required=True, help="What it is good for; again."
)
@click.option("--label", default="", help="Whose key it is, for people.")
@placed
@json_option
def create(org: int, scopes: tuple[Scope, ...], label: str, place: Place, *, as_json: bool) -> None:
    """Make an access key, and print it: it is shown this once only.

    \b
    Example:
      accrue key create --org 100 --scope produce --scope read --label tills
    """
    with place.log(create=True) as log:
        token = new_access_key(place, log, org, scopes, label)
    if as_json:
        print_json({"key": token})
    else:
        say(token)
        say(f"This key of org {org} is shown this once. Gateways take it within a second.", err=True)


def new_access_key(place: Place, log: Log, org: int, scopes: Iterable[Scope], label: str) -> str:
    """Make an access key; returns it as its holder sends it, which is known nowhere else."""
    secret = secrets.token_urlsafe(32)
    made = AccessKey(
        key_id=secrets.token_hex(6),
        org_id=org,
        scopes=tuple(dict.fromkeys(scopes)),
        label=label,
        secret_sha256=digest_of(secret),
        created_at=time.time_ns() // 1_000_000,
    )
    put_access_key(place, log, made)
    return written(made.key_id, secret)


@key.command("list")
@placed
@json_option
def list_keys(place: Place, *, as_json: bool) -> None:
    """List the access keys, without their secrets.

    \b
    Example:
      accrue key list
    """
    with place.log() as log:
        keys = sorted(access_keys_now(place, log).values(), key=lambda one: (one.org_id, one.created_at))
    if as_json:
        print_json([one.model_dump(mode="json", exclude={"secret_sha256"}) for one in keys])
        return
    rows = [
        (one.key_id, one.org_id, ", ".join(one.scopes), one.label, iso(one.created_at), "yes" if one.revoked else "")
        for one in keys
    ]
    print_table("Access keys", ("key", "org", "good for", "label", "made", "revoked"), rows)


@key.command()
@click.argument("key_id")
@placed
@json_option
def revoke(key_id: str, place: Place, *, as_json: bool) -> None:
    """End an access key. Gateways refuse it within a second, for good.

    \b
    Example:
      accrue key revoke 0123456789ab
    """
    with place.log() as log:
        known = access_keys_now(place, log).get(key_id)
        if known is None:
            message = f"there is no access key {key_id}; `accrue key list` shows those that are"
            raise Unusable(message)
        put_access_key(place, log, known.model_copy(update={"revoked": True}))
    if as_json:
        print_json({"revoked": key_id})
    else:
        say(f"the key {key_id} of org {known.org_id} is revoked")
