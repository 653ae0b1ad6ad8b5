"""Whatever others write, in programs, messages, headers and files: no command hands it to the terminal as it is."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import click
import pytest

from pipeline.cli.activating import activate
from pipeline.cli.main import accrue
from pipeline.log.port import Outgoing
from schemas.program import ProgramDefinition
from tests.cli.conftest import terminal
from tests.cli.terminal import Terminal
from tests.cli.test_dlq import letter
from tests.cli.test_printing import HOSTILE, unbearable
from tests.e2e.product import Product, wait_until

__all__ = ["terminal"]

# What intake takes, as it stands in a message: C1 controls and letters that run backwards.
BACKWARDS = "\u202egnp\u2066\x9b31m\x85\u200f"
PROGRAM: dict[str, Any] = {
    "org_id": 100,
    "program_id": 1,
    "version": 1,
    "name": HOSTILE,
    "zone": "UTC",
    "currency": "GBP",
    "rules": [{"id": "spend", "kind": "spend", "points": 1, "per_minor": 1}],
    "tiers": {
        "basis": "lifetime_points",
        "levels": [{"name": f"a{HOSTILE}"[:100], "threshold": 0}, {"name": f"b{HOSTILE}"[:100], "threshold": 100}],
    },
    "milestones": [
        {
            "id": "visit",
            "target_id": 1,
            "name": HOSTILE,
            "period": "day",
            "counts": {"of": "transactions"},
            "target": 1,
            "points": 5,
        }
    ],
    "streaks": [
        {
            "id": "daily",
            "streak_id": 1,
            "name": HOSTILE,
            "description": HOSTILE,
            "milestone": "visit",
            "levels": [{"name": HOSTILE, "periods": 1}],
        }
    ],
}
WALKED: dict[str, tuple[tuple[str, ...], ...]] = {
    "backfill begin": (("backfill", "begin"),),
    "backfill end": (("backfill", "end"),),
    "customer": (("customer", "100", "7"), ("customer", "100", "8")),
    "dlq list": (("dlq", "list"), ("dlq", "list", "--reason", HOSTILE.replace("\0", ""))),
    "dlq replay": (
        ("dlq", "replay", "--all", "--dry-run"),
        ("dlq", "replay", "--reason", "NONE"),
        ("dlq", "replay", "3:0"),
        ("dlq", "replay", "--all"),
    ),
    "dlq show": (("dlq", "show", "0:0"), ("dlq", "show", "3:0"), ("dlq", "show", "9:9")),
    "erase": (("erase", "100", "8"),),
    "events check": (("events", "check", "{folder}/message\x1b.json"),),
    "events list": (("events", "list"),),
    "events show": (("events", "show", "visit"), ("events", "show", HOSTILE.replace("\0", ""))),
    "events unknown": (("events", "unknown"),),
    "held": (("held", "100"),),
    "identity conflicts": (("identity", "conflicts", "100"),),
    "identity link": (("identity", "link", "100", "7", f"email={BACKWARDS}@x.com"),),
    "identity merge": (("identity", "merge", "100", "9", "8"),),
    "identity show": (("identity", "show", "100", "7"), ("identity", "show", "100", f"email={BACKWARDS}@x.com")),
    "identity unlink": (("identity", "unlink", "100", "7", f"email={BACKWARDS}@x.com"),),
    "import messages": (("import", "messages", "{folder}/message\x1b.json", "--resolve"),),
    "import retail": (("import", "retail", "{folder}/odd\x9b\u202e.csv"), ("import", "retail", "{folder}/good.csv")),
    "key create": (("key", "create", "--org", "100", "--scope", "read", "--label", HOSTILE.replace("\0", "")),),
    "key list": (("key", "list"),),
    "key revoke": (("key", "revoke", HOSTILE.replace("\0", "")),),
    "program apply": (("program", "apply", "{folder}/program\x1b.yaml"),),
    "program check": (
        ("program", "check", "{folder}/program\x1b.yaml"),
        ("program", "check", "{folder}/keys.yaml"),
    ),
    "program diff": (("program", "diff", "{folder}/program\x1b.yaml", "{folder}/program\x1b.yaml"),),
    "program move-members": (("program", "move-members", "--org", "100", "--program", "1", "--dry-run"),),
    "program schema": (("program", "schema"),),
    "program show": (("program", "show"),),
    "report": (("report", "--customers", "{folder}/customers.csv"),),
    "send": (("send", "{folder}/message\x1b.json"), ("send", "{folder}/list.json")),
    "settings apply": (("settings", "apply", "{folder}/keys.yaml"),),
    "settings diff": (("settings", "diff", "{folder}/keys.yaml"),),
    "settings show": (("settings", "show"),),
    "simulate": (
        ("simulate", json.dumps({"type": HOSTILE, "orgId": 100, "customerId": 7, HOSTILE: HOSTILE})),
        (
            "simulate",
            json.dumps(
                {"type": "transactionAdded", "orgId": 100, "customerId": 7, "billNumber": "S", "amountMinor": 1}
                | {"currency": "GBP", "store": BACKWARDS}
            ),
        ),
        ("simulate", HOSTILE.replace("\0", "")),
    ),
    "sql": (
        ("sql", "SELECT * FROM customers"),
        ("sql", "SELECT definition FROM programs"),
        ("sql", HOSTILE.replace("\0", "")),
    ),
    "tail": (
        ("tail", "-n", "100"),
        ("tail", "--customer", "7"),
        ("tail", "--event", "pointsIssued"),
        ("tail", "--replies"),
    ),
    "topics create": (("topics", "create"),),
    "topics describe": (("topics", "describe"),),
    "topics list": (("topics", "list"),),
    "try": (
        ("try", "{folder}/odd\x1b.yaml", "{folder}/odd\x1b.jsonl"),
        ("try", "{folder}/try.yaml", "{folder}/odd\x1b.jsonl"),
    ),
    "verify": (("verify",),),
}
CLICKHOUSE = {"customer", "report", "sql", "verify"}
ELSEWHERE = {"demo", "worker"}
"""A demo has its own program; what the worker said is looked at by itself."""


def commands(group: click.Group, *path: str) -> Iterator[str]:
    with click.Context(group) as context:
        for name in group.list_commands(context):
            one = group.get_command(context, name)
            if isinstance(one, click.Group):
                yield from commands(one, *path, name)
            else:
                yield " ".join((*path, name))


def message(kind: str, **fields: Any) -> bytes:
    common = {"type": kind, "orgId": 100, "customerId": 7, "eventTime": time.time_ns() // 1_000_000}
    return json.dumps({**common, **fields}).encode()


MESSAGES = (
    message(
        "customerAdded",
        profile={"firstName": BACKWARDS, "email": f"{BACKWARDS}@x", "extended": {f"x{BACKWARDS}": BACKWARDS}},
    ),
    message("transactionAdded", billNumber=f"B{BACKWARDS}", amountMinor=1_000, currency="GBP", store=BACKWARDS),
    message("transactionAdded", billNumber=f"B{BACKWARDS}", amountMinor=1_001, currency="GBP"),
    message("customEvent", name=f"visit{BACKWARDS}", attributes={f"a{BACKWARDS}": BACKWARDS}),
    message("redeemPoints", points=10**9, programId=1, note=HOSTILE),
    message(HOSTILE, **{HOSTILE: HOSTILE}),
    HOSTILE.encode(),
    b"\xff\x1b]0;owned\x07",
)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Product:
    """A folder in which everything that others may name has a hostile name, after a worker has been at work."""
    product = Product(tmp_path_factory.mktemp("hostile"))
    product.run("topics", "create")
    definition = ProgramDefinition.model_validate_json(json.dumps(PROGRAM))
    with product.place.log() as log:
        activate(product.place, log, definition)
        with closing(log.producer()) as producer:
            headers = ((HOSTILE, HOSTILE.encode()), (HOSTILE, b"\xff\x1b"), ("", b""))
            topic = product.place.catalog.name("transactions")
            producer.produce([Outgoing(topic, HOSTILE.encode(), one, 0, headers) for one in MESSAGES])
            # Whoever may write to the dead-letter topic may say that a message came from anywhere.
            origin = (f"loyalty.{HOSTILE}", 0, 0)
            producer.produce([letter(3, HOSTILE.encode(), origin=origin, reason=HOSTILE, headers=headers)])
            producer.flush(10.0)
    with product.watched() as watch, product.worker() as worker:
        wait_until(lambda: watch.is_stored() and len(watch.facts_of(100, 7)) > 1 and worker.is_ready(), worker)
        worker.stop()
        said = worker.words()
    (product.folder / "worker-said").write_text(said, "utf-8")
    return product


def test_every_command_is_walked_here() -> None:
    assert set(commands(accrue)) == WALKED.keys() | ELSEWHERE


def test_worker_says_nothing_that_a_terminal_obeys(told: Product) -> None:
    said = (told.folder / "worker-said").read_text("utf-8")

    assert "ready" in said or "Worker" in said
    assert unbearable(said) == []


@pytest.mark.parametrize("as_json", [False, True], ids=["people", "json"])
@pytest.mark.parametrize("command", sorted(WALKED))
def test_no_command_prints_what_a_terminal_obeys(
    command: str, told: Product, terminal: Terminal, *, as_json: bool
) -> None:
    write_files(told.folder)
    terminal.set("ACCRUE_DATA_DIR", str(told.data))

    for arguments in WALKED[command]:
        filled = [one.replace("{folder}", str(told.folder)) for one in arguments]
        if as_json and command != "program schema":
            filled.append("--json")
        out, err = in_a_process(told, filled) if command in CLICKHOUSE else terminal.run(*filled)[1:]
        assert "Traceback" not in err
        assert unbearable(out) == [], out
        assert unbearable(err) == [], err
        if as_json and out:
            for line in out.splitlines() if command == "tail" else [out]:
                json.loads(line)


def in_a_process(told: Product, arguments: list[str]) -> tuple[str, str]:
    """What a command prints that opens the embedded ClickHouse, which a process opens once."""
    ended = told.ended(*arguments)
    return ended.stdout, ended.stderr


def test_table_of_customers_holds_nothing_that_a_terminal_obeys(told: Product) -> None:
    file = told.folder / "table.csv"
    told.run("report", "--customers", str(file))

    text = file.read_text("utf-8")
    assert "owned" in text
    assert unbearable(text) == []


def write_files(folder: Path) -> None:
    (folder / "program\x1b.yaml").write_text(json.dumps(PROGRAM), "utf-8")
    (folder / "keys.yaml").write_text(json.dumps({HOSTILE: HOSTILE, "zone": HOSTILE, "org_id": HOSTILE}), "utf-8")
    (folder / "message\x1b.json").write_bytes(MESSAGES[-2])
    (folder / "odd\x1b.yaml").write_text(json.dumps(PROGRAM), "utf-8")
    (folder / "try.yaml").write_text(
        json.dumps({**PROGRAM, "name": "Try", "tiers": None, "milestones": [], "streaks": []})
    )
    (folder / "odd\x1b.jsonl").write_bytes(b"\n".join(MESSAGES[:-2]))
    (folder / "list.json").write_text(f"[{HOSTILE}", "utf-8")
    header = ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"]
    for name, rows in (("odd\x9b\u202e.csv", [[HOSTILE]]), ("good.csv", [header, [HOSTILE.replace("\0", "")] * 8])):
        with (folder / name).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(rows)
