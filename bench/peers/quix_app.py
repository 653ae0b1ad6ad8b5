"""The simple job as an idiomatic Quix Streams app: a stateful function, exactly once."""

from __future__ import annotations

from typing import Any

from quixstreams import Application, State

from bench.peers.job import FROM_JOURNAL, NOBODY, earn, notification, of_message, of_record, peer


def main() -> None:
    """Run until told to stop."""
    settings = peer()
    app = Application(
        broker_address=settings.bootstrap,
        consumer_group="bench-quix",
        auto_offset_reset="earliest",
        processing_guarantee="exactly-once",
        state_dir=settings.folder,
        auto_create_topics=True,
        loglevel="WARNING",
    )
    from_journal = settings.format == FROM_JOURNAL
    source = app.topic(settings.source, value_deserializer="bytes" if from_journal else "json")
    facts = app.topic(settings.facts, value_serializer="json")
    points = app.topic(settings.points, value_serializer="json")

    def serve(value: Any, state: State) -> dict[str, Any] | None:
        bill = of_record(value) if from_journal else of_message(value)
        if bill is None:
            return None
        standing = state.get("standing", NOBODY)
        earned = earn(standing, bill)
        state.set("standing", {"balance": earned["balance"], "tier": earned["tier"]})
        return {"earned": earned, "notification": notification(earned, bill)}

    served = app.dataframe(source).apply(serve, stateful=True).filter(lambda value: value is not None)
    served.apply(lambda value: value["earned"]).to_topic(facts)
    served.apply(lambda value: value["notification"]).to_topic(points)
    app.run()


if __name__ == "__main__":
    main()
