"""What is wrong with a message: the reason, and every defect with its path."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.intake.dialects.native import normalise
from pipeline.intake.dialects.native_diagnosis import DEFECTS_MAX
from pipeline.intake.verdict import Accepted, Defect, Reason, Rejected
from tests.intake.incoming import LIMITS, WALL, Sent, example, taken

LATE = Sent(json.dumps({**example("adjustPoints"), "eventTime": WALL + 300_001}).encode())
CLOCK_ELSEWHERE = Sent(b'{"type":"advanceClock","time":5}', topic="loyalty.events")

BY_REASON: dict[Reason, list[Sent]] = {
    Reason.EMPTY: [Sent(None), Sent(b""), Sent(b" \n\t")],
    Reason.TOO_LARGE: [Sent(b'{"type":"' + b"x" * 1_000_000)],
    Reason.AVRO_NOT_READ: [Sent(b"\x00\x00\x00\x00\x07\x02abc")],
    Reason.NOT_UTF8: [Sent(b'{"type":"customEvent\xff"}'), Sent(b"\xfe\xff\x00{")],
    Reason.TOO_DEEP: [Sent(b"[" * 50_000), Sent(b'{"a":' * 50_000)],
    Reason.NOT_JSON: [
        Sent(b"{"),
        Sent(b"orgId=5"),
        Sent(b'{"type":"advanceClock","time":NaN}'),
        Sent(b'{"type":"advanceClock","time":5}{}'),
        Sent(b'{"type":"customEvent","eventName":"\x01"}'),
        Sent(b"\xef\xbb\xbf{}"),
    ],
    Reason.NOT_AN_OBJECT: [Sent(b"[1,2]"), Sent(b"null"), Sent(b'"text"'), Sent(b"5")],
    Reason.UNKNOWN_TYPE: [Sent(b"{}"), Sent(b'{"type":"TransactionAdded"}'), Sent(b'{"type":["x"]}')],
    Reason.INVALID_FIELDS: [Sent(b'{"type":"advanceClock"}'), Sent(b'{"type":"advanceClock","time":1e400}')],
    Reason.FUTURE_EVENT_TIME: [LATE, Sent(b'{"type":"advanceClock","time":99999999999999}')],
    Reason.CLOCK_NOT_ALLOWED: [CLOCK_ELSEWHERE],
}
GIVEN_ELSEWHERE = (
    Reason.UNREADABLE,
    Reason.TYPE_NOT_ALLOWED,
    Reason.UNKNOWN_DIALECT,
    Reason.ORG_UNKNOWN,
    Reason.IDENTIFIER_UNKNOWN,
    Reason.UNKNOWN_EVENT,
    Reason.INVALID_EVENT,
)
"""By the log's client, by other dialects, and where a setting asks for it."""


@pytest.mark.parametrize("reason", [one for one in Reason if one not in GIVEN_ELSEWHERE])
def test_each_reason_is_given(reason: Reason) -> None:
    for message in BY_REASON[reason]:
        rejected = taken(message)
        assert isinstance(rejected, Rejected), message
        assert (rejected.reason, len(rejected.defects)) == (reason, 1), message


@pytest.mark.parametrize(
    ("kind", "topic", "is_taken"),
    [
        ("redeemPoints", "loyalty.commands", True),
        ("redeemPoints", "loyalty.events", False),
        ("customEvent", "loyalty.events", True),
        ("customEvent", "loyalty.commands", False),
        ("advanceClock", "loyalty.transactions", False),
        ("customEvent", "loyalty.customers", True),
    ],
)
def test_a_topic_takes_the_types_that_it_is_named_with(kind: str, topic: str, *, is_taken: bool) -> None:
    types = {
        "loyalty.commands": frozenset({"redeemPoints"}),
        "loyalty.events": frozenset({"customEvent", "customerAdded"}),
        "loyalty.transactions": frozenset({"transactionAdded"}),
    }
    content = {"type": kind, "time": 5} if kind == "advanceClock" else example(kind)
    message = Sent(json.dumps(content).encode(), topic)

    verdict = normalise(message, wall=WALL, limits=LIMITS._replace(types=types))

    assert isinstance(verdict, Accepted) == is_taken
    if isinstance(verdict, Rejected):
        takers = " or ".join(sorted(name for name, some in types.items() if kind in some))
        remedy = f"send it to {takers or 'no topic: none takes it'}"
        assert verdict.reason is Reason.TYPE_NOT_ALLOWED
        assert verdict.defects == (Defect("type", f"is {kind} in {topic}", remedy),)


