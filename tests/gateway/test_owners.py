"""What a worker publishes about the partitions that it has."""

from __future__ import annotations

import pytest

from pipeline.gateway.owners import corrections

OWN = "http://10.0.0.7:8080"
OTHER = "http://10.0.0.8:8080"
TOLD = b'{"address":"http://10.0.0.7:8080"}'


@pytest.mark.parametrize(
    ("addresses", "ready", "published"),
    [
        ({}, (), {}),
        ({}, (0, 2), {0: TOLD, 2: TOLD}),
        ({0: OWN, 2: OWN}, (0, 2), {}),
        ({0: OTHER, 1: OTHER}, (0,), {0: TOLD}),
        ({0: OWN, 1: OWN, 2: OTHER}, (1,), {0: None}),
    ],
    ids=["nothing", "first", "known", "taken over", "lost"],
)
def test_what_does_not_stand_there_is_published_and_what_is_no_longer_so_is_taken_back(
    addresses: dict[int, str], ready: tuple[int, ...], published: dict[int, bytes | None]
) -> None:
    assert corrections(addresses, OWN, ready) == published
