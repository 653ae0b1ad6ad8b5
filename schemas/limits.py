"""Limits on what people write.

They are checked where a program is written (`check`, `apply`), and shown to editors by the JSON Schema. A program that
is in force already is read without them: a limit that is added later must not stop a journal that holds more.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sized
from datetime import date
from typing import Any, Final

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, core_schema

WRITTEN: Final = {"written": True}
"""Give this as the validation context of what somebody has just written."""

_NOT_IN_A_LINE: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode categories of characters that a terminal obeys, that break a line, or that no UTF-8 can hold."""
_DIRECTIONS: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that turn the direction of writing, so that a text looks like another one."""


class Misfit(ValueError):
    """A value that is fine in itself but does not go with another, or with a limit.

    The validator of the later field raises it, not one of the model: so it is found beside mistakes in other fields.
    """

    def __init__(self, message: str, *within: str | int) -> None:
        super().__init__(message)
        self.within = within
        """Where in the field's value: the keys and indexes that lead to it."""


def is_written(info: ValidationInfo) -> bool:
    """Whether this validates what somebody has just written, and not a program in force."""
    return info.context is WRITTEN


class Limit:
    """A limit on the annotated value; each kind says what it refuses."""

    def check(self, value: Any) -> None:
        """Raise `Misfit` for a value beyond the limit."""
        raise NotImplementedError

    def in_schema(self) -> dict[str, object]:
        """What editors learn of it."""
        return {}

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_after_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(core), **self.in_schema()}

    def _checked(self, value: Any, info: ValidationInfo) -> Any:
        if value is not None and is_written(info):
            self.check(value)
        return value


class AtMost(Limit):
    """At most so many items in a list, or characters in a text."""

    def __init__(self, most: int, what: str = "items") -> None:
        self._most = most
        self._what = what

    def check(self, value: Sized) -> None:
        """Raise `Misfit` for a value that is longer."""
        if len(value) > self._most:
            message = f"holds {len(value):,} {self._what}; write at most {self._most:,}"
            raise Misfit(message)

    def in_schema(self) -> dict[str, object]:
        """The limit under the name that JSON Schema has for it."""
        return {"maxItems" if self._what == "items" else "maxLength": self._most}


class Plain(Limit):
    """Text without characters that a terminal would obey or that turn the direction of writing."""

    def __init__(self, allowed: str = "") -> None:
        self._allowed = allowed

    def check(self, value: str) -> None:
        """Raise `Misfit` with the first character that is not allowed."""
        for char in value:
            odd = unicodedata.category(char) in _NOT_IN_A_LINE or char in _DIRECTIONS
            if odd and char not in self._allowed:
                message = f"holds the control character U+{ord(char):04X}; leave it out"
                raise Misfit(message)


class Between(Limit):
    """A date from `first` to `last`."""

    def __init__(self, first: date, last: date) -> None:
        self._first = first
        self._last = last

    def check(self, value: date) -> None:
        """Raise `Misfit` for a date outside."""
        if not self._first <= value <= self._last:
            message = (
                f"is {value}; write a date from {self._first} to {self._last}, or leave it out where there is no limit"
            )
            raise Misfit(message)
