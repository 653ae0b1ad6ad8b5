"""What a well-formed message becomes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, cast, get_args

import msgspec
import pytest

from pipeline.intake.dialects.naming import input_key
from pipeline.intake.org_settings import known
from pipeline.intake.verdict import Accepted
from pipeline.log.port import Message
from schemas import messages, records
from schemas.records import decode_record, encode_record
from schemas.settings import Org, Store, Till
from tests.intake.incoming import FOLDER, LIMITS, WALL, Sent, example, examples, normalise, taken

SOURCE = "loyalty.transactions:2"
HEAD = (WALL, SOURCE, 7, 100, 4711)
MORNING = 1_741_508_100_000
"""2025-03-09T08:15:00Z"""


@dataclass
class Case:
    kind: str
    record: records.Record


CASES = [
    Case(
        "transactionAdded",
        records.TransactionAdded(
            *HEAD,
            "till-7-000123",
            0,
            MORNING,
            "B-000123",
            1250,
            "GBP",
            (records.Line("BEANS-250", 890, 1, "beans", "1"), records.Line("FLAT-WHITE", 360, 1, "drinks", "2")),
            100,
            1350,
            "SOHO",
            "7",
            "Europe/London",
            None,
            "",
            records.Words(
                (records.Label("scan_id", "123"),),
                (
                    records.LineWords("Santos, 250 g", "Fazenda Alta", (records.Label("roast", "light"),)),
                    records.LineWords(),
                ),
            ),
        ),
    ),
    Case(
        "transactionUpdated",
        records.TransactionUpdated(
            *HEAD,
            "till-7-000123-update-1",
            0,
            1_741_533_000_000,
            "B-000123",
            1450,
            (records.Line("BEANS-250", 890, 1, "beans", "1"), records.Line("CUP", 560, 1, "", "2")),
            0,
            1450,
            "DELIVERED",
        ),
    ),
    Case(
        "transactionReturned",
        records.TransactionReturned(
            *HEAD,
            "till-7-000140",
            0,
            1_741_801_200_000,
            "R-000140",
            "B-000123",
            890,
            "GBP",
            (records.Line("BEANS-250", 890, 1, "beans", "1"),),
            "SOHO",
            "7",
        ),
    ),
    Case(
        "customEvent",
        records.CustomEventReceived(
            *HEAD,
            "app-9f31",
            0,
            1_741_640_730_250,
            "app_review",
            {"stars": 5, "score": "4.5", "verified": True, "text": "the best beans in town"},
        ),
    ),
    Case(
        "customerAdded",
        records.CustomerAdded(
            *HEAD,
            "crm-4711",
            0,
            1_741_508_040_000,
            records.Profile(
                "Zoë",
                "Miller",
                "447700900123",
                "zoe.miller@example.com",
                "CRM-4711",
                "loyalty",
                "INSTORE",
                {"favourite_roast": "light"},
            ),
        ),
    ),
    Case(
        "customerUpdated",
        records.CustomerUpdated(
            *HEAD,
            "crm-4711-2",
            0,
            1_743_498_000_000,
            records.Profile(mobile="447700900456", extended={"favourite_roast": "dark"}),
        ),
    ),
    Case(
        "customerStatus",
        records.CustomerStatus(
            *HEAD, "status-4711-1", 0, 1_743_926_400_000, "BLOCKED", "the card was reported stolen", "care desk 3"
        ),
    ),
    Case(
        "redeemPoints",
        records.RedeemPoints(
            *HEAD, "redemption-55", 0, 1_743_578_400_000, 1, 100, "POINTS", "B-000377", "a free flat white"
        ),
    ),
    Case(
        "adjustPoints",
        records.AdjustPoints(
            *HEAD, "goodwill-12", 0, 1_743_667_200_000, 1, 25, "goodwill: the grinder was out of order", ""
        ),
    ),
    Case(
        "blockPoints",
        records.BlockPoints(
            *HEAD,
            "block-7",
            0,
            1_743_753_600_000,
            1,
            40,
            "the card was reported stolen",
            1_744_963_200_000,
            "care desk 3",
        ),
    ),
    Case(
        "releasePoints",
        records.ReleasePoints(
            *HEAD, "release-7", 0, 1_743_840_000_000, 1, "block-7", "the card was found", "care desk 1"
        ),
    ),
    Case(
        "activatePoints",
        records.ActivatePoints(
            *HEAD,
            "activate-7",
            0,
            1_743_840_000_000,
            1,
            "soho-7001",
            "the customer showed the goods",
            (),
            "care desk 1",
        ),
    ),
    Case(
        "cancelPromise",
        records.CancelPromise(*HEAD, "cancel-7", 0, 1_743_840_000_000, 1, "soho-7002", "ordered by mistake"),
    ),
    Case(
        "cancelPoints",
        records.CancelPoints(
            *HEAD,
            "cancel-8",
            0,
            1_743_926_400_000,
            1,
            "the coffee week had not begun",
            0,
            "soho-7001",
            "coffee-week",
            "",
            "care desk 1",
        ),
    ),
    Case(
        "confirmRedemption",
        records.ConfirmRedemption(*HEAD, "confirm-56", 0, 1_743_579_600_000, 1, "redemption-56"),
    ),
    Case(
        "reverseRedemption",
        records.ReverseRedemption(
            *HEAD,
            "reversal-55",
            0,
            1_744_189_200_000,
            1,
            "redemption-55",
            40,
            "the flat white was cold",
            "care desk 3",
        ),
    ),
    Case(
        "changeExpiry",
        records.ChangeExpiry(
            *HEAD,
            "extend-3",
            0,
            1_743_926_400_000,
            1,
            True,  # noqa: FBT003 - a record, by position
            47_481,
            "the shop was closed for a month",
            (1,),
            "care desk 3",
        ),
    ),
    Case(
        "expirePoints",
        records.ExpirePoints(
            *HEAD, "expire-1", 0, 1_744_012_800_000, 1, "earned with a card that was stolen", (1,), "care desk 3"
        ),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.kind)
def test_a_message_becomes_the_record_of_its_type(case: Case) -> None:
    accepted = taken(example(case.kind))
    assert isinstance(accepted, Accepted)
    digest = accepted.record.digest  # type: ignore[attr-defined]
    assert accepted.record == msgspec.structs.replace(case.record, digest=digest)
    assert accepted.key == b"100:4711"
    assert 0 < digest < 2**48


def test_the_clock_of_a_transactions_partition_goes_to_every_journal_partition() -> None:
    accepted = taken({"type": "advanceClock", "time": MORNING, "last": True})
    assert accepted == Accepted(records.ClockAdvanced(WALL, SOURCE, 7, SOURCE, MORNING, True), None)  # noqa: FBT003


def test_every_type_has_samples_and_every_sample_is_accepted() -> None:
    types = {kind.__struct_config__.tag for kind in get_args(messages.AnyMessage)}
    assert {path.stem for path in FOLDER.glob("*.json")} == types
    for path in FOLDER.glob("*.json"):
        samples = json.loads(path.read_text())
        assert {sample["type"] for sample in samples} == {path.stem}
    assert [taken(sample) for sample in examples() if not isinstance(taken(sample), Accepted)] == []


@pytest.mark.parametrize("topic", ["loyalty.events", "loyalty.customers", "loyalty.commands"])
def test_every_record_type_comes_from_every_input_topic(topic: str) -> None:
    for case in CASES:
        accepted = taken(Sent(json.dumps(example(case.kind)).encode(), topic=topic))
        assert isinstance(accepted, Accepted)
        assert type(accepted.record) is type(case.record)
        assert accepted.record.source == f"{topic}:2"


def test_a_message_of_the_log_can_be_taken_as_it_is() -> None:
    value = json.dumps(example("adjustPoints")).encode()
    message = Message("loyalty.commands", 0, 1, b"100:4711", value, WALL, ())
    assert isinstance(normalise(message, wall=WALL, limits=LIMITS), Accepted)


def test_an_accepted_record_survives_the_journal() -> None:
    for sample in examples():
        accepted = taken(sample)
        assert isinstance(accepted, Accepted)
        assert decode_record(encode_record(accepted.record)) == accepted.record


def _customer_record(message: Sent | dict[str, Any]) -> records.CustomerRecord:
    accepted = taken(message)
    assert isinstance(accepted, Accepted)
    assert isinstance(accepted.record, records.CustomerRecord)
    return accepted.record


def test_a_message_without_id_is_known_by_its_place() -> None:
    nameless = {**example("redeemPoints")}
    del nameless["id"]
    assert _customer_record(nameless).id == "loyalty.transactions:2:7"


@pytest.mark.parametrize("kind", ["redeemPoints", "adjustPoints"])
def test_a_request_that_names_no_currency_leaves_it_to_the_program(kind: str) -> None:
    named = {**example(kind), "currency": "POINTS"}
    unnamed = {name: value for name, value in named.items() if name != "currency"}
    taken_of = [_customer_record(one) for one in (named, unnamed, {**named, "currency": ""})]
    assert [getattr(one, "currency", None) for one in taken_of] == ["POINTS", "", ""]
    assert taken_of[1] == taken_of[2]


def test_a_dead_letter_that_is_sent_again_keeps_the_id_of_its_first_place() -> None:
    nameless = {**example("redeemPoints"), "id": None}
    headers = (
        ("accrue.origin", b"loyalty.transactions:2:6"),
        ("accrue.timestamp", b"5"),
        ("accrue.replay-of", b"0:12"),
    )
    assert _customer_record(Sent(json.dumps(nameless).encode(), headers=headers)).id == "loyalty.transactions:2:6"


@pytest.mark.parametrize(
    ("until", "instant"),
    [
        pytest.param(None, None, id="left-out"),
        pytest.param(1_744_963_200_000, 1_744_963_200_000, id="number"),
        pytest.param("2025-04-18T10:00:00+02:00", 1_744_963_200_000, id="own-offset"),
        pytest.param("2025-04-18T09:00:00", 1_744_963_200_000, id="zone-of-the-message"),
    ],
)
def test_the_end_of_a_block_is_an_instant(until: object, instant: int | None) -> None:
    record = _customer_record({**example("blockPoints"), "until": until})
    assert isinstance(record, records.BlockPoints)
    assert record.until == instant


def test_the_digest_is_of_the_content_and_not_of_the_spelling_or_the_place() -> None:
    plain = example("transactionAdded")
    spelled = {**dict(reversed(plain.items())), "eventTime": MORNING}
    del spelled["zone"]
    elsewhere = Sent(json.dumps(plain, indent=3).encode(), topic="loyalty.events", partition=0, offset=99)
    assert {_customer_record(one).digest for one in (plain, spelled, elsewhere)} == {_customer_record(plain).digest}


@pytest.mark.parametrize("kind", [case.kind for case in CASES])
def test_the_digest_tells_other_content(kind: str) -> None:
    plain = example(kind)
    later = {**plain, "eventTime": 1_741_508_100_001}
    later.pop("zone", None)
    assert _customer_record(plain).digest != _customer_record(later).digest


def test_the_order_of_attributes_is_no_content() -> None:
    plain = example("customEvent")
    turned = {**plain, "attributes": dict(reversed(plain["attributes"].items()))}
    assert _customer_record(plain).digest == _customer_record(turned).digest


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("0.1", "0.1"), ("1.50", "1.5"), ("5.0", "5.0"), ("1e-7", "0.0000001"), ("2.5e3", "2500.0"), ("-0.25", "-0.25")],
)
def test_a_number_with_a_fraction_is_kept_as_a_decimal_string(sent: str, kept: str) -> None:
    text = json.dumps({**example("customEvent"), "attributes": {"n": "NUMBER"}}).replace('"NUMBER"', sent)
    record = _customer_record(Sent(text.encode()))
    assert isinstance(record, records.CustomEventReceived)
    assert record.attributes == {"n": kept}


def test_escapes_that_are_no_control_characters_are_taken() -> None:
    event = {**example("customEvent"), "eventName": 'a "quoted" \\ name, é'}
    record = _customer_record(event)
    assert isinstance(record, records.CustomEventReceived)
    assert record.event_name == 'a "quoted" \\ name, é'


def test_the_key_names_org_and_customer() -> None:
    assert input_key(100, 4711) == b"100:4711"


def test_cleared_fields_have_the_names_of_the_profile() -> None:
    update = _customer_record({**example("customerUpdated"), "clear": ["lastName", "email", "extended.shoe size"]})
    assert isinstance(update, records.CustomerUpdated)
    assert update.clear == ("last_name", "email", "extended.shoe size")


def test_update_that_clears_nothing_has_the_digest_that_it_had() -> None:
    update = _customer_record(example("customerUpdated"))
    assert _customer_record({**example("customerUpdated"), "clear": []}).digest == update.digest
    assert _customer_record({**example("customerUpdated"), "clear": ["channel"]}).digest != update.digest


@pytest.mark.parametrize(
    ("said", "amount"),
    [
        pytest.param({"amountMinor": 0}, 0, id="cancelled"),
        pytest.param({"lines": [{"sku": "A", "amountMinor": 7}, {"sku": "B", "amountMinor": 2}]}, 9, id="its-lines"),
        pytest.param({"deliveryStatus": "SHIPPED"}, None, id="status"),
        pytest.param({"amountMinor": None, "deliveryStatus": "SHIPPED"}, None, id="null"),
    ],
)
def test_update_says_what_it_says_and_nothing_else(said: dict[str, Any], amount: int | None) -> None:
    fixed = {key: example("transactionUpdated")[key] for key in ("type", "orgId", "customerId", "eventTime")}
    found = taken({**fixed, "billNumber": "B1", **said})
    assert isinstance(found, Accepted)
    assert isinstance(found.record, records.TransactionUpdated)
    assert found.record.amount_minor == amount
    assert (found.record.discount_minor, found.record.gross_minor) == (None, None)


@pytest.mark.parametrize(
    ("changes", "zone"),
    [
        pytest.param({"eventTime": "2025-03-09T08:15:00", "zone": "Asia/Tokyo"}, "Asia/Tokyo", id="of-the-message"),
        pytest.param({"eventTime": 1741508100000}, "Pacific/Auckland", id="of-the-store"),
        pytest.param({"eventTime": 1741508100000, "store": "PARIS"}, "Europe/Paris", id="of-the-org"),
        pytest.param({"eventTime": 1741508100000, "store": "NOWHERE"}, "", id="of-an-unknown-store"),
    ],
)
def test_a_bill_knows_the_zone_of_its_store_and_its_digest_does_not(changes: dict[str, Any], zone: str) -> None:
    stores = (Store(code="SOHO", zone="Pacific/Auckland"), Store(code="PARIS"))
    cafe = known(Org(org_id=100, name="Cafe", zone="Europe/Paris", currency="GBP", country="GB", stores=stores))
    content = {**example("transactionAdded"), "zone": None, **changes}
    message = Sent(json.dumps({name: value for name, value in content.items() if value is not None}).encode())
    with_settings, without = (
        normalise(message, wall=WALL, limits=LIMITS._replace(orgs=orgs)) for orgs in ({100: cafe}, {})
    )
    assert isinstance(with_settings, Accepted)
    assert isinstance(without, Accepted)
    assert isinstance(with_settings.record, records.TransactionAdded)
    assert isinstance(without.record, records.TransactionAdded)
    assert with_settings.record.zone == zone
    assert with_settings.record.digest == without.record.digest


TILLS = (Till(code="1", name="Counter", id=7_001), Till(code="2"))
FEN_STREET = Store(code="SOHO", name="Fen Street", external_id="S-1", external_id2="X", id=7_000, tills=TILLS)
SHOP = known(
    Org(
        org_id=100,
        name="Cafe",
        zone="Europe/Paris",
        currency="GBP",
        country="GB",
        stores=(FEN_STREET, Store(code="PLAIN")),
    )
)


@pytest.mark.parametrize("kind", ["transactionAdded", "transactionReturned", "customerAdded", "customerUpdated"])
@pytest.mark.parametrize(
    ("store", "till", "site"),
    [
        ("SOHO", "1", records.Site(store_name="Fen Street", store_ids=("S-1", "", "X"), till_name="Counter")),
        ("SOHO", "2", records.Site(store_name="Fen Street", store_ids=("S-1", "", "X"))),
        ("SOHO", "9", records.Site(store_name="Fen Street", store_ids=("S-1", "", "X"))),
        ("ELSEWHERE", "1", None),
    ],
    ids=["known", "without a name", "an unknown till", "an unknown store"],
)
def test_a_document_knows_what_the_settings_call_its_store_and_its_digest_does_not(
    kind: str, store: str, till: str, site: records.Site | None
) -> None:
    message = Sent(json.dumps({**example(kind), "store": store, "till": till}).encode())
    with_settings, without = (
        normalise(message, wall=WALL, limits=LIMITS._replace(orgs=orgs)) for orgs in ({100: SHOP}, {})
    )
    assert isinstance(with_settings, Accepted)
    assert isinstance(without, Accepted)
    record: Any = with_settings.record
    assert (record.store, record.till, record.site) == (store, till, site)
    assert with_settings.record.digest == without.record.digest


ENTERED = ("transactionUpdated", "customEvent", "redeemPoints", "adjustPoints")
PLACED = ("transactionAdded", "transactionReturned", "customerAdded", "customerUpdated")


@pytest.mark.parametrize("kind", [*ENTERED, *PLACED])
def test_who_entered_it_is_known_and_not_in_the_digest(kind: str) -> None:
    content = {name: value for name, value in example(kind).items() if name != "enteredBy"}
    told, untold = taken({**content, "enteredBy": "200280487"}), taken(content)
    assert isinstance(told, Accepted)
    assert isinstance(untold, Accepted)
    one, other = cast("Any", told.record), cast("Any", untold.record)
    assert (one.entered_by, other.entered_by) == ("200280487", "")
    assert one.digest == other.digest


@pytest.mark.parametrize("kind", PLACED)
@pytest.mark.parametrize(
    ("place", "entered_by"),
    [
        ({"store": "SOHO", "till": "1"}, "7001"),
        ({"store": "SOHO", "till": "2"}, "7000"),
        ({"store": "SOHO"}, "7000"),
        ({"store": "SOHO", "till": "1", "enteredBy": "Ann"}, "Ann"),
        ({"store": "PLAIN", "till": "1"}, ""),
        ({"store": "ELSEWHERE", "till": "1"}, ""),
    ],
)
def test_where_nobody_is_named_the_till_or_the_store_entered_it(
    kind: str, place: dict[str, str], entered_by: str
) -> None:
    content = {name: value for name, value in example(kind).items() if name not in {"store", "till"}}
    message = Sent(json.dumps({**content, **place}).encode())
    verdict = normalise(message, wall=WALL, limits=LIMITS._replace(orgs={100: SHOP}))
    assert isinstance(verdict, Accepted)
    assert cast("Any", verdict.record).entered_by == entered_by


def test_a_registration_at_another_store_is_another_message() -> None:
    one, other = (taken({**example("customerAdded"), **place}) for place in ({}, {"store": "SOHO"}))
    assert isinstance(one, Accepted)
    assert isinstance(other, Accepted)
    assert cast("Any", one.record).digest != cast("Any", other.record).digest


def test_an_event_knows_the_zone_that_its_message_names() -> None:
    content = {**example("customEvent"), "eventTime": "2025-03-09T08:15:00", "zone": "Asia/Tokyo"}
    verdict = normalise(Sent(json.dumps(content).encode()), wall=WALL, limits=LIMITS)
    assert isinstance(verdict, Accepted)
    assert isinstance(verdict.record, records.CustomEventReceived)
    assert verdict.record.zone == "Asia/Tokyo"


@pytest.mark.parametrize(
    ("named", "record"),
    [
        ({"lot": 3}, {"lot": 3}),
        ({"event": "e-1"}, {"event": "e-1"}),
        ({"milestone": "visits", "cycle": "2026-03"}, {"milestone": "visits", "cycle": "2026-03"}),
        ({"streak": "days", "level": 2}, {"streak": "days", "level": 2, "nth": 1}),
        ({"streak": "days", "level": 2, "nth": 3}, {"streak": "days", "level": 2, "nth": 3}),
    ],
)
def test_an_award_to_cancel_is_named_by_what_gave_it(named: dict[str, Any], record: dict[str, Any]) -> None:
    content = {key: value for key, value in example("cancelPoints").items() if key not in {"billNumber", "rule"}}
    found = taken({**content, **named})
    assert isinstance(found, Accepted)
    assert isinstance(found.record, records.CancelPoints)
    assert {name: getattr(found.record, name) for name in record} == record


@pytest.mark.parametrize("kind", ["transactionAdded", "transactionReturned"])
def test_what_is_said_beside_what_counts_makes_no_other_bill(kind: str) -> None:
    message = example(kind) | {"lines": [{"sku": "A", "amountMinor": 5}], "amountMinor": 5}
    message.pop("labels", None)
    line = {"name": "Tea", "maker": "M", "labels": [{"key": "a"}]}
    said = message | {"labels": [{"key": "b", "value": "c"}], "lines": [message["lines"][0] | line]}
    plain, labelled, worded = (
        accepted.record
        for accepted in map(taken, (message, message | {"labels": said["labels"]}, said))
        if isinstance(accepted, Accepted)
    )
    assert isinstance(plain, records.TransactionAdded | records.TransactionReturned)
    assert isinstance(worded, records.TransactionAdded | records.TransactionReturned)
    assert isinstance(labelled, records.TransactionAdded | records.TransactionReturned)
    labels = (records.Label("b", "c"),)
    assert (plain.words, labelled.words) == (None, records.Words(labels))
    assert worded.words == records.Words(labels, (records.LineWords("Tea", "M", (records.Label("a"),)),))
    assert plain.digest == labelled.digest == worded.digest
