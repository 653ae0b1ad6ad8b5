"""The peers' own virtual environment, made when it is first needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

from bench.report import progress

ROOT: Final = Path(__file__).resolve().parent.parent.parent
FOLDER: Final = ROOT / ".venv-bench"
REQUIREMENTS: Final = Path(__file__).with_name("requirements.txt")


def python() -> str:
    """The interpreter that has the peers."""
    interpreter = FOLDER / "bin" / "python"
    installed = FOLDER / "installed.txt"
    wanted = REQUIREMENTS.read_text()
    if not installed.exists() or installed.read_text() != wanted:
        progress(f"installing the peers into {FOLDER.name} (once)")
        subprocess.run([sys.executable, "-m", "venv", FOLDER], check=True)
        pip = f"{interpreter} -m pip install --quiet --disable-pip-version-check".split()
        subprocess.run([*pip, "-r", REQUIREMENTS], check=True)
        installed.write_text(wanted)
    return str(interpreter)


def version_of(package: str) -> str:
    """The version of a peer that is installed."""
    ask = f"from importlib.metadata import version; print(version({package!r}))"
    return subprocess.run([python(), "-c", ask], check=True, capture_output=True, text=True).stdout.strip()
