"""Runs stages and timers in the given order, stamps their decisions, and folds them into the state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from pipeline.engine.calendar import NEVER
from pipeline.engine.kernel.concern import Concern, Effect, FollowUp, ProgramStage, Stage, Subject, Timer
from pipeline.engine.kernel.identity import key_of
from pipeline.engine.kernel.requests import requests_of
from pipeline.engine.kernel.turn import ProgramTurn, Turn
from pipeline.engine.programs import WINDOW_MAX_MS, Program, Programs, Start, Timeline
from pipeline.engine.state import CustomerState, Head, Section
from schemas.facts import Decision, Envelope, Group
from schemas.records import AnyCustomerRecord, CustomerRecord, Request

Decisions = list[Any]
"""Decisions of any kind: tests add concerns with further kinds."""


class Engine:
    """The engine, made of concerns in one order. Immutable: deciding changes only the state passed in."""

    def __init__(
        self,
        *,
        concerns: Sequence[Concern],
        customer_stages: Mapping[type[CustomerRecord], Sequence[Stage]],
        program_stages: Mapping[type[CustomerRecord], Sequence[ProgramStage]],
        follow_ups: Mapping[type[CustomerRecord], FollowUp],
        timers: Sequence[Timer],
        opening: Sequence[ProgramStage] = (),
        closing: Sequence[ProgramStage],
        adopt: Stage,
        adopted: Sequence[ProgramStage] = (),
    ) -> None:
        """`timers` in the order in which they fire at one instant; `adopt` makes a section follow its program.

        `adopted` runs right after it: what the version gives for what is there already.
        """
        self.program_stages: Final = program_stages
        self._customer_stages = customer_stages
        self._follow_ups = follow_ups
        self._stages: dict[Any, Sequence[ProgramStage]] = {
            None: closing,
            Timer: opening,
            **{kind: (*opening, *stages) for kind, stages in program_stages.items()},
        }
        self._timers = timers
        self._timers_by_bit = {1 << bit: timer for bit, timer in enumerate(timers)}
        self.folds: Final = _folds_of(concerns, timers)
        self._ends = frozenset(kind for concern in concerns for kind in concern.ends)
        self._prefixes = {kind: f"{kind.__name__}:" for kind in customer_stages}
        self._needs = {
            kind: tuple(one.needs[kind] for one in concerns if kind in one.needs) for kind in customer_stages
        }
        self._needs_then = {
            kind: tuple(one.needs_then[kind] for one in concerns if kind in one.needs_then) for kind in customer_stages
        }
        self._corrects = {kind: corrects for one in concerns for kind, corrects in one.corrects.items()}
        self._entries = [(kind, name) for concern in concerns for kind, name in concern.entries.items()]
        self._requests = {kind: ask for one in concerns for kind, ask in one.requests.items()}
        self._answers = {kind: awaited for one in concerns for kind, awaited in one.answers.items()}
        self._adopt = adopt
        self._adopted = adopted

    def decide(
        self,
        state: CustomerState,
        record: AnyCustomerRecord,
        programs: Programs,
        as_of: int,
        *,
        backfill: bool = False,
        was_held: bool = False,
    ) -> list[Group]:
        """What `record` leads to at the instant `as_of`, in order, already folded into `state`.

        A duplicate leads to nothing and changes nothing, not even the clock. Else: the timers that are due by then,
        the customer's own stages, and the record's stages in each of the org's programs, in id order. Each stage sees
        the state that the stage before it left; a refusal ends the part it belongs to. Then records that waited for
        this one, each in groups of its own cause. Last, timers that the record itself made overdue (a late bill whose
        points have expired already).

        `was_held`: whether the record has waited until its customer was known.
        """
        kind = type(record)
        cause = self._prefixes[kind] + record.id
        key = key_of(cause)
        head = state.head
        clock = max(head.clock, as_of)
        awaited = self._answers.get(kind)
        if awaited is not None:
            if not awaited(state, record):
                return []
        elif self._is_duplicate(state, key, record.digest, clock):
            return []
        timeline = programs.org(record.org_id)
        groups: list[Group] = []
        if head.due <= clock or timeline.starts:
            self._fire(state, clock, timeline, groups)
        org = timeline.at(clock)
        at = record.event_time
        via = record.via if isinstance(record, Request) else ""
        corrects = self._corrects.get(kind)
        corrected = "" if corrects is None else corrects(state, record)
        envelope = Envelope(cause=cause, at=at, as_of=clock, correction_of=corrected, via=via)
        turn = Turn(
            state=state,
            head=head,
            timeline=timeline,
            org=org,
            key=key,
            at=at,
            as_of=clock,
            backfill=backfill,
            was_held=was_held,
        )
        refused = self._decide_one(turn, record, self._customer_stages[kind], envelope, groups)
        if head.agenda and not refused and kind in self._follow_ups:
            self._follow_up(turn, record, self._follow_ups[kind], groups)
        self._set_timers(state)
        if head.due <= clock:
            self._fire(state, clock, timeline, groups)
        return groups

    def fire(self, state: CustomerState, until: int, programs: Programs) -> list[Group]:
        """What all timers due at or before `until` lead to, in order, already folded into `state`.

        The start of a version that every member adopts is one of them; no head has it.
        """
        groups: list[Group] = []
        self._fire(state, until, programs.org(state.head.org_id), groups)
        return groups

    def fold(self, state: CustomerState, envelope: Envelope, decision: Decision) -> None:
        """Applies one decision to `state`: folding a customer's decisions in order rebuilds the state."""
        self._keep(state, envelope, (decision,))
        state.head.clock = max(state.head.clock, envelope.as_of)
        self._set_timers(state)

    def requests_of(
        self,
        customer: tuple[int, int],
        groups: Sequence[Group],
        *,
        source: str,
        offset: int,
        was_held: bool = False,
    ) -> list[Request]:
        """The records that decisions about `customer` (org and customer id) lead to for others; see `requests_of`."""
        return requests_of(customer, groups, self._requests, source=source, offset=offset, was_held=was_held)

    def entries_of(self, decision: Decision) -> set[str]:
        """The entries beside the head that `fold` must see for a decision, as far as they exist."""
        return {name(decision) for kind, name in self._entries if type(decision) is kind} - {""}

    def needs(self, state: CustomerState, record: AnyCustomerRecord, programs: Programs, as_of: int) -> tuple[str, ...]:
        """The entries beside the head that `decide` must see; those that don't exist are left out of the state.

        Asked again with those entries in the state, until it names nothing new: an entry may name others.
        """
        head = state.head
        clock = max(head.clock, as_of)
        org = programs.org(record.org_id).at(clock)
        names = self.due_entries(head, clock) if head.agenda else ()
        for asked in self._needs[type(record)]:
            names += asked(head, record, org)
        for then in self._needs_then[type(record)]:
            names += then(state, record, org)
        return names

    @staticmethod
    def due_entries(head: Head, until: int) -> tuple[str, ...]:
        """The entries beside the head that `fire` must see: those with timers due at or before `until`."""
        return tuple(dict.fromkeys(name for due, _, name in head.agenda if due <= until)) if head.agenda else ()

    @staticmethod
    def _is_duplicate(state: CustomerState, key: int, digest: int, clock: int) -> bool:
        known = state.head.recent.get(key) or state.spilled_id(key, clock - WINDOW_MAX_MS)
        return known is not None and known[1] == digest

    def _decide_one(
        self, turn: Turn, record: CustomerRecord, stages: Sequence[Stage], envelope: Envelope, groups: list[Group]
    ) -> bool:
        """Decides a record about the customer, then in each program; returns whether it ended at the customer."""
        decisions: Decisions = []
        refused = self._run(turn, record, stages, envelope, decisions)
        turn.head.clock = turn.as_of
        if decisions:
            groups.append(Group(envelope=envelope, decisions=decisions))
        if not refused and turn.head.customer_id:  # the org's own subject is a member of no program
            for program in turn.org.programs:
                self._decide_in(turn, program, record, envelope, decisions, groups)
        return refused

    def _follow_up(self, turn: Turn, record: CustomerRecord, follow_up: FollowUp, groups: list[Group]) -> None:
        for waited in follow_up.records(turn.state, record):
            cause = self._prefixes[type(waited)] + waited.id
            corrects = self._corrects.get(type(waited))
            envelope = Envelope(
                cause=cause,
                at=waited.event_time,
                as_of=turn.as_of,
                correction_of="" if corrects is None else corrects(turn.state, waited),
            )
            own = Turn(
                state=turn.state,
                head=turn.head,
                timeline=turn.timeline,
                org=turn.org,
                key=key_of(cause),
                at=waited.event_time,
                as_of=turn.as_of,
                was_held=turn.was_held,
            )
            self._decide_one(own, waited, follow_up.stages[type(waited)], envelope, groups)

    def _decide_in(
        self,
        about_customer: Turn,
        program: Program,
        record: CustomerRecord,
        about: Envelope,
        decided: Decisions,
        groups: list[Group],
    ) -> None:
        state, head, timeline = about_customer.state, about_customer.head, about_customer.timeline
        envelope = Envelope(
            cause=about.cause,
            at=about.at,
            as_of=about.as_of,
            program_id=program.id,
            version=program.version,
            via=about.via,
            correction_of=about.correction_of,
        )
        decisions: Decisions = []
        section = head.sections.get(program.id)
        if section is None or section.version < program.version:
            section = self._follow(state, program, timeline, envelope, decisions)
        turn = ProgramTurn(
            state=state,
            head=head,
            timeline=timeline,
            program=program,
            section=section,
            at=about.at,
            day=program.dates.calendar_of(record, head.profile).day_of(about.at),
            decided=decided,
            made=decisions,
            was_held=about_customer.was_held,
        )
        stages = program.plans.get((self, type(record))) or self._plan(program, type(record))
        self._run(turn, record, stages, envelope, decisions)
        if decisions:
            closing = program.plans.get((self, None)) or self._plan(program, None)
            self._run(turn, record, closing, envelope, decisions)
            groups.append(Group(envelope=envelope, decisions=decisions))

    def _fire(self, state: CustomerState, until: int, timeline: Timeline, groups: list[Group]) -> None:
        """Fires timers one at a time: after each, the earliest (instant, kind) is looked up again."""
        head = state.head
        while True:
            due = head.due
            if timeline.starts and (start := _first_start(head, timeline, min(due, until))) is not None:
                self._adopt_at(state, start, timeline, groups)
            elif due > until:
                return
            else:
                self._fire_next(state, due, timeline, groups)

    def _adopt_at(self, state: CustomerState, start: Start, timeline: Timeline, groups: list[Group]) -> None:
        """The start of a version; a customer whose clock is beyond it adopts the version that is in force there."""
        cause, at = f"versionStart:{start.program_id}:{start.at}", max(state.head.clock, start.at)
        turn, envelope, decisions = self._timer_turn(state, timeline, start.program_id, cause, at)
        self._end_timer(turn, envelope, decisions, groups)

    def _fire_next(self, state: CustomerState, due: int, timeline: Timeline, groups: list[Group]) -> None:
        head = state.head
        timer = next(timer for timer in self._timers if head.timers.get(timer.kind) == due)
        subject = timer.first(head, due)
        if not subject.program_id:
            as_of = max(head.clock, due)  # later than due only for a timer that a late record set in the past
            envelope = Envelope(cause=f"{timer.name}:{subject.key}:{due}", at=due, as_of=as_of)
            self._fire_for_customer(state, timer, subject, envelope, timeline, groups)
            return
        cause = f"{timer.name}:{subject.key}:{due}"
        turn, envelope, decisions = self._timer_turn(state, timeline, subject.program_id, cause, due)
        if head.timers.get(timer.kind) == due and timer.first(head, due) == subject:
            self._fire_one(timer, subject, turn, envelope, decisions)
        self._end_timer(turn, envelope, decisions, groups)

    def _timer_turn(
        self, state: CustomerState, timeline: Timeline, program_id: int, cause: str, at: int
    ) -> tuple[ProgramTurn, Envelope, Decisions]:
        """The beginning of a timer in a program: its version adopted, its opening stages run."""
        head = state.head
        as_of = max(head.clock, at)
        program = timeline.program_at(program_id, as_of)
        section = head.sections[program_id]
        envelope = Envelope(cause=cause, at=at, as_of=as_of, program_id=program.id, version=program.version)
        decisions: Decisions = []
        if section.version < program.version:
            self._follow(state, program, timeline, envelope, decisions)
            self._set_timers(state)
        turn = ProgramTurn(
            state=state,
            head=head,
            timeline=timeline,
            program=program,
            section=section,
            at=at,
            day=program.calendar.day_of(at),
            made=decisions,
        )
        self._run(turn, None, self._plan(program, Timer), envelope, decisions)
        return turn, envelope, decisions

    def _end_timer(self, turn: ProgramTurn, envelope: Envelope, decisions: Decisions, groups: list[Group]) -> None:
        self._run(turn, None, self._plan(turn.program, None), envelope, decisions)
        turn.head.clock = envelope.as_of
        self._set_timers(turn.state)
        groups.append(Group(envelope=envelope, decisions=decisions))

    def _fire_for_customer(
        self,
        state: CustomerState,
        timer: Timer,
        subject: Subject,
        envelope: Envelope,
        timeline: Timeline,
        groups: list[Group],
    ) -> None:
        org = timeline.at(envelope.as_of)
        key = key_of(envelope.cause)
        turn = Turn(
            state=state,
            head=state.head,
            timeline=timeline,
            org=org,
            key=key,
            at=envelope.at,
            as_of=envelope.as_of,
        )
        decisions: Decisions = []
        self._fire_one(timer, subject, turn, envelope, decisions)
        state.head.clock = envelope.as_of
        groups.append(Group(envelope=envelope, decisions=decisions))

    def _fire_one(
        self, timer: Timer, subject: Subject, turn: Turn | ProgramTurn, envelope: Envelope, decisions: Decisions
    ) -> None:
        made = timer.fire(turn, subject)
        self._keep(turn.state, envelope, made)
        decisions += made
        self._set_timers(turn.state)
        head = turn.head
        if head.timers.get(timer.kind) == envelope.at and timer.first(head, envelope.at) == subject:
            message = f"{timer.name} of {head.org_id}:{head.customer_id} is still due at {envelope.at}: {subject.key}"
            raise RuntimeError(message)

    def _follow(
        self, state: CustomerState, program: Program, timeline: Timeline, envelope: Envelope, decisions: Decisions
    ) -> Section:
        head = state.head
        made = self._adopt(head, program)
        self._keep(state, envelope, made)
        decisions += made
        section = head.sections[program.id]
        at = envelope.as_of  # what is running now counts, however late the record is
        turn = ProgramTurn(
            state=state,
            head=head,
            timeline=timeline,
            program=program,
            section=section,
            at=at,
            day=program.calendar.day_of(at),
            seen_at=envelope.at,
        )
        stages = [stage.decide for stage in self._adopted if stage.used(program)]
        self._run(turn, None, stages, envelope, decisions)
        return section

    def _run(
        self,
        turn: Turn | ProgramTurn,
        record: CustomerRecord | None,
        stages: Sequence[Stage],
        envelope: Envelope,
        decisions: Decisions,
    ) -> bool:
        """Runs the stages, each on the state that the stage before left; returns whether a decision ended them."""
        state, head, folds, ends = turn.state, turn.head, self.folds, self._ends
        for stage in stages:
            made = stage(turn, record)
            if made:
                for decision in made:
                    effect, timers = folds[type(decision)]
                    effect(state, envelope, decision)
                    if timers:
                        state.stale |= timers
                head.seq += len(made)
                decisions += made
                if type(made[-1]) in ends:
                    return True
        return False

    def _keep(self, state: CustomerState, envelope: Envelope, made: Sequence[Decision]) -> None:
        for decision in made:
            effect, timers = self.folds[type(decision)]
            effect(state, envelope, decision)
            state.stale |= timers
        state.head.seq += len(made)

    def _set_timers(self, state: CustomerState) -> None:
        """Updates the due instants of timers whose concerns folded something."""
        stale = state.stale
        if not stale:
            return
        head = state.head
        timers = head.timers
        while stale:
            lowest = stale & -stale
            timer = self._timers_by_bit[lowest]
            due = timer.due(head)
            if due != NEVER:
                timers[timer.kind] = due
            else:
                timers.pop(timer.kind, None)
            stale ^= lowest
        state.stale = 0

    def _plan(self, program: Program, kind: type[CustomerRecord | Timer] | None) -> Sequence[Stage]:
        """The stages of the concerns that the program uses: for a kind of record, before a timer, or the closing ones.

        Others cost a record nothing.
        """
        plan = program.plans.get((self, kind))
        if plan is None:
            stages = self._stages[kind]
            plan = tuple(stage.decide for stage in stages if stage.used(program))
            program.plans[self, kind] = plan
        return plan


