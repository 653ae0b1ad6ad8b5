"""Access keys: who may send messages of an org, and ask about its customers, over HTTP."""

from __future__ import annotations

from typing import Annotated, Final, Literal, get_args

from pydantic import Field

from schemas.limits import Plain
from schemas.program.values import Definition

Scope = Literal["produce", "read", "admin"]
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)


class AccessKey(Definition):
    """One key of one org. Its secret is not kept, only what tells the secret from any other."""

    key_id: Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]
    org_id: Annotated[int, Field(ge=1, le=2**53)]
    scopes: tuple[Scope, ...]
    """`produce` may send messages, `read` may ask about customers, `admin` may do both and change settings."""
    label: Annotated[str, Field(max_length=200), Plain()] = ""
    """Whose key it is, for people."""
    secret_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """The SHA-256 of the secret, which has 256 bits by chance, so that no salt and no slow hash adds to it."""
    created_at: int
    """Milliseconds since the epoch."""
    revoked: bool = False

    def may(self, scope: Scope) -> bool:
        """Whether it is good for that."""
        return not self.revoked and (scope in self.scopes or "admin" in self.scopes)
