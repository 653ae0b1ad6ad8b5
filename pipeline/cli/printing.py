"""Prints untrusted text so that it can neither control the terminal nor mislead its reader.

Names, headers and messages may hold escape sequences, line breaks and characters that turn the direction of writing.
All output goes through `say`, `say_json` and consoles of the class `PlainConsole`.
"""

from __future__ import annotations

import json

import click


def printable(text: str) -> str:
    """The text on one line, with what cannot be printed escaped: `\\x1b`, `\\n`, `\\u202e`."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def printable_lines(text: str) -> str:
    """The text with what cannot be printed escaped, but for its line breaks."""
    return "\n".join(map(printable, text.split("\n")))


def say(text: str, *, err: bool = False) -> None:
    """Print a line, or several, for people."""
    click.echo(printable_lines(text), err=err)


def say_json(text: str) -> None:
    """Print one JSON value, with what cannot be printed in the escapes of JSON: the value stays the same."""
    click.echo(text if text.isprintable() else "".join(map(_in_json, text)))


def write_bytes(content: bytes) -> None:
    """Write bytes as they are: for `--raw`, and for nothing else."""
    click.echo(content, nl=False)


def _in_json(char: str) -> str:
    return char if char.isprintable() or char == "\n" else json.dumps(char)[1:-1]
