"""Facts are rendered with the version of the program that they were decided under."""

from __future__ import annotations

import msgspec
import pytest

from pipeline.notify.program_view import OrgView
from pipeline.notify.render import RENDERER
from tests.notify.cases import BILL, ISSUED, PROGRAM, context, view, with_envelope
from tests.steps import day

FIRST, SECOND = view(), view(version=4, name="Corner Roastery & Bakery")


@pytest.mark.parametrize(("version", "name"), [(3, "Corner Roastery"), (4, "Corner Roastery & Bakery")])
def test_a_fact_shows_the_program_of_its_own_version(version: int, name: str) -> None:
    notification = RENDERER.render(with_envelope(ISSUED, version=version), context(BILL, SECOND, FIRST))
    assert notification is not None
    assert msgspec.json.decode(notification.body)["data"]["loyaltyProgramDetails"]["name"] == name


def test_a_fact_is_switched_off_by_its_own_version() -> None:
    silent = view(version=4, notifications={"off": ("pointsIssued",)})
    around = context(BILL, FIRST, silent)
    assert RENDERER.render(with_envelope(ISSUED, version=3), around) is not None
    assert RENDERER.render(with_envelope(ISSUED, version=4), around) is None


def test_a_program_that_is_added_is_a_further_version_beside_the_earlier_ones() -> None:
    org = OrgView([FIRST]).with_program(SECOND).with_program(view(program_id=8))
    assert org.program(PROGRAM, 3) is FIRST
    assert org.program(PROGRAM, 4) is SECOND
    assert org.program(8, 3).id == 8


def test_a_version_that_the_org_does_not_hold_is_a_bug_that_names_those_it_holds() -> None:
    with pytest.raises(LookupError, match=r"no view of version 3 of program 7; held: 7 v4, 8 v3"):
        RENDERER.render(ISSUED, context(BILL, SECOND, view(program_id=8)))


@pytest.mark.parametrize(
    ("defaults", "expected"),
    [((True, False), "wrapped"), ((False, True), "flat"), ((True, True), "wrapped"), ((False, False), "wrapped")],
    ids=["first is default", "second is default", "both: the lower number", "none: the lower number"],
)
def test_facts_outside_programs_follow_the_default_program(defaults: tuple[bool, bool], expected: str) -> None:
    first = view(program_id=8, default=defaults[0], notifications={"profile": "wrapped"})
    second = view(program_id=9, default=defaults[1])
    assert OrgView([second, first]).default_delivery.profile == expected


@pytest.mark.parametrize("in_order", [True, False], ids=["later version last", "later version first"])
def test_facts_outside_programs_follow_the_latest_version(*, in_order: bool) -> None:
    views = [view(version=9), view(version=10, notifications={"profile": "wrapped"})]
    assert OrgView(views if in_order else reversed(views)).default_delivery.profile == "wrapped"


def test_amount_of_a_currency_has_its_decimals_and_points_have_none() -> None:
    club = OrgView([view(currencies=({"id": "STARS", "scale": 1}, {"id": "COINS"}))])

    assert [club.amount(PROGRAM, 3, one, 26) for one in ("STARS", "COINS", "POINTS")] == [2.6, 26, 26]


def test_target_is_shown_with_its_group_and_the_name_of_its_cycle() -> None:
    fortnight = {
        "id": "visits",
        "target_id": 243,
        "name": "League Stage Reward_TxnCount1",
        "group": {"id": 163, "name": "League Stage Reward"},
        "cycle": {"kind": "from_date", "first": "2024-01-01", "every": 2, "unit": "week"},
        "counts": {"of": "transactions"},
        "target": 1,
    }
    shown = view(milestones=[fortnight], unified_targets=[]).milestone("visits")
    assert msgspec.json.decode(shown.details(2)) == {
        "id": 243,
        "name": "League Stage Reward_TxnCount1",
        "targetGroupId": 163,
        "targetGroupName": "League Stage Reward",
        "targetPeriodId": 2,
        "targetPeriodName": "Cycle_2",
    }
    assert shown.details_on(day("2024-01-15")) == shown.details(2)
