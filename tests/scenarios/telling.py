"""Scenarios in words: steps read from YAML, and facts told so that a loyalty manager can check them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import yaml
from msgspec import structs

from pipeline.cli.program_file import load_program
from pipeline.engine.calendar import as_date, as_day
from pipeline.engine.cycles import cycle_name
from pipeline.engine.ledger.state import LedgerAccount
from pipeline.engine.programs import DAY_MS
from pipeline.intake.identifiers import known_by
from pipeline.intake.org_settings import KnownOrg, known
from schemas import facts
from schemas.facts import Decision, Envelope, Fact
from schemas.program import ProgramDefinition
from schemas.records import BILL, OUTLASTING, CustomerAdded, KnownBy, Line, Profile, TransactionAdded
from schemas.settings import Org
from tests.dsl import Story
from tests.steps import (
    CUSTOMER,
    ORG,
    Step,
    Tick,
    adjust,
    assign,
    assigned,
    block,
    bought,
    brought_back,
    call_off,
    cancel,
    changed,
    confirm,
    did,
    enrol,
    enrol_target,
    expire_now,
    expire_on,
    extend,
    freeze,
    instant,
    joined,
    linked,
    merge,
    pause,
    program,
    reassess,
    redeem,
    release,
    release_tier,
    resume,
    reverse,
    set_target,
    starting,
    status,
    transfer,
    unenrol,
    unenrol_target,
    unnamed,
    updated,
)
from tests.town import Town

SETTINGS: Final = {"org_id": ORG, "name": "Shops", "zone": "Europe/London", "currency": "GBP", "country": "GB"}
IDENTITY_KEY: Final = b"a key of the stories"
ROOT: Final = Path(__file__).parents[2]
SILENT: Final = (
    facts.RecordAccepted,
    facts.UniqueEventKept,
    facts.UniqueEventsJoined,
    facts.IdsSpilled,
    facts.TransactionRecorded,
    facts.PurchaseCounted,
    facts.ReturnCounted,
    facts.LinesKept,
    facts.LinesReturned,
    facts.AwardTermsKept,
    facts.LotsTracked,
    facts.ClaimsKept,
    facts.MilestoneCounted,
    facts.MilestoneMeasured,
    facts.MilestoneTallied,
    facts.WindowMoved,
    facts.UnifiedMoved,
    facts.CycleAwaited,
    facts.ProgressGiven,
    facts.RewardKept,
    facts.RemindersPlanned,
    facts.StreakRiskPlanned,
    facts.TierTenureBegun,
    facts.TierPeriodBegun,
    facts.TierCheckSet,
    facts.TierLossExcused,
    facts.TierRemindersPlanned,
    facts.AwardsCorrected,
    facts.PurchaseCorrected,
    facts.SectionHandedOver,
    facts.MergeHandedOver,
    facts.HoldsDue,
)
"""Bookkeeping that a loyalty manager need not read."""


def tell(path: Path) -> str:
    """The scenario of a YAML file as text: each step, and what it led to."""
    scenario = yaml.safe_load(path.read_text())
    settings = known(Org.model_validate(SETTINGS))
    town, zone, told = Town(), "UTC", [scenario["title"], "=" * len(scenario["title"]), ""]
    story = town.customer(CUSTOMER)
    for step in scenario["story"]:
        if "program" in step:
            definition = _program(step["program"])
            zone = definition.zone
            starts = step.get("from")
            town.pass_time(definition if starts is None else starting(str(starts), definition))
            since = "" if starts is None else f" from {starts}"
            told += [
                f"Program {definition.program_id} version {definition.version} is in force{since}: {definition.name}",
                "",
            ]
            continue
        if "settings" in step:
            settings = known(Org.model_validate(SETTINGS | step["settings"], strict=False))
            told += [f"Settings of the org: {_plain(step['settings'])}", ""]
            continue
        told.append(_sentence(step))
        as_of = instant(str(step["arrives"]), zone) if "arrives" in step else None
        made = _made(step, zone, settings)
        if not made:
            told.append("    rejected: its identifiers name nobody")
            continue
        lines: list[str] = []
        for one in made:
            if isinstance(one, Tick):
                town.pass_time(one)
                lines += [line for story_of in town.stories.values() for line in _lines(story_of, zone)]
            else:
                lines += _lines(town.play(one, as_of), zone)  # type: ignore[arg-type]  # a record
        decided = story.decided
        while town.waiting:  # what was asked of other customers, and what they answer
            lines += _lines(town.deliver(), zone)
        told += [f"    {line}" for line in lines or (["nothing changes"] if not decided else ["taken note of"])]
    told += ["", "In the end", *(f"    {line}" for line in _ending(story))]
    return "\n".join(told) + "\n"


def _made(step: dict[str, Any], zone: str, settings: KnownOrg) -> list[Step]:
    """What intake makes of a step; of one with identifiers, what the org itself is told of them, too."""
    if "known by" not in step:
        return [_step(step, zone)]
    at = instant(str(step["at"]), zone)
    identifiers = known_by({} if step["known by"] == "nobody" else step["known by"], settings, "", IDENTITY_KEY)
    if settings.org.unassigned_bills == "hold":
        identifiers += _bill_of(step)
    if not identifiers:
        return []
    pairs = [(one.kind, one.digest) for one in identifiers]
    for word in ("links", "unlinks"):
        if word in step:
            return [linked(step[word], at, *pairs, unlink=word == "unlinks")]
    made = _step(step, zone)
    if "customer" in step:
        return [made, linked(step["customer"], at, *pairs)]
    first, *more = identifiers
    record = structs.replace(made, customer_id=0)  # type: ignore[type-var]  # a record
    resolve = unnamed(first.kind, at, first.digest, *more, record=record)  # type: ignore[arg-type]  # likewise
    makes = settings.org.ids == "accrue" and isinstance(record, CustomerAdded | TransactionAdded)
    days = 30 if first.kind == BILL else 365 if isinstance(record, OUTLASTING) else 0
    return [structs.replace(resolve, makes=makes, days=days)]


def _bill_of(step: dict[str, Any]) -> tuple[KnownBy, ...]:
    """What a bill, and a return of it, is held under where the org holds bills that name nobody."""
    number = step.get("buys") or step.get("returns")
    return () if number is None else (KnownBy(kind=BILL, digest=number),)


def _lines(story: Story, zone: str) -> list[str]:
    """What the last step of a customer led to; whose it is, where it is another one than the story's."""
    number = story.state.head.customer_id
    whose = "" if number == CUSTOMER else f"customer {number}: " if number else "identity: "
    return [f"{whose}{_told(fact, story, zone)}" for fact in story.decided if not isinstance(fact.decision, SILENT)]


