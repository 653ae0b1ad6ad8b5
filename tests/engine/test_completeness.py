"""Nothing is forgotten: kinds and numbers are given once, and each kind is handled wherever it must be."""

from __future__ import annotations

import subprocess
import sys
from typing import get_args, get_type_hints

import pytest

from pipeline.engine.decide import CONCERNS, CUSTOMER_STAGES, ENGINE, PROGRAM_STAGES, TIMERS, entries_of, needs
from pipeline.engine.ledger.postings import MOVEMENTS
from pipeline.engine.programs import Programs
from pipeline.engine.rules import RULES
from pipeline.engine.state import CustomerState, Head
from schemas.facts import AnyDecision, Decision, IssuedFor, PointsIssued, PointsMoved, Refusal
from schemas.program import EarningRule
from schemas.records import AnyCustomerRecord, CommandRecord, Request
from tests.dsl import given
from tests.steps import CUSTOMER, ORG, adjust, bought, brought_back, did, joined, program, redeem, spend

KINDS = get_args(AnyDecision)
DECISION_NUMBERS = {
    1: "RecordAccepted",
    2: "RecordRefused",
    3: "CustomerRegistered",
    4: "CustomerChanged",
    5: "RegisteredEarlier",
    10: "TransactionRecorded",
    11: "ReturnRecorded",
    12: "PurchaseCounted",
    13: "ReturnCounted",
    14: "ReturnParked",
    15: "ReturnReleased",
    20: "ProgramAdopted",
    30: "PointsIssued",
    31: "PointsRedeemed",
    32: "PointsExpired",
    33: "PointsReversed",
    34: "PointsDebited",
    35: "AlternatePointsIssued",
    36: "AlternatePointsReversed",
    37: "ExpiryMoved",
    38: "RemindersPlanned",
    39: "ExpiryReminded",
    80: "PointsRestored",
    50: "MilestoneProgressed",
    51: "MilestoneAchieved",
    52: "ValueIgnored",
    60: "StreakStarted",
    61: "StreakExtended",
    62: "StreakLevelReached",
    63: "StreakEnded",
    69: "TierReleased",
    70: "TierUpgraded",
    71: "TierReassigned",
    90: "PointsConverted",
    91: "PromiseCancelled",
    100: "PointsHeld",
    101: "PointsReleased",
    102: "CustomerStatusChanged",
    103: "RedemptionReversed",
    120: "LinesKept",
    121: "LinesReturned",
    122: "AwardTermsKept",
    72: "TierRenewed",
    73: "TierDowngraded",
    74: "TierTenureBegun",
    75: "TierPeriodBegun",
    76: "TierGraceBegun",
    77: "TierReminded",
    254: "TierApproached",
    78: "TierCheckSet",
    253: "TierLossExcused",
    250: "TierRemindersPlanned",
    79: "TierAssigned",
    150: "TransferInitiated",
    151: "PointsTransferred",
    152: "PointsReceived",
    153: "TransferRefused",
    160: "BillUpdated",
    161: "UpdateParked",
    162: "UpdateReleased",
    163: "PurchaseCorrected",
    164: "AwardsCorrected",
    123: "PointsSettled",
    124: "LotsTracked",
    340: "ClaimsKept",
    341: "PointsReclaimed",
    125: "MilestoneCounted",
    126: "MilestoneLowered",
    251: "TrackerCounted",
    252: "TrackerLowered",
    127: "MilestoneUnachieved",
    128: "StreakBroken",
    129: "StreakLevelUnachieved",
    230: "StreakEnrolled",
    231: "StreakUnenrolled",
    232: "StreakPaused",
    233: "StreakResumed",
    234: "StreakFrozen",
    235: "StreakRiskPlanned",
    236: "StreakAtRisk",
    130: "RewardKept",
    170: "PointsCancelled",
    300: "EventSetAside",
    330: "IdsSpilled",
    200: "MilestoneTallied",
    201: "MilestoneMeasured",
    202: "MilestoneEnrolled",
    203: "MilestoneUnenrolled",
    204: "TargetChanged",
    205: "CycleBegan",
    206: "CycleEnded",
    207: "CycleAwaited",
    208: "MilestoneRecorded",
    301: "IdentifierLinked",
    302: "IdentifierUnlinked",
    303: "IdentifierClaimed",
    304: "CustomerResolved",
    305: "IdentifiersKnown",
    209: "UnifiedAchieved",
    406: "UnifiedMoved",
    210: "UnifiedUnachieved",
    211: "ProgressGiven",
    306: "MessageHeld",
    307: "MessageAwaits",
    308: "MessageReleased",
    350: "WindowMoved",
    365: "MergeAsked",
    366: "CustomerMerged",
    367: "MergeRefused",
    368: "RecordPassedOn",
    369: "SectionHandedOver",
    370: "SectionTakenOver",
    371: "PointsHandedOver",
    372: "PointsTakenOver",
    373: "MergeHandedOver",
    374: "CustomersMerged",
    375: "MergeFailed",
    376: "UniqueEventKept",
    405: "UniqueEventsJoined",
    377: "CustomerMade",
    410: "HoldExpired",
    411: "HoldEnded",
    412: "IdentityKeySet",
    413: "HoldsDue",
}
"""Frozen: these numbers stand in messages that were written. Add new ones; never change or reuse one."""
REFUSAL_NUMBERS = {
    1: "id_reused",
    2: "too_old",
    3: "too_many",
    4: "customer_unknown",
    5: "customer_exists",
    6: "profile_too_large",
    7: "program_unknown",
    8: "currency_unknown",
    9: "bill_exists",
    10: "bill_unknown",
    11: "bill_returned",
    12: "points_not_positive",
    13: "below_minimum",
    14: "balance_too_low",
    15: "return_exists",
    16: "return_before_bill",
    75: "tier_unknown",
    76: "tier_not_assigned",
    77: "date_passed",
    20: "total_too_large",
    21: "lot_unknown",
    22: "expiry_passed",
    23: "nothing_changes",
    80: "award_unknown",
    81: "award_cancelled",
    25: "promise_unknown",
    30: "hold_unknown",
    31: "hold_exists",
    32: "too_many_holds",
    33: "redemption_exists",
    34: "redemption_unknown",
    35: "redemption_reversed",
    36: "reversal_too_large",
    37: "customer_fraud",
    38: "customer_blocked",
    39: "not_a_multiple",
    40: "above_maximum",
    41: "lifetime_points_too_low",
    42: "lifetime_purchases_too_low",
    43: "status_outdated",
    50: "lines_unknown",
    90: "milestone_unknown",
    91: "enrolled_already",
    92: "not_enrolled",
    93: "target_unchanged",
    60: "same_customer",
    61: "in_backfill",
    82: "receiver_fraud",
    83: "receiver_blocked",
    70: "update_changes_nothing",
    71: "superseded",
    72: "lines_missing",
    73: "returned_more",
    100: "streak_unknown",
    101: "streak_enrolled",
    102: "streak_not_enrolled",
    103: "streak_over",
    104: "streak_paused",
    105: "streak_not_paused",
    106: "too_many_freezes",
    130: "identifier_unknown",
    131: "identifiers_in_backfill",
    165: "customer_merged",
    166: "merge_under_way",
    167: "points_held",
    168: "event_exists",
    169: "transaction_unknown",
    185: "transaction_assigned",
    178: "hold_ended",
    179: "too_many_held",
    180: "identity_key_differs",
}
"""Frozen, like the numbers of decisions."""
ISSUED_FOR_NUMBERS = {1: "spend", 2: "event", 3: "milestone", 4: "streak", 5: "adjustment"}
"""Frozen, like the numbers of decisions."""
TIMER_NUMBERS = {
    1: "streakEnd",
    2: "expiry",
    3: "parkedReturn",
    4: "expiryReminder",
    7: "promise",
    10: "holdEnd",
    16: "tierEnd",
    17: "tierCheck",
    18: "assignedTierEnd",
    19: "tierReminder",
    15: "parkedUpdate",
    23: "cycleEnd",
    24: "cycleStart",
    30: "streakRisk",
    50: "rewardedTierEnd",
    53: "holdsEnd",
}
"""Frozen: these numbers stand in stored heads."""
COMMANDS = {
    "AdjustPoints",
    "BlockPoints",
    "ChangeExpiry",
    "ConfirmRedemption",
    "CustomerStatus",
    "ExpirePoints",
    "RedeemPoints",
    "ActivatePoints",
    "CancelPoints",
    "CancelPromise",
    "ReleasePoints",
    "ReverseRedemption",
    "AssignTier",
    "ReleaseTier",
    "ReassessTier",
    "EnrolStreak",
    "UnenrolStreak",
    "PauseStreak",
    "ResumeStreak",
    "FreezeStreak",
    "EnrolTarget",
    "UnenrolTarget",
    "SetTarget",
    "TransferPoints",
    "MergeCustomers",
    "AssignTransaction",
}
REQUESTS = {
    "AnswerTransfer",
    "ReceiveTransfer",
    "HandOver",
    "TakeOverSection",
    "TakeOverPoints",
    "AnswerMerge",
    "EndHold",
}
EVENTS = {
    "CustomEventReceived",
    "CustomerAdded",
    "CustomerUpdated",
    "TransactionAdded",
    "TransactionReturned",
    "TransactionUpdated",
    "LinkIdentifiers",
    "ResolveCustomer",
    "UseIdentityKey",
}
"""A command is answered whatever becomes of it, and always uses up its id: it derives from `CommandRecord`."""


