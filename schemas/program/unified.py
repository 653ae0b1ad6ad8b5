"""Unified targets: several milestones that are met together in one cycle."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Final, NamedTuple, TypeVar

from pydantic import Field, field_validator

from schemas.limits import AtMost, Misfit, Plain
from schemas.program.expiry import Expiry
from schemas.program.milestones import TargetNumber
from schemas.program.promises import PromisedOrNot
from schemas.program.tiers import TierReward
from schemas.program.values import CurrencyId, Definition, Id, Name, Points

UNIFIED_MAX: Final = 50
_DEPTH_MAX: Final = 20
_Read = TypeVar("_Read")
_TOKEN: Final = re.compile(r"\s*([()|&,]|[a-z0-9][a-z0-9_-]*)")


class Group(NamedTuple):
    """So many of several conditions: one of them is ANY, all of them ALL."""

    least: int
    of: tuple[Condition, ...]


Condition = str | Group
"""The id of a milestone that has to be met, or so many of several conditions."""


def condition_of(expression: str) -> Condition:
    """The condition that an expression says; raises `ValueError` with what is wrong."""
    return _Parser(expression).condition()


def milestones_in(condition: Condition) -> tuple[str, ...]:
    """The ids of the milestones in a condition, each once, in order."""
    if isinstance(condition, str):
        return (condition,)
    return tuple(dict.fromkeys(one for part in condition.of for one in milestones_in(part)))


class UnifiedTarget(Definition):
    """Milestones with equal cycles that are met together, once in each cycle; `points` are the reward, 0 for none."""

    id: Id
    """Not that of a milestone."""
    group_id: TargetNumber
    """The number that downstream systems know the group of targets by."""
    name: Name
    expression: Annotated[str, AtMost(1_000, "characters"), Plain()]
    """Ids of milestones: `a | b` for any of them, `a & b` for all, `2 of (a, b, c)` for so many; with parentheses."""
    threshold: Points | None = None
    """What the values of these milestones have to add up to, too, in the unit of their targets; None: nothing."""
    points: Annotated[int, Field(ge=0, le=10**12)] = 0
    currency: CurrencyId | None = None
    """What the reward is in; None for the points of the program."""
    expiry: Expiry | None = None
    """How long the reward lasts; None for as long as other points."""
    tier: TierReward | None = None
    """A tier that it gives, beside the points."""
    retired: bool = False
    """Whether it has ended: its line stays, and nothing is looked at."""
    promised: PromisedOrNot | None = None
    """What its reward waits for before it can be spent; None: what the program says."""

    @field_validator("expression")
    @classmethod
    def _is_a_condition(cls, expression: str) -> str:
        try:
            condition_of(expression)
        except ValueError as error:
            raise Misfit(str(error)) from error
        return expression

    @property
    def condition(self) -> Condition:
        """What has to be met."""
        return condition_of(self.expression)


class _Parser:
    """Reads an expression: alternatives of conjunctions of milestones, groups and parentheses."""

    def __init__(self, expression: str) -> None:
        self._tokens: list[str] = []
        place = 0
        while expression[place:].strip():
            found = _TOKEN.match(expression, place)
            if found is None:
                odd = expression[place:].strip()[0]
                message = f"holds {odd!r}; write ids of milestones with |, &, 'n of' and parentheses"
                raise ValueError(message)
            self._tokens.append(found[1])
            place = found.end()
        self._tokens.append("")
        self._at = 0
        self._depth = 0

    def condition(self) -> Condition:
        """The whole expression."""
        whole = self._any()
        if self._next():
            message = f"goes on with {self._next()!r} where it should end; connect ids with | or &"
            raise ValueError(message)
        return whole

    def _any(self) -> Condition:
        parts = self._parts("|", self._all)
        return parts[0] if len(parts) == 1 else Group(least=1, of=parts)

    def _all(self) -> Condition:
        parts = self._parts("&", self._one)
        return parts[0] if len(parts) == 1 else Group(least=len(parts), of=parts)

    def _one(self) -> Condition:
        opened = self._next() == "("
        token = self._take()
        if opened:
            return self._inside(self._any)
        if token in ("", "|", "&", ",", ")"):
            message = (
                f"has {token!r} where the id of a milestone is missing" if token else "ends where an id is missing"
            )
            raise ValueError(message)
        if not (token.isdecimal() and self._next() == "of"):
            return token
        self._take()
        self._expect("(")
        parts = self._inside(lambda: self._parts(",", self._any))
        if not 1 <= int(token) <= len(parts):
            message = f"asks for {token} of {len(parts)}; write a number from 1 to {len(parts)}"
            raise ValueError(message)
        return Group(least=int(token), of=parts)

    def _inside(self, read: Callable[[], _Read]) -> _Read:
        """What stands in the parentheses that were opened."""
        self._depth += 1
        if self._depth > _DEPTH_MAX:
            message = f"has more than {_DEPTH_MAX} parentheses inside each other; use fewer"
            raise ValueError(message)
        inner = read()
        self._depth -= 1
        self._expect(")")
        return inner

    def _parts(self, separator: str, part: Callable[[], Condition]) -> tuple[Condition, ...]:
        parts = [part()]
        while self._next() == separator:
            self._take()
            parts.append(part())
        return tuple(parts)

    def _next(self) -> str:
        return self._tokens[self._at]

    def _take(self) -> str:
        token = self._next()
        self._at += bool(token)
        return token

    def _expect(self, token: str) -> None:
        if self._next() != token:
            message = f"lacks {token!r} before {self._next()!r}" if self._next() else f"lacks {token!r} at its end"
            raise ValueError(message)
        self._take()
