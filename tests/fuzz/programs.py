"""Program files: each is a program that runs, or is refused with mistakes that can be read, and soon."""

from __future__ import annotations

import json
import random
from datetime import date
from pathlib import Path
from typing import Final

from pipeline.cli.printing import printable_lines
from pipeline.cli.program_doubts import doubts
from pipeline.cli.program_file import load_program
from pipeline.cli.program_problem import PROBLEMS_MAX, InvalidProgram
from pipeline.cli.program_yaml import read_yaml
from tests.dsl import Story
from tests.fuzz.mutating import BYTES, restructured
from tests.steps import bought, did

_FOLDER: Final = Path(__file__).parents[2] / "examples" / "programs"
_TEXTS: Final = [path.read_text("utf-8") for path in sorted(_FOLDER.glob("*.yaml"))]
_SNIPPETS: Final = (
    *("&a ", "*a", "<<: *a\n", "!!binary aGk=", "!!timestamp 9", "!!python/name:os.system", "? [1]\n: 2\n", "- - -"),
    *("0x1F", "1:59:59", "1_000", "1e999", ".inf", "9999-12-31", "2024-02-30", "localtime", '"\\ud800"', "\u2028"),
    *('"\\x1b[2J"', '"\\UFFFFFFFF"', "'\u202e'", "[[[[", "{{{{", "}}", "---\n", "...\n", "%YAML 1.9\n", "|\n", ">-\n"),
    *("{ <<: [*a, *a] }", "[*a, *a, *a, *a, *a, *a, *a, *a, *a]", "&b [*a, *a]", "99999999999999999999", "-0", "3/0"),
    *("\t", "~"),
)
_SHOWN_MAX: Final = 100_000


def make(chance: random.Random) -> bytes:
    """A program file, more or less like an example."""
    text = chance.choice(_TEXTS)
    kind = chance.randrange(10)
    if kind <= 2:
        return chance.choice(BYTES)(chance, text.encode())
    if kind <= 6:
        lines = text.splitlines(keepends=True)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(lines))
            key, colon, _ = lines[at].partition(":")
            snippet = chance.choice(_SNIPPETS)
            lines[at] = f"{key}{colon} {snippet}\n" if colon and chance.random() < 0.8 else lines[at] + snippet
        return "".join(lines).encode("utf-8", "surrogatepass")
    content = restructured(chance, json.loads(json.dumps(read_yaml(text).value)))
    return json.dumps(content).encode()


def run(raw: bytes) -> str:
    """Check it, and let two records pass through what is valid."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return "not text"
    try:
        program = load_program(text)
    except InvalidProgram as error:
        return refused(error)
    list(doubts(program, date(2026, 11, 29)))
    assert load_program(program.model_dump_json()) == program
    story = Story(program.model_copy(update={"org_id": 1}))
    story.play(bought("B1", 10**9, "2024-05-31", currency=program.currency))
    story.play(did("brew_logged", "2024-06-01", attributes={"grams": 10**15}))
    return "valid"


def refused(error: InvalidProgram) -> str:
    """Read the mistakes."""
    assert 1 <= len(error.problems) <= PROBLEMS_MAX
    assert len(str(error)) < _SHOWN_MAX
    assert all(line.isprintable() for line in printable_lines(str(error)).split("\n"))
    return f"refused: {error.problems[0].wrong.partition(' ')[0]}"
