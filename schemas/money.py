"""Money: how many decimals the minor unit of a currency stands for."""

from __future__ import annotations

from typing import Final

_DIGITS_USUAL: Final = 2
_DIGITS: Final = {
    currency: digits
    for digits, currencies in (
        (0, ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF")),
        (0, ("UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF")),
        (3, ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND")),
        (4, ("CLF", "UYW")),
    )
    for currency in currencies
}


def minor_digits(currency: str) -> int:
    """How many decimals the minor unit of a currency stands for (ISO 4217)."""
    return _DIGITS.get(currency, _DIGITS_USUAL)
