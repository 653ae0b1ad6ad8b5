"""Settings as messages of their topic, and back."""

from __future__ import annotations

import pytest

from pipeline.intake.org_settings import IDENTITY_KEY, UnreadableSettings, entries_of, orgs_in
from schemas.settings import EventDefinition, Org, Store

ORG = Org(
    org_id=100,
    name="Cafe",
    zone="Europe/London",
    currency="GBP",
    country="GB",
    stores=(Store(code="A/1", name="Fen"), Store(code="B")),
    events=(EventDefinition(name="app/login"),),
)
OTHER = ORG.model_copy(update={"org_id": 7, "stores": (), "events": ()})


def test_each_part_is_a_message_of_its_own() -> None:
    assert list(entries_of(ORG)) == [b"org:100", b"store:100/A/1", b"store:100/B", b"event:100/app/login"]


def test_messages_give_the_orgs_back() -> None:
    assert orgs_in(entries_of(ORG) | entries_of(OTHER) | {IDENTITY_KEY: b"a fingerprint"}) == {100: ORG, 7: OTHER}


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ({b"what": b"{}"}, "key b'what'"),
        ({b"org:100": b'{"new": 1}'}, "has org:100 as this build cannot read it"),
        ({b"store:100/A": b"{}"}, "has parts of org 100, and not the org"),
    ],
)
def test_what_a_later_build_wrote_is_an_error_and_not_passed_over(entries: dict[bytes, bytes], told: str) -> None:
    with pytest.raises(UnreadableSettings, match=told):
        orgs_in(entries)
