"""The points currencies of a program, compiled: the main one, and those beside it."""

from __future__ import annotations

from pipeline.engine.amounts import worth
from pipeline.engine.ledger.conditions import ConditionsByTier
from pipeline.engine.ledger.terms import CurrencyTerms
from schemas.program import AlternateCurrency, PointsCurrency, ProgramDefinition, Redemption, Tiers


class Currency:
    """One points currency in one version of a program. Points are integers in units of 10^-`scale`."""

    def __init__(
        self,
        *,
        name: str,
        terms: PointsCurrency | AlternateCurrency,
        redemption: Redemption,
        tiers: Tiers | None,
        money: str,
    ) -> None:
        self.id = name
        """Its id in records and accounts."""
        self.redemption = redemption
        self.scale = 0
        self.retired = False
        if isinstance(terms, AlternateCurrency):
            self.scale = terms.scale
            self.retired = terms.retired
        self._value_minor = terms.worth_minor(money)
        self.conditions = ConditionsByTier(redemption, tiers)
        self.terms = CurrencyTerms(terms, tiers)

    def worth(self, points: int) -> int:
        """What points are worth in the program's money, in minor units, rounded down once."""
        return worth(points, self._value_minor, self.scale)


def currencies_of(definition: ProgramDefinition) -> dict[str, Currency]:
    """Every currency by its id, the main one first."""
    main = definition.points
    named: list[tuple[str, PointsCurrency | AlternateCurrency, Redemption]] = [
        (main.name, main, definition.redemption),
        *((one.id, one, one.redemption) for one in definition.currencies),
    ]
    return {
        name: Currency(name=name, terms=terms, redemption=redemption, tiers=definition.tiers, money=definition.currency)
        for name, terms, redemption in named
    }