def _program(what: str | dict[str, Any]) -> ProgramDefinition:
    if isinstance(what, str):
        return load_program((ROOT / what).read_text()).model_copy(update={"org_id": ORG})
    return program(**what)


def _sentence(step: dict[str, Any]) -> str:
    words = [f"{name} {_plain(value)}" for name, value in step.items() if name != "at"]
    return f"{step['at']}: {', '.join(words)}"


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return " ".join(f"{name}={_plain(one)}" for name, one in value.items())
    return "; ".join(_plain(one) for one in value) if isinstance(value, list) else str(value)


def _step(step: dict[str, Any], zone: str) -> Step:
    at = instant(str(step["at"]), zone)
    if "time" in step:
        return Tick(at)
    common: dict[str, Any] = {"id": step["id"]} if "id" in step else {}
    if "customer" in step:
        common["customer_id"] = step["customer"]
    return next(make(step, at, common) for word, make in _RECORDS.items() if word in step)


_RECORDS: Final[dict[str, Callable[[dict[str, Any], int, dict[str, Any]], Step]]] = {
    "buys": lambda step, at, common: bought(
        step["buys"],
        step.get("for"),
        at,
        lines=tuple(Line(**line) for line in step.get("lines", ())),
        currency=step.get("in", "GBP"),
        store=step.get("store", ""),
        zone=step.get("at store in", ""),
        **common,
    ),
    "returns": lambda step, at, common: brought_back(
        step["returns"],
        step.get("for"),
        at,
        lines=tuple(Line(**line) for line in step.get("lines", ())),
        currency=step.get("in", "GBP"),
        **common,
    ),
    "updates": lambda step, at, common: updated(
        step["updates"],
        step.get("to"),
        at,
        lines=tuple(Line(**line) for line in step.get("lines", ())),
        delivery_status=step.get("delivery", ""),
        **common,
    ),
    "calls off": lambda step, at, common: call_off(step["calls off"], at, reason=step["because"], **common),
    "cancels": lambda step, at, common: cancel(at, **step["cancels"], reason=step["because"], **common),
    "does": lambda step, at, common: did(
        step["does"], at, attributes=step.get("with", {}), unique=step.get("counts", "") == "once for ever", **common
    ),
    "redeems": lambda step, at, common: redeem(
        step["redeems"],
        at,
        currency=step.get("of", "POINTS"),
        program_id=step.get("from", 1),
        bill_number=step.get("for", ""),
        hold=step.get("and", "") == "holds",
        **common,
    ),
    "is given": lambda step, at, common: adjust(
        step["is given"],
        at,
        reason=step["because"],
        currency=step.get("of", "POINTS"),
        program_id=step.get("from", 1),
        corrects=step.get("correcting", ""),
        **common,
    ),
    "blocks": lambda step, at, common: block(
        step["blocks"],
        at,
        reason=step["because"],
        until=instant(str(step["until"])) if "until" in step else None,
        program_id=step.get("from", 1),
        **common,
    ),
    "releases": lambda step, at, common: release(
        step["releases"], at, reason=step["because"], program_id=step.get("from", 1), **common
    ),
    "gives": lambda step, at, common: transfer(step["gives"], step["to"], at, program_id=step.get("from", 1), **common),
    "merges": lambda step, at, common: merge(step["merges"], at, **common),
    "is given the bill": lambda step, at, common: assigned(step["is given the bill"], at, **common),
    "confirms": lambda step, at, common: confirm(step["confirms"], at, **common),
    "takes back": lambda step, at, common: reverse(step["takes back"], at, step.get("only"), **common),
    "expires later": lambda step, at, common: extend(
        str(step["expires later"]), at, *step.get("lots", ()), reason=step["because"], **common
    ),
    "expires earlier": lambda step, at, common: expire_on(
        str(step["expires earlier"]), at, *step.get("lots", ()), reason=step["because"], **common
    ),
    "expires now": lambda step, at, common: expire_now(at, *step["expires now"], reason=step["because"], **common),
    "is made": lambda step, at, common: assign(
        step["is made"],
        at,
        reason=step["because"],
        last_day=as_day(date.fromisoformat(str(step["through"]))) if "through" in step else None,
        **common,
    ),
    "is reassessed": lambda step, at, common: reassess(at, reason=step["is reassessed"], **common),
    "is made no longer": lambda step, at, common: release_tier(at, reason=step["is made no longer"], **common),
    "takes part in": lambda step, at, common: enrol(step["takes part in"], at, **common),
    "leaves": lambda step, at, common: unenrol(step["leaves"], at, **common),
    "pauses": lambda step, at, common: pause(step["pauses"], at, **common),
    "resumes": lambda step, at, common: resume(step["resumes"], at, **common),
    "freezes": lambda step, at, common: freeze(step["freezes"], str(step["from"]), step["days"], at, **common),
    "joins milestone": lambda step, at, common: enrol_target(step["joins milestone"], at, **common),
    "leaves milestone": lambda step, at, common: unenrol_target(step["leaves milestone"], at, **common),
    "has the target": lambda step, at, common: set_target(step["of"], step["has the target"], at, **common),
    "is marked": lambda step, at, common: status(step["is marked"], at, reason=step["because"], **common),
    "joins": lambda step, at, common: joined(at, Profile(**step["joins"]), **common),
    "changes": lambda step, at, common: changed(at, Profile(**step["changes"]), **common),
}


