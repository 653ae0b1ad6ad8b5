"""The cluster of mock brokers inside librdkafka, told what to answer: for a client's errors, never for its data.

It shows aborted records to everybody and forgets the offsets of a transaction, so it proves how errors are met and
nothing about exactly once.
"""

from __future__ import annotations

import ctypes
from collections import Counter
from enum import IntEnum
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import confluent_kafka

_PRODUCER: Final = 0
_ALL_BROKERS: Final = -1
_BROKER: Final = 1
_TEXT_BYTES: Final = 512


class Api(IntEnum):
    """Requests of Kafka's protocol, by their keys."""

    PRODUCE = 0
    FETCH = 1
    LIST_OFFSETS = 2
    OFFSET_COMMIT = 8
    OFFSET_FETCH = 9
    HEARTBEAT = 12
    INIT_PRODUCER_ID = 22
    ADD_PARTITIONS = 24
    ADD_OFFSETS = 25
    END_TXN = 26
    TXN_OFFSET_COMMIT = 28


class MockCluster:
    """One broker, as long as the block. Nothing of it outlives it."""

    def __init__(self) -> None:
        library = _library()
        text = ctypes.create_string_buffer(_TEXT_BYTES)
        self._handle = library.rd_kafka_new(_PRODUCER, None, text, _TEXT_BYTES)
        assert self._handle, text.value
        self._library = library
        self._cluster = library.rd_kafka_mock_cluster_new(self._handle, 1)
        self.bootstrap = library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()
        library.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, 0)
        library.rd_kafka_mock_start_request_tracking(self._cluster)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._library.rd_kafka_mock_cluster_destroy(self._cluster)
        self._library.rd_kafka_destroy(self._handle)

    def topic(self, name: str, partitions: int = 1) -> None:
        """Create a topic."""
        self._did(self._library.rd_kafka_mock_topic_create(self._cluster, name.encode(), partitions, 1))

    def fail(self, api: Api, *errors: int) -> None:
        """The next requests of this kind are refused with these errors; `_TRANSPORT` cuts the connection instead."""
        codes = (ctypes.c_int * len(errors))(*errors)
        self._library.rd_kafka_mock_push_request_errors_array(self._cluster, api, len(errors), codes)

    def heal(self, api: Api) -> None:
        """Requests of this kind are refused no longer."""
        self._library.rd_kafka_mock_clear_request_errors(self._cluster, api)

    def answer_late(self, api: Api, seconds: float) -> None:
        """The next request of this kind takes effect at once and is answered so much later."""
        pair = ctypes.c_int(0), ctypes.c_int(int(seconds * 1_000))
        self._did(
            self._library.rd_kafka_mock_broker_push_request_error_rtts(
                ctypes.c_void_p(self._cluster),
                ctypes.c_int32(_BROKER),
                ctypes.c_int16(api),
                ctypes.c_size_t(1),
                *pair,
            )
        )

    def slow_down(self, seconds: float) -> None:
        """Every answer comes so much later."""
        self._did(self._library.rd_kafka_mock_broker_set_rtt(self._cluster, _ALL_BROKERS, int(seconds * 1_000)))

    def go_down(self) -> None:
        """Cut all connections and accept none."""
        self._did(self._library.rd_kafka_mock_broker_set_down(self._cluster, _ALL_BROKERS))

    def come_up(self) -> None:
        """Accept connections again."""
        self._did(self._library.rd_kafka_mock_broker_set_up(self._cluster, _ALL_BROKERS))

    def requests(self) -> Counter[int]:
        """How many requests came so far, by API key."""
        count = ctypes.c_size_t()
        found = self._library.rd_kafka_mock_get_requests(self._cluster, ctypes.byref(count))
        keys = Counter(self._library.rd_kafka_mock_request_api_key(found[index]) for index in range(count.value))
        self._library.rd_kafka_mock_request_destroy_array(found, count)
        return keys

    def _did(self, error: int) -> None:
        assert error == 0, f"librdkafka's mock answers {error}"


@cache
def _library() -> Any:
    """The very library that confluent_kafka has loaded; its wheel brings it along."""
    package = Path(confluent_kafka.__file__).parent
    folders = (package.parent / "confluent_kafka.libs", package / ".dylibs")
    paths = [path for folder in folders for path in sorted(folder.glob("librdkafka*"))]
    assert paths, f"no librdkafka beside {package}"
    library = ctypes.CDLL(str(paths[0]))
    pointer, text = ctypes.c_void_p, ctypes.c_char_p
    for name, result, arguments in (
        ("rd_kafka_new", pointer, (ctypes.c_int, pointer, text, ctypes.c_size_t)),
        ("rd_kafka_destroy", None, (pointer,)),
        ("rd_kafka_mock_cluster_new", pointer, (pointer, ctypes.c_int)),
        ("rd_kafka_mock_cluster_destroy", None, (pointer,)),
        ("rd_kafka_mock_cluster_bootstraps", text, (pointer,)),
        ("rd_kafka_mock_group_initial_rebalance_delay_ms", None, (pointer, ctypes.c_int32)),
        ("rd_kafka_mock_start_request_tracking", None, (pointer,)),
        ("rd_kafka_mock_get_requests", ctypes.POINTER(pointer), (pointer, pointer)),
        ("rd_kafka_mock_request_api_key", ctypes.c_int16, (pointer,)),
        ("rd_kafka_mock_request_destroy_array", None, (pointer, ctypes.c_size_t)),
        ("rd_kafka_mock_topic_create", ctypes.c_int, (pointer, text, ctypes.c_int, ctypes.c_int)),
        ("rd_kafka_mock_push_request_errors_array", None, (pointer, ctypes.c_int16, ctypes.c_size_t, pointer)),
        ("rd_kafka_mock_clear_request_errors", None, (pointer, ctypes.c_int16)),
        ("rd_kafka_mock_broker_set_rtt", ctypes.c_int, (pointer, ctypes.c_int32, ctypes.c_int)),
        ("rd_kafka_mock_broker_set_down", ctypes.c_int, (pointer, ctypes.c_int32)),
        ("rd_kafka_mock_broker_set_up", ctypes.c_int, (pointer, ctypes.c_int32)),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library
