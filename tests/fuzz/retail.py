"""Retail files, packed or not: each line ends somewhere, and every message made of one is one that intake takes."""

from __future__ import annotations

import csv
import gzip
import io
import lzma
import random
import tempfile
from datetime import date
from pathlib import Path
from typing import Final

from pipeline.failure import Failure
from pipeline.importer.retail import HEADER
from pipeline.importer.retail_file import read_files
from pipeline.importer.retail_inputs import inputs, matched
from pipeline.intake.verdict import Accepted
from tests.fuzz.mutating import BYTES
from tests.intake.incoming import Sent, taken
from tests.naive.retail_rows import retail_rows

_ROWS: Final = retail_rows(3, date(2011, 3, 1), days=8, customers=5, per_day=3)
_CELLS: Final = (
    *(
        "",
        "0",
        "-1",
        "1e9",
        "nan",
        "99999999999999999999",
        "1,5",
        "0.001",
        "-0.01",
        "C1",
        "c536365",
        "POST",
        "M",
        "\x1b",
    ),
    *(
        "12/1/2010 8:26",
        "2010-12-01 08:26:00",
        "31/02/2011",
        "9999-12-31 23:59",
        "0001-01-01 00:00",
        "\u202e",
        "x" * 500,
    ),
)


def make(chance: random.Random) -> bytes:
    """A file, more or less like the shop's."""
    begin = chance.randrange(max(1, len(_ROWS) - 30))
    rows = [list(HEADER), *(list(row) for row in _ROWS[begin : begin + 30])]
    for _ in range(chance.randint(0, 6)):
        row = chance.choice(rows)
        if row and chance.random() < 0.9:
            row[chance.randrange(len(row))] = chance.choice(_CELLS)
        else:
            del row[chance.randrange(len(row) + 1) :]
    if chance.random() < 0.2:  # a line that comes to more than a bill may
        row = chance.choice(rows)
        row[3:4], row[5:6] = ["999999999"], [chance.choice(["999999999999.99", "9999.99"])]
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    raw = out.getvalue().encode()
    if chance.random() < 0.3:
        raw = chance.choice(BYTES)(chance, raw)
    packed = chance.choice([raw, raw, gzip.compress(raw, mtime=0), lzma.compress(raw)])
    return chance.choice(BYTES)(chance, packed) if packed is not raw and chance.random() < 0.5 else packed


def run(raw: bytes) -> str:
    """Import it, as far as what would be sent."""
    with tempfile.TemporaryDirectory(prefix="accrue-fuzz-") as folder:
        file = Path(folder) / "shop.csv"
        file.write_bytes(raw)
        try:
            invoices = read_files([file], lambda _part: None)
            messages = list(inputs(matched(invoices.in_order(), invoices.report), 1))
        except Failure as error:
            return type(error).__name__
    assert sum(invoices.report.dispositions.values()) == invoices.report.lines
    for one in messages:
        verdict = taken(Sent(one.value, key=one.key))
        assert isinstance(verdict, Accepted), (one, verdict)
    return "imported"
