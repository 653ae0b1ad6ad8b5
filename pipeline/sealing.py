"""Seals personal data: each customer has a key of their own, and an erased customer has none any more.

A text is sealed with AES-SIV (RFC 5297) under the key of its subject: the same text gives the same sealed one, so what
compares texts need not open them, and a replay has the same bytes. Whoever opens without the key gets an empty text.

The keys of an org are a tree of secrets, as in the pseudo-random function of Goldreich, Goldwasser and Micali: each
secret gives the two below it by keyed BLAKE2b (RFC 7693), by one bit of the subject's number, and none gives the one
above it or beside it. So an org has one secret, its root, for all its customers. To erase a subject, the secrets on
the path to its key are forgotten, and those that branch off the path are kept in their place: the keys of all others
are what they were, and nothing that is kept gives the key of the erased one.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from hashlib import blake2b
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

SECRET_BYTES: Final = 32
CUSTOMERS_MAX: Final = 2**54
"""Subjects below are customers, by their ids; those from here on are messages (`subject_of`)."""
_ORG_ITSELF: Final = 0
_BITS: Final = 55
_CACHED_MAX: Final = 10_000
_MARK: Final = "sealed:1:"
_MARK_BYTES: Final = _MARK.encode()
_SEALED: Final = re.compile(_MARK_BYTES + rb"([0-9a-f]{1,14}):([A-Za-z0-9_-]{22,})")
_JSON_TEXT: Final = rb'(?:[^"\\]|\\.)*'


def root_of(org_id: int) -> bytes:
    """The name under which the root of an org's keys is kept."""
    return b"%d:" % org_id


def subject_of(place: str) -> int:
    """The subject of a message whose customer nobody knows yet, by its place."""
    return CUSTOMERS_MAX | int.from_bytes(blake2b(place.encode(), digest_size=7).digest(), "big") % CUSTOMERS_MAX


def is_sealed(stored: bytes) -> bool:
    """Whether anything in it is sealed."""
    return _MARK_BYTES in stored


def subjects_in(stored: bytes) -> frozenset[int]:
    """The subjects of everything sealed in what is stored."""
    return frozenset(int(subject, 16) for subject, _ in _SEALED.findall(stored))


