"""Pages: what a worker tells whoever watches it: that it lives, whether it is ready, and its metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import faust
from faust.web import Request, Response, View

from pipeline.runtime.host.metrics import CONTENT_TYPE, Metrics


def add_pages(
    app: faust.App,
    alive: Callable[[], Mapping[str, bool]],
    status: Callable[[], Mapping[str, tuple[bool, str]]],
    metrics: Metrics,
) -> None:
    """Add `/livez`, `/readyz` and `/metrics`; `alive` and `status` tell of each role."""

    async def livez(view: View, _request: Request) -> Response:
        """Whether every role runs."""
        dead = sorted(name for name, lives in alive().items() if not lives)
        return view.json({"alive": not dead, "dead": dead}, status=503 if dead else 200)

    async def readyz(view: View, _request: Request) -> Response:
        """Whether every role is ready, and why not."""
        roles = {name: {"ready": ready, "reason": why} for name, (ready, why) in status().items()}
        ready = all(one["ready"] for one in roles.values())
        return view.json({"ready": ready, "roles": roles}, status=200 if ready else 503)

    async def show_metrics(view: View, _request: Request) -> Response:
        """What stands now, for Prometheus."""
        return view.text(metrics.text(), headers={"Content-Type": CONTENT_TYPE})

    for path, page in (("/livez", livez), ("/readyz", readyz), ("/metrics", show_metrics)):
        app.page(path, name=path[1:])(page)
