"""What every benchmark prints: one JSON line with its figures, its command and the machine."""

from __future__ import annotations

import json
import os
import platform
import shlex
import sys
import time
from pathlib import Path


def cpu_model() -> str:
    """The processor's name, as the system gives it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def loop_nanoseconds() -> float:
    """What one turn of a plain loop of additions takes: tells a machine that is slow or shared from one that is not."""
    turns = 200_000
    best = float("inf")
    for _ in range(5):
        total = 0
        began = time.perf_counter()
        for number in range(turns):
            total += number
        best = min(best, time.perf_counter() - began)
    return round(best / turns * 1e9, 1)


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    return {
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "loop_nanoseconds": loop_nanoseconds(),
        "python": f"{platform.python_version()} ({platform.python_compiler()}; {' '.join(platform.python_build())})",
    }


def report(benchmark: str, figures: dict[str, object]) -> None:
    """Print the line of one benchmark."""
    command = shlex.join(["python", "-m", "bench", benchmark.partition(".")[0], *sys.argv[1:]])
    line = {"benchmark": benchmark, **figures, "command": command, "machine": machine()}
    print(json.dumps(line), flush=True)


def progress(text: str) -> None:
    """Tell whoever waits what is going on; not part of the result."""
    print(f"# {text}", file=sys.stderr, flush=True)
