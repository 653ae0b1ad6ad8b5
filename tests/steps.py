"""Steps of a story: programs, records, and the passing of time, written as briefly as a test can say them."""

from __future__ import annotations

import zlib
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from pipeline.engine.calendar import as_day
from schemas.program import ProgramDefinition
from schemas.records import (
    BILL,
    ActivatePoints,
    AdjustPoints,
    AnyCustomerRecord,
    AssignTier,
    AssignTransaction,
    BackfillBegun,
    BlockPoints,
    CancelPoints,
    CancelPromise,
    ChangeExpiry,
    ConfirmRedemption,
    CustomerAdded,
    CustomerStatus,
    CustomerUpdated,
    CustomEventReceived,
    EndHold,
    EnrolStreak,
    EnrolTarget,
    ExpirePoints,
    FreezeStreak,
    KnownBy,
    Line,
    LinkIdentifiers,
    MergeCustomers,
    PauseStreak,
    Profile,
    ReassessTier,
    Record,
    RedeemPoints,
    ReleasePoints,
    ReleaseTier,
    ResolveCustomer,
    ResumeStreak,
    ReverseRedemption,
    SetTarget,
    TransactionAdded,
    TransactionReturned,
    TransactionUpdated,
    TransferPoints,
    UnenrolStreak,
    UnenrolTarget,
    UseIdentityKey,
    encode_record,
)

ORG: Final = 1
CUSTOMER: Final = 7
ZONE: Final = "Europe/London"
UNKNOWN: Final = Profile()


class Tick(NamedTuple):
    """The clock of the customer's partition reaches `time`."""

    time: int


class Activation(NamedTuple):
    """A version of a program that is in force from an instant on."""

    definition: ProgramDefinition
    starts_at: int


Step = AnyCustomerRecord | Tick | ProgramDefinition | Activation | BackfillBegun
BACKFILL: Final = BackfillBegun(0, "", 0, ("history",))
"""History is being loaded from here on."""


def instant(text: str, zone: str = ZONE) -> int:
    """Milliseconds since the epoch of a local date (noon) or a local date and time."""
    local = datetime.fromisoformat(text if " " in text else f"{text} 12:00").replace(tzinfo=ZoneInfo(zone))
    return (local - datetime(1970, 1, 1, tzinfo=ZoneInfo("UTC"))) // timedelta(milliseconds=1)


def day(text: str) -> int:
    """The number of a local date."""
    return as_day(date.fromisoformat(text))


def program(**parts: Any) -> ProgramDefinition:
    """Program 1, version 1, in London and pounds; `parts` are those of the YAML file."""
    fixed = {"org_id": ORG, "program_id": 1, "version": 1, "name": "Test", "zone": ZONE, "currency": "GBP"}
    return ProgramDefinition.model_validate_json(msgspec.json.encode({**fixed, **parts}))


def starting(on: str, definition: ProgramDefinition) -> Activation:
    """A version of a program that is in force from then on."""
    return Activation(definition, instant(on))


def spend(rule: str = "spend", points: int = 1, per_minor: int = 100, **parts: Any) -> dict[str, Any]:
    """A spend rule: by default a point for every pound."""
    return {"id": rule, "kind": "spend", "points": points, "per_minor": per_minor, **parts}


def milestone(name: str, target: int = 1, period: str = "month", **parts: Any) -> dict[str, Any]:
    """A milestone: by default one bill in a month."""
    fixed = {"target_id": 9, "name": name, "counts": {"of": "transactions"}}
    return {"id": name, "target": target, "period": period, **fixed, **parts}


def bought(bill: str, amount: int | None, on: str | int, **parts: Any) -> TransactionAdded:
    """A bill; without an amount, what its lines come to."""
    lines: tuple[Line, ...] = parts.get("lines", ())
    total = sum(line.amount_minor for line in lines) if amount is None else amount
    parts = {"currency": "GBP", **parts}
    return _record(TransactionAdded, f"t-{bill}", on, bill_number=bill, amount_minor=total, **parts)


