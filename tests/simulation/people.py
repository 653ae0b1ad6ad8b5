"""What a simulated shop sends that knows its customers by identifiers: whose they are, what names nobody yet, merges.

Its org seals personal data, and erases one customer on the way.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from pipeline.intake.dialects.naming import NOBODY, input_key
from pipeline.intake.org_settings import entries_of
from pipeline.log.partitioner import partition_for
from pipeline.log.port import Outgoing
from pipeline.sealing import Keys, root_of
from schemas.records import encode_record
from schemas.settings import Org
from tests.runtime.workshop import DAY, PROGRAM, START, activation
from tests.simulation.workload import in_pieces
from topics.catalog import Catalog

ORG: Final = Org(
    org_id=PROGRAM.org_id,
    name="One",
    zone="UTC",
    currency="GBP",
    country="GB",
    identifiers=("email", "cardNumber", "externalId"),
    personal_data="sealed",
)
ROOT: Final = b"r" * 32
"""What the keys of the org come of."""
SECRET: Final = "Secret"
"""What all that is personal begins with."""
_NOW: Final = START + 12 * DAY
_CUSTOMERS: Final = range(1, 11)
ERASED: Final = 10
_STAYS: Final = 9
"""A customer who is in no merge, and spends nothing."""
TOLD: Final = f"{SECRET}{_STAYS}"
"""What this customer is called, in either name."""
_STRANGER: Final = 99
"""Nobody has heard of this customer."""
_TOO_MUCH: Final = 10_000
_POUNDS: Final = 20

Message = dict[str, Any]


def standing_before(catalog: Catalog) -> list[Outgoing]:
    """What is there before anybody starts: the settings, the key of the org, and the program."""
    journal = catalog.name("journal")
    return [
        *(Outgoing(catalog.name("settings"), key, value, 0) for key, value in entries_of(ORG).items()),
        Outgoing(catalog.name("keys"), root_of(ORG.org_id), ROOT, 0),
        *(Outgoing(journal, None, encode_record(activation()), number) for number in range(catalog.partitions)),
    ]


def deliveries(catalog: Catalog, chance: random.Random) -> list[list[Outgoing]]:
    """What upstream systems send, in a few deliveries; each part in an order of its own."""
    pairs = _pairs(catalog, chance)
    parts = [_strangers(), _known(pairs), _merging(pairs), _afterwards()]
    for part in parts:
        chance.shuffle(part)
    *before, after = [in_pieces([_sent(catalog, one) for one in part], chance) for part in parts]
    return [*(piece for pieces in before for piece in pieces), _erasure(catalog), *after]


def _pairs(catalog: Catalog, chance: random.Random) -> list[tuple[int, int]]:
    """Survivors and victims, the first two of them in different partitions."""
    merging = [one for one in _CUSTOMERS if one not in (_STAYS, ERASED)]
    chance.shuffle(merging)
    survivor = merging.pop()
    place = partition_for(input_key(ORG.org_id, survivor), catalog.partitions)
    away = (one for one in merging if partition_for(input_key(ORG.org_id, one), catalog.partitions) != place)
    victim = next(away, merging[0])
    merging.remove(victim)
    return [(survivor, victim), (survivor, merging[0]), (merging[1], merging[2]), (merging[2], merging[1])]


def _strangers() -> list[Message]:
    """Who registers, and bills that name somebody who is known already, or not yet, or never."""
    messages: list[Message] = []
    for one in _CUSTOMERS:
        messages += [
            _said("customerAdded", one, customerId=one, firstName=f"{SECRET}{one}", email=_email(one)),
            _bill(one, identifiers={"email": _email(one)}),
            _bill(20 + one, identifiers={"cardNumber": _card(one), "externalId": _own_name(one)}),
            _bill(40 + one, identifiers={"cardNumber": _card(one)}),
            _bill(60 + one, customerId=one),
            _bill(60 + one, identifiers={"email": _email(one)}),
        ]
    return [*messages, _bill(80, identifiers={"cardNumber": "nobody's"})]


def _known(pairs: Sequence[tuple[int, int]]) -> list[Message]:
    """What links the cards, and what is asked by those who are known."""
    messages: list[Message] = [
        _said("linkIdentifiers", 100, customerId=1, identifiers={"email": _email(2)}),
        _said("unlinkIdentifiers", 101, customerId=_STAYS, identifiers={"cardNumber": _card(_STAYS)}),
        _said("redeemPoints", 102, identifiers={"email": _email(1)}, programId=PROGRAM.program_id, points=_TOO_MUCH),
        _returned(103, _STAYS, identifiers={"email": _email(_STAYS)}),
        _said(
            "transferPoints", 104, customerId=ERASED, programId=PROGRAM.program_id, toCustomerId=pairs[0][1], points=3
        ),
        _said("customerUpdated", 105, identifiers={"email": _email(_STAYS)}, lastName=f"{SECRET}{_STAYS}"),
    ]
    for one in _CUSTOMERS:
        messages += [
            _said("linkIdentifiers", 120 + one, customerId=one, identifiers={"cardNumber": _card(one)}),
            _said("linkIdentifiers", 140 + one, customerId=one, identifiers={"externalId": _own_name(one)}),
        ]
        if one != _STAYS:
            asked = {"email": _email(one)}
            messages.append(
                _said("redeemPoints", 160 + one, identifiers=asked, programId=PROGRAM.program_id, points=2 * one)
            )
    return messages


def _merging(pairs: Sequence[tuple[int, int]]) -> list[Message]:
    """Merges, some of which cannot be, and what still comes for their victims."""
    messages: list[Message] = [
        _said("mergeCustomers", 200 + number, customerId=survivor, victimCustomerId=victim)
        for number, (survivor, victim) in enumerate([*pairs, (pairs[0][0], pairs[0][0]), (pairs[0][0], _STRANGER)])
    ]
    for number, (_, victim) in enumerate(pairs):
        gift = {"programId": PROGRAM.program_id, "toCustomerId": victim, "points": 1}
        messages += [
            _bill(220 + number, identifiers={"email": _email(victim)}),
            _bill(240 + number, customerId=victim),
            _bill(victim, identifiers={"email": _email(victim)}),
            _said("transferPoints", 260 + number, customerId=ERASED, **gift),
            _said("redeemPoints", 280 + number, customerId=victim, programId=PROGRAM.program_id, points=1),
        ]
    return messages


def _afterwards() -> list[Message]:
    """After the erasure: it takes the identifiers of the customer along; others go on."""
    erased = _said("unlinkIdentifiers", 300, customerId=ERASED, everything=True)
    messages = [_said("customerUpdated", 301, customerId=ERASED, lastName=f"{SECRET}{ERASED}"), erased]
    for one in _CUSTOMERS:
        messages += [
            _bill(320 + one, identifiers={"email": _email(one)}),
            _bill(340 + one, identifiers={"cardNumber": _card(one)}),
        ]
    return messages


def _erasure(catalog: Catalog) -> list[Outgoing]:
    changes = Keys({root_of(ORG.org_id): ROOT}).without(ORG.org_id, ERASED)
    return [Outgoing(catalog.name("keys"), name, secret, 0) for name, secret in changes.items()]


def _said(kind: str, number: int, **fields: Any) -> Message:
    return {"type": kind, "orgId": ORG.org_id, "id": f"{kind[:2]}{number}", "eventTime": _NOW + number, **fields}


def _bill(number: int, **fields: Any) -> Message:
    return _said(
        "transactionAdded", number, billNumber=f"B{number}", amountMinor=_POUNDS * 100, currency="GBP", **fields
    )


def _returned(number: int, of: int, **fields: Any) -> Message:
    amount = _POUNDS * 50
    return _said(
        "transactionReturned",
        number,
        billNumber=f"R{number}",
        ofBill=f"B{of}",
        amountMinor=amount,
        currency="GBP",
        **fields,
    )


def _email(customer: int) -> str:
    return f"{SECRET}{customer}@example.com"


def _card(customer: int) -> str:
    return f"card {customer}"


def _own_name(customer: int) -> str:
    return f"customer {customer}"


def _sent(catalog: Catalog, message: Message) -> Outgoing:
    about_org = message["type"] in {"linkIdentifiers", "unlinkIdentifiers"}
    customer = NOBODY if about_org else message.get("customerId", NOBODY)
    return Outgoing(catalog.name("transactions"), input_key(ORG.org_id, customer), msgspec.json.encode(message))