def _first_start(head: Head, timeline: Timeline, until: int) -> Start | None:
    """The first start by then of a version that a section of the customer has not adopted yet.

    Who was merged follows no version any more: it would enrol them anew, and tell them every cycle for ever.
    """
    if head.is_merged:
        return None
    for start in timeline.starts:
        if start.at > until:
            return None
        section = head.sections.get(start.program_id)
        if section is not None and section.version < start.version:
            return start
    return None


class Fold(NamedTuple):
    """How one kind of decision is folded."""

    effect: Effect
    timers: int
    """A bit for each timer of a concern that folds it."""


def _folds_of(concerns: Sequence[Concern], timers: Sequence[Timer]) -> dict[type[Decision], Fold]:
    bits = {timer.kind: 1 << bit for bit, timer in enumerate(timers)}
    effects: dict[type[Decision], list[Effect]] = {}
    stale: dict[type[Decision], int] = {}
    for concern in concerns:
        own = sum(bits[timer.kind] for timer in concern.timers)
        for kind, effect in concern.effects.items():
            effects.setdefault(kind, []).append(effect)
            stale[kind] = stale.get(kind, 0) | own
    return {kind: Fold(effect=_all_of(some), timers=stale[kind]) for kind, some in effects.items()}


def _all_of(effects: Sequence[Effect]) -> Effect:
    """One effect that is all of these, in their order."""
    if len(effects) == 1:
        return effects[0]

    def effect(state: CustomerState, envelope: Envelope, decision: Decision) -> None:
        for one in effects:
            one(state, envelope, decision)

    return effect
