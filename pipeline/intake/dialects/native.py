"""The native dialect: a JSON message becomes a canonical record, or a dead letter with every defect.

A message that is well formed is decoded once, by type; only a message that fails is walked
field by field (`diagnosis`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from hashlib import blake2b
from typing import Any, Final

import msgspec

from pipeline.intake.dialects.naming import NOBODY, TO_THE_ORG, by_settings, input_key, to_the_org, waits_for_assignment
from pipeline.intake.dialects.native_diagnosis import diagnose, duplicate_key
from pipeline.intake.events import about_its_subject
from pipeline.intake.letters.letter import TIME_FILLED_HEADER, origin_of
from pipeline.intake.org_settings import KnownOrg
from pipeline.intake.times import SECONDS_END, day_in, instant_of, other_instant
from pipeline.intake.verdict import Accepted, Defect, Incoming, Limits, Reason, Rejected
from schemas import messages, records

_DECODER: Final[msgspec.json.Decoder[messages.AnyMessage]] = msgspec.json.Decoder(messages.AnyMessage)
# Two spellings of one message have one digest, so the keys of its objects are put in order.
_CONTENT: Final = msgspec.msgpack.Encoder(order="deterministic")
_DIGEST_BYTES: Final = 6
_ENTERED: Final = (
    records.TransactionAdded,
    records.TransactionReturned,
    records.TransactionUpdated,
    records.CustomEventReceived,
    records.CustomerAdded,
    records.CustomerUpdated,
    records.RedeemPoints,
    records.AdjustPoints,
)
"""Records that may say, beside their content, where they were entered, or by whom."""
_DATED: Final = (records.TransactionAdded, records.CustomEventReceived)
"""Those of them that may be dated by it."""
_SEPARATORS: Final = (b",", b"[", b"{")
SEPARATORS_MAX: Final = 50_000
"""Limit for messages that are not well formed: finding every defect of a larger one would take too long."""
_CLEARED: Final = {field.encode_name: field.name for field in msgspec.structs.fields(messages.ProfileMessage)}
"""Fields of a profile by the name that messages give them."""
_BACKSLASH: Final = ord("\\")
_DELETE: Final = 0x7F
_ESCAPED_CONTROL: Final = re.compile(rb"\\u00[01]|\\u007[fF]|\\[bfnrt]|\x7f")


def normalise(message: Incoming, *, wall: int, limits: Limits) -> Accepted | Rejected:
    """Normalises a message of an input topic to a canonical record, or says why that is impossible.

    Args:
        message: as read from the input topic.
        wall: the wall clock, milliseconds since the epoch; it becomes the record's `received_at`.
        limits: what the message is held to beside the shape of its fields.
    """
    value = message.value
    if value is None or len(value) > limits.bytes_max:
        return _refused(message, wall, limits, "no value of a length that is read")
    try:
        content = _DECODER.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        few = sum(map(value.count, _SEPARATORS)) <= SEPARATORS_MAX
        return _refused(message, wall, limits, str(error)) if few else _beyond_diagnosis(str(error))
    # JSON has control characters as escapes only, save DEL; looking for a backslash is cheaper than reading strings.
    if (_BACKSLASH in value or _DELETE in value) and _ESCAPED_CONTROL.search(value):
        rejected = diagnose(message, wall=wall, limits=limits)
        if rejected is not None:
            return rejected
    types = limits.types.get(message.topic)
    if types is not None and content.__struct_config__.tag not in types:
        return _refused(message, wall, limits, "this topic does not take its type")
    if isinstance(content, messages.AdvanceClock):
        return _clock(message, content, wall, limits)
    return _customer_record(message, content, wall, limits)


def _refused(message: Incoming, wall: int, limits: Limits, seen: str) -> Rejected:
    found = diagnose(message, wall=wall, limits=limits)
    if found is not None:
        return found
    # The decoder is the judge; should it refuse what the diagnosis lets pass, its own words are the last resort.
    defect = duplicate_key(message.value or b"") or Defect("", seen, "correct the message")
    return Rejected(Reason.INVALID_FIELDS, (defect,))


def _beyond_diagnosis(seen: str) -> Rejected:
    problem = f"has more than {SEPARATORS_MAX} commas and brackets, too many to name every defect; the first: {seen}"
    return Rejected(Reason.TOO_LARGE, (Defect("", problem, "correct it, and leave out what no field needs"),))


def _clock(message: Incoming, content: messages.AdvanceClock, wall: int, limits: Limits) -> Accepted | Rejected:
    if message.topic != limits.clock_topic or content.time > wall + limits.future_ms:
        return _refused(message, wall, limits, "no clock is taken here")
    source = f"{message.topic}:{message.partition}"
    return Accepted(records.ClockAdvanced(wall, source, message.offset, source, content.time, content.last), None)


def _customer_record(
    message: Incoming, content: messages.CustomerMessage, wall: int, limits: Limits
) -> Accepted | Rejected:
    event_time = content.event_time
    if type(event_time) is not int or event_time < SECONDS_END or content.zone is not None:
        resolved = instant_of(event_time, content.zone)
        if isinstance(resolved, Defect):
            return _refused(message, wall, limits, resolved.problem)
        event_time = resolved
    org = limits.orgs.get(content.org_id) if limits.orgs else None
    if org is not None and isinstance(content, messages.CustomEvent):
        content = about_its_subject(content, org)
    customer_id = content.customer_id
    if event_time > wall + limits.future_ms or _names_nobody(content, org):
        return _refused(message, wall, limits, "it lies in the future, or names no customer")
    if isinstance(content, TO_THE_ORG):
        return to_the_org(message, content, event_time, wall, limits, org)
    record = _record(message, content, event_time, wall)
    if record is None:
        return _refused(message, wall, limits, "a field contradicts another")
    if isinstance(record, _ENTERED):
        record = _entered(record, content, org)
    if isinstance(content, messages.TransactionAdded | messages.TransactionReturned):
        record = _worded(record, content)
    if org is None and customer_id is not None:
        return Accepted(record, input_key(content.org_id, customer_id))
    return by_settings(message, content, record, limits, org)


def _entered(
    record: records.CustomerRecord, content: messages.CustomerMessage, org: KnownOrg | None
) -> records.CustomerRecord:
    """The record with where it happened, what the settings call its store and till, and who entered it.

    None of it is in the digest: however it is known, it is the same record.
    """
    changes: dict[str, Any] = {}
    zone, entered_by = content.zone, getattr(content, "entered_by", "")
    if org is not None and (store := org.stores.get(getattr(record, "store", ""))) is not None:
        till = next((one for one in store.tills if one.code == getattr(record, "till", "")), None)
        zone = zone or store.zone or org.org.zone
        entered_by = entered_by or str((till and till.id) or store.id or "")
        changes["site"] = records.Site(
            store_name=store.name,
            store_ids=(store.external_id, store.external_id1, store.external_id2),
            till_name=till.name if till else "",
        )
    if entered_by:
        changes["entered_by"] = entered_by
    if zone and isinstance(record, _DATED):
        changes["zone"] = zone
    return msgspec.structs.replace(record, **changes) if changes else record


def _worded(
    record: records.CustomerRecord, content: messages.TransactionAdded | messages.TransactionReturned
) -> records.CustomerRecord:
    """The record with what is said beside what counts. None of it is in the digest: it is the same bill."""
    is_said = any(line.name or line.maker or line.labels for line in content.lines)
    if not is_said and not content.labels:
        return record
    lines = [records.LineWords(line.name, line.maker, _labels(line.labels)) for line in content.lines if is_said]
    return msgspec.structs.replace(record, words=records.Words(_labels(content.labels), tuple(lines)))


def _labels(labels: tuple[messages.Label, ...]) -> tuple[records.Label, ...]:
    return tuple([records.Label(label.key, label.value) for label in labels])


def _names_nobody(content: messages.CustomerMessage, org: KnownOrg | None) -> bool:
    """Whether a customer id, or identifiers, are missing."""
    if content.customer_id is not None:
        if isinstance(content, messages.UnlinkIdentifiers) and content.everything:
            return False
        return not content.identifiers and isinstance(content, messages.LinkIdentifiers | messages.UnlinkIdentifiers)
    if isinstance(content, TO_THE_ORG):
        return True
    return not content.identifiers and not waits_for_assignment(content, org)


def _record(
    message: Incoming, content: messages.CustomerMessage, event_time: int, wall: int
) -> records.CustomerRecord | None:
    """The record of a message; None if its fields contradict each other."""
    record_type, fields_of = _KINDS[type(content)]
    fields = fields_of(content)
    if fields is None:
        return None
    record: records.CustomerRecord = record_type(
        wall,
        f"{message.topic}:{message.partition}",
        message.offset,
        content.org_id,
        content.customer_id or NOBODY,
        content.id or origin_of(message),
        _digest((0 if _time_filled(message) else event_time, *fields)),
        event_time,
        *fields,
    )
    return record


def _time_filled(message: Incoming) -> bool:
    return bool(message.headers) and any(name == TIME_FILLED_HEADER for name, _ in message.headers)


def _digest(content: tuple[object, ...]) -> int:
    # Org, customer, type and id are left out: digests are only compared where these agree.
    return int.from_bytes(blake2b(_CONTENT.encode(content), digest_size=_DIGEST_BYTES).digest(), "big")


Fields = tuple[object, ...] | None
"""The record's own fields in order; None if fields of the message contradict each other."""


