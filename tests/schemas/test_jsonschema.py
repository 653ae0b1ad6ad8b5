"""The JSON Schema of programs."""

from __future__ import annotations

from schemas import jsonschema


def test_the_committed_file_equals_the_program_definition() -> None:
    wanted = jsonschema.text_of(jsonschema.program_schema())
    assert jsonschema.FILE.read_text() == wanted, "run: python -m schemas.jsonschema"


def test_an_editor_learns_the_fields_and_that_no_others_are_allowed() -> None:
    schema = jsonschema.program_schema()
    assert schema["additionalProperties"] is False
    assert schema["required"] == ["org_id", "program_id", "version", "name", "zone", "currency"]
    assert set(schema["properties"]["rules"]["items"]["discriminator"]["mapping"]) == {"spend", "multiplier", "event"}
