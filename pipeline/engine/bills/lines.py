"""Lines of a bill: which are kept, and which of them a return counts for."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Sequence
from typing import Final, cast
from zlib import crc32

import msgspec

from pipeline.engine.amounts import split
from pipeline.engine.bills.entries import bill_of
from pipeline.engine.bills.state import Bill, BillLine, ItemisedBill, entry_of
from pipeline.engine.kernel.identity import key_of
from pipeline.engine.state import CustomerState
from schemas.facts import Envelope, LineKept, LineReturned, LinesKept, LinesReturned
from schemas.records import Line, TransactionAdded, TransactionReturned, TransactionUpdated

_NONE: Final = 0
_ENCODER: Final = msgspec.msgpack.Encoder()


def keep(record: TransactionAdded) -> LinesKept:
    """The lines of a bill as returns will name them."""
    return LinesKept(
        bill_number=record.bill_number,
        lines=tuple(
            LineKept(sku=key_of(line.sku), line_id=_id_of(line), amount_minor=line.amount_minor)
            for line in record.lines
        ),
    )


def keep_again(bill: ItemisedBill, record: TransactionUpdated) -> LinesKept:
    """The lines that an update names, with what came back of them already; of a cancelled bill, that alone is left.

    RULE (returned lines): what came back of a line came back of the line of the same id, or else of its SKU; what is
    not there any more is spread over what is left of all lines.
    """
    if not record.amount_minor:
        return LinesKept(
            bill_number=record.bill_number,
            lines=tuple(
                LineKept(
                    sku=line.sku,
                    line_id=line.line_id,
                    amount_minor=line.returned_minor,
                    returned_minor=line.returned_minor,
                )
                for line in bill.lines
            ),
        )
    came_back: Counter[int] = Counter()
    for kept in bill.lines:
        came_back[kept.line_id or kept.sku] += kept.returned_minor
    returned: list[int] = []
    for line in record.lines:
        part = min(came_back[_key_of(line)], line.amount_minor)
        came_back[_key_of(line)] -= part
        returned.append(part)
    left = [line.amount_minor - part for line, part in zip(record.lines, returned, strict=True)]
    rest = split(min(came_back.total(), sum(left)), left)
    return LinesKept(
        bill_number=record.bill_number,
        lines=tuple(
            LineKept(
                sku=key_of(line.sku),
                line_id=_id_of(line),
                amount_minor=line.amount_minor,
                returned_minor=part + more,
            )
            for line, part, more in zip(record.lines, returned, rest, strict=True)
        ),
    )


def digest_of(lines: tuple[Line, ...]) -> int:
    """A 32-bit hash of a bill's lines, by which an update knows them again; 0 for none."""
    return crc32(_ENCODER.encode(lines)) or 1 if lines else 0


def returned_lines(bill: ItemisedBill, record: TransactionReturned) -> LinesReturned:
    """Which lines the return counts for, and for how much.

    RULE (lines of a return): a line with an id counts for the line of that id, another for the lines of its SKU in the
    order of the bill, each for at most what is left of it. A return without lines is spread over what is left of all
    of them.
    """
    left = [line.amount_minor - line.returned_minor for line in bill.lines]
    named = bool(record.lines)
    taken = _named(bill.lines, left, record.lines) if named else split(min(record.amount_minor, sum(left)), left)
    return LinesReturned(
        of_bill=record.of_bill,
        lines=tuple(LineReturned(place=place, amount_minor=amount) for place, amount in enumerate(taken) if amount),
        named=named,
    )


def note_kept(state: CustomerState, _envelope: Envelope, decision: LinesKept) -> None:
    """The bill has lines from now on.

    What awards were calculated with was of other lines: a program says it anew, or goes by the bill as a whole.
    """
    bill = bill_of(state, decision.bill_number)
    kept = state.entries[entry_of(decision.bill_number)] = ItemisedBill(
        **{field: getattr(bill, field) for field in Bill.__struct_fields__},
        lines=[
            BillLine(
                sku=line.sku,
                line_id=line.line_id,
                amount_minor=line.amount_minor,
                returned_minor=line.returned_minor,
            )
            for line in decision.lines
        ],
    )
    for part in kept.parts.values():
        terms = part.terms
        if terms is not None:
            terms.awards = {}
            terms.returned_minor = kept.returned_by_line(part)


def note_returned(state: CustomerState, _envelope: Envelope, decision: LinesReturned) -> None:
    """What came back is known by line."""
    lines = cast("ItemisedBill", bill_of(state, decision.of_bill)).lines
    for line in decision.lines:
        lines[line.place].returned_minor += line.amount_minor


def _named(lines: Sequence[BillLine], left: Sequence[int], named: Sequence[Line]) -> list[int]:
    by_id: dict[int, deque[int]] = defaultdict(deque)
    by_sku: dict[int, deque[int]] = defaultdict(deque)
    for place, line in enumerate(lines):
        by_id[line.line_id].append(place)
        by_sku[line.sku].append(place)
    taken = [0] * len(lines)
    for one in named:
        wanted = one.amount_minor
        places = by_id[_id_of(one)] if one.line_id else by_sku[key_of(one.sku)]
        while wanted and places:
            place = places[0]
            part = min(wanted, left[place] - taken[place])
            taken[place] += part
            wanted -= part
            if taken[place] == left[place]:
                places.popleft()
    return taken


def _key_of(line: Line) -> int:
    return _id_of(line) or key_of(line.sku)


def _id_of(line: Line) -> int:
    return key_of(line.line_id) if line.line_id else _NONE
