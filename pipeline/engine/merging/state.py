"""What a customer keeps of merges."""

from __future__ import annotations

import msgspec


class Merge(msgspec.Struct, array_like=True):
    """The merges that a customer takes part in."""

    into: int = 0
    """Who this customer is from now on; 0 for themselves."""
    awaits: dict[int, str] = {}
    """The victims who have not answered yet, each with the id of the merge."""
    victims: list[int] = []
    """Those who were merged into this customer, in order: their bills and their history are under their numbers."""
