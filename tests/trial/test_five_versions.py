"""Two hundred members over five versions of one program: where `accrue try` says that each stands."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.five_versions.model import standing_of, standings
from tests.five_versions.story import MEMBERS, VERSIONS, milliseconds, story
from tests.trial.trying import Trying, arrives, kinds, outcomes


def test_every_member_stands_where_they_must_to_the_point(trying: Trying) -> None:
    first, *later = VERSIONS
    lines: list[dict[str, Any]] = []
    for number, (instant, messages) in enumerate(story(), 1):
        at = milliseconds(instant)
        lines += [{"clock": at}, *([{"program": f"v{number}.yaml"}] if number > 1 else [])]
        lines += [arrives(at, message) for message in messages]

    result = trying.result(*lines, programs=(first,), versions=tuple(later))

    stand = {int(who.removeprefix("100:")): standing_of(customer) for who, customer in result["customers"].items()}
    assert set(outcomes(result)) == {"accepted", "duplicate", "parked"}
    assert stand == standings()
    assert {kind for step in result["steps"] for kind in kinds(step)} >= {"tierUpgraded", "tierDowngraded"}


def test_the_story_meets_what_it_is_about() -> None:
    ends = standings()
    messages = [message for _, some in story() for message in some]

    assert len(ends) > len(MEMBERS) * 0.9
    assert Counter(one["tier"] for one in ends.values()).keys() == {"base", "bronze", "silver", "gold"}
    assert {len(one["levels"]) for one in ends.values()} >= {0, 1, 2}
    assert {achieved for one in ends.values() for _, achieved in one["visits"].values()} == {True, False}
    assert len({message["id"] for message in messages}) < len(messages)
