"""On a real Kafka: a round whose output is refused is seen, halts the role, and gets through once it may."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

from pipeline.log.kafka import KafkaLog
from pipeline.runtime.loop.failures import RoundRefused
from schemas.records import WALL_SOURCE, CustomerAdded, Profile, decode_record
from tests.runtime.workshop import DAY, START, Until, Workshop, activation, bill

FAILURES = 8


def test_record_whose_output_is_too_long_for_the_client_halts_the_role_without_a_tick_behind_it(
    kafka_log: KafkaLog, tmp_path: Path, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = Profile(extended={f"field {number}": "x" * 100 for number in range(100)})
    long = CustomerAdded(START, "in:0", 2, 1, 6, "c6", 2, START, profile)
    with closing(Workshop(kafka_log, tmp_path, prefix, partitions=1)) as workshop:
        workshop.journal(activation(), bill(5, 1, START))
        workshop.decide_all()
        workshop.journal(long, bill(5, 3, START))
        walls = count(START + DAY, 2_000)
        with monkeypatch.context() as less:
            less.setattr("pipeline.log.kafka_producer._MESSAGE_BYTES_MAX", 4_000)
            less.setattr("pipeline.runtime.loop.loop._FAILURES_MAX", FAILURES)
            loop = workshop.loyalty(wall_tick=timedelta(seconds=1))

            def wall() -> int:
                """Stands still until a round fails; after that every look would be worth a tick."""
                return next(walls) if loop.progress.aborts_by_cause else START + DAY

            less.setattr(workshop.clock, "wall", wall)
            with pytest.raises(
                RoundRefused, match=rf"from {prefix}journal:0:\d+ on failed {FAILURES + 1} times.*MSG_SIZE"
            ):
                loop.run(Until(lambda: False))
        ticks = [one for one in workshop.read("journal") if decode_record(one.value or b"").source == WALL_SOURCE]
        workshop.decide_all()
        facts = workshop.read("facts")

    assert loop.progress.trouble
    assert len(ticks) <= 1  # before the first failure
    assert [one.key for one in facts] == [b"1:5", b"1:6", b"1:5"]
