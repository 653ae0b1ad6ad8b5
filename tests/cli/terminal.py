"""The `accrue` command in this process, from arguments to exit code."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pipeline.cli.main import main


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, as JSON."""
        return json.loads(self.out)


class Terminal:
    """Where somebody types commands that work on one data folder."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        monkeypatch.setenv("ACCRUE_DATA_DIR", str(folder))

    def run(self, *arguments: str, stdin: bytes = b"") -> Ended:
        """Run a command to its end."""
        self._monkeypatch.setattr(sys, "argv", ["accrue", *arguments])
        self._monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as exit_:
            main()
        out, err = self._capsys.readouterr()
        code = exit_.value.code
        return Ended(code if isinstance(code, int) else 0, out, err)

    def done(self, *arguments: str, stdin: bytes = b"") -> Ended:
        """Run a command that must succeed."""
        ended = self.run(*arguments, stdin=stdin)
        assert ended.code == 0, ended
        return ended

    def set(self, name: str, value: str) -> None:
        """Set a variable for the commands that follow."""
        self._monkeypatch.setenv(name, value)