def test_an_event_time_within_the_tolerance_is_taken() -> None:
    assert not isinstance(taken({**example("adjustPoints"), "eventTime": WALL + 300_000}), Rejected)


def defects(kind: str, **changed: Any) -> tuple[Defect, ...]:
    rejected = taken({**example(kind), **changed})
    assert isinstance(rejected, Rejected)
    assert rejected.reason is Reason.INVALID_FIELDS
    return rejected.defects


ADJUST = (
    *("orgId", "customerId", "identifiers", "eventTime", "zone", "id"),
    *("programId", "points", "reason", "currency", "corrects", "enteredBy"),
)
LINE = {"sku": "A", "amountMinor": 1250}
ATTRIBUTE = (
    "write an integer from -9223372036854775808 to 9223372036854775807, or a number, or true or false, "
    "or a string of at most 1000 characters"
)


@pytest.mark.parametrize(
    ("kind", "changed", "defect"),
    [
        (
            "transactionUpdated",
            {"amountMinor": None, "lines": [], "deliveryStatus": ""},
            ("", "says nothing new of the bill", "write at least one of amountMinor, lines, deliveryStatus"),
        ),
        (
            "transactionUpdated",
            {"amountMinor": 1},
            ("amountMinor", "is 1, but the lines add up to 1450", "make it the sum of the lines' amountMinor"),
        ),
        (
            "transactionUpdated",
            {"deliveryStatus": "LOST"},
            ("deliveryStatus", 'is "LOST"', "write PLACED, PROCESSED, SHIPPED, DELIVERED or RETURNED"),
        ),
        ("adjustPoints", {"orgId": "100"}, ("orgId", 'is "100"', "write an integer from 1 to 9007199254740992")),
        ("adjustPoints", {"orgId": 0}, ("orgId", "is 0", "write an integer from 1 to 9007199254740992")),
        (
            "adjustPoints",
            {"customerId": 2**53 + 1},
            ("customerId", "is 9007199254740993", "write an integer from 1 to 9007199254740992"),
        ),
        (
            "adjustPoints",
            {"points": True},
            ("points", "is true", "write an integer from -1000000000000 to 1000000000000"),
        ),
        (
            "adjustPoints",
            {"points": 1.0},
            ("points", "is 1.0", "write an integer from -1000000000000 to 1000000000000"),
        ),
        (
            "cancelPoints",
            {"billNumber": "", "rule": ""},
            ("", "names no award", "write lot, billNumber, event, milestone or streak, one of them"),
        ),
        (
            "cancelPoints",
            {"lot": 3},
            (
                "",
                "names an award by lot and by billNumber",
                "write lot, billNumber, event, milestone or streak, one of them",
            ),
        ),
        (
            "cancelPoints",
            {"lot": 3, "billNumber": ""},
            ("rule", "goes with billNumber only", "leave it out: lot names what is cancelled"),
        ),
        (
            "cancelPoints",
            {"billNumber": "", "rule": "", "milestone": "m"},
            ("cycle", "is missing beside milestone", 'write it, such as "2026-03"'),
        ),
        (
            "cancelPoints",
            {"billNumber": "", "rule": "", "streak": "s"},
            ("level", "is missing beside streak", "write it, such as 4"),
        ),
        (
            "cancelPoints",
            {"nth": 2},
            ("nth", "goes with streak only", "leave it out: billNumber names what is cancelled"),
        ),
        (
            "cancelPoints",
            {"cycle": "2026-03"},
            ("cycle", "goes with milestone only", "leave it out: billNumber names what is cancelled"),
        ),
        (
            "adjustPoints",
            {"points": 0},
            ("points", "is 0", "write the points to add, or below zero those to take away"),
        ),
        (
            "adjustPoints",
            {"points": 25, "corrects": "goodwill-12"},
            (
                "points",
                "is 25, and what corrects an adjustment takes its points away",
                "write it below zero, or leave corrects out",
            ),
        ),
        ("adjustPoints", {"reason": ""}, ("reason", 'is ""', "write a string of 1 to 200 characters")),
        (
            "adjustPoints",
            {"currency": "p"},
            ("currency", 'is "p"', "write the name of a points currency such as POINTS"),
        ),
        (
            "adjustPoints",
            {"eventTime": -1},
            (
                "eventTime",
                "is -1",
                "write an integer from 0 to 253402300799999: milliseconds since 1970-01-01T00:00:00Z",
            ),
        ),
        (
            "adjustPoints",
            {"eventTime": None},
            (
                "eventTime",
                "is null",
                "write milliseconds since 1970-01-01T00:00:00Z, or an ISO-8601 time such as 2011-03-09T14:30:00+01:00",
            ),
        ),
        (
            "adjustPoints",
            {"eventTime": "noon on sunday"},
            ("eventTime", "is 'noon on sunday', no ISO-8601 time", "write a time such as 2011-03-09T14:30:00+01:00"),
        ),
        (
            "adjustPoints",
            {"zone": "UTC"},
            (
                "zone",
                "is 'UTC', but eventTime is a number, which needs no zone",
                "leave zone out, or write eventTime as a local time without offset, such as 2011-03-09T14:30:00",
            ),
        ),
        (
            "changeExpiry",
            {"expiresOn": "2027-02-29"},
            ("expiresOn", "is '2027-02-29', which no calendar has", "write a date such as 2027-03-31"),
        ),
        (
            "changeExpiry",
            {"expiresOn": "29-02-2028"},
            ("expiresOn", 'is "29-02-2028"', "write a date such as 2027-03-31"),
        ),
        (
            "changeExpiry",
            {"change": "LATER"},
            ("change", 'is "LATER"', "write EARLY or EXTEND"),
        ),
        (
            "blockPoints",
            {"until": "2025-04-18T09:00:00", "zone": None, "eventTime": 1_743_753_600_000},
            (
                "until",
                "is '2025-04-18T09:00:00', a local time without an offset or a zone",
                "add an offset (Z for UTC), or name the local zone in the field zone, such as Europe/London",
            ),
        ),
        (
            "customerStatus",
            {"status": "blocked"},
            ("status", 'is "blocked"', "write ACTIVE, INACTIVE, BLOCKED or FRAUD"),
        ),
        ("adjustPoints", {"id": ""}, ("id", 'is ""', "write a string of 1 to 128 characters")),
        (
            "adjustPoints",
            {"id": "a\nb"},
            ("id", 'holds the control character U+000A at position 2: "a\\nb"', "leave control characters out"),
        ),
        (
            "adjustPoints",
            {"point": 5},
            ("point", "is not a known field", f"remove it; known are {', '.join(ADJUST)}"),
        ),
        ("transactionAdded", {"currency": "gbp"}, ("currency", 'is "gbp"', "write an ISO 4217 code such as GBP")),
        (
            "transactionAdded",
            {"amountMinor": 1249},
            ("amountMinor", "is 1249, but the lines add up to 1250", "make it the sum of the lines' amountMinor"),
        ),
        (
            "transactionReturned",
            {"amountMinor": 1},
            ("amountMinor", "is 1, but the lines add up to 890", "make it the sum of the lines' amountMinor"),
        ),
        ("transactionAdded", {"lines": {}}, ("lines", "is {}", "write a list of at most 2000 items")),
        (
            "transactionAdded",
            {"lines": [LINE, 5]},
            (
                "lines[1]",
                "is 5",
                "write an object with sku, amountMinor, quantity, category, lineId, name, maker, labels",
            ),
        ),
        (
            "transactionAdded",
            {"lines": [LINE, LINE, {"sku": "B", "amountMinor": 12.5}]},
            ("lines[2].amountMinor", "is 12.5", "write an integer from 0 to 1000000000000"),
        ),
        (
            "transactionAdded",
            {"lines": [{"amountMinor": 1250}]},
            ("lines[0].sku", "is missing", "add a string of 1 to 64 characters"),
        ),
        (
            "transactionAdded",
            {"lines": [{**LINE, "price of one": 5}]},
            (
                'lines[0]["price of one"]',
                "is not a known field",
                "remove it; known are sku, amountMinor, quantity, category, lineId, name, maker, labels",
            ),
        ),
        (
            "transactionAdded",
            {"lines": [{"sku": "A", "amountMinor": 0}] * 2_001, "amountMinor": 0},
            ("lines", "has 2001 items", "write a list of at most 2000 items"),
        ),
        (
            "transactionAdded",
            {"grossMinor": -1},
            ("grossMinor", "is -1", "write an integer from 0 to 1000000000000"),
        ),
        (
            "transactionAdded",
            {"store": "x" * 65},
            ("store", f'is "{"x" * 59}… (67 characters)', "write a string of at most 64 characters"),
        ),
        ("customEvent", {"attributes": {"a": None}}, ("attributes.a", "is null", ATTRIBUTE)),
        (
            "customEvent",
            {"attributes": {"a": 2**63}},
            (
                "attributes.a",
                "is 9223372036854775808",
                "write an integer from -9223372036854775808 to 9223372036854775807",
            ),
        ),
        (
            "customEvent",
            {"attributes": {"": 1}},
            ('attributes[""]', 'as a key is ""', "write a string of 1 to 100 characters"),
        ),
        (
            "customEvent",
            {"attributes": {str(n): n for n in range(101)}},
            ("attributes", "has 101 entries", f"write an object of at most 100 entries, each {ATTRIBUTE[6:]}"),
        ),
        ("customerAdded", {"email": 5}, ("email", "is 5", "write a string of at most 200 characters")),
        (
            "customerUpdated",
            {"extended": {"a": "\x7f"}},
            (
                "extended.a",
                'holds the control character U+007F at position 1: "\x7f"',
                "leave control characters out",
            ),
        ),
        (
            "customerUpdated",
            {"clear": ["email", "birthday"]},
            ("clear[1]", 'is "birthday"', "write the name of a profile field such as lastName, or extended.NAME"),
        ),
        (
            "redeemPoints",
            {"eventTime": 1_741_508_040},
            ("eventTime", "is 1741508040, which looks like seconds", "write milliseconds: 1741508040000"),
        ),
        ("redeemPoints", {"programId": 0}, ("programId", "is 0", "write an integer from 1 to 2147483648")),
        ("cancelPoints", {"programId": 0}, ("programId", "is 0", "write an integer from 1 to 2147483648")),
        ("advanceClock", {"last": 1}, ("last", "is 1", "write true or false")),
    ],
)
def test_a_defect_names_path_problem_and_remedy(
    kind: str, changed: dict[str, Any], defect: tuple[str, str, str]
) -> None:
    assert defects(kind, **changed) == (Defect(*defect),)


