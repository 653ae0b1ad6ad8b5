"""A dead letter as the commands list it: a row for people, an object for scripts."""

from __future__ import annotations

from typing import Any

from msgspec import structs

from pipeline.cli.dead_letters import Found
from pipeline.cli.letter_view import moment, when, whole
from pipeline.cli.printing import printable
from pipeline.intake.letters.replays import DeadLetter


def fields(found: Found) -> dict[str, Any]:
    """The object for scripts."""
    letter, replayed_at = found
    return {
        "entry": str(letter.entry),
        "sent": moment(letter.sent_at),
        "stage": letter.stage,
        "reason": letter.reason,
        "origin": str(letter.origin),
        "replayed": None if replayed_at is None else moment(replayed_at),
        "replay_of": None if letter.replay_of is None else str(letter.replay_of),
        "cut": cut_fields(letter),
        "unread": None if letter.unread is None else structs.asdict(letter.unread),
    }


def row(found: Found) -> tuple[str, ...]:
    """Entry, when and where it was received, the reason, and what became of it."""
    letter, replayed_at = found
    replay_of = f"\nis a replay of {letter.replay_of}" if letter.replay_of else ""
    return (
        str(letter.entry),
        f"{when(letter.sent_at)}\n{printable(str(letter.origin))}",
        f"{printable(letter.reason)} ({printable(letter.stage)})\n{printable(first_defect(letter))}",
        f"{when(replayed_at)}{replay_of}",
    )


def first_defect(letter: DeadLetter) -> str:
    """The first defect; empty without any."""
    defect = letter.first_defect
    return "" if defect is None else f"{defect.path}: {defect.problem}".removeprefix(": ")


def missing(letter: DeadLetter) -> str:
    """What a dead letter does not hold of its original, in words; empty if it holds all."""
    if letter.unread is not None:
        return f"the dead letter holds nothing of what is stored at {printable(str(letter.unread))}"
    if letter.cut is not None:
        return f"the dead letter holds only a part: the whole message is at {whole(letter.cut)}"
    return ""


def where_whole(letter: DeadLetter) -> str:
    """Where the whole original is, to be added to the reason; empty if the dead letter holds it."""
    if letter.unread is not None:
        return f": {printable(str(letter.unread))}"
    return "" if letter.cut is None else f": {whole(letter.cut)}"


def cut_fields(letter: DeadLetter) -> dict[str, Any] | None:
    """What is known of the whole message, for scripts; None if it was kept whole."""
    return None if letter.cut is None else structs.asdict(letter.cut)