def test_number_of_a_kind_of_decision_is_given_once() -> None:
    assert [(kind.__struct_config__.tag, kind.__name__) for kind in KINDS] == list(DECISION_NUMBERS.items())


def test_number_of_a_refusal_is_given_once() -> None:
    assert {reason.value: reason.text for reason in Refusal} == REFUSAL_NUMBERS


def test_number_of_a_reason_to_issue_points_is_given_once() -> None:
    assert {reason.value: reason.text for reason in IssuedFor} == ISSUED_FOR_NUMBERS


def test_number_of_a_timer_is_given_once() -> None:
    assert {timer.kind: timer.name for timer in TIMERS} == TIMER_NUMBERS


def test_every_decision_has_an_effect() -> None:
    assert set(ENGINE.folds) == set(KINDS)


def test_every_kind_of_decision_is_a_decision_of_its_own_class() -> None:
    assert all(issubclass(kind, Decision) for kind in KINDS)
    assert len({kind.__name__ for kind in KINDS}) == len(KINDS)


def test_every_customer_record_has_its_stages() -> None:
    assert set(CUSTOMER_STAGES) == set(PROGRAM_STAGES) == set(get_args(AnyCustomerRecord))


def test_every_customer_record_is_an_event_a_command_or_a_request() -> None:
    kinds = get_args(AnyCustomerRecord)
    assert {kind.__name__ for kind in kinds if issubclass(kind, CommandRecord)} == COMMANDS
    assert {kind.__name__ for kind in kinds if issubclass(kind, Request)} == REQUESTS
    assert {kind.__name__ for kind in kinds} == COMMANDS | EVENTS | REQUESTS


