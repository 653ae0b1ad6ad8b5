"""`accrue key`: keys are made, listed without their secrets, and revoked; settings files leave them alone."""

from __future__ import annotations

from pathlib import Path

from tests.cli.terminal import Terminal

ROASTERY = Path(__file__).parents[2] / "examples/settings/roastery.yaml"


def test_key_is_shown_once_listed_without_its_secret_and_revoked_for_good(terminal: Terminal) -> None:
    made = terminal.run("key", "create", "--org", "100", "--scope", "produce", "--label", "tills", "--json")
    key = made.json["key"]
    _, key_id, secret = key.split("_", 2)
    terminal.run("settings", "apply", str(ROASTERY))
    listed = terminal.run("key", "list", "--json")
    revoked = terminal.run("key", "revoke", key_id)

    assert secret not in listed.out
    (one,) = listed.json
    assert (one["key_id"], one["org_id"], one["scopes"], one["revoked"]) == (key_id, 100, ["produce"], False)
    assert revoked.code == 0
    assert terminal.run("key", "list", "--json").json[0]["revoked"] is True


def test_key_that_nobody_has_cannot_be_revoked(terminal: Terminal) -> None:
    terminal.run("key", "create", "--org", "100", "--scope", "read")
    ended = terminal.run("key", "revoke", "0" * 12)
    assert (ended.code, "accrue key list" in ended.err) == (2, True)
