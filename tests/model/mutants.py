"""Mutants: the engine with one rule about points or returns broken; each must disagree with the model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import msgspec
import pytest

from pipeline.engine import returns
from pipeline.engine.bills import lines, parking
from pipeline.engine.bills.entries import bill_of
from pipeline.engine.calendar import NEVER
from pipeline.engine.decide import ENGINE
from pipeline.engine.kernel.concern import Effect, ProgramStage, addressed
from pipeline.engine.ledger import (
    accounts,
    changing,
    claims,
    conversion,
    correction,
    deficit,
    drawdown,
    methods,
    redemptions,
    rolling,
    terms,
    transfers,
    undo,
)
from pipeline.engine.ledger.postings import MOVEMENTS
from pipeline.engine.ledger.redeemed import Redemption, kept_redemption
from pipeline.engine.ledger.state import Account, OpenClaim
from pipeline.engine.milestones import concern as milestones
from schemas.facts import (
    AwardsCorrected,
    Decision,
    Fact,
    Group,
    PointsDebited,
    PointsIssued,
    PointsRedeemed,
    PointsReversed,
    RecordRefused,
    Refusal,
)
from schemas.program import ReturnMethod, Shortfall
from schemas.records import ChangeExpiry
from tests.invariants import Invariants
from tests.model import broken_goals, broken_standing, broken_tiers
from tests.model.broken_standing import Mutant


def _then(kind: type[Decision], more: Effect) -> Mutant:
    fold = ENGINE.folds[kind]

    def effect(state: Any, envelope: Any, decision: Any) -> None:
        fold.effect(state, envelope, decision)
        more(state, envelope, decision)

    return ENGINE, "folds", {**ENGINE.folds, kind: fold._replace(effect=effect)}


def spend_in_the_wrong_order() -> Mutant:
    """The points that expire last are spent first."""
    return redemptions, "take", lambda account, points, _order: _last_first(account, points)


def _last_first(account: Any, points: int) -> Any:
    seen = msgspec.structs.replace(account, lots=account.lots[::-1])
    return accounts.take(seen, points)


def expire_a_day_early() -> Mutant:
    """The last day is not a day on which points can be spent."""
    right = terms.closing_on
    return terms, "closing_on", lambda calendar, last: right(calendar, last - 1)


def count_expiry_from_the_promise() -> Mutant:
    """Promised points last from the day on which they were promised."""
    right = conversion._converted

    def wrong(turn: Any, currency: str, lot: Any) -> Any:
        then = msgspec.structs.replace(turn, day=turn.program.calendar.day_of(lot.promised_at))
        return right(then, currency, lot)

    return conversion, "_converted", wrong


def forget_what_was_spent() -> Mutant:
    """A return asks other lots for nothing, as nothing counts as spent."""
    return Account, "spent", property(lambda _: {})


def ask_for_what_expired() -> Mutant:
    """A return asks other lots for what expired unused, too."""
    return Account, "spent", property(lambda self: dict.fromkeys(self.uses, 10**9))


def owe_nothing() -> Mutant:
    """What is missing is forgiven where the program says that it is owed."""
    right = drawdown.draw

    def wrong(account: Any, claims: Any, shortfall: Any, *more: Any) -> Any:
        return right(account, claims, Shortfall.OTHER_LOTS if shortfall is Shortfall.DEFICIT else shortfall, *more)

    return undo, "draw", wrong


def leave_promised_points_to_the_customer() -> Mutant:
    """A return takes current points only."""
    right = drawdown.draw

    def wrong(account: Any, *more: Any) -> Any:
        return right(msgspec.structs.replace(account, promised_lots=[]), *more)

    return undo, "draw", wrong


def leave_debts_open() -> Mutant:
    """New points can be spent although something is owed."""
    closing = tuple(stage for stage in ENGINE._stages[None] if stage.decide is not deficit.settle)
    return ENGINE, "_stages", {**ENGINE._stages, None: closing}


def round_returns_up() -> Mutant:
    """What a return asks for is rounded up."""
    return methods, "reversal_due", lambda award, basis, returned: min(award, -(-award * returned // max(1, basis)))


def claim_each_time() -> Mutant:
    """What earlier returns asked for is asked for again."""

    def forget(state: Any, envelope: Any, decision: Any) -> None:
        if decision.of_bill and not decision.rewards:
            for award in bill_of(state, decision.of_bill).parts[envelope.program_id].awards:
                award.claimed = 0

    return _then(PointsReversed, forget)


def give_forgiven_points_again() -> Mutant:
    """A correction upwards gives what one downwards could not take."""

    def forget(state: Any, envelope: Any, decision: Any) -> None:
        for award in bill_of(state, decision.bill_number).parts[envelope.program_id].awards:
            award.forgiven = 0

    return _then(AwardsCorrected, forget)


def correct_by_today() -> Mutant:
    """What a correction gives lasts as if the bill had been paid today."""
    return correction, "at_the_sale", lambda turn, _bill: turn


def give_a_cancelled_award_again() -> Mutant:
    """An update gives what was cancelled as a mistake."""
    return correction, "CancelledAward", type("Nobody", (), {})


def restore_the_first_first() -> Mutant:
    """A redemption comes back in the order in which it was taken."""

    def turn_round(state: Any, _envelope: Any, decision: Any) -> None:
        if decision.forgotten_at:
            kept_redemption(state, decision.redemption_id).parts.reverse()

    return _then(PointsRedeemed, turn_round)


def restore_expired_points() -> Mutant:
    """What comes back past its last day can be spent for ever."""

    def keep(state: Any, _envelope: Any, decision: Any) -> None:
        if decision.forgotten_at:
            for part in kept_redemption(state, decision.redemption_id).parts:
                part.closes_at, part.expires_on = NEVER, None

    return _then(PointsRedeemed, keep)


def restore_twice() -> Mutant:
    """A return restores what a request has restored before."""
    return Redemption, "left", property(lambda self: self.points if self.parts else 0)


def lower_lifetime_with_a_debit() -> Mutant:
    """A plain debit counts against lifetime points."""
    (debit,) = MOVEMENTS[PointsDebited]
    return accounts, "MOVEMENTS", {**MOVEMENTS, PointsDebited: (debit._replace(lifetime=-1),)}


def count_promises_for_life() -> Mutant:
    """Promised points count for lifetime."""
    current, promised = MOVEMENTS[PointsIssued]
    return accounts, "MOVEMENTS", {**MOVEMENTS, PointsIssued: (current, promised._replace(lifetime=1))}


def give_a_reward_twice() -> Mutant:
    """What is met again gives its whole reward again."""
    return milestones, "reward_of", lambda _section, _key, points: points


def keep_goals_up() -> Mutant:
    """A return lowers no milestone."""
    return returns, "_lower", lambda *_: False


def keep_streaks_up() -> Mutant:
    """A milestone that is no longer met stays in its streaks."""
    return returns, "_break", lambda *_: None


def drop_remainders() -> Mutant:
    """The split of an award over its lines is rounded down and does not add up."""
    return methods, "split", lambda total, weights: [total * one // max(1, sum(weights)) for one in weights]


def return_whole_bill_points_by_line() -> Mutant:
    """Points of the whole bill go back line by line."""
    return methods, "_BY_TERMS", {**methods._BY_TERMS, ReturnMethod.CAPILLARY: methods._line_exact}


def recompute_without_the_minimum() -> Mutant:
    """What is left of a bill earns also below the minimum."""
    right = methods._recompute

    def wrong(points: Any, award: Any, kept: Any, bill: Any, part: Any) -> Any:
        return right(points, msgspec.structs.replace(award, minimum_minor=0), kept, bill, part)

    return methods, "_BY_TERMS", {**methods._BY_TERMS, ReturnMethod.RECOMPUTE_REMAINING: wrong}


def give_points_for_ever() -> Mutant:
    """Points that are given away never expire."""
    right = transfers._part

    def wrong(lot: Any) -> Any:
        return msgspec.structs.replace(right(lot), closes_at=None, expires_on=None)

    return transfers, "_part", wrong


def refuse_what_comes_before_its_bill() -> Mutant:
    """A return does not wait for its bill."""
    refused = [RecordRefused(reason=Refusal.BILL_UNKNOWN)]
    return parking, "park", lambda _turn, _record: refused


def keep_lines_as_they_were() -> Mutant:
    """What came back of lines is forgotten when an update names them again."""
    right = lines.keep_again

    def wrong(bill: Any, record: Any) -> Any:
        kept = right(bill, record)
        fresh = tuple(msgspec.structs.replace(line, returned_minor=0) for line in kept.lines)
        return msgspec.structs.replace(kept, lines=fresh)

    return lines, "keep_again", wrong


def roll_nothing() -> Mutant:
    """Activity moves no expiry."""
    return rolling, "_roll", lambda _turn, _currency: []


def roll_backwards() -> Mutant:
    """Activity moves expiry to where it leads, also earlier."""
    return rolling, "max", lambda _had, reached: reached


def extend_where_earlier_was_asked_for() -> Mutant:
    """A request for an earlier day is taken for one for a later day."""

    def wrong(turn: Any, record: Any) -> Any:
        return changing.change(turn, msgspec.structs.replace(record, later=True))

    *before, _ = ENGINE._stages[ChangeExpiry]
    return ENGINE, "_stages", {**ENGINE._stages, ChangeExpiry: (*before, addressed(ProgramStage(wrong)))}


def forgive_for_good() -> Mutant:
    """What was spent when its goods came back is not asked of what comes back later."""
    return claims, "_may_come_back", lambda *_: False


def reclaim_from_own_lots_alone() -> Mutant:
    """What comes back of other lots is left alone, although the program takes of them."""
    return OpenClaim, "reaches", lambda _claim, _lot_id: False


def reclaim_of_later_points() -> Mutant:
    """Points that were awarded after their return are taken, too."""
    return OpenClaim, "reaches", lambda _claim, _lot_id: True


def reclaim_what_was_made_good() -> Mutant:
    """What other lots stood in for is taken, too, when it comes back."""
    return Account, "used", property(lambda self: {lot_id: max(0, use.points) for lot_id, use in self.uses.items()})


CAUGHT_BY: Final[dict[Callable[[], Mutant], int]] = {
    spend_in_the_wrong_order: 20,
    expire_a_day_early: 0,
    count_expiry_from_the_promise: 48,
    forget_what_was_spent: 26,
    ask_for_what_expired: 11,
    owe_nothing: 62,
    leave_promised_points_to_the_customer: 4,
    leave_debts_open: 62,
    round_returns_up: 3,
    claim_each_time: 145,
    give_forgiven_points_again: 341,
    correct_by_today: 76,
    give_a_cancelled_award_again: 201,
    restore_the_first_first: 267,
    restore_expired_points: 267,
    restore_twice: 267,
    lower_lifetime_with_a_debit: 2,
    count_promises_for_life: 4,
    give_a_reward_twice: 186,
    keep_goals_up: 3,
    keep_streaks_up: 82,
    drop_remainders: 143,
    return_whole_bill_points_by_line: 4,
    recompute_without_the_minimum: 222,
    give_points_for_ever: 52,
    refuse_what_comes_before_its_bill: 175,
    keep_lines_as_they_were: 103,
    roll_nothing: 35,
    roll_backwards: 2274,
    extend_where_earlier_was_asked_for: 1,
    forgive_for_good: 228,
    reclaim_from_own_lots_alone: 6449,
    reclaim_of_later_points: 270,
    reclaim_what_was_made_good: 228,
    **broken_standing.CAUGHT_BY,
    **broken_tiers.CAUGHT_BY,
    **broken_goals.CAUGHT_BY,
}
"""The seed of a history on which each disagrees; `python -m tests.model --mutants` looks for them again."""


@contextmanager
def broken(mutant: Callable[[], Mutant]) -> Iterator[None]:
    """The engine with the rule broken, and without what else would notice it."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(*mutant(), raising=False)
        patched.setattr(Invariants, "check", _facts_of)
        yield


def _facts_of(_self: Invariants, groups: list[Group], *_: object) -> list[Fact]:
    facts = [(group.envelope, decision) for group in groups for decision in group.decisions]
    return [Fact(seq=0, envelope=envelope, decision=decision) for envelope, decision in facts]
