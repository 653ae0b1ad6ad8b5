"""The table of notifications that people read says what is sent, where, and how as published."""

from __future__ import annotations

import re
from pathlib import Path

from pipeline.notify import profiles
from pipeline.notify.render import TABLES

README = Path(profiles.__file__).parent / "README.md"
ROW = re.compile(r"\| `(\w+)` \| (notifications\.\w+) \| (.+) \| (\w+) \|")


def test_every_event_has_a_row_with_its_topic_and_its_envelope_as_published() -> None:
    rows = {match[1]: (match[2], match[4]) for match in map(ROW.fullmatch, README.read_text().splitlines()) if match}
    assert rows == {
        str(news.event): (table.topic, "wrapped" if profiles.PAGES[news.event].wrapped else "flat")
        for table in TABLES
        for news in table.news.values()
    }
