"""A worker that decides all that was sent to a folder."""

from __future__ import annotations

from pathlib import Path

from pipeline.log.embedded import EmbeddedLog
from pipeline.runtime.host.starting import roles_of
from pipeline.runtime.settings import Settings
from tests.log.desk import until


def work(folder: Path) -> None:
    """Let a worker decide all that was sent."""
    log = EmbeddedLog(folder)
    settings = Settings(data_dir=folder, web_port=None)
    with roles_of(settings, log, ["intake", "loyalty"]) as roles:
        roles.start()
        until(
            lambda: roles.loops[0].progress.records > 0 and not any(any(one.behind().values()) for one in roles.loops)
        )
        until(
            lambda: roles.loops[1].progress.records > 0 and not any(any(one.behind().values()) for one in roles.loops)
        )
        assert roles.loops[0].progress.odd_keys == {}
    log.close()
