"""The messages of other systems that the README sends, from a file to the journal."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from pipeline.cli.settings_file import settings_in
from pipeline.intake.dialects.registry import read
from pipeline.intake.org_settings import known
from pipeline.intake.verdict import Accepted, Limits
from pipeline.log.embedded import EmbeddedLog
from pipeline.log.port import Message, Partition
from tests.cli.terminal import Terminal

ORGS = {org.org_id: known(org) for org in settings_in(Path("examples/settings/roastery.yaml")).orgs}


def sent(folder: Path) -> list[Message]:
    with closing(EmbeddedLog(folder)) as log, closing(log.consumer()) as consumer:
        consumer.assign({Partition("loyalty.events", number): 0 for number in range(4)})
        return consumer.consume(100, 1.0)


@pytest.mark.parametrize(
    ("name", "count"), [("voucherify", 1), ("openloyalty", 2), ("capillary", 1), ("capillary-customer", 1)]
)
def test_the_samples_are_accepted(
    name: str, count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = Terminal(tmp_path, monkeypatch, capsys)
    headers = [
        f"--header=accrue.{header}" for header in (f"dialect={name.partition('-')[0]}", "org=100", "store=DEFAULT")
    ]
    ended = terminal.done("send", f"examples/dialects/{name}.json", "--topic", "events", *headers)
    assert "without a customer" not in ended.err

    messages = sent(tmp_path)
    verdicts = [read(one, wall=one.timestamp, limits=Limits("loyalty.transactions", orgs=ORGS)) for one in messages]
    assert [type(one) for one in verdicts] == [Accepted] * count


def test_a_header_is_a_name_and_a_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = Terminal(tmp_path, monkeypatch, capsys)
    ended = terminal.run("send", "examples/dialects/voucherify.json", "--header", "accrue.dialect")
    assert ended.code == 2
    assert "'accrue.dialect' is no header: write NAME=VALUE" in ended.err
