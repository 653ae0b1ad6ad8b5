"""Replies over random histories: every command is answered once, and a duplicate with what became of the first."""

from __future__ import annotations

from hypothesis import given as forall

from pipeline.engine.outcomes import first_outcome
from pipeline.replies.replies import Place, replies_of, reply_to_duplicate, type_of
from schemas.records import CommandRecord, CustomerRecord
from schemas.replies import Reply, ReplyOutcome
from tests.dsl import Story
from tests.engine.test_properties import ABROAD, RICH, bounded, messy
from tests.steps import CUSTOMER, ORG, Step


def amount(_program_id: int, _version: int, _currency: str, points: int) -> int:
    return points


def answers(story: Story, step: Step, offset: int) -> list[Reply]:
    """What the stream replies to one step."""
    place = Place(partition=0, offset=offset, org_id=ORG, customer_id=CUSTOMER, at=offset)
    first_seq = story.state.head.seq + 1
    story.play(step)
    record = step if isinstance(step, CustomerRecord) else None
    if record is not None and not story.groups:
        first = first_outcome(story.state, f"{type(record).__name__}:{record.id}")
        return [reply_to_duplicate(place, record, first, story.state.head.seq)]
    return replies_of(place, record, story.groups, first_seq, amount)


@bounded
@forall(messy)
def test_every_command_is_answered_once_and_a_duplicate_with_what_became_of_the_first(history: list[Step]) -> None:
    story = Story(RICH, ABROAD)
    ids: set[str] = set()
    latest: dict[tuple[str, str], ReplyOutcome] = {}
    for offset, step in enumerate(history):
        replies = answers(story, step, offset)
        assert ids.isdisjoint(one.reply_id for one in replies)
        ids |= {one.reply_id for one in replies}
        named = {(one.type, one.record_id): one for one in replies}
        assert len(named) == len(replies)
        if isinstance(step, CustomerRecord):
            own = named.get((type_of(type(step)), step.id))
            assert own is not None or not isinstance(step, CommandRecord)
            if own is not None and own.outcome is ReplyOutcome.DUPLICATE and isinstance(step, CommandRecord):
                assert own.first_outcome == latest.get((own.type, own.record_id), ReplyOutcome.DONE)
        for name, one in named.items():
            if one.outcome is not ReplyOutcome.DUPLICATE and one.reason != "id_reused":
                latest[name] = one.outcome


@bounded
@forall(messy)
def test_replies_are_the_same_for_the_same_history(history: list[Step]) -> None:
    one, other = Story(RICH, ABROAD), Story(RICH, ABROAD)
    for offset, step in enumerate(history):
        assert answers(one, step, offset) == answers(other, step, offset)
