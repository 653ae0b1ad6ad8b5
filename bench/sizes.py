"""How much a benchmark runs on, from its command line."""

from __future__ import annotations

import argparse
from typing import NamedTuple


class Sizes(NamedTuple):
    """How much to run on."""

    records: int
    customers: int


def sizes(records: int, customers: int) -> Sizes:
    """What the command line asks for; the defaults are those of the benchmark."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, default=records)
    parser.add_argument("--customers", type=int, default=customers)
    chosen = parser.parse_args()
    return Sizes(chosen.records, chosen.customers)