def test_every_request_is_asked_by_a_decision_and_only_requests_answer() -> None:
    asked = {get_type_hints(ask)["return"].__name__ for concern in CONCERNS for ask in concern.requests.values()}
    assert asked == REQUESTS | {"ForwardRecord"}
    assert {kind.__name__ for concern in CONCERNS for kind in concern.answers} < REQUESTS


def test_every_kind_of_rule_is_compiled() -> None:
    union, _ = get_args(EarningRule)
    assert set(RULES) == set(get_args(union))


def test_exactly_the_decisions_about_points_move_points() -> None:
    assert set(MOVEMENTS) == {kind for kind in KINDS if issubclass(kind, PointsMoved)}
    assert set(MOVEMENTS) == {kind for kind in KINDS if "points" in kind.__struct_fields__}


def test_every_timer_belongs_to_one_concern() -> None:
    assert sorted(timer.kind for concern in CONCERNS for timer in concern.timers) == sorted(TIMER_NUMBERS)
    assert len({concern.name for concern in CONCERNS}) == len(CONCERNS)


@pytest.mark.parametrize(
    ("record", "names"),
    [
        pytest.param(bought("B1", 1, "2011-03-01"), ("bill:B1",), id="bill"),
        pytest.param(brought_back("B1", 1, "2011-03-01"), ("bill:B1", "parked:B1", "payment:B1"), id="return"),
        pytest.param(did("login", "2011-03-01"), (), id="event"),
        pytest.param(joined("2011-03-01"), (), id="customer"),
        pytest.param(
            redeem(1, "2011-03-01", bill_number="B1"), ("redemption:d-2011-03-01", "payment:B1"), id="redemption"
        ),
    ],
)
def test_record_needs_the_bill_it_speaks_of(record: AnyCustomerRecord, names: tuple[str, ...]) -> None:
    head = Head(org_id=ORG, customer_id=CUSTOMER)
    assert needs(CustomerState(head), record, Programs().activate(program()), record.event_time) == names


def test_decision_needs_the_bill_it_speaks_of() -> None:
    story = given(program(rules=[spend()]), bought("B1", 100, "2011-03-01"), adjust(5, "2011-03-02"))
    story.play(brought_back("B1", 100, "2011-03-03"))
    asked = {(type(fact.decision).__name__, name) for fact in story.facts for name in entries_of(fact.decision)}
    kinds = (
        "TransactionRecorded",
        "PurchaseCounted",
        "PointsIssued",
        "ReturnRecorded",
        "ReturnCounted",
        "PointsReversed",
    )
    assert asked == {(kind, "bill:B1") for kind in kinds}
    assert entries_of(story.only(PointsIssued)[-1]) == set()


def test_engine_loads_neither_faust_nor_kafka() -> None:
    heavy = ("faust", "confluent_kafka", "asyncio")
    code = f"import sys, pipeline.engine.decide; print([name for name in {heavy} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert loaded.stdout.strip() == "[]"
