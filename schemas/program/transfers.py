"""Transfers: what becomes of points that a customer gives to another one."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from schemas.program.values import Definition


class Transfers(Definition):
    """What becomes of points with the customer who receives them."""

    expiry: Literal["keep", "reset"] = "keep"
    """They keep their last day, or last as long as points that the receiver is awarded on that day. What is past its
    last day stays so."""
    extra_days: Annotated[int, Field(ge=0, le=3_650)] | None = None
    """With `expiry: reset`, how many days they may last beyond their own last day; None for no limit."""
    lifetime: Literal["keep", "count"] = "keep"
    """Whether they count towards the lifetime points of the receiver, and so what tiers go by. The sender keeps
    theirs."""

    @field_validator("extra_days")
    @classmethod
    def _goes_with_reset(cls, extra_days: int | None, info: ValidationInfo) -> int | None:
        if extra_days is not None and info.data.get("expiry") == "keep":
            message = "goes with expiry: reset; write that, or leave extra_days out"
            raise ValueError(message)
        return extra_days
