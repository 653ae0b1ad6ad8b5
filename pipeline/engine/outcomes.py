"""Outcomes: what became of a record, which refusals use up its id, and what the head remembers of both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple, get_args

from pipeline.engine.kernel.identity import key_of
from pipeline.engine.state import CustomerState, Head
from schemas.facts import (
    AlternatePointsIssued,
    Decision,
    EnrolledBy,
    Envelope,
    LotsTracked,
    MergeAsked,
    MessageHeld,
    MilestoneAchieved,
    MilestoneEnrolled,
    PointsIssued,
    ProgramAdopted,
    RecordParked,
    RecordRefused,
    RecordReleased,
    Refusal,
    RemindersPlanned,
    ReturnReleased,
    RewardKept,
    StreakExtended,
    StreakLevelReached,
    StreakRiskPlanned,
    StreakStarted,
    TargetChanged,
    TierReassigned,
    TierTenureBegun,
    TierUpgraded,
    TransferInitiated,
    UnifiedAchieved,
    UpdateReleased,
)
from schemas.records import (
    AnyCustomerRecord,
    CommandRecord,
    CustomerRecord,
    TransactionReturned,
    TransactionUpdated,
)

USES_UP_ID: Final[Mapping[Refusal, bool]] = {
    Refusal.ID_REUSED: True,
    Refusal.TOO_OLD: False,
    Refusal.TOO_MANY: False,
    Refusal.CUSTOMER_UNKNOWN: False,
    Refusal.CUSTOMER_EXISTS: True,
    Refusal.PROFILE_TOO_LARGE: True,
    Refusal.PROGRAM_UNKNOWN: True,
    Refusal.CURRENCY_UNKNOWN: True,
    Refusal.BILL_EXISTS: True,
    Refusal.BILL_UNKNOWN: True,
    Refusal.RETURN_BEFORE_BILL: True,
    Refusal.RETURN_EXISTS: True,
    Refusal.BILL_RETURNED: True,
    Refusal.LINES_UNKNOWN: True,
    Refusal.SUPERSEDED: True,
    Refusal.UPDATE_CHANGES_NOTHING: True,
    Refusal.RETURNED_MORE: True,
    Refusal.LINES_MISSING: True,
    Refusal.CUSTOMER_FRAUD: True,
    Refusal.CUSTOMER_BLOCKED: True,
    Refusal.STATUS_OUTDATED: True,
    Refusal.POINTS_NOT_POSITIVE: True,
    Refusal.BELOW_MINIMUM: True,
    Refusal.NOT_A_MULTIPLE: True,
    Refusal.ABOVE_MAXIMUM: True,
    Refusal.LIFETIME_POINTS_TOO_LOW: True,
    Refusal.LIFETIME_PURCHASES_TOO_LOW: True,
    Refusal.BALANCE_TOO_LOW: True,
    Refusal.LOT_UNKNOWN: True,
    Refusal.EXPIRY_PASSED: True,
    Refusal.NOTHING_CHANGES: True,
    Refusal.AWARD_UNKNOWN: True,
    Refusal.AWARD_CANCELLED: True,
    Refusal.PROMISE_UNKNOWN: True,
    Refusal.HOLD_UNKNOWN: True,
    Refusal.HOLD_EXISTS: True,
    Refusal.TOO_MANY_HOLDS: True,
    Refusal.REDEMPTION_EXISTS: True,
    Refusal.REDEMPTION_UNKNOWN: True,
    Refusal.REDEMPTION_REVERSED: True,
    Refusal.REVERSAL_TOO_LARGE: True,
    Refusal.TIER_UNKNOWN: True,
    Refusal.TIER_NOT_ASSIGNED: True,
    Refusal.DATE_PASSED: True,
    Refusal.STREAK_UNKNOWN: True,
    Refusal.STREAK_OVER: True,
    Refusal.STREAK_ENROLLED: True,
    Refusal.STREAK_NOT_ENROLLED: True,
    Refusal.STREAK_PAUSED: True,
    Refusal.STREAK_NOT_PAUSED: True,
    Refusal.TOO_MANY_FREEZES: True,
    Refusal.MILESTONE_UNKNOWN: True,
    Refusal.ENROLLED_ALREADY: True,
    Refusal.NOT_ENROLLED: True,
    Refusal.TARGET_UNCHANGED: True,
    Refusal.SAME_CUSTOMER: True,
    Refusal.IN_BACKFILL: True,
    Refusal.RECEIVER_FRAUD: True,
    Refusal.RECEIVER_BLOCKED: True,
    Refusal.CUSTOMER_MERGED: True,
    Refusal.MERGE_UNDER_WAY: True,
    Refusal.POINTS_HELD: True,
    Refusal.EVENT_EXISTS: False,
    Refusal.TRANSACTION_UNKNOWN: True,
    Refusal.TRANSACTION_ASSIGNED: True,
    Refusal.IDENTITY_KEY_DIFFERS: False,
    Refusal.IDENTIFIER_UNKNOWN: False,
    Refusal.TOO_MANY_HELD: False,
    Refusal.HOLD_ENDED: False,
    Refusal.IDENTIFIERS_IN_BACKFILL: False,
    Refusal.TOTAL_TOO_LARGE: True,
}
"""By the reason for which an event is refused as a whole: whether the same event, sent again, is a duplicate. Where it
is not, it is decided again, since what it lacks may have come meanwhile. A command always uses up its id, whatever the
reason, unless there is no room to remember it (`TOO_MANY`)."""

_COMMANDS: Final = frozenset(kind.__name__ for kind in get_args(AnyCustomerRecord) if issubclass(kind, CommandRecord))
_WAITS: Final = 0
_BY_ADOPTION: Final = (
    UnifiedAchieved,
    ProgramAdopted,
    RecordRefused,
    RemindersPlanned,
    MilestoneAchieved,
    RewardKept,
    LotsTracked,
    StreakStarted,
    StreakExtended,
    StreakLevelReached,
    StreakRiskPlanned,
    TierReassigned,
    TierTenureBegun,
    TierUpgraded,
)


class Outcome(NamedTuple):
    """What became of a record."""

    reason: Refusal | None = None
    """Why it had no effect; None for a record that had one, or waits."""
    waits: bool = False
    """Whether it waits for another record."""


DONE: Final = Outcome()
WAITS: Final = Outcome(waits=True)


def uses_up_id(reason: Refusal, cause: str) -> bool:
    """Whether a record of this cause (`recordType:id`) that is refused for this reason must not come again."""
    return USES_UP_ID[reason] or (reason is not Refusal.TOO_MANY and _is_command(cause))


def _is_command(cause: str) -> bool:
    return cause.partition(":")[0] in _COMMANDS


def outcome_of(decided: Iterable[tuple[Envelope, Decision]]) -> Outcome:
    """The outcome of a record, given all that was decided of its own cause.

    Refused is what did not do what it is for: it was refused, and no program took it.
    """
    refused: Refusal | None = None
    taken = False
    for envelope, decision in decided:
        if isinstance(decision, RecordParked | TransferInitiated | MergeAsked | MessageHeld):
            return WAITS
        if isinstance(decision, RecordRefused):
            refused = decision.reason if refused is None else refused
        elif envelope.program_id and not is_by_adoption(decision):
            taken = True
    return DONE if taken or refused is None else Outcome(reason=refused)


def is_by_adoption(decision: Decision) -> bool:
    """Whether a new version gives this by itself, whatever the record is; a record that counts has more to show."""
    if isinstance(decision, PointsIssued):
        return decision.activity != ""
    if isinstance(decision, AlternatePointsIssued):
        return decision.currencies[0].activity != ""
    if isinstance(decision, MilestoneEnrolled):
        return decision.enrolled_by is EnrolledBy.EVERYBODY
    if isinstance(decision, TargetChanged):
        return not decision.requested
    return isinstance(decision, _BY_ADOPTION)


WAITED: Final[Mapping[type[RecordReleased], type[CustomerRecord]]] = {
    ReturnReleased: TransactionReturned,
    UpdateReleased: TransactionUpdated,
}
"""What waited, by the decision that ends the wait."""


def waited_as(decision: RecordReleased) -> str:
    """The cause of the record that waits no longer."""
    return f"{WAITED[type(decision)].__name__}:{decision.record_id}"


def first_outcome(state: CustomerState, cause: str) -> Outcome:
    """The outcome of the record whose id is remembered under this cause, in the head or in an entry beside it."""
    head, key = state.head, key_of(cause)
    found = head.outcomes.get(key)
    if key not in head.recent and (spilled := state.spilled(key)) is not None:
        found = spilled.outcomes.get(key)
    if found is None:
        return DONE
    number, programs = found
    if number == _WAITS:
        return WAITS
    return DONE if programs and programs < len(head.sections) else Outcome(reason=Refusal(number))


def note_refused(head: Head, envelope: Envelope, reason: Refusal) -> None:
    """Remember why a record was refused, or forget its id where the same record may come again."""
    key = key_of(envelope.cause)
    if reason is Refusal.ID_REUSED or key not in head.recent:
        return  # the id is that of another record, or nothing is remembered of this one
    if envelope.program_id and not _is_command(envelope.cause):
        if reason is not Refusal.CURRENCY_UNKNOWN:  # else another program takes its money
            number, programs = head.outcomes.get(key, (int(reason), 0))
            head.outcomes[key] = (number, programs + 1)
    elif envelope.program_id or uses_up_id(reason, envelope.cause):
        head.outcomes[key] = (int(reason), 0)
    else:
        del head.recent[key]


def is_waiting(head: Head, key: int) -> bool:
    """Whether the record whose id has this hash waits for another one."""
    found = head.outcomes.get(key)
    return found is not None and found[0] == _WAITS


def note_waits(head: Head, cause: str) -> None:
    """Remember that a record waits."""
    head.outcomes[key_of(cause)] = (_WAITS, 0)


def note_wait_ended(head: Head, cause: str, refused: Refusal | None) -> None:
    """Remember that a record no longer waits: it is decided next, or refused."""
    key = key_of(cause)
    head.outcomes.pop(key, None)
    if refused is not None and key in head.recent:
        head.outcomes[key] = (int(refused), 0)
