"""Whatever happens can be told, and every notification of a step has an id of its own."""

from __future__ import annotations

from hypothesis import given as forall
from hypothesis import settings

from pipeline.notify.context import Context
from pipeline.notify.program_view import OrgView, ProgramView
from pipeline.notify.render import RENDERER
from schemas.notifications import Notification
from schemas.program import ProgramDefinition
from schemas.records import BackfillBegun
from tests.dsl import Story
from tests.engine.test_properties import ABROAD, POOR, RICH, RICH_AGAIN, SECOND, messy
from tests.steps import CUSTOMER, ORG, Activation, Step, Tick, bought, brought_back, milestone, program, spend

VIEW = OrgView()
for version in (RICH, POOR, RICH_AGAIN, ABROAD, SECOND):
    VIEW = VIEW.with_program(ProgramView(version))


def told(story: Story, step: Step, view: OrgView) -> list[Notification]:
    """The notifications of a step that is played now."""
    first, profile = story.state.head.seq + 1, story.state.head.profile
    story.play(step)
    record = None if isinstance(step, ProgramDefinition | Activation | Tick | BackfillBegun) else step
    context = Context(org_id=ORG, customer_id=CUSTOMER, record=record, org=view, recorded_at=0, profile=profile)
    return RENDERER.render_all(story.groups, first, context)


@settings(max_examples=60)
@forall(messy)
def test_whatever_happens_is_told_under_ids_of_its_own(history: list[Step]) -> None:
    story = Story(RICH, ABROAD)
    for step in history:
        told(story, step, VIEW)  # raises where two have one id


def test_points_of_a_bill_and_a_reward_that_go_with_one_return_are_told_apart_in_every_currency() -> None:
    shop = program(
        rules=[spend(), spend("stars", currency="STARS")],
        currencies=[{"id": "STARS"}],
        milestones=[milestone("first", points=5), milestone("star", points=5, currency="STARS")],
        returns={"rewards": "clawback"},
    )
    story = Story(shop)
    story.play(bought("B1", 1_000, "2011-03-01"))
    notifications = told(story, brought_back("B1", 1_000, "2011-03-02"), VIEW.with_program(ProgramView(shop)))
    events = [one.event for one in notifications]
    assert (events.count("issuedPointsReversed"), events.count("issuedalternateCurrenciesReversed")) == (2, 2)
    assert len({one.id for one in notifications}) == len(notifications)
