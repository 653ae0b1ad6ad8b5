"""Identifiers of customers: normalised by their type, and hashed so that nobody can read them back.

RULE: a phone number is read in the country of the store, else of the org, and, where that gives no valid number, as one
with its country code (S4 prints 6282396092287). A number that is not valid, is one digit over and over, or stands among
the org's placeholders identifies nobody.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping
from typing import Final

import phonenumbers

from pipeline.intake.org_settings import KnownOrg
from schemas.records import KnownBy

_DIGEST_BYTES: Final = 16
_SEPARATOR: Final = b"\0"
_FINGERPRINT_BYTES: Final = 8


def known_by(identifiers: Mapping[str, str], org: KnownOrg, store: str, key: bytes) -> tuple[KnownBy, ...]:
    """The identifiers that name somebody, in the order in which they decide in the org.

    Args:
        identifiers: by type, as they were sent.
        org: whose customer they name.
        store: the code of the store that they come from; empty where none is named.
        key: the secret that they are hashed with.
    """
    return tuple(_known_by(identifiers, org, store, key))


def _known_by(identifiers: Mapping[str, str], org: KnownOrg, store: str, key: bytes) -> Iterator[KnownBy]:
    country = _country(org, store)
    for kind in org.org.identifiers:
        value = normalised(kind, identifiers.get(kind, ""), country)
        if value and value not in _placeholders(kind, org, country):
            yield KnownBy(kind=kind, digest=_digest(org.org.org_id, kind, value, key))


def fingerprint_of(key: bytes) -> str:
    """What a key is told from others by; it does not give the key away."""
    return hmac.digest(key, b"fingerprint", "sha256")[:_FINGERPRINT_BYTES].hex()


def hashed(kind: str, value: str, org: KnownOrg, store: str, key: bytes) -> str:
    """An identifier as it is kept, also one that names nobody."""
    return _digest(org.org.org_id, kind, normalised(kind, value, _country(org, store)) or value, key)


def normalised(kind: str, value: str, country: str) -> str:
    """The one spelling of an identifier; empty for what identifies nobody. `country`: ISO 3166 code."""
    text = value.strip()
    if kind == "email":
        return text.lower() if "@" in text else ""
    return _phone(text, country) if kind == "mobile" else text


def _placeholders(kind: str, org: KnownOrg, country: str) -> set[str]:
    return {normalised(kind, one, country) or one for one in org.org.placeholders}


def _phone(text: str, country: str) -> str:
    digits = "".join(char for char in text if char.isdecimal())
    if len(set(digits)) < 2:  # noqa: PLR2004 - one digit over and over
        return ""
    for written in (text, f"+{digits}"):
        try:
            number = phonenumbers.parse(written, country)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return ""


def _country(org: KnownOrg, store: str) -> str:
    known = org.stores.get(store)
    return (known and known.country) or org.org.country


def _digest(org_id: int, kind: str, value: str, key: bytes) -> str:
    text = _SEPARATOR.join((str(org_id).encode(), kind.encode(), value.encode()))
    return hmac.digest(key, text, "sha256")[:_DIGEST_BYTES].hex()
