"""Runs the lines of a trial one after the other, as intake and one journal partition in wall mode would."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from pipeline.engine import ENGINE_VERSION
from pipeline.engine.decide import requests_of
from pipeline.engine.outcomes import WAITS, Outcome, first_outcome, outcome_of
from pipeline.engine.programs import Programs
from pipeline.intake.dialects.registry import DIALECTS, NATIVE
from pipeline.intake.org_settings import KnownOrg
from pipeline.intake.verdict import Defect, Limits, Rejected, in_words
from pipeline.log.port import Message
from pipeline.notify.context import Context
from pipeline.notify.program_view import OrgView, ProgramView
from pipeline.notify.render import RENDERER
from pipeline.replies.rejected import addressed, record_id_in, reply_to_rejected
from pipeline.replies.replies import Place, replies_of, reply_to_duplicate
from pipeline.trial import form, reader
from pipeline.trial.customers import Customers, Decided, Who
from pipeline.trial.lines import Line, MessageLine, ProgramLine
from pipeline.trial.times import iso
from schemas.money import minor_digits
from schemas.program import ProgramDefinition
from schemas.records import AnyCustomerRecord, CustomerRecord, CustomEventReceived, ForwardRecord, forwarded
from schemas.replies import Reply
from schemas.succession import succession

TOPIC: Final = "try"
"""What a message without an id is named by: `try:0:<line>`."""
PROGRAM_REFUSED: Final = "program_refused"
_NORMALISE: Final = DIALECTS[NATIVE]
_NAMES_SHOWN: Final = 10
_IDENTITY_KEY: Final = b"accrue try"
"""Of a trial nothing is kept, so its key protects nothing."""
_NO_VIEW: Final = OrgView()


class _Step:
    """Everything that a step has led to so far."""

    def __init__(self, offset: int) -> None:
        self.offset = offset
        self.asked = 0
        """What stands for the place in the journal: the line, and how many customers were asked something before."""
        self.warnings: list[str] = []
        self.facts: list[form.FactRow] = []
        self.refusals: list[form.RefusalRow] = []
        self.notifications: list[form.NotificationRow] = []
        self.replies: list[Reply] = []


class Trial:
    """Programs and customers in memory."""

    def __init__(self, orgs: Mapping[int, KnownOrg] = MappingProxyType({})) -> None:
        """`orgs`: those with settings, by id; events of others are taken as they are."""
        self._limits = Limits(clock_topic=TOPIC, orgs=orgs, identity_key=_IDENTITY_KEY)
        self._clock = 0
        self._programs = Programs()
        self._views: dict[int, OrgView] = {}
        self.definitions: dict[tuple[int, int, int], ProgramDefinition] = {}
        """Every version that was in force, by org, program and version."""
        self._in_force: dict[tuple[int, int], ProgramDefinition] = {}
        self._activated: list[form.Program] = []
        self._customers = Customers()
        self._steps: list[form.Step] = []

    def activate(self, definition: ProgramDefinition) -> tuple[Defect, ...]:
        """Puts a version in force at the current clock; returns the defects if it may not follow."""
        org_id, program_id, version = definition.org_id, definition.program_id, definition.version
        before = self._in_force.get((org_id, program_id))
        if before == definition:
            return ()
        if before is not None and (breaches := succession(before, definition)):
            return tuple(Defect(*breach) for breach in breaches)
        self._programs = self._programs.put_in_force(definition, self._clock)
        self._views[org_id] = self._views.get(org_id, _NO_VIEW).with_program(ProgramView(definition))
        self._in_force[org_id, program_id] = self.definitions[org_id, program_id, version] = definition
        self._activated.append(
            form.Program(
                org_id=org_id,
                program_id=program_id,
                version=version,
                since=iso(self._clock),
                zone=definition.zone,
                money=form.Money(code=definition.currency, scale=minor_digits(definition.currency)),
                currencies={
                    definition.points.name: form.Scale(scale=0),
                    **{currency.id: form.Scale(scale=currency.scale) for currency in definition.currencies},
                },
            )
        )
        return ()

    def run(self, lines: Iterable[Line], until: int | None = None) -> None:
        """Decide the lines in order, then let time pass up to `until`."""
        last = 0
        for line in lines:
            last = line.number
            decided = _Step(last)
            self._pass_time(line.at, decided)
            if isinstance(line, MessageLine):
                self._message(line, decided)
            elif isinstance(line, ProgramLine):
                self._program(line, decided)
            else:
                self._end_step(line, decided)
        if until is not None:
            decided = _Step(last + 1)
            self._pass_time(until, decided)
            self._end_step(None, decided)

    def result(self) -> form.Result:
        """All that was decided, and where each customer stands."""
        return form.Result(
            engine=ENGINE_VERSION,
            settled_at=iso(self._clock),
            programs=self._activated,
            steps=self._steps,
            customers={
                str(who): reader.customer_row(state, self.definitions, self._clock)
                for who, state in sorted(self._customers.states.items())
                if who.customer_id  # 0 is the org itself, which knows whom identifiers name
            },
        )

    def _program(self, line: ProgramLine, decided: _Step) -> None:
        defects = line.program if isinstance(line.program, tuple) else self.activate(line.program)
        if defects:
            self._end_step(line, decided, outcome="refused", reason=PROGRAM_REFUSED, defects=defects)
        else:
            self._end_step(line, decided)

    def _message(self, line: MessageLine, decided: _Step) -> None:
        message = Message(
            topic=TOPIC,
            partition=0,
            offset=line.number,
            key=None,
            value=line.value,
            timestamp=line.at,
            headers=(),
        )
        verdict = _NORMALISE(message, wall=line.at, limits=self._limits)
        if isinstance(verdict, Rejected):
            self._dead_letter(line, verdict, decided)
        elif isinstance(verdict.record, CustomerRecord):
            if verdict.links is not None:
                self._note(
                    Who(org_id=verdict.links.org_id, customer_id=verdict.links.customer_id),
                    verdict.links,
                    line.at,
                    self._customers.decide(verdict.links, self._programs),
                    decided,
                )
            self._decide(line, verdict.record, decided)  # type: ignore[arg-type]  # the union's cases
        else:
            self._end_step(line, decided)  # a clock message, which moves nothing in wall mode

    def _dead_letter(self, line: MessageLine, rejected: Rejected, decided: _Step) -> None:
        origin = f"{TOPIC}:0:{line.number}"
        about = addressed(line.value, origin)
        if about is not None:
            why = in_words(rejected.defects)
            decided.replies.append(reply_to_rejected(about, origin, rejected.reason.value, why, line.at))
        self._end_step(
            line,
            decided,
            customer=None if about is None else str(Who(org_id=about.org_id, customer_id=about.customer_id)),
            record_id=record_id_in(line.value, origin),
            outcome="dead_letter",
            reason=rejected.reason.value,
            defects=rejected.defects,
        )

    def _decide(self, line: MessageLine, record: AnyCustomerRecord, decided: _Step) -> None:
        who, cause = Who(org_id=record.org_id, customer_id=record.customer_id), reader.cause_of(record)
        told = self._customers.decide(record, self._programs)
        if told.groups:
            self._note(who, record, line.at, told, decided)
            decided.warnings += self._warnings(record, self._customers.states[who].head.clock)
            outcome = outcome_of((fact.envelope, fact.decision) for fact in reader.own_facts(told.facts, cause))
            if outcome == WAITS and who.customer_id:  # for another customer, who may have answered by now
                outcome = first_outcome(self._customers.states[who], cause)
            said, first = _name_of(outcome), None
        else:
            outcome = first_outcome(self._customers.states[who], cause)
            said, first = "duplicate", outcome
            place = _place(who, decided, line.at)
            seq = self._customers.states[who].head.seq
            decided.replies.append(reply_to_duplicate(place, record, outcome, seq))
        self._end_step(
            line,
            decided,
            customer=str(who),
            record_id=record.id,
            outcome=said,
            reason=None if outcome.reason is None or first else outcome.reason.text,
            first=first,
        )

    def _warnings(self, record: AnyCustomerRecord, clock: int) -> list[str]:
        if not isinstance(record, CustomEventReceived) or record.analytics_only:
            return []
        org = self._programs.org(record.org_id).at(clock)
        if org.knows(record.event_name):
            return []
        known = ", ".join(sorted(name for program in org.programs for name in program.events)[:_NAMES_SHOWN])
        unknown = f"no program of org {record.org_id} knows the event {record.event_name!r}, so it earns nothing"
        return [f"{unknown}; known are {known}" if known else f"{unknown}; they know no events"]

    def _pass_time(self, until: int, decided: _Step) -> None:
        self._clock = until
        for who, told in self._customers.fire(until, self._programs):
            self._note(who, None, until, told, decided)

    def _note(
        self,
        who: Who,
        record: AnyCustomerRecord | None,
        recorded_at: int,
        told: Decided,
        decided: _Step,
        *,
        was_held: bool = False,
    ) -> None:
        """Add to the step what was decided about one customer, by timers where `record` is None.

        What that asks of other customers is decided at once.
        """
        customer = str(who)
        decided.facts += reader.fact_rows(customer, told.facts)
        decided.refusals += reader.refusal_rows(customer, told.facts)
        view = self._views.get(who.org_id, _NO_VIEW)
        context = Context(
            org_id=who.org_id,
            customer_id=who.customer_id,
            record=record,
            org=view,
            recorded_at=recorded_at,
            profile=told.profile,
        )
        decided.notifications += [
            form.NotificationRow(
                event_name=one.event,
                topic=one.topic,
                customer=customer,
                seq=envelope_of(one.body)["seq"],
                envelope=msgspec.Raw(one.body),
            )
            for one in RENDERER.render_all(told.groups, told.first_seq, context)
        ]
        place = _place(who, decided, recorded_at)
        decided.replies += replies_of(place, record, told.groups, told.first_seq, view.amount, was_held=was_held)
        for request in requests_of(who, told.groups, source=TOPIC, offset=0, was_held=was_held):
            decided.asked += 1
            asked: AnyCustomerRecord = forwarded(request)  # type: ignore[arg-type, assignment]  # the union's cases
            waited = isinstance(request, ForwardRecord) and request.was_held
            at_once = self._customers.decide(asked, self._programs, was_held=waited)
            other = Who(org_id=asked.org_id, customer_id=asked.customer_id)
            self._note(other, asked, asked.received_at, at_once, decided, was_held=waited)

    def _end_step(
        self,
        line: Line | None,
        decided: _Step,
        *,
        customer: str | None = None,
        record_id: str | None = None,
        outcome: str = "accepted",
        reason: str | None = None,
        first: Outcome | None = None,
        defects: Iterable[Defect] = (),
    ) -> None:
        self._steps.append(
            form.Step(
                line=None if line is None else line.number,
                at=iso(self._clock),
                input=None if line is None else line.input,
                customer=customer,
                record_id=record_id,
                outcome=outcome,
                reason=reason,
                first_outcome=None if first is None else _name_of(first),
                first_reason=None if first is None or first.reason is None else first.reason.text,
                defects=[form.Defect(**defect._asdict()) for defect in defects],
                warnings=decided.warnings,
                refusals=decided.refusals,
                facts=decided.facts,
                notifications=decided.notifications,
                replies=decided.replies,
            )
        )


def _place(who: Who, step: _Step, at: int) -> Place:
    return Place(partition=step.asked, offset=step.offset, org_id=who.org_id, customer_id=who.customer_id, at=at)


def _name_of(outcome: Outcome) -> str:
    if outcome.waits:
        return "parked"
    return "accepted" if outcome.reason is None else "refused"


def envelope_of(body: bytes | msgspec.Raw) -> dict[str, Any]:
    """What a notification says, whichever envelope it is in: `data`, `seq` and the rest beside them."""
    envelope: dict[str, Any] = msgspec.json.decode(body)
    inside: dict[str, Any] = envelope.get("attributes", envelope)
    return inside
