"""The program definition: what a loyalty manager writes, as YAML or JSON.

Everything a decision depends on stands here, so a program travels whole in the journal. Amounts are integers in minor
units of `currency` (pence for GBP); points are integers. Dates are local dates in `zone`, both ends inclusive.
"""

from schemas.program.counts import Events, FrequencyLimit, Transactions
from schemas.program.cycles import Cycle, FromDate, Lifetime, PerCustomer, PeriodUnit, Rolling, Window, Windows
from schemas.program.definition import ProgramDefinition, expiries, paths_of_currencies
from schemas.program.events import event_names
from schemas.program.expiry import Activity, Expiry, RoundUp
from schemas.program.milestones import Adds, Enrolment, Milestone, TargetGroup
from schemas.program.notifications import NotificationProfile
from schemas.program.points import AlternateCurrency, PointsCurrency
from schemas.program.promises import (
    AfterDays,
    AtOnce,
    Delivered,
    OnDate,
    Promised,
    PromisedOfBill,
    PromisedOrNot,
    Triggered,
)
from schemas.program.redemption import Redemption, SpendingOrder, TierLimits
from schemas.program.returns import LINE_METHODS, ReturnMethod, Returns, RewardPolicy, Shortfall
from schemas.program.rules import EarningRule, EventRule, MultiplierRule, Rule, SpendRule
from schemas.program.streaks import AtRisk, Freezes, Streak, StreakLevel
from schemas.program.tiers import (
    RENEWALS,
    Approaching,
    FurtherBasis,
    FurtherRenewal,
    Keeping,
    RenewalBasis,
    Tier,
    TierBasis,
    TierReward,
    Tiers,
    TierValidity,
)
from schemas.program.trackers import Tracker, TrackerMeasure, TrackerWindow
from schemas.program.transfers import Transfers
from schemas.program.unified import Condition, Group, UnifiedTarget, condition_of, milestones_in
from schemas.program.values import (
    ATTRIBUTE_DIGITS,
    CURRENCIES_MAX,
    MILESTONES_MAX,
    REPEAT_WINDOW_DAYS_MAX,
    RULES_MAX,
    STREAKS_MAX,
    DayStart,
    Validity,
)

__all__ = [
    "ATTRIBUTE_DIGITS",
    "CURRENCIES_MAX",
    "LINE_METHODS",
    "MILESTONES_MAX",
    "RENEWALS",
    "REPEAT_WINDOW_DAYS_MAX",
    "RULES_MAX",
    "STREAKS_MAX",
    "Activity",
    "Adds",
    "AfterDays",
    "AlternateCurrency",
    "Approaching",
    "AtOnce",
    "AtRisk",
    "Condition",
    "Cycle",
    "DayStart",
    "Delivered",
    "EarningRule",
    "Enrolment",
    "EventRule",
    "Events",
    "Expiry",
    "Freezes",
    "FrequencyLimit",
    "FromDate",
    "FurtherBasis",
    "FurtherRenewal",
    "Group",
    "Keeping",
    "Lifetime",
    "Milestone",
    "MultiplierRule",
    "NotificationProfile",
    "OnDate",
    "PerCustomer",
    "PeriodUnit",
    "PointsCurrency",
    "ProgramDefinition",
    "Promised",
    "PromisedOfBill",
    "PromisedOrNot",
    "Redemption",
    "RenewalBasis",
    "ReturnMethod",
    "Returns",
    "RewardPolicy",
    "Rolling",
    "RoundUp",
    "Rule",
    "Shortfall",
    "SpendRule",
    "SpendingOrder",
    "Streak",
    "StreakLevel",
    "TargetGroup",
    "Tier",
    "TierBasis",
    "TierLimits",
    "TierReward",
    "TierValidity",
    "Tiers",
    "Tracker",
    "TrackerMeasure",
    "TrackerWindow",
    "Transactions",
    "Transfers",
    "Triggered",
    "UnifiedTarget",
    "Validity",
    "Window",
    "Windows",
    "condition_of",
    "event_names",
    "expiries",
    "milestones_in",
    "paths_of_currencies",
]
