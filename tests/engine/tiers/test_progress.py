"""Progress: what is missing to the next tier and to keep the one there is."""

from __future__ import annotations

from pipeline.engine.tiers.progress import TierProgress, tier_progress
from tests.dsl import Story, given
from tests.engine.tiers.test_holding import LEVELS, YEAR, club
from tests.steps import ORG, assign, bought, day, tick, updated


def progress(story: Story) -> TierProgress:
    program = story.programs.get(ORG, 1)
    assert program is not None
    return tier_progress(story.section(), program, story.state.head.clock)


def test_in_a_tier_that_holds_for_ever_only_the_next_one_is_missing() -> None:
    found = progress(given(club(), bought("B1", 1_200, "2011-03-01")))
    assert (found.value, found.next_tier, found.to_next, found.expires_on, found.to_keep) == (1_200, 3, 3_800, None, 0)


def test_in_the_highest_tier_nothing_is_missing_to_a_next_one() -> None:
    found = progress(given(club(), bought("B1", 5_000, "2011-03-01")))
    assert (found.next_tier, found.to_next) == (None, 0)


def test_retired_tier_is_no_next_one() -> None:
    levels = (LEVELS[0], {**LEVELS[1], "retired": True}, LEVELS[2])
    assert progress(given(club(levels=levels), bought("B1", 1, "2011-03-01"))).next_tier == 3


def test_tier_with_an_end_tells_what_keeps_it() -> None:
    found = progress(given(club(**YEAR), bought("B1", 1_000, "2011-03-01"), bought("B2", 300, "2011-04-01")))
    assert (found.expires_on, found.renewed_by, found.to_keep) == (day("2012-03-01"), 300, 700)


def test_updated_bill_counts_where_it_was_paid_for_what_it_comes_to() -> None:
    story = given(club(**YEAR), bought("B1", 1_000, "2011-03-01"), bought("B2", 300, "2011-04-01"))
    story.play(updated("B2", 450, "2011-04-02"))
    assert progress(story).to_keep == 550
    story.play(updated("B2", 0, "2011-04-03"))
    assert progress(story).to_keep == 1_000
    tenure = story.section().tenure
    assert tenure is not None
    assert tenure.term is not None
    assert (tenure.term.purchases_minor, tenure.term.visits) == (0, 0)


def test_after_a_loss_the_renewal_is_what_is_missing() -> None:
    story = given(club(**YEAR), bought("B1", 1_000, "2011-03-01"), tick("2012-03-02 00:00"))
    story.play(bought("B2", 400, "2012-04-01"))
    found = progress(story)
    assert (found.value, found.next_tier, found.to_next) == (1_400, 2, 600)


def test_tier_that_somebody_gave_is_named() -> None:
    found = progress(given(club(), bought("B1", 1, "2011-03-01"), assign("silver", "2011-03-02")))
    assert found.assigned_id == "silver"
