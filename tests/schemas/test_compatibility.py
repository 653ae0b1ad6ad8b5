"""What a change of a schema breaks."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from schemas.compatibility import breaks

LINE: dict[str, Any] = {
    "type": "record",
    "name": "Line",
    "namespace": "t",
    "fields": [{"name": "sku", "type": "string"}, {"name": "amount", "type": "int"}],
}
KIND: dict[str, Any] = {"type": "enum", "name": "Kind", "namespace": "t", "symbols": ["a", "b"]}
BILL: dict[str, Any] = {
    "type": "record",
    "name": "Bill",
    "namespace": "t",
    "fields": [
        {"name": "number", "type": "string"},
        {"name": "lines", "type": {"type": "array", "items": LINE}},
        {"name": "kind", "type": KIND},
        {"name": "note", "type": ["null", "string"], "default": None},
        {"name": "more", "type": {"type": "map", "values": ["long", "string"]}},
        {"name": "extra", "type": "t.Line"},
    ],
}


def changed(**fields: Any) -> dict[str, Any]:
    """The bill with other types of fields; None takes the field out."""
    bill = copy.deepcopy(BILL)
    bill["fields"] = [
        {**field, "type": fields.get(field["name"], field["type"])}
        for field in bill["fields"]
        if fields.get(field["name"], "") is not None
    ]
    return bill


def appended(*fields: dict[str, Any]) -> dict[str, Any]:
    return {**BILL, "fields": [*BILL["fields"], *fields]}


def lines_of(**line: Any) -> dict[str, Any]:
    return {"type": "array", "items": {**LINE, **line}}


@pytest.mark.parametrize(
    "new",
    [
        BILL,
        appended({"name": "till", "type": "string", "default": ""}),
        changed(kind={**KIND, "symbols": ["a", "b", "c"]}),
        changed(more={"type": "map", "values": ["long", "string", "boolean"]}),
        changed(number=["string", "null"]),
        changed(lines=lines_of(fields=[{"name": "sku", "type": "string"}, {"name": "amount", "type": "long"}])),
        {**BILL, "doc": "said better"},
    ],
    ids=["nothing", "default", "symbol", "branch", "optional", "wider number", "doc"],
)
def test_a_change_that_old_data_can_bear_is_allowed(new: dict[str, Any]) -> None:
    assert breaks(BILL, new) == []


@pytest.mark.parametrize(
    ("new", "broken"),
    [
        (changed(number=None), ["number was removed"]),
        (changed(note=None), ["note was removed"]),
        (changed(number="long"), ["number was string and is long"]),
        (changed(lines="string"), ["lines was array and is string"]),
        (appended({"name": "till", "type": "string"}), ["till is new and has no default"]),
        (
            {**BILL, "fields": [{"name": "till", "type": "string", "default": ""}, *BILL["fields"]]},
            ["the type has its fields in another order; append new ones at the end"],
        ),
        (changed(kind={**KIND, "symbols": ["a"]}), ["kind lost the symbol b"]),
        (changed(note="string"), ["note can no longer be null"]),
        (changed(more={"type": "map", "values": ["long"]}), ["more[] can no longer be string"]),
        (
            changed(lines=lines_of(fields=[{"name": "sku", "type": "string"}])),
            ["lines[].amount was removed"],
        ),
        (changed(extra="t.Kind"), ["extra was t.Line and is t.Kind"]),
        ({**BILL, "name": "Receipt"}, ["the type was t.Bill and is t.Receipt"]),
        (
            {**BILL, "fields": [{**one, "default": ""} if one["name"] == "note" else one for one in BILL["fields"]]},
            ["note had the default None and has it no longer"],
        ),
    ],
)
def test_a_change_that_breaks_is_named_with_its_path(new: dict[str, Any], broken: list[str]) -> None:
    assert breaks(BILL, new) == broken
