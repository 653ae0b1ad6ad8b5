"""Requests: records that decisions about one customer lead to for another, whichever partition that one is in.

A request is a function of the decision, its envelope and the place of the journal record that was decided: whoever
decides that record again gets the same one, to compare with what the journal has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any

from msgspec.structs import replace

from pipeline.engine.kernel.concern import Ask
from schemas.facts import Decision, Envelope, Group
from schemas.records import ForwardRecord, Request

_ID_BYTES = 16
_DIGEST_BYTES = 6


def requests_of(
    customer: tuple[int, int],
    groups: Iterable[Group],
    asks: Mapping[type[Decision], Ask],
    *,
    source: str,
    offset: int,
    was_held: bool = False,
) -> list[Request]:
    """What decisions about `customer` (org and customer id) ask of others, in order.

    `source` and `offset` are the place of the journal record that was decided; `was_held`: whether it has waited until
    its customer was known, which whoever it is passed on to has to know.
    """
    requests: list[Request] = []
    places: dict[str, int] = {}
    for group in groups:
        for decision in group.decisions:
            ask = asks.get(type(decision))
            if ask is not None:
                cause = group.envelope.cause
                place = places[cause] = places.get(cause, -1) + 1
                stated = _stated(customer, group.envelope, place)
                request = ask(decision, group.envelope, {**stated, "source": source, "offset": offset})
                if was_held and isinstance(request, ForwardRecord):
                    request = replace(request, was_held=True)
                requests.append(request)
    return requests


def _stated(customer: tuple[int, int], envelope: Envelope, place: int) -> dict[str, Any]:
    """The id tells a request from every other one: by who sends it, for which cause, and its place in that cause."""
    org_id, customer_id = customer
    named = f"{org_id}:{customer_id}:{place}:{envelope.at}:{envelope.cause}"
    hashed = blake2b(named.encode(), digest_size=_ID_BYTES)
    return {
        "received_at": envelope.as_of,
        "org_id": org_id,
        "id": hashed.hexdigest(),
        "digest": int.from_bytes(hashed.digest()[:_DIGEST_BYTES], "big"),
        "event_time": envelope.at,
        "sender_id": customer_id,
        "via": envelope.via or f"{customer_id}:{envelope.at}:{envelope.cause}",
    }
