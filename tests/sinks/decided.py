"""What the engine decides in a story, as the pipeline writes it: the program, its facts and the state at the end."""

from __future__ import annotations

import msgspec

from schemas.facts import Group
from schemas.program import ProgramDefinition
from tests.dsl import Story, given
from tests.sinks.story import Told, activated, clock
from tests.steps import Step, tick


def play(told: Told, definition: ProgramDefinition, *steps: Step, settled: str) -> Story:
    """Decide these steps and what falls due until an instant, and write all of it."""
    story = given(definition, *steps, tick(settled))
    activation = msgspec.structs.replace(
        activated(), program_id=definition.program_id, definition=definition.model_dump_json()
    )
    told.journal(activation, clock(settled))
    groups = [Group(envelope=fact.envelope, decisions=(fact.decision,)) for fact in story.facts]
    told.groups(story.state.head.customer_id, groups)
    told.state(story.state.head)
    return story
