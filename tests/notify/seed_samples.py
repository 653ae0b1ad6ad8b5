"""The samples of the Capillary event schemas: as published, and repaired.

`samples/*.json` are copies, line-wrap damage included (a stray space about every 190 characters, inside keys and
values). `normalised` repairs them, as a consumer has to: it removes whitespace from keys and from words of a fixed
vocabulary, and leaves free text as it is.

The samples of the two events about alternate currencies are no JSON as published (S4, lines 3455 to 3706): quotes,
commas and brackets are missing, keys end in a dot, a list is opened as an object, and `additionalAttributes` is an
object. Their copies are repaired in this alone. Those about unified targets were taken at the receiver, with the whole
request: what was sent is its body.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from schemas.notifications import EventName

SAMPLES = Path(__file__).parent / "samples"

SOURCES: dict[str, tuple[int, int]] = {
    "customerAdded": (19, 61),
    "customerUpdated": (74, 117),
    "transactionAdded": (135, 196),
    "transactionUpdated": (213, 245),
    "pointsIssued": (310, 405),
    "pointsRedeemed": (462, 545),
    "promisedToCurrentPointsConversion": (667, 734),
    "pointsExpired": (754, 774),
    "pointsExpiryReminder": (803, 843),
    "pointsTransferredInitiated": (891, 958),
    "pointsTransferredReceived": (1_002, 1_062),
    "redeemedPointsReversed": (1_117, 1_200),
    "singlePointsExpiryUpdated": (1_228, 1_280),
    "issuedPointsReversed": (1_330, 1_397),
    "tierUpgraded": (1_597, 1_634),
    "tierRenewed": (1_636, 1_671),
    "tierDowngraded": (1_673, 1_708),
    "tierDowngradeReminder": (1_710, 1_744),
    "loyaltyCustomerMerge": (2_311, 2_344),
    "targetAchievedValueUpdated": (2_363, 2_412),
    "targetValueAchieved": (2_414, 2_461),
    "unifiedTargetsAchieved": (2_465, 2_548),
    "unifiedTargetsUnAchieved": (2_550, 2_633),
    "streakLevelAchieved": (2_635, 2_689),
    "streakLevelUnAchieved": (2_692, 2_746),
    "streakCustomerEnrolment": (2_748, 2_797),
    "streakCustomerUnEnrolment": (2_799, 2_841),
    "streakStart": (2_843, 2_884),
    "streakEnd": (2_886, 2_929),
    "alternateCurrenciesIssued": (3_455, 3_587),
    "issuedalternateCurrenciesReversed": (3_590, 3_706),
}
"""The first and the last line of each sample in S4, from which it was copied."""
UNPUBLISHED = frozenset(
    {
        EventName.TARGET_VALUE_UPDATED,
        EventName.TARGET_PERIOD_START,
        EventName.TARGET_PERIOD_END,
        EventName.TARGET_CUSTOMER_ENROLMENT,
        EventName.STREAK_AT_RISK,
        EventName.TIER_APPROACHING,
    }
)
"""Events that the page names without a sample (S4 l.2346-2355), and our own: their payload is ours."""

VOCABULARY = {"actionType", "billType", "entityType", "eventName", "eventType", "loyaltyType", "name", "key"}
"""Fields whose values are words, not text; `name` and `key` only inside a triggering activity."""
TYPOS = {"Instore": "instore"}

_FORMS = {
    "date": re.compile(r"\d{4}-\d\d-\d\d"),
    "local time": re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"),
    "instant": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000"),
    "three decimals": re.compile(r"-?\d+\.\d{3}"),
    "whole number": re.compile(r"-?\d+"),
}

Shape = dict[str, str]
"""JSON type by path, such as `{"data.pointsExpired": "integer"}`."""


def published(event: str) -> str:
    return (SAMPLES / f"{event}.json").read_text()


def normalised(text: str) -> dict[str, Any]:
    document: dict[str, Any] = _repaired(json.loads(text), within_activity=False)
    received: dict[str, Any] = document.get("event", {}).get("body", document)
    return received


def shape_of(document: object) -> Shape:
    return dict(_paths(document, ""))


def identifier_keys(document: object) -> set[str]:
    """The keys of all `{key, value}` pairs in a document."""
    if isinstance(document, list):
        return {key for item in document for key in identifier_keys(item)}
    if not isinstance(document, dict):
        return set()
    own = {str(document["key"])} if document.keys() == {"key", "value"} else set()
    return own | {key for content in document.values() for key in identifier_keys(content)}


def forms_of(document: object) -> Shape:
    """How texts of a fixed form are written, by path: dates, instants, and numbers as text."""
    return {
        path: form for path, text in _texts(document, "") for form, pattern in _FORMS.items() if pattern.fullmatch(text)
    }


def _repaired(value: Any, *, within_activity: bool) -> Any:
    if isinstance(value, list):
        return [_repaired(item, within_activity=within_activity) for item in value]
    if not isinstance(value, dict):
        return value
    repaired = {}
    for damaged, content in value.items():
        key = "".join(damaged.split())
        key = TYPOS.get(key, key)
        is_word = key in VOCABULARY and (within_activity or key not in {"name", "key"})
        if isinstance(content, str) and is_word:
            repaired[key] = "".join(content.split())
        else:
            repaired[key] = _repaired(content, within_activity=within_activity or key == "triggeringActivity")
    return repaired


def _paths(value: object, path: str) -> Iterator[tuple[str, str]]:
    if path:
        yield path, _type(value)
    if isinstance(value, dict):
        for key, content in value.items():
            yield from _paths(content, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for item in value:
            yield from _paths(item, f"{path}[]")


def _texts(value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, content in value.items():
            yield from _texts(content, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, f"{path}[]")


def _type(value: object) -> str:
    if value is None:
        return "null"
    return {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "number"}[type(value)]
