"""A console whose text cannot command the terminal: only its own styles can."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from pipeline.cli.printing import printable_lines


class PlainConsole(Console):
    """A console that escapes what cannot be printed in whatever it is given; its own styles stay."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """What is to be written, in pieces."""
        for segment in super().render(renderable, options):
            if segment.control or segment.text.isprintable():
                yield segment
            else:
                yield Segment(printable_lines(segment.text), segment.style)

    def on_broken_pipe(self) -> None:
        """Leave it to `main`: rich would exit with 1, by which `verify` says that something is broken."""
        raise BrokenPipeError
