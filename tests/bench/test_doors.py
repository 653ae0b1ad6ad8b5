"""What (k) measures: bills by card that are the same bills, and requests whose time counts from when they were due."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bench import bare
from bench.gateway import BARE, GATEWAY, Turn
from bench.gateway import compared as compared_http
from bench.identifiers import BY_CARD, BY_ID, IDENTITY, compared, registrations
from bench.latency import percentiles
from bench.offering import Offered, offer, post
from bench.samples import ORG, START, as_messages, three_line_bills
from bench.watch import Run
from pipeline.intake.dialects.native import normalise
from pipeline.intake.org_settings import known
from pipeline.intake.verdict import Accepted, Limits
from pipeline.log.kafka import KafkaLog
from pipeline.log.port import Message, Partition, TopicSpec
from schemas.records import CustomerRecord, ResolveCustomer

TOPIC = "loyalty.transactions"
LIMITS = Limits(TOPIC, orgs={ORG.org_id: known(ORG)}, identity_key=IDENTITY["ACCRUE_IDENTITY_KEY"].encode())
SECONDS = 10.0

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def taken(key: bytes, value: bytes) -> Accepted:
    verdict = normalise(Message(TOPIC, 0, 0, key, value, 0, ()), wall=START + 1, limits=LIMITS)
    assert isinstance(verdict, Accepted)
    return verdict


def record_of(key: bytes, value: bytes) -> CustomerRecord:
    record = taken(key, value).record
    assert isinstance(record, CustomerRecord)
    return record


def test_bills_by_card_are_those_by_id_of_customers_whose_cards_are_known() -> None:
    cards = {}
    for key, value in registrations(3, START):
        verdict = taken(key, value)
        assert verdict.links is not None
        cards[verdict.links.identifiers] = verdict.links.person
    by_id, by_card = (as_messages(three_line_bills(20, 3, days=0), by_card=one) for one in (False, True))
    for wanted, named in zip(by_id, by_card, strict=True):
        asked = taken(*named)
        assert isinstance(asked.record, ResolveCustomer)
        assert asked.key == named[0] == b"1:0"
        assert cards[asked.record.identifiers] == record_of(*wanted).customer_id


def test_cost_of_a_bill_by_card_is_one_of_cpu_seconds() -> None:
    runs = [(named_by, Run(0.0, 9.0, cpu, 0)) for named_by, cpu in ((BY_ID, 2.0), (BY_CARD, 3.5), (BY_CARD, 2.5))]
    assert compared(runs) == {
        "cpu_seconds_by_customer_id": [2.0],
        "cpu_seconds_by_card": [3.5, 2.5],
        "times_the_cost": 3.0,
    }


async def offered_to(handler: Handler, requests: Sequence[bytes], rate: float | None, connections: int) -> Offered:
    app = web.Application()
    app.add_routes([web.post(bare.PATH, handler)])
    async with TestServer(app) as server:
        return await offer(server.port or 0, requests, rate, connections)


def numbered(count: int) -> list[bytes]:
    return [post(bare.PATH, "a key", b"%d" % number) for number in range(count)]


def test_a_server_that_stands_still_counts_for_all_whom_it_kept_waiting() -> None:
    stands_still = 0.3

    async def first_one_waits(request: web.Request) -> web.Response:
        if await request.read() == b"0":
            await asyncio.sleep(stands_still)
        return web.Response(status=202)

    due, sent, answered = asyncio.run(offered_to(first_one_waits, numbered(5), 100.0, 1))

    assert [round(one - due[0], 3) for one in due] == [0.0, 0.01, 0.02, 0.03, 0.04]
    assert all(end - due[0] >= stands_still for end in answered)
    assert all(start - due[0] >= stands_still for start in sent[1:])


def test_each_request_is_sent_once_by_whichever_connection_is_free() -> None:
    seen = []

    async def note(request: web.Request) -> web.Response:
        seen.append(((await request.read()).decode(), request.headers["Authorization"]))
        return web.Response(status=202, text="an answer")

    offered = asyncio.run(offered_to(note, numbered(50), None, 4))

    assert sorted(seen) == sorted((str(number), "Bearer a key") for number in range(50))
    assert min(offered.sent) >= min(offered.due)
    assert offered.seconds == max(offered.answered) - min(offered.sent) > 0


@pytest.mark.parametrize("status", [200, 503])
def test_a_request_that_is_not_taken_ends_the_measurement(status: int) -> None:
    async def refuse(_: web.Request) -> web.Response:
        return web.Response(status=status)

    with pytest.raises(ExceptionGroup) as raised:
        asyncio.run(offered_to(refuse, numbered(1), None, 1))
    assert raised.group_contains(ConnectionError, match=f"answered with {status}")


def test_a_server_that_goes_away_ends_the_measurement() -> None:
    async def hang_up(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.close()
        return web.Response(status=202)

    with pytest.raises(ExceptionGroup) as raised:
        asyncio.run(offered_to(hang_up, numbered(1), None, 1))
    assert raised.group_contains(ConnectionError, match="closed the connection")


def test_time_counts_from_when_a_request_was_due_where_that_was_fixed_before() -> None:
    offered = Offered(due=[1.0, 2.0], sent=[1.5, 2.0], answered=[1.6, 2.1])
    half = Turn(GATEWAY, 1.0, offered, 0.5).figures()

    assert (half["until_answered"], half["until_sent"]) == (
        percentiles([1.0, 2.0], [1.6, 2.1]),
        percentiles([1.0, 2.0], [1.5, 2.0]),
    )
    assert Turn(GATEWAY, None, offered, 0.5).figures() == {
        "served_by": GATEWAY,
        "requests": 2,
        "requests_per_second": 3,
        "cpu_microseconds_per_request": 250_000,
        "until_answered": {"p50": 100.0, "p90": 100.0, "p99": 100.0, "max": 100.0},
    }


def test_turns_of_each_server_count_together() -> None:
    def turn(name: str, due: float, answered: float) -> Turn:
        return Turn(name, 1.0, Offered([due], [due], [answered]), 0.5)

    most = [turn(GATEWAY, 0.0, 2.0), turn(BARE, 0.0, 0.5), turn(BARE, 0.0, 0.5), turn(GATEWAY, 5.0, 7.0)]
    half = [turn(GATEWAY, 1.0, 1.2), turn(BARE, 1.0, 1.1), turn(GATEWAY, 2.0, 2.4)]
    found = compared_http(most, half)

    assert found["requests_per_second"] == {GATEWAY: 0.5, BARE: 2}
    assert found["until_answered"] == {
        GATEWAY: {"p50": 200.0, "p90": 400.0, "p99": 400.0, "max": 400.0},
        BARE: {"p50": 100.0, "p90": 100.0, "p99": 100.0, "max": 100.0},
    }


def test_the_bare_handler_answers_once_the_log_has_what_was_sent(
    kafka_bootstrap: str, kafka_log: KafkaLog, prefix: str
) -> None:
    topic = f"{prefix}bare"
    kafka_log.create_topics([TopicSpec(topic, 1, {})])
    place, consumer = Partition(topic, 0), kafka_log.consumer()

    async def send() -> object:
        async with TestServer(bare.app(kafka_bootstrap, topic)) as server:
            await offer(server.port or 0, numbered(3), None, 1)
            return consumer.bounds([place], SECONDS)

    assert asyncio.run(send()) == {place: (0, 3)}
    consumer.assign({place: 0})
    assert sorted(one.value for one in consumer.consume(3, SECONDS)) == [b"0", b"1", b"2"]
    consumer.close()
