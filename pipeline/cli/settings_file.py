"""Settings files: YAML or JSON text in, the settings of some orgs or every mistake in them out."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pipeline.cli.written_file import WrittenFile
from schemas.settings import OrgSettings

_FILES: Final = WrittenFile(OrgSettings, "a file of settings")


def settings_in(file: Path) -> OrgSettings:
    """The settings in a file; raises `InvalidProgram` with the mistakes in it."""
    return _FILES.read(file)
