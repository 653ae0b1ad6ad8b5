"""A trial starts fast: it loads nothing that only a running system needs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.trial.golden import ARGUMENTS


def test_trial_loads_no_log_and_no_database() -> None:
    heavy = ("faust", "mode", "confluent_kafka", "chdb", "clickhouse_connect", "rocksdict", "sqlite3", "rich")
    code = (
        "import sys\n"
        f"sys.argv = ['accrue', *{ARGUMENTS!r}]\n"
        "from pipeline.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stderr == "[]\n"
