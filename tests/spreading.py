"""How the tests of a run are spread over its processes."""

from __future__ import annotations

from xdist.scheduler import LoadFileScheduling

_ONE_BY_ONE = ("tests/generators/", "tests/simulation/")
"""Where tests are long and share no fixture."""


class ByFile(LoadFileScheduling):
    """Gives each file to one process, so that its fixtures are built once; tests of some folders go one by one."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if nodeid.startswith(_ONE_BY_ONE) else super()._split_scope(nodeid)
