"""State as it is stored: read as it was written, and never in a version that this build does not know."""

from __future__ import annotations

import pytest

from pipeline.engine.bills.state import AwardContribution, Bill, BillPart
from pipeline.engine.state import (
    STATE_VERSION,
    Head,
    Section,
    decode_entry,
    decode_head,
    encode_state,
    forgotten_at_of,
    timer_of,
)
from schemas.records import UnknownVersion

AWARD = AwardContribution(currency="POINTS", rule_id="spend", lot_id=1, points=10)
BILL = Bill(
    forgotten_at=9,
    returnable_until=5,
    amount_minor=100,
    currency="GBP",
    returned_minor=7,
    parts={1: BillPart(return_days=9, contributions=[AWARD])},
)


def test_state_is_read_as_it_was_written() -> None:
    head = Head(org_id=1, customer_id=7, seq=3, sections={7: Section(version=1)})
    assert (decode_head(encode_state(head)), decode_entry(encode_state(BILL))) == (head, BILL)


@pytest.mark.parametrize("timers", [pytest.param({1: 88, 2: 77}, id="with-timers"), pytest.param({}, id="without")])
def test_timer_of_a_stored_head_is_read_without_the_rest(timers: dict[int, int]) -> None:
    head = Head(org_id=1, customer_id=7, timers=timers, recent={5: (1, 2)}, sections={7: Section(version=1)})
    assert timer_of(encode_state(head)) == head.timer == (77 if timers else None)


def test_when_a_stored_entry_may_leave_is_read_without_the_rest() -> None:
    assert forgotten_at_of(encode_state(BILL)) == 9


@pytest.mark.parametrize("read", [decode_head, decode_entry, timer_of, forgotten_at_of])
@pytest.mark.parametrize("raw", [pytest.param(b"", id="empty"), pytest.param(b"\xff\x90", id="from-the-future")])
def test_state_of_an_unknown_version_is_not_read(read: object, raw: bytes) -> None:
    assert callable(read)
    with pytest.raises(UnknownVersion, match=f"this build reads {STATE_VERSION}"):
        read(raw)