def test_every_required_field_that_is_missing_is_named() -> None:
    rejected = taken({"type": "transactionReturned"})
    assert isinstance(rejected, Rejected)
    assert [(defect.path, defect.problem) for defect in rejected.defects] == [
        (field, "is missing")
        for field in ("orgId", "eventTime", "billNumber", "ofBill", "amountMinor", "currency", "customerId")
    ]


def test_all_defects_of_a_message_are_reported_together() -> None:
    found = defects(
        "transactionAdded",
        orgId=None,
        eventTime="2011-03-09T10:00",
        zone="Mars/Olympus",
        amountMinor=1,
        currency="£",
        lines=[LINE],
        colour="red",
    )
    assert [defect.path for defect in found] == ["orgId", "currency", "colour", "zone", "amountMinor"]


def test_a_late_time_is_reported_beside_other_defects() -> None:
    found = defects("adjustPoints", eventTime=WALL + 900_000, orgId=0)
    assert [defect.path for defect in found] == ["orgId", "eventTime"]


def test_the_list_of_defects_is_bounded_and_says_so() -> None:
    found = defects("transactionAdded", lines=[{}] * 2_000)
    assert len(found) == DEFECTS_MAX + 1
    assert found[-1] == Defect("", "has more defects than the 100 listed", "correct these first")


def test_field_that_stands_twice_and_is_wrong_the_first_time_is_named() -> None:
    raw = json.dumps(example("transactionAdded")).encode()
    verdict = taken(Sent(b'{"currency": "POUNDS", ' + raw[1:]))

    assert isinstance(verdict, Rejected)
    assert verdict.defects == (Defect("currency", "is a duplicate key", "write each field once"),)
