"""Facts as rows: a row for the message, one for each fact in the table of its kind, and the legs of its postings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from pipeline.engine.postings import MOVES, postings
from schemas import facts
from schemas.facts import Fact, FactMessage, ProgramFact
from schemas.records import Profile
from sinks.clickhouse.rows import Rows, Source


class Shape(NamedTuple):
    """Where a kind of fact is kept, and the values of the columns that this table has beside `FACT_COLUMNS`."""

    table: str
    values: Callable[[Any], tuple[Any, ...]]


def add_facts(rows: Rows, message: FactMessage, source: Source) -> None:
    """Add the rows of one message."""
    org, customer = message.org_id, message.customer_id
    topic, partition, offset = source
    rows["fact_messages"] += (
        org,
        customer,
        message.first_seq,
        len(message.facts),
        message.recorded_at,
        message.journal_partition,
        message.journal_offset,
        message.engine_version,
        topic,
        partition,
        offset,
        0,
    )
    for index, fact in enumerate(message.facts):
        kind = type(fact)
        table, values = SHAPES[kind]
        head = (org, customer, fact.seq, fact.cause, fact.at, topic, partition, offset, index)
        target = rows[table]
        target += head
        target += values(fact)
        if kind in MOVES:
            _add_legs(rows["ledger_entries"], head, fact)


def _add_legs(target: list[Any], head: tuple[Any, ...], fact: Fact) -> None:
    """Each posting is two legs: out of its source and into its destination."""
    if not isinstance(fact, ProgramFact):
        message = f"{type(fact).__name__} moves points and belongs to no program"
        raise TypeError(message)
    program = (fact.program_id, fact.program_version)
    for number, (account, destination, points, currency) in enumerate(postings(fact)):
        target += head
        target += program
        target += (2 * number, account, currency, -points)
        target += head
        target += program
        target += (2 * number + 1, destination, currency, points)


def _accepted(fact: facts.RecordAccepted) -> tuple[Any, ...]:
    return fact.clock, fact.digest, fact.forget_before


def _refused(fact: facts.RecordRefused) -> tuple[Any, ...]:
    return fact.reason.value, fact.clock, fact.program_id, fact.program_version, fact.subject


def _registered(fact: facts.CustomerRegistered) -> tuple[Any, ...]:
    return ("registered", *_profile(fact.profile), ())


def _changed(fact: facts.CustomerChanged) -> tuple[Any, ...]:
    return ("changed", *_profile(fact.profile), fact.updated_fields)


def _profile(profile: Profile) -> tuple[Any, ...]:
    return (
        profile.first_name,
        profile.last_name,
        profile.mobile,
        profile.email,
        profile.external_id,
        profile.loyalty_type,
        profile.channel,
        profile.extended,
    )


def _recorded(fact: facts.TransactionRecorded) -> tuple[Any, ...]:
    amount = fact.amount_minor
    return "recorded", fact.bill_number, amount, fact.currency, fact.returnable_until, amount, 0, 0


def _returned(fact: facts.ReturnRecorded) -> tuple[Any, ...]:
    before = fact.returned_before_minor
    return "returned", fact.of_bill, fact.amount_minor, "", None, fact.basis_minor, before, fact.over_minor


def _adopted(fact: facts.ProgramAdopted) -> tuple[Any, ...]:
    return (
        fact.program_id,
        fact.program_version,
        fact.previous_version,
        fact.milestones,
        fact.streaks,
        fact.base_tier,
    )


def _purchase_counted(fact: facts.PurchaseCounted) -> tuple[Any, ...]:
    return (
        fact.program_id,
        fact.program_version,
        "counted",
        fact.bill_number,
        fact.amount_minor,
        fact.purchases_minor,
        fact.returned_minor,
    )


def _return_counted(fact: facts.ReturnCounted) -> tuple[Any, ...]:
    return (
        fact.program_id,
        fact.program_version,
        "returned",
        fact.of_bill,
        fact.amount_minor,
        fact.purchases_minor,
        fact.returned_minor,
    )


def _points(
    kind: str,
    fact: facts.PointsIssued | facts.PointsRedeemed | facts.PointsExpired | facts.PointsReversed | facts.PointsDebited,
    *,
    issued_for: str = "",
    reason: str = "",
    subject: str = "",
    expires_on: int | None = None,
    value_minor: int = 0,
    due: int = 0,
    taken: tuple[facts.Taken | facts.Reversal, ...] = (),
) -> tuple[Any, ...]:
    return (
        fact.program_id,
        fact.program_version,
        kind,
        fact.currency,
        fact.points,
        fact.balance,
        issued_for,
        reason,
        subject,
        expires_on,
        value_minor,
        due,
        [part.lot_id for part in taken],
        [part.points for part in taken],
    )


def _issued(fact: facts.PointsIssued) -> tuple[Any, ...]:
    return _points(
        "issued",
        fact,
        issued_for=fact.issued_for.value,
        reason=fact.rule_id,
        subject=fact.bill_number,
        expires_on=fact.expires_on,
    )


def _redeemed(fact: facts.PointsRedeemed) -> tuple[Any, ...]:
    return _points("redeemed", fact, subject=fact.redemption_id, value_minor=fact.value_minor, taken=fact.taken)


def _expired(fact: facts.PointsExpired) -> tuple[Any, ...]:
    return _points("expired", fact, expires_on=fact.expired_on, taken=fact.taken)


def _reversed(fact: facts.PointsReversed) -> tuple[Any, ...]:
    due = sum(part.due for part in fact.reversals)
    return _points("reversed", fact, subject=fact.of_bill, due=due, taken=fact.reversals)


def _debited(fact: facts.PointsDebited) -> tuple[Any, ...]:
    return _points("debited", fact, reason=fact.reason, taken=fact.taken)


def _progressed(fact: facts.MilestoneProgressed) -> tuple[Any, ...]:
    return (
        fact.program_id,
        fact.program_version,
        "progressed",
        fact.milestone_id,
        fact.period,
        fact.period_ends_at,
        fact.added,
        fact.value,
        fact.target,
    )


def _achieved(fact: facts.MilestoneAchieved) -> tuple[Any, ...]:
    return (
        fact.program_id,
        fact.program_version,
        "achieved",
        fact.milestone_id,
        fact.period,
        None,
        fact.added,
        fact.value,
        fact.target,
    )


def _streak_started(fact: facts.StreakStarted) -> tuple[Any, ...]:
    head = (fact.program_id, fact.program_version, "started", fact.streak_id)
    return (*head, None, 0, 0, 0, fact.starts_on, fact.ends_on, ())


def _streak_extended(fact: facts.StreakExtended) -> tuple[Any, ...]:
    head = (fact.program_id, fact.program_version, "extended", fact.streak_id)
    return (*head, fact.period, fact.run, fact.longest, 0, None, None, ())


def _level_reached(fact: facts.StreakLevelReached) -> tuple[Any, ...]:
    head = (fact.program_id, fact.program_version, "level_reached", fact.streak_id)
    return (*head, fact.period, fact.run, 0, fact.level, None, None, ())


def _streak_ended(fact: facts.StreakEnded) -> tuple[Any, ...]:
    head = (fact.program_id, fact.program_version, "ended", fact.streak_id)
    return (*head, None, fact.run, 0, 0, None, fact.ends_on, fact.levels)


def _upgraded(fact: facts.TierUpgraded) -> tuple[Any, ...]:
    return fact.program_id, fact.program_version, "upgraded", fact.previous, fact.reached, fact.basis_value


SHAPES: Final[dict[type[Fact], Shape]] = {
    facts.RecordAccepted: Shape("acceptances", _accepted),
    facts.RecordRefused: Shape("refusals", _refused),
    facts.CustomerRegistered: Shape("customers", _registered),
    facts.CustomerChanged: Shape("customers", _changed),
    facts.TransactionRecorded: Shape("bills", _recorded),
    facts.ReturnRecorded: Shape("bills", _returned),
    facts.ProgramAdopted: Shape("adoptions", _adopted),
    facts.PurchaseCounted: Shape("purchases", _purchase_counted),
    facts.ReturnCounted: Shape("purchases", _return_counted),
    facts.PointsIssued: Shape("points_facts", _issued),
    facts.PointsRedeemed: Shape("points_facts", _redeemed),
    facts.PointsExpired: Shape("points_facts", _expired),
    facts.PointsReversed: Shape("points_facts", _reversed),
    facts.PointsDebited: Shape("points_facts", _debited),
    facts.MilestoneProgressed: Shape("milestone_events", _progressed),
    facts.MilestoneAchieved: Shape("milestone_events", _achieved),
    facts.StreakStarted: Shape("streak_events", _streak_started),
    facts.StreakExtended: Shape("streak_events", _streak_extended),
    facts.StreakLevelReached: Shape("streak_events", _level_reached),
    facts.StreakEnded: Shape("streak_events", _streak_ended),
    facts.TierUpgraded: Shape("tier_changes", _upgraded),
}
"""By kind of fact. A test proves that no kind is without rows."""
