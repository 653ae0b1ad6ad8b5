"""(b) What stands around the engine, each step alone on one core: normalise, decode, render, encode."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from bench.report import report
from bench.samples import TEN_RULES, as_messages, three_line_bills
from bench.sizes import sizes
from pipeline.engine import ENGINE_VERSION
from pipeline.engine.decide import decide
from pipeline.engine.programs import Programs
from pipeline.engine.state import CustomerState, Head, decode_head, encode_state
from pipeline.intake.dialects.native import normalise
from pipeline.intake.verdict import Accepted, Limits
from pipeline.log.port import Message
from pipeline.notify.context import Context
from pipeline.notify.program_view import OrgView, ProgramView
from pipeline.notify.render import RENDERER
from schemas.facts import FactMessage, Group, decode_facts, encode_facts
from schemas.records import Profile, TransactionAdded, decode_record, encode_record

BEST_OF: Final = 3
INPUT: Final = "loyalty.transactions"


def main() -> None:
    """Measure and report, one line for each step."""
    records, customers = sizes(50_000, 5_000)
    bills = list(three_line_bills(records, customers))
    heads, decided = decide_all(bills)
    gc.freeze()  # the samples are not what is measured
    _intake(bills)
    _journal(bills)
    _facts(bills, decided)
    _render(bills, decided)
    _heads(heads)


class Decided(NamedTuple):
    """What one bill led to."""

    first_seq: int
    groups: list[Group]


def decide_all(bills: Sequence[TransactionAdded]) -> tuple[list[Head], list[Decided]]:
    """The heads that the bills lead to, and what each bill led to."""
    programs = Programs().activate(TEN_RULES)
    heads: dict[int, Head] = {}
    decided = []
    for bill in bills:
        head = heads.setdefault(bill.customer_id, Head(bill.org_id, bill.customer_id))
        first_seq = head.seq + 1
        groups = decide(CustomerState(head), bill, programs, bill.event_time)
        decided.append(Decided(first_seq, groups))
    return list(heads.values()), decided


def _intake(bills: Sequence[TransactionAdded]) -> None:
    incoming = [Message(INPUT, 0, offset, key, value, 0, ()) for offset, (key, value) in enumerate(as_messages(bills))]
    wall, limits = bills[-1].event_time, Limits(INPUT)

    def run() -> object:
        return [normalise(message, wall=wall, limits=limits) for message in incoming]

    accepted = sum(
        isinstance(verdict, Accepted) for verdict in [normalise(m, wall=wall, limits=limits) for m in incoming]
    )
    if accepted != len(incoming):
        message = f"intake took {accepted} of {len(incoming)} messages"
        raise SystemExit(message)
    _measured("normalise", run, len(incoming), sum(len(message.value or b"") for message in incoming))


def _journal(bills: Sequence[TransactionAdded]) -> None:
    encoded = [encode_record(bill) for bill in bills]
    size = sum(map(len, encoded))
    _measured("encode record", lambda: [encode_record(bill) for bill in bills], len(bills), size)
    _measured("decode record", lambda: [decode_record(raw) for raw in encoded], len(bills), size)


def _facts(bills: Sequence[TransactionAdded], decided: Sequence[Decided]) -> None:
    def encode() -> list[bytes]:
        return [
            encode_facts(
                FactMessage(
                    journal_partition=0,
                    journal_offset=bill.offset,
                    engine_version=ENGINE_VERSION,
                    org_id=bill.org_id,
                    customer_id=bill.customer_id,
                    first_seq=one.first_seq,
                    recorded_at=bill.received_at,
                    groups=one.groups,
                )
            )
            for bill, one in zip(bills, decided, strict=True)
        ]

    encoded = encode()
    size = sum(map(len, encoded))
    _measured("encode facts message", encode, len(encoded), size)
    _measured("decode facts message", lambda: [decode_facts(raw) for raw in encoded], len(encoded), size)


def _render(bills: Sequence[TransactionAdded], decided: Sequence[Decided]) -> None:
    view = OrgView([ProgramView(TEN_RULES)])

    def run() -> list[int]:
        sizes_of_bodies = []
        for bill, one in zip(bills, decided, strict=True):
            context = Context(
                org_id=bill.org_id,
                customer_id=bill.customer_id,
                record=bill,
                org=view,
                recorded_at=bill.received_at,
                profile=Profile(),
            )
            notifications = RENDERER.render_all(one.groups, one.first_seq, context)
            sizes_of_bodies += [len(notification.body) for notification in notifications]
        return sizes_of_bodies

    rendered = run()
    _measured("render notification", run, len(rendered), sum(rendered))


def _heads(heads: Sequence[Head]) -> None:
    encoded = [encode_state(head) for head in heads]
    size = sum(map(len, encoded))
    _measured("encode head", lambda: [encode_state(head) for head in heads], len(heads), size)
    _measured("decode head", lambda: [decode_head(raw) for raw in encoded], len(heads), size)


def _measured(step: str, run: Callable[[], object], operations: int, size: int) -> None:
    seconds = []
    for _ in range(BEST_OF):
        began = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - began)
    best = min(seconds)
    report(
        "b",
        {
            "step": step,
            "operations": operations,
            "operations_per_second": round(operations / best),
            "microseconds": round(best / operations * 1e6, 2),
            "bytes": round(size / operations),
        },
    )


if __name__ == "__main__":
    main()
