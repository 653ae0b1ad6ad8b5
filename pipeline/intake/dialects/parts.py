"""Reads a vendor's JSON object part by part, and notes what is wrong by the vendor's own paths."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from pipeline.intake.defects import joined, shown
from pipeline.intake.verdict import Defect
from schemas.money import minor_digits

_DECIMAL: Final = re.compile(r"[0-9]{1,15}(\.[0-9]{1,15})?")
_WHOLE: Final = re.compile(r"-?[0-9]{1,16}(\.0)?")
_TEXT_MAX: Final = 1_000


class Part:
    """One object of a message. A field that is wrong is noted among `defects`, and then counts as absent.

    Numbers with a fraction are text here, digit for digit as they were sent.
    """

    def __init__(self, fields: Mapping[str, Any], path: str, defects: list[Defect]) -> None:
        self.fields = fields
        self.path = path
        self.defects = defects

    def at(self, name: str) -> str:
        """The path of a field."""
        return joined(self.path, name)

    def wrong(self, name: str, problem: str, remedy: str) -> None:
        """Note what is wrong with a field."""
        self.defects.append(Defect(self.at(name), problem, remedy))

    def part(self, name: str, *, required: str = "") -> Part:
        """The object in a field; an empty one where there is none. `required`: what it should hold."""
        value = self.fields.get(name)
        if isinstance(value, dict):
            return Part(value, self.at(name), self.defects)
        if value is not None:
            self.wrong(name, f"is {shown(value)}", f"write an object{required and f' with {required}'}")
        elif required:
            self.wrong(name, "is missing", f"add an object with {required}")
        return Part({}, self.at(name), self.defects)

    def parts(self, name: str) -> list[Part]:
        """The objects of a list in a field."""
        value = self.fields.get(name)
        if value is None:
            return []
        if isinstance(value, list) and all(isinstance(one, dict) for one in value):
            return [Part(one, f"{self.at(name)}[{place}]", self.defects) for place, one in enumerate(value)]
        self.wrong(name, f"is {shown(value)}", "write a list of objects")
        return []

    def text(self, name: str, *, required: str = "") -> str:
        """The text of a field, a whole number as its digits; empty where there is none. `required`: what is missing."""
        value = self.fields.get(name)
        if isinstance(value, str) or type(value) is int:
            text = str(value).strip()
            if text or not required:
                return text
        elif value is not None:
            self.wrong(name, f"is {shown(value)}", "write a text")
            return ""
        if required:
            self.wrong(name, "is missing" if value is None else "is empty", f"add {required}")
        return ""

    def whole(self, name: str) -> int | None:
        """The whole number in a field, which may be written as text."""
        text = self.text(name)
        if not text:
            return None
        if _WHOLE.fullmatch(text):
            return int(text.removesuffix(".0"))
        self.wrong(name, f"is {shown(self.fields[name])}", "write a whole number")
        return None

    def minor(self, name: str, currency: str, *, required: str = "") -> int | None:
        """The amount in a field, in minor units of the currency; None where there is none."""
        text = self.text(name, required=required)
        if not text:
            return None
        digits = minor_digits(currency)
        if _DECIMAL.fullmatch(text):
            minor = Decimal(text).scaleb(digits)
            if minor == minor.to_integral_value():
                return int(minor)
        self.wrong(
            name,
            f"is {shown(self.fields[name])}",
            f"write an amount from 0 with at most {digits} decimals ({currency})",
        )
        return None


def attributes_of(part: Part, *, without: frozenset[str] = frozenset()) -> dict[str, Any]:
    """The fields of an object as attributes of an event. Nested values are kept as JSON text; null is nothing."""
    found: dict[str, Any] = {}
    for name, value in part.fields.items():
        if value is None or name in without:
            continue
        if isinstance(value, dict | list):
            text = json.dumps(value, ensure_ascii=False)
            if len(text) > _TEXT_MAX:
                part.wrong(name, f"has {len(text)} characters", f"write at most {_TEXT_MAX}")
                continue
            found[name] = text
        else:
            found[name] = value
    return found
