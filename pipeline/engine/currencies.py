"""The points currencies of a program, compiled: the main one, and those beside it."""

from __future__ import annotations

from pipeline.engine.amounts import worth
from pipeline.engine.calendar import Calendar
from schemas.program import AlternateCurrency, PointsCurrency, ProgramDefinition, Redemption


class Currency:
    """One points currency in one version of a program. Points are integers in units of 10^-`scale`."""

    def __init__(
        self, *, name: str, terms: PointsCurrency | AlternateCurrency, redemption: Redemption, calendar: Calendar
    ) -> None:
        self.id = name
        """What records and accounts call it."""
        self.minimum_points = redemption.minimum_points
        self.scale = 0
        self.retired = False
        if isinstance(terms, AlternateCurrency):
            self.scale = terms.scale
            self.retired = terms.retired
        self._value_minor = terms.value_minor
        self._expiry_days = terms.expiry.days if terms.expiry else None
        self._calendar = calendar

    def expiry_of(self, day: int) -> tuple[int, int] | tuple[None, None]:
        """For points awarded on `day`: the last day on which they can be spent, and the instant after it."""
        if self._expiry_days is None:
            return None, None
        return day + self._expiry_days, self._calendar.start_of(day + self._expiry_days + 1)

    def worth(self, points: int) -> int:
        """What points are worth in the program's money, in minor units, rounded down once."""
        return worth(points, self._value_minor, self.scale)


def currencies_of(definition: ProgramDefinition, calendar: Calendar) -> dict[str, Currency]:
    """Every currency by its id, the main one first."""
    main = definition.points
    return {
        main.name: Currency(name=main.name, terms=main, redemption=definition.redemption, calendar=calendar),
        **{
            one.id: Currency(name=one.id, terms=one, redemption=one.redemption, calendar=calendar)
            for one in definition.currencies
        },
    }
