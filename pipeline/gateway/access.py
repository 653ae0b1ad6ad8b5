"""Who may do what: the access key that a request brings, as the settings know it."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from schemas.settings import AccessKey, Scope

HEADERS: Final = ("Authorization", "X-AUTH-TOKEN", "X-CAP-API-OAUTH-TOKEN")
"""Where a request may bring its key as a whole: the standard's header, Open Loyalty's (S2), Capillary's (S1)."""
_APPLICATION: Final = ("X-Client-Application-Id", "X-Client-Token")
"""The same in two headers, as Voucherify's clients do."""
_BEARER: Final = re.compile(r"^Bearer +", re.IGNORECASE)
_KEY: Final = re.compile(r"^ak_([0-9a-f]{12})_([A-Za-z0-9_-]{43})$")


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


def key_of(headers: Mapping[str, str], keys: Mapping[str, AccessKey], scope: Scope) -> AccessKey:
    """The access key of a request, which must be good for `scope`. Raises `NotAllowed`; the key is in no message."""
    sent = next((headers[name] for name in HEADERS if name in headers), None)
    if sent is None and all(name in headers for name in _APPLICATION):
        sent = written(*(headers[name] for name in _APPLICATION))
    if sent is None:
        raise NotAllowed(401, f"no access key: send one as `{HEADERS[0]}: Bearer ak_…`; `accrue key create` makes it")
    parts = _KEY.match(_BEARER.sub("", sent.strip()))
    known = None if parts is None else keys.get(parts[1])
    if parts is None or known is None or not hmac.compare_digest(known.secret_sha256, digest_of(parts[2])):
        raise NotAllowed(401, "the access key is not known; `accrue key list` shows those that are")
    if known.revoked:
        raise NotAllowed(401, f"the access key {known.key_id} was revoked; ask for another")
    if not known.may(scope):
        can = ", ".join(known.scopes)
        raise NotAllowed(403, f"the access key {known.key_id} is good for {can}, and not for {scope}")
    return known


def same_org(key: AccessKey, org_id: object) -> None:
    """Raises `NotAllowed` where a request names another org than that of its key."""
    if org_id != key.org_id:
        raise NotAllowed(403, f"the access key {key.key_id} is one of org {key.org_id}, and the request names another")
