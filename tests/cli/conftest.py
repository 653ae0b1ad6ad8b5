from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.terminal import Terminal


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """A terminal on a folder that is not there yet."""
    return Terminal(tmp_path / "data", monkeypatch, capsys)


@pytest.fixture
def with_topics(terminal: Terminal) -> Terminal:
    """A terminal on an embedded log that has its topics."""
    terminal.done("topics", "create")
    return terminal
