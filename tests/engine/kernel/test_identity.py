"""Ids of records as the head remembers them."""

from __future__ import annotations

from pipeline.engine.kernel.identity import key_of


def test_id_is_remembered_as_the_same_63_bits_for_ever() -> None:
    assert key_of("TransactionAdded:t-B1") == 4_703_394_147_482_072_149
    assert key_of("") == 8238016292129134938


def test_size_of_a_key_does_not_depend_on_the_length_of_the_id() -> None:
    assert all(0 <= key_of("TransactionAdded:" + "x" * length) < 2**63 for length in (0, 1, 100, 10_000))


def test_ids_of_other_records_and_of_other_types_have_other_keys() -> None:
    causes = [f"{kind}:{number}" for kind in ("RedeemPoints", "AdjustPoints") for number in range(5_000)]
    assert len({key_of(cause) for cause in causes}) == len(causes)
