"""What (k) sets the gateway beside: an aiohttp handler that produces what it is sent and answers once that is done."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Final

from aiohttp import web
from confluent_kafka import Producer

PATH: Final = "/v1/messages"
_POLL_SECONDS: Final = 0.1


def app(bootstrap: str, topic: str) -> web.Application:
    """The application; what it produces is acknowledged as what the gateway sends is."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "acks": "all",
            "enable.idempotence": True,
            "compression.type": "lz4",
            "linger.ms": 5,
            "log_level": 0,
        }
    )

    async def post(request: web.Request) -> web.Response:
        loop, sent = asyncio.get_running_loop(), asyncio.Future[None]()
        body = await request.read()
        producer.produce(topic, body, on_delivery=lambda error, _: loop.call_soon_threadsafe(_end, sent, error))
        await sent
        return web.json_response({"outcome": "accepted"}, status=HTTPStatus.ACCEPTED)

    async def healthcheck(_: web.Request) -> web.Response:
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def polled(_: web.Application) -> AsyncIterator[None]:
        stop = threading.Event()
        polling = asyncio.create_task(asyncio.to_thread(_poll, producer, stop))
        yield
        stop.set()
        await polling

    made = web.Application()
    made.add_routes([web.post(PATH, post), web.get("/healthcheck", healthcheck)])
    made.cleanup_ctx.append(polled)
    return made


def _poll(producer: Producer, stop: threading.Event) -> None:
    while not stop.is_set():
        producer.poll(_POLL_SECONDS)


def _end(sent: asyncio.Future[None], error: object) -> None:
    if error is None:
        sent.set_result(None)
    else:
        sent.set_exception(RuntimeError(str(error)))


def main() -> None:
    """Serve until the process is told to end."""
    port = int(os.environ["BENCH_PORT"])
    made = app(os.environ["BENCH_BOOTSTRAP"], os.environ["BENCH_TOPIC"])
    web.run_app(made, host="127.0.0.1", port=port, access_log=None, print=None)


if __name__ == "__main__":
    main()
