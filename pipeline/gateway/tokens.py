"""Tokens: what Open Loyalty's `login_check` gives for an access key (S2 l.155), and what renews them.

Both are JSON Web Tokens, signed with the installation's secret, so every gateway knows them. They say which access key
they stand for and nothing else: what it may do, and whether it still may, is asked of the settings at each request. So
a token dies with its key.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import jwt

TOKEN_SECONDS: Final = 3_600
REFRESH_SECONDS: Final = 30 * 86_400
_ALGORITHM: Final = "HS256"

Use = Literal["access", "refresh"]


class Tokens:
    """Makes and reads tokens."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def issue(self, key_id: str, now: int) -> dict[str, str]:
        """The answer to a login: a token for an hour, and one that renews it for thirty days; `now` in milliseconds."""
        return {
            "token": self._made(key_id, "access", now, TOKEN_SECONDS),
            "refresh_token": self._made(key_id, "refresh", now, REFRESH_SECONDS),
        }

    def key_id(self, token: str, use: Use, now: int) -> str | None:
        """The id of the access key that it stands for; None where it is not ours, for something else, or over."""
        checks: dict[str, Any] = {"verify_exp": False, "verify_iat": False, "require": ["exp", "sub", "use"]}
        try:
            claims = jwt.decode(token, self._secret, algorithms=[_ALGORITHM], options=checks)  # type: ignore[arg-type]
        except jwt.InvalidTokenError:
            return None
        return str(claims["sub"]) if claims["use"] == use and now < claims["exp"] * 1_000 else None

    def _made(self, key_id: str, use: Use, now: int, seconds: int) -> str:
        begun = now // 1_000
        claims = {"sub": key_id, "use": use, "iat": begun, "exp": begun + seconds}
        return jwt.encode(claims, self._secret, algorithm=_ALGORITHM)
