"""Every kind of decision is news or silent, and one more is added by its table alone."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest

from pipeline.notify.context import Context
from pipeline.notify.render import RENDERER, TABLES, Renderer
from pipeline.notify.table import News, Table
from schemas.facts import AnyDecision, Decision, Envelope, Group, PointsDebited
from schemas.notifications import FAMILIES, EventName
from tests.notify.cases import BILL, CUSTOMER, ISSUED, PROGRAM, context, fact_of, in_program


def test_every_kind_of_decision_is_news_or_silent() -> None:
    kinds = [kind for table in TABLES for kind in (*table.news, *table.silent)]
    assert sorted(kinds, key=str) == sorted(get_args(AnyDecision), key=str)


def test_every_event_is_the_news_of_some_kind_of_decision() -> None:
    assert {news.event for table in TABLES for news in table.news.values()} == set(EventName)


def test_every_topic_has_a_table_except_that_of_rewards_which_are_not_sent_yet() -> None:
    assert {*(table.topic for table in TABLES), "notifications.rewards"} == set(FAMILIES)


# --- a decision that the product does not have


class CouponIssued(Decision, frozen=True, tag=9_999):
    coupon: str


def coupon_issued(decision: CouponIssued, envelope: Envelope, context: Context) -> dict[str, object]:
    return {
        "customerIdentifiers": context.customer,
        "programId": context.program_of(envelope).id,
        "coupon": decision.coupon,
        "activity": context.cause_of(envelope).activity,
    }


COUPONS = Table(
    topic="notifications.rewards",
    news={CouponIssued: News(event="couponIssued", subject=lambda decision: decision.coupon, data=coupon_issued)},
)


def test_a_decision_of_a_further_table_is_rendered_beside_those_of_the_product() -> None:
    renderer = Renderer(*TABLES, COUPONS)
    group = Group(envelope=in_program(), decisions=(ISSUED.decision, CouponIssued(coupon="FREE-ESPRESSO")))
    points, coupon = renderer.render_all([group], 4, context(BILL))
    assert points == RENDERER.render(ISSUED, context(BILL))
    assert (coupon.event, coupon.topic) == ("couponIssued", "notifications.rewards")
    body = msgspec.json.decode(coupon.body)
    assert (body["eventName"], body["eventId"], body["seq"]) == ("couponIssued", coupon.id, 5)
    assert body["data"]["coupon"] == "FREE-ESPRESSO"
    assert body["data"]["customerIdentifiers"] == {"customerId": CUSTOMER}
    assert body["data"]["programId"] == PROGRAM
    assert body["data"]["activity"]["name"] == "TransactionAdd"


def test_a_decision_that_no_table_names_is_a_bug() -> None:
    with pytest.raises(KeyError, match="CouponIssued"):
        RENDERER.render(fact_of(CouponIssued(coupon="FREE-ESPRESSO")), context(BILL))


@pytest.mark.parametrize(
    "further",
    [
        Table(topic="notifications.rewards", news=COUPONS.news, silent=(CouponIssued,)),
        Table(topic="notifications.rewards", news={}, silent=(PointsDebited,)),
    ],
    ids=["in one table", "in two tables"],
)
def test_a_kind_of_decision_that_is_registered_twice_is_refused(further: Table) -> None:
    with pytest.raises(ValueError, match="stands in two tables of notifications, or twice in one"):
        Renderer(*TABLES, further)
