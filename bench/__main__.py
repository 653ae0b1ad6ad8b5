"""`python -m bench [a … k memory clickhouse] [--records N] [--customers N]`: runs benchmarks one after the other.

Each runs in processes of its own, and prints one JSON line for each thing it measures. Run nothing else meanwhile.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from typing import Final

BENCHMARKS: Final = {
    "a": "bench.engine_alone",
    "b": "bench.codecs",
    "c": "bench.whole_program",
    "d": "bench.simple_job",
    "e": "bench.delivery",
    "f": "bench.latency",
    "g": "bench.restart",
    "h": "bench.restart",  # on the same customers, in the same run
    "i": "bench.takeover",
    "j": "bench.midnight",
    "k": "bench.doors",
    "memory": "bench.memory",
    "clickhouse": "bench.clickhouse",
}


def main() -> int:
    """Run those named, all where none is; the number that failed."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; default: all")
    parser.add_argument("--records", type=int, help="input records; each benchmark has a default of its own")
    parser.add_argument("--customers", type=int, help="customers they are about")
    chosen = parser.parse_args()
    if unknown := set(chosen.names) - BENCHMARKS.keys():
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    sizes = [
        part
        for name in ("records", "customers")
        if (value := getattr(chosen, name)) is not None
        for part in (f"--{name}", str(value))
    ]
    failed = 0
    for module in dict.fromkeys(BENCHMARKS[name] for name in chosen.names or BENCHMARKS):
        failed += subprocess.run([sys.executable, "-m", module, *sizes], check=False).returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(main())
