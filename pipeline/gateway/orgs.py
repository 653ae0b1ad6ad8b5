"""The org and the program that a request is about."""

from __future__ import annotations

from aiohttp import web

from pipeline.gateway.desk import Desk
from pipeline.gateway.outbox import NotNow
from pipeline.gateway.requests import Misread
from pipeline.gateway.tables import Tables
from schemas.program import ProgramDefinition
from schemas.settings import Org


def org_read(desk: Desk, request: web.Request) -> Org:
    """The settings of the org of a key for `read`, which must have the store.

    Raises `NotAllowed`, `NotNow`, `Misread` and 404.
    """
    if not desk.answers.fresh():
        message = "the settings may have changed, and cannot be read"
        raise NotNow(message)
    key = desk.key(request, "read")
    known = desk.follower.orgs.get(key.org_id)
    if known is None:
        message = f"org {key.org_id} has no settings; an operator makes them with `accrue settings apply`"
        raise Misread(message)
    if request.match_info["store"] not in known.stores:
        raise web.HTTPNotFound(reason="the org has no such store")
    return known.org


async def program_in_force(tables: Tables, org: Org) -> ProgramDefinition | None:
    """The org's default program, else that of lowest number; None where it has none. Raises `NotNow`."""
    found = await tables.rows(
        "SELECT definition FROM programs_in_force WHERE org_id = {org:Int64} ORDER BY program_id", org=org.org_id
    )
    programs = [ProgramDefinition.model_validate_json(row["definition"]) for row in found]
    return next((one for one in programs if one.default), programs[0] if programs else None)
