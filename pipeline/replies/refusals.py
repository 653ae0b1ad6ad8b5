"""Tells refusals as sentences, each with what to do."""

from __future__ import annotations

from typing import Final

from schemas.facts import Refusal

REASONS: Final[dict[Refusal, tuple[str, str]]] = {
    Refusal.ID_REUSED: (
        "the id {subject} came before with other content",
        "give every message an id of its own, and send a correction as a new message",
    ),
    Refusal.TOO_OLD: (
        "the event is older than the time for which ids are remembered",
        "send events sooner, or raise repeat_window_days in the program",
    ),
    Refusal.TOO_MANY: (
        "the customer has more records in the window, or the bill more returns, than are remembered",
        "check whether one customer id stands for many people",
    ),
    Refusal.CUSTOMER_UNKNOWN: (
        "the customer is not registered",
        "send customerAdded first, or set add_customers: true in the program",
    ),
    Refusal.CUSTOMER_EXISTS: (
        "the customer is registered already, and this brings nothing new",
        "nothing needs to be done",
    ),
    Refusal.CUSTOMER_MERGED: (
        "the customer was merged into customer {subject}",
        "name that customer",
    ),
    Refusal.MERGE_UNDER_WAY: (
        "a merge with customer {subject} is not done yet, or too many customers were merged",
        "wait for its reply, and ask again",
    ),
    Refusal.TRANSACTION_UNKNOWN: (
        "no bill {subject} of this store waits for a customer",
        "check store and number; a bill is assigned once, within 30 days",
    ),
    Refusal.TRANSACTION_ASSIGNED: (
        "bill {subject} of this store has a customer already",
        "nothing needs to be done, or return it and sell it again",
    ),
    Refusal.EVENT_EXISTS: (
        "an event with the same unique key came before",
        "nothing needs to be done: it counts once for ever",
    ),
    Refusal.POINTS_HELD: (
        "points of the customer who is to be merged are put aside",
        "release or confirm what is held, let transfers be answered, and ask again",
    ),
    Refusal.IDENTIFIERS_IN_BACKFILL: (
        "history is being loaded, and this names no customer id",
        "look the customers up first, and send the customer id",
    ),
    Refusal.IDENTITY_KEY_DIFFERS: (
        "identifiers of this org are hashed with the key {subject}, and this is another one",
        "start every worker with the ACCRUE_IDENTITY_KEY that the first one had",
    ),
    Refusal.TOO_MANY_HELD: (
        "as many messages of this org as are kept wait for customers",
        "register customers with their identifiers, or send customer ids",
    ),
    Refusal.HOLD_ENDED: (
        "nobody was known by its identifiers in time",
        "register the customer, and send it again with the customer id",
    ),
    Refusal.IDENTIFIER_UNKNOWN: (
        "nobody is known by the {subject}, and as many messages as are kept wait for somebody who is",
        "register the customer with it, or send the customer id",
    ),
    Refusal.PROFILE_TOO_LARGE: ("the profile would be too large", "send fewer or shorter extended fields"),
    Refusal.PROGRAM_UNKNOWN: (
        "the org has no program {subject}",
        "correct programId, or put the program in force first",
    ),
    Refusal.CURRENCY_UNKNOWN: (
        "the program does not know the currency {subject}, or gives it no more",
        "send the money of the program for a bill or a return, and for points one of its currencies",
    ),
    Refusal.BILL_EXISTS: (
        "the customer has a bill {subject} already",
        "give each bill a number of its own, with store and till in it where they count separately",
    ),
    Refusal.BILL_UNKNOWN: (
        "the customer has no bill {subject} that can be returned",
        "send the bill before its return, and the return within the window of the program (returns.window_days)",
    ),
    Refusal.RETURN_BEFORE_BILL: (
        "this was made before the bill {subject} was paid",
        "check the clocks of the tills; what is about an earlier bill with that number no longer counts",
    ),
    Refusal.RETURN_EXISTS: (
        "the return document {subject} came before for this bill",
        "send a return document once, and give each one a number of its own (billNumber)",
    ),
    Refusal.BILL_RETURNED: ("all of bill {subject} has been returned already", "check ofBill of the return"),
    Refusal.LINES_UNKNOWN: (
        "nothing is left on bill {subject} of the lines that the return names",
        "name lines by the lineId or the sku that they have on the bill, and for at most what was paid",
    ),
    Refusal.SUPERSEDED: (
        "a later update of the bill {subject} came before",
        "nothing needs to be done: the bill is as the later one says",
    ),
    Refusal.UPDATE_CHANGES_NOTHING: (
        "the bill {subject} is as this says already",
        "nothing needs to be done",
    ),
    Refusal.RETURNED_MORE: (
        "more of the bill {subject} came back than this update leaves of it",
        "check the amount; to cancel the whole bill, write 0",
    ),
    Refusal.LINES_MISSING: (
        "the bill {subject} came with lines, and this update of its amount has none",
        "send all lines of the bill as they are now, since rules look at them",
    ),
    Refusal.POINTS_NOT_POSITIVE: ("{subject} points are nothing to redeem", "send a number above zero"),
    Refusal.BELOW_MINIMUM: (
        "{subject} points are fewer than can be redeemed at once",
        "redeem at least redemption.minimum_points of the program (or of the currency), or lower it there",
    ),
    Refusal.LOT_UNKNOWN: (
        "the customer has no points in a lot {subject} of this currency",
        "write the numbers of lots that are open, as accrue customer --json shows them",
    ),
    Refusal.EXPIRY_PASSED: (
        "the date {subject} is over",
        "write a date from today on; expirePoints lets points expire now",
    ),
    Refusal.NOTHING_CHANGES: (
        "no points would change",
        "EXTEND needs a date after theirs and EARLY one before, and expirePoints needs points that are not held",
    ),
    Refusal.AWARD_UNKNOWN: (
        "no award that can be cancelled is known of {subject}",
        "name the bill (while it can be returned), the event, milestone and cycle, or streak and level that gave it",
    ),
    Refusal.AWARD_CANCELLED: ("nothing is left of what {subject} gave", "nothing needs to be done"),
    Refusal.PROMISE_UNKNOWN: (
        "no points are promised for {subject}, or not in the lots that are named",
        "write what they were promised for as reference: the number of the bill, the reference or id of the event",
    ),
    Refusal.HOLD_UNKNOWN: (
        "nothing that this can end is held as {subject}",
        "write the id of the blockPoints, or of the redeemPoints, that put the points aside; what ended is given back",
    ),
    Refusal.HOLD_EXISTS: ("points are held as {subject} already", "give every request an id of its own"),
    Refusal.TOO_MANY_HOLDS: (
        "as many holds of the customer are open as can be kept",
        "release some first, and give blocks an end (until)",
    ),
    Refusal.REDEMPTION_EXISTS: (
        "a redemption {subject} came before and can still be taken back",
        "give every redemption an id of its own",
    ),
    Refusal.REDEMPTION_UNKNOWN: (
        "there is no redemption {subject} in the program that can be taken back",
        "write the id of the redeemPoints as redemptionId, and send it within redemption.reversible_days",
    ),
    Refusal.REDEMPTION_REVERSED: ("all of the redemption {subject} has been taken back", "nothing needs to be done"),
    Refusal.REVERSAL_TOO_LARGE: (
        "fewer than {subject} points of the redemption are left",
        "take back at most what is left, or leave points out for all of it",
    ),
    Refusal.STREAK_UNKNOWN: (
        "the program has no streak {subject}",
        "send the id of a streak of the program that is not retired",
    ),
    Refusal.STREAK_OVER: ("the streak {subject} is over", "nothing needs to be done"),
    Refusal.STREAK_ENROLLED: ("the customer takes part in the streak {subject} already", "nothing needs to be done"),
    Refusal.STREAK_NOT_ENROLLED: (
        "the customer takes no part in the streak {subject}",
        "send enrolStreak first, or wait for the first record that counts",
    ),
    Refusal.STREAK_PAUSED: ("the streak {subject} is paused already", "nothing needs to be done"),
    Refusal.STREAK_NOT_PAUSED: ("the streak {subject} is not paused", "nothing needs to be done"),
    Refusal.TOO_MANY_FREEZES: (
        "as many stretches of the streak {subject} are frozen as can be kept",
        "freeze fewer and longer stretches",
    ),
    Refusal.MILESTONE_UNKNOWN: (
        "the program has no milestone {subject}, or it is retired",
        "name the id of a milestone of the program",
    ),
    Refusal.ENROLLED_ALREADY: (
        "the customer is in the milestone {subject} already",
        "nothing needs to be done; a milestone without `enrolment` has everybody in it",
    ),
    Refusal.NOT_ENROLLED: ("the customer is not in the milestone {subject}", "nothing needs to be done"),
    Refusal.TARGET_UNCHANGED: (
        "the milestone {subject} asks that of the customer already",
        "nothing needs to be done",
    ),
    Refusal.SAME_CUSTOMER: (
        "the points are to go to customer {subject}, who has them",
        "write the customer who is to receive them as toCustomerId",
    ),
    Refusal.RECEIVER_FRAUD: (
        "the customer who is to receive the points is marked for fraud",
        "send customerStatus with ACTIVE for them first, if that was a mistake",
    ),
    Refusal.RECEIVER_BLOCKED: (
        "the customer who is to receive the points is blocked",
        "send customerStatus with ACTIVE for them first",
    ),
    Refusal.IN_BACKFILL: (
        "history is being loaded, which has both sides of a transfer as records of their own",
        "send adjustPoints for both customers, or send the transfer once the backfill has ended",
    ),
    Refusal.CUSTOMER_FRAUD: (
        "the customer is marked for fraud",
        "send customerStatus with ACTIVE first, if that was a mistake",
    ),
    Refusal.CUSTOMER_BLOCKED: ("the customer is blocked", "send customerStatus with ACTIVE first"),
    Refusal.STATUS_OUTDATED: (
        "the customer was made {subject} later than that",
        "send the status with the time at which it was set",
    ),
    Refusal.NOT_A_MULTIPLE: (
        "{subject} points are no multiple of what is redeemed at a time",
        "redeem a multiple of redemption.multiple_of of the program",
    ),
    Refusal.ABOVE_MAXIMUM: (
        "{subject} points are more than can be redeemed at once",
        "redeem at most redemption.maximum_points of the program, or raise it there",
    ),
    Refusal.LIFETIME_POINTS_TOO_LOW: (
        "the customer has been awarded fewer than {subject} points in all",
        "redeem later, or lower redemption.minimum_lifetime_points of the program",
    ),
    Refusal.LIFETIME_PURCHASES_TOO_LOW: (
        "the customer has bought for less than {subject} minor units in all",
        "redeem later, or lower redemption.minimum_lifetime_purchases_minor of the program",
    ),
    Refusal.TOTAL_TOO_LARGE: (
        "what is kept of the customer would grow beyond what can be stored",
        "check whether one customer id stands for many people, or amounts are in the wrong unit",
    ),
    Refusal.TIER_UNKNOWN: (
        "the program has no tier {subject} that could be given",
        "send the id of a tier of the program that is not retired",
    ),
    Refusal.TIER_NOT_ASSIGNED: ("nobody gave the customer a tier", "nothing needs to be done"),
    Refusal.DATE_PASSED: (
        "{subject} would have ended already",
        "send a date that is still to come in until, or leave it out",
    ),
    Refusal.BALANCE_TOO_LOW: ("the balance is below {taken} points", "redeem, give or take away at most the balance"),
}
"""What each means and what to do about it."""


def told(reason: str, subject: str) -> str:
    """The refusal as a sentence with its remedy."""
    meaning, remedy = REASONS[Refusal[reason.upper()]]
    return f"{meaning.format(subject=subject, taken=subject.removeprefix('-'))} ({reason}); {remedy}"