def _told(fact: Fact, story: Story, zone: str) -> str:
    program_id = fact.envelope.program_id
    where = f"[program {program_id}] " if program_id and len(story.programs.of(ORG)) > 1 else ""
    when = f"{_local(fact.envelope.at, zone)} " if isinstance(fact.decision, _TIMED) else ""
    return f"{when}{where}{_WORDS[type(fact.decision)](fact.decision, fact.envelope, story)}"


def _local(at: int, zone: str) -> str:
    return f"{datetime.fromtimestamp(at / 1000, ZoneInfo(zone)):%Y-%m-%d %H:%M}"


_TIMED: Final = (
    facts.CycleBegan,
    facts.CycleEnded,
    facts.PointsConverted,
    facts.PointsExpired,
    facts.ExpiryReminded,
    facts.PointsReleased,
    facts.StreakAtRisk,
    facts.StreakEnded,
    facts.TierDowngraded,
    facts.TierGraceBegun,
    facts.TierReminded,
    facts.TierRenewed,
)
"""Decisions that take effect when they were due, not when the step found them."""


def _issued(decision: facts.PointsIssued, *_: object) -> str:
    for_what = " and ".join(
        f"{award.issued_for.text} {award.rule_id}" + (f" ({award.points})" if len(decision.awards) > 1 else "")
        for award in decision.awards
    )
    terms = _ends(decision)
    terms += [f"{lot.points} promised{_awaited(lot)}" for lot in decision.promised_lots]
    until = " and ".join(terms)
    return f"+{decision.points} {decision.currency} for {for_what}, {until} (balance {decision.balance})"


