"""Whom ids and identifiers in a request name."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.gateway.desk import Desk
from pipeline.gateway.requests import Sender
from pipeline.intake.dialects.naming import NOBODY
from pipeline.intake.dialects.vendor_ids import customer_of
from pipeline.intake.identifiers import known_by


async def known_person(desk: Desk, sender: Sender, store: str, named: Mapping[str, str]) -> int | None:
    """The customer whom `customerId`, or identifiers by type, name here; None for nobody.

    An id of ours decides; another system's is an identifier. Of identifiers the first decides, in the org's order.
    Raises `NotNow` and `Unanswered`.
    """
    own = named.get("customerId", "")
    customer_id = customer_of(own)
    org, key = sender.limits.orgs.get(sender.org_id), sender.limits.identity_key
    if customer_id is not None or org is None or key is None:
        return customer_id
    identifiers = known_by({**named, "userId": own}, org, store, key)
    if not identifiers:
        return None
    return await desk.ask(sender.org_id, NOBODY, lambda known: known.named_by(sender.org_id, identifiers))
