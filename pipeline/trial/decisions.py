"""Tells facts as sentences for the person who wrote the program."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pipeline.engine.calendar import as_date
from pipeline.engine.cycles import cycle_name
from pipeline.trial.form import FactRow
from pipeline.trial.names import Names, money, names_of
from pipeline.trial.reader import Definitions
from pipeline.trial.times import moment

Body = dict[str, Any]
Sentence = Callable[[Body, Names], str]


def decision(row: FactRow, definitions: Definitions) -> str | None:
    """What a fact decided; None for the engine's bookkeeping and for refusals, which are told with their remedies."""
    if row.kind in _OUTSIDE:
        return _OUTSIDE[row.kind](row.body)
    sentence = _IN_PROGRAM.get(row.kind)
    names = names_of(row, definitions)
    return None if sentence is None or names is None else sentence(row.body, names)


def _day(number: int) -> str:
    on = as_date(number)
    return f"{on.day} {on:%B %Y}"


def _instant(instant: int) -> str:
    at = moment(instant)
    return f"{at.day} {at:%B %Y %H:%M} UTC"


def _issued(body: Body, names: Names) -> str:
    terms = [_last_days(body["lots"])] if body["lots"] else []
    currency = body["currency"]
    terms += [
        f"{names.number(lot['points'], currency)} of them promised {_waits(lot)}" for lot in body["promised_lots"]
    ]
    until = " and ".join(terms)
    if len(body["awards"]) == 1:
        why = _why(body["awards"][0], names)
    else:
        parts = (f"{names.number(award['points'], currency)} {_why(award, names)}" for award in body["awards"])
        why = "(" + ", ".join(parts) + ")"
    return f"{names.amount(body['points'], currency)} {why}, {until}{_balance(body, names)}"


def _balance(body: Body, names: Names) -> str:
    return f"; balance {names.number(body['balance'], body['currency'])}"


def _last_days(lots: list[Body]) -> str:
    dates = dict.fromkeys(lot["expires_on"] for lot in lots)
    return " and ".join("never to expire" if on is None else f"to be used by {_day(on)}" for on in dates)


def _waits(lot: Body) -> str:
    within = f"until {_day(lot['due_on'])}" if lot["due_on"] is not None else "for ever"
    if lot["awaits"] == "delivery":
        return f"until the bill is delivered, {within} at most"
    if lot["awaits"] == "trigger":
        what = f"the event {lot['event']}" if lot["event"] else "somebody activates them"
        return f"until {what} (reference {lot['reference']}), {within} at most"
    return within


def _converted(body: Body, names: Names) -> str:
    until = _last_days(body["lots"])
    promised = f", {names.number(body['promised'], body['currency'])} still promised" if body["promised"] else ""
    return f"{_points(body, names)} promised before can be spent now, {until}{_balance(body, names)}{promised}"


def _cancelled(body: Body, names: Names) -> str:
    why = _CANCELLED[body["cancelled_for"]].format(reason=body["reason"])
    return f"{_points(body, names)} promised before are cancelled, {why}{_balance(body, names)}"


_CANCELLED: Final = {
    "not_in_time": "as what they waited for did not come in time",
    "command": "by hand ({reason})",
}


def _why(award: Body, names: Names) -> str:
    what = award["rule_id"]
    if award["issued_for"] == "adjustment":
        return f"given by hand ({what})"
    if award["issued_for"] == "milestone":
        milestone = names.milestone(what)
        return f"as the reward of the milestone {milestone.name if milestone else what}"
    if award["issued_for"] == "streak":
        streak_id, _, periods = what.partition(":")
        streak = names.streak(streak_id)
        counted = f"{periods} {names.in_a_row(streak_id)}"
        return f"as the reward for {counted} in the streak {streak.name if streak else streak_id}"
    return f"by the rule {what}"


def _redeemed(body: Body, names: Names) -> str:
    worth = names.money(body["value_minor"])
    return f"{_points(body, names)} redeemed, worth {worth}{_balance(body, names)}"