def _awaited(lot: facts.LotPromised) -> str:
    until = f" until {as_date(lot.due_on)}" if lot.due_on is not None else ""
    return until if lot.awaits is facts.Awaits.DATE else f" for its {lot.awaits.text}{until}"


def _ends(decision: facts.PointsIssued | facts.PointsReceived) -> list[str]:
    """Until when each lot can be spent."""
    return ["for good" if lot.expires_on is None else f"until {as_date(lot.expires_on)}" for lot in decision.lots]


def _converted(decision: facts.PointsConverted, *_: object) -> str:
    lots = "; ".join(
        f"{lot.points} for {lot.reference} "
        + ("for good" if lot.expires_on is None else f"until {as_date(lot.expires_on)}")
        for lot in decision.lots
    )
    return (
        f"{decision.points} promised {decision.currency} are current: {lots} "
        f"(balance {decision.balance}, {decision.promised} still promised)"
    )


def _reversed(decision: facts.PointsReversed, *_: object) -> str:
    forgiven = sum(reversal.forgiven for reversal in decision.reversals)
    elsewhere = sum(part.points for part in decision.others)
    others = f", {elsewhere} of it from other lots" if elsewhere else ""
    rewards = ", rewards that it undid" if decision.rewards else ""
    owed = f", {decision.owed} of it owed" if decision.owed else ""
    taken = f"-{decision.points} {decision.currency}" if decision.points else f"no {decision.currency}"
    taken += f" ({decision.promised} of them promised)" if decision.promised else ""
    how = f"{rewards}{others}{owed}, {forgiven} forgiven"
    for_what = f" for {decision.of_bill}" if decision.of_bill else ""
    done = f"cancelled{for_what} ({decision.reason})" if isinstance(decision, facts.PointsCancelled) else "taken back"
    return f"{taken} {done}{'' if done != 'taken back' else for_what}{how} (balance {decision.balance})"


def _reclaimed(decision: facts.PointsReclaimed, *_: object) -> str:
    elsewhere = sum(part.points for part in decision.others)
    others = f", {elsewhere} of it from other lots" if elsewhere else ""
    owed = f", {decision.owed} of it owed" if decision.owed else ""
    return (
        f"-{decision.points} {decision.currency} taken, as asked back for {decision.of_bill} before{others}{owed} "
        f"(balance {decision.balance})"
    )


def _taken_back(decision: facts.RedemptionReversed, *_: object) -> str:
    anew = f", {sum(lot.points for lot in decision.lots)} of them anew" if decision.lots else ""
    back = f"+{decision.points - decision.expired} {decision.currency} of redemption {decision.redemption_id}"
    return f"{back} given back{anew}, {decision.expired} expired (balance {decision.balance})"


