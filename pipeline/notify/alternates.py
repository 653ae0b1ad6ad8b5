"""Notifications about currencies beside the points of a program: several of them in one event.

Amounts are whole numbers where the currency has no decimals, as in the published samples.
"""

from __future__ import annotations

from pipeline.notify.activity import triggered_by
from pipeline.notify.context import Context
from pipeline.notify.numbers import date_text
from pipeline.notify.program_view import CurrencyView
from pipeline.notify.shared import points_fields, taken_back_by
from schemas.facts import (
    AlternatePointsIssued,
    AlternatePointsReversed,
    Awaits,
    Envelope,
    LotOpened,
    LotPromised,
    PointsIssued,
    PointsReversed,
)


def alternate_currencies_issued(
    decision: AlternatePointsIssued, envelope: Envelope, context: Context
) -> dict[str, object]:
    """The `data` of alternateCurrenciesIssued: regular or promised. `awards` is ours, as in pointsIssued."""
    program = context.program_of(envelope)
    return {
        **points_fields(envelope, context),
        "alternateCurrencies": [
            _issued(currency, program.alternates[currency.currency]) for currency in decision.currencies
        ],
    }


def alternate_currencies_reversed(
    decision: AlternatePointsReversed, envelope: Envelope, context: Context
) -> dict[str, object] | None:
    """The `data` of issuedalternateCurrenciesReversed; None if the return found nothing left to take.

    RULE: as in issuedPointsReversed, `…Reversed` is cumulative for the bill, `currentEvent…` is this return.
    """
    program = context.program_of(envelope)
    taken = [
        _reversed(currency, program.alternates[currency.currency])
        for currency in decision.currencies
        if currency.points
    ]
    if not taken:
        return None
    activity = taken_back_by(envelope, context, decision.currencies[0].of_bill)
    return {
        **points_fields(envelope, context),
        "triggeringActivity": triggered_by(activity, entity=context.entity),
        "alternateCurrencies": taken,
    }


def _issued(issued: PointsIssued, currency: CurrencyView) -> dict[str, object]:
    return {
        **currency.fields,
        "programCurrentAlternateCurrencies": currency.amount(issued.balance),
        "programLifetimeAlternateCurrencies": currency.amount(issued.lifetime),
        "promisedAlternateCurrenciesIssued": [_promised(lot, currency) for lot in issued.promised_lots],
        "promotionalAlternateCurrenciesIssued": [],
        "regularAlternateCurrenciesBreakup": [_lot(lot, currency) for lot in issued.lots],
        "regularAlternateCurrenciesIssued": currency.amount(issued.current),
        "totalAlternateCurrenciesIssued": currency.amount(issued.points),
        "awards": [
            {
                "issuedFor": award.issued_for.text,
                "ruleId": award.rule_id,
                "alternateCurrencies": currency.amount(award.points),
            }
            for award in issued.awards
        ],
    }


def _lot(lot: LotOpened, currency: CurrencyView) -> dict[str, object]:
    until = {} if lot.expires_on is None else {"expiryAt": date_text(lot.expires_on)}
    return {"alternateCurrencies": currency.amount(lot.points), **until}


def _promised(lot: LotPromised, currency: CurrencyView) -> dict[str, object]:
    dated = lot.awaits is Awaits.DATE and lot.due_on is not None
    on = {"promisedAlternateCurrenciesConversionDate": date_text(lot.due_on or 0)} if dated else {}
    return {
        "promisedAlternateCurrencies": currency.amount(lot.points),
        "isExternalTriggerBased": lot.awaits is not Awaits.DATE,
        **on,
    }


def _reversed(taken_back: PointsReversed, currency: CurrencyView) -> dict[str, object]:
    promised, owed = taken_back.promised_reversed_of_bill, taken_back.owed
    others = sum([one.points for one in taken_back.others])
    return {
        "currentEventPromisedAlternateCurrenciesReturned": currency.amount(taken_back.promised),
        "currentEventRegularAlternateCurrenciesReturned": currency.amount(taken_back.current),
        "currentEventTotalAlternateCurrenciesReturned": currency.amount(taken_back.points),
        "currentEventPromotionAlternateCurrenciesReturnedDetails": [],
        **currency.fields,
        "programCurrentAlternateCurrencies": currency.amount(taken_back.balance),
        "programLifetimeAlternateCurrencies": currency.amount(taken_back.lifetime),
        "promisedAlternateCurrenciesReversed": currency.amount(promised),
        "promotionalAlternateCurrenciesReversed": [],
        "regularAlternateCurrenciesReversed": currency.amount(taken_back.reversed_of_bill - promised),
        "totalAlternateCurrenciesReversed": currency.amount(taken_back.reversed_of_bill),
        **({"currentEventOtherLotsAlternateCurrenciesReturned": currency.amount(others)} if others else {}),
        **({"currentEventAlternateCurrenciesOwed": currency.amount(owed)} if owed else {}),
    }
