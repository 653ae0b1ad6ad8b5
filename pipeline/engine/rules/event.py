"""Event rules: a fixed number of points for each custom event of one name."""

from __future__ import annotations

from pipeline.engine.ledger.terms import own_terms
from pipeline.engine.rules.earning import Earning, EventEarner, when_of
from schemas.program import EventRule


def compile_event(rule: EventRule, earning: Earning) -> None:
    """Index the rule by the event's name."""
    earner = EventEarner(
        rule_id=rule.id,
        when=when_of(rule),
        points=rule.points,
        currency=rule.currency or "",
        terms=own_terms(rule.expiry),
    )
    earning.on_event.setdefault(rule.event, []).append(earner)
