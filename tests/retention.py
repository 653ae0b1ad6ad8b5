"""What retention does after a time, at once."""

from __future__ import annotations

from typing import Final

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

_SECONDS: Final = 60.0


def delete_before(bootstrap: str, topic: str, number: int, offset: int) -> None:
    """Delete the beginning of a partition, up to the offset."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    for deleted in admin.delete_records([TopicPartition(topic, number, offset)]).values():
        assert deleted.result(_SECONDS).low_watermark == offset
