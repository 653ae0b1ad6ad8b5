"""The simple job as an idiomatic Faust app: an agent, a table in memory with its changelog, at least once."""

from __future__ import annotations

import faust
from faust.types import StreamT

from bench.peers.job import FROM_JOURNAL, NOBODY, Bill, earn, notification, of_message, of_record, peer

PEER = peer()

app = faust.App(
    "bench-faust",
    broker=f"aiokafka://{PEER.bootstrap}",
    store="memory://",
    datadir=PEER.folder,
    topic_partitions=4,
    topic_replication_factor=1,
    topic_disable_leader=True,
    consumer_auto_offset_reset="earliest",
    producer_acks=-1,
)
source = app.topic(PEER.source, key_serializer="raw", value_serializer="raw" if PEER.format == FROM_JOURNAL else "json")
facts = app.topic(PEER.facts, key_serializer="raw", value_serializer="json")
points = app.topic(PEER.points, key_serializer="raw", value_serializer="json")
standings = app.Table("standings", partitions=4)


def bill_of(value: object) -> Bill | None:
    return of_record(value) if isinstance(value, bytes) else of_message(value)  # type: ignore[arg-type]


@app.agent(source)
async def serve(stream: StreamT[object]) -> None:
    """Earn on each bill."""
    async for key, value in stream.items():
        bill = bill_of(value)
        if bill is not None:
            earned = earn(standings.get(bill.customer, NOBODY), bill)
            standings[bill.customer] = {"balance": earned["balance"], "tier": earned["tier"]}
            await facts.send(key=key, value=earned)
            await points.send(key=key, value=notification(earned, bill))


if __name__ == "__main__":
    app.main()
