"""Where a customer stands, as `accrue try` shows it: one form for both."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from pipeline.engine.state import CustomerState
from pipeline.runtime.roles.questions import Standing
from pipeline.trial.reader import customer_row
from pipeline.trial.times import iso
from schemas.messages import ProfileMessage

_NAMES: Final = {field.name: field.encode_name for field in msgspec.structs.fields(ProfileMessage)}
"""Fields of a profile as messages call them."""


def customer_view(standing: Standing) -> dict[str, Any]:
    """The customer in each program; records that wait for others are left out, as they lie apart."""
    head = standing.head
    row: dict[str, Any] = msgspec.to_builtins(
        customer_row(CustomerState(head, {}), standing.definitions, standing.as_of)
    )
    del row["parked"]
    profile = {_NAMES[name]: value for name, value in msgspec.structs.asdict(head.profile).items() if value}
    return {
        "orgId": head.org_id,
        "customerId": head.customer_id,
        "asOf": iso(standing.as_of),
        "source": "state",
        "profile": profile,
        **row,
    }
