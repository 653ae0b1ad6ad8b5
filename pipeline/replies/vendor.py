"""Capillary's codes for reasons, of its points API and of behavioural events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from schemas.facts import Refusal

VENDOR_CODES: Final[Mapping[Refusal, int]] = {
    Refusal.POINTS_NOT_POSITIVE: 801,
    Refusal.BALANCE_TOO_LOW: 818,
    Refusal.BELOW_MINIMUM: 821,
    Refusal.CUSTOMER_FRAUD: 809,
    Refusal.LIFETIME_POINTS_TOO_LOW: 805,
    Refusal.LIFETIME_PURCHASES_TOO_LOW: 806,
    Refusal.NOT_A_MULTIPLE: 807,
    Refusal.ABOVE_MAXIMUM: 819,
    Refusal.REDEMPTION_UNKNOWN: 811,
    Refusal.REDEMPTION_REVERSED: 812,
    Refusal.REVERSAL_TOO_LARGE: 814,
}
"""By the status codes of Capillary's points API; reasons that the vendor has no number for are not here."""
REJECTION_CODES: Final[Mapping[str, int]] = {"INVALID_EVENT": 1802}
"""By reason of a dead letter (S1: "field attribute value fails for validation type isRequired")."""
TRANSFER_CODES: Final[Mapping[Refusal, int]] = {
    Refusal.RECEIVER_FRAUD: 414,
    Refusal.CUSTOMER_FRAUD: 415,
    Refusal.SAME_CUSTOMER: 418,
}
"""Of a transfer, where they are others than those of redemptions, as the status codes of Capillary's points API have
them: 414 is about the destination, 415 about the source, 418 about both being the same."""


def vendor_code(reason: Refusal, *, of_transfer: bool) -> int | None:
    """The vendor's number of a reason; None where it has none."""
    general = VENDOR_CODES.get(reason)
    return TRANSFER_CODES.get(reason, general) if of_transfer else general