def _expired(body: Body, names: Names) -> str:
    if body["reason"]:
        return f"{_points(body, names)} expired as asked ({body['reason']}){_balance(body, names)}"
    on = _day(body["expired_on"])
    return f"{_points(body, names)} expired at the end of {on}{_balance(body, names)}"


def _moved(body: Body, names: Names) -> str:
    rows = [one for one in body["moved"] if one["old_on"] != one["new_on"]]
    what = ", ".join(
        f"{names.amount(row['remaining'], body['currency'])} from {_until(row['old_on'])} to {_until(row['new_on'])}"
        for row in rows
    )
    why = f" ({body['reason']})" if body["reason"] else ""
    return f"expiry moved{why}: {what}"


def _reminded(body: Body, names: Names) -> str:
    left = names.amount(body["remaining"], body["currency"])
    return f"reminded, {body['lead_days']:,} days before, of {left} that expire with {_day(body['expires_on'])}"


def _until(day: int | None) -> str:
    return "never" if day is None else _day(day)


def _transferred(body: Body, names: Names) -> str:
    return f"{_points(body, names)} given to customer {body['receiver_id']}{_balance(body, names)}"


def _received(body: Body, names: Names) -> str:
    from_whom = f"from customer {body['sender_id']}, {_last_days(body['lots'])}"
    return f"{_points(body, names)} {from_whom}{_balance(body, names)}"


def _reversed(body: Body, names: Names) -> str:
    forgiven = sum(one["forgiven"] for one in body["reversals"])
    currency = body["currency"]
    missing = f", {names.number(forgiven, currency)} more were no longer there" if forgiven else ""
    promised = sum(one["promised"] for one in body["reversals"])
    of_them = f" ({names.number(promised, currency)} of them promised)" if promised else ""
    elsewhere = names.number(sum(one["points"] for one in body.get("others", ())), currency)
    others = f", {elsewhere} of them from other points, as those of the bill were spent" if elsewhere != "0" else ""
    owed = f", {names.number(body['owed'], currency)} of them are owed" if body.get("owed") else ""
    taken = f"{_points(body, names)} {_back_for(body)}"
    taken += ", as rewards that it undid" if body.get("rewards") else ""
    return f"{taken}{of_them}{others}{owed}{missing}{_balance(body, names)}"


def _back_for(body: Body) -> str:
    of_bill = f" for bill {body['of_bill']}" if body["of_bill"] else ""
    return f"cancelled{of_bill} ({body['reason']})" if "reason" in body else f"taken back{of_bill}"


def _reclaimed(body: Body, names: Names) -> str:
    of_bill = f" for bill {body['of_bill']}" if body["of_bill"] else ""
    owed = f", {names.number(body['owed'], body['currency'])} of them are owed" if body["owed"] else ""
    return f"{_points(body, names)} taken, as they had been asked back{of_bill} before{owed}{_balance(body, names)}"


def _settled(body: Body, names: Names) -> str:
    left = f", {names.number(body['deficit'], body['currency'])} are still owed" if body["deficit"] else ""
    return f"{_points(body, names)} repay what was owed{left}{_balance(body, names)}"


def _debited(body: Body, names: Names) -> str:
    return f"{_points(body, names)} taken away by hand ({body['reason']}){_balance(body, names)}"


def _points(body: Body, names: Names) -> str:
    return names.amount(body["points"], body["currency"])


def _each_currency(sentence: Sentence) -> Sentence:
    """Tells the part of each currency, one after the other."""
    return lambda body, names: ", and ".join(sentence(one, names) for one in body["currencies"])


def _held(body: Body, names: Names) -> str:
    until = "until they are released" if body["ends_at"] is None else f"until {_instant(body['ends_at'])}"
    why = f" ({body['reason']})" if body["reason"] else ""
    return f"{_points(body, names)} held as {body['hold_id']} {until}{why}{_balance(body, names)}"


def _released(body: Body, names: Names) -> str:
    why = _RELEASED[body["because"]].format(reason=body["reason"])
    return f"{_points(body, names)} of {body['hold_id']} no longer held, {why}{_balance(body, names)}"


