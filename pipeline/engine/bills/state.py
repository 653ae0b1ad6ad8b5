"""The entries that keep a bill while it can be returned, and returns that wait for their bill."""

from __future__ import annotations

import msgspec

from pipeline.engine.amounts import split
from pipeline.engine.programs import DAY_MS
from schemas.facts import AwardTerms, ParkedReturn, ParkedUpdate


class AwardContribution(msgspec.Struct, array_like=True, gc=False, tag=1):
    """Points that the bill earned."""

    currency: str
    rule_id: str
    lot_id: int
    points: int
    claimed: int = 0
    """What returns have asked back so far."""
    reversed: int = 0
    """What returns have taken so far."""
    promised_reversed: int = 0
    """Of that, what was still promised."""
    further: list[int] = []
    """Lots that updates of the bill added."""
    forgiven: int = 0
    """What updates asked back and could not take, as it was used or had expired."""

    @property
    def lots(self) -> tuple[int, ...]:
        """All lots that its points lie in."""
        return (self.lot_id, *self.further)


class CancelledAward(AwardContribution, array_like=True, gc=False, tag=17):
    """Points that the bill earned by mistake, cancelled by request: no update of the bill gives them again."""


class TermsContribution(msgspec.Struct, array_like=True, gc=False, tag=2):
    """What the awards of a bill were calculated with, where the program's return method looks at lines."""

    awards: dict[str, AwardTerms]
    """By rule."""
    factors: list[int]
    """What each line counts for, times `denominator`; empty where every line counts once."""
    denominator: int
    returned_minor: list[int] = []
    """What came back of each line within the program's window; empty for a bill without lines."""
    unnamed_minor: int = 0
    """What came back as an amount, without lines."""


class MilestoneContribution(msgspec.Struct, array_like=True, gc=False, tag=3):
    """What the bill counts towards a milestone."""

    milestone_id: str
    period: int
    added: int
    sums: bool
    """Whether amounts are added up; else the bill counts as one until all of it is back."""
    removed: int = 0
    """What returns and updates have taken off so far."""

    @property
    def counted(self) -> int:
        """What of the bill is in the milestone's value."""
        return self.added - self.removed


class MeasuredContribution(MilestoneContribution, array_like=True, gc=False, tag=4):
    """What the bill counts towards a milestone of which more than a number is kept."""

    parts: list[int] = []
    """What each line adds; or all of it alone, where lines are not kept. Empty where only a whole bill comes back."""
    keys: list[int] = []
    limit_period: int | None = None
    gone: list[int] = []
    """The different things that it had before and has no longer."""


class TrackerContribution(msgspec.Struct, array_like=True, gc=False, tag=25):
    """What the bill counts in a tracker."""

    tracker_id: str
    day: int
    total: int
    lines: list[int] = []
    """By line, where the tracker is made of lines or selects some."""
    store: int = 0
    removed: int = 0
    """What returns have taken off so far."""


Contribution = (
    AwardContribution
    | CancelledAward
    | TermsContribution
    | MilestoneContribution
    | MeasuredContribution
    | TrackerContribution
)
"""What a bill added somewhere, so that a return can undo it; each kind has the `undo` of its concern."""


class BillPart(msgspec.Struct, array_like=True, gc=False):
    """A bill in one program that takes returns of it."""

    return_days: int
    """The program's return window when the bill was paid."""
    returned_minor: int = 0
    """What came back within that window."""
    contributions: list[Contribution] = []
    version: int = 0
    """The version of the program by which the bill counted."""
    tier_id: str = ""
    """The tier that the customer had before the bill, where a rule of that version asks for it."""
    day: int | None = None
    """The local day of the bill, where the program goes by the zone of the store or the customer."""
    store: str = ""
    """Its store, where a milestone looks at stores."""

    @property
    def awards(self) -> list[AwardContribution]:
        """The points that the bill earned."""
        return [contribution for contribution in self.contributions if isinstance(contribution, AwardContribution)]

    @property
    def milestones(self) -> list[MilestoneContribution]:
        """What the bill counts towards milestones."""
        return [one for one in self.contributions if isinstance(one, MilestoneContribution)]

    @property
    def trackers(self) -> list[TrackerContribution]:
        """What the bill counts in trackers."""
        return [one for one in self.contributions if isinstance(one, TrackerContribution)]

    @property
    def terms(self) -> TermsContribution | None:
        """What the awards were calculated with, where the method of the time looked at lines."""
        return next(
            (contribution for contribution in self.contributions if isinstance(contribution, TermsContribution)), None
        )


