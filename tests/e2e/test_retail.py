"""A shop's file, from import to report: whatever carries it, every figure is as in the naive model."""

from __future__ import annotations

from tests.e2e import shop
from tests.e2e.shop import Settled


def test_the_file_is_worth_running() -> None:
    naive = shop.NAIVE

    assert len(naive.notifications) == 11
    assert set(naive.tiers) == {"Base", "Silver", "Gold"}
    assert min(naive.totals.values()) > 0
    assert {row["streak_run"] for row in naive.customers} > {0, 1, 2, 3}


def test_every_line_of_the_file_is_accounted_for(settled_shop: Settled) -> None:
    dispositions = {name: lines for name, lines in settled_shop.imported["dispositions"].items() if lines}

    assert dispositions == dict(shop.NAIVE.dispositions)
    assert settled_shop.imported["lines"] == len(shop.ROWS)


def test_totals_tiers_and_notifications_are_as_in_the_naive_model(settled_shop: Settled) -> None:
    assert settled_shop.figures.report == shop.expected(shop.NAIVE).report


def test_every_customer_is_as_in_the_naive_model(settled_shop: Settled) -> None:
    assert settled_shop.figures.customers == shop.expected(shop.NAIVE).customers


def test_every_invariant_holds(settled_shop: Settled) -> None:
    verified = settled_shop.verified

    assert verified["holds"], verified
    assert {one["violations"] for one in verified["invariants"]} == {0}
    assert verified["customers"] == len(shop.NAIVE.customers)
    assert verified["ledger_rows"] > 0


def test_the_same_facts_are_decided_on_either_log_by_any_number_of_workers(
    embedded_shop: Settled, kafka_shop: Settled
) -> None:
    assert kafka_shop.digest == embedded_shop.digest
