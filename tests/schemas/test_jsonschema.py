"""The JSON Schema of programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from schemas import jsonschema


def test_the_committed_file_equals_the_program_definition() -> None:
    wanted = jsonschema.text_of(jsonschema.program_schema())
    assert jsonschema.FILE.read_text() == wanted, "run: python -m schemas.jsonschema"


def test_every_pattern_has_its_words() -> None:
    patterned = list(_with_pattern(jsonschema.program_schema()))

    assert len({one["pattern"] for one in patterned}) >= 3
    assert [one for one in patterned if "description" not in one] == []


def _with_pattern(node: object) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if "pattern" in node:
            yield node
        for part in node.values():
            yield from _with_pattern(part)
    elif isinstance(node, list):
        for part in node:
            yield from _with_pattern(part)


def test_an_editor_learns_the_fields_and_that_no_others_are_allowed() -> None:
    schema = jsonschema.program_schema()
    assert schema["additionalProperties"] is False
    assert schema["required"] == ["org_id", "program_id", "version", "name", "zone", "currency"]
    assert set(schema["properties"]["rules"]["items"]["discriminator"]["mapping"]) == {"spend", "multiplier", "event"}
