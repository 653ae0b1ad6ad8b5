"""Entries of redemptions: what was taken by each that can still be taken back, and which of them paid for a bill."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import msgspec

from pipeline.engine.ledger.state import Lot

if TYPE_CHECKING:
    from pipeline.engine.state import CustomerState


class Redemption(msgspec.Struct, array_like=True, gc=False, tag=30):
    """A redemption that can still be taken back: the entry `redemption:<id>`."""

    forgotten_at: int
    """When the entry may be deleted; decisions go by `reversible_until`, never by whether it is there."""
    reversible_until: int
    program_id: int
    currency: str
    points: int
    value_minor: int
    redeemed_at: int
    parts: list[Lot]
    """What has not been taken back, in the order in which lots were taken, each part with the terms of its lot."""
    bill_number: str = ""
    """The bill that it paid for; empty for none."""

    @property
    def left(self) -> int:
        """How many points have not been taken back."""
        return sum(part.open_points for part in self.parts)

    def is_reversible(self, program_id: int, at: int) -> bool:
        """Whether the program may take it back at that instant."""
        return self.program_id == program_id and self.redeemed_at <= at < self.reversible_until


class Payment(msgspec.Struct, array_like=True, gc=False, tag=31):
    """The redemptions that name one bill: the entry `payment:<bill number>`."""

    forgotten_at: int
    redemptions: list[str] = []
    """Their ids, each once, in the order in which they came; one may be that of a later redemption by now."""
    basis_minor: int = 0
    """The most that the bill came to before an update left less of it; 0 without one."""


def find_redemption(state: CustomerState, redemption_id: str) -> Redemption | None:
    """The redemption of that id, if it is kept."""
    return cast("Redemption | None", state.entries.get(redemption_of(redemption_id)))


def kept_redemption(state: CustomerState, redemption_id: str) -> Redemption:
    """The redemption of a decision that is about a kept one."""
    return cast("Redemption", state.entries[redemption_of(redemption_id)])


def find_payment(state: CustomerState, bill_number: str) -> Payment | None:
    """The redemptions that name that bill, if any are kept."""
    return cast("Payment | None", state.entries.get(payment_of(bill_number)))


def redemption_of(redemption_id: str) -> str:
    """The name of a redemption's entry."""
    return f"redemption:{redemption_id}"


def payment_of(bill_number: str) -> str:
    """The name of the entry of the redemptions that name a bill."""
    return f"payment:{bill_number}"
