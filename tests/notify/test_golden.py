"""Notifications match the Capillary event schemas, and do not change unnoticed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from schemas.notifications import EventName
from tests.notify.golden import GOLDEN, PROFILES, body_of, path_of, pretty
from tests.notify.seed_samples import Shape, identifier_keys, normalised, published, shape_of

ENVELOPE_FIELDS = {
    "flat": {"eventName", "eventId", "orgId", "refId", "apiRequestId", "createdAt", "data", "loyaltyEventId"},
    "wrapped": {
        "eventId",
        "eventType",
        "consumerGroupId",
        "actionType",
        "timeStamp",
        "attributes",
        "attributes.createdAt",
        "attributes.data",
        "attributes.eventName",
        "attributes.refId",
        "attributes.apiRequestId",
        "attributes.orgId",
        "attributes.loyaltyEventId",
    },
}
"""Some samples lack a field (issuedPointsReversed has no eventId); in these two profiles, ours have all of them."""

NOT_JSON: dict[EventName, set[str]] = {
    EventName.ALTERNATE_CURRENCIES_ISSUED: {"apiRequestId", "createdAt"},
    EventName.ISSUED_ALTERNATE_CURRENCIES_REVERSED: {"apiRequestId", "createdAt"},
}
"""What we add to samples that are no JSON as published, so that they are no ground for what there is not."""

EXTENSIONS: dict[EventName, set[str]] = {
    EventName.CUSTOMER_UPDATED: {
        # The sample's list is empty; requestUpdated has `{fieldName, previousValue, currentValue}`; ours only names.
        "updatedFields[]",
        "updatedFields[].fieldName",
    },
    EventName.TRANSACTION_ADDED: {"grossAmount"},  # in the page's table, not in its sample
    EventName.TRANSACTION_UPDATED: {"billNumber", "lineItemCount", "currencyCode"},  # likewise
    EventName.POINTS_ISSUED: {  # which rule gave how many points
        "awards",
        "awards[]",
        "awards[].issuedFor",
        "awards[].ruleId",
        "awards[].points",
        # The sample has no promised points: these are named as those of alternate currencies are.
        "promisedPointsIssued[]",
        "promisedPointsIssued[].promisedPoints",
        "promisedPointsIssued[].isExternalTriggerBased",
        "promisedPointsIssued[].promisedPointsConversionDate",
    },
    EventName.PROMISED_TO_CURRENT_POINTS_CONVERSION: {  # the sample's list is empty; as in pointsIssued
        "pointsConvertedBreakup[]",
        "pointsConvertedBreakup[].points",
        "pointsConvertedBreakup[].expiryAt",
    },
    EventName.ALTERNATE_CURRENCIES_ISSUED: {
        "alternateCurrencies[].awards",
        "alternateCurrencies[].awards[]",
        "alternateCurrencies[].awards[].issuedFor",
        "alternateCurrencies[].awards[].ruleId",
        "alternateCurrencies[].awards[].alternateCurrencies",
    },
    # The lists of the samples are empty; as in streakStart.
    EventName.STREAK_CUSTOMER_ENROLMENT: {"streakEnrolmentData[].levelValues[]"},
    EventName.STREAK_CUSTOMER_UN_ENROLMENT: {"streakUnEnrolmentData[].levelValues[]"},
    EventName.STREAK_END: {"streakEndData[].levelsAchievedByTheUser[]"},  # the sample's list is empty
}
"""Fields of our `data` that the sample lacks."""

NO_USER = "triggeringActivity.enteredBy.id"  # records know a store and a till, no user
OMISSIONS: dict[EventName, set[str]] = {
    EventName.CUSTOMER_ADDED: {"enteredBy.id", "enteredBy.till", "enteredBy.store"},
    EventName.CUSTOMER_UPDATED: {"enteredBy.id", "enteredBy.till", "enteredBy.store"},
    EventName.TRANSACTION_ADDED: {
        "enteredBy.id",
        "enteredBy.store.externalId",  # we know a store by one code
        "enteredBy.store.externalId1",
        "enteredBy.store.externalId2",
        "customerIdentifiers.web_engage",
    },
    EventName.TRANSACTION_UPDATED: {"enteredBy.id"},
    EventName.POINTS_ISSUED: {NO_USER},
    EventName.POINTS_REDEEMED: {NO_USER},
    EventName.REDEEMED_POINTS_REVERSED: {NO_USER},
    EventName.ISSUED_POINTS_REVERSED: {NO_USER},
    EventName.ALTERNATE_CURRENCIES_ISSUED: {
        NO_USER,
        "alternateCurrencies[].promisedAlternateCurrenciesIssued[]",  # all of it is regular
        "alternateCurrencies[].promotionalAlternateCurrenciesIssued[]",
    },
    EventName.ISSUED_ALTERNATE_CURRENCIES_REVERSED: {
        NO_USER,
        "alternateCurrencies[].currentEventPromotionAlternateCurrenciesReturnedDetails[]",
        "alternateCurrencies[].promotionalAlternateCurrenciesReversed[]",
    },
    EventName.TIER_DOWNGRADE_REMINDER: {  # a timer: its activity is an empty object, as in pointsExpired
        f"triggeringActivity.{part}"
        for part in ("name", "identifiers", "enteredBy", "entityInformation", "additionalAttributes")
    },
    # What is known of a customer stays with that customer.
    EventName.POINTS_TRANSFERRED_INITIATED: {"transferReceivingCustomerIdentifiers.instore"},
    EventName.POINTS_TRANSFERRED_RECEIVED: {"transferInitiatingCustomerIdentifiers.instore"},
    EventName.TARGET_ACHIEVED_VALUE_UPDATED: {NO_USER},
    EventName.TARGET_VALUE_ACHIEVED: {NO_USER},
}
"""Fields of the sample's `data` that ours lacks, with everything below them."""

