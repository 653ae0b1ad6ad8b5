"""Personal data from the input topic to notifications: sealed where it is kept, readable where it is told."""

from __future__ import annotations

import json
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pipeline.clock import SYSTEM_CLOCK
from pipeline.intake.org_settings import entries_of
from pipeline.log.embedded import EmbeddedLog
from pipeline.log.port import Outgoing, Partition, Unavailable
from pipeline.runtime.loop.loop import TransactionalLoop
from pipeline.runtime.loop.progress import Progress
from pipeline.runtime.roles.following import KeyRing
from pipeline.runtime.roles.intake import IntakeRole
from pipeline.runtime.roles.loyalty import LoyaltyRole
from pipeline.runtime.roles.questions import Elsewhere, Questions, Standing
from pipeline.runtime.roles.settings_writer import read_keys, write_keys
from pipeline.sealing import Keys, root_of
from schemas.settings import Org
from tests.runtime.workshop import PATIENCE_SECONDS, Until, Workshop, activation
from tests.verify.damage import changed, damage, found, verified

START = 1_600_000_000_000
ORG = Org(org_id=1, name="Cafe", zone="UTC", currency="GBP", country="GB", personal_data="sealed")
PERSON = {"firstName": "Jolanta", "mobile": "07911 123456", "email": "Jo@Example.com", "extended": {"shoe": "size 38"}}
READABLE = (b"Jolanta", b"911 123456", b"Jo@Example", b"size 38")


def message(kind: str, offset: int, customer: int = 5, **fields: Any) -> bytes:
    told = {"type": kind, "orgId": 1, "customerId": customer, "eventTime": START + offset, "id": f"{kind}-{offset}"}
    return json.dumps(told | fields).encode()


def bill(number: int, customer: int = 5) -> bytes:
    return message("transactionAdded", number, customer, billNumber=f"B{number}", amountMinor=1_000, currency="GBP")


def with_settings(log: EmbeddedLog, folder: Path, org: Org) -> Workshop:
    workshop = Workshop(log, folder, f"{org.personal_data}.", partitions=2)
    workshop.clock.shown = START + 1_000
    producer = log.producer()
    producer.produce([Outgoing(workshop.topic("settings"), key, value, 0) for key, value in entries_of(org).items()])
    producer.flush(PATIENCE_SECONDS)
    producer.close()
    workshop.journal(activation())
    return workshop


@pytest.fixture
def workshop(embedded_log: EmbeddedLog, tmp_path: Path) -> Workshop:
    workshop = with_settings(embedded_log, tmp_path / "sealed", ORG)
    write_keys(embedded_log, workshop.settings, lambda _: {root_of(1): b"r" * 32})
    return workshop


def run(workshop: Workshop) -> None:
    workshop.intake().run(workshop.until_read("intake", "customers", "transactions"))
    for _ in range(2):
        workshop.decide_all()


def live(workshop: Workshop) -> None:
    """Three customers register, change and buy."""
    workshop.send("customers", b"1:5", message("customerAdded", 0, **PERSON), 0)
    workshop.send("customers", b"1:6", message("customerAdded", 0, 6, **PERSON), 0)
    workshop.send("customers", b"1:5", message("customerUpdated", 1, firstName="Jolanta", lastName="N"), 0)
    workshop.send("transactions", b"1:5", bill(2), 0)
    workshop.send("transactions", b"1:6", bill(2, 6), 0)
    run(workshop)


def stored(workshop: Workshop) -> bytes:
    return b"".join(one.value or b"" for one in workshop.read("journal", "facts", "state"))


def told(workshop: Workshop) -> list[tuple[str, bytes | None]]:
    return [(topic, value) for topic, _, _, value, _ in workshop.told() if topic.startswith("notifications")]


def erase(workshop: Workshop, customer: int) -> None:
    write_keys(workshop.log, workshop.settings, lambda secrets: Keys(secrets).without(1, customer))