def brought_back(bill: str, amount: int | None, on: str | int, **parts: Any) -> TransactionReturned:
    """A return of a bill, in part or in whole; without an amount, what its lines come to."""
    lines: tuple[Line, ...] = parts.get("lines", ())
    amount = sum(line.amount_minor for line in lines) if amount is None else amount
    parts = {"bill_number": f"R-{bill}-{on}", "currency": "GBP", **parts}
    return _record(TransactionReturned, f"r-{bill}-{on}", on, of_bill=bill, amount_minor=amount, **parts)


def updated(bill: str, amount: int | None, on: str | int, **parts: Any) -> TransactionUpdated:
    """A bill is otherwise; without an amount, as its lines say, or as it was."""
    lines: tuple[Line, ...] = parts.get("lines", ())
    total = sum(line.amount_minor for line in lines) if lines else amount
    return _record(TransactionUpdated, f"u-{bill}-{on}", on, bill_number=bill, amount_minor=total, **parts)


def did(event: str, on: str | int, **parts: Any) -> CustomEventReceived:
    """A custom event."""
    return _record(CustomEventReceived, f"e-{event}-{on}", on, event_name=event, **parts)


def redeem(points: int, on: str | int, **parts: Any) -> RedeemPoints:
    """A wish to spend points."""
    return _record(RedeemPoints, f"d-{on}", on, **{"program_id": 1, "points": points, **parts})


def confirm(redemption_id: str, on: str | int, **parts: Any) -> ConfirmRedemption:
    """A wish to take the points that a redemption holds."""
    return _record(ConfirmRedemption, f"n-{on}", on, **{"program_id": 1, "redemption_id": redemption_id, **parts})


def reverse(redemption_id: str, on: str | int, points: int | None = None, **parts: Any) -> ReverseRedemption:
    """A wish to take a redemption back, in part or in whole."""
    fields = {"program_id": 1, "redemption_id": redemption_id, "points": points, **parts}
    return _record(ReverseRedemption, f"v-{on}", on, **fields)


def adjust(points: int, on: str | int, **parts: Any) -> AdjustPoints:
    """Points given, or taken away."""
    return _record(AdjustPoints, f"a-{on}", on, **{"program_id": 1, "points": points, "reason": "goodwill", **parts})


def block(points: int, on: str | int, **parts: Any) -> BlockPoints:
    """A wish to put points aside; `until` is a local time or an instant."""
    until = parts.pop("until", None)
    parts["until"] = instant(until) if isinstance(until, str) else until
    return _record(BlockPoints, f"h-{on}", on, **{"program_id": 1, "points": points, "reason": "stolen card", **parts})


def activate(reference: str, on: str | int, **parts: Any) -> ActivatePoints:
    """A wish to let promised points be spent."""
    parts = {"program_id": 1, "reference": reference, "reason": "shown", **parts}
    return _record(ActivatePoints, f"ap-{on}", on, **parts)


def call_off(reference: str, on: str | int, **parts: Any) -> CancelPromise:
    """A wish to cancel promised points."""
    parts = {"program_id": 1, "reference": reference, "reason": "mistake", **parts}
    return _record(CancelPromise, f"cp-{on}", on, **parts)


def cancel(on: str | int, **named: Any) -> CancelPoints:
    """A wish to take an award back that was a mistake; `named` by `lot`, or by `bill_number` and perhaps `rule`."""
    return _record(CancelPoints, f"ca-{on}", on, **{"program_id": 1, "reason": "a mistake", **named})


def delivered(bill: str, on: str | int, status: str = "DELIVERED", **parts: Any) -> TransactionUpdated:
    """The status of a bill's delivery."""
    return _record(TransactionUpdated, f"u-{bill}-{on}", on, bill_number=bill, delivery_status=status, **parts)


