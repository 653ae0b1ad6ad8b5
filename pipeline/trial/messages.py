"""Tells a line as a sentence: who does what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from pipeline.trial.form import Step
from pipeline.trial.names import money

Message = dict[str, Any]


def subject_of(step: Step) -> str:
    """What the line of a step says."""
    if step.input is None:
        return "time passes"
    written = msgspec.json.decode(step.input) if isinstance(step.input, msgspec.Raw) else None
    if isinstance(written, dict):
        if "program" in written and "type" not in written:
            return f"program {written['program']}"
        if "clock" in written and "type" not in written:
            return "time passes"
        if step.outcome != "dead_letter":
            message = written.get("message", written) if "type" not in written else written
            return SENTENCES[message["type"]](message)
    return f"a message of customer {step.customer}" if step.customer else "a message"


def _customer(message: Message) -> str:
    if "customerId" in message:
        return f"customer {message['orgId']}:{message['customerId']}"
    named = ", ".join(f"{kind} {value}" for kind, value in message["identifiers"].items())
    return f"somebody of org {message['orgId']} ({named})"


def _lines(message: Message) -> str:
    return f", {len(message['lines'])} lines" if len(message.get("lines", ())) > 1 else ""


def _added(message: Message) -> str:
    paid = money(message["amountMinor"], message["currency"])
    return f"{_customer(message)} pays {paid}, bill {message['billNumber']}{_lines(message)}"


def _returned(message: Message) -> str:
    back = money(message["amountMinor"], message["currency"])
    return f"{_customer(message)} brings back {back} of bill {message['ofBill']}"


def _updated(message: Message) -> str:
    amount = message.get("amountMinor")
    if amount is None and message.get("lines"):
        amount = sum(line["amountMinor"] for line in message["lines"])
    said = [] if amount is None else [f"{amount:,} minor units{_lines(message)}" if amount else "cancelled"]
    said += [message["deliveryStatus"]] if message.get("deliveryStatus") else []
    return f"{_customer(message)}: bill {message['billNumber']} is to be {', '.join(said)}"


def _event(message: Message) -> str:
    attributes = ", ".join(f"{name} {value}" for name, value in message.get("attributes", {}).items())
    return f"{_customer(message)} does {message['eventName']}{f' ({attributes})' if attributes else ''}"


def _joined(message: Message) -> str:
    name = " ".join(filter(None, (message.get("firstName"), message.get("lastName"))))
    return f"{_customer(message)} joins{f': {name}' if name else ''}"


def _redeem(message: Message) -> str:
    later = ", to be confirmed" if message.get("hold") else ""
    return f"{_customer(message)} asks to redeem {message['points']:,} {message.get('currency') or 'points'}{later}"


def _adjust(message: Message) -> str:
    verb = "give" if message["points"] > 0 else "take"
    what = f"{abs(message['points']):,} {message.get('currency') or 'points'}"
    whose = f" of the adjustment {message['corrects']}" if message.get("corrects") else ""
    return f"{_customer(message)}: an adjustment is to {verb} {what}{whose} ({message['reason']})"


def _cancel(message: Message) -> str:
    return f"{_customer(message)}: {_award(message)} is to be cancelled ({message['reason']})"


def _award(message: Message) -> str:
    if message.get("billNumber"):
        rule = message.get("rule")
        return f"what bill {message['billNumber']} gave{f' by the rule {rule}' if rule else ''}"
    if message.get("event"):
        return f"what event {message['event']} gave"
    if message.get("milestone"):
        return f"what milestone {message['milestone']} gave in {message['cycle']}"
    if message.get("streak"):
        return f"what level {message['level']} of streak {message['streak']} gave"
    return f"lot {message['lot']}"


def _block(message: Message) -> str:
    what = f"{message['points']:,} {message.get('currency') or 'points'}"
    return f"{_customer(message)}: {what} are to be blocked ({message['reason']})"


def _release(message: Message) -> str:
    return f"{_customer(message)}: what {message['holdId']} holds is to be released ({message['reason']})"


def _reverse(message: Message) -> str:
    points = message.get("points")
    what = "what is left is" if points is None else f"{points:,} points are"
    return f"{_customer(message)}: {what} to be given back of the redemption {message['redemptionId']}"


def _change_expiry(message: Message) -> str:
    change = "earlier" if message["change"] == "EARLY" else "later"
    until = f"{change}, with {message['expiresOn']} ({message['reason']})"
    return f"{_customer(message)}: {_lots(message)} are to expire {until}"


def _expire(message: Message) -> str:
    return f"{_customer(message)}: {_lots(message)} are to expire now ({message['reason']})"


def _lots(message: Message) -> str:
    what = message.get("currency") or "points"
    lots = ", ".join(map(str, message.get("lots", ())))
    return f"the {what} of lots {lots}" if lots else f"all {what}"


def _assign_tier(message: Message) -> str:
    until = f", through {message['lastDay']}" if message.get("lastDay") else ""
    return f"{_customer(message)} is to have the tier {message['tier']}{until} ({message['reason']})"


def _set_target(message: Message) -> str:
    asks = f"to ask {message['target']:,} of" if message.get("target") else "to ask as much as of others of"
    return f"the milestone {message['milestone']} is {asks} {_customer(message)} ({message['reason']})"


def _transfer(message: Message) -> str:
    what = f"{message['points']:,} {message.get('currency') or 'points'}"
    return f"{_customer(message)} gives {what} to customer {message['toCustomerId']}"


def _unlinked(message: Message) -> str:
    if message.get("everything"):
        return f"{_customer(message)} is no longer known by anything but their number"
    return f"{_customer(message)} no longer has the {', '.join(message['identifiers'])}"


SENTENCES: Final[dict[str, Callable[[Message], str]]] = {
    "transactionAdded": _added,
    "transactionReturned": _returned,
    "transactionUpdated": _updated,
    "customEvent": _event,
    "customerAdded": _joined,
    "customerUpdated": lambda message: f"{_customer(message)} changes their profile",
    "customerStatus": lambda message: f"{_customer(message)} is to be {message['status']} ({message['reason']})",
    "linkIdentifiers": lambda message: f"{_customer(message)} has the {', '.join(message['identifiers'])}",
    "unlinkIdentifiers": _unlinked,
    "redeemPoints": _redeem,
    "adjustPoints": _adjust,
    "blockPoints": _block,
    "releasePoints": _release,
    "activatePoints": lambda message: (
        f"{_customer(message)}: what is promised for {message['reference']} is to be current now ({message['reason']})"
    ),
    "cancelPromise": lambda message: (
        f"{_customer(message)}: what is promised for {message['reference']} is to be cancelled ({message['reason']})"
    ),
    "cancelPoints": _cancel,
    "confirmRedemption": lambda message: f"{_customer(message)} confirms the redemption {message['redemptionId']}",
    "reverseRedemption": _reverse,
    "changeExpiry": _change_expiry,
    "expirePoints": _expire,
    "assignTier": _assign_tier,
    "reassessTier": lambda message: (
        f"{_customer(message)} is to have the tier that their values give now ({message['reason']})"
    ),
    "releaseTier": lambda message: (
        f"{_customer(message)} is to have the tier of their own value again ({message['reason']})"
    ),
    "enrolStreak": lambda message: f"{_customer(message)} is to take part in the streak {message['streak']}",
    "unenrolStreak": lambda message: (
        f"{_customer(message)} is to take part in the streak {message['streak']} no longer"
    ),
    "pauseStreak": lambda message: (
        f"{_customer(message)}: the streak {message['streak']} is to be paused ({message['reason']})"
    ),
    "resumeStreak": lambda message: (
        f"{_customer(message)}: the streak {message['streak']} is to run on ({message['reason']})"
    ),
    "freezeStreak": lambda message: (
        f"{_customer(message)}: {message['days']:,} days from {message['firstDay']} are to break no run of the streak "
        f"{message['streak']} ({message['reason']})"
    ),
    "enrolTarget": lambda message: (
        f"{_customer(message)} is to be in the milestone {message['milestone']} ({message['reason']})"
    ),
    "unenrolTarget": lambda message: (
        f"{_customer(message)} is to be in the milestone {message['milestone']} no longer ({message['reason']})"
    ),
    "setTarget": _set_target,
    "transferPoints": _transfer,
    "assignTransaction": lambda message: f"bill {message['billNumber']} is to be of {_customer(message)}",
    "mergeCustomers": lambda message: (
        f"customer {message['victimCustomerId']} is to be merged into {_customer(message)}"
    ),
    "advanceClock": lambda _: "a clock message, which counts in a backfill only",
}
"""By the type of a message."""
