"""Mutants: the engine with one rule about late, repeated or versioned input broken; each must fail a property."""

from __future__ import annotations

from typing import Any, Final

from pipeline.engine import customers, duplicates, profiles
from pipeline.engine.bills import parking, records
from pipeline.engine.bills.entries import find_bill
from pipeline.engine.bills.state import Bill
from pipeline.engine.calendar import Calendar
from pipeline.engine.decide import ENGINE
from pipeline.engine.kernel.concern import Effect, ProgramStage, Stage
from pipeline.engine.milestones import measures
from pipeline.engine.programs import Program
from pipeline.engine.tiers.assess import ASSESS
from schemas import succession
from schemas.facts import (
    Decision,
    IdsSpilled,
    MilestoneAchieved,
    ProgramAdopted,
    RecordAccepted,
    RecordRefused,
    Refusal,
    RegisteredEarlier,
    StreakEnded,
    StreakExtended,
    TierUpgraded,
    TransactionRecorded,
)

Mutant = tuple[Any, str, Any]
"""An object, the name of an attribute of it, and what stands there in place of the right value."""
DAY_MS: Final = 86_400_000


def _folding(kind: type[Decision], effect: Effect) -> Mutant:
    fold = ENGINE.folds[kind]
    return ENGINE, "folds", {**ENGINE.folds, kind: fold._replace(effect=effect)}


def _then(kind: type[Decision], more: Effect) -> Mutant:
    right = ENGINE.folds[kind].effect

    def effect(state: Any, envelope: Any, decision: Any) -> None:
        right(state, envelope, decision)
        more(state, envelope, decision)

    return _folding(kind, effect)


def _nothing(*_: object) -> None:
    """No effect at all."""


def _section(state: Any, envelope: Any) -> Any:
    return state.head.sections[envelope.program_id]


def _in_place_of(right: Stage, wrong: Stage) -> Mutant:
    stages = {
        kind: tuple(wrong if one is right else one for one in some) for kind, some in ENGINE._customer_stages.items()
    }
    return ENGINE, "_customer_stages", stages


def take_a_duplicate_for_new() -> Mutant:
    """The id of a record is not remembered."""
    return _folding(RecordAccepted, _nothing)


def forget_ids_too_early() -> Mutant:
    """Ids are remembered for half of the window."""

    def forget(state: Any, envelope: Any, _decision: Any) -> None:
        half = envelope.as_of - 4 * DAY_MS
        state.head.recent = {key: known for key, known in state.head.recent.items() if known[0] >= half}

    return _then(RecordAccepted, forget)


def forget_ids_that_spill() -> Mutant:
    """Ids that leave the head are gone."""
    return _then(IdsSpilled, lambda state, _envelope, _decision: state.entries.clear())


def refuse_what_comes_late() -> Mutant:
    """A record counts for half of the window only."""

    def admit(turn: Any, record: Any) -> Any:
        late = turn.at < turn.as_of - 4 * DAY_MS
        return [RecordRefused(reason=Refusal.TOO_OLD)] if late else duplicates.admit(turn, record)

    return _in_place_of(duplicates.admit, admit)


def refuse_a_return_before_its_bill() -> Mutant:
    """A return does not wait for its bill."""
    refused = [RecordRefused(reason=Refusal.BILL_UNKNOWN)]
    return parking, "park", lambda _turn, _record: refused


def release_one_return_only() -> Mutant:
    """Of the returns that wait for a bill, the bill takes the first."""
    right = ENGINE._follow_ups
    (kind, follow_up), *_ = right.items()
    one = follow_up._replace(records=lambda state, bill: follow_up.records(state, bill)[:1])
    return ENGINE, "_follow_ups", {**right, kind: one}


def count_a_document_twice() -> Mutant:
    """A return document counts under each id that it comes with."""
    return records, "document_of", lambda _number: None


def take_returns_of_the_old_bill() -> Mutant:
    """A bill takes returns that were made in the hours before it was paid."""

    def pay_earlier(state: Any, _envelope: Any, decision: Any) -> None:
        bill = find_bill(state, decision.bill_number)
        if bill is not None:
            bill.paid_at -= DAY_MS // 4

    return _then(TransactionRecorded, pay_earlier)


def take_returns_by_the_longest_window() -> Mutant:
    """The longest window of the org holds in every program."""
    return Bill, "takes", lambda self, program_id, at: program_id in self.parts and at < self.returnable_until


def return_in_programs_without_returns() -> Mutant:
    """A program without returns keeps its bills, too."""
    right = Program.__init__

    def wrong(self: Any, definition: Any) -> None:
        right(self, definition)
        self.return_days = self.return_days or 400

    return Program, "__init__", wrong


def let_the_last_arrival_win() -> Mutant:
    """Every write of a profile stands."""
    return customers, "standing", lambda _head, writes, _at: dict(writes)


def forget_what_was_cleared() -> Mutant:
    """A cleared field has no time, so that an older write brings its value back."""
    right = profiles.note_writes

    def wrong(head: Any, profile: Any, names: Any, at: int) -> None:
        right(head, profile, names, at)
        known = profiles.fields_of(profile)
        head.field_times = {name: time for name, time in head.field_times.items() if name in known}

    return customers, "note_writes", wrong


