"""A log file that the disk has changed: commands say so in words, and take nothing changed for what was written."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from functools import cache
from pathlib import Path
from typing import Final
from unittest.mock import patch

import msgspec

from pipeline.cli.reading import partitions_of, read_all
from pipeline.cli.sentences import Sentences
from pipeline.cli.tail import line_of
from pipeline.failure import Failure
from pipeline.log.embedded import FILE_NAME, EmbeddedLog
from pipeline.verify.log import verify_log
from pipeline.verify.report import Report
from tests.runtime.workshop import Workshop, history
from tests.verify.damage import Nobody

_FLIPS_MAX: Final = 300
_PREFIX: Final = "f."
_SHORT: Final = (
    ("pipeline.verify.reading._SETTLE_SECONDS", 0.01),
    ("pipeline.verify.partition._COMMIT_SECONDS", 0.01),
    ("pipeline.cli.reading._TIMEOUT", 0.3),
    ("pipeline.cli.reading._POLL", 0.05),
)


class _Damage(msgspec.Struct, array_like=True):
    flips: list[tuple[int, int]]
    """Place in millionths of the file, and bit."""
    cut: int
    """What is left of the file, in millionths."""


@cache
def _sound() -> bytes:
    """A log on which a worker has decided a little history."""
    with tempfile.TemporaryDirectory(prefix="accrue-fuzz-") as folder:
        log = EmbeddedLog(Path(folder))
        workshop = Workshop(log, Path(folder), _PREFIX)
        workshop.journal(*history(customers=4, days=12))
        workshop.decide_all()
        workshop.close()
        log.close()
        return (Path(folder) / FILE_NAME).read_bytes()


def make(chance: random.Random) -> bytes:
    """Some flipped bits, near one another or all over the file; sometimes the end is gone."""
    count = chance.choice([1, 5, 60, _FLIPS_MAX])
    begin, width = chance.choice([(0, 10**6), (chance.randrange(10**6), 20_000), (0, 2_000)])
    flips = [((begin + chance.randrange(width)) % 10**6, chance.randrange(8)) for _ in range(count)]
    return msgspec.msgpack.encode(_Damage(flips, chance.choice([10**6, 10**6, 10**6, chance.randrange(10**6)])))


def run(raw: bytes) -> str:
    """Verify the damaged log, and read its notifications as `accrue tail` does."""
    damage = msgspec.msgpack.decode(raw, type=_Damage)
    content = bytearray(_sound())
    for place, bit in damage.flips:
        content[place * len(content) // 10**6] ^= 1 << bit
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="accrue-fuzz-")))
        (folder / FILE_NAME).write_bytes(content[: damage.cut * len(content) // 10**6])
        for name, seconds in _SHORT:
            stack.enter_context(patch(name, seconds))
        return ", ".join(_looks(folder))


def _looks(folder: Path) -> Iterator[str]:
    try:
        with closing(EmbeddedLog(folder)) as log:
            workshop = Workshop(log, folder, _PREFIX)
            workshop.close()
            catalog = workshop.catalog
            report = Report(findings_max=20)
            try:
                verify_log(log, catalog, f"{_PREFIX}accrue.loyalty", (0, 1), 0.0, report, Nobody())
                yield "holds" if report.holds else "broken"
            except Failure as error:
                yield type(error).__name__
            for message in read_all(log, partitions_of(list(catalog.notifications), catalog.partitions)):
                assert line_of(message, Sentences(())).plain
            yield "told"
    except Failure as error:
        yield type(error).__name__
