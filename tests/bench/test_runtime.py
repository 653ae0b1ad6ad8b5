from collections import Counter

import pytest

from bench.at_least_once import AtLeastOnceLog
from bench.delivery import AT_LEAST_ONCE, EXACTLY_ONCE, compared, roastery_journal
from bench.latency import bill_in, percentiles
from bench.processes import ROOT
from bench.samples import TEN_RULES, three_line_bills
from bench.sizes import Sizes
from bench.state import LOTS, ONE_IN, PROGRAM, changelog, instants, typical
from bench.watch import Run
from pipeline.cli.program_file import load_program
from pipeline.engine.decide import decide
from pipeline.engine.programs import Programs
from pipeline.engine.state import CustomerState, Head, decode_entry, decode_head
from pipeline.log.kafka import KafkaLog
from pipeline.log.partitioner import partition_for
from pipeline.log.port import Committed, Outgoing, Partition, TopicSpec
from pipeline.notify.context import Context
from pipeline.notify.program_view import OrgView, ProgramView
from pipeline.notify.render import RENDERER
from pipeline.runtime.state.marker import MARKER_KEY, decode_marker
from schemas.notifications import EventName
from schemas.records import CustomerRecord, Profile, decode_record
from tests.log.desk import SECONDS
from topics.catalog import Catalog

NOW = 1_750_000_000_000


def test_each_customer_left_behind_has_ten_lots_and_a_bill_in_one_partition() -> None:
    written = list(changelog("state", typical(NOW), instants(NOW), 100, bills=True))
    heads = {one.key: one for one in written if one.key[:1].isdigit() and b"#" not in one.key}
    bills = {one.key: one for one in written if b"#bill:" in (one.key or b"")}
    assert Counter(key.partition(b"#")[0] for key in bills) == dict.fromkeys(heads, 1)
    for key, one in bills.items():
        customer = heads[key.partition(b"#")[0]]
        account = decode_head(customer.value).sections[1].accounts["POINTS"]
        assert (len(account.lots), account.balance) == (LOTS, sum(lot.open_points for lot in account.lots))
        assert one.partition == customer.partition == partition_for(customer.key, 4)
        assert decode_entry(one.value).forgotten_at > instants(NOW).due


def test_one_customer_in_fifty_left_behind_falls_due_and_fires() -> None:
    at = instants(NOW)
    heads = [
        decode_head(one.value)
        for one in changelog("state", typical(NOW), at, 3 * ONE_IN, bills=False)
        if one.key[:1].isdigit()
    ]
    assert Counter(head.due <= at.due for head in heads) == {True: 3, False: 3 * (ONE_IN - 1)}
    assert all(head.due > at.clock for head in heads)


def test_a_changelog_left_behind_ends_with_the_marker_of_each_partition() -> None:
    at = instants(NOW)
    *_, last = changelog("state", typical(NOW), at, 1, bills=True)
    assert (last.key, last.partition) == (MARKER_KEY, 3)
    marker = decode_marker(last.value)
    assert (marker.clock.time, marker.programs) == (at.clock, ((1, 1, PROGRAM.version, 0),))


def test_at_least_once_shows_what_it_writes_and_commits_offsets_with_metadata_after_it(
    kafka_bootstrap: str, kafka_log: KafkaLog, prefix: str
) -> None:
    topic = f"{prefix}topic"
    kafka_log.create_topics([TopicSpec(topic, 1, {})])
    log = AtLeastOnceLog(kafka_bootstrap)
    place = Partition(topic, 0)
    consumer = log.consumer(f"{prefix}group")
    consumer.subscribe([topic], assigned=lambda _: None, revoked=lambda _: None, lost=lambda _: None)
    while not consumer.assignment():
        consumer.consume(1, 0.1)
    producer = log.producer(f"{prefix}id")
    producer.init(SECONDS)
    producer.begin()
    producer.produce([Outgoing(topic, b"key", b"value", 0)])
    producer.send_offsets({place: Committed(7, "round=3")}, consumer, SECONDS)
    assert kafka_log.group_offsets(f"{prefix}group", [topic]) == {place: Committed(None)}
    producer.commit(SECONDS)
    assert kafka_log.group_offsets(f"{prefix}group", [topic]) == {place: Committed(7, "round=3")}
    assert consumer.bounds([place], SECONDS) == {place: (0, 1)}
    producer.close()
    consumer.close()


def test_the_ratio_of_deliveries_is_one_of_rates() -> None:
    runs = [(EXACTLY_ONCE, Run(0.0, 5.0, 4.0, 0)), (AT_LEAST_ONCE, Run(0.0, 4.0, 4.0, 0))]
    assert compared(runs) == {
        "exactly_once_seconds": [5.0],
        "at_least_once_seconds": [4.0],
        "ratio": 0.8,
        "ratio_by_cpu": 1.0,
    }


def test_the_program_of_the_roastery_is_valid() -> None:
    assert load_program((ROOT / "bench" / "roastery.yaml").read_text("utf-8")).name == "Copper Kettle Rewards"


def test_the_roastery_journal_is_in_event_time_and_in_the_customers_partitions() -> None:
    catalog = Catalog("run1.")
    records = [(one, decode_record(one.value)) for one in roastery_journal(catalog, Sizes(200, 100))]
    customers = [(one, record) for one, record in records if isinstance(record, CustomerRecord)]
    ticks = Counter(one.partition for one, record in records if not isinstance(record, CustomerRecord))
    assert len(customers) >= 190  # some messages of the roastery are dead letters
    for one, record in customers:
        assert record.source == f"run1.transactions:{partition_for(one.key, 4)}"
    assert set(ticks) == {0, 1, 2, 3}
    assert len(set(ticks.values())) == 1


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        pytest.param([0.002], {"p50": 2.0, "p90": 2.0, "p99": 2.0, "max": 2.0}, id="one"),
        pytest.param(
            [number / 1_000 for number in range(200, 0, -1)],
            {"p50": 100.0, "p90": 180.0, "p99": 198.0, "max": 200.0},
            id="two-hundred",
        ),
    ],
)
def test_percentiles_are_the_smallest_that_so_many_do_not_exceed(
    spans: list[float], expected: dict[str, float]
) -> None:
    since = [float(number) for number in range(len(spans))]
    assert percentiles(since, [at + span for at, span in zip(since, spans, strict=True)]) == expected


def test_each_bill_is_found_in_one_notification_alone() -> None:
    (bill,) = three_line_bills(1, 1)
    state = CustomerState(Head(1, bill.customer_id))
    groups = decide(state, bill, Programs().activate(TEN_RULES), bill.event_time)
    context = Context(
        org_id=1,
        customer_id=bill.customer_id,
        record=bill,
        org=OrgView([ProgramView(TEN_RULES)]),
        recorded_at=bill.received_at,
        profile=Profile(),
    )
    found = {
        notification.event: bill_in(notification.body)
        for notification in RENDERER.render_all(groups, 1, context)
        if notification.topic == "notifications.customers"
    }
    assert found == {EventName.CUSTOMER_ADDED: None, EventName.TRANSACTION_ADDED: 0}
