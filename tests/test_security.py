"""SECURITY.md states limits; the code has them."""

from datetime import timedelta
from pathlib import Path

import pytest

from pipeline.cli.program_yaml import TEXT_BYTES_MAX, VALUES_MAX
from pipeline.engine.amounts import AWARD_MAX
from pipeline.engine.customers import EXTENDED_MAX
from pipeline.engine.duplicates import RECENT_MAX, SPILLED_MAX
from pipeline.engine.numbers import _UNITS_MAX
from pipeline.engine.spilled import BUCKETS
from pipeline.intake.defects import _SHOWN_MAX
from pipeline.intake.dialects.native_diagnosis import DEFECTS_MAX
from pipeline.intake.letters.letter import PART_BYTES_MAX, WHOLE_BYTES_MAX
from pipeline.intake.verdict import Limits
from pipeline.runtime.host import web
from pipeline.runtime.settings import Settings
from schemas.messages import ATTRIBUTES_MAX, LINES_MAX
from schemas.program import MILESTONES_MAX, RULES_MAX, STREAKS_MAX
from topics.catalog import TOPICS

PAGE = (Path(__file__).parents[1] / "SECURITY.md").read_text("utf-8")
DEFAULTS = Settings()
RETENTION = {
    topic.name: timedelta(milliseconds=int(topic.config["retention.ms"])).days
    for topic in TOPICS
    if "retention.ms" in topic.config
}


@pytest.mark.parametrize(
    "row",
    [
        f"a message that intake reads | {Limits('t').bytes_max:,} bytes",
        f"a bill | {LINES_MAX:,} lines, {AWARD_MAX:,} minor units",
        f"one profile message | {ATTRIBUTES_MAX}; text",
        f"extended fields of a customer | {EXTENDED_MAX} |",
        f"{RECENT_MAX:,} per customer in the head and {SPILLED_MAX:,} in each of {BUCKETS} entries",
        f"points of one award, redemption or adjustment | {AWARD_MAX:,} |",
        f"adds to a sum milestone | {_UNITS_MAX:,} |",
        f"in the future | {DEFAULTS.future_tolerance.total_seconds() / 60:.0f} minutes",
        (
            f"a dead letter | {DEFECTS_MAX} defects; original bytes up to {WHOLE_BYTES_MAX:,} bytes, "
            f"else its first {PART_BYTES_MAX:,}"
        ),
        (
            f"a program file | {TEXT_BYTES_MAX:,} bytes, {VALUES_MAX:,} values; {RULES_MAX:,} rules, "
            f"{MILESTONES_MAX} milestones, {STREAKS_MAX} streaks"
        ),
        (
            f"a transaction | {DEFAULTS.transaction_records_max:,} records, "
            f"{DEFAULTS.transaction_bytes_max // 2**20} MiB, {DEFAULTS.transaction_span.total_seconds() * 1_000:.0f} ms"
        ),
        (
            f"a web request | {web._HEAD_BYTES_MAX // 2**10} KiB, {web._SECONDS:.0f} seconds with its answer, "
            f"{web._CONNECTIONS_MAX} connections at once"
        ),
        f"in a minute ({DEFAULTS.dead_letters_per_minute_max} by default)",
        f"quote up to {_SHOWN_MAX} characters",
        f"input topics | {RETENTION['transactions']} days",
        f"notifications topics | {RETENTION['notifications.points']} days",
        f"with the original bytes | {RETENTION['deadletters']} days",
    ],
)
def test_the_page_says_what_the_code_does(row: str) -> None:
    assert row in " ".join(PAGE.split())


def test_what_is_kept_for_ever_is_kept_for_ever() -> None:
    assert {name for name, days in RETENTION.items() if days < 0} == {"journal", "facts"}
