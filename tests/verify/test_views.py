"""Views against state: what both say of a sound story agrees, and each figure that differs is named."""

from __future__ import annotations

import pytest
from clickhouse_connect.driver.client import Client

from pipeline.log.embedded import EmbeddedLog
from pipeline.verify.views import Disagreement, customers_compared, disagreements
from tests.sinks.running import drain
from tests.sinks.story import tell


@pytest.fixture
def told(clickhouse: Client, embedded_log: EmbeddedLog) -> None:
    tell(embedded_log)
    drain(embedded_log, clickhouse)


@pytest.mark.usefixtures("told")
def test_views_and_state_agree_on_a_sound_story(clickhouse: Client) -> None:
    assert (customers_compared(clickhouse), disagreements(clickhouse)) == (2, [])


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize(
    ("statement", "what"),
    [
        pytest.param(
            "ALTER TABLE customer_state UPDATE tier = 1 WHERE customer_id = 11",
            "tier is 2 in customer_summary and 1 in the state",
            id="tier",
        ),
        pytest.param(
            "ALTER TABLE customer_state UPDATE `accounts.balance` = [21], purchases_minor = 7 WHERE customer_id = 11",
            "purchases is 122000 in customer_summary and 7 in the state, "
            "balance is 20 in customer_summary and 21 in the state",
            id="purchases and balance",
        ),
        pytest.param(
            "ALTER TABLE ledger_entries DELETE WHERE customer_id = 11 AND seq = 20",
            "expired is 0 in customer_summary and 500 in the state, "
            "balance is 520 in customer_summary and 20 in the state",
            id="ledger",
        ),
        pytest.param(
            "ALTER TABLE facts DELETE WHERE customer_id = 11 AND kind = 'PurchaseCounted' AND seq = 4",
            "transactions is 1 in customer_summary and 2 in the state, "
            "purchases is 2000 in customer_summary and 122000 in the state",
            id="purchase",
        ),
        pytest.param(
            "ALTER TABLE facts DELETE WHERE customer_id = 11 AND kind = 'ProgramAdopted'",
            "customer_summary does not have them, and the state does",
            id="only in the state",
        ),
        pytest.param(
            "ALTER TABLE customer_state UPDATE `accounts.issued` = [0], `accounts.redeemed` = [1], "
            "`accounts.reversed` = [2], `accounts.adjusted` = [3], transactions = 4, returned_minor = 5 "
            "WHERE customer_id = 11",
            "transactions is 2 in customer_summary and 4 in the state, "
            "returned is 60000 in customer_summary and 5 in the state, "
            "issued is 1220 in customer_summary and 0 in the state, "
            "redeemed is 100 in customer_summary and 1 in the state, "
            "reversed is 600 in customer_summary and 2 in the state, "
            "debited is 0 in customer_summary and 3 in the state",
            id="the other figures",
        ),
    ],
)
def test_a_figure_that_differs_is_named(clickhouse: Client, statement: str, what: str) -> None:
    clickhouse.command(statement, settings={"mutations_sync": 1})

    assert disagreements(clickhouse) == [Disagreement(where="customer 1:11", what=f"in program 7, {what}")]


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize(
    ("statement", "what"),
    [
        pytest.param(
            "ALTER TABLE customer_state UPDATE `accounts.balance` = [40, 8, 9] WHERE customer_id = 12",
            "in program 7, STARS: balance is 7 in customer_points and 8 in the state",
            id="a figure",
        ),
        pytest.param(
            "ALTER TABLE ledger_entries DELETE WHERE currency = 'COINS'",
            "in program 7, COINS: customer_points does not have them, and the state does",
            id="only in the state",
        ),
        pytest.param(
            "ALTER TABLE customer_state UPDATE `accounts.currency` = ['POINTS', 'STARS', ''] WHERE customer_id = 12",
            "in program 7, COINS: the state does not have them, and customer_points does",
            id="only in the view",
        ),
    ],
)
def test_each_other_currency_is_compared_by_itself(clickhouse: Client, statement: str, what: str) -> None:
    clickhouse.command(statement, settings={"mutations_sync": 1})

    assert Disagreement(where="customer 1:12", what=what) in disagreements(clickhouse)


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize(
    ("statement", "what"),
    [
        pytest.param(
            "ALTER TABLE customer_state UPDATE `accounts.lifetime` = [621] WHERE customer_id = 11",
            "POINTS: lifetime is 620 in customer_lifetime and 621 in the state",
            id="lifetime",
        ),
        pytest.param(
            "ALTER TABLE customer_state UPDATE `milestones.value` = [2] WHERE customer_id = 11",
            "visit 493: value is 1 in customer_milestones and 2 in the state",
            id="milestone",
        ),
        pytest.param(
            "ALTER TABLE facts DELETE WHERE customer_id = 11 AND kind = 'MilestoneAchieved'",
            "visit 493: achieved is 0 in customer_milestones and 1 in the state",
            id="achievement",
        ),
        pytest.param(
            "ALTER TABLE customer_state UPDATE `streaks.longest` = [3], `streaks.levels` = [[3]], "
            "`streaks.ended` = [true] WHERE customer_id = 11",
            "regular: longest is 2 in customer_streaks and 3 in the state, "
            "level is 0 in customer_streaks and 3 in the state, ended is 0 in customer_streaks and 1 in the state",
            id="streak",
        ),
    ],
)
def test_lifetime_milestones_and_streaks_are_compared(clickhouse: Client, statement: str, what: str) -> None:
    clickhouse.command(statement, settings={"mutations_sync": 1})

    assert disagreements(clickhouse) == [Disagreement(where="customer 1:11", what=f"in program 7, {what}")]


@pytest.mark.usefixtures("told")
def test_a_customer_whose_last_fact_is_not_that_of_the_state_is_not_compared(clickhouse: Client) -> None:
    for statement in (
        "ALTER TABLE customer_state UPDATE tier = 1 WHERE customer_id = 11",
        "ALTER TABLE facts DELETE WHERE customer_id = 11 AND seq = 20",
    ):
        clickhouse.command(statement, settings={"mutations_sync": 1})

    assert (customers_compared(clickhouse), disagreements(clickhouse)) == (1, [])
