"""How long a job takes, seen from outside: from the first message that is written to the last that is visible."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from threading import Event
from typing import Final, NamedTuple

from bench.cluster import Cluster
from bench.processes import Process

_LOOK_SECONDS: Final = 0.1
_QUIET_SECONDS: Final = 3.0
"""Nothing was written for so long: time to ask whether that was all."""
_STUCK_SECONDS: Final = 60.0


class Run(NamedTuple):
    """What one job took. Starting up, joining the group and restoring are `startup_seconds`, and not in the rest."""

    startup_seconds: float
    seconds: float
    cpu_seconds: float
    resident_bytes_max: int

    def figures(self, records: int, outputs: int) -> dict[str, object]:
        """Rates and what they were made of."""
        return {
            "records": records,
            "outputs": outputs,
            "seconds": round(self.seconds, 2),
            "cpu_seconds": round(self.cpu_seconds, 2),
            "records_per_second": round(records / self.seconds),
            "outputs_per_second": round(outputs / self.seconds),
            "records_per_cpu_second": round(records / self.cpu_seconds),
            "startup_seconds": round(self.startup_seconds, 2),
            "resident_megabytes_max": self.resident_bytes_max // 2**20,
        }


def watch(
    cluster: Cluster,
    outputs: Sequence[str],
    processes: Sequence[Process],
    done: Callable[[], bool],
    limit: float,
    *,
    between: Sequence[str] = (),
) -> Run:
    """Look at the ends of topics until the job is `done`; raises `TimeoutError` after `limit` seconds.

    The time runs from the first message in `outputs` or in the topics `between` input and outputs, to the last output.
    """
    began = time.monotonic()
    topics = [*outputs, *between]
    before = written = cluster.ends(topics, visible=False)
    visible = cluster.ends(outputs, visible=True)
    first = first_cpu = last = last_cpu = moved = 0.0
    pause = Event()
    while True:
        pause.wait(_LOOK_SECONDS)
        now_written = cluster.ends(topics, visible=False)
        now_visible = cluster.ends(outputs, visible=True)
        now = time.monotonic()
        for process in processes:
            process.check()
        cpu = sum(process.cpu_seconds() for process in processes)
        if not first and now_written != before:
            first, first_cpu = now, cpu
        if now_visible != visible:
            last, last_cpu = now, cpu
        if (now_written, now_visible) != (written, visible):
            moved = now
        written, visible = now_written, now_visible
        if first and now - moved > _QUIET_SECONDS and done():
            resident = sum(process.resident_bytes()[1] for process in processes)
            return Run(first - began, last - first, last_cpu - first_cpu, resident)
        stuck = first and now - moved > _STUCK_SECONDS
        if stuck or now - began > limit:
            message = f"not done after {now - began:.0f} s, and nothing was written in the last {now - moved:.0f} s"
            raise TimeoutError(message)