_RELEASED: Final = {
    "requested": "as asked ({reason})",
    "ended": "as their time is up",
    "used": "to be taken next",
    "refused": "as the receiver cannot have them ({reason})",
}


def _redemption_reversed(body: Body, names: Names) -> str:
    anew, lost, back = (
        names.amount(points, body["currency"])
        for points in (sum(lot["points"] for lot in body["lots"]), body["expired"], body["points"] - body["expired"])
    )
    given = f"{back} given back of the redemption {body['redemption_id']}, worth {names.money(body['value_minor'])}"
    issued = f", {anew} of them issued anew" if body["lots"] else ""
    expired = f", {lost} more have expired meanwhile" if body["expired"] else ""
    return f"{given}{issued}{expired}{_balance(body, names)}"


def _progressed(body: Body, names: Names) -> str:
    return f"milestone {_target(body, names)}"


def _tracked(body: Body, names: Names) -> str:
    return f"tracker {names.tracker(body['tracker_id'])}: {names.tracked(body['tracker_id'], body['value'])}"


def _achieved(body: Body, names: Names) -> str:
    return f"milestone {_target(body, names)}: achieved"


def _target(body: Body, names: Names) -> str:
    milestone = names.milestone(body["milestone_id"])
    if milestone is None:
        return f"{body['milestone_id']}: {body['value']:,} of {body['target']:,}"
    numbers = [names.value_of(milestone, body[key]) for key in ("value", "target")]
    return f"{milestone.name} ({cycle_name(milestone.cycles, body['period'])}): {' of '.join(numbers)}"


def _milestone(body: Body, names: Names) -> str:
    milestone = names.milestone(body["milestone_id"])
    return milestone.name if milestone else str(body["milestone_id"])


def _cycle(body: Body, names: Names) -> str:
    milestone = names.milestone(body["milestone_id"])
    period = f" ({cycle_name(milestone.cycles, body['period'])})" if milestone else ""
    return f"{_milestone(body, names)}{period}"


def _target_changed(body: Body, names: Names) -> str:
    milestone = names.milestone(body["milestone_id"])
    if milestone is None:
        return f"milestone {body['milestone_id']} asks for {body['target']:,}, not {body['previous']:,}"
    now, was = (names.value_of(milestone, body[key]) for key in ("target", "previous"))
    return f"milestone {milestone.name} asks for {now}, not {was}"


def _ignored(body: Body, names: Names) -> str:
    milestone = names.milestone(body["milestone_id"])
    name = milestone.name if milestone else body["milestone_id"]
    return f"milestone {name}: counts nothing, as {body['attribute']} {_IGNORED_AS[body['reason']](body['value'])}"


_IGNORED_AS: Final[dict[str, Callable[[str], str]]] = {
    "absent": lambda _: "is missing",
    "not_a_number": lambda value: f"is {value!r}, not a number",
    "negative": lambda value: f"is {value}, below zero",
    "too_fine": lambda value: f"is {value}, with more than three decimals",
    "too_large": lambda value: f"is {value}, beyond what can be counted",
}


def _in_a_row(body: Body, names: Names) -> str:
    return f"{body['run']:,} {names.in_a_row(body['streak_id'])}"


def _streak(body: Body, names: Names) -> str:
    streak = names.streak(body["streak_id"])
    return f"streak {streak.name if streak else body['streak_id']}"


def _level(body: Body, names: Names) -> str:
    streak = names.streak(body["streak_id"])
    levels = {level.periods: level.name for level in streak.levels} if streak else {}
    return f"{_streak(body, names)}: level {levels.get(body['level'], body['level'])} reached"


def _level_lost(body: Body, names: Names) -> str:
    return f"{_level(body, names).removesuffix('reached')}no longer reached"


def _upgraded(body: Body, names: Names) -> str:
    return f"tier {names.tier(body['previous'])} → {names.tier(body['reached'])}"


