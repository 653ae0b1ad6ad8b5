from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.terminal import Terminal
from tests.trial.trying import Trying


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """A terminal; a trial needs no data folder."""
    return Terminal(tmp_path / "data", monkeypatch, capsys)


@pytest.fixture
def trying(terminal: Terminal, tmp_path: Path) -> Trying:
    """A folder for programs and messages."""
    return Trying(terminal, tmp_path)
