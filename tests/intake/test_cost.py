"""No message takes long to judge, however much is wrong with it: while it is judged, the worker says nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import pytest

from pipeline.intake.dialects.native import SEPARATORS_MAX
from pipeline.intake.verdict import Reason, Rejected
from tests.intake.incoming import Sent, taken

SECONDS: Final = 0.05
ATTEMPTS: Final = 5
"""The best of so many counts: a machine that others use takes longer than it needs."""
BYTES: Final = 990_000
ABOUT: Final = b'"orgId":1,"customerId":1,"eventTime":1'
EVENT: Final = b'{"type":"customEvent","eventName":"e",' + ABOUT
BILL: Final = b'{"type":"transactionAdded","billNumber":"b","amountMinor":1,"currency":"GBP",' + ABOUT


def filled(before: bytes, item: Callable[[int], bytes], after: bytes) -> bytes:
    """As many items as there is room for."""
    items: list[bytes] = []
    left = BYTES - len(before) - len(after)
    while (left := left - len(next_one := item(len(items))) - 1) > 0:
        items.append(next_one)
    return before + b",".join(items) + after


def always(item: bytes) -> Callable[[int], bytes]:
    return lambda _: item


WORST: Final[dict[str, bytes]] = {
    "attributes": filled(EVENT + b',"attributes":{', lambda number: b'"%d":1' % number, b"}}"),
    "attributes with fractions": filled(EVENT + b',"attributes":{', lambda number: b'"%d":1.5' % number, b"}}"),
    "attributes with long keys": filled(EVENT + b',"attributes":{', lambda number: b'"%0100d":1' % number, b"}}"),
    "attributes that are objects": filled(EVENT + b',"attributes":{', lambda number: b'"%d":{}' % number, b"}}"),
    "attributes that are controls": filled(
        EVENT + b',"attributes":{', lambda number: b'"%d":"\\u0001"' % number, b"}}"
    ),
    "lines": filled(BILL + b',"lines":[', always(b'{"sku":"a","amountMinor":1}'), b"]}"),
    "lines without fields": filled(BILL + b',"lines":[', always(b"{}"), b"]}"),
    "lines with unknown fields": filled(BILL + b',"lines":[', lambda number: b'{"x%d":1}' % number, b"]}"),
    "unknown fields": filled(EVENT + b",", lambda number: b'"x%d":1' % number, b"}"),
    "a type that is a list": filled(b'{"type":[', always(b"1.5"), b"]}"),
    "a number beyond all": filled(b'{"type":[1e400,', always(b"1.5"), b"]}"),
    "lists in a list": filled(b"[", always(b"[]"), b"]"),
    "deep lists in a list": filled(b"[", always(b"[" * 100 + b"]" * 100), b"]"),
    "objects in objects": filled(EVENT + b',"x":[', always(b'{"a":{"b":{}}}'), b"]}"),
    "too deep": b"[" * BYTES,
    "digits": b'{"type":' + b"1" * BYTES + b"}",
    "escapes": b'{"type":"' + b"\\u00e9" * (BYTES // 6) + b'"}',
    "quotes": b'{"type":"' + b'\\"' * (BYTES // 2) + b'"}',
    "a text beyond its length": EVENT + b',"zone":"' + b"\\n" * (BYTES // 2) + b'"}',
    "a key beyond its length": EVENT + b',"attributes":{"' + b"\\u00e9" * (BYTES // 6) + b'":1}}',
    "not UTF-8": b'{"type":"' + b"a" * BYTES + b'\xff"}',
    "blanks": b" " * BYTES,
}


@pytest.mark.parametrize("value", WORST.values(), ids=WORST)
def test_no_message_takes_more_than_fifty_milliseconds(value: bytes) -> None:
    taken(Sent(value))  # once for what is prepared at the first time
    took = []
    for _ in range(ATTEMPTS):
        began = time.thread_time()
        verdict = taken(Sent(value))
        took.append(time.thread_time() - began)
        assert isinstance(verdict, Rejected)

    assert min(took) < SECONDS


def test_of_what_is_too_many_only_the_first_are_looked_at() -> None:
    attributes = b",".join(b'"%d":null' % number for number in range(101))
    lines = b",".join([b'{"sku":"a","amountMinor":1}'] * 2_000 + [b"{}"])
    events = taken(Sent(EVENT + b',"attributes":{' + attributes + b"}}"))
    bills = taken(Sent(BILL + b',"lines":[' + lines + b"]}"))

    assert isinstance(events, Rejected)
    assert [one.path for one in events.defects[:2]] == ["attributes", "attributes.0"]
    assert not any(one.path == "attributes.100" for one in events.defects)
    assert isinstance(bills, Rejected)
    assert [one.problem for one in bills.defects] == ["has 2001 items"]


def test_what_has_too_many_parts_to_look_at_each_is_named_by_its_first_defect() -> None:
    verdict = taken(Sent(EVENT + b',"attributes":[' + b"1," * SEPARATORS_MAX + b"1]}"))

    assert isinstance(verdict, Rejected)
    assert verdict.reason is Reason.TOO_LARGE
    assert verdict.defects[0].problem == (
        "has more than 50000 commas and brackets, too many to name every defect; "
        "the first: Expected `object`, got `array` - at `$.attributes`"
    )
