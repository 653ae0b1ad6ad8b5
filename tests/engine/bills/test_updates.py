"""Updates of a bill: what it gave is corrected as if it had been right from the beginning."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.engine.bills import updates
from pipeline.engine.ledger import issue
from schemas.facts import (
    AwardCorrected,
    AwardsCorrected,
    BillUpdated,
    MilestoneAchieved,
    MilestoneProgressed,
    ParkedUpdate,
    PointsExpired,
    PointsIssued,
    PointsReversed,
    PurchaseCorrected,
    RecordAccepted,
    RecordRefused,
    Refusal,
    Reversal,
    StreakLevelReached,
    UpdateParked,
    UpdateReleased,
)
from schemas.program import ReturnMethod
from schemas.records import Line
from tests.dsl import BOOKKEEPING, Story, given, issued
from tests.steps import (
    Activation,
    Step,
    bought,
    brought_back,
    day,
    instant,
    milestone,
    program,
    redeem,
    spend,
    tick,
    updated,
)

SHOP = program(rules=[spend(), spend("big", 5, 100, minimum_minor=2_000)])
B1 = bought("B1", 1_000, "2011-03-01")
IGNORED = BOOKKEEPING - {PurchaseCorrected, AwardsCorrected, MilestoneProgressed}
LINE_METHODS = [ReturnMethod.LINE_EXACT, ReturnMethod.CAPILLARY, ReturnMethod.RECOMPUTE_REMAINING]


def billed(amount: int, previous: int, **parts: Any) -> BillUpdated:
    return BillUpdated(bill_number="B1", amount_minor=amount, previous_minor=previous, currency="GBP", **parts)


def corrected(*awards: tuple[str, int, int] | tuple[str, int, int, int]) -> AwardsCorrected:
    fields = ("rule_id", "points", "claimed", "forgiven")
    return AwardsCorrected(
        bill_number="B1",
        awards=tuple(AwardCorrected(currency="POINTS", **dict(zip(fields, award, strict=False))) for award in awards),
    )


def test_bill_that_was_more_gives_the_difference_for_each_rule_with_the_terms_of_its_own_date() -> None:
    shop = program(rules=[spend(), spend("big", 5, 100, minimum_minor=2_000)], points={"expiry": {"days": 30}})
    given(shop, B1).when(updated("B1", 2_500, "2011-03-20")).then(
        billed(2_500, 1_000),
        PurchaseCorrected(
            bill_number="B1",
            amount_minor=1_500,
            counted=0,
            transactions=1,
            purchases_minor=2_500,
            returned_minor=0,
            paid_at=B1.event_time,
        ),
        issued(
            ("spend", 15),
            ("big", 125),
            balance=150,
            lot=2,
            bill_number="B1",
            expires=("2011-03-31", "2011-04-01 00:00"),
        ),
        corrected(("spend", 25, 0), ("big", 125, 0)),
        ignoring=IGNORED,
    )


def test_bill_that_was_less_takes_the_difference_back_as_a_return_does() -> None:
    given(SHOP, bought("B1", 2_500, "2011-03-01"), redeem(140, "2011-03-02")).when(
        updated("B1", 1_000, "2011-03-03")
    ).then(
        billed(1_000, 2_500),
        PurchaseCorrected(
            bill_number="B1",
            amount_minor=-1_500,
            counted=0,
            transactions=1,
            purchases_minor=1_000,
            returned_minor=0,
            paid_at=B1.event_time,
        ),
        PointsReversed(
            currency="POINTS",
            points=10,
            balance=0,
            of_bill="B1",
            reversals=(
                Reversal(rule_id="spend", lot_id=1, claimed=15, points=10, forgiven=5),
                Reversal(rule_id="big", lot_id=1, claimed=125, points=0, forgiven=125),
            ),
            reversed_of_bill=10,
            lifetime=140,
            paid_at=B1.event_time,
        ),
        corrected(("spend", 10, 0, 5), ("big", 0, 0, 125)),
        ignoring=IGNORED,
    )


SPENT = [redeem(80, "2011-03-02 10:00")]


@pytest.mark.parametrize(
    ("steps", "left"),
    [
        pytest.param(
            [*SPENT, updated("B1", 0, "2011-03-03"), updated("B1", 10_000, "2011-03-04")], 20, id="reinstated"
        ),
        pytest.param([*SPENT, updated("B1", 5_000, "2011-03-03"), updated("B1", 7_000, "2011-03-04")], 0, id="in part"),
        pytest.param(
            [*SPENT, *(updated("B1", amount, f"2011-03-0{at}") for at, amount in enumerate((0, 9_000, 0, 10_000), 3))],
            20,
            id="twice",
        ),
        pytest.param(
            [tick("2011-04-03"), updated("B1", 0, "2011-04-04"), updated("B1", 10_000, "2011-04-05")], 0, id="expired"
        ),
        pytest.param([updated("B1", 0, "2011-03-03"), updated("B1", 20_000, "2011-03-04")], 200, id="untouched"),
    ],
)
def test_what_a_correction_could_not_take_is_not_given_again(steps: list[Step], left: int) -> None:
    shop = program(rules=[spend()], points={"expiry": {"days": 30}})
    story = given(shop, bought("B1", 10_000, "2011-03-01"), *steps)
    assert story.balance() == left


@pytest.mark.parametrize("lines", [(), (Line(sku="A", amount_minor=400), Line(sku="B", amount_minor=800))])
def test_update_is_recorded_with_the_number_of_lines_that_it_says(lines: tuple[Line, ...]) -> None:
    (one,) = given(SHOP, B1).when(updated("B1", 1_200, "2011-03-02", lines=lines)).only(BillUpdated)
    assert one.line_count == len(lines)


def test_decisions_of_an_update_name_the_cause_that_they_correct() -> None:
    story = given(SHOP, B1).when(updated("B1", 900, "2011-03-02"))
    assert {fact.envelope.correction_of for fact in story.decided} == {"TransactionAdded:t-B1"}
    assert {fact.envelope.cause for fact in story.decided} == {"TransactionUpdated:u-B1-2011-03-02"}


def test_rules_are_those_of_the_version_by_which_the_bill_counted() -> None:
    doubled = program(version=2, rules=[spend(points=2)])
    story = given(program(rules=[spend()]), B1, Activation(doubled, instant("2011-03-10")), tick("2011-03-10"))
    story.play(updated("B1", 1_500, "2011-03-20"))
    assert story.only(PointsIssued)[-1].points == 5
    story.play(bought("B2", 1_500, "2011-03-21"))
    assert story.only(PointsIssued)[-1].points == 30


def test_version_that_is_no_longer_kept_is_taken_over_by_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.engine.programs.SUPERSEDED_MAX", 0)
    story = given(program(rules=[spend()]), B1)
    for version, points in ((2, 2), (3, 3)):
        starts_at = instant(f"2011-03-0{version}")
        definition = program(version=version, rules=[spend(points=points)])
        story.programs = story.programs.activate(definition, starts_at, instant(f"2011-03-{version}0"))
    story.play(updated("B1", 2_000, "2011-04-01"))
    assert story.balance() == 60


def test_rule_counts_on_the_day_of_the_bill() -> None:
    march = spend("march", 1, 100, validity={"first": "2011-03-01", "last": "2011-03-01"})
    story = given(program(rules=[march]), B1, updated("B1", 1_500, "2011-03-09"))
    assert story.balance() == 15


def test_rule_goes_by_the_tier_that_the_customer_had_before_the_bill() -> None:
    tiers = {"basis": "net_purchases", "levels": [{"name": "A", "threshold": 0}, {"name": "B", "threshold": 900}]}
    shop = program(rules=[spend("a", tiers=["a"]), spend("b", 9, 100, tiers=["b"])], tiers=tiers)
    story = given(shop, B1, bought("B2", 100, "2011-03-02"), updated("B1", 1_200, "2011-03-03"))
    assert (story.tier(), story.balance()) == (2, 12 + 9)
    story.play(updated("B2", 200, "2011-03-04"))
    assert story.balance() == 12 + 18


def test_lines_that_are_others_at_the_same_amount_are_corrected() -> None:
    shop = program(rules=[spend(excluded_skus=["GIFT"])])
    story = given(shop, bought("B1", None, "2011-03-01", lines=(Line(sku="A", amount_minor=500),)))
    story.when(updated("B1", None, "2011-03-02", lines=(Line(sku="GIFT", amount_minor=500),)))
    assert (story.balance(), story.only(PurchaseCorrected)) == (0, [])
    (update,) = story.only(BillUpdated)
    assert (update.relined, update.amount_minor, update.previous_minor) == (True, 500, 500)


def test_points_whose_last_day_is_over_come_and_go_in_the_turn_of_the_update() -> None:
    shop = program(rules=[spend()], points={"expiry": {"days": 5}})
    story = given(shop, B1, tick("2011-03-20")).when(updated("B1", 1_500, "2011-03-20"))
    assert [type(fact.decision) for fact in story.decided][-1] is PointsExpired
    assert (story.balance(), story.account().issued) == (0, 15)


@pytest.mark.parametrize("amount", [0, 250, 1_000])
def test_update_leads_where_the_right_bill_would_have_led(amount: int) -> None:
    """Also with what came back before, in whatever order."""
    returned = min(amount, 200)
    right = given(SHOP, bought("B1", amount, "2011-03-01"))
    wrong = given(SHOP, bought("B1", 2_345, "2011-03-01"), brought_back("B1", 200, "2011-03-02"))
    if returned:
        right.play(brought_back("B1", returned, "2011-03-02"))
    wrong.play(updated("B1", amount, "2011-03-03"))
    assert (wrong.balance(), wrong.account().lifetime) == (right.balance(), right.account().lifetime)
    section, other = wrong.section(), right.section()
    net = section.purchases_minor - section.returned_minor
    assert net == other.purchases_minor - other.returned_minor


@pytest.mark.parametrize("method", LINE_METHODS)
def test_methods_that_look_at_lines_go_by_the_lines_of_the_update(method: ReturnMethod) -> None:
    shop = program(rules=[spend(), spend("no-gifts", 2, 100, excluded_skus=["GIFT"])], returns={"method": method})
    old = (Line(sku="A", amount_minor=1_000), Line(sku="GIFT", amount_minor=1_000))
    new = (Line(sku="A", amount_minor=600), Line(sku="GIFT", amount_minor=900), Line(sku="B", amount_minor=500))
    back = brought_back("B1", 600, "2011-03-05", lines=(Line(sku="A", amount_minor=600),))
    right = given(shop, bought("B1", None, "2011-03-01", lines=new), back)
    wrong = given(shop, bought("B1", None, "2011-03-01", lines=old))
    wrong.play(updated("B1", None, "2011-03-02", lines=new))
    wrong.play(back)
    assert wrong.balance() == right.balance()


@pytest.mark.parametrize("method", LINE_METHODS)
def test_what_came_back_stays_with_its_line(method: ReturnMethod) -> None:
    shop = program(rules=[spend(), spend("no-gifts", 2, 100, excluded_skus=["GIFT"])], returns={"method": method})
    old = (Line(sku="A", amount_minor=1_000), Line(sku="GIFT", amount_minor=1_000), Line(sku="C", amount_minor=300))
    story = given(shop, bought("B1", None, "2011-03-01", lines=old))
    story.play(brought_back("B1", 700, "2011-03-02", lines=(old[2], Line(sku="A", amount_minor=400))))
    story.play(
        updated("B1", None, "2011-03-03", lines=(Line(sku="GIFT", amount_minor=800), Line(sku="A", amount_minor=350)))
    )
    bill = story.bill("B1")
    assert [(line.amount_minor, line.returned_minor) for line in bill.lines] == [(800, 350), (350, 350)]  # type: ignore[attr-defined]
    story.play(updated("B1", 0, "2011-03-04"))
    assert (story.balance(), story.bill("B1").amount_minor) == (0, 700)
    story.play(updated("B1", None, "2011-03-05", lines=old))
    assert sum(line.returned_minor for line in story.bill("B1").lines) == 700  # type: ignore[attr-defined]


def test_lines_beyond_what_can_be_stored_go_back_in_proportion_after_an_update() -> None:
    factors = [
        {"id": f"f{n}", "kind": "multiplier", "factor": f"1/{prime}", "skus": [f"S{n}"]}
        for n, prime in enumerate((999_983, 999_979, 999_961, 999_959))
    ]
    shop = program(rules=[spend(points=10**6), *factors], returns={"method": "line_exact"})
    story = given(shop, bought("B1", None, "2011-03-01", lines=(Line(sku="S0", amount_minor=1_000),)))
    lines = tuple(Line(sku=f"S{n}", amount_minor=1_000) for n in range(4))
    story.play(updated("B1", None, "2011-03-02", lines=lines))
    before = story.balance()
    story.play(brought_back("B1", 2_000, "2011-03-03", lines=lines[:2]))
    assert story.balance() == before - before // 2


def test_milestones_move_by_the_difference_in_the_period_of_the_bill() -> None:
    spent = milestone("spent", 1_500, counts={"of": "transactions", "measure": "sum"}, points=7)
    often = milestone("often", 2, target_id=10, points=3)
    story = given(program(milestones=[spent, often]), B1, tick("2011-04-02")).when(updated("B1", 1_600, "2011-04-02"))
    story.then(
        *story.only(BillUpdated),
        *story.only(PurchaseCorrected),
        MilestoneProgressed(
            milestone_id="spent",
            period=494,
            period_ends_at=instant("2011-04-01 00:00"),
            added=600,
            value=1_600,
            target=1_500,
        ),
        MilestoneAchieved(milestone_id="spent", period=494, value=1_600, target=1_500, added=600),
        *story.only(PointsIssued),
        ignoring=IGNORED,
    )
    assert story.balance() == 7
    story.play(updated("B1", 1_000, "2011-04-03"))
    story.play(updated("B1", 1_700, "2011-04-04"))
    assert story.values("spent") == {"2011-03": 1_700}
    assert (story.values("often"), story.balance()) == ({"2011-03": 1}, 7)


def test_cancelled_bill_counts_as_none_and_again_once_it_is_reinstated() -> None:
    often = milestone("often", 2, points=3)
    story = given(program(rules=[spend()], milestones=[often]), B1, updated("B1", 0, "2011-03-02"))
    assert (story.section().transactions, story.values("often"), story.balance()) == (0, {"2011-03": 0}, 0)
    story.play(brought_back("B1", 100, "2011-03-03"))
    assert story.only(RecordRefused)[-1].reason is Refusal.BILL_RETURNED
    story.play(updated("B1", 400, "2011-03-04"))
    assert (story.section().transactions, story.values("often"), story.balance()) == (1, {"2011-03": 1}, 4)


def test_milestone_that_did_not_count_the_bill_does_not_move() -> None:
    later = milestone("later", 5_000, counts={"of": "transactions", "measure": "sum"})
    story = given(program(rules=[spend()]), B1, program(version=2, rules=[spend()], milestones=[later]))
    story.play(updated("B1", 2_000, "2011-03-02"))
    assert (story.only(MilestoneProgressed), story.balance()) == ([], 20)


def test_milestone_out_of_its_dates_does_not_move() -> None:
    april = milestone("april", 5, validity={"first": "2011-04-01"}, counts={"of": "transactions", "measure": "sum"})
    story = given(program(milestones=[april]), B1, updated("B1", 2_000, "2011-04-02"))
    assert story.only(MilestoneProgressed) == []


def test_period_that_is_final_does_not_move() -> None:
    spent = milestone("spent", 9_000, "day", counts={"of": "transactions", "measure": "sum"})
    story = given(program(milestones=[spent]), B1, tick("2011-06-01"), bought("B2", 100, "2011-06-01"))
    story.play(updated("B1", 2_000, "2011-06-02"))
    assert [one.value for one in story.only(MilestoneProgressed)] == [1_000, 100]


def test_period_that_an_update_meets_counts_in_streaks() -> None:
    spent = milestone("spent", 1_500, "day", counts={"of": "transactions", "measure": "sum"})
    streak = {
        "id": "daily",
        "streak_id": 1,
        "name": "Daily",
        "milestone": "spent",
        "levels": [{"name": "Two", "periods": 2, "points": 5}],
    }
    story = given(program(milestones=[spent], streaks=[streak]), B1, bought("B2", 1_500, "2011-03-02"))
    story.play(updated("B1", 1_500, "2011-03-03"))
    assert (story.runs("daily"), story.balance()) == ([(day("2011-03-01"), day("2011-03-02"))], 5)
    assert len(story.only(StreakLevelReached)) == 1


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["in order", "waited"])
def test_update_is_recorded_with_who_entered_it(order: tuple[int, int]) -> None:
    steps = (B1, updated("B1", 900, "2011-03-02", entered_by="7001"))
    story = given(SHOP, *(steps[place] for place in order))
    assert [one.entered_by for one in story.only(BillUpdated)] == ["7001"]


def test_update_before_its_bill_waits_for_it() -> None:
    early = updated("B1", 600, "2011-03-02", delivery_status="SHIPPED")
    story = given(SHOP).when(early)
    assert story.waiting() == ["B1"]
    until = early.event_time + 35 * 86_400_000
    story.then(
        UpdateParked(
            of_bill="B1",
            until=until,
            parked=ParkedUpdate(
                record_id=early.id, event_time=early.event_time, amount_minor=600, delivery_status="SHIPPED"
            ),
        ),
        ignoring=BOOKKEEPING,
    )
    story.when(B1, as_of=instant("2011-03-03"))
    assert [one for one in story.kinds() if one in (UpdateReleased, BillUpdated)] == [UpdateReleased, BillUpdated]
    assert (story.balance(), story.waiting(), story.section().purchases_minor) == (6, [], 600)
    story.when(early).then_nothing()


def test_returns_and_updates_that_wait_are_decided_in_the_order_in_which_they_happened() -> None:
    back, more = brought_back("B1", 500, "2011-03-03"), updated("B1", 600, "2011-03-02")
    story = given(SHOP, back, more)
    story.play(B1, instant("2011-03-04"))
    assert (story.balance(), story.section().purchases_minor, story.section().returned_minor) == (1, 600, 500)


def test_update_whose_bill_does_not_come_is_refused_at_the_end_of_the_wait() -> None:
    early = updated("B1", 600, "2011-03-02")
    story = given(SHOP, brought_back("B1", 1, "2011-03-02"), early).when(tick("2011-06-01"))
    story.then(
        *story.only(type(story.decided[0].decision)),
        RecordRefused(reason=Refusal.BILL_UNKNOWN, subject="B1"),
        UpdateReleased(of_bill="B1", record_id=early.id, event_time=early.event_time),
        RecordRefused(reason=Refusal.BILL_UNKNOWN, subject="B1"),
    )
    causes = [fact.envelope.cause.partition(":")[0] for fact in story.decided]
    assert causes == ["parkedReturn", "parkedReturn", "parkedUpdate", "parkedUpdate"]
    assert story.waiting() == []


def test_update_of_a_bill_past_its_window_waits_for_another_bill_of_that_number() -> None:
    shop = program(rules=[spend()], returns={"window_days": 40})
    story = given(shop, B1, tick("2011-04-20")).when(updated("B1", 2_000, "2011-04-20"))
    assert (story.kinds()[-1], story.balance(), story.envelopes(UpdateParked)[0].correction_of) == (
        UpdateParked,
        10,
        "",
    )


def test_update_from_before_its_bill_is_refused() -> None:
    story = given(SHOP, updated("B1", 100, "2011-02-28"))
    story.play(B1, instant("2011-03-02"))
    assert (story.only(RecordRefused)[-1].reason, story.balance()) == (Refusal.RETURN_BEFORE_BILL, 10)
    story.play(updated("B1", 100, "2011-02-27"))
    assert story.only(RecordRefused)[-1].reason is Refusal.RETURN_BEFORE_BILL


def test_update_is_refused_at_once_where_no_program_keeps_bills_or_its_lines_are_too_many_to_wait() -> None:
    story = given(program(rules=[spend()], returns=None), B1, updated("B1", 100, "2011-03-02"))
    assert story.only(RecordRefused) == [RecordRefused(reason=Refusal.BILL_UNKNOWN, subject="B1")]
    many = tuple(Line(sku="A", amount_minor=1) for _ in range(101))
    story = given(SHOP, updated("B9", None, "2011-03-02", lines=many))
    assert story.only(RecordRefused) == [RecordRefused(reason=Refusal.TOO_MANY, subject="B9")]


def test_each_program_judges_an_update_by_the_window_it_had() -> None:
    short = program(program_id=2, rules=[spend()], returns={"window_days": 35})
    story = given(SHOP, short, B1, tick("2011-05-01"), updated("B1", 500, "2011-05-01"))
    assert (story.balance(), story.balance(2)) == (5, 10)


@pytest.mark.parametrize(
    ("windows", "updated_at", "judged_at", "returned_at"),
    [
        pytest.param(({}, {"returns": {"window_days": 35}}), "2011-04-06", "2011-04-06", "2011-04-04", id="returns"),
        pytest.param(({"repeat_window_days": 60}, {}), "2011-03-05", "2011-04-15", "2011-04-16", id="records"),
    ],
)
@pytest.mark.parametrize("method", LINE_METHODS)
def test_program_whose_window_is_over_takes_returns_of_other_lines_in_proportion(
    method: ReturnMethod,
    windows: tuple[dict[str, Any], dict[str, Any]],
    updated_at: str,
    judged_at: str,
    returned_at: str,
) -> None:
    first, second = (
        program(
            program_id=number, rules=[spend()], **{**window, "returns": {"method": method, **window.get("returns", {})}}
        )
        for number, window in enumerate(windows, 1)
    )
    lines = (Line(sku="A", amount_minor=600), Line(sku="B", amount_minor=400))
    story = given(first, second, bought("B1", None, "2011-03-01", lines=(Line(sku="A", amount_minor=1_000),)))
    story.when(updated("B1", None, updated_at, lines=lines), as_of=instant(judged_at))
    story.when(brought_back("B1", None, returned_at, lines=lines[1:]), as_of=instant("2011-04-16"))
    assert (story.balance(2), story.bill("B1").returned_minor) == (6, 400)


def test_lines_that_come_to_nothing_cancel_the_bill_as_no_lines_do() -> None:
    line = Line(sku="A", amount_minor=1_000)
    story = given(
        program(rules=[spend()], returns={"method": "line_exact"}), bought("B1", None, "2011-03-01", lines=(line,))
    )
    story.play(brought_back("B1", None, "2011-03-02", lines=(Line(sku="A", amount_minor=400),)))
    story.play(updated("B1", None, "2011-03-03", lines=(Line(sku="A", amount_minor=0),)))
    story.play(updated("B1", None, "2011-03-04", lines=(line,)))
    assert story.balance() == 6
    story.play(brought_back("B1", None, "2011-03-05", lines=(line,)))
    assert (story.balance(), story.bill("B1").returned_minor) == (0, 1_000)


def test_delivery_status_alone_corrects_nothing_and_is_told_once() -> None:
    story = given(SHOP, B1).when(updated("B1", None, "2011-03-02", delivery_status="DELIVERED"))
    story.then(billed(1_000, 1_000, delivery_status="DELIVERED"), ignoring=IGNORED)
    story.when(updated("B1", 1_000, "2011-03-03", delivery_status="DELIVERED")).then(
        RecordRefused(reason=Refusal.UPDATE_CHANGES_NOTHING, subject="B1"), ignoring={RecordAccepted}
    )


def test_total_that_would_grow_too_large_refuses_the_correction_in_its_program(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pipeline.engine.purchases.TOTAL_MAX", 1_500)
    story = given(SHOP, B1, updated("B1", 1_501, "2011-03-02"))
    assert story.only(RecordRefused) == [RecordRefused(reason=Refusal.TOTAL_TOO_LARGE, subject="GBP")]
    assert (story.balance(), story.section().purchases_minor) == (10, 1_000)


def test_account_that_is_full_refuses_all_of_the_correction(monkeypatch: pytest.MonkeyPatch) -> None:
    story = given(SHOP, bought("B1", 2_500, "2011-03-01"))
    monkeypatch.setattr(issue, "LOTS_MAX", 1)
    story.play(updated("B1", 2_600, "2011-03-02"))
    assert story.only(RecordRefused) == [RecordRefused(reason=Refusal.TOTAL_TOO_LARGE, subject="POINTS")]
    assert (story.balance(), story.only(AwardsCorrected)) == (150, [])


def test_bill_takes_so_many_updates_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(updates, "UPDATES_MAX", 2)
    story = given(SHOP, B1)
    for number in range(3):
        story.play(updated("B1", 900 - number, f"2011-03-0{number + 2}"))
    assert story.only(RecordRefused) == [RecordRefused(reason=Refusal.TOO_MANY, subject="B1")]
    assert len(story.only(BillUpdated)) == 2


def test_update_that_gives_each_rule_the_same_corrects_no_award() -> None:
    story = given(SHOP, B1).when(updated("B1", 1_050, "2011-03-02"))
    assert (story.only(AwardsCorrected), len(story.only(PurchaseCorrected))) == ([], 1)


def test_rule_whose_award_is_all_asked_back_by_returns_so_far_gives_nothing() -> None:
    shop = program(rules=[spend("no-gifts", 2, 100, excluded_skus=["GIFT"])])
    story = given(shop, bought("B1", None, "2011-03-01", lines=(Line(sku="GIFT", amount_minor=1_000),)))
    story.play(brought_back("B1", 1_000, "2011-03-02"))
    story.play(updated("B1", None, "2011-03-03", lines=(Line(sku="A", amount_minor=1_000),)))
    assert (story.balance(), story.only(PointsIssued)) == (0, [])
    assert story.only(AwardsCorrected) == [corrected(("no-gifts", 20, 20))]


def test_award_that_spent_lots_held_is_taken_from_the_lots_that_updates_added() -> None:
    story = Story(SHOP)
    for step in (B1, redeem(10, "2011-03-02"), updated("B1", 1_500, "2011-03-03"), updated("B1", 1_200, "2011-03-04")):
        story.play(step)
    assert story.only(PointsReversed)[-1].reversals == (
        Reversal(rule_id="spend", lot_id=2, claimed=3, points=3, forgiven=0, counted_at=instant("2011-03-03")),
    )
    story.play(brought_back("B1", 1_200, "2011-03-05"))
    assert [(one.lot_id, one.points, one.forgiven) for one in story.only(PointsReversed)[-1].reversals] == [(2, 2, 10)]
    assert story.balance() == 0


@pytest.mark.parametrize("parts", [(800, 200), (200, 800), (500, 500), (1_000,)])
def test_any_split_of_a_return_takes_all_that_an_updated_bill_gave(parts: tuple[int, ...]) -> None:
    shop = program(rules=[spend(), spend("no-gifts", excluded_skus=["GIFT"])])
    wrong = (Line(sku="A", amount_minor=500), Line(sku="GIFT", amount_minor=500))
    story = given(shop, bought("B1", None, "2011-03-01", lines=wrong))
    story.play(updated("B1", None, "2011-03-02", lines=(Line(sku="A", amount_minor=1_000),)))
    for number, part in enumerate(parts):
        story.play(brought_back("B1", part, f"2011-03-03 12:0{number}"))
    assert (story.balance(), story.account().lifetime) == (0, 0)
