"""Two customers who are one person."""

from __future__ import annotations

from schemas.messages.message import CustomerMessage
from schemas.messages.values import Identity


class MergeCustomers(CustomerMessage, frozen=True, kw_only=True):
    """This customer gets all that another one has, whose messages are this customer's from then on."""

    victim_customer_id: Identity
    """Who is a customer no longer."""
