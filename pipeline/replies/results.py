"""What a command did, in numbers and in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple

from pipeline.engine.outcomes import is_by_adoption
from schemas.facts import (
    Decision,
    Envelope,
    MessageReleased,
    PointsCancelled,
    PointsConverted,
    PointsDebited,
    PointsExpired,
    PointsHeld,
    PointsIssued,
    PointsMoved,
    PointsRedeemed,
    PointsReleased,
    PointsTransferred,
    PromiseCancelled,
    RedemptionReversed,
    ReleasedBecause,
    movements_in,
)
from schemas.records import CustomerRecord, decode_record


class Words(NamedTuple):
    """How replies tell a kind of decision that moves points."""

    verb: str
    """What happened to the points."""
    more: Callable[[Any], dict[str, Any]] = lambda _: {}
    """Numbers beside those that every such decision has."""
    points: Callable[[Any], int] = lambda decision: decision.points
    """How many points the verb is about."""
    amounts: Callable[[Any], dict[str, int]] = lambda _: {}
    """Further points, by what became of them."""


WORDS: Final[dict[type[PointsMoved], Words]] = {
    PointsRedeemed: Words(verb="redeemed", more=lambda decision: {"valueMinor": decision.value_minor}),
    PointsIssued: Words(
        verb="given",
        more=lambda decision: {"lots": [lot.lot_id for lot in (*decision.lots, *decision.promised_lots)]},
    ),
    PointsDebited: Words(verb="taken away"),
    PointsCancelled: Words(
        verb="cancelled",
        amounts=lambda decision: {
            "owed": decision.owed,
            "forgiven": sum(one.forgiven for one in decision.reversals),
        },
    ),
    PointsExpired: Words(verb="expired"),
    PointsHeld: Words(verb="put aside", more=lambda decision: {"holdId": decision.hold_id}),
    PointsTransferred: Words(
        verb="given to another customer", more=lambda decision: {"receiverId": decision.receiver_id}
    ),
    PointsReleased: Words(verb="given back", more=lambda decision: {"holdId": decision.hold_id}),
    PointsConverted: Words(verb="made current", amounts=lambda decision: {"promised": decision.promised}),
    PromiseCancelled: Words(verb="no longer promised", amounts=lambda decision: {"promised": decision.promised}),
    RedemptionReversed: Words(
        verb="given back",
        more=lambda decision: {"redemptionId": decision.redemption_id, "valueMinor": decision.value_minor},
        points=lambda decision: decision.points - decision.expired,
        amounts=lambda decision: {"expired": decision.expired},
    ),
}
"""The movements that commands ask for; replies leave out all others."""

Decided = Iterable[tuple[Envelope, Decision]]
Amount = Callable[[int, int, str, int], int | float]
"""Given program, version, currency and points: so many of it, with the currency's decimals."""


def results_of(decided: Decided, amount: Amount) -> list[dict[str, Any]]:
    """An object for each movement of the points that the command was about."""
    return [
        {
            "kind": type(moved).__name__,
            "programId": envelope.program_id,
            "currency": moved.currency,
            "points": amount(envelope.program_id, envelope.version, moved.currency, words.points(moved)),
            "balance": amount(envelope.program_id, envelope.version, moved.currency, moved.balance),
            **words.more(moved),
            **{
                name: amount(envelope.program_id, envelope.version, moved.currency, points)
                for name, points in words.amounts(moved).items()
            },
        }
        for envelope, moved, words in _asked_for(decided)
    ]


def assigned_in(decided: Decided) -> list[dict[str, Any]]:
    """An object for each record that was given to a customer, with the id that it came with."""
    return [
        {"kind": type(one).__name__, "customerId": one.person, "recordId": released.id}
        for _, one in decided
        if isinstance(one, MessageReleased) and isinstance(released := decode_record(one.record), CustomerRecord)
    ]


def told(results: Iterable[dict[str, Any]]) -> str:
    """The same in words; empty where no points moved."""
    verbs = {kind.__name__: words.verb for kind, words in WORDS.items()}
    return ", ".join(
        f"{result['points']:,} {result['currency']} {verbs[result['kind']]}, balance {result['balance']:,}"
        for result in results
    )


def _asked_for(decided: Decided) -> Iterator[tuple[Envelope, PointsMoved, Words]]:
    for envelope, decision in decided:
        for moved in () if is_by_adoption(decision) else movements_in(decision):
            words = WORDS.get(type(moved))
            used = isinstance(moved, PointsReleased) and moved.because is ReleasedBecause.USED
            if words is not None and not used:  # what takes released points in the same turn says so itself
                yield envelope, moved, words
