"""Mistakes in files that people write (programs, settings), and how they are reported."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final, NamedTuple

from pipeline.cli.printing import printable
from pipeline.failure import Failure

PROBLEMS_MAX: Final = 100
"""Mistakes that are reported for one file; there may be as many as the file has values."""
_SEEN_MAX: Final = 60
"""Characters of a wrong value that are shown."""

Path = tuple[str | int, ...]


class Problem(NamedTuple):
    """One mistake in a file."""

    path: str
    """The path, such as `rules[0].per_minor`; empty for the whole file."""
    line: int | None
    """The line of the file, from 1; None if there is no line to point to."""
    wrong: str
    """What is wrong, with the value seen."""
    right: str
    """What would be right; empty if `wrong` says it."""

    def __str__(self) -> str:
        where = ", ".join(part for part in (f"line {self.line}" if self.line else "", self.path) if part)
        return f"{where or 'the file'}: {self.wrong}{'; ' if self.right else ''}{self.right}"


class InvalidProgram(Failure):
    """The text is not valid; `problems` has its first `PROBLEMS_MAX` mistakes in file order."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line or 0)[:PROBLEMS_MAX])
        self.has_more = len(problems) > PROBLEMS_MAX
        """Whether there are more mistakes than `problems` holds."""
        more = ["and more; correct these first"] if self.has_more else []
        super().__init__("\n".join([*map(str, self.problems), *more]))


def dotted(path: Path) -> str:
    """Formats a path: `rules[0].per_minor`."""
    return "".join(
        f"[{step}]" if isinstance(step, int) else f".{printable(shortened(step))}" for step in path
    ).removeprefix(".")


def shown(value: object) -> str:
    """A value of the file, shortened."""
    return shortened(repr(value) if isinstance(value, str) else json.dumps(value))


def shortened(text: str) -> str:
    """The text, shortened."""
    return text if len(text) <= _SEEN_MAX else text[: _SEEN_MAX - 1] + "…"
