"""Numbers as notifications print them."""

from __future__ import annotations

import pytest

from pipeline.notify.numbers import instant_text, major, padded, plain


@pytest.mark.parametrize(
    ("amount", "currency", "printed"),
    [(1_250, "GBP", 12.5), (0, "GBP", 0.0), (89_000, "JPY", 89_000.0), (1_234, "KWD", 1.234), (1, "CLF", 0.0001)],
)
def test_money_is_printed_in_major_units_of_its_currency(amount: int, currency: str, printed: float) -> None:
    assert major(amount, currency) == printed


@pytest.mark.parametrize(
    ("value", "digits", "as_plain", "as_padded"),
    [
        (14, 0, "14", "14.000"),
        (0, 0, "0", "0.000"),
        (1_250, 2, "12.5", "12.500"),
        (1_200, 2, "12", "12.000"),
        (5, 2, "0.05", "0.050"),
        (1_234, 3, "1.234", "1.234"),
        (12_345, 4, "1.2345", "1.2345"),
    ],
)
def test_target_values_have_three_decimals_and_added_values_only_those_they_need(
    value: int, digits: int, as_plain: str, as_padded: str
) -> None:
    assert (plain(value, digits), padded(value, digits)) == (as_plain, as_padded)


def test_an_instant_is_printed_in_utc_with_milliseconds() -> None:
    assert instant_text(1_719_841_226_172) == "2024-07-01T13:40:26.172+0000"
