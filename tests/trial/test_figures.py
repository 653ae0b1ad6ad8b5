"""Whole runs in memory give the figures they gave before: the roastery's, and the retail reference to the point."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from tests.trial.figures import PINS, by_customer, retail_rows, retail_run, roastery_run, totals

DATA = os.environ.get("ACCRUE_RETAIL_DATA")


def test_roastery_gives_its_figures_for_every_customer() -> None:
    pinned = json.loads((PINS / "roastery.json").read_text("utf-8"))

    run = roastery_run()

    assert totals(run) == pinned["totals"]
    assert by_customer(run) == pinned["customers"]


def test_roastery_is_worth_pinning() -> None:
    pinned = json.loads((PINS / "roastery.json").read_text("utf-8"))["totals"]

    assert [key for key, points in pinned["points"].items() if not points] == ["adjusted"]
    assert len(pinned["tiers"]) == 4
    assert len(pinned["notifications"]) == 19
    assert min(pinned["notifications"][name] for name in ("tierUpgraded", "tierRenewed", "tierDowngraded")) > 5


@pytest.mark.skipif(not DATA, reason="ACCRUE_RETAIL_DATA names no file of the UCI Online Retail format (csv.xz)")
def test_real_transactions_give_the_reference_for_every_customer() -> None:
    pinned = json.loads((PINS / "retail.json").read_text("utf-8"))

    run = retail_run(Path(str(DATA)))

    assert totals(run) == pinned["totals"]
    rows = retail_rows(run)
    # Of each hundred customers, so that a difference is found where it is.
    header, *customers = rows.splitlines()
    hundreds = [customers[start : start + 100] for start in range(0, len(customers), 100)]
    assert header == pinned["columns"]
    assert [hashlib.sha256("\n".join(rows).encode()).hexdigest()[:16] for rows in hundreds] == pinned["hundreds"]
