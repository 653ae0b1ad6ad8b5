"""The profiles: how a notification's JSON is laid out around its `data`.

`flat` and `wrapped` have one envelope for all events; `as-published` has, for each, that of the vendor's page (S4).

`seq` is ours: it orders a customer's events across topics. The layouts, and the `data` of what comes with every bill,
are structs: built and encoded in half the time of a dict.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from pipeline.notify.context import Cause, Context
from schemas.notifications import EventName
from schemas.program import NotificationProfile

_ENCODER: Final = msgspec.json.Encoder()


class _Flat(msgspec.Struct, frozen=True, kw_only=True, gc=False, rename="camel"):
    event_name: str
    event_id: str
    org_id: int
    ref_id: str
    api_request_id: str | UnsetType
    created_at: int
    data: object
    loyalty_event_id: str | UnsetType | None
    seq: int


class _Attributes(msgspec.Struct, frozen=True, kw_only=True, gc=False, rename="camel"):
    created_at: int
    data: object
    loyalty_event_id: str | UnsetType | None
    event_name: str
    ref_id: str
    api_request_id: str
    org_id: int
    seq: int


class _Wrapped(msgspec.Struct, frozen=True, kw_only=True, gc=False, rename="camel"):
    event_id: str
    event_type: str
    consumer_group_id: None
    action_type: str
    time_stamp: int
    attributes: _Attributes


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """How an envelope is printed."""

    wrapped: bool = False
    org_in_type: bool = False
    """Whether `eventType` begins with the number of the org."""
    token: bool = False
    """Whether `loyaltyEventId` is the token of the cause."""
    no_token: str | UnsetType | None = UNSET
    """What `loyaltyEventId` is otherwise; left out where it is UNSET."""
    api_request_id: bool = True
    """Whether there is one."""


_FLAT: Final = Page(token=True)
_WRAPPED: Final = Page(wrapped=True, token=True)
_BARE: Final = Page(wrapped=True)
_TIER: Final = Page(no_token=None)
_TARGET: Final = Page(wrapped=True, org_in_type=True, no_token="")
_WINDOW: Final = Page(no_token="")
PAGES: Final[Mapping[str, Page]] = {
    EventName.CUSTOMER_ADDED: Page(wrapped=True, org_in_type=True),
    EventName.CUSTOMER_UPDATED: _BARE,
    EventName.LOYALTY_CUSTOMER_MERGE: Page(),
    EventName.TRANSACTION_ADDED: _BARE,
    EventName.TRANSACTION_UPDATED: _BARE,
    EventName.POINTS_ISSUED: _WRAPPED,
    EventName.POINTS_REDEEMED: _WRAPPED,
    EventName.PROMISED_TO_CURRENT_POINTS_CONVERSION: Page(wrapped=True, org_in_type=True, token=True),
    EventName.POINTS_EXPIRED: Page(api_request_id=False),
    EventName.POINTS_EXPIRY_REMINDER: Page(no_token=None),
    EventName.POINTS_TRANSFERRED_INITIATED: _WRAPPED,
    EventName.POINTS_TRANSFERRED_RECEIVED: _WRAPPED,
    EventName.REDEEMED_POINTS_REVERSED: _WRAPPED,
    EventName.SINGLE_POINTS_EXPIRY_UPDATED: _BARE,
    EventName.ISSUED_POINTS_REVERSED: _FLAT,
    EventName.ALTERNATE_CURRENCIES_ISSUED: _FLAT,
    EventName.ISSUED_ALTERNATE_CURRENCIES_REVERSED: _FLAT,
    EventName.TIER_UPGRADED: _TIER,
    EventName.TIER_RENEWED: _TIER,
    EventName.TIER_DOWNGRADED: _TIER,
    EventName.TIER_DOWNGRADE_REMINDER: _TIER,
    EventName.TIER_APPROACHING: _TIER,
    EventName.TARGET_ACHIEVED_VALUE_UPDATED: _TARGET,
    EventName.TARGET_VALUE_ACHIEVED: _TARGET,
    EventName.STREAK_CUSTOMER_ENROLMENT: Page(wrapped=True, org_in_type=True),
    EventName.STREAK_CUSTOMER_UN_ENROLMENT: Page(),
    EventName.TARGET_VALUE_UPDATED: _TARGET,
    EventName.UNIFIED_TARGETS_ACHIEVED: _FLAT,
    EventName.UNIFIED_TARGETS_UN_ACHIEVED: _FLAT,
    EventName.TARGET_PERIOD_START: _WINDOW,
    EventName.TARGET_PERIOD_END: _WINDOW,
    EventName.TARGET_CUSTOMER_ENROLMENT: _BARE,
    EventName.STREAK_LEVEL_ACHIEVED: _WRAPPED,
    EventName.STREAK_LEVEL_UN_ACHIEVED: _WRAPPED,
    EventName.STREAK_START: _WINDOW,
    EventName.STREAK_END: _WINDOW,
    EventName.STREAK_AT_RISK: _WINDOW,
}
"""The envelopes of the vendor's page (S4).

streakAtRisk and tierApproaching are ours, and have those of their like.

RULE: every event has an `eventId`, also where the sample has none; the samples about alternate currencies are no JSON,
so what they lack says nothing: they have the whole flat envelope. Four events about targets are named there without
a sample (S4 l.2346-2355): they have the envelopes of their counterparts about values and streaks.
"""
_ALL: Final = {"flat": _FLAT, "wrapped": _WRAPPED}


def body_of(
    profile: NotificationProfile,
    event: str,
    event_id: str,
    ref_id: str,
    data: object,
    seq: int,
    cause: Cause,
    context: Context,
) -> bytes:
    """The JSON of a notification; raises `KeyError` for an event that `PAGES` lacks, as published."""
    page = PAGES[event] if profile == "as-published" else _ALL[profile]
    loyalty_event_id = cause.token if page.token else page.no_token
    if not page.wrapped:
        return _ENCODER.encode(
            _Flat(
                event_name=event,
                event_id=event_id,
                org_id=context.org_id,
                ref_id=ref_id,
                api_request_id=cause.token if page.api_request_id else UNSET,
                created_at=cause.created_at,
                data=data,
                loyalty_event_id=loyalty_event_id,
                seq=seq,
            )
        )
    return _ENCODER.encode(
        _Wrapped(
            event_id=event_id,
            event_type=f"{context.org_id}_{event}" if page.org_in_type else event,
            consumer_group_id=None,
            action_type="START",
            time_stamp=context.recorded_at,  # when the record or tick came
            attributes=_Attributes(
                created_at=cause.created_at,
                data=data,
                loyalty_event_id=loyalty_event_id,
                event_name=event,
                ref_id=ref_id,
                api_request_id=cause.token,
                org_id=context.org_id,
                seq=seq,
            ),
        )
    )
