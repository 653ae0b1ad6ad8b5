"""What a stage knows besides state and record."""

from __future__ import annotations

import msgspec

from pipeline.engine.programs import Org


class Moment(msgspec.Struct, frozen=True, gc=False):
    """The circumstances of one decision."""

    org: Org
    cause: str
    """`recordType:id` of the record."""
    at: int
    """The record's event time: the effective time of what it decides."""
    clock: int
    """The customer's clock: what it was, or the instant of this decision where that is later."""
