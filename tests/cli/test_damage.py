"""A log file that the disk has changed: every command that reads it says so, with exit code 2 and no traceback."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing

import pytest

from pipeline.log.embedded import FILE_NAME
from tests.cli.terminal import Terminal

READING = (
    "backfill begin",
    "dlq list",
    "program show",
    "tail",
    "tail --json",
    "topics describe",
    "verify --log-only",
)
MESSAGES = b"\n".join(b'{"type": "customEvent", "orgId": 1, "customerId": %d}' % number for number in range(300))


@pytest.fixture
def full(with_topics: Terminal) -> Terminal:
    """Something in the topics that commands read."""
    with_topics.done("program", "apply", "examples/programs/roastery.yaml")
    with_topics.done("send", "-", stdin=MESSAGES)
    return with_topics


@pytest.mark.parametrize("command", ["program show", "backfill begin"])
def test_batch_that_was_changed_is_named_with_what_to_do(full: Terminal, command: str) -> None:
    with closing(sqlite3.connect(full.folder / FILE_NAME)) as connection, connection:
        connection.execute("UPDATE batches SET messages = zeroblob(length(messages))")

    ended = full.run(*command.split())

    assert (ended.code, ended.out) == (2, "")
    assert f"the log {full.folder / FILE_NAME} is damaged: the messages of loyalty." in ended.err
    assert ended.err.endswith("from offset 0 on are not as written; put a copy of the file in its place\n")


@pytest.mark.parametrize("seed", range(6))
def test_no_command_ends_with_a_traceback_whichever_bits_are_flipped(full: Terminal, seed: int) -> None:
    chance = random.Random(seed)
    with closing(sqlite3.connect(full.folder / FILE_NAME)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    file = full.folder / FILE_NAME
    content = bytearray(file.read_bytes())
    for _ in range(200):
        content[chance.randrange(100, len(content))] ^= 1 << chance.randrange(8)
    file.write_bytes(content)

    # Anything else than words is an exception, which `run` lets through.
    ends = {command: full.run(*command.split()).code for command in READING}

    assert 2 in ends.values(), ends
    assert ends.keys() == set(READING)