def release(hold_id: str, on: str | int, **parts: Any) -> ReleasePoints:
    """A wish to give back what a block put aside."""
    return _record(
        ReleasePoints, f"l-{on}", on, **{"program_id": 1, "hold_id": hold_id, "reason": "found again", **parts}
    )


def extend(until: str, on: str | int, *lots: int, **parts: Any) -> ChangeExpiry:
    """A wish to let points expire later."""
    return expire_on(until, on, *lots, **{"later": True, **parts})


def expire_on(until: str, on: str | int, *lots: int, **parts: Any) -> ChangeExpiry:
    """A wish to let points expire earlier."""
    parts = {"program_id": 1, "later": False, "reason": "by request", "lots": lots, **parts}
    return _record(ChangeExpiry, f"x-{on}", on, expires_on=day(until), **parts)


def expire_now(on: str | int, *lots: int, **parts: Any) -> ExpirePoints:
    """A wish to let points expire."""
    return _record(ExpirePoints, f"n-{on}", on, **{"program_id": 1, "reason": "by request", "lots": lots, **parts})


def assign(tier: str, on: str | int, **parts: Any) -> AssignTier:
    """A tier that somebody gives."""
    return _record(AssignTier, f"at-{on}", on, **{"program_id": 1, "tier": tier, "reason": "goodwill", **parts})


def reassess(on: str | int, **parts: Any) -> ReassessTier:
    """A wish that the customer has the tier of their values."""
    return _record(ReassessTier, f"ra-{on}", on, **{"program_id": 1, "reason": "new tiers", **parts})


def release_tier(on: str | int, **parts: Any) -> ReleaseTier:
    """A tier that somebody gave is to hold no longer."""
    return _record(ReleaseTier, f"rt-{on}", on, **{"program_id": 1, "reason": "over", **parts})


def enrol(streak: str, on: str | int, **parts: Any) -> EnrolStreak:
    """A wish to take part in a streak."""
    return _record(EnrolStreak, f"es-{streak}-{on}", on, **{"program_id": 1, "streak": streak, **parts})


def unenrol(streak: str, on: str | int, **parts: Any) -> UnenrolStreak:
    """A wish to take part in a streak no longer."""
    return _record(UnenrolStreak, f"us-{streak}-{on}", on, **{"program_id": 1, "streak": streak, **parts})


def pause(streak: str, on: str | int, **parts: Any) -> PauseStreak:
    """A streak is to be paused."""
    parts = {"program_id": 1, "streak": streak, "reason": "on holiday", **parts}
    return _record(PauseStreak, f"ps-{streak}-{on}", on, **parts)


def resume(streak: str, on: str | int, **parts: Any) -> ResumeStreak:
    """A streak that is paused is to run on."""
    parts = {"program_id": 1, "streak": streak, "reason": "back", **parts}
    return _record(ResumeStreak, f"rs-{streak}-{on}", on, **parts)


def freeze(streak: str, first: str, days: int, on: str | int, **parts: Any) -> FreezeStreak:
    """Some days are to break no run."""
    parts = {"program_id": 1, "streak": streak, "reason": "ill", "days": days, **parts}
    return _record(FreezeStreak, f"fs-{streak}-{on}", on, first_day=day(first), **parts)


def enrol_target(milestone_id: str, on: str | int, **parts: Any) -> EnrolTarget:
    """A wish to have the customer in a milestone."""
    parts = {"program_id": 1, "milestone": milestone_id, "reason": "asked", **parts}
    return _record(EnrolTarget, f"et-{on}", on, **parts)


def unenrol_target(milestone_id: str, on: str | int, **parts: Any) -> UnenrolTarget:
    """A wish to have the customer in a milestone no longer."""
    parts = {"program_id": 1, "milestone": milestone_id, "reason": "asked", **parts}
    return _record(UnenrolTarget, f"ut-{on}", on, **parts)