def test_it_is_sealed_where_it_is_kept_and_told_as_if_it_were_not(workshop: Workshop, tmp_path: Path) -> None:
    live(workshop)
    assert [one for one in READABLE if one in stored(workshop)] == []
    assert b"Jolanta" in b"".join(value or b"" for _, value in told(workshop))
    assert found(verified(workshop)) == []

    other = EmbeddedLog(tmp_path / "other")
    readable = with_settings(other, tmp_path / "readable", ORG.model_copy(update={"personal_data": "readable"}))
    live(readable)
    assert all(one in stored(readable) for one in READABLE)
    assert told(readable) == told(workshop)
    other.close()


def test_who_is_erased_is_erased_everywhere_and_verify_finds_nothing(workshop: Workshop) -> None:
    live(workshop)
    before = told(workshop)
    erase(workshop, 5)
    assert told(workshop) == before
    assert found(verified(workshop)) == []

    workshop.forget_stores()
    workshop.send("transactions", b"1:5", bill(3), 0)
    workshop.send("transactions", b"1:6", bill(3, 6), 0)
    workshop.send("customers", b"1:5", message("customerUpdated", 4, firstName="Jolanta"), 0)
    run(workshop)
    later = told(workshop)
    new = [json.loads(value or b"") for topic, value in later if (topic, value) not in before]
    instore = {one["data"]["customerIdentifiers"]["customerId"]: one for one in new}
    assert "Jolanta" not in json.dumps(instore[5])
    assert "Jo@Example.com" not in json.dumps(instore[5])
    assert "Jo@Example.com" in json.dumps(instore[6])
    assert found(verified(workshop)) == []


def test_verify_still_finds_what_differs_in_a_notification_of_an_erased_customer(
    workshop: Workshop, tmp_path: Path
) -> None:
    live(workshop)
    erase(workshop, 5)
    topic, partition = next(
        (one.topic, one.partition) for one in workshop.read("notifications.customers") if one.key == b"1:5"
    )
    other = changed(0, lambda one: one._replace(value=(one.value or b"").replace(b'"source":""', b'"source":"x"')))
    damage(tmp_path / "log", Partition(topic, partition), other)
    assert [check for check, _, what in found(verified(workshop)) if "customerAdded" in what] == ["notifications"]


def test_nothing_is_taken_while_the_key_is_missing(embedded_log: EmbeddedLog, tmp_path: Path) -> None:
    workshop = with_settings(embedded_log, tmp_path / "without", ORG)
    role = IntakeRole(embedded_log, workshop.settings, Progress("intake"), clock=workshop.clock)
    with closing(role):
        assert role._settings.begun()
        with pytest.raises(Unavailable, match="org 1 seals personal data and has no key; run `accrue settings apply`"):
            role.process([])


def test_keys_that_were_written_a_moment_ago_are_known(workshop: Workshop) -> None:
    ring = KeyRing(workshop.log, workshop.topic("keys"), SYSTEM_CLOCK)
    with closing(ring):
        assert ring.keys_of([1]).has(1)
        write_keys(workshop.log, workshop.settings, lambda _: {root_of(2): b"s" * 32})
        assert ring.keys_of([1, 2]).has(2)
        assert read_keys(workshop.log, workshop.catalog).has(2)


def test_a_customer_who_is_asked_for_is_readable(workshop: Workshop) -> None:
    live(workshop)
    questions, progress = Questions(workshop.settings.partitions), Progress("loyalty")
    role = LoyaltyRole(workshop.log, workshop.settings, progress, clock=workshop.clock, questions=questions)

    with pytest.raises(Elsewhere):  # nobody has the partition yet
        questions.ask(1, 5, lambda known: known.standing(1, 5))
    asked: list[Future[Standing | None]] = []

    def answered() -> bool:
        if not asked and len(questions.ready) == workshop.settings.partitions:
            asked.append(questions.ask(1, 5, lambda known: known.standing(1, 5)))
        return bool(asked) and asked[0].done()

    TransactionalLoop(workshop.log, role, workshop.settings, progress=progress).run(Until(answered))
    standing = asked[0].result()
    assert standing is not None
    profile = standing.head.profile
    assert (profile.first_name, profile.extended) == ("Jolanta", {"shoe": "size 38"})
