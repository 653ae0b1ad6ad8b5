"""Capillary's codes for reasons, of its points API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from schemas.facts import Refusal

VENDOR_CODES: Final[Mapping[Refusal, int]] = {
    Refusal.POINTS_NOT_POSITIVE: 801,
    Refusal.BALANCE_TOO_LOW: 818,
    Refusal.BELOW_MINIMUM: 821,
    Refusal.REDEMPTION_UNKNOWN: 811,
    Refusal.REDEMPTION_REVERSED: 812,
    Refusal.REVERSAL_TOO_LARGE: 814,
    Refusal.SAME_CUSTOMER: 418,
}
"""Reasons that the vendor has no number for are not here."""
