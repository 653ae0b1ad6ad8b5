"""What milestones keep of one customer in one program."""

from __future__ import annotations

import msgspec

from pipeline.engine.calendar import NEVER


class Progress(msgspec.Struct, array_like=True, gc=False):
    """What counts towards a milestone in one period."""

    ends_at: int
    value: int = 0
    achieved: bool = False


class Tally(msgspec.Struct, array_like=True, gc=False):
    """What counts towards a milestone in one period, where it takes more than a number."""

    keys: dict[int, int] = {}
    """The different things that are counted, each with how many bills or events have it."""
    uses: dict[int, int] = {}
    """How many counted, by period of the frequency limit."""
    uses_until: int = 0
    """When the limit's periods are over, where that is later than the cycle."""


class Cycle(msgspec.Struct, array_like=True, gc=False):
    """A cycle of which the customer was told the start."""

    ends_at: int
    ended: bool = False


class Member(msgspec.Struct, array_like=True):
    """A customer in a milestone of which more is kept than values."""

    enrolled_at: int | None = None
    """Since when what the customer does counts; None for one who is not in it."""
    left: bool = False
    """Whether somebody ended it: only a command begins it again."""
    anchor: int = 0
    """The local day on which cycles of the customer's own begin."""
    own: int = 0
    """The customer's own target; 0 for the program's."""
    target: int = 0
    """The target that was told last."""
    cycles: dict[int, Cycle] = {}
    starts_at: int = NEVER
    """When the next cycle begins, where that has to be told and none is running."""

    given: dict[int, int] = {}
    """The cycles in which meeting it added to another milestone, each with its end."""
    placed: bool = False
    """Whether cycles of the customer's own have a first day before the first enrolment: something was recorded."""
    was_in: list[tuple[int, int]] = []
    """From when to when the customer was in it before: from the instant of each enrolment to that of the leaving."""

    @property
    def has_cycles(self) -> bool:
        """Whether cycles of the customer's own have a first day."""
        return self.placed or self.left or self.enrolled_at is not None

    @property
    def due(self) -> int:
        """When the next end of a cycle has to be told."""
        return min((cycle.ends_at for cycle in self.cycles.values() if not cycle.ended), default=NEVER)
