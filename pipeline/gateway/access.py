"""Who may do what: the access key that a request brings, or a token stands for, as the settings know it."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Final

from pipeline.gateway.tokens import Tokens, Use
from schemas.settings import AccessKey, Scope

HEADERS: Final = ("Authorization", "X-AUTH-TOKEN", "X-CAP-API-OAUTH-TOKEN")
"""Where a request may bring its key as a whole: the standard's header, Open Loyalty's (S2), Capillary's (S1)."""
_APPLICATION: Final = ("X-Client-Application-Id", "X-Client-Token")
"""The same in two headers, as Voucherify's clients do."""
CREDENTIALS: Final = (*HEADERS, *_APPLICATION)
_BEARER: Final = re.compile(r"^Bearer +", re.IGNORECASE)
_KEY: Final = re.compile(r"^ak_([0-9a-f]{12})_([A-Za-z0-9_-]{43})$")


_TOKEN: Final = re.compile(r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$")


class NotAllowed(Exception):
    """The request may not do what it asks for; `status` is 401 without a good key, 403 with one for something else."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


def written(key_id: str, secret: str) -> str:
    """A key as its holder sends it."""
    return f"ak_{key_id}_{secret}"


def digest_of(secret: str) -> str:
    """What is kept of a secret."""
    return sha256(secret.encode()).hexdigest()


class Access:
    """Judges requests by the access keys that there are now."""

    def __init__(
        self, keys: Callable[[], Mapping[str, AccessKey]], tokens: Tokens | None, wall: Callable[[], int]
    ) -> None:
        """`tokens`: None where the installation has no secret for them."""
        self._keys = keys
        self._tokens = tokens
        self._wall = wall

    def key_of(self, headers: Mapping[str, str], scope: Scope) -> AccessKey:
        """The access key of a request, good for `scope`. Raises `NotAllowed`; the key is in no message."""
        sent = _sent(headers)
        if _TOKEN.match(sent):
            return _good(self._behind(sent, "access"), scope)
        return _good(_known(sent, self._keys()), scope)

    def login(self, key_id: str, secret: str) -> dict[str, str]:
        """Tokens for an access key, by its id and its secret. Raises `NotAllowed`."""
        return self._tokens_for(_known(written(key_id, secret), self._keys()))

    def renew(self, refresh_token: str) -> dict[str, str]:
        """New tokens for one that renews them. Raises `NotAllowed`."""
        return self._tokens_for(self._behind(refresh_token, "refresh"))

    def _tokens_for(self, key: AccessKey) -> dict[str, str]:
        return self._issued_by().issue(_good(key, None).key_id, self._wall())

    def _behind(self, token: str, use: Use) -> AccessKey:
        key_id = self._issued_by().key_id(token, use, self._wall())
        key = None if key_id is None else self._keys().get(key_id)
        if key is None:
            raise NotAllowed(401, "the token is not known, or is over; log in again, or renew it")
        return key

    def _issued_by(self) -> Tokens:
        if self._tokens is None:
            raise NotAllowed(401, "this installation gives no tokens; send an access key, or set ACCRUE_JWT_SECRET")
        return self._tokens


def _sent(headers: Mapping[str, str]) -> str:
    sent = next((headers[name] for name in HEADERS if name in headers), None)
    if sent is None and all(name in headers for name in _APPLICATION):
        sent = written(*(headers[name] for name in _APPLICATION))
    if sent is None:
        raise NotAllowed(401, f"no access key: send one as `{HEADERS[0]}: Bearer ak_…`; `accrue key create` makes it")
    return _BEARER.sub("", sent.strip())


def _known(sent: str, keys: Mapping[str, AccessKey]) -> AccessKey:
    parts = _KEY.match(sent)
    known = None if parts is None else keys.get(parts[1])
    if parts is None or known is None or not hmac.compare_digest(known.secret_sha256, digest_of(parts[2])):
        raise NotAllowed(401, "the access key is not known; `accrue key list` shows those that are")
    return known


def _good(known: AccessKey, scope: Scope | None) -> AccessKey:
    """The key, if it may still be used, for `scope` where one is asked for."""
    if known.revoked:
        raise NotAllowed(401, f"the access key {known.key_id} was revoked; ask for another")
    if scope is not None and not known.may(scope):
        can = ", ".join(known.scopes)
        raise NotAllowed(403, f"the access key {known.key_id} is good for {can}, and not for {scope}")
    return known


def same_org(key: AccessKey, org_id: object) -> None:
    """Raises `NotAllowed` where a request names another org than that of its key."""
    if org_id != key.org_id:
        raise NotAllowed(403, f"the access key {key.key_id} is one of org {key.org_id}, and the request names another")
