"""Every dialect that intake reads, by name. A new dialect is a module beside this one and a line here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from pipeline.intake.dialects import native
from pipeline.intake.verdict import Accepted, Incoming, Limits, Rejected


class Dialect(Protocol):
    """Reads one input message. Pure: the same message, time and limits always give the same verdict."""

    def __call__(self, message: Incoming, *, wall: int, limits: Limits) -> Accepted | Rejected:
        """Return the canonical record of the message, or every defect that keeps it from being one.

        Args:
            message: what was read from an input topic.
            wall: the wall clock, milliseconds since the epoch.
            limits: what the message is held to beside the shape of its fields.
        """


NATIVE: Final = "native"
"""The native dialect, used by default."""
DIALECTS: Final[Mapping[str, Dialect]] = {
    NATIVE: native.normalise,
}
