"""Decide: which stages and timers run for a record or a tick, and in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from pipeline.engine import adoption, analytics, customers, duplicates, earning, purchases, returns, standing, unique
from pipeline.engine.bills import parking, updates
from pipeline.engine.bills import records as bills
from pipeline.engine.identity import concern as identity
from pipeline.engine.identity import holding
from pipeline.engine.kernel.concern import Concern, FollowUp, ProgramStage, Stage, Timer, addressed
from pipeline.engine.kernel.engine import Engine
from pipeline.engine.ledger import (
    blocking,
    cancelling,
    changing,
    claims,
    correction,
    deficit,
    keeping,
    lateness,
    redemptions,
    reminders,
    requests,
    reversal,
    rolling,
    transfers,
    undo,
    with_tier,
)
from pipeline.engine.ledger.concern import AWARDS, LEDGER, USES
from pipeline.engine.ledger.conversion import CONVERSION
from pipeline.engine.ledger.expiry import EXPIRY
from pipeline.engine.ledger.holds import HOLD_END
from pipeline.engine.merging import concern as merging
from pipeline.engine.milestones import concern as milestones
from pipeline.engine.milestones import members, unified
from pipeline.engine.rewards import concern as rewards
from pipeline.engine.streaks import concern as streaks
from pipeline.engine.streaks import extending, risk
from pipeline.engine.streaks import requests as streak_requests
from pipeline.engine.tiers import approach, assess, timers
from pipeline.engine.tiers import concern as tiers
from pipeline.engine.tiers import requests as tier_requests
from pipeline.engine.tiers import rewards as tier_rewards
from pipeline.engine.trackers import concern as trackers
from schemas.records import (
    ActivatePoints,
    AdjustPoints,
    AnswerMerge,
    AnswerTransfer,
    AssignTier,
    AssignTransaction,
    BlockPoints,
    CancelPoints,
    CancelPromise,
    ChangeExpiry,
    ConfirmRedemption,
    CustomerAdded,
    CustomerRecord,
    CustomerStatus,
    CustomerUpdated,
    CustomEventReceived,
    EndHold,
    EnrolStreak,
    EnrolTarget,
    ExpirePoints,
    FreezeStreak,
    HandOver,
    LinkIdentifiers,
    MergeCustomers,
    PauseStreak,
    ReassessTier,
    ReceiveTransfer,
    RedeemPoints,
    ReleasePoints,
    ReleaseTier,
    ResolveCustomer,
    ResumeStreak,
    ReverseRedemption,
    SetTarget,
    TakeOverPoints,
    TakeOverSection,
    TransactionAdded,
    TransactionReturned,
    TransactionUpdated,
    TransferPoints,
    UnenrolStreak,
    UnenrolTarget,
    UseIdentityKey,
)

CONCERNS: Final[Sequence[Concern]] = (
    duplicates.CONCERN,
    customers.CONCERN,
    standing.CONCERN,
    analytics.CONCERN,
    unique.CONCERN,
    identity.IDENTIFIERS,
    identity.PERSONS,
    holding.HELD,
    holding.PAGES,
    holding.COUNT,
    merging.CONCERN,
    adoption.CONCERN,
    bills.CONCERN,
    parking.CONCERN,
    updates.CONCERN,
    purchases.CONCERN,
    LEDGER,
    redemptions.PAYMENTS,
    USES,
    AWARDS,
    claims.CONCERN,
    reminders.CONCERN,
    transfers.CONCERN,
    trackers.CONCERN,
    milestones.CONCERN,
    members.CONCERN,
    unified.CONCERN,
    streaks.CONCERN,
    rewards.CONCERN,
    tiers.CONCERN,
    tiers.MEASURED,
)

_COMMAND: Final[Sequence[Stage]] = (duplicates.admit, customers.enrol, requests.address)
"""What every command to a program begins with."""

CUSTOMER_STAGES: Final[Mapping[type[CustomerRecord], Sequence[Stage]]] = {
    CustomerAdded: (duplicates.admit, customers.register),
    CustomerUpdated: (duplicates.admit, customers.enrol, customers.update),
    CustomerStatus: (duplicates.admit, customers.enrol, standing.change),
    TransactionAdded: (duplicates.admit, customers.enrol, bills.record_bill),
    TransactionReturned: (duplicates.admit, customers.enrol, bills.record_return),
    TransactionUpdated: (duplicates.admit, customers.enrol, updates.record_update),
    CustomEventReceived: (unique.once, duplicates.admit, analytics.set_aside, customers.enrol, unique.keep),
    RedeemPoints: _COMMAND,
    AdjustPoints: _COMMAND,
    BlockPoints: _COMMAND,
    ReleasePoints: _COMMAND,
    ActivatePoints: _COMMAND,
    CancelPromise: _COMMAND,
    CancelPoints: _COMMAND,
    ConfirmRedemption: _COMMAND,
    ReverseRedemption: _COMMAND,
    ChangeExpiry: _COMMAND,
    ExpirePoints: _COMMAND,
    AssignTier: _COMMAND,
    EnrolTarget: _COMMAND,
    UnenrolTarget: _COMMAND,
    SetTarget: _COMMAND,
    ReleaseTier: _COMMAND,
    ReassessTier: _COMMAND,
    EnrolStreak: _COMMAND,
    UnenrolStreak: _COMMAND,
    PauseStreak: _COMMAND,
    ResumeStreak: _COMMAND,
    FreezeStreak: _COMMAND,
    TransferPoints: (*_COMMAND, transfers.start),
    ReceiveTransfer: (
        transfers.accept,
        transfers.answering(duplicates.admit),
        transfers.answering(customers.enrol),
    ),
    AnswerTransfer: (),
    LinkIdentifiers: (identity.link,),
    ResolveCustomer: (identity.resolve,),
    AssignTransaction: (holding.assign,),
    EndHold: (holding.end,),
    UseIdentityKey: (identity.use_key,),
    MergeCustomers: (merging.survives, duplicates.admit, customers.enrol, merging.start),
    HandOver: (merging.give_up,),
    TakeOverSection: (),
    TakeOverPoints: (),
    AnswerMerge: (merging.end,),
}
"""Stages about the customer as such, by type of record."""


def _in_its_program(*stages: ProgramStage) -> Sequence[ProgramStage]:
    """The stages of a command, which run in the program that it names alone."""
    return [addressed(stage) for stage in (duplicates.ADMIT, *stages)]


PROGRAM_STAGES: Final[Mapping[type[CustomerRecord], Sequence[ProgramStage]]] = {
    CustomerAdded: (),
    CustomerUpdated: (),
    CustomerStatus: (),
    TransactionAdded: (
        duplicates.ADMIT,
        ProgramStage(purchases.count_purchase),
        trackers.COUNT,
        earning.ON_BILL,
        milestones.ENROL,
        milestones.PROGRESS,
        milestones.PASS_ON,
        extending.EXTEND,
        rolling.ON_BILL,
    ),
    TransactionReturned: (
        duplicates.ADMIT,
        assess.EXCUSE,
        ProgramStage(purchases.count_return),
        reversal.RESTORE_PAID,
        claims.COLLECT,
        ProgramStage(undo.undo),
        trackers.UNDO,
        returns.UNDO,
    ),
    TransactionUpdated: (
        duplicates.ADMIT,
        assess.EXCUSE,
        ProgramStage(purchases.correct_purchase),
        ProgramStage(correction.keep_terms),
        reversal.RESTORE_CORRECTED,
        claims.COLLECT,
        ProgramStage(correction.take_back),
        ProgramStage(correction.issue_more),
        trackers.CORRECT,
        milestones.CORRECT,
        extending.CORRECT,
        returns.UNDO_CORRECTION,
        ProgramStage(keeping.deliver),
    ),
    CustomEventReceived: (
        duplicates.ADMIT,
        keeping.ON_EVENT,
        earning.ON_EVENT,
        milestones.ENROL,
        milestones.PROGRESS,
        milestones.PASS_ON,
        extending.EXTEND,
        rolling.ON_EVENT,
    ),
    RedeemPoints: _in_its_program(ProgramStage(lateness.redeem), rolling.ON_REDEMPTION),
    AdjustPoints: _in_its_program(ProgramStage(requests.adjust)),
    BlockPoints: _in_its_program(ProgramStage(blocking.block)),
    ReleasePoints: _in_its_program(ProgramStage(blocking.release)),
    ActivatePoints: _in_its_program(ProgramStage(keeping.activate)),
    CancelPromise: _in_its_program(ProgramStage(keeping.give_up)),
    CancelPoints: _in_its_program(assess.EXCUSE, ProgramStage(cancelling.cancel)),
    ConfirmRedemption: _in_its_program(ProgramStage(redemptions.confirm)),
    ReverseRedemption: _in_its_program(ProgramStage(reversal.reverse)),
    ChangeExpiry: _in_its_program(ProgramStage(changing.change)),
    ExpirePoints: _in_its_program(ProgramStage(changing.expire)),
    EnrolTarget: _in_its_program(members.ENROL, members.TOLD_BY_ENROLMENT, milestones.MET_BY_REQUEST, extending.FOLLOW),
    UnenrolTarget: _in_its_program(members.UNENROL),
    SetTarget: _in_its_program(members.SET, milestones.MET_BY_REQUEST, extending.FOLLOW),
    AssignTier: _in_its_program(ProgramStage(tier_requests.assign)),
    ReleaseTier: _in_its_program(ProgramStage(tier_requests.release)),
    ReassessTier: _in_its_program(ProgramStage(tier_requests.reassess)),
    EnrolStreak: _in_its_program(ProgramStage(streak_requests.enrol)),
    UnenrolStreak: _in_its_program(ProgramStage(streak_requests.unenrol)),
    PauseStreak: _in_its_program(ProgramStage(streak_requests.pause)),
    ResumeStreak: _in_its_program(ProgramStage(streak_requests.resume)),
    FreezeStreak: _in_its_program(ProgramStage(streak_requests.freeze)),
    TransferPoints: _in_its_program(ProgramStage(transfers.offer)),
    ReceiveTransfer: (addressed(ProgramStage(transfers.receive)),),
    AnswerTransfer: (addressed(ProgramStage(transfers.settle)),),
    LinkIdentifiers: (),
    ResolveCustomer: (),
    AssignTransaction: (),
    EndHold: (),
    UseIdentityKey: (),
    MergeCustomers: (),
    HandOver: merging.HAND_OVER,
    TakeOverSection: tuple(
        addressed(stage)
        for stage in (
            extending.MERGE,
            merging.TAKE_OVER_SECTION,
            merging.RAISE_TIER,
            milestones.MET_BY_MERGE,
            extending.FOLLOW,
            extending.LOOK_AGAIN,
            unified.LOOK_AGAIN,
        )
    ),
    TakeOverPoints: (addressed(merging.TAKE_OVER_POINTS),),
    AnswerMerge: (),
}
"""Stages in each program. A return is counted; then each concern undoes its part, in this order."""

FOLLOW_UPS: Final[Mapping[type[CustomerRecord], FollowUp]] = {
    TransactionAdded: FollowUp(
        records=parking.waiting_for,
        stages={
            TransactionReturned: (parking.release, bills.record_return),
            TransactionUpdated: (parking.release_update, updates.record_update),
        },
    ),
}
"""Records decided in the turn of another record that they waited for; in each program as if they came now."""

TIMERS: Final[Sequence[Timer]] = (
    HOLD_END,
    holding.HOLDS_END,
    parking.PARKED_END,
    parking.UPDATES_END,
    CONVERSION,
    members.CYCLE_END,
    members.CYCLE_START,
    streaks.END,
    timers.CHECK,
    timers.FLOOR,
    timers.REWARD_END,
    timers.END,
    EXPIRY,
    reminders.REMINDER,
    timers.REMINDER,
    risk.RISK,
)
"""In the order in which they fire at one instant."""

OPENING: Final[Sequence[ProgramStage]] = (assess.BEGIN_PERIOD,)
"""What begins every record and every timer, in the program that it is about."""

CLOSING: Final[Sequence[ProgramStage]] = (
    milestones.PASS_ON,
    extending.FOLLOW_ADDED,
    unified.LOOK,
    unified.TAKE,
    claims.COLLECT,
    ProgramStage(deficit.settle),
    tier_rewards.GIVE,
    tier_rewards.TAKE,
    assess.ASSESS,
    with_tier.FOLLOW,
    approach.APPROACH,
    reminders.PLAN,
    risk.PLAN,
)
"""What ends every record and every timer, in the program that it was about."""

ADOPTED: Final[Sequence[ProgramStage]] = (
    assess.BEGIN,
    members.BEGIN,
    members.CYCLES_BEGIN,
    milestones.LOOK_AGAIN,
    extending.LOOK_AGAIN,
    unified.LOOK_AGAIN,
)
"""What a version gives, at its adoption, for what is there already."""

ENGINE: Final = Engine(
    concerns=CONCERNS,
    customer_stages=CUSTOMER_STAGES,
    program_stages=PROGRAM_STAGES,
    follow_ups=FOLLOW_UPS,
    timers=TIMERS,
    opening=OPENING,
    closing=CLOSING,
    adopt=adoption.adopt,
    adopted=ADOPTED,
)

decide = ENGINE.decide
due_entries = ENGINE.due_entries
fire = ENGINE.fire
entries_of = ENGINE.entries_of
fold = ENGINE.fold
needs = ENGINE.needs
requests_of = ENGINE.requests_of