def keep_the_first_registration_that_came() -> Mutant:
    """An earlier registration that comes later is ignored."""
    return _folding(RegisteredEarlier, _nothing)


def end_a_season_at_once() -> Mutant:
    """What comes after the end was told counts no more, though it happened before."""

    def end(state: Any, envelope: Any, decision: Any) -> None:
        _section(state, envelope).streaks[decision.streak_id].ends_at = 0

    return _then(StreakEnded, end)


def tell_the_end_again() -> Mutant:
    """A late period opens the season again."""

    def reopen(state: Any, envelope: Any, decision: Any) -> None:
        _section(state, envelope).streaks[decision.streak_id].ended = False

    return _then(StreakExtended, reopen)


def keep_only_the_last_run() -> Mutant:
    """A streak is a counter of its last run, so that late periods join nothing."""

    def shorten(state: Any, envelope: Any, decision: Any) -> None:
        streak = _section(state, envelope).streaks[decision.streak_id]
        streak.runs = streak.runs[-1:]

    return _then(StreakExtended, shorten)


def count_skipped_dates() -> Mutant:
    """A date that the zone skipped breaks a run."""
    return Calendar, "skipped_before", lambda _self, _unit, _period: 0


def read_whole_numbers_only() -> Mutant:
    """Fractions in attributes are cut off."""
    right = measures.thousandths_of

    def wrong(value: Any) -> Any:
        read = right(value)
        return read if type(read) is not int else read // 1_000 * 1_000

    return measures, "thousandths_of", wrong


def know_tiers_by_number() -> Mutant:
    """A member of tier 2 is in tier 2 of every version."""
    right = ENGINE._adopt

    def wrong(head: Any, program: Any) -> Any:
        (adopted,) = right(head, program)
        section = head.sections.get(program.id)
        number = min(section.tier, len(program.tier_ids) - 1) if section else adopted.tier
        return [ProgramAdopted(**{**_fields(adopted), "tier": number, "tier_id": program.tier_ids[number]})]

    return ENGINE, "_adopt", wrong


def _fields(decision: Decision) -> dict[str, Any]:
    return {name: getattr(decision, name) for name in decision.__struct_fields__}


def leave_members_in_retired_tiers() -> Mutant:
    """A tier that is retired keeps its members."""
    right = Program.__init__

    def wrong(self: Any, definition: Any) -> None:
        right(self, definition)
        self.tier_rules = self.tier_rules._replace(retired=frozenset())

    return Program, "__init__", wrong


def drop_members_to_the_base_first() -> Mutant:
    """A new version begins at the lowest tier, and the assessment brings the member up again."""
    right = ENGINE._adopt

    def wrong(head: Any, program: Any) -> Any:
        (adopted,) = right(head, program)
        base = program.base_tier
        return [ProgramAdopted(**{**_fields(adopted), "tier": base, "tier_id": program.tier_ids[base]})]

    return ENGINE, "_adopt", wrong


def move_members_silently() -> Mutant:
    """A version's tier is taken over without a decision."""

    def stage(turn: Any, record: Any) -> Any:
        for move in ASSESS.decide(turn, record):
            if isinstance(move, TierUpgraded):
                turn.section.tier, turn.section.tier_id = move.reached, move.reached_id
        return []

    return ENGINE, "_stages", {**ENGINE._stages, None: (ProgramStage(stage, used=ASSESS.used),)}


def forget_what_is_retired() -> Mutant:
    """A subject that is retired leaves the state, so that what comes back is paid again."""

    def forget(state: Any, envelope: Any, _decision: Any) -> None:
        section = _section(state, envelope)
        section.milestones, section.streaks = {}, {}

    return _then(ProgramAdopted, forget)


def pay_whenever_the_target_is_met() -> Mutant:
    """Achievement goes by the value, not by the flag."""
    return _folding(MilestoneAchieved, _nothing)


def give_what_is_retired() -> Mutant:
    """The program goes on with what is retired."""
    right = Program.__init__

    def wrong(self: Any, definition: Any) -> None:
        going_on = tuple(one.model_copy(update={"retired": False}) for one in definition.rules)
        right(self, definition.model_copy(update={"rules": going_on}))

    return Program, "__init__", wrong


def do_not_look_again() -> Mutant:
    """What a version makes easier waits for the next record that counts."""
    return ENGINE, "_adopted", ()


def allow_what_is_left_out() -> Mutant:
    """A version may leave out an id."""
    return succession, "_omitted", lambda _before, _after: ()


def allow_ids_that_mean_something_else() -> Mutant:
    """A version may give an id to something else."""
    return succession, "_reused", lambda _before, _after: ()


def allow_other_units() -> Mutant:
    """A version may count in another money, zone or currency."""
    return succession, "_fixed", lambda _before, _after: ()


def allow_lower_versions() -> Mutant:
    """A version may have any number."""
    return succession, "_version", lambda _before, _after: ()
