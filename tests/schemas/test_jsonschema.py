"""The JSON Schema of programs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli.program_yaml import read_yaml
from schemas import jsonschema
from tests.schemas.validating import violations


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


@pytest.mark.parametrize("path", sorted(Path("examples/programs").glob("*.yaml")), ids=lambda path: path.stem)
def test_an_editor_takes_the_example_programs(path: Path) -> None:
    schema = jsonschema.program_schema()

    assert list(violations(read_yaml(path.read_text("utf-8")).value, schema, schema)) == []


@pytest.mark.parametrize(
    ("factor", "fits"), [(2, True), ("2", True), ("3/2", True), (1.5, False), ("1.5", False), (0, False), (True, False)]
)
def test_an_editor_takes_a_factor_as_number_or_ratio(factor: object, *, fits: bool) -> None:
    schema = jsonschema.program_schema()
    program = read_yaml(Path("examples/programs/online-retail.yaml").read_text("utf-8")).value
    program["rules"][1]["factor"] = factor

    assert (not list(violations(program, schema, schema))) is fits