def set_target(milestone_id: str, target: int | None, on: str | int, **parts: Any) -> SetTarget:
    """A wish that a milestone asks something else of the customer."""
    parts = {"program_id": 1, "milestone": milestone_id, "target": target, "reason": "asked", **parts}
    return _record(SetTarget, f"st-{on}", on, **parts)


def transfer(points: int, to: int, on: str | int, **parts: Any) -> TransferPoints:
    """A wish to give points to another customer."""
    return _record(TransferPoints, f"x-{on}", on, **{"program_id": 1, "points": points, "receiver_id": to, **parts})


def merge(victim: int, on: str | int, **parts: Any) -> MergeCustomers:
    """A wish to get all that another customer has."""
    return _record(MergeCustomers, f"m-{on}", on, **{"victim_id": victim, **parts})


def unnamed(
    kind: str, on: str | int, digest: str = "d", *more: KnownBy, record: Record | None = None
) -> ResolveCustomer:
    """A record, by default an event, whose customer is named by identifiers alone."""
    inside = did("login", on, customer_id=0) if record is None else record
    return _record(
        ResolveCustomer,
        f"in:0:{on}",
        on,
        customer_id=0,
        identifiers=(KnownBy(kind=kind, digest=digest), *more),
        record=encode_record(inside),
    )


def linked(person: int, on: str | int, *identifiers: tuple[str, str], **parts: Any) -> LinkIdentifiers:
    """Somebody has identifiers from then on, or no longer."""
    known = tuple(KnownBy(kind=kind, digest=digest) for kind, digest in identifiers)
    return _record(LinkIdentifiers, f"in:1:{on}", on, customer_id=0, person=person, identifiers=known, **parts)


def assigned(number: str, on: str | int, customer_id: int = CUSTOMER, **parts: Any) -> AssignTransaction:
    """A bill that is held under its number is a customer's."""
    bill = KnownBy(kind=BILL, digest=number)
    fixed = {"person": customer_id, "bill": bill, "bill_number": number}
    return _record(AssignTransaction, f"a-{number}-{on}", on, customer_id=0, **fixed, **parts)


def hold_over(place: str, on: str | int) -> EndHold:
    """The time is up of what is held at a place."""
    return _record(EndHold, f"in:2:{on}", on, customer_id=0, sender_id=0, via="", place=place)


def keyed(fingerprint: str, on: str | int) -> UseIdentityKey:
    """Intake says which key it hashes identifiers with."""
    return _record(UseIdentityKey, f"in:3:{on}", on, customer_id=0, fingerprint=fingerprint)


def joined(on: str | int, profile: Profile = UNKNOWN, **parts: Any) -> CustomerAdded:
    """A customer is announced."""
    return _record(CustomerAdded, f"j-{on}", on, profile=profile, **parts)


def status(name: str, on: str | int, **parts: Any) -> CustomerStatus:
    """Somebody says what a customer may do."""
    return _record(CustomerStatus, f"s-{name}-{on}", on, **{"status": name, "reason": "a complaint", **parts})


def changed(on: str | int, profile: Profile, **parts: Any) -> CustomerUpdated:
    """A profile changes."""
    return _record(CustomerUpdated, f"c-{on}", on, profile=profile, **parts)


def tick(on: str | int) -> Tick:
    """The partition's clock moves."""
    return Tick(on if isinstance(on, int) else instant(on))


def _record(kind: type[Any], record_id: str, on: str | int, **parts: Any) -> Any:
    at = on if isinstance(on, int) else instant(on)
    parts = {"id": record_id, "customer_id": CUSTOMER, **parts}
    return kind(
        received_at=at,
        source="loyalty.transactions:0",
        offset=0,
        org_id=ORG,
        digest=zlib.crc32(repr((kind.__name__, at, sorted(parts.items()))).encode()),
        event_time=at,
        **parts,
    )
