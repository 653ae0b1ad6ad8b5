"""The worker's monitoring pages: liveness, readiness and metrics."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec

from pipeline.runtime.host.metrics import CONTENT_TYPE, Metrics
from pipeline.runtime.host.starting import Roles
from pipeline.runtime.host.web import Answer, Page


def pages_of(roles: Roles, group: str) -> dict[str, Page]:
    """The pages about these roles, by path; `group` is the prefix of their consumer groups."""
    behind = {one.name: one.behind for one in roles.all}
    metrics = Metrics(group, [loop.progress for loop in roles.loops], behind, roles.status)

    def livez() -> Answer:
        """Whether every role runs."""
        dead = sorted(name for name, lives in roles.alive().items() if not lives)
        return _json({"alive": not dead, "dead": dead}, well=not dead)

    def readyz() -> Answer:
        """Whether every role is ready, and why not."""
        told = {name: {"ready": ready, "reason": why} for name, (ready, why) in roles.status().items()}
        ready = all(one["ready"] for one in told.values())
        return _json({"ready": ready, "roles": told}, well=ready)

    def show_metrics() -> Answer:
        """The current metrics, for Prometheus."""
        return Answer(HTTPStatus.OK, metrics.text().encode(), CONTENT_TYPE)

    return {"/livez": livez, "/readyz": readyz, "/metrics": show_metrics}


def _json(told: dict[str, Any], *, well: bool) -> Answer:
    status = HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE
    return Answer(status, msgspec.json.encode(told), "application/json")
