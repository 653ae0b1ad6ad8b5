"""Access keys: which requests they let in."""

from __future__ import annotations

import jwt
import pytest

from pipeline.gateway.access import Access, NotAllowed, digest_of, same_org, written
from pipeline.gateway.tokens import REFRESH_SECONDS, TOKEN_SECONDS, Tokens
from schemas.settings import AccessKey, Scope

SECRET = "s" * 43
KEY = AccessKey(key_id="0123456789ab", org_id=100, scopes=("produce",), secret_sha256=digest_of(SECRET), created_at=0)
WRITTEN = written(KEY.key_id, SECRET)
KEYS = {KEY.key_id: KEY}
REVOKED = {KEY.key_id: KEY.model_copy(update={"revoked": True})}
NOW = 1_780_000_000_999
TOKENS = Tokens("j" * 32)


def access(keys: dict[str, AccessKey] = KEYS, tokens: Tokens | None = TOKENS, now: int = NOW) -> Access:
    return Access(lambda: keys, tokens, lambda: now)


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
    assert access().key_of(headers, "produce") is KEY


@pytest.mark.parametrize(
    ("headers", "keys", "scope", "status"),
    [
        ({}, KEYS, "produce", 401),
        ({"Authorization": "Basic abc"}, KEYS, "produce", 401),
        ({"Authorization": f"Bearer {written(KEY.key_id, 't' * 43)}"}, KEYS, "produce", 401),
        ({"Authorization": f"Bearer {WRITTEN}"}, {}, "produce", 401),
        ({"Authorization": f"Bearer {WRITTEN}"}, REVOKED, "produce", 401),
        ({"Authorization": f"Bearer {WRITTEN}"}, KEYS, "read", 403),
        ({"Authorization": f"Bearer {WRITTEN}"}, KEYS, "admin", 403),
        ({"X-Client-Token": SECRET}, KEYS, "produce", 401),
    ],
)
def test_request_without_a_key_that_is_good_for_it_is_refused_and_no_secret_is_told(
    headers: dict[str, str], keys: dict[str, AccessKey], scope: Scope, status: int
) -> None:
    with pytest.raises(NotAllowed) as refused:
        access(keys).key_of(headers, scope)
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


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_a_token_stands_for_its_key_until_it_is_over_and_can_be_renewed_for_longer() -> None:
    given = access().login(KEY.key_id, SECRET)
    begun = NOW - NOW % 1_000
    last, renewable = begun + TOKEN_SECONDS * 1_000 - 1, begun + REFRESH_SECONDS * 1_000 - 1
    assert access(now=last).key_of(bearer(given["token"]), "produce") is KEY
    with pytest.raises(NotAllowed, match="log in again"):
        access(now=last + 1).key_of(bearer(given["token"]), "produce")
    again = access(now=renewable).renew(given["refresh_token"])
    assert access(now=renewable).key_of(bearer(again["token"]), "produce") is KEY
    with pytest.raises(NotAllowed, match="log in again"):
        access(now=renewable + 1).renew(given["refresh_token"])


@pytest.mark.parametrize(
    ("judge", "status"),
    [
        (access(REVOKED), 401),
        (access({}), 401),
        (access(tokens=Tokens("k" * 32)), 401),
        (access(tokens=None), 401),
        (access({KEY.key_id: KEY.model_copy(update={"scopes": ("read",)})}), 403),
    ],
    ids=["revoked", "gone", "another installation's", "no secret", "another scope"],
)
def test_a_token_may_do_what_its_key_may_by_now(judge: Access, status: int) -> None:
    token = access().login(KEY.key_id, SECRET)["token"]
    with pytest.raises(NotAllowed) as refused:
        judge.key_of(bearer(token), "produce")
    assert refused.value.status == status


def test_a_token_is_good_for_one_use_and_its_key_for_a_login() -> None:
    given = access().login(KEY.key_id, SECRET)
    for judged in (
        lambda: access().renew(given["token"]),
        lambda: access().key_of(bearer(given["refresh_token"]), "produce"),
        lambda: access().key_of(bearer("a.b.c"), "produce"),
        lambda: access().login(KEY.key_id, "t" * 43),
        lambda: access(REVOKED).login(KEY.key_id, SECRET),
        lambda: access(REVOKED).renew(given["refresh_token"]),
        lambda: access(tokens=None).login(KEY.key_id, SECRET),
    ):
        with pytest.raises(NotAllowed) as refused:
            judged()
        assert refused.value.status == 401


def test_a_token_that_is_not_signed_as_ours_are_is_refused() -> None:
    claims = {"sub": KEY.key_id, "use": "access", "exp": NOW // 1_000 + 60}
    for forged in (jwt.encode(claims, None, algorithm="none"), jwt.encode(claims, "j" * 32 + "j" * 32, "HS512")):
        with pytest.raises(NotAllowed):
            access().key_of(bearer(forged), "produce")
    assert access().key_of(bearer(jwt.encode(claims, "j" * 32, "HS256")), "produce") is KEY
