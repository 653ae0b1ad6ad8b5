"""Access keys: which requests they let in."""

from __future__ import annotations

import pytest

from pipeline.gateway.access import NotAllowed, digest_of, key_of, same_org, written
from schemas.settings import AccessKey, Scope

SECRET = "s" * 43
KEY = AccessKey(key_id="0123456789ab", org_id=100, scopes=("produce",), secret_sha256=digest_of(SECRET), created_at=0)
WRITTEN = written(KEY.key_id, SECRET)
KEYS = {KEY.key_id: KEY}


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Bearer {WRITTEN}"},
        {"Authorization": f"bearer  {WRITTEN}"},
        {"X-AUTH-TOKEN": WRITTEN},
        {"X-CAP-API-OAUTH-TOKEN": WRITTEN},
        {"X-Client-Application-Id": KEY.key_id, "X-Client-Token": SECRET},
    ],
)
def test_key_is_taken_from_every_header_of_the_documents(headers: dict[str, str]) -> None:
    assert key_of(headers, KEYS, "produce") is KEY


@pytest.mark.parametrize(
    ("headers", "keys", "scope", "status"),
    [
        ({}, KEYS, "produce", 401),
        ({"Authorization": "Basic abc"}, KEYS, "produce", 401),
        ({"Authorization": f"Bearer {written(KEY.key_id, 't' * 43)}"}, KEYS, "produce", 401),
        ({"Authorization": f"Bearer {WRITTEN}"}, {}, "produce", 401),
        (
            {"Authorization": f"Bearer {WRITTEN}"},
            {KEY.key_id: KEY.model_copy(update={"revoked": True})},
            "produce",
            401,
        ),
        ({"Authorization": f"Bearer {WRITTEN}"}, KEYS, "read", 403),
        ({"Authorization": f"Bearer {WRITTEN}"}, KEYS, "admin", 403),
        ({"X-Client-Token": SECRET}, KEYS, "produce", 401),
    ],
)
def test_request_without_a_key_that_is_good_for_it_is_refused_and_no_secret_is_told(
    headers: dict[str, str], keys: dict[str, AccessKey], scope: Scope, status: int
) -> None:
    with pytest.raises(NotAllowed) as refused:
        key_of(headers, keys, scope)
    assert refused.value.status == status
    assert SECRET not in str(refused.value)


def test_admin_may_do_everything() -> None:
    admin = KEY.model_copy(update={"scopes": ("admin",)})
    assert all(admin.may(scope) for scope in ("produce", "read", "admin"))


def test_other_orgs_are_out_of_reach() -> None:
    same_org(KEY, 100)
    for other in (101, "100", None):
        with pytest.raises(NotAllowed):
            same_org(KEY, other)
