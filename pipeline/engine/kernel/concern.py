"""The interface of a concern: what it contributes to the engine. `decide.py` sets the order of stages and timers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

from pipeline.engine.programs import Org, Program
from pipeline.engine.state import CustomerState, Head
from schemas.facts import Decision, Envelope
from schemas.records import CustomerRecord, Request

Effect = Callable[[CustomerState, Envelope, Any], None]
"""Folds one kind of decision into the concern's own part of the state; it reads nothing but the decision."""
Stage = Callable[[Any, Any], Sequence[Decision]]
"""Decides a record, given the turn, without changing anything."""
NeedsThen = Callable[[CustomerState, Any, Org], tuple[str, ...]]
"""Further entries, named by those that `Needs` named: some of those may be there by now, or be absent for good."""
Needs = Callable[[Head, Any, Org], tuple[str, ...]]
"""The entries that a concern must see to decide a record, as far as it can name them by now."""
Ask = Callable[[Any, Envelope, Mapping[str, Any]], Request]
"""What a decision asks of another customer; the fields that every request has are given."""

Corrects = Callable[[CustomerState, Any], str]
"""The cause whose decisions a record corrects; empty where it corrects none."""


def always(_: Program) -> bool:
    """Used by stages that run for every program."""
    return True


class ProgramStage(NamedTuple):
    """A stage that runs for each program in which `used` holds; elsewhere it costs nothing."""

    decide: Stage
    used: Callable[[Program], bool] = always


def addressed(stage: ProgramStage) -> ProgramStage:
    """The stage, for records that name one program: in any other program it decides nothing."""
    decide = stage.decide

    def in_its_program(turn: Any, record: Any) -> Sequence[Decision]:
        return decide(turn, record) if record.program_id == turn.program.id else ()

    return ProgramStage(decide=in_its_program, used=stage.used)


class FollowUp(NamedTuple):
    """Records that were accepted earlier and had to wait for this one."""

    records: Callable[[CustomerState, Any], Sequence[CustomerRecord]]
    """The waiting records, in order; asked after a record that was not refused, if the customer has an agenda."""
    stages: Mapping[type[CustomerRecord], Sequence[Stage]]
    """The stages about the customer as such for each, in place of those of a new record."""


class Subject(NamedTuple):
    """The subject of a timer."""

    program_id: int
    """0 for the customer as such."""
    key: str
    """Unique among the subjects of this kind of timer at one instant."""
    part: Any
    """What the timer needs to find it again."""


class Timer(NamedTuple):
    """Something that falls due at an instant for one customer."""

    kind: int
    """A number stored in heads: assigned once, never reused."""
    name: str
    """The prefix of the timer's causes."""
    due: Callable[[Head], int]
    """The earliest instant at which a timer of this kind falls due; `NEVER` without any. Reads state only."""
    first: Callable[[Head, int], Subject]
    """The first subject that is due at that instant."""
    fire: Callable[[Any, Subject], Sequence[Decision]]
    """Given the turn, in the subject's program or about the customer as such: at least one decision, after which this
    subject is not due at this instant any more."""


class Concern(NamedTuple):
    """One subject of the engine."""

    name: str
    effects: Mapping[type[Decision], Effect]
    """Several concerns may fold one kind of decision, in the order of the concerns; each writes only its own part."""
    timers: Sequence[Timer] = ()
    needs: Mapping[type[CustomerRecord], Needs] = {}
    needs_then: Mapping[type[CustomerRecord], NeedsThen] = {}
    corrects: Mapping[type[CustomerRecord], Corrects] = {}
    entries: Mapping[type[Decision], Callable[[Any], str]] = {}
    """The entry that the concern's effect on a decision reads and writes; empty for none."""
    ends: Collection[type[Decision]] = ()
    """Kinds of decisions after which no stage of the same part (the customer as such, one program) runs any more."""
    requests: Mapping[type[Decision], Ask] = {}
    """The decisions that lead to a record for another customer."""
    answers: Mapping[type[CustomerRecord], Callable[[CustomerState, Any], bool]] = {}
    """Requests that answer one of this customer's: whether the answer is still awaited. Such a record is admitted by
    that alone, not by its id or its age, and it is never refused."""
