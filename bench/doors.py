"""(k) What it costs to come in by other doors: by a card instead of a customer id, over HTTP instead of Kafka."""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench import gateway, identifiers
from bench.cluster import Cluster
from bench.sizes import sizes
from tests.broker import running_broker


def main() -> None:
    """Measure and report."""
    size = sizes(20_000, 5_000)
    for compare in (identifiers.compare, gateway.compare):
        with running_broker() as bootstrap, tempfile.TemporaryDirectory(prefix="accrue-bench-") as folder:
            compare(Cluster(bootstrap), Path(folder), size)


if __name__ == "__main__":
    main()