def _added(message: messages.TransactionAdded) -> Fields:
    lines = message.lines
    if lines and sum([line.amount_minor for line in lines]) != message.amount_minor:
        return None
    return (
        message.bill_number,
        message.amount_minor,
        message.currency,
        _lines(lines),
        message.discount_minor,
        message.gross_minor,
        message.store,
        message.till,
    )


def _returned(message: messages.TransactionReturned) -> Fields:
    lines = message.lines
    if lines and sum([line.amount_minor for line in lines]) != message.amount_minor:
        return None
    return (
        message.bill_number,
        message.of_bill,
        message.amount_minor,
        message.currency,
        _lines(lines),
        message.store,
        message.till,
    )


def _updated(message: messages.TransactionUpdated) -> Fields:
    lines = message.lines
    amount = sum([line.amount_minor for line in lines]) if lines else message.amount_minor
    if lines and message.amount_minor not in (None, amount):
        return None
    if amount is None and not message.delivery_status:
        return None
    return (
        message.bill_number,
        amount,
        _lines(lines),
        message.discount_minor,
        message.gross_minor,
        message.delivery_status,
    )


def _lines(lines: tuple[messages.Line, ...]) -> tuple[records.Line, ...]:
    return tuple(
        [records.Line(line.sku, line.amount_minor, line.quantity, line.category, line.line_id) for line in lines]
    )


