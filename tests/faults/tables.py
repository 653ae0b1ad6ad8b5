"""What stands in the ClickHouse tables of a folder, as JSON: in a process of its own, as one folder needs one.

`python -m tests.faults.tables FOLDER`
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import clickhouse_connect

QUERIES = {
    "rows": """
        SELECT src_topic, toUInt64(count()), toUInt64(uniqExact(src_partition, src_offset)), sum(src_offset) FROM (
            SELECT src_topic, src_partition, src_offset FROM journal
            UNION ALL SELECT DISTINCT src_topic, src_partition, src_offset FROM facts
            UNION ALL SELECT src_topic, src_partition, src_offset FROM notifications
            UNION ALL SELECT src_topic, src_partition, src_offset FROM replies
        ) GROUP BY src_topic""",
    "facts": "SELECT count() FROM facts",
    "notification_ids": "SELECT uniqExact(event_id) FROM notifications",
    "unbalanced": """
        SELECT count() FROM (
            SELECT sum(points) AS rest FROM ledger_entries GROUP BY org_id, customer_id, seq HAVING rest != 0
        )""",
    "members": "SELECT customer_id, sum(points) FROM ledger_entries WHERE account = 'current' GROUP BY customer_id",
    "movements": "SELECT customer_id, kind, sum(points), count() FROM points_decisions GROUP BY customer_id, kind",
    "states": """
        SELECT customer_id, arraySum(accounts.balance), arraySum(accounts.lifetime), tier
        FROM customer_state FINAL WHERE program_id = 1""",
}


def tables_in(folder: Path) -> dict[str, list[list[Any]]]:
    """The answers to all queries, asked by another process."""
    asked = subprocess.run([sys.executable, "-m", "tests.faults.tables", folder], capture_output=True, check=False)
    if asked.returncode:
        raise RuntimeError(asked.stderr.decode()[-2_000:])
    answers: dict[str, list[list[Any]]] = json.loads(asked.stdout)
    return answers


def main() -> None:
    """Ask, and print the answers."""
    client = clickhouse_connect.get_client(interface="chdb", path=sys.argv[1])
    answers = {name: [list(row) for row in client.query(query).result_rows] for name, query in QUERIES.items()}
    client.close()
    sys.stdout.write(json.dumps(answers))


if __name__ == "__main__":
    main()
