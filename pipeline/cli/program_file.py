"""Program files: YAML or JSON text in, a valid program or every mistake in it out."""

from __future__ import annotations

import pathlib
from typing import Final

from pipeline.cli.program_parts import between_parts
from pipeline.cli.program_problem import InvalidProgram, Problem
from pipeline.cli.written_file import WrittenFile
from schemas.program import ProgramDefinition
from schemas.succession import succession

_FILES: Final = WrittenFile(ProgramDefinition, "a program", between_parts)


def load_program(text: str) -> ProgramDefinition:
    """The program written in `text`, YAML or JSON; raises `InvalidProgram` with the mistakes in it."""
    return _FILES.load(text)


def program_in(file: pathlib.Path, *, after: ProgramDefinition | None = None) -> ProgramDefinition:
    """The program in a file; raises `InvalidProgram` with the mistakes in it, and if it may not follow `after`."""
    program = _FILES.read(file)
    if after is not None and (problems := problems_after(after, program)):
        raise InvalidProgram(problems)
    return program


def problems_after(predecessor: ProgramDefinition, successor: ProgramDefinition) -> list[Problem]:
    """Why a version may not follow another, as mistakes in its file; nothing for equal versions."""
    if predecessor == successor:
        return []
    return [
        Problem(path=one.path, line=None, wrong=one.problem, right=one.remedy)
        for one in succession(predecessor, successor)
    ]
