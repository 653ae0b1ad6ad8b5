"""What others wrote cannot make a terminal obey, and cannot be read as something else."""

from __future__ import annotations

import io
import json
import re
import unicodedata

import pytest
from rich.live import Live
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from pipeline.cli.console import PlainConsole
from pipeline.cli.printing import printable, printable_lines, say, say_json

# Set the title, write the clipboard, clear the screen; one-character sequences of C1; letters that run backwards.
HOSTILE = "\x1b]0;owned\x07\x1b]52;c;aGk=\x07\x1b[2J\x9b31m\x85\u202egnp\u2066\u200f\x00\x08\r\u2028x"
STYLES = re.compile(r"\x1b\[[0-9;]*m")
CURSOR = re.compile(r"\x1b\[(\?25[lh]|[0-9]*[AKG])|\r")


def unbearable(text: str) -> list[str]:
    """Characters that a terminal would obey or that turn the direction of writing."""
    return [char for char in text if char != "\n" and unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]


def test_text_on_one_line_keeps_nothing_that_cannot_be_printed() -> None:
    assert printable("Köln ☕ 🥐") == "Köln ☕ 🥐"
    assert printable("a\x1b[2J\n\u202eb\x9b") == "a\\x1b[2J\\n\\u202eb\\x9b"
    assert printable(printable(HOSTILE)) == printable(HOSTILE)


def test_text_of_several_lines_keeps_its_line_breaks_only() -> None:
    assert printable_lines("a\x1b\nb\r\n") == "a\\x1b\nb\\r\n"


@pytest.mark.parametrize("where", ["text", "cell", "title", "panel", "markup", "live"])
def test_console_escapes_whatever_it_is_given_and_keeps_its_own_styles(where: str) -> None:
    out = io.StringIO()
    console = PlainConsole(file=out, force_terminal=True, width=200, height=50, _environ={})
    table = Table("a", title=HOSTILE if where == "title" else "t")
    table.add_row(Text(HOSTILE))
    if where == "live":
        with Live(console=console, auto_refresh=False, transient=True) as live:
            live.update(Panel(Text(HOSTILE), title=Text(HOSTILE)), refresh=True)
    elif where == "markup":
        console.print(f"[bold]{escape(HOSTILE)}[/]")
    else:
        console.print(
            {"text": Text(HOSTILE, "bold"), "panel": Panel(HOSTILE, title=HOSTILE, style="red")}.get(where, table)
        )

    written = out.getvalue()
    assert "owned" in written
    assert "\x1b" in written
    assert unbearable(CURSOR.sub("", STYLES.sub("", written))) == []


def test_line_for_people_is_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    say(HOSTILE)
    say(HOSTILE, err=True)

    out, err = capsys.readouterr()
    assert out == err
    assert unbearable(out) == []


def test_json_is_escaped_and_means_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"name": HOSTILE + "\ud800 Köln \U0001f950\U000e0001"}

    say_json(json.dumps(value, ensure_ascii=False))

    out = capsys.readouterr().out
    assert unbearable(out) == []
    assert "Köln \U0001f950" in out
    assert json.loads(out) == value
