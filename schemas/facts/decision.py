"""The base of decisions: a kind, which is a small number on the wire, and an envelope with the cause."""

from __future__ import annotations

from enum import IntEnum

import msgspec


class Reason(IntEnum):
    """A reason that decisions give. Its numbers stand on the wire: given once, never used again."""

    @property
    def text(self) -> str:
        """The name that people and queries use, such as `balance_too_low`."""
        return self.name.lower()


class Refusal(Reason):
    """Why a record had no effect, in order of precedence: the first that applies is given.

    The numbers stand on the wire: a new reason gets a number that was never used. The order of precedence is the order
    of the members here, not that of the numbers.
    """

    ID_REUSED = 1
    """The same id came before with other content."""
    TOO_OLD = 2
    """The event time lies before the window in which ids are remembered, so a duplicate could not be detected."""
    TOO_MANY = 3
    """The customer has more records in the window than ids can be remembered, or a bill more return documents."""
    CUSTOMER_UNKNOWN = 4
    """No customer of that id, and no program of the org adds customers by their first record."""
    CUSTOMER_EXISTS = 5
    """The customer is registered already, and the registration brings nothing new."""
    PROFILE_TOO_LARGE = 6
    """The profile would have more extended fields, or more bytes, than are kept."""
    PROGRAM_UNKNOWN = 7
    """The org has no such program in force."""
    CURRENCY_UNKNOWN = 8
    """The program has no such money or points currency."""
    BILL_EXISTS = 9
    """A bill of that number exists already and can still be returned."""
    BILL_UNKNOWN = 10
    """This customer has no such bill, or it can no longer be returned."""
    RETURN_BEFORE_BILL = 16
    """The return or update was made before the bill of that number was paid."""
    RETURN_EXISTS = 15
    """A return document of that number came before for this bill."""
    BILL_RETURNED = 11
    """Nothing of the bill is left to return."""
    LINES_UNKNOWN = 50
    """Nothing is left of the lines that the return names, or the bill has no such lines."""
    SUPERSEDED = 71
    """A later update of the bill came before."""
    UPDATE_CHANGES_NOTHING = 70
    """The update says nothing that is not known already."""
    RETURNED_MORE = 73
    """More of the bill came back than the update leaves of it."""
    LINES_MISSING = 72
    """The bill came with lines, and the update that changes its amount has none."""
    CUSTOMER_FRAUD = 37
    """The customer is marked for fraud and redeems nothing."""
    CUSTOMER_BLOCKED = 38
    """The customer is blocked and redeems nothing."""
    STATUS_OUTDATED = 43
    """The customer was given another status later than that."""
    POINTS_NOT_POSITIVE = 12
    BELOW_MINIMUM = 13
    """Fewer points than the program redeems at once."""
    NOT_A_MULTIPLE = 39
    """Points are redeemed in multiples of a number that the program names."""
    ABOVE_MAXIMUM = 40
    """More points than the program redeems at once."""
    LIFETIME_POINTS_TOO_LOW = 41
    """The customer has been awarded fewer points than the program asks for before it redeems."""
    LIFETIME_PURCHASES_TOO_LOW = 42
    """The customer has bought less than the program asks for before it redeems."""
    BALANCE_TOO_LOW = 14
    LOT_UNKNOWN = 21
    """The customer has no lot of that number with points in it."""
    EXPIRY_PASSED = 22
    """The date on which points are to expire is over."""
    NOTHING_CHANGES = 23
    """No points would expire, or none on another date."""
    AWARD_UNKNOWN = 80
    """The bill has no such award, or it can no longer be cancelled by its bill."""
    AWARD_CANCELLED = 81
    """Nothing of the award is left: it was cancelled or taken back before."""
    PROMISE_UNKNOWN = 25
    """No points are promised for this reference, or not in these lots."""
    HOLD_UNKNOWN = 30
    """No points are held under that id, or not for something that may be released so."""
    HOLD_EXISTS = 31
    """Points are held under that id already."""
    TOO_MANY_HOLDS = 32
    """As much of the customer is held already as can be kept."""
    REDEMPTION_EXISTS = 33
    """A redemption of that id came before and can still be taken back."""
    REDEMPTION_UNKNOWN = 34
    """The customer has no such redemption, or it can no longer be taken back."""
    REDEMPTION_REVERSED = 35
    """All of the redemption has been taken back."""
    REVERSAL_TOO_LARGE = 36
    """Fewer points of the redemption are left than are to be taken back."""
    TIER_UNKNOWN = 75
    """The program has no such tier, or it is retired."""
    TIER_NOT_ASSIGNED = 76
    """Nobody gave the customer a tier that could be released."""
    DATE_PASSED = 77
    """What is asked for would have ended already."""
    STREAK_UNKNOWN = 100
    """The program has no such streak, or it is retired."""
    STREAK_OVER = 103
    """The streak's window is over."""
    STREAK_ENROLLED = 101
    """The customer takes part in the streak already."""
    STREAK_NOT_ENROLLED = 102
    """The customer takes no part in the streak."""
    STREAK_PAUSED = 104
    """The streak is paused already."""
    STREAK_NOT_PAUSED = 105
    """The streak is not paused."""
    TOO_MANY_FREEZES = 106
    """As many stretches of the streak are frozen as can be kept."""
    MILESTONE_UNKNOWN = 90
    """The program has no such milestone, or it is retired."""
    ENROLLED_ALREADY = 91
    """The customer is in the milestone already, or everybody is."""
    NOT_ENROLLED = 92
    """The customer is not in the milestone."""
    TARGET_UNCHANGED = 93
    """The target is what is asked for already."""
    SAME_CUSTOMER = 60
    """Points are to be transferred to the customer who has them."""
    IN_BACKFILL = 61
    """History is being loaded, and has both sides of a transfer as records of their own."""
    RECEIVER_FRAUD = 82
    """The receiver of a transfer is marked for fraud."""
    RECEIVER_BLOCKED = 83
    """The receiver of a transfer is blocked."""
    CUSTOMER_MERGED = 165
    """The customer was merged into another one."""
    MERGE_UNDER_WAY = 166
    """A merge of the customer is not done yet."""
    POINTS_HELD = 167
    """Points of the customer are put aside: what holds them has to end first."""
    EVENT_EXISTS = 168
    """An event with the same unique key came before, and there is one for ever."""
    TRANSACTION_UNKNOWN = 169
    """No bill of that number of the store waits, or has waited lately, for a customer."""
    TRANSACTION_ASSIGNED = 185
    """The bill of that number of the store has waited for a customer, and has one."""
    IDENTITY_KEY_DIFFERS = 180
    """Identifiers are hashed with another key than those of the org."""
    IDENTIFIER_UNKNOWN = 130
    """Nobody is known by the identifiers of the record, and as many records as are held wait for somebody who is."""
    TOO_MANY_HELD = 179
    """As many records of the org as are kept wait for customers."""
    HOLD_ENDED = 178
    """It has waited, and nobody was known by its identifiers in time."""
    IDENTIFIERS_IN_BACKFILL = 131
    """History is being loaded, and must name its customers by id."""
    TOTAL_TOO_LARGE = 20
    """Points, purchases or open lots of the customer would grow beyond what can be stored."""


class Decision(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the engine decided, in the past tense. On the wire an array: the number of its kind, then its fields.

    Kinds and fields are only ever appended, fields with defaults; a number is given once and never used again.
    """


class Envelope(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the decisions of one group have in common."""

    cause: str
    """`recordType:id` of the record, or `timerKind:subject:dueInstant` of the timer, that led to it."""
    at: int
    """Effective time: the record's event time, or the instant the timer was due."""
    as_of: int
    """The customer's clock at the decision, never before `at`'s timers: it decides which program version holds."""
    program_id: int = 0
    """0 for decisions about the customer as such."""
    version: int = 0
    """The program's version in force at `as_of`."""
    correction_of: str = ""
    """The cause that these decisions correct."""
    via: str = ""
    """`customerId:at:cause` of the decision that began it all, where a request led to these decisions."""
