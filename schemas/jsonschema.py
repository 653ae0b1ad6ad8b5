"""The JSON Schema of program definitions, for editors: `python -m schemas.jsonschema` writes `program.schema.json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from schemas.program import ProgramDefinition

FILE: Final = Path(__file__).with_name("program.schema.json")


def program_schema() -> dict[str, Any]:
    """The schema; what only code can check (zones, ids that refer to one another) is not in it."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Accrue loyalty program",
        **{key: value for key, value in ProgramDefinition.model_json_schema().items() if key != "title"},
    }


def text_of(schema: dict[str, Any]) -> str:
    """The schema as it stands in its file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(text_of(program_schema()))
