"""Who customers are."""

from __future__ import annotations

import msgspec

from schemas.records.bills import Site
from schemas.records.record import CommandRecord, CustomerRecord


class Profile(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What is known of a person. An empty string means unknown (in an update: unchanged)."""

    first_name: str = ""
    last_name: str = ""
    mobile: str = ""
    email: str = ""
    external_id: str = ""
    loyalty_type: str = ""
    channel: str = ""
    """Where the customer came from, such as `INSTORE`."""
    extended: dict[str, str] = {}


class CustomerAdded(CustomerRecord, frozen=True):
    """A customer joined."""

    profile: Profile
    store: str = ""
    """Where it was entered; empty where no store is named."""
    till: str = ""
    site: Site | None = None
    """None where the settings do not know the store."""
    entered_by: str = ""
    """Who entered it; empty where nobody is named."""


class CustomerUpdated(CustomerRecord, frozen=True):
    """Parts of a customer's profile changed."""

    profile: Profile
    clear: tuple[str, ...] = ()
    """Fields of the profile that are unknown from now on, extended ones as `extended.NAME`."""
    store: str = ""
    """Where it was entered; empty where no store is named."""
    till: str = ""
    site: Site | None = None
    """None where the settings do not know the store."""
    entered_by: str = ""
    """Who entered it; empty where nobody is named."""


class CustomerStatus(CommandRecord, frozen=True):
    """Somebody says what a customer may do."""

    status: str
    """`ACTIVE`, `INACTIVE`, `BLOCKED` or `FRAUD`."""
    reason: str
    entered_by: str = ""
