"""Personal data is sealed before it gets into the journal, in orgs that want that."""

from __future__ import annotations

import json
from typing import Any

from pipeline.intake.dialects.native import normalise
from pipeline.intake.org_settings import known
from pipeline.intake.personal import is_readable
from pipeline.intake.verdict import Accepted, Limits
from pipeline.sealing import Keys, root_of, subject_of
from schemas.records import CustomerAdded, CustomerRecord, CustomerUpdated, Profile, ResolveCustomer, decode_record
from tests.intake.incoming import LIMITS, ORG, WALL, Sent, example

KEYS = Keys({root_of(100): b"r" * 32})
SEALED = LIMITS._replace(orgs={100: known(ORG.model_copy(update={"personal_data": "sealed"}))}, keys=KEYS)
PERSON = {
    "firstName": "Jo",
    "lastName": "Woźniak",
    "mobile": "07911 123456",
    "email": "Jo@Example.com",
    "externalId": "X1",
    "loyaltyType": "loyalty",
    "channel": "INSTORE",
    "extended": {"shoe": "38", "empty": "", "timeZone": "Europe/Warsaw"},
}


def record(limits: Limits, kind: str = "customerAdded", **changes: Any) -> CustomerRecord:
    message = {"type": kind, "orgId": 100, "customerId": 4711, "eventTime": WALL, "id": "c"} | PERSON | changes
    verdict = normalise(Sent(json.dumps(message).encode()), wall=WALL, limits=limits)
    assert isinstance(verdict, Accepted), verdict
    assert isinstance(verdict.record, CustomerRecord)
    return verdict.record


def opened(profile: Profile) -> Profile:
    extended = {name: KEYS.open_text(value, 100) for name, value in profile.extended.items()}
    texts = {name: getattr(profile, name) for name in Profile.__struct_fields__ if name != "extended"}
    return Profile(**{name: KEYS.open_text(value, 100) for name, value in texts.items()}, extended=extended)


def test_all_but_type_channel_and_zone_is_sealed_and_opens_as_it_came() -> None:
    plain, sealed = record(LIMITS), record(SEALED)
    assert isinstance(plain, CustomerAdded)
    assert isinstance(sealed, CustomerAdded)
    profile = sealed.profile
    assert (profile.loyalty_type, profile.channel, profile.extended["timeZone"], profile.extended["empty"]) == (
        "loyalty",
        "INSTORE",
        "Europe/Warsaw",
        "",
    )
    assert all(
        one.startswith("sealed:1:1267:") for one in (profile.first_name, profile.email, profile.extended["shoe"])
    )
    for value in ("Jo", "Woźniak", "911123", "Example", "'X1'", "'38'"):
        assert value not in str(sealed)
    assert opened(profile) == plain.profile
    assert (plain.digest, 0) != (sealed.digest, sealed.digest), "a digest of ten digits could be guessed"
    assert record(SEALED) == sealed, "a copy is a copy"


def test_an_update_is_sealed_and_what_it_clears_is_named() -> None:
    update = record(SEALED, "customerUpdated", clear=["lastName", "extended.shoe"], lastName="", extended={})
    assert isinstance(update, CustomerUpdated)
    assert update.clear == ("last_name", "extended.shoe")
    assert (update.profile.last_name, update.profile.extended) == ("", {})
    assert opened(update.profile).first_name == "Jo"


def test_of_an_erased_customer_nothing_personal_is_taken() -> None:
    secrets = {name: secret for name, secret in KEYS.without(100, 4711).items() if secret is not None}
    late = record(SEALED._replace(keys=Keys(secrets)))
    assert isinstance(late, CustomerAdded)
    left = {"timeZone": "Europe/Warsaw", "empty": ""}
    assert late.profile == Profile(loyalty_type="loyalty", channel="INSTORE", extended=left)


def test_a_message_by_an_identifier_alone_is_sealed_under_its_own_place() -> None:
    resolve = record(SEALED, customerId=None, identifiers={"email": "jo@example.com"})
    assert isinstance(resolve, ResolveCustomer)
    assert b"Jo" not in resolve.record
    inner = decode_record(resolve.record)
    assert isinstance(inner, CustomerAdded)
    assert f":{subject_of('loyalty.transactions:2:7'):x}:" in inner.profile.first_name
    assert inner.digest == record(SEALED).digest, "a copy is a copy, whatever names the customer"
    assert opened(inner.profile).first_name == "Jo"


def test_records_with_readable_personal_data_are_recognised() -> None:
    assert is_readable(record(LIMITS))
    assert is_readable(record(LIMITS, firstName="", lastName="", mobile="", email="", externalId=""))
    assert not is_readable(record(SEALED))
    nothing = dict.fromkeys(("firstName", "lastName", "mobile", "email", "externalId"), "")
    assert not is_readable(record(LIMITS, **nothing, extended={"timeZone": "Europe/Warsaw", "empty": ""}))
    bill = normalise(Sent(json.dumps(example("transactionAdded")).encode()), wall=WALL, limits=LIMITS)
    assert isinstance(bill, Accepted)
    assert not is_readable(bill.record)


def test_other_records_orgs_and_places_are_as_they_were() -> None:
    bill = json.dumps(example("transactionAdded")).encode()
    assert normalise(Sent(bill), wall=WALL, limits=SEALED) == normalise(Sent(bill), wall=WALL, limits=LIMITS)
    assert record(LIMITS._replace(keys=KEYS)) == record(LIMITS), "an org that keeps them readable"
    assert record(SEALED._replace(keys=None)) == record(LIMITS), "nothing is stored where there are no keys"
    assert record(SEALED._replace(orgs={})) == record(LIMITS), "an org without settings"