class Keys:
    """The keys of all orgs as of one moment."""

    def __init__(self, secrets: Mapping[bytes, bytes]) -> None:
        """`secrets`: by name, which is the org and the path from its root, such as `100:` and `100:01`."""
        self._secrets = secrets
        self._orgs = frozenset(int(name.partition(b":")[0]) for name in secrets)
        self._leaves: dict[tuple[int, int], bytes | None] = {}
        self._ciphers: dict[tuple[int, int], AESSIV] = {}

    def has(self, org_id: int) -> bool:
        """Whether the org has keys."""
        return org_id in self._orgs

    def is_erased(self, org_id: int, subject: int) -> bool:
        """Whether the org has keys, but this subject has none."""
        return org_id in self._orgs and self._leaf(org_id, subject) is None

    def seal(self, org_id: int, subject: int, text: str) -> str:
        """The sealed text; empty for an empty one, and where the subject is erased."""
        cipher = self._cipher(org_id, subject)
        if cipher is None or not text:
            return ""
        sealed = base64.urlsafe_b64encode(cipher.encrypt(text.encode(), None)).rstrip(b"=")
        return f"{_MARK}{subject:x}:{sealed.decode()}"

    def digest(self, org_id: int, digest: int) -> int:
        """A digest of the same 48 bits from which nobody without the org's keys can guess the content; 0 without them.

        It is the same whatever the customer is known by, and after an erasure: a copy stays a copy.
        """
        leaf = self._leaf(org_id, _ORG_ITSELF)
        if leaf is None:
            return 0
        return int.from_bytes(blake2b(b"digest:%d" % digest, key=leaf, digest_size=6).digest(), "big")

    def open_json(self, body: bytes, org_id: int, *, keep_erased: bool = False) -> bytes:
        """JSON about an org with what is sealed in its texts opened; erased ones are empty, or kept as they are.

        What is sealed for another org, or by nobody, stays as it is.
        """
        if _MARK_BYTES not in body:
            return body
        erased: bytes | None = None if keep_erased else b""
        return _SEALED.sub(lambda found: self._opened(found, org_id, erased), body)

    def open_text(self, text: str, org_id: int) -> str:
        """One text about an org, opened if it is sealed; empty if it is erased."""
        if not text.startswith(_MARK):
            return text
        opened: str = msgspec.json.decode(self.open_json(msgspec.json.encode(text), org_id))
        return opened

    def without(self, org_id: int, subject: int) -> dict[bytes, bytes | None]:
        """What has to change so that the subject has no key: secrets by name, None where one is to be forgotten."""
        path = _path(subject)
        found = self._nearest(org_id, path)
        if found is None:
            return {}
        depth, secret = found
        changes: dict[bytes, bytes | None] = {_name(org_id, path[:depth]): None}
        for place in range(depth, _BITS):
            beside = "1" if path[place] == "0" else "0"
            changes[_name(org_id, path[:place] + beside)] = _below(secret, beside)
            secret = _below(secret, path[place])
        return changes

    def _opened(self, found: re.Match[bytes], org_id: int, erased: bytes | None) -> bytes:
        cipher = self._cipher(org_id, int(found[1], 16))
        if cipher is None:
            return found[0] if erased is None else erased
        padded = found[2] + b"=" * (-len(found[2]) % 4)
        try:
            text = cipher.decrypt(base64.urlsafe_b64decode(padded), None)
        except (InvalidTag, ValueError):  # nobody sealed this
            return found[0]
        return msgspec.json.encode(text.decode())[1:-1]

    def _cipher(self, org_id: int, subject: int) -> AESSIV | None:
        cipher = self._ciphers.get((org_id, subject))
        if cipher is None and (leaf := self._leaf(org_id, subject)) is not None:
            if len(self._ciphers) >= _CACHED_MAX:
                self._ciphers.clear()
            cipher = self._ciphers[org_id, subject] = AESSIV(blake2b(b"AES-SIV", key=leaf, digest_size=64).digest())
        return cipher

    def _leaf(self, org_id: int, subject: int) -> bytes | None:
        if (org_id, subject) not in self._leaves:
            if len(self._leaves) >= _CACHED_MAX:
                self._leaves.clear()
            self._leaves[org_id, subject] = self._derived(org_id, _path(subject))
        return self._leaves[org_id, subject]

    def _derived(self, org_id: int, path: str) -> bytes | None:
        found = self._nearest(org_id, path)
        if found is None:
            return None
        depth, secret = found
        for bit in path[depth:]:
            secret = _below(secret, bit)
        return secret

    def _nearest(self, org_id: int, path: str) -> tuple[int, bytes] | None:
        """The secret that is kept on a path, and how many bits of the path lead to it."""
        for depth in range(_BITS + 1):
            secret = self._secrets.get(_name(org_id, path[:depth]))
            if secret is not None:
                return depth, secret
        return None


NO_KEYS: Final = Keys({})


def same_but_erased(opened: bytes, told: bytes) -> bool:
    """Whether JSON in which erased texts are kept sealed is what was told when they could still be opened."""
    if _MARK_BYTES not in opened:
        return opened == told
    pattern = _JSON_TEXT.join(re.escape(part) for part in _SEALED.sub(b"\0", opened).split(b"\0"))
    return re.fullmatch(pattern, told) is not None


def _path(subject: int) -> str:
    return format(subject, f"0{_BITS}b")


def _name(org_id: int, path: str) -> bytes:
    return b"%d:%s" % (org_id, path.encode())


def _below(secret: bytes, bit: str) -> bytes:
    return blake2b(bit.encode(), key=secret, digest_size=SECRET_BYTES).digest()