def _custom_event(message: messages.CustomEvent) -> Fields:
    return message.event_name, {
        name: _decimal(value) if type(value) is float else value for name, value in message.attributes.items()
    }


def _decimal(value: float) -> str:
    return format(Decimal(repr(value)), "f")


def _profile(message: messages.ProfileMessage) -> tuple[object, ...]:
    return (
        records.Profile(
            message.first_name,
            message.last_name,
            message.mobile,
            message.email,
            message.external_id,
            message.loyalty_type,
            message.channel,
            message.extended,
        ),
    )


def _registration(message: messages.CustomerAdded) -> Fields:
    return (*_profile(message), *_place(message))


def _update(message: messages.CustomerUpdated) -> Fields:
    cleared = tuple(_CLEARED.get(name, name) for name in message.clear)
    place = _place(message)
    return (*_profile(message), cleared, *place) if cleared or place else _profile(message)


def _place(message: messages.CustomerAdded | messages.CustomerUpdated) -> tuple[str, ...]:
    return (message.store, message.till) if message.store or message.till else ()


def _redeem(message: messages.RedeemPoints) -> Fields:
    return message.program_id, message.points, message.currency, message.bill_number, message.notes, message.hold


def _adjust(message: messages.AdjustPoints) -> Fields:
    if message.points == 0 or (message.corrects and message.points > 0):
        return None
    fields = (message.program_id, message.points, message.reason, message.currency)
    return (*fields, message.corrects) if message.corrects else fields


def _cancel(message: messages.CancelPoints) -> Fields:
    sources = (message.bill_number, message.event, message.milestone, message.streak)
    if sum(map(bool, sources)) + (message.lot is not None) != 1:
        return None
    if (message.rule and not message.bill_number) or (message.nth is not None and not message.streak):
        return None
    if bool(message.milestone) != bool(message.cycle) or bool(message.streak) != (message.level is not None):
        return None
    return (
        message.program_id,
        message.reason,
        message.lot or 0,
        message.bill_number,
        message.rule,
        message.currency,
        message.entered_by,
        message.event,
        message.milestone,
        message.cycle,
        message.streak,
        message.level or 0,
        message.nth or 1,
    )


def _block(message: messages.BlockPoints) -> Fields:
    until = None if message.until is None else other_instant("until", message.until, message.zone)
    if isinstance(until, Defect):
        return None
    return message.program_id, message.points, message.reason, until, message.entered_by, message.currency


def _change_expiry(message: messages.ChangeExpiry) -> Fields:
    day = day_in("expiresOn", message.expires_on)
    if isinstance(day, Defect):
        return None
    return (
        message.program_id,
        message.change == "EXTEND",
        day,
        message.reason,
        message.lots,
        message.entered_by,
        message.currency,
    )


def _expire(message: messages.ExpirePoints) -> Fields:
    return message.program_id, message.reason, message.lots, message.entered_by, message.currency