def _through(term: facts.TierTerm | None) -> str:
    return f", through {as_date(term.expires_on)}" if term is not None and term.expires_on is not None else ""


def _each_currency(told: Callable[..., str]) -> Callable[..., str]:
    return lambda decision, *context: "; ".join(told(one, *context) for one in decision.currencies)


def _day_or_never(day: int | None) -> str:
    return "for good" if day is None else str(as_date(day))


def _moved(decision: facts.ExpiryMoved, *_: object) -> str:
    rows = ", ".join(
        f"{one.remaining} from {_day_or_never(one.old_on)} to {_day_or_never(one.new_on)}"
        for one in decision.moved
        if one.old_on != one.new_on
    )
    return f"expiry of {decision.currency} moved: {rows}"


def _returned(decision: facts.ReturnRecorded, *_: object) -> str:
    over = f", {decision.over_minor} too much" if decision.over_minor else ""
    return f"{decision.amount_minor} of {decision.basis_minor} returned, {decision.returned_before_minor} before{over}"


def _progress(decision: facts.MilestoneProgressed | facts.MilestoneLowered, envelope: Envelope, story: Story) -> str:
    return f"milestone {_period(decision, envelope, story)}: {decision.value} of {decision.target}"


def _tracked(decision: facts.TrackerCounted | facts.TrackerLowered, *_: object) -> str:
    return f"tracker {decision.tracker_id}: {decision.value}"


def _achieved(decision: facts.MilestoneAchieved, envelope: Envelope, story: Story) -> str:
    return f"milestone {_period(decision, envelope, story)} ACHIEVED"


def _period(decision: Any, envelope: Envelope, story: Story) -> str:
    program = story.programs.get(ORG, envelope.program_id)
    assert program is not None
    units = {milestone.id: milestone.cycles for milestone in program.definition.milestones}
    return f"{decision.milestone_id} of {cycle_name(units[decision.milestone_id], decision.period)}"


def _stands(decision: facts.StreakPaused | facts.StreakResumed | facts.StreakFrozen) -> str:
    standing = decision.standing
    return str(standing.run) if standing else "nothing"


def _changed(decision: facts.TargetChanged, envelope: Envelope, story: Story) -> str:
    return f"milestone {_period(decision, envelope, story)} asks for {decision.target}, not {decision.previous}"


def _cycle_ended(decision: facts.CycleEnded, envelope: Envelope, story: Story) -> str:
    met = "met" if decision.achieved else "not met"
    return f"milestone {_period(decision, envelope, story)} ends: {decision.value} of {decision.target}, {met}"


def _parts(decision: facts.UnifiedAchieved | facts.UnifiedUnachieved) -> str:
    parts = ", ".join(f"{part.milestone_id} {part.value} of {part.target}" for part in decision.parts)
    return f"{decision.total} in all, by {parts}"


def _refused(decision: facts.RecordRefused, *_: object) -> str:
    return f"refused: {decision.reason.text}" + (f" ({decision.subject})" if decision.subject else "")