INSTORE = {f"customerIdentifiers.instore.{field}" for field in ("mobile", "email", "externalId")}
"""Where a sample has one of these, ours has what is known of the three."""

RATIO = "loyaltyProgramDetails.pointsToCurrencyRatio"
"""A float in the page's tables and in most samples; that of pointsExpiryReminder prints `1`."""

IDENTIFIERS_OF_OTHERS = {
    # The tier samples hold placeholders: `identifiers` is null there, and a bill is named as in pointsIssued.
    EventName.TIER_UPGRADED: EventName.POINTS_ISSUED,
    # The sample is of a target that was met; ours is of a bill, as in pointsIssued.
    EventName.ALTERNATE_CURRENCIES_ISSUED: EventName.POINTS_ISSUED,
    EventName.TIER_RENEWED: EventName.POINTS_ISSUED,
    EventName.TIER_DOWNGRADED: EventName.POINTS_ISSUED,
}


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("event", EventName)
def test_rendered_json_is_the_golden_file(event: EventName, profile: str) -> None:
    assert pretty(body_of(event, profile)) == path_of(event, profile).read_text()


def test_there_is_no_golden_file_of_an_event_we_do_not_send() -> None:
    assert set(GOLDEN.iterdir()) == {path_of(event, profile) for event in EventName for profile in PROFILES}


@pytest.mark.parametrize("event", EventName)
def test_every_field_of_our_data_is_in_the_published_sample(event: EventName) -> None:
    ours, sample = shape_of(our_data(event)), shape_of(sample_data(event))
    known = INSTORE if INSTORE & sample.keys() else set()
    unknown = {path for path in ours if path not in {*sample, *known} and not is_below_null(path, sample)}
    assert unknown == EXTENSIONS.get(event, set())


@pytest.mark.parametrize("event", EventName)
def test_every_field_of_the_published_sample_is_in_our_data(event: EventName) -> None:
    ours, sample = shape_of(our_data(event)), shape_of(sample_data(event))
    missing = {path for path in sample if path not in ours}
    highest = {path for path in missing if not any(path.startswith((f"{up}.", f"{up}[")) for up in missing)}
    assert highest == OMISSIONS.get(event, set())


@pytest.mark.parametrize("event", EventName)
def test_every_field_has_the_published_type(event: EventName) -> None:
    ours, sample = shape_of(our_data(event)), shape_of(sample_data(event))
    different = {
        path: (kind, sample[path])
        for path, kind in ours.items()
        if path in sample and path != RATIO and not same_type(event, kind, sample[path])
    }
    assert different == {}


