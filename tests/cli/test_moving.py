"""`accrue program move-members`: who would move to the tiers in force, and the command for each of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from pipeline.cli.reading import partitions_of, read_all
from pipeline.engine.state import Head, Section, encode_state
from pipeline.engine.tiers.state import Measured, Tenure
from pipeline.log.embedded import EmbeddedLog
from pipeline.log.port import Outgoing
from tests.cli.terminal import Terminal
from tests.steps import program

LEVELS = [{"name": "Base", "threshold": 0}, {"name": "Silver", "threshold": 500}, {"name": "Gold", "threshold": 900}]
BY_HAND = Tenure(currency="POINTS", term=Measured(), floor_id="gold")


def member(customer: int, tier: int, spent: int, version: int = 1, tenure: Tenure | None = None) -> Head:
    section = Section(version=version, tier=tier, purchases_minor=spent, tenure=tenure)
    return Head(org_id=1, customer_id=customer, sections={1: section})


def in_force(terminal: Terminal, folder: Path, *heads: Head, **parts: Any) -> None:
    tiers = {"tiers": {"basis": "net_purchases", "levels": LEVELS}} | parts
    file = folder / "program.yaml"
    file.write_bytes(program(**tiers).model_dump_json(exclude_defaults=True).encode())
    terminal.done("program", "apply", str(file))
    log = EmbeddedLog(terminal.folder)
    producer = log.producer()
    states = [Outgoing("loyalty.state", b"1:%d" % one.customer_id, encode_state(one), 0) for one in heads]
    producer.produce(
        [*states, Outgoing("loyalty.state", b"1:7#bill:B1", b"", 0), Outgoing("loyalty.state", b"2:7", b"", 0)]
    )
    producer.flush(10.0)
    log.close()


def asked(terminal: Terminal) -> list[tuple[str, int]]:
    log = EmbeddedLog(terminal.folder)
    try:
        messages = [
            msgspec.json.decode(one.value or b"") for one in read_all(log, partitions_of(["loyalty.commands"], 4))
        ]
    finally:
        log.close()
    return sorted((one["type"], one["customerId"]) for one in messages)


def test_members_above_and_below_what_their_values_give_are_told_and_asked_to_move(
    with_topics: Terminal, tmp_path: Path
) -> None:
    heads = [
        member(7, 2, 100),
        member(8, 3, 600),
        member(9, 3, 600),
        member(10, 1, 950),
        member(11, 2, 500),
        member(12, 3, 0, tenure=BY_HAND),
        member(13, 3, 0, version=0),
        Head(org_id=1, customer_id=14),
    ]
    in_force(with_topics, tmp_path, *heads)

    dry = with_topics.done("program", "move-members", "--program", "1", "--dry-run")

    assert dry.out.splitlines() == [
        "Base to Gold: 1 member",
        "Gold to Silver: 2 members",
        "Silver to Base: 1 member",
        "1 member left alone: the version in force has not reached them yet",
        "4 of 7 members would move",
    ]
    assert asked(with_topics) == []
    sent = with_topics.done("program", "move-members", "--program", "1", "--json").json
    assert (sent["members"], sent["behind"], sent["sent"], len(sent["moves"])) == (7, 1, 4, 3)
    assert asked(with_topics) == [("reassessTier", customer) for customer in (7, 8, 9, 10)]


def test_nobody_is_asked_where_nobody_would_move(with_topics: Terminal, tmp_path: Path) -> None:
    in_force(with_topics, tmp_path, member(7, 2, 500))
    assert with_topics.done("program", "move-members", "--program", "1").out == "0 of 1 member are asked to move\n"


def test_program_without_tiers_or_that_is_not_in_force_is_refused(with_topics: Terminal, tmp_path: Path) -> None:
    in_force(with_topics, tmp_path, tiers=None)
    for number in ("1", "2"):
        ended = with_topics.run("program", "move-members", "--program", number)
        assert (ended.code, "is not in force, or has no tiers" in ended.err) == (2, True)
