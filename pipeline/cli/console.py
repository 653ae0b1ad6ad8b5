"""A console that keeps untrusted text from controlling the terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from pipeline.cli.printing import printable_lines


class PlainConsole(Console):
    """Escapes unprintable characters in everything that it prints; its own styles stay."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """What is to be written, in pieces."""
        for segment in super().render(renderable, options):
            if segment.control or segment.text.isprintable():
                yield segment
            else:
                yield Segment(printable_lines(segment.text), segment.style)

    def on_broken_pipe(self) -> None:
        """Leaves a closed pipe to `main`: rich would exit with 1, which `verify` uses for a failed check."""
        raise BrokenPipeError
