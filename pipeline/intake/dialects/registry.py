"""Every dialect that intake reads, by name. A new dialect is a module beside this one and a line here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from pipeline.intake.defects import shown
from pipeline.intake.dialects import capillary, native, openloyalty, voucherify
from pipeline.intake.letters.letter import DIALECT_HEADER
from pipeline.intake.verdict import Accepted, Defect, Incoming, Limits, Reason, Rejected


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
    "openloyalty": openloyalty.normalise,
    "voucherify": voucherify.normalise,
    "capillary": capillary.normalise,
}


def read(message: Incoming, *, wall: int, limits: Limits) -> Accepted | Rejected:
    """The verdict on a message by the dialect that it is in: that of its header, else of its topic, else native.

    Nobody guesses: a message that names an unknown dialect is rejected.
    """
    name = _dialect_of(message, limits) if message.headers or limits.topics else NATIVE
    dialect = DIALECTS.get(name)
    if dialect is None:
        problem = f"the header {DIALECT_HEADER} is {shown(name)}"
        defect = Defect("", problem, f"write one of {', '.join(DIALECTS)}, or leave it out")
        return Rejected(Reason.UNKNOWN_DIALECT, (defect,))
    return dialect(message, wall=wall, limits=limits)


def _dialect_of(message: Incoming, limits: Limits) -> str:
    named = dict(message.headers).get(DIALECT_HEADER)
    if named is not None:
        return named.decode(errors="replace")
    setting = limits.topics.get(message.topic)
    return NATIVE if setting is None else setting.dialect
