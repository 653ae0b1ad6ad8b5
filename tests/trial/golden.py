"""The golden file of the example; `python -m tests.trial.golden` writes it anew: then read the diff."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from pipeline.cli.main import accrue

EXAMPLES = Path(__file__).parents[2] / "examples" / "try"
GOLDEN = Path(__file__).parent / "golden" / "corner-cafe.json"
ARGUMENTS = ("try", str(EXAMPLES / "corner-cafe.yaml"), str(EXAMPLES / "corner-cafe.jsonl"), "--json")


def story(out: str) -> Any:
    """What `accrue try` printed, without the bodies of facts, which are not promised, and the engine's version."""
    result = json.loads(out)
    del result["engine"]
    for step in result["steps"]:
        for fact in step["facts"]:
            fact["body"] = {}
    return result


if __name__ == "__main__":
    told = story(CliRunner().invoke(accrue, ARGUMENTS).stdout)
    GOLDEN.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", "utf-8")
