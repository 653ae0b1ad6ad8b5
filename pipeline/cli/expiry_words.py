"""How long points last, in words."""

from __future__ import annotations

from schemas.program import Expiry


def own_lasting(expiry: object) -> str:
    """How long the points of a tier, a rule or a reward last."""
    return lasting(expiry) if isinstance(expiry, Expiry) else "as long as others"


def lasting(expiry: Expiry | None) -> str:
    """How long points last, in words."""
    if expiry is None or expiry.never:
        return "for ever"
    if expiry.dates:
        return f"until the next {' or '.join(expiry.dates)}"
    if expiry.inactive_days is not None:
        return f"{expiry.inactive_days:,} days from the last activity"
    if expiry.with_tier is not None:
        then = "" if expiry.with_tier == "expire" else ", and on with the tier that is left"
        return f"as long as the tier is held{then}"
    months = expiry.months is not None
    number = expiry.months if months else expiry.days
    ends = f" and to the end of the {expiry.round_up.replace('_', '-')}" if expiry.round_up else ""
    rolls = ", counted from the last activity" if expiry.rolling else ""
    unit = f"{'month' if months else 'day'}{'' if number == 1 else 's'}"
    return f"{number:,} {unit}{ends}{rolls}"
