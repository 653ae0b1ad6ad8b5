"""What another system does with the gateway."""

from __future__ import annotations

import json
from http.client import HTTPConnection
from typing import Any, NamedTuple

from pipeline.gateway.access import digest_of, written
from schemas.settings import AccessKey, Scope

SECRET = "s" * 43
NOW = 1_780_000_000_000


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: Any


class Client:
    """What another system does."""

    def __init__(self, port: int, apart: int) -> None:
        """`apart`: the port of a gateway whose worker has no customers."""
        self.port = port
        self._apart = apart

    @property
    def apart(self) -> Client:
        """The same by way of the other gateway."""
        return Client(self._apart, self._apart)

    def ask(self, method: str, path: str, body: object = None, key: str | None = "1" * 12, **headers: str) -> Answer:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        keyed = {} if key is None else {"Authorization": f"Bearer {written(key, SECRET)}"}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, raw, {**keyed, **named})
            answer = connection.getresponse()
            content = answer.read()
            return Answer(answer.status, dict(answer.headers), json.loads(content) if content else None)
        finally:
            connection.close()

    def send(self, message: object, key: str | None = "1" * 12, **headers: str) -> Answer:
        return self.ask("POST", "/v1/messages", message, key, **headers)


def access_key(digit: str, org_id: int, *scopes: Scope) -> AccessKey:
    return AccessKey(key_id=digit * 12, org_id=org_id, scopes=scopes, secret_sha256=digest_of(SECRET), created_at=NOW)
