"""Merging: one customer gets all that another one has, and what comes for that one later."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.engine import unique
from pipeline.engine.calendar import as_date
from pipeline.engine.ledger.state import LedgerAccount
from pipeline.engine.merging import concern, points
from pipeline.engine.merging.state import Merge
from pipeline.engine.milestones import rolling
from pipeline.engine.outcomes import DONE, WAITS, Outcome, first_outcome
from pipeline.engine.state import Section
from schemas.facts import (
    CustomersMerged,
    IssuedFor,
    MergedStanding,
    MergeFailed,
    MergeRefused,
    MilestoneAchieved,
    PointsHandedOver,
    PointsIssued,
    PointsTakenOver,
    RecordPassedOn,
    RecordRefused,
    Refusal,
    StreakExtended,
    StreakLevelReached,
    TierAssigned,
    TierMoved,
    TierUpgraded,
    UnifiedAchieved,
)
from schemas.program import ProgramDefinition
from schemas.records import AnyCustomerRecord, Line
from tests.dsl import Story
from tests.steps import (
    BACKFILL,
    adjust,
    assign,
    block,
    bought,
    brought_back,
    day,
    did,
    enrol_target,
    instant,
    joined,
    merge,
    milestone,
    pause,
    program,
    redeem,
    set_target,
    spend,
    starting,
    status,
    tick,
    unenrol,
    unenrol_target,
    updated,
)
from tests.town import Town

SURVIVOR, VICTIM, OTHER = 7, 8, 9
CLUB = program(rules=[spend()], points={"expiry": {"days": 30}})
FIRST, LATER, THEN, AFTER = "2011-03-01", "2011-03-10", "2011-03-11", "2011-03-12"


def both(*clubs: ProgramDefinition, survivor: int = 1_000, victim: int = 500) -> Town:
    """Both have bought something."""
    town = Town(*(clubs or (CLUB,)))
    town.play(bought("B1", survivor, FIRST))
    town.play(bought("V1", victim, LATER, customer_id=VICTIM))
    return town


def merged(town: Town, on: str = THEN) -> Town:
    town.play(merge(VICTIM, on))
    town.settle()
    return town


def test_survivor_has_the_points_of_both_with_the_dates_of_each() -> None:
    town = merged(both())
    one, other = town.customer(SURVIVOR), town.customer(VICTIM)
    assert (one.balance(), other.balance()) == (15, 0)
    assert [(lot.open_points, lot.closes_at) for lot in one.account().lots] == [
        (10, instant("2011-04-01 00:00")),
        (5, instant("2011-04-10 00:00")),
    ]
    assert (one.account().lifetime, other.account().lifetime) == (15, 0)
    assert (one.section().transactions, one.section().purchases_minor) == (2, 1_500)
    assert (other.section().transactions, other.section().purchases_minor) == (0, 0)
    assert town.total(LedgerAccount.TRANSFERRED) == 0
    assert one.only(CustomersMerged) == [
        CustomersMerged(
            merge_id=f"m-{THEN}",
            victim_id=VICTIM,
            standings=(MergedStanding(program_id=1, lifetime=15, current=15, promised=0, tier=0),),
        )
    ]
    assert one.state.head.merge == Merge(victims=[VICTIM])
    assert other.state.head.merge == Merge(into=SURVIVOR)


def test_merge_waits_until_all_is_handed_over_and_is_done_once() -> None:
    town = both()
    asked = merge(VICTIM, THEN)
    state = town.play(asked).state
    assert first_outcome(state, f"MergeCustomers:{asked.id}") == WAITS
    town.settle()
    assert first_outcome(state, f"MergeCustomers:{asked.id}") == DONE
    assert town.play(asked).decided == []


@pytest.mark.parametrize(
    "late",
    [
        bought("V2", 700, AFTER, customer_id=VICTIM),
        did("review", AFTER, customer_id=VICTIM),
        joined(AFTER, customer_id=VICTIM),
        redeem(5, AFTER, customer_id=VICTIM),
        adjust(5, AFTER, customer_id=VICTIM),
        updated("V1", 100, AFTER, customer_id=VICTIM),
        status("BLOCKED", AFTER, customer_id=VICTIM),
    ],
    ids=lambda record: type(record).__name__,
)
def test_what_comes_for_the_victim_is_the_survivors_under_its_own_id_and_counts_once(late: AnyCustomerRecord) -> None:
    town = merged(both())
    for _ in range(2):
        passed = town.play(late)
        assert passed.kinds() == [RecordPassedOn]
        town.settle()
    survivor = town.customer(SURVIVOR)
    assert survivor.decided == []
    assert f"{type(late).__name__}:{late.id}" in {fact.envelope.cause for fact in survivor.facts}


def test_what_the_victim_had_seen_before_stays_a_duplicate_there() -> None:
    town = merged(both())
    assert town.play(bought("V1", 500, LATER, customer_id=VICTIM)).decided == []


@pytest.mark.parametrize(
    ("again", "reason", "subject"),
    [
        (bought("V1", 700, AFTER, customer_id=VICTIM, id="new"), Refusal.BILL_EXISTS, "V1"),
        (bought("V1", 700, AFTER, customer_id=VICTIM), Refusal.ID_REUSED, "t-V1"),
    ],
    ids=["bill", "id"],
)
def test_what_counted_before_the_merge_is_refused_under_its_number_or_id_and_not_passed_on(
    again: AnyCustomerRecord, reason: Refusal, subject: str
) -> None:
    town = merged(both(program(rules=[spend()], returns={"window_days": 60})))
    assert [one.decision for one in town.play(again).decided] == [RecordRefused(reason=reason, subject=subject)]
    assert town.waiting == []


def test_bill_of_a_number_that_is_free_again_is_passed_on() -> None:
    town = merged(both(program(rules=[spend()], returns={"window_days": 40})))
    assert town.play(bought("V1", 700, "2011-04-20", customer_id=VICTIM, id="new")).kinds() == [RecordPassedOn]


def test_return_of_a_bill_of_the_victim_waits_for_a_bill_of_the_survivor() -> None:
    town = merged(both(program(rules=[spend()], returns={"window_days": 60})))
    town.play(brought_back("V1", 500, AFTER, customer_id=VICTIM))
    town.settle()
    town.pass_time(tick("2011-06-01"))
    assert [one.reason for one in town.customer(SURVIVOR).only(RecordRefused)] == [Refusal.BILL_UNKNOWN]


OWING = program(rules=[spend()], returns={"window_days": 60, "shortfall": "deficit"})


def test_what_is_owed_goes_along_and_the_survivors_points_repay_it() -> None:
    town = both(OWING)
    town.play(redeem(5, LATER, customer_id=VICTIM))
    town.play(brought_back("V1", 500, LATER, customer_id=VICTIM))
    assert town.customer(VICTIM).account().deficit == 5
    merged(town)
    assert (town.customer(SURVIVOR).balance(), town.customer(VICTIM).account().deficit) == (5, 0)
    assert town.total(LedgerAccount.TRANSFERRED) == town.total(LedgerAccount.DEFICIT) == 0


PROMISES = program(rules=[spend()], points={"expiry": {"days": 30}}, promised={"until": "days", "days": 20})
FOR_EVER = program(rules=[spend()], promised={"until": "delivered"})


@pytest.mark.parametrize(("definition", "due"), [(PROMISES, True), (FOR_EVER, False)])
def test_promised_points_stay_promised_and_become_current_as_they_would_have(
    definition: ProgramDefinition, *, due: bool
) -> None:
    town = both(definition)
    before = {lot.due_at for lot in town.customer(VICTIM).account().promised_lots}
    merged(town)
    survivor = town.customer(SURVIVOR)
    assert (survivor.account().promised, town.customer(VICTIM).account().promised) == (15, 0)
    assert before < {lot.due_at for lot in survivor.account().promised_lots} or not due
    assert survivor.only(CustomersMerged)[0].standings[0].promised == 15
    town.pass_time(tick("2011-04-01"))
    assert survivor.balance() == (15 if due else 0)


def test_many_lots_go_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(points, "PIECE", 2)
    town = Town(program(rules=[spend()], points={"expiry": {"days": 30}}))
    town.play(joined(FIRST))
    for number in range(5):
        town.play(bought(f"V{number}", 100, f"2011-03-0{number + 1}", customer_id=VICTIM))
    merged(town)
    assert [one.points for one in town.customer(VICTIM).only(PointsHandedOver)] == [2, 2, 1]
    survivor = town.customer(SURVIVOR)
    assert (survivor.balance(), survivor.account().lifetime, len(survivor.account().lots)) == (5, 5, 5)


def test_points_past_their_last_day_expire_in_the_turn_in_which_they_come() -> None:
    town = both()
    town.play(merge(VICTIM, "2011-04-09"))
    town.customer(SURVIVOR).play(did("visit", "2011-04-20"))
    town.settle()
    assert town.customer(SURVIVOR).balance() == 0


def test_lifetime_points_of_a_victim_who_has_spent_all_count() -> None:
    town = both()
    town.play(redeem(5, LATER, customer_id=VICTIM))
    merged(town)
    assert [(one.points, one.counted, one.lifetime) for one in town.customer(SURVIVOR).only(PointsTakenOver)] == [
        (0, 5, 15)
    ]


def test_victim_who_never_had_points_is_merged() -> None:
    town = Town(CLUB)
    town.play(bought("B1", 1_000, FIRST))
    town.play(joined(FIRST, customer_id=VICTIM))
    merged(town)
    assert town.customer(SURVIVOR).only(PointsTakenOver) == []
    assert len(town.customer(SURVIVOR).only(CustomersMerged)) == 1


TIERS = {
    "basis": "lifetime_points",
    "levels": [
        {"name": "Base", "threshold": 0},
        {"name": "Silver", "threshold": 10},
        {"name": "Gold", "threshold": 100},
    ],
}


@pytest.mark.parametrize(
    ("survivor", "victim", "tier", "moves"),
    [
        pytest.param(100, 1_000, 2, [TierMoved.MERGE], id="the victim's is higher"),
        pytest.param(1_000, 100, 2, [TierMoved.VALUE], id="the survivor's is higher"),
        pytest.param(600, 600, 2, [TierMoved.VALUE], id="both together"),
    ],
)
def test_tier_is_the_higher_one_or_what_both_come_to(
    survivor: int, victim: int, tier: int, moves: list[TierMoved]
) -> None:
    town = merged(both(program(rules=[spend()], tiers=TIERS), survivor=survivor, victim=victim))
    assert town.customer(SURVIVOR).section().tier == tier
    assert [one.by for one in town.customer(SURVIVOR).only(TierUpgraded)] == moves
    assert (town.customer(VICTIM).section().tier, town.customer(VICTIM).section().tier_id) == (1, "base")


def test_tier_that_lasts_begins_a_term_of_the_survivor_and_none_is_left_at_the_victim() -> None:
    lasting = program(rules=[spend()], tiers={**TIERS, "validity": {"months": 12}})
    town = merged(both(lasting, survivor=100, victim=1_000))
    (moved,) = town.customer(SURVIVOR).only(TierUpgraded)
    assert moved.term is not None
    assert moved.term.expires_on is not None
    tenure = town.customer(SURVIVOR).section().tenure
    assert tenure is not None
    assert (tenure.term.points, tenure.term.purchases_minor) == (0, 0)
    assert town.customer(VICTIM).section().tenure is None
    town.pass_time(tick("2013-01-01"))
    assert town.customer(VICTIM).section().tier == 1


def test_tier_that_is_retired_here_by_now_is_not_given() -> None:
    retired = program(
        version=2,
        rules=[spend()],
        tiers={**TIERS, "levels": [TIERS["levels"][0], {**TIERS["levels"][1], "retired": True}, TIERS["levels"][2]]},  # type: ignore[dict-item, index]
    )
    town = both(program(rules=[spend()], tiers=TIERS), survivor=100, victim=1_000)
    town.customer(SURVIVOR).play(retired)
    merged(town)
    assert town.customer(SURVIVOR).section().tier == 1


GOALS = program(
    rules=[spend()],
    milestones=[
        milestone("bills", 2, points=50),
        milestone("stores", 3, target_id=10, counts={"of": "transactions", "measure": "stores"}),
        milestone("few", 9, target_id=11, counts={"of": "transactions", "at_most": {"times": 1, "per": "day"}}),
    ],
    streaks=[
        {
            "id": "monthly",
            "streak_id": 1,
            "name": "Monthly",
            "milestone": "bills",
            "levels": [{"name": "One", "periods": 1, "points": 7}, {"name": "Two", "periods": 2, "points": 9}],
        }
    ],
)


def rewards(town: Town) -> list[tuple[str, int]]:
    """What the survivor was given for milestones and streaks, and when it was."""
    return [
        (award.rule_id, award.points)
        for issued in town.customer(SURVIVOR).only(PointsIssued)
        for award in issued.awards
        if award.issued_for is not IssuedFor.SPEND
    ]


def test_milestones_add_up_and_what_both_reach_together_is_given() -> None:
    town = merged(both(GOALS))
    assert town.customer(SURVIVOR).section().milestones["bills"][494].value == 2
    assert rewards(town) == [("bills", 50), ("monthly:1", 7)]
    assert town.customer(VICTIM).section() == Section(version=1, accounts=town.customer(VICTIM).section().accounts)


def test_what_the_victim_has_achieved_is_not_given_again() -> None:
    town = both(GOALS)
    town.play(bought("V2", 100, LATER, customer_id=VICTIM))
    assert len(town.customer(VICTIM).only(MilestoneAchieved)) == 1
    merged(town)
    survivor = town.customer(SURVIVOR)
    assert survivor.only(MilestoneAchieved) == survivor.only(StreakLevelReached) == rewards(town) == []
    assert survivor.section().streaks["monthly"].levels == [1]


def test_periods_of_both_make_one_run() -> None:
    town = both(GOALS)
    town.play(bought("B2", 100, FIRST))
    for number in range(2):
        town.play(bought(f"W{number}", 100, "2011-04-01", customer_id=VICTIM))
    merged(town, "2011-05-02")
    survivor = town.customer(SURVIVOR)
    assert survivor.section().streaks["monthly"].runs == [(494, 495)]
    assert [one.run for one in survivor.only(StreakExtended)] == [1, 2]
    assert rewards(town) == [("bills", 50), ("monthly:1", 7), ("monthly:2", 9)]


def test_streak_that_the_survivor_has_left_stays_as_it_is() -> None:
    town = both(GOALS)
    town.play(bought("V2", 100, LATER, customer_id=VICTIM))
    town.play(unenrol("monthly", LATER))
    merged(town)
    streak = town.customer(SURVIVOR).section().streaks["monthly"]
    assert (streak.runs, streak.levels) == ([], [1])


def test_streak_that_the_survivor_is_not_in_begins_with_the_victims_periods() -> None:
    town = Town(GOALS)
    town.play(joined(FIRST))
    for number in range(2):
        town.play(bought(f"V{number}", 100, LATER, customer_id=VICTIM))
    merged(town)
    streak = town.customer(SURVIVOR).section().streaks["monthly"]
    assert (streak.runs, streak.levels, streak.longest) == ([(494, 494)], [1], 1)


def test_streak_that_forgives_settles_what_is_too_old_to_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    forgiving = program(
        milestones=[milestone("bills")],
        streaks=[
            {
                "id": "monthly",
                "streak_id": 1,
                "name": "Monthly",
                "milestone": "bills",
                "continuous": False,
                "levels": [{"name": "Nine", "periods": 9}],
            }
        ],
        repeat_window_days=366,
    )
    town = Town(forgiving)
    town.play(bought("B1", 100, "2011-01-01"))
    town.play(bought("V1", 100, "2011-03-01", customer_id=VICTIM))
    town.play(bought("V2", 100, "2011-05-01", customer_id=VICTIM))
    monkeypatch.setattr("pipeline.engine.streaks.value.RUNS_KEPT", 1)
    merged(town, "2011-05-02")
    streak = town.customer(SURVIVOR).section().streaks["monthly"]
    assert streak.longest == 3
    assert streak.settled == 2


def test_different_things_are_counted_once_and_limits_add_up() -> None:
    town = Town(GOALS)
    for customer, number, store in ((SURVIVOR, 1, "A"), (VICTIM, 2, "A"), (VICTIM, 3, "B"), (SURVIVOR, 4, "C")):
        town.play(bought(f"B{number}", 100, FIRST, store=store, customer_id=customer))
    merged(town)
    survivor = town.customer(SURVIVOR)
    assert survivor.section().milestones["stores"][494].value == 3
    assert [one.milestone_id for one in survivor.only(MilestoneAchieved)] == ["bills", "stores"]
    assert survivor.section().milestones["few"][494].value == 2
    assert set(survivor.section().tallies["few"][494].uses.values()) == {2}


OWN = milestone("own", 5, target_id=10, enrolment={"by": "command"}, cycle={"kind": "per_customer", "unit": "week"})
del OWN["period"]
ASKED = program(
    milestones=[
        milestone("asked", 5, enrolment={"by": "command"}),
        OWN,
        milestone("adds", 1, target_id=11, enrolment={"by": "command"}, adds={"milestone": "all", "value": 3}),
        milestone("all", 50, target_id=12),
    ],
)


@pytest.mark.parametrize("both_in", [False, True])
def test_enrolments_of_the_victim_count_and_targets_of_their_own_do_not(*, both_in: bool) -> None:
    town = Town(ASKED)
    town.play(joined(FIRST))
    for name in ("asked", "own", "adds"):
        town.play(enrol_target(name, "2011-03-02", customer_id=VICTIM, id=name))
        if both_in:
            town.play(enrol_target(name, "2011-03-03", id=name))
    town.play(set_target("asked", 3, LATER, customer_id=VICTIM))
    town.play(bought("V1", 100, LATER, customer_id=VICTIM))
    merged(town)
    section = town.customer(SURVIVOR).section()
    assert section.members["asked"].enrolled_at == instant("2011-03-02")
    assert section.members["asked"].own == 0
    assert section.milestones["asked"][494].value == 1
    assert ("own" in section.milestones) is not both_in
    assert section.members["adds"].given == town_given(town)
    assert section.milestones["all"][494].value == 4
    town.play(bought("B1", 100, THEN))
    assert town.customer(SURVIVOR).section().milestones["all"][494].value == 5


def town_given(town: Town) -> dict[int, int]:
    """The cycle of March, with its end."""
    (progress,) = town.customer(SURVIVOR).section().milestones["adds"].values()
    return {494: progress.ends_at}


def test_unified_target_that_the_victim_has_achieved_is_not_given_again() -> None:
    together = program(
        milestones=[milestone("a", 1), milestone("b", 1, target_id=10)],
        unified_targets=[{"id": "u", "group_id": 20, "name": "U", "expression": "a & b", "points": 30}],
    )
    town = both(together)
    assert len(town.customer(VICTIM).only(UnifiedAchieved)) == 1
    merged(town)
    assert len(town.customer(SURVIVOR).only(UnifiedAchieved)) == 1


def test_days_and_visits_of_trackers_add_up() -> None:
    tracked = program(
        trackers=[
            {"id": "spent", "of": "amount", "window": {"days": 90}},
            {"id": "visits", "of": "visits", "window": {"days": 90}},
        ]
    )
    town = both(tracked)
    town.play(bought("V2", 100, FIRST, customer_id=VICTIM, store="A"))
    before = [town.customer(one).section().trackers for one in (SURVIVOR, VICTIM)]
    expected = sum(sum(one["spent"].days.values()) for one in before)
    merged(town)
    trackers = town.customer(SURVIVOR).section().trackers
    assert sum(trackers["spent"].days.values()) == expected
    assert sum(bills for stores in trackers["visits"].stores.values() for bills in stores.values()) == 3


REFUSED: dict[str, tuple[list[Any], Refusal, str]] = {
    "it is the same customer": ([merge(SURVIVOR, THEN)], Refusal.SAME_CUSTOMER, "7"),
    "it is blocked": ([status("BLOCKED", LATER), merge(VICTIM, THEN)], Refusal.CUSTOMER_BLOCKED, ""),
    "history is loaded": ([BACKFILL, merge(VICTIM, THEN)], Refusal.IN_BACKFILL, ""),
    "it is asked already": ([merge(VICTIM, LATER), merge(VICTIM, THEN)], Refusal.MERGE_UNDER_WAY, "8"),
}


@pytest.mark.parametrize(("steps", "reason", "subject"), REFUSED.values(), ids=REFUSED)
def test_survivor_refuses(steps: list[Any], reason: Refusal, subject: str) -> None:
    story = both().customer(SURVIVOR)
    for step in steps:
        story.play(step)
    assert story.only(RecordRefused) == [RecordRefused(reason=reason, subject=subject)]


def test_survivor_with_too_many_lots_gets_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concern, "LOTS_MAX", 1)
    assert [one.reason for one in both().play(merge(VICTIM, THEN)).only(RecordRefused)] == [Refusal.TOTAL_TOO_LARGE]


HINDERED: dict[str, tuple[list[Any], Refusal, str]] = {
    "is blocked": ([status("BLOCKED", LATER, customer_id=VICTIM)], Refusal.CUSTOMER_BLOCKED, ""),
    "has points put aside": ([block(2, LATER, customer_id=VICTIM)], Refusal.POINTS_HELD, ""),
    "waits for a victim": ([merge(OTHER, LATER, customer_id=VICTIM)], Refusal.MERGE_UNDER_WAY, "9"),
    "loads history": ([BACKFILL], Refusal.IN_BACKFILL, ""),
    "has a program that is not there": ([program(program_id=2, name="Second")], Refusal.PROGRAM_UNKNOWN, "2"),
}


@pytest.mark.parametrize(("steps", "reason", "subject"), HINDERED.values(), ids=HINDERED)
def test_victim_refuses_and_both_stay_as_they_were(steps: list[Any], reason: Refusal, subject: str) -> None:
    town = both()
    victim, survivor = town.customer(VICTIM), town.customer(SURVIVOR)
    for step in steps:
        victim.play(step)
    asked = merge(VICTIM, THEN)
    town.play(asked)
    town.settle()
    refused = MergeRefused(merge_id=asked.id, survivor_id=SURVIVOR, reason=reason, subject=subject)
    assert victim.only(MergeRefused) == [refused]
    assert survivor.only(MergeFailed) == [
        MergeFailed(merge_id=asked.id, victim_id=VICTIM, reason=reason, subject=subject)
    ]
    assert survivor.state.head.merge is None
    assert first_outcome(survivor.state, f"MergeCustomers:{asked.id}") == Outcome(reason=reason)
    assert survivor.balance() == 10


def test_nobody_is_merged_who_was_never_there() -> None:
    town = Town(CLUB)
    town.play(bought("B1", 1_000, FIRST))
    merged(town)
    assert [one.reason for one in town.customer(SURVIVOR).only(MergeFailed)] == [Refusal.CUSTOMER_UNKNOWN]


def test_org_without_programs_merges_nobody() -> None:
    town = both()
    town.stories[VICTIM] = Story(customer=VICTIM)
    town.play(joined(FIRST, customer_id=VICTIM))
    merged(town)
    assert [one.reason for one in town.customer(SURVIVOR).only(MergeFailed)] == [Refusal.PROGRAM_UNKNOWN]


def test_customer_who_was_merged_is_merged_no_more() -> None:
    town = merged(both())
    refused = town.play(merge(OTHER, AFTER, customer_id=VICTIM))
    assert refused.only(RecordRefused) == [RecordRefused(reason=Refusal.CUSTOMER_MERGED, subject="7")]
    town.play(bought("O1", 100, FIRST, customer_id=OTHER))
    town.play(merge(VICTIM, AFTER, customer_id=OTHER))
    town.settle()
    assert [one.subject for one in town.customer(OTHER).only(MergeFailed)] == ["7"]


def test_two_who_ask_for_each_other_both_stay() -> None:
    town = both()
    town.play(merge(VICTIM, THEN))
    town.play(merge(SURVIVOR, THEN, customer_id=VICTIM))
    town.settle()
    assert [town.customer(one).only(MergeFailed)[0].reason for one in (SURVIVOR, VICTIM)] == [
        Refusal.MERGE_UNDER_WAY,
        Refusal.MERGE_UNDER_WAY,
    ]
    assert [town.customer(one).balance() for one in (SURVIVOR, VICTIM)] == [10, 5]


def test_survivor_is_merged_on_and_records_are_passed_on_twice() -> None:
    town = merged(both())
    town.play(bought("O1", 100, FIRST, customer_id=OTHER))
    town.play(merge(SURVIVOR, AFTER, customer_id=OTHER))
    town.settle()
    town.play(bought("V9", 300, "2011-03-13", customer_id=VICTIM))
    town.settle()
    assert [town.customer(one).balance() for one in (SURVIVOR, VICTIM, OTHER)] == [0, 0, 19]


def test_pieces_that_nobody_waits_for_change_nothing() -> None:
    town = both()
    town.play(merge(VICTIM, THEN))
    town.deliver()
    pieces = [*town.waiting]
    town.settle()
    for piece in pieces:
        assert town.play(piece).decided == []  # type: ignore[arg-type]  # the union's cases


def test_paused_streak_of_the_survivor_stays_paused() -> None:
    town = both(GOALS)
    town.play(pause("monthly", LATER))
    merged(town)
    assert town.customer(SURVIVOR).section().streaks["monthly"].paused


def test_every_program_is_handed_over_before_the_merge_is_done() -> None:
    town = merged(both(CLUB, program(program_id=2, name="Second", rules=[spend(points=2)])))
    survivor = town.customer(SURVIVOR)
    assert [survivor.balance(one) for one in (1, 2)] == [15, 30]
    assert [one.program_id for one in survivor.only(CustomersMerged)[0].standings] == [1, 2]


def test_merge_that_fails_leaves_what_others_left() -> None:
    town = merged(both())
    town.play(merge(OTHER, AFTER))
    town.settle()
    assert town.customer(SURVIVOR).state.head.merge == Merge(victims=[VICTIM])


WEEK = milestone("week", 3, points=20, cycle={"kind": "rolling", "days": 7})
del WEEK["period"]


def test_days_of_a_rolling_window_add_up_and_one_more_window_is_met() -> None:
    town = Town(program(rules=[spend()], milestones=[WEEK]))
    for number, customer in enumerate((SURVIVOR, VICTIM, VICTIM, SURVIVOR)):
        town.play(bought(f"B{number}", 100, f"2011-03-0{number + 1}", customer_id=customer))
    merged(town, "2011-03-05")
    survivor = town.customer(SURVIVOR)
    assert survivor.section().windows == {"week": 1}
    assert rewards(town) == [("week", 20)]


def test_windows_that_both_have_met_are_given_no_second_time() -> None:
    town = Town(program(rules=[spend()], milestones=[WEEK]))
    for customer, month in ((SURVIVOR, 3), (VICTIM, 4)):
        for number in range(3):
            town.play(bought(f"{customer}{number}", 100, f"2011-0{month}-0{number + 1}", customer_id=customer))
    merged(town, "2011-04-05")
    assert town.customer(SURVIVOR).section().windows == {"week": 2}
    assert rewards(town) == [("week", 20)]


def test_window_that_is_lost_and_met_again_after_the_merge_is_not_paid_again() -> None:
    town = Town(program(milestones=[WEEK], returns=FALLING))
    for customer, first in ((SURVIVOR, 1), (VICTIM, 16)):
        for number in range(3):
            town.play(bought(f"{customer}{number}", 100, f"2011-03-{first + number:02}", customer_id=customer))
    merged(town, "2011-03-22")
    survivor = town.customer(SURVIVOR)
    assert survivor.balance() == 40
    town.play(brought_back(f"{SURVIVOR}1", 100, "2011-03-23"))
    town.play(bought("again", 100, "2011-03-02"), as_of=instant("2011-03-24"))
    assert survivor.section().windows == {"week": 2}
    assert survivor.balance() == 40


FALLING = {"window_days": 60, "milestones": "fall", "rewards": "clawback"}


@pytest.mark.parametrize("lost_before", [False, True])
def test_milestone_that_the_victim_had_met_is_paid_once_when_it_is_lost_and_met_again(*, lost_before: bool) -> None:
    town = Town(program(milestones=[milestone("m", 2, points=50)], returns=FALLING))
    town.play(joined(FIRST))
    town.play(set_target("m", 4, FIRST))
    for number in range(2):
        for customer in (SURVIVOR, VICTIM):
            town.play(bought(f"{customer}{number}", 100, f"2011-03-0{number + 2}", customer_id=customer))
    if lost_before:
        town.play(brought_back(f"{VICTIM}1", 100, "2011-03-04", customer_id=VICTIM))
        town.play(bought(f"{SURVIVOR}2", 100, "2011-03-04"))
    merged(town, "2011-03-05")
    town.play(brought_back(f"{SURVIVOR}0", 100, "2011-03-06"))
    town.play(bought("again", 100, "2011-03-07"))
    assert len(town.customer(SURVIVOR).only(MilestoneAchieved)) == 1 + lost_before
    assert town.customer(SURVIVOR).balance() == 50


def test_what_was_taken_back_of_the_victim_is_not_given_for_what_the_survivor_has() -> None:
    town = Town(program(milestones=[milestone("m", 2, points=50)], returns=FALLING))
    for number in range(2):
        for customer in (SURVIVOR, VICTIM):
            town.play(bought(f"{customer}{number}", 100, f"2011-03-0{number + 2}", customer_id=customer))
    town.play(brought_back(f"{VICTIM}1", 100, "2011-03-04", customer_id=VICTIM))
    merged(town, "2011-03-05")
    survivor = town.customer(SURVIVOR)
    assert survivor.balance() == 50
    for number in range(2):
        town.play(brought_back(f"{SURVIVOR}{number}", 100, f"2011-03-0{number + 6}"))
    assert survivor.balance() == 0
    town.play(bought("again", 100, "2011-03-08"))
    assert survivor.balance() == 50


def test_rewards_of_cycles_of_the_victims_own_stay_behind() -> None:
    town = Town(program(milestones=[{**OWN, "target": 1, "points": 50}], returns=FALLING))
    for customer in (SURVIVOR, VICTIM):
        town.play(enrol_target("own", FIRST, customer_id=customer))
    town.play(bought("V1", 100, "2011-03-02", customer_id=VICTIM))
    merged(town, "2011-03-03")
    assert town.customer(SURVIVOR).section().rewards == {}
    town.play(bought("B1", 100, "2011-03-04"))
    assert town.customer(SURVIVOR).balance() == 100


def test_customer_who_was_merged_follows_no_version_and_is_told_nothing_any_more() -> None:
    town = merged(both(everybody_in(1)))
    told = len(town.customer(VICTIM).facts)
    town.pass_time(starting("2011-04-02", everybody_in(2)))
    town.pass_time(tick("2011-08-01"))
    assert len(town.customer(VICTIM).facts) == told
    assert town.customer(VICTIM).state.head.timers == {}
    assert town.customer(SURVIVOR).section().version == 2


def everybody_in(version: int) -> ProgramDefinition:
    enrolment = {"by": "everybody"}
    cycles = milestone("m", 9, points=version, enrolment=enrolment, tells_cycles="everybody")
    return program(version=version, rules=[spend()], milestones=[cycles])


def test_bills_of_the_victim_do_not_use_a_tier_that_the_survivor_was_given() -> None:
    given = milestone("m", 2, tier={"id": "silver"})
    unused = {**FALLING, "rewards": "revoke_if_unused"}
    levels = [{"name": "Base", "threshold": 0}, {"name": "Silver", "threshold": 100_000}]
    town = Town(program(tiers={"basis": "net_purchases", "levels": levels}, milestones=[given], returns=unused))
    for number in range(2):
        town.play(bought(f"B{number}", 100, f"2011-04-0{number + 1}"))
    town.play(bought("V1", 100, "2011-03-31", customer_id=VICTIM))
    merged(town, "2011-04-03")
    survivor = town.customer(SURVIVOR)
    assert (survivor.tier(), survivor.section().transactions) == (2, 3)
    town.play(brought_back("B1", 100, "2011-04-04"))
    assert survivor.tier() == 1


def test_event_that_is_unique_for_ever_counts_once_for_both() -> None:
    town = Town(program(rules=[{"id": "welcome", "kind": "event", "event": "welcome", "points": 10}]))
    for customer, name in ((SURVIVOR, "own"), (SURVIVOR, "both"), (VICTIM, "both"), (VICTIM, "other")):
        town.play(did("welcome", LATER, id=name, unique=True, customer_id=customer))
    survivor = merged(town).customer(SURVIVOR)
    assert survivor.balance() == 40
    refused = [RecordRefused(reason=Refusal.EVENT_EXISTS, subject="other")]
    assert [one.decision for one in town.play(did("welcome", AFTER, id="other", unique=True)).decided] == refused


@pytest.mark.parametrize(("own", "others"), [(1, 1), (1, 6), (6, 1), (6, 6), (3, 3), (2, 1)])
def test_events_of_both_stay_unique_however_many_they_are(
    monkeypatch: pytest.MonkeyPatch, own: int, others: int
) -> None:
    monkeypatch.setattr(unique, "FIRST_MAX", 3)
    town = Town(CLUB)
    for customer, many in ((SURVIVOR, own), (VICTIM, others)):
        for number in range(many):
            town.play(did("welcome", LATER, id=f"{customer}-{number}", unique=True, customer_id=customer))
    survivor = merged(town).customer(SURVIVOR)
    assert len({*unique.unique_ids(survivor.state)}) == own + others
    for customer, many in ((SURVIVOR, own), (VICTIM, others)):
        for number in range(many):
            town.play(did("welcome", "2011-07-01", id=f"{customer}-{number}", unique=True))
    assert [one.reason for one in survivor.only(RecordRefused)] == [Refusal.EVENT_EXISTS] * (own + others)


def test_merge_keeps_no_more_unique_events_than_a_customer_may_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unique, "FIRST_MAX", 0)
    monkeypatch.setattr(unique, "BUCKET_MAX", 1)
    monkeypatch.setattr(unique, "bucket_of", lambda _: 5)
    town = Town(CLUB)
    for customer, name in ((SURVIVOR, "a"), (VICTIM, "b")):
        town.play(did("welcome", LATER, id=name, unique=True, customer_id=customer))
    survivor = merged(town).customer(SURVIVOR)
    assert len([*unique.unique_ids(survivor.state)]) == 1
    town.play(did("welcome", AFTER, id="b", unique=True))
    assert [one.reason for one in survivor.only(RecordRefused)] == [Refusal.TOO_MANY]


@pytest.mark.parametrize("validity", [{}, {"validity": {"months": 12}}])
@pytest.mark.parametrize(
    ("steps", "before", "after"),
    [
        pytest.param([(VICTIM, "gold", "2011-04-01")], 3, 1, id="through its last day"),
        pytest.param([(VICTIM, "gold", None)], 3, 3, id="without an end"),
        pytest.param([(VICTIM, "gold", THEN)], 1, 1, id="over by then"),
        pytest.param([(VICTIM, "silver", "2011-04-01"), (SURVIVOR, "gold", None)], 3, 3, id="lower than the other"),
        pytest.param([(VICTIM, "gold", "2011-04-01"), (SURVIVOR, "gold", "2011-03-20")], 3, 1, id="longer"),
        pytest.param([(VICTIM, "gold", "2011-03-20"), (SURVIVOR, "gold", None)], 3, 3, id="shorter"),
    ],
)
def test_tier_that_the_victim_was_given_by_hand_holds_as_long_as_it_was_given(
    steps: list[tuple[int, str, str | None]], before: int, after: int, validity: dict[str, Any]
) -> None:
    town = both(program(rules=[spend()], tiers={**TIERS, **validity}), survivor=100, victim=100)
    for customer, tier, last in steps:
        last_day = None if last is None else day(last)
        town.play(assign(tier, LATER, last_day=last_day, customer_id=customer))
    town.play(merge(VICTIM, AFTER))
    town.settle()
    survivor = town.customer(SURVIVOR)
    assert survivor.only(TierUpgraded) == []
    assert survivor.tier() == before
    town.pass_time(tick("2011-03-25"))
    assert survivor.tier() == before
    town.pass_time(tick("2011-04-03"))
    assert survivor.tier() == after


def test_tier_that_was_given_and_is_over_when_it_comes_is_not_held() -> None:
    town = both(program(rules=[spend()], tiers=TIERS), survivor=100, victim=100)
    town.play(assign("gold", LATER, last_day=day("2011-04-01"), customer_id=VICTIM))
    town.play(merge(VICTIM, AFTER))
    town.deliver()
    town.play(bought("B2", 100, "2011-04-03"))
    town.settle()
    survivor = town.customer(SURVIVOR)
    assert (survivor.tier(), survivor.only(TierAssigned)) == (1, [])


def test_tier_of_the_victims_own_values_below_one_that_was_given_stays() -> None:
    town = both(program(rules=[spend()], tiers=TIERS), survivor=100, victim=1_000)
    town.play(assign("gold", LATER, last_day=day("2011-04-01"), customer_id=VICTIM))
    survivor = merged(town).customer(SURVIVOR)
    assert survivor.tier() == 3
    town.pass_time(tick("2011-04-03"))
    assert survivor.tier() == 2


def test_tier_that_was_given_below_the_victims_own_lengthens_nothing() -> None:
    town = both(program(rules=[spend()], tiers=TIERS), survivor=100, victim=1_000)
    town.play(assign("silver", LATER, last_day=day("2011-04-01"), customer_id=VICTIM))
    survivor = merged(town).customer(SURVIVOR)
    town.pass_time(tick("2011-04-03"))
    assert survivor.tier() == 2


def test_tier_that_the_victim_has_as_a_reward_is_held_beside_those_of_the_survivor() -> None:
    reward = milestone("m", 2, tier={"id": "gold", "validity": {"days": 20}})
    town = both(program(rules=[spend()], tiers=TIERS, milestones=[reward], returns=FALLING), survivor=100, victim=100)
    town.play(bought("V2", 100, LATER, customer_id=VICTIM))
    survivor = merged(town).customer(SURVIVOR)
    assert survivor.tier() == 3
    assert list(survivor.section().tenure.rewards) == [f"milestone/m/494/of/{VICTIM}"]
    town.pass_time(tick("2011-04-03"))
    assert survivor.tier() == 1


def test_reward_that_was_taken_back_of_the_victim_is_not_handed_over() -> None:
    reward = milestone("m", 2, tier={"id": "gold"})
    town = both(program(rules=[spend()], tiers=TIERS, milestones=[reward], returns=FALLING), survivor=100, victim=100)
    town.play(bought("V2", 100, LATER, customer_id=VICTIM))
    town.play(brought_back("V2", 100, THEN, customer_id=VICTIM))
    survivor = merged(town, AFTER).customer(SURVIVOR)
    assert list(survivor.section().tenure.rewards) == ["milestone/m/494"]


SUMS = milestone("week", 1_000, points=20, counts={"of": "transactions", "measure": "sum"})
SUMS = {**SUMS, "cycle": {"kind": "rolling", "days": 7}, "period": None}


@pytest.mark.parametrize("returns", [None, FALLING])
def test_windows_that_end_with_the_same_day_are_two_and_the_next_is_met_as_many_days_later(returns: Any) -> None:
    town = Town(program(milestones=[SUMS], returns=returns))
    for customer in (SURVIVOR, VICTIM):
        for number, on in enumerate(("2011-03-04", "2011-03-10")):
            town.play(bought(f"{customer}{number}", 500, on, customer_id=customer))
    survivor = merged(town, "2011-03-10 15:00").customer(SURVIVOR)
    assert (survivor.section().windows, survivor.balance()) == ({"week": 2}, 40)
    town.play(bought("c", 1, "2011-03-11"))
    assert (survivor.section().windows, survivor.balance()) == ({"week": 2}, 40)
    town.play(bought("d", 1_000, "2011-03-17"))
    assert (survivor.section().windows, survivor.balance()) == ({"week": 3}, 60)


def test_windows_that_both_met_on_one_day_are_lost_one_after_the_other() -> None:
    town = Town(program(milestones=[SUMS], returns=FALLING))
    for customer in (SURVIVOR, VICTIM):
        town.play(bought(f"{customer}", 1_000, "2011-03-10", customer_id=customer))
    survivor = merged(town).customer(SURVIVOR)
    town.play(bought("c", 1_500, "2011-03-10"), as_of=instant("2011-03-12"))
    assert survivor.section().met_twice == {"week": [day("2011-03-10")]}
    town.play(brought_back("c", 1_500, "2011-03-13"))
    assert survivor.section().windows == {"week": 2}
    town.play(brought_back(f"{SURVIVOR}", 1_000, "2011-03-14"))
    assert survivor.section().windows == {"week": 2}  # what the victim bought is as much as one asks for
    town.play(set_target("week", 1_500, "2011-03-14"))
    for bill, left, twice in (("d", 1, []), ("e", 0, [])):
        town.play(bought(bill, 100, "2011-03-10"), as_of=instant("2011-03-15"))
        town.play(brought_back(bill, 100, "2011-03-16"))
        assert (survivor.section().windows, survivor.section().met_twice) == ({"week": left}, {"week": twice})


def test_window_moves_away_from_a_day_that_both_had_met() -> None:
    town = Town(program(milestones=[SUMS], returns=FALLING))
    for customer in (SURVIVOR, VICTIM):
        town.play(bought(f"{customer}", 1_000, "2011-03-10", customer_id=customer))
    survivor = merged(town).customer(SURVIVOR)
    town.play(bought("c", 1_000, "2011-03-19"))
    town.play(bought("late", 1_000, "2011-03-02"))
    assert [str(as_date(one)) for one in rolling.days_of(survivor.section().milestones["week"], 7, {}).met] == [
        "2011-03-02",
        "2011-03-10",
        "2011-03-19",
    ]
    assert (survivor.section().windows, survivor.section().met_twice, survivor.balance()) == (
        {"week": 3},
        {"week": []},
        60,
    )


def test_different_things_of_a_rolling_window_are_those_that_either_has() -> None:
    skus = {**SUMS, "counts": {"of": "transactions", "measure": "skus"}, "target": 3}
    town = Town(program(milestones=[skus]))
    for customer, names in ((SURVIVOR, "AB"), (VICTIM, "BC")):
        lines = tuple(Line(sku=name, amount_minor=100) for name in names)
        town.play(bought(f"{customer}", None, "2011-03-10", lines=lines, customer_id=customer))
    assert merged(town).customer(SURVIVOR).section().windows == {"week": 1}


def test_what_others_added_to_different_things_stays() -> None:
    visits = milestone("visits", target_id=8, period="day", adds={"milestone": "skus", "value": 5})
    skus = milestone("skus", 12, counts={"of": "transactions", "measure": "skus"})
    town = Town(program(milestones=[skus, visits]))
    for customer, names in ((SURVIVOR, "AB"), (VICTIM, "BC")):
        lines = tuple(Line(sku=name, amount_minor=100) for name in names)
        town.play(bought(f"{customer}", None, "2011-03-10", lines=lines, customer_id=customer))
    assert merged(town).customer(SURVIVOR).values("skus") == {"2011-03": 13}


def test_windows_met_together_add_up_and_are_numbered_after_the_survivors_own() -> None:
    other = {**SUMS, "id": "day", "target_id": 8, "points": 0, "counts": {"of": "transactions"}, "target": 1}
    unified = {"id": "u", "group_id": 9, "name": "U", "expression": "week & day", "points": 30}
    parts = {"milestones": [{**SUMS, "points": 0}, other], "returns": FALLING}
    town = Town(program(unified_targets=[unified], **parts))
    for customer in (SURVIVOR, VICTIM):
        town.play(bought(f"{customer}", 1_000, "2011-03-10", customer_id=customer))
    town.play(bought("half", 500, "2011-03-18"))
    town.play(bought("other", 500, "2011-03-19", customer_id=VICTIM))
    survivor = merged(town, "2011-03-20").customer(SURVIVOR)
    assert (survivor.section().windows["u"], survivor.balance()) == (2, 60)  # all that both did is worth two
    assert [str(as_date(one)) for one in survivor.section().unified["u"]] == ["2011-03-10", "2011-03-19"]
    assert [key for key in survivor.section().rewards if key.startswith("unified")] == ["unified/u/1", "unified/u/2"]
    town.play(bought("late", 1_000, "2011-03-02"))
    assert (survivor.section().windows["u"], survivor.balance(), survivor.section().met_twice["u"]) == (3, 90, [])
    town.play(brought_back("late", 1_000, "2011-03-21"))
    assert (survivor.section().windows["u"], survivor.balance()) == (2, 60)


def test_windows_that_both_met_together_on_one_day_are_lost_one_after_the_other() -> None:
    unified = {"id": "u", "group_id": 9, "name": "U", "expression": "week", "points": 30}
    town = Town(program(milestones=[{**SUMS, "points": 0}], unified_targets=[unified], returns=FALLING))
    for customer in (SURVIVOR, VICTIM):
        for number in range(2):
            town.play(bought(f"{customer}-{number}", 500, "2011-03-10", customer_id=customer))
    survivor = merged(town).customer(SURVIVOR)
    for number in range(2):
        town.play(brought_back(f"{SURVIVOR}-{number}", 500, f"2011-03-1{number + 2}"))
    assert (survivor.section().windows["u"], survivor.section().met_twice["u"]) == (2, [day("2011-03-10")])
    town.play(set_target("week", 1_500, "2011-03-14"))
    town.play(bought("c", 100, "2011-03-10"), as_of=instant("2011-03-15"))
    town.play(brought_back("c", 100, "2011-03-16"))
    assert (survivor.section().windows["u"], survivor.section().met_twice["u"]) == (1, [])


def test_windows_that_gave_something_give_it_no_second_time_after_a_merge() -> None:
    giver = {**SUMS, "enrolment": {"by": "everybody"}, "adds": {"milestone": "steps", "value": 1}}
    steps = milestone("steps", 9, target_id=8, counts={"of": "events", "event": "none"})
    town = Town(program(milestones=[giver, steps], returns=FALLING))
    for customer, on in ((SURVIVOR, "2011-03-01"), (VICTIM, "2011-03-10")):
        town.play(bought(f"{customer}", 1_000, on, customer_id=customer))
    survivor = merged(town).customer(SURVIVOR)
    assert sorted(survivor.section().members["week"].given) == [1, 2]
    town.play(brought_back(f"{SURVIVOR}", 1_000, "2011-03-12"))
    town.play(bought("again", 1_000, "2011-03-20"))
    assert survivor.values("steps") == {"2011-03": 2}


def test_cycle_that_gave_something_at_the_victim_gives_it_no_second_time() -> None:
    giver = milestone("a", 2, adds={"milestone": "b", "value": 1})
    taker = milestone("b", 9, target_id=10, counts={"of": "events", "event": "none"})
    town = Town(program(milestones=[giver, taker], returns=FALLING))
    town.play(bought("B1", 1, "2011-03-01"))
    for number in range(2):
        town.play(bought(f"V{number}", 1, "2011-03-02", customer_id=VICTIM))
    survivor = merged(town, "2011-03-03").customer(SURVIVOR)
    town.play(set_target("a", 3, "2011-03-04"))
    town.play(brought_back("B1", 1, "2011-03-05"))
    town.play(bought("again", 1, "2011-03-06"))
    assert (len(survivor.only(MilestoneAchieved)), survivor.values("b")) == (1, {"2011-03": 1})
    assert survivor.section().members["a"].enrolled_at is None


def test_enrolment_of_the_survivor_stays_where_the_victim_had_none_and_gave_something() -> None:
    giver = milestone("a", 1, adds={"milestone": "b", "value": 1}, enrolment={"by": "command"})
    taker = milestone("b", 9, target_id=10, counts={"of": "events", "event": "none"})
    town = Town(program(milestones=[giver, taker]))
    for customer in (SURVIVOR, VICTIM):
        town.play(enrol_target("a", "2011-03-01", customer_id=customer))
    town.play(bought("V1", 1, "2011-03-02", customer_id=VICTIM))
    town.play(unenrol_target("a", "2011-03-02 13:00", customer_id=VICTIM))
    member = merged(town, "2011-03-03").customer(SURVIVOR).section().members["a"]
    assert (member.enrolled_at, len(member.given)) == (instant("2011-03-01 12:00"), 1)


def test_periods_that_both_meet_together_count_in_the_streak() -> None:
    streak = {"id": "s", "streak_id": 1, "name": "S", "milestone": "m", "repeats": True}
    levels = [{"name": "Two", "periods": 2, "points": 5}]
    town = Town(program(milestones=[milestone("m", 2)], streaks=[{**streak, "levels": levels}], repeat_window_days=366))
    for month in (1, 2, 3, 4):
        for customer in (SURVIVOR, VICTIM):
            town.play(bought(f"{customer}-{month}", 1, f"2011-0{month}-10", customer_id=customer))
    survivor = merged(town, "2011-04-20").customer(SURVIVOR)
    (run,) = survivor.runs("s")
    assert (run[1] - run[0] + 1, len(survivor.only(StreakExtended)), survivor.balance()) == (4, 4, 10)