class Bill(msgspec.Struct, array_like=True, gc=False, tag=1):
    """A transaction that can still be returned: the entry `bill:<number>`."""

    forgotten_at: int
    """When the entry may be deleted; decisions go by `returnable_until`, never by whether it is there."""
    returnable_until: int
    amount_minor: int
    currency: str
    returned_minor: int = 0
    parts: dict[int, BillPart] = {}
    """By program in which the bill counts and can be returned."""
    paid_at: int = 0
    """A return from before this is of an earlier bill of the same number."""
    documents: list[int] = []
    """The numbers of the return documents that came, as hashes."""
    record_id: str = ""
    """The id of the record that it came with."""
    lines_digest: int = 0
    """A hash of its lines; 0 for none."""
    cancelled: bool = False
    """Whether an update brought it to 0; a later one may reinstate it."""
    updates: int = 0
    updated_at: int = 0
    """The event time of the last update."""
    delivery_status: str = ""

    def takes(self, program_id: int, at: int) -> bool:
        """Whether a return made at that instant counts in a program."""
        part = self.parts.get(program_id)
        return part is not None and self.paid_at <= at < self.paid_at + part.return_days * DAY_MS

    @property
    def is_back(self) -> bool:
        """Whether all of it came back. RULE: a bill of 0 has no parts, so its first return takes all of it back."""
        if self.amount_minor or self.cancelled:
            return self.returned_minor >= self.amount_minor
        return bool(self.documents)

    def counts_for(self, part: BillPart, *, sums: bool) -> int:
        """What is left of it for a milestone that adds up amounts, or counts bills that are not wholly back."""
        if self.cancelled or (self.amount_minor <= part.returned_minor if self.amount_minor else self.is_back):
            return 0
        return self.amount_minor - part.returned_minor if sums else 1

    def is_returnable(self, at: int) -> bool:
        """Whether a return made at that instant counts in any program."""
        return any(self.takes(program_id, at) for program_id in self.parts)

    def returned_by_line(self, part: BillPart) -> list[int]:  # noqa: ARG002 - of no line
        """What came back of each line within one program's window."""
        return []


class BillLine(msgspec.Struct, array_like=True, gc=False):
    """A line of a bill, as far as returns need it."""

    sku: int
    line_id: int
    """Hashes; 0 for a line without an id."""
    amount_minor: int
    returned_minor: int = 0


class ItemisedBill(Bill, array_like=True, gc=False, tag=3):
    """A bill with its lines, where a program of the org looks at them when they come back."""

    lines: list[BillLine] = []

    def returned_by_line(self, part: BillPart) -> list[int]:
        """What came back of each line within one program's window."""
        return split(part.returned_minor, [line.returned_minor for line in self.lines])


class ParkedUntil(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A return or an update that waits for its bill."""

    until: int
    """The instant at which it is refused instead."""
    parked: ParkedReturn | ParkedUpdate


class Parked(msgspec.Struct, array_like=True, gc=False, tag=2):
    """What waits for a bill that has not come yet: the entry `parked:<number>`. An empty one is as good as none."""

    forgotten_at: int
    """When the entry may be deleted: the timers of its returns have fired by then."""
    returns: list[ParkedUntil] = []
    """In the order in which they came."""


def entry_of(bill_number: str) -> str:
    """The name of the entry that keeps a bill."""
    return "bill:" + bill_number


def parked_of(bill_number: str) -> str:
    """The name of the entry that keeps the returns which wait for a bill."""
    return "parked:" + bill_number
