"""What customers ask for one another."""

from __future__ import annotations

from schemas.messages.message import CustomerMessage
from schemas.messages.values import Identity, MaybePointsName, PointsAbove, Program


class TransferPoints(CustomerMessage, frozen=True, kw_only=True):
    """A customer gives points to another one; the id is the transfer's id."""

    to_customer_id: Identity
    program_id: Program
    points: PointsAbove
    currency: MaybePointsName = ""
    """The points of the program where it is left out."""