def _reassigned(body: Body, names: Names) -> str:
    previous = names.tier(body["previous"])
    return f"tier {previous} → {names.tier(body['reached'])}, as {previous} is retired"


def _bill_updated(body: Body) -> str:
    currency, status = body["currency"], body["delivery_status"]
    now, was = (money(body[key], currency) for key in ("amount_minor", "previous_minor"))
    parts = ["cancelled" if body["cancelled"] else f"{now}, was {was}" if now != was else f"{now}, as before"]
    if body["relined"]:
        parts.append("with other lines")
    if status:
        parts.append(f"delivery status {status}")
    return f"bill {body['bill_number']} is {', '.join(parts)}"


def _returned(body: Body) -> str:
    over = "; it asks for more than is left of the bill, which counts for nothing" if body.get("over_minor") else ""
    return f"return of bill {body['of_bill']} recorded{over}"


def _moved_up(body: Body, names: Names) -> str:
    return f"{_upgraded(body, names)}{_through(body['term'])}"


def _renewed(body: Body, names: Names) -> str:
    return f"tier {names.tier(body['tier'])} renewed{_through(body['term'])}"


def _downgraded(body: Body, names: Names) -> str:
    return f"tier {names.tier(body['previous'])} → {names.tier(body['reached'])}, {_LOST[body['by']]}"


_LOST: Final = {
    "renewal": "as what renews it did not come in",
    "return": "after the return",
}


def _grace(body: Body, names: Names) -> str:
    last = _day(body["expires_on"])
    return f"tier {names.tier(body['tier'])} is up, and can be renewed through {last}"


def _tier_reminded(body: Body, names: Names) -> str:
    missing = body["needed"] - body["measured"]
    end = f"the tier {names.tier(body['tier'])} ends with {_day(body['expires_on'])}"
    return f"{end}; {names.renewal_amount(missing)} are missing" if missing > 0 else f"{end}, and has what renews it"


def _assigned(body: Body, names: Names) -> str:
    how = _as_reward(body, names) if body["reward_of"] else f"by hand ({body['reason']})"
    given = f"the tier {names.tier_of(body['assigned_id'])} given {how}"
    if body["last_day"] is not None:
        given = f"{given}, through {_day(body['last_day'])}"
    return given if body["reached"] == body["previous"] else f"{given}: {_upgraded(body, names)}"


def _tier_released(body: Body, names: Names) -> str:
    why = f" ({body['reason']})" if body["reason"] else ""
    kept = body["reached"] == body["previous"]
    move = f"tier {names.tier(body['reached'])} stays" if kept else _upgraded(body, names)
    how = _as_reward(body, names) if body["reward_of"] else "by hand"
    taken = ", taken back" if body["taken"] else ""
    return f"the tier given {how} holds no longer{why}{taken}: {move}"


def _recorded(body: Body, names: Names) -> str:
    milestone = names.milestone(body["milestone_id"])
    of_a_day = milestone is not None and milestone.window_days
    why = "kept for its day, as the value of the window stays" if of_a_day else "recorded, to count at an enrolment"
    return f"milestone {_cycle(body, names)}: {why}"


def _as_reward(body: Body, names: Names) -> str:
    kind, subject = body["reward_of"].split("/")[:2]
    if kind == "unified":
        return f"as the reward of the unified target {names.unified(subject)}"
    named = names.milestone(subject) if kind == "milestone" else names.streak(subject)
    return f"as the reward of the {kind} {named.name if named else subject}"


def _through(term: Body | None) -> str:
    return "" if term is None or term["expires_on"] is None else f", through {_day(term['expires_on'])}"


