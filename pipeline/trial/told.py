"""Tells notifications as sentences to the customer, from what their envelopes say."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from pipeline.trial.names import Names, day_text, major_money, number_text
from schemas.notifications import EventName

Data = dict[str, Any]
"""The `data` of an envelope."""


def told(event_name: str, data: Data, names: Names | None) -> str:
    """What the notification tells the customer; `names` are those of its program, None where it stands in none."""
    if names is None:
        return HOUSE[EventName(event_name)](data)
    return IN_PROGRAM[EventName(event_name)](data, names)


def _points(points: float, names: Names) -> str:
    return f"{points:,.0f} {names.points}"


def _alternates_issued(data: Data, _: Names) -> str:
    return " ".join(
        f"You have earned {_alternate(one, 'totalAlternateCurrenciesIssued')}.{_balance_of(one)}"
        for one in data["alternateCurrencies"]
    )


def _alternates_reversed(data: Data, _: Names) -> str:
    return " ".join(
        f"For your return we have taken back {_alternate(one, 'currentEventTotalAlternateCurrenciesReturned')}."
        f"{_balance_of(one)}"
        for one in data["alternateCurrencies"]
    )


def _balance_of(one: Data) -> str:
    return f" Your balance is {_alternate(one, 'programCurrentAlternateCurrencies')}."


def _alternate(one: Data, key: str) -> str:
    return f"{number_text(Decimal(str(one[key])))} {one['alternateCurrencyName']}"


def _issued(data: Data, names: Names) -> str:
    expiries = [lot["expiryAt"] for lot in data["regularPointsBreakup"] if "expiryAt" in lot]
    until = f" Use them by {day_text(min(expiries))}." if expiries else ""
    earned = _points(data["totalPointsIssued"], names)
    later = sum(lot["promisedPoints"] for lot in data["promisedPointsIssued"])
    promised = f" You can spend {_points(later, names)} of them later." if later else ""
    balance = _points(data["programCurrentPoints"], names)
    return f"You have earned {earned}.{until}{promised} Your balance is {balance}."


def _converted(data: Data, names: Names) -> str:
    expiries = [lot["expiryAt"] for lot in data["pointsConvertedBreakup"] if "expiryAt" in lot]
    until = f" Use them by {day_text(min(expiries))}." if expiries else ""
    points, balance = (_named(data[key], data, names) for key in ("pointsConverted", "programCurrentPoints"))
    return f"You can spend {points} more now.{until} Your balance is {balance}."


def _redeemed(data: Data, names: Names) -> str:
    worth = major_money(Decimal(str(data["redeemedPointsCurrencyValue"])), names.currency)
    left = sum(one["programCurrentPoints"] for one in data["redemptionFromEarningPrograms"])
    spent, balance = (_named(number, data, names) for number in (data["totalPointsRedeemed"], left))
    return f"You have redeemed {spent}, worth {worth}. Your balance is {balance}."


def _expired(data: Data, names: Names) -> str:
    return f"{_named(data['pointsExpired'], data, names)} have expired."


def _named(points: float, data: Data, names: Names) -> str:
    """Points of the currency that the notification names, those of the program where it names none."""
    return f"{number_text(Decimal(str(points)))} {data.get('alternateCurrencyName', names.points)}"


def _reminder(data: Data, names: Names) -> str:
    left = _named(data["pointsScheduledForExpiry"], data, names)
    return f"{left} can be used until {day_text(data['scheduledExpiryDate'])}, and expire then."


def _expiry_updated(data: Data, names: Names) -> str:
    moved = [one for one in data["updatedPointsExpiry"] if one.get("oldExpiryDate") != one.get("newExpiryDate")]
    dates = [
        f"{_named(one['points'], data, names)} "
        + (f"can be used until {day_text(one['newExpiryDate'])}" if "newExpiryDate" in one else "no longer expire")
        for one in moved
    ]
    return f"{'; '.join(dates)}."


def _redemption_reversed(data: Data, names: Names) -> str:
    details = data["redeemedPointsReversedDetails"]
    left = sum(one["programCurrentPoints"] for one in data["redemptionReversalToEarningPrograms"])
    back, lost, balance = (_named(number, data, names) for number in (details["available"], details["expired"], left))
    expired = f"; {lost} more have expired" if details["expired"] else ""
    return f"We have given back {back}{expired}. Your balance is {balance}."


def _given(data: Data, names: Names) -> str:
    left = sum(one["programCurrentPoints"] for one in data["redemptionFromEarningPrograms"])
    given, balance = (_named(number, data, names) for number in (data["totalPointsTransferred"], left))
    receiver = data["transferReceivingCustomerIdentifiers"]["customerId"]
    return f"You have given {given} to customer {receiver}. Your balance is {balance}."


def _received(data: Data, names: Names) -> str:
    sender = data["transferInitiatingCustomerIdentifiers"]["customerId"]
    return f"You have received {_named(data['totalPointsTransferred'], data, names)} from customer {sender}."


def _reversed(data: Data, names: Names) -> str:
    taken, balance = (
        _named(data[key], data, names) for key in ("currentEventTotalPointsReturned", "programCurrentPoints")
    )
    start = "For your return we have" if data["triggeringActivity"]["name"] == "ReturnBill" else "We have"
    return f"{start} taken back {taken}. Your balance is {balance}."


def _upgraded(data: Data, _: Names) -> str:
    tiers = {tier["tierNumber"]: tier["tierName"] for tier in data["loyaltyProgramDetails"]["tiers"]}
    move = f"from {tiers[data['previousTierNumber']]} to {tiers[data['upgradedTierNumber']]}"
    return f"You have moved up {move}{_through(data)}."


def _downgraded(data: Data, _: Names) -> str:
    tiers = {tier["tierNumber"]: tier["tierName"] for tier in data["loyaltyProgramDetails"]["tiers"]}
    return f"You are in {tiers[data['downgradedTierNumber']]} now, no longer in {tiers[data['previousTierNumber']]}."


def _renewed(data: Data, _: Names) -> str:
    return f"You keep {_tier(data)}{_through(data)}."


def _tier_ends(data: Data, _: Names) -> str:
    return f"{_tier(data)} ends with {day_text(data['scheduledDowngradeDate'])}, unless you renew it before."


def _tier_near(data: Data, names: Names) -> str:
    missing, basis = data["missingValue"], data["upgradeType"].lower().replace("_", " ")
    what = names.money(missing) if "purchases" in basis else f"{missing:,} of {basis}"
    left = "" if data["daysLeft"] is None else f", {data['daysLeft']:,} days left"
    return f"{names.tier(data['nextTierNumber'])} is near: {what} missing{left}."


def _tier(data: Data) -> str:
    tiers = {tier["tierNumber"]: tier["tierName"] for tier in data["loyaltyProgramDetails"]["tiers"]}
    return str(tiers[data["currentTierNumber"]])


def _through(data: Data) -> str:
    return f" through {day_text(data['tierExpiryDate'])}" if data["tierExpiryDate"] else ""


def _value_updated(data: Data, names: Names) -> str:
    return f"Your progress in {_target(data, names)}."


def _value_achieved(data: Data, names: Names) -> str:
    return f"You have reached the target of {_target(data, names)}."


def _target(data: Data, names: Names) -> str:
    details = data["targetDetails"]
    so_far, target = (
        names.target_value(details["id"], Decimal(data[key])) for key in ("achievedTargetValue", "definedTargetValue")
    )
    return f"{details['name']} ({details['targetPeriodName']}): {so_far} of {target}"


def _target_changed(data: Data, names: Names) -> str:
    number = data["targetDetails"]["id"]
    now, was = (names.target_value(number, Decimal(data[key])) for key in ("definedTargetValue", "previousTargetValue"))
    return f"{_cycle(data)} asks for {now} of you now, before {was}."


def _cycle_began(data: Data, names: Names) -> str:
    asked = names.target_value(data["targetDetails"]["id"], Decimal(data["definedTargetValue"]))
    return f"{_cycle(data)} has begun: the target is {asked}."


def _cycle_ended(data: Data, names: Names) -> str:
    end = "and you reached the target" if data["isAchieved"] else "and you did not reach the target"
    return f"{_target(data, names)}: it is over, {end}."


def _target_enrolled(data: Data, _: Names) -> str:
    return f"You take part in {data['targetEnrolmentData'][0]['targetName']}."


def _unified(data: Data, _: Names) -> str:
    return f"You have reached {data['unifiedTargetGroupDetails']['targetGroupName']}."


def _unified_lost(data: Data, _: Names) -> str:
    return f"After a return, {data['unifiedTargetGroupDetails']['targetGroupName']} is no longer reached."


def _cycle(data: Data) -> str:
    return f"{data['targetDetails']['name']} ({data['targetDetails']['targetPeriodName']})"


def _started(data: Data, _: Names) -> str:
    streak = data["streakStartData"][0]
    return f"You take part in {streak['streakName']}, from {day_text(streak['startDate'][:10])} on."


def _enrolled(data: Data, _: Names) -> str:
    return f"You have joined {data['streakEnrolmentData'][0]['streakName']}."


def _unenrolled(data: Data, _: Names) -> str:
    return f"You have left {data['streakUnEnrolmentData'][0]['streakName']}."


def _level(data: Data, names: Names) -> str:
    streak = data["streakData"][0]
    counted = f"{streak['userCurrentStreakValue']} {names.in_a_row(streak['streakName'])}"
    return f"{counted} in {streak['streakName']}: {streak['streakLevelName']}."


def _level_lost(data: Data, _: Names) -> str:
    streak = data["streakData"][0]
    start = "After a return, " if data["triggeringActivity"]["name"] == "ReturnBill" else ""
    return f"{start}{streak['streakLevelName']} in {streak['streakName']} is no longer reached."


def _at_risk(data: Data, names: Names) -> str:
    streak, target = data["streakAtRiskData"][0], data["targetDetails"]
    missing = names.target_value(target["id"], Decimal(streak["missingTargetValue"]))
    run = f"{streak['userCurrentStreakValue']} {names.in_a_row(streak['streakName'])}"
    return f"{missing} more in {target['name']} until {streak['endDate']} keeps your {run} in {streak['streakName']}."


def _ended(data: Data, names: Names) -> str:
    streak = data["streakEndData"][0]
    counted = f"{streak['userStreakValueByTheEnd']} {names.in_a_row(streak['streakName'])}"
    return f"{streak['streakName']} has ended; you had {counted}."


def _joined(data: Data) -> str:
    name = " ".join(filter(None, (data["firstName"], data["lastName"])))
    return f"Welcome, {name}." if name else "Welcome."


def _changed(data: Data) -> str:
    fields = ", ".join(one["fieldName"] for one in data["updatedFields"])
    return f"We have updated your profile: {fields}." if fields else "Your profile is as it was."


def _paid(data: Data) -> str:
    amount = major_money(Decimal(str(data["amount"])), data["currencyCode"])
    if data["billType"] == "RETURN":
        over = data.get("amountBeyondBill")
        beyond = (
            "" if over is None else f" {major_money(Decimal(str(over)), data['currencyCode'])} is more than was left."
        )
        return f"We have recorded your return of {amount} of bill {data['returnedBillNumber']}.{beyond}"
    return f"We have recorded your purchase of {amount}, bill {data['billNumber']}."


def _bill_changed(data: Data) -> str:
    status = f" It is {data['deliveryStatus'].lower()}." if data["deliveryStatus"] else ""
    return f"We have corrected your purchase.{status}"


def _merged(data: Data) -> str:
    victim = data["victimCustomerIdentifiers"]["customerId"]
    return f"We have put what you had as customer {victim} together with what you have here."


HOUSE: Final[dict[EventName, Callable[[Data], str]]] = {
    EventName.CUSTOMER_ADDED: _joined,
    EventName.CUSTOMER_UPDATED: _changed,
    EventName.LOYALTY_CUSTOMER_MERGE: _merged,
    EventName.TRANSACTION_ADDED: _paid,
    EventName.TRANSACTION_UPDATED: _bill_changed,
}
"""Events that belong to no program."""

IN_PROGRAM: Final[dict[EventName, Callable[[Data, Names], str]]] = {
    EventName.POINTS_ISSUED: _issued,
    EventName.POINTS_REDEEMED: _redeemed,
    EventName.PROMISED_TO_CURRENT_POINTS_CONVERSION: _converted,
    EventName.POINTS_EXPIRED: _expired,
    EventName.POINTS_EXPIRY_REMINDER: _reminder,
    EventName.SINGLE_POINTS_EXPIRY_UPDATED: _expiry_updated,
    EventName.REDEEMED_POINTS_REVERSED: _redemption_reversed,
    EventName.ISSUED_POINTS_REVERSED: _reversed,
    EventName.ALTERNATE_CURRENCIES_ISSUED: _alternates_issued,
    EventName.ISSUED_ALTERNATE_CURRENCIES_REVERSED: _alternates_reversed,
    EventName.POINTS_TRANSFERRED_INITIATED: _given,
    EventName.POINTS_TRANSFERRED_RECEIVED: _received,
    EventName.TIER_UPGRADED: _upgraded,
    EventName.TIER_RENEWED: _renewed,
    EventName.TIER_DOWNGRADED: _downgraded,
    EventName.TIER_DOWNGRADE_REMINDER: _tier_ends,
    EventName.TIER_APPROACHING: _tier_near,
    EventName.TARGET_ACHIEVED_VALUE_UPDATED: _value_updated,
    EventName.TARGET_VALUE_ACHIEVED: _value_achieved,
    EventName.STREAK_CUSTOMER_ENROLMENT: _enrolled,
    EventName.STREAK_CUSTOMER_UN_ENROLMENT: _unenrolled,
    EventName.TARGET_VALUE_UPDATED: _target_changed,
    EventName.UNIFIED_TARGETS_ACHIEVED: _unified,
    EventName.UNIFIED_TARGETS_UN_ACHIEVED: _unified_lost,
    EventName.TARGET_PERIOD_START: _cycle_began,
    EventName.TARGET_PERIOD_END: _cycle_ended,
    EventName.TARGET_CUSTOMER_ENROLMENT: _target_enrolled,
    EventName.STREAK_START: _started,
    EventName.STREAK_LEVEL_ACHIEVED: _level,
    EventName.STREAK_LEVEL_UN_ACHIEVED: _level_lost,
    EventName.STREAK_END: _ended,
    EventName.STREAK_AT_RISK: _at_risk,
}
"""Events of one program."""
