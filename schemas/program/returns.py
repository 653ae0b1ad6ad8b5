"""Returns: what a program takes back of a bill that comes back."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import Field

from schemas.program.values import Definition


class ReturnMethod(StrEnum):
    """How much of the points of a bill a return takes back."""

    PRO_RATA_BILL = "pro_rata_bill"
    """The part of the bill that came back, whichever lines it was."""
    LINE_EXACT = "line_exact"
    """What the lines that came back had earned; an amount without lines is spread over what is left of the lines."""
    CAPILLARY = "capillary"
    """As `line_exact`, but points of rules that leave nothing out go back with amounts without lines, and with the
    last line."""
    RECOMPUTE_REMAINING = "recompute_remaining"
    """What the bill would not have earned without what came back: the award's own minimum and rate count."""
    NONE = "none"
    """Nothing."""


LINE_METHODS: Final = frozenset({ReturnMethod.LINE_EXACT, ReturnMethod.CAPILLARY, ReturnMethod.RECOMPUTE_REMAINING})
"""The methods for which a bill keeps its lines."""


class Shortfall(StrEnum):
    """Where points that a return asks back come from, if they were spent. Points that expired are forgiven."""

    OWN_LOT = "own_lot"
    """From what is left of the lot that the award lies in; the rest is forgiven."""
    OTHER_LOTS = "other_lots"
    """Then from other lots, soonest to expire first; the rest is forgiven."""
    DEFICIT = "deficit"
    """Then from other lots; the rest is owed, and the next points repay it before they can be spent."""


class RewardPolicy(StrEnum):
    """What becomes of the reward of a milestone or a streak level that a return undoes."""

    KEEP = "keep"
    """It stays; who achieves it again gets no second one."""
    REVOKE_IF_UNUSED = "revoke_if_unused"
    """It goes if nothing of it was used."""
    CLAWBACK = "clawback"
    """It goes; `shortfall` says where it comes from."""


class Returns(Definition):
    """How points of a returned bill are taken back."""

    method: Annotated[ReturnMethod, Field(strict=False)] = ReturnMethod.PRO_RATA_BILL
    shortfall: Annotated[Shortfall, Field(strict=False)] = Shortfall.OWN_LOT
    milestones: Literal["fall", "keep"] = "fall"
    """Whether a return lowers the values of milestones, and undoes what they, and streaks on them, no longer reach."""
    rewards: Annotated[RewardPolicy, Field(strict=False)] = RewardPolicy.KEEP
    tiers: Annotated[Literal["never"], Field(exclude=True)] = "never"
    """A return lowers no tier; left out, `tiers.on_return` says. It has one value, so what is kept leaves it out."""
    window_days: Annotated[int, Field(ge=0, le=3_650)] = 400
    redeemed: Literal["restore", "keep"] = "restore"
    """What becomes of points that were redeemed for the bill (`billNumber` of the redemption): as many come back as the
    bill did, or they stay redeemed."""