_IN_PROGRAM: Final[dict[str, Sentence]] = {
    "PointsIssued": _issued,
    "PointsRedeemed": _redeemed,
    "PointsExpired": _expired,
    "PointsReversed": _reversed,
    "PointsCancelled": _reversed,
    "PointsReclaimed": _reclaimed,
    "TransferInitiated": lambda body, _: f"offered to customer {body['receiver_id']}",
    "PointsTransferred": _transferred,
    "PointsReceived": _received,
    "PointsHandedOver": lambda body, names: (
        f"{_points(body, names)} go to customer {body['survivor_id']}{_balance(body, names)}"
    ),
    "PointsTakenOver": lambda body, names: (
        f"{_points(body, names)} come from customer {body['victim_id']}{_balance(body, names)}"
    ),
    "SectionTakenOver": lambda body, _: (
        f"what customer {body['victim_id']} did counts here: {body['transactions']:,} bills"
    ),
    "PointsDebited": _debited,
    "PointsHeld": _held,
    "PointsReleased": _released,
    "AlternatePointsIssued": _each_currency(_issued),
    "AlternatePointsReversed": _each_currency(_reversed),
    "ExpiryMoved": _moved,
    "PointsRestored": lambda body, names: (
        f"{_points(body, names)} that had expired are back, as the redemption was made before{_balance(body, names)}"
    ),
    "RedemptionReversed": _redemption_reversed,
    "ExpiryReminded": _reminded,
    "PointsConverted": _converted,
    "PromiseCancelled": _cancelled,
    "PointsSettled": _settled,
    "MilestoneProgressed": _progressed,
    "MilestoneAchieved": _achieved,
    "MilestoneLowered": _progressed,
    "TrackerCounted": _tracked,
    "TrackerLowered": _tracked,
    "MilestoneUnachieved": lambda body, names: f"milestone {_target(body, names)}: no longer achieved",
    "ValueIgnored": _ignored,
    "UnifiedAchieved": lambda body, names: f"unified target {names.unified(body['unified_id'])}: achieved",
    "UnifiedUnachieved": lambda body, names: f"unified target {names.unified(body['unified_id'])}: no longer achieved",
    "MilestoneEnrolled": lambda body, names: f"milestone {_milestone(body, names)}: enrolled",
    "MilestoneUnenrolled": lambda body, names: f"milestone {_milestone(body, names)}: enrolled no longer",
    "TargetChanged": _target_changed,
    "CycleBegan": lambda body, names: f"milestone {_cycle(body, names)} has begun",
    "CycleEnded": lambda body, names: f"milestone {_target(body, names)}: it is over",
    "MilestoneRecorded": _recorded,
    "StreakStarted": lambda body, names: f"{_streak(body, names)}: enrolled",
    "StreakExtended": lambda body, names: f"{_streak(body, names)}: {_in_a_row(body, names)}",
    "StreakEnrolled": lambda body, names: f"{_streak(body, names)}: takes part, as asked",
    "StreakUnenrolled": lambda body, names: f"{_streak(body, names)}: takes part no longer",
    "StreakPaused": lambda body, names: f"{_streak(body, names)}: paused ({body['reason']})",
    "StreakResumed": lambda body, names: f"{_streak(body, names)}: runs on ({body['reason']})",
    "StreakFrozen": lambda body, names: (
        f"{_streak(body, names)}: {_day(body['first_day'])} to {_day(body['last_day'])} break no run ({body['reason']})"
    ),
    "StreakLevelReached": _level,
    "StreakBroken": lambda body, names: f"{_streak(body, names)}: {_in_a_row(body, names)}, as a period counts no more",
    "StreakLevelUnachieved": _level_lost,
    "StreakAtRisk": lambda body, names: (
        f"{_streak(body, names)}: {_in_a_row(body, names)} at risk, through {_day(body['last_day'])}"
    ),
    "StreakEnded": lambda body, names: f"{_streak(body, names)}: ended with {_in_a_row(body, names)}",
    "TierUpgraded": _moved_up,
    "TierRenewed": _renewed,
    "TierDowngraded": _downgraded,
    "TierGraceBegun": _grace,
    "TierReminded": _tier_reminded,
    "TierApproached": lambda body, names: (
        f"{body['measured']:,} of {body['needed']:,} for {names.tier(body['tier'])}: near enough to be told"
    ),
    "TierAssigned": _assigned,
    "TierReleased": _tier_released,
    "TierReassigned": _reassigned,
}