_WORDS: Final[dict[type[Decision], Callable[[Any, Envelope, Story], str]]] = {
    facts.RecordRefused: _refused,
    facts.CustomerRegistered: lambda *_: "customer added",
    facts.EventSetAside: lambda *_: "kept for analysts, no program gets it",
    facts.RegisteredEarlier: lambda *_: "registered earlier than was known",
    facts.CustomerChanged: lambda decision, *_: f"profile changed: {', '.join(decision.updated_fields)}",
    facts.UpdateParked: lambda decision, *_: f"update waits for {decision.of_bill}",
    facts.UpdateReleased: lambda decision, *_: f"update {decision.record_id} of {decision.of_bill} waits no longer",
    facts.BillUpdated: lambda decision, *_: (
        f"{decision.bill_number} is "
        + ("cancelled" if decision.cancelled else f"{decision.amount_minor}, was {decision.previous_minor}")
        + (f", {decision.delivery_status}" if decision.delivery_status else "")
    ),
    facts.ReturnParked: lambda decision, *_: f"return waits for {decision.of_bill}",
    facts.ReturnReleased: lambda decision, *_: f"return {decision.record_id} of {decision.of_bill} waits no longer",
    facts.ReturnRecorded: _returned,
    facts.ProgramAdopted: lambda _, envelope, __: f"follows version {envelope.version} from now on",
    facts.PointsIssued: _issued,
    facts.PointsConverted: _converted,
    facts.PromiseCancelled: lambda decision, *_: (
        f"{decision.points} promised {decision.currency} for {', '.join(decision.references)} are cancelled, "
        f"{decision.cancelled_for.text} (balance {decision.balance}, {decision.promised} still promised)"
    ),
    facts.PointsRedeemed: lambda decision, *_: (
        f"-{decision.points} {decision.currency} redeemed, worth {decision.value_minor} (balance {decision.balance})"
    ),
    facts.PointsExpired: lambda decision, *_: (
        f"-{decision.points} {decision.currency} expired with {as_date(decision.expired_on)} "
        f"(balance {decision.balance})"
    ),
    facts.ExpiryMoved: _moved,
    facts.PointsRestored: lambda decision, *_: (
        f"+{decision.points} {decision.currency} that had expired are back (balance {decision.balance})"
    ),
    facts.ExpiryReminded: lambda decision, *_: (
        f"reminded {decision.lead_days} days before: {decision.remaining} {decision.currency} "
        f"expire with {as_date(decision.expires_on)}"
    ),
    facts.PointsReversed: _reversed,
    facts.PointsCancelled: _reversed,
    facts.PointsReclaimed: _reclaimed,
    facts.PointsDebited: lambda decision, *_: (
        f"-{decision.points} {decision.currency}: {decision.reason} (balance {decision.balance})"
    ),
    facts.PointsHeld: lambda decision, *_: (
        f"{decision.points} {decision.currency} held as {decision.hold_id}, {decision.kind.text} "
        f"(balance {decision.balance})"
    ),
    facts.PointsSettled: lambda decision, *_: (
        f"-{decision.points} {decision.currency} repay what was owed, {decision.deficit} still owed "
        f"(balance {decision.balance})"
    ),
    facts.PointsReleased: lambda decision, *_: (
        f"{decision.points} {decision.currency} of {decision.hold_id} released, {decision.because.text} "
        f"(balance {decision.balance})"
    ),
    facts.TransferInitiated: lambda decision, *_: f"offered to customer {decision.receiver_id}",
    facts.PointsTransferred: lambda decision, *_: (
        f"-{decision.points} {decision.currency} to customer {decision.receiver_id} (balance {decision.balance})"
    ),
    facts.TransferRefused: lambda decision, *_: f"refuses what {decision.sender_id} gives: {decision.reason.text}",
    facts.PointsReceived: lambda decision, *_: (
        f"+{decision.points} {decision.currency} from customer {decision.sender_id}, {' and '.join(_ends(decision))} "
        f"(balance {decision.balance})"
    ),
    facts.MergeAsked: lambda decision, *_: f"customer {decision.victim_id} is asked for all that they have",
    facts.CustomerMerged: lambda decision, *_: f"merged into customer {decision.survivor_id}",
    facts.MergeRefused: lambda decision, *_: f"stays a customer: {decision.reason.text} {decision.subject}".rstrip(),
    facts.MergeFailed: lambda decision, *_: (
        f"customer {decision.victim_id} is not merged: {decision.reason.text} {decision.subject}".rstrip()
    ),
    facts.CustomerMade: lambda decision, *_: f"customer {decision.person} is new",
    facts.IdentifierLinked: lambda decision, *_: f"the {decision.kind} names customer {decision.person}",
    facts.IdentifierUnlinked: lambda decision, *_: (
        f"the {decision.kind} names customer {decision.person} no longer ({decision.because.text})"
    ),
    facts.IdentifierClaimed: lambda decision, *_: (
        f"the {decision.kind} stays with customer {decision.person}, though customer {decision.claimant} has it, too"
    ),
    facts.IdentifiersKnown: lambda *_: "nothing new",
    facts.CustomerResolved: lambda decision, *_: f"it is customer {decision.person}, known by the {decision.kind}",
    facts.MessageAwaits: lambda decision, *_: f"waits for somebody with the {decision.kind}",
    facts.MessageHeld: lambda decision, *_: f"held until {as_date(decision.until // DAY_MS)}",
    facts.MessageReleased: lambda decision, *_: f"what was held is of customer {decision.person}",
    facts.HoldExpired: lambda *_: "the time of what is held is up",
    facts.HoldEnded: lambda *_: "held no longer: a dead letter",
    facts.IdentityKeySet: lambda decision, *_: f"identifiers are hashed with the key {decision.fingerprint}",
    facts.RecordPassedOn: lambda decision, *_: f"passed on to customer {decision.survivor_id}",
    facts.SectionTakenOver: lambda decision, *_: (
        f"takes over from customer {decision.victim_id}: {decision.transactions} bills, "
        f"{decision.purchases_minor} spent"
    ),
    facts.PointsHandedOver: lambda decision, *_: (
        f"-{decision.points} {decision.currency} to customer {decision.survivor_id}, {decision.promised} of them "
        f"promised, {decision.owed} owed (balance {decision.balance})"
    ),
    facts.PointsTakenOver: lambda decision, *_: (
        f"+{decision.points} {decision.currency} of customer {decision.victim_id}, {decision.promised} of them "
        f"promised, {decision.owed} owed (balance {decision.balance}, lifetime {decision.lifetime})"
    ),
    facts.CustomersMerged: lambda decision, *_: f"has all of customer {decision.victim_id}",
    facts.AlternatePointsIssued: _each_currency(_issued),
    facts.AlternatePointsReversed: _each_currency(_reversed),
    facts.CustomerStatusChanged: lambda decision, *_: (
        f"status {decision.previous.text} -> {decision.status.text} ({decision.reason})"
    ),
    facts.RedemptionReversed: _taken_back,
    facts.MilestoneProgressed: _progress,
    facts.MilestoneAchieved: _achieved,
    facts.MilestoneEnrolled: lambda decision, envelope, story: (
        f"enrolled in milestone {_period(decision, envelope, story)}, by {decision.enrolled_by.text}"
    ),
    facts.UnifiedAchieved: lambda decision, *_: f"unified target {decision.unified_id} ACHIEVED, {_parts(decision)}",
    facts.UnifiedUnachieved: lambda decision, *_: (
        f"unified target {decision.unified_id} no longer achieved, {_parts(decision)}"
    ),
    facts.MilestoneUnenrolled: lambda decision, *_: f"no longer in milestone {decision.milestone_id}",
    facts.MilestoneRecorded: lambda decision, envelope, story: (
        f"milestone {_period(decision, envelope, story)}: {decision.value} recorded"
    ),
    facts.TargetChanged: _changed,
    facts.CycleBegan: lambda decision, envelope, story: f"milestone {_period(decision, envelope, story)} begins",
    facts.CycleEnded: _cycle_ended,
    facts.MilestoneLowered: _progress,
    facts.TrackerCounted: _tracked,
    facts.TrackerLowered: _tracked,
    facts.MilestoneUnachieved: lambda decision, envelope, story: (
        f"milestone {_period(decision, envelope, story)} no longer achieved"
    ),
    facts.ValueIgnored: lambda decision, *_: (
        f"milestone {decision.milestone_id}: {decision.attribute} {decision.value!r} ignored, {decision.reason.text}"
    ),
    facts.StreakStarted: lambda decision, *_: f"streak {decision.streak_id} begins",
    facts.StreakExtended: lambda decision, *_: (
        f"streak {decision.streak_id} at {decision.run}, longest {decision.longest}"
    ),
    facts.StreakEnrolled: lambda decision, *_: f"takes part in the streak {decision.streak_id} from now on",
    facts.StreakUnenrolled: lambda decision, *_: f"takes part in the streak {decision.streak_id} no longer",
    facts.StreakPaused: lambda decision, *_: f"streak {decision.streak_id} paused, at {_stands(decision)}",
    facts.StreakResumed: lambda decision, *_: f"streak {decision.streak_id} runs on, at {_stands(decision)}",
    facts.StreakFrozen: lambda decision, *_: (
        f"streak {decision.streak_id}: {as_date(decision.first_day)} to {as_date(decision.last_day)} break no run, "
        f"at {_stands(decision)}"
    ),
    facts.StreakLevelReached: lambda decision, *_: f"streak {decision.streak_id} level {decision.level} REACHED",
    facts.StreakBroken: lambda decision, *_: (
        f"streak {decision.streak_id} at {decision.run}, as a period counts no more, longest {decision.longest}"
    ),
    facts.StreakLevelUnachieved: lambda decision, *_: (
        f"streak {decision.streak_id} level {decision.level} NO LONGER REACHED"
    ),
    facts.StreakAtRisk: lambda decision, *_: (
        f"streak {decision.streak_id} at {decision.run} is at risk: {decision.missing} missing, "
        f"through {as_date(decision.last_day)}"
    ),
    facts.StreakEnded: lambda decision, *_: (
        f"streak {decision.streak_id} ends at {decision.run}, levels {list(decision.levels)}"
    ),
    facts.TierUpgraded: lambda decision, *_: (
        f"tier {decision.previous} -> {decision.reached} at {decision.basis_value}{_through(decision.term)}"
    ),
    facts.TierRenewed: lambda decision, *_: (
        f"tier {decision.tier} renewed with {decision.measured} of {decision.needed}{_through(decision.term)}"
    ),
    facts.TierDowngraded: lambda decision, *_: (
        f"tier {decision.previous} -> {decision.reached} with {decision.measured} of {decision.needed}, "
        f"{decision.by.text}{_through(decision.term)}"
    ),
    facts.TierGraceBegun: lambda decision, *_: (
        f"tier {decision.tier} not renewed: grace through {as_date(decision.expires_on)}"
    ),
    facts.TierApproached: lambda decision, *_: (
        f"tier {decision.tier} is near: {decision.measured} of {decision.needed}"
        + ("" if decision.days_left is None else f", {decision.days_left} days left")
    ),
    facts.TierReminded: lambda decision, *_: (
        f"reminded {decision.lead_days} days before: tier {decision.tier} ends with {as_date(decision.expires_on)}, "
        f"{decision.measured} of {decision.needed}"
    ),
    facts.TierAssigned: lambda decision, *_: (
        f"tier {decision.previous} -> {decision.reached} "
        + (f"as the reward of {decision.reward_of}" if decision.reward_of else f"by hand: {decision.reason}")
        + ("" if decision.last_day is None else f", given through {as_date(decision.last_day)}")
        + _through(decision.term)
    ),
    facts.TierReleased: lambda decision, *_: (
        f"tier {decision.previous} -> {decision.reached}, no longer "
        + (f"as the reward of {decision.reward_of}" if decision.reward_of else "by hand")
        + (", taken back" if decision.taken else "")
        + _through(decision.term)
    ),
}


def _ending(story: Story) -> list[str]:
    told = []
    for program_id, section in sorted(story.state.head.sections.items()):
        told.append(
            f"program {program_id}: {section.transactions} bills, {section.purchases_minor} spent, "
            f"{section.returned_minor} returned, tier {section.tier}"
        )
        for currency, account in section.accounts.items():
            owed = f", {account.deficit} owed" if account.deficit else ""
            moved = ", ".join(f"{account.total(place)} {word}" for place, word in _MOVED.items())
            if given := account.total(LedgerAccount.TRANSFERRED):
                moved += f", {given} transferred"
            promised = f", {account.promised} promised" if account.promised else ""
            told.append(f"    {currency}: {account.issued} issued, {moved}, balance {account.balance}{promised}{owed}")
    return told


_MOVED: Final = {
    LedgerAccount.REDEEMED: "redeemed",
    LedgerAccount.EXPIRED: "expired",
    LedgerAccount.REVERSED: "reversed",
    LedgerAccount.ADJUSTED: "debited",
}