@pytest.mark.parametrize("event", EventName)
def test_activities_are_identified_by_the_published_keys(event: EventName) -> None:
    published_keys = identifier_keys(sample_data(IDENTIFIERS_OF_OTHERS.get(event, event)))
    assert identifier_keys(our_data(event)) <= published_keys


@pytest.mark.parametrize("profile", ENVELOPE_FIELDS)
@pytest.mark.parametrize("event", EventName)
def test_envelope_has_the_published_fields_and_the_sequence(event: EventName, profile: str) -> None:
    sequence = "attributes.seq" if profile == "wrapped" else "seq"
    assert envelope_fields(golden(event, profile)) == ENVELOPE_FIELDS[profile] | {sequence}


@pytest.mark.parametrize("event", EventName)
def test_envelope_as_published_is_that_of_the_sample(event: EventName) -> None:
    ours, sample = golden(event, "as-published"), normalised(published(event))
    sequence = "attributes.seq" if "attributes" in sample else "seq"
    assert envelope_fields(ours) == envelope_fields(sample) | {sequence, "eventId"} | NOT_JSON.get(event, set())
    assert traits_of(ours) == traits_of(sample)


def test_data_as_published_is_that_of_the_other_profiles() -> None:
    assert [name for name in EventName if inside(golden(name, "as-published"))["data"] != our_data(name)] == []


@pytest.mark.parametrize("event", EventName)
def test_published_envelope_has_no_field_or_type_that_ours_lacks(event: EventName) -> None:
    sample = normalised(published(event))
    profile = "wrapped" if "attributes" in sample else "flat"
    shape = {path: kind for path, kind in shape_of(sample).items() if path in ENVELOPE_FIELDS[profile]}
    ours = shape_of(golden(event, profile))
    assert envelope_fields(sample) <= ENVELOPE_FIELDS[profile]
    assert {
        path: (ours[path], kind)
        for path, kind in shape.items()
        if path != "consumerGroupId" and not same_type(event, ours[path], kind)  # null in most samples, and in ours
    } == {}


@pytest.mark.parametrize("event", EventName)
def test_both_envelopes_carry_the_same_event(event: EventName) -> None:
    flat, wrapped = golden(event, "flat"), golden(event, "wrapped")
    attributes = wrapped["attributes"]
    assert {**attributes, "eventId": wrapped["eventId"]} == flat
    assert wrapped["eventType"] == event


def golden(event: EventName, profile: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path_of(event, profile).read_text())
    return document


def inside(document: dict[str, Any]) -> dict[str, Any]:
    """The envelope with the data: the whole of a flat notification."""
    attributes: dict[str, Any] = document.get("attributes", document)
    return attributes


def envelope_fields(document: dict[str, Any]) -> set[str]:
    return {path for path in shape_of(document) if ".data." not in path and not path.startswith("data.")}


def traits_of(document: dict[str, Any]) -> dict[str, object]:
    """What the values of an envelope have in common with those of the sample."""
    envelope = inside(document)
    data, org_id = envelope["data"], f"{envelope['orgId']:.0f}"
    named = {str(data.get("transactionId")): "transaction", str(data["customerIdentifiers"]["customerId"]): "customer"}
    return {
        "eventType": document.get("eventType", "").replace(org_id, "org"),
        "loyaltyEventId": envelope.get("loyaltyEventId", "none") and "text",
        "refId": named.get(envelope["refId"].removeprefix(f"{org_id}_"), "other"),
    }


def our_data(event: EventName) -> object:
    return golden(event, "flat")["data"]


def sample_data(event: EventName) -> object:
    return inside(normalised(published(event)))["data"]


def is_below_null(path: str, sample: Shape) -> bool:
    """Whether the path is below a field of which the sample shows only null."""
    return any(kind == "null" and path.startswith((f"{up}.", f"{up}[")) for up, kind in sample.items())


def same_type(event: EventName, ours: str, published_type: str) -> bool:
    if published_type == "null":
        return True
    if event.startswith("tier") and {ours, published_type} == {"integer", "number"}:
        return True  # the tier samples are mock data in which every number became a float, orgId included
    return ours == published_type