_OUTSIDE: Final[dict[str, Callable[[Body], str]]] = {
    "CustomerRegistered": lambda _: "customer added",
    "IdentifierLinked": lambda body: f"{body['kind']} names customer {body['person']}",
    "IdentifierUnlinked": lambda body: f"{body['kind']} names customer {body['person']} no longer ({body['because']})",
    "IdentifierClaimed": lambda body: (
        f"{body['kind']} stays with customer {body['person']}, though customer {body['claimant']} has it, too"
    ),
    "CustomerResolved": lambda body: f"customer {body['person']}, known by {body['kind']}",
    "CustomerMade": lambda body: f"new customer {body['person']}",
    "MessageHeld": lambda _: "held until somebody is known by its identifiers",
    "MessageAwaits": lambda body: f"waits for somebody with the {body['kind']}",
    "MessageReleased": lambda body: f"what was held is of customer {body['person']}",
    "HoldsDue": lambda _: "the time of what is held until now is up",
    "HoldExpired": lambda _: "the time of what is held is up",
    "HoldEnded": lambda _: "held no longer: a dead letter",
    "IdentityKeySet": lambda _: "from now on identifiers are hashed with this key",
    "MergeAsked": lambda body: f"customer {body['victim_id']} is to be merged into this one",
    "CustomerMerged": lambda body: f"merged into customer {body['survivor_id']}, who gets all that comes from now on",
    "RecordPassedOn": lambda body: f"passed on to customer {body['survivor_id']}",
    "CustomersMerged": lambda body: f"customer {body['victim_id']} is merged into this one",
    "IdentifiersKnown": lambda _: "nothing new about identifiers",
    "EventSetAside": lambda _: "kept for analysts, no program gets it",
    "RegisteredEarlier": lambda _: "registered earlier than was known",
    "CustomerStatusChanged": lambda body: f"status {body['previous']} → {body['status']} ({body['reason']})",
    "CustomerChanged": lambda body: f"profile changed: {', '.join(body['updated_fields']) or 'nothing new'}",
    "ReturnParked": lambda body: (
        f"return of bill {body['of_bill']} waits for its bill, until {_instant(body['until'])}"
    ),
    "ReturnReleased": lambda body: f"return {body['record_id']} of bill {body['of_bill']} no longer waits",
    "ReturnRecorded": _returned,
    "UpdateParked": lambda body: (
        f"update of bill {body['of_bill']} waits for its bill, until {_instant(body['until'])}"
    ),
    "UpdateReleased": lambda body: f"update {body['record_id']} of bill {body['of_bill']} no longer waits",
    "BillUpdated": _bill_updated,
}

SILENT: Final = frozenset(
    {
        "RecordAccepted",
        "UniqueEventKept",
        "UniqueEventsJoined",
        "IdsSpilled",
        "RecordRefused",
        "TransactionRecorded",
        "ProgramAdopted",
        "RemindersPlanned",
        "StreakRiskPlanned",
        "PurchaseCounted",
        "PurchaseCorrected",
        "AwardsCorrected",
        "ReturnCounted",
        "LinesKept",
        "LinesReturned",
        "AwardTermsKept",
        "TierTenureBegun",
        "TierPeriodBegun",
        "TierCheckSet",
        "TierLossExcused",
        "TierRemindersPlanned",
        "TransferRefused",
        "SectionHandedOver",
        "MergeHandedOver",
        "MergeRefused",
        "MergeFailed",
        "LotsTracked",
        "ClaimsKept",
        "MilestoneCounted",
        "MilestoneMeasured",
        "MilestoneTallied",
        "WindowMoved",
        "CycleAwaited",
        "ProgressGiven",
        "UnifiedMoved",
        "RewardKept",
    }
)
"""Bookkeeping that decides nothing by itself, and refusals, which are told with their remedies."""
SENTENCES: Final = frozenset(_IN_PROGRAM) | frozenset(_OUTSIDE)
"""The kinds of facts that are told."""