def _release(message: messages.ReleasePoints) -> Fields:
    return message.program_id, message.hold_id, message.reason, message.entered_by


def _promised(message: messages.ActivatePoints | messages.CancelPromise) -> Fields:
    return message.program_id, message.reference, message.reason, message.lots, message.entered_by


def _confirm(message: messages.ConfirmRedemption) -> Fields:
    return message.program_id, message.redemption_id


def _reverse(message: messages.ReverseRedemption) -> Fields:
    return message.program_id, message.redemption_id, message.points, message.reason, message.entered_by


def _assign_tier(message: messages.AssignTier) -> Fields:
    last_day = None if message.last_day is None else day_in("lastDay", message.last_day)
    if isinstance(last_day, Defect):
        return None
    return message.program_id, message.tier, message.reason, last_day, message.entered_by


def _release_tier(message: messages.ReleaseTier | messages.ReassessTier) -> Fields:
    return message.program_id, message.reason, message.entered_by


def _enrol_streak(message: messages.EnrolStreak) -> Fields:
    return message.program_id, message.streak, message.entered_by


def _streak(message: messages.UnenrolStreak | messages.PauseStreak | messages.ResumeStreak) -> Fields:
    return message.program_id, message.streak, message.reason, message.entered_by


def _freeze_streak(message: messages.FreezeStreak) -> Fields:
    first = day_in("firstDay", message.first_day)
    if isinstance(first, Defect):
        return None
    return message.program_id, message.streak, first, message.days, message.reason, message.entered_by


def _enrol(message: messages.EnrolTarget | messages.UnenrolTarget) -> Fields:
    return message.program_id, message.milestone, message.reason, message.entered_by


def _set_target(message: messages.SetTarget) -> Fields:
    return message.program_id, message.milestone, message.reason, message.target, message.entered_by


def _transfer(message: messages.TransferPoints) -> Fields:
    return message.program_id, message.to_customer_id, message.points, message.currency


def _merge(message: messages.MergeCustomers) -> Fields:
    return (message.victim_customer_id,)


def _status(message: messages.CustomerStatus) -> Fields:
    return message.status, message.reason, message.entered_by


_KINDS: Final[dict[type[messages.CustomerMessage], tuple[type[Any], Callable[[Any], Fields]]]] = {
    messages.TransactionAdded: (records.TransactionAdded, _added),
    messages.TransactionReturned: (records.TransactionReturned, _returned),
    messages.CustomEvent: (records.CustomEventReceived, _custom_event),
    messages.CustomerAdded: (records.CustomerAdded, _registration),
    messages.CustomerUpdated: (records.CustomerUpdated, _update),
    messages.RedeemPoints: (records.RedeemPoints, _redeem),
    messages.AdjustPoints: (records.AdjustPoints, _adjust),
    messages.BlockPoints: (records.BlockPoints, _block),
    messages.ReleasePoints: (records.ReleasePoints, _release),
    messages.ActivatePoints: (records.ActivatePoints, _promised),
    messages.CancelPromise: (records.CancelPromise, _promised),
    messages.CancelPoints: (records.CancelPoints, _cancel),
    messages.ConfirmRedemption: (records.ConfirmRedemption, _confirm),
    messages.ReverseRedemption: (records.ReverseRedemption, _reverse),
    messages.ChangeExpiry: (records.ChangeExpiry, _change_expiry),
    messages.ExpirePoints: (records.ExpirePoints, _expire),
    messages.AssignTier: (records.AssignTier, _assign_tier),
    messages.ReleaseTier: (records.ReleaseTier, _release_tier),
    messages.ReassessTier: (records.ReassessTier, _release_tier),
    messages.EnrolStreak: (records.EnrolStreak, _enrol_streak),
    messages.UnenrolStreak: (records.UnenrolStreak, _streak),
    messages.PauseStreak: (records.PauseStreak, _streak),
    messages.ResumeStreak: (records.ResumeStreak, _streak),
    messages.FreezeStreak: (records.FreezeStreak, _freeze_streak),
    messages.EnrolTarget: (records.EnrolTarget, _enrol),
    messages.UnenrolTarget: (records.UnenrolTarget, _enrol),
    messages.SetTarget: (records.SetTarget, _set_target),
    messages.TransferPoints: (records.TransferPoints, _transfer),
    messages.TransactionUpdated: (records.TransactionUpdated, _updated),
    messages.MergeCustomers: (records.MergeCustomers, _merge),
    messages.CustomerStatus: (records.CustomerStatus, _status),
}
