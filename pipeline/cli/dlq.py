"""`accrue dlq`: inspects dead letters, and sends them again once their cause is fixed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from typing import Any, Final

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from pipeline.cli.dead_letters import ENTRY, DeadLetters, Found, Wanted, by_reason, filtered
from pipeline.cli.letter_rows import cut_fields, fields, first_defect, missing, row, where_whole
from pipeline.cli.letter_view import as_json_value, content, in_a_line, when
from pipeline.cli.output import CONSOLE, ERRORS, json_option, placed, print_json, print_table
from pipeline.cli.place import Place, Unusable
from pipeline.cli.printing import printable, say, write_bytes
from pipeline.cli.replaying import Again, Replay, composed
from pipeline.clock import SYSTEM_CLOCK
from pipeline.intake.letters.replays import DeadLetter, Entry, defects_in, own_headers, why_not
from pipeline.log.port import Log

_LISTED: Final = 100
_REPLAYED: Final = 500
"""Fewer than the 600 dead letters a minute at which intake stops by default, should all of them fail again."""
_PLACES: Final = 20
"""How many of the messages that were too long are listed."""


@click.group()
def dlq() -> None:
    """Look into the dead letters, and send them again.

    A dead letter is a message that could not be read. It keeps its bytes, key, headers and timestamp, and says why in
    headers. It is named by its place in the dead-letter topic, partition:offset. Times are UTC.

    \b
    Example:
      accrue dlq list --since 2d --not-replayed
      accrue dlq show 2:17
      accrue dlq replay --reason UNKNOWN_TYPE --dry-run
    """


@dlq.command("list")
@filtered
@click.option("--not-replayed", is_flag=True, help="Only what was not sent again.")
@click.option(
    "-n", "--limit", type=click.IntRange(1), default=_LISTED, show_default=True, help="Show so many, the newest."
)
@placed
@json_option
def list_letters(place: Place, wanted: Wanted, limit: int, *, not_replayed: bool, as_json: bool) -> None:
    """List dead letters, the newest last, and count them by reason.

    Beside each: when its message was first sent and where it came in, the reason with the first defect, and whether it
    was sent again. What was sent again and failed again is a new dead letter that names the earlier one.

    \b
    Example:
      accrue dlq list --data-dir accrue-demo
      accrue dlq list --reason INVALID_FIELDS --origin-topic events --since 2h
    """
    with place.log() as log:
        letters = DeadLetters(place, log)
    found = [one for one in letters.matching(wanted) if not (not_replayed and one.is_replayed)]
    listed = found[-limit:]
    if as_json:
        reasons = [one._asdict() for one in by_reason(found)]
        entries = [fields(one) | {"first_defect": first_defect(one.letter)} for one in listed]
        print_json({"found": len(found), "reasons": reasons, "entries": entries})
        return
    if not found:
        say("no dead letters" if not letters.matching(Wanted()) else "no dead letters that these filters leave")
        return
    columns = ("entry", "sent, and received", "reason", "replayed")
    print_table(f"Dead letters in {letters.topic}", columns, map(row, listed))
    if len(found) > len(listed):
        CONSOLE.print(f"and {len(found) - len(listed):,} older ones; --limit shows more")
    summary = [(printable(one.reason), one.dead_letters, one.replayed) for one in by_reason(found)]
    print_table("By reason", ("reason", "dead letters", "replayed"), summary)


@dlq.command()
@click.argument("entry", type=ENTRY)
@click.option("--raw", is_flag=True, help="Write the original bytes to standard output, and nothing else.")
@placed
@json_option
def show(entry: Entry, place: Place, *, raw: bool, as_json: bool) -> None:
    """Show a dead letter: every defect with its remedy, and the message as it came.

    \b
    Example:
      accrue dlq show 2:17
      accrue dlq show 2:17 --raw > message.json
    """
    with place.log() as log:
        letters = DeadLetters(place, log)
        found = letters.get(entry)
        message = letters.messages([entry])[entry]
    letter = found.letter
    part = missing(letter)
    if raw:
        write_bytes(message.value or b"")
        if part:
            say(part, err=True)
        return
    headers, defects = own_headers(message.headers), defects_in(message)
    failed_again = [str(one.letter.entry) for one in letters.matching(Wanted()) if one.letter.replay_of == entry]
    if as_json:
        more = {
            "failed_again_as": failed_again,
            "defects": [defect._asdict() for defect in defects],
            "key": as_json_value(message.key),
            "headers": [[name, as_json_value(value)] for name, value in headers],
            "value": as_json_value(message.value),
        }
        print_json(fields(found) | more)
        return
    kind, text = content(message.value)
    said = [
        ("reason", letter.reason),
        ("rejected by", letter.stage),
        ("received", str(letter.origin)),
        ("sent", when(letter.sent_at)),
        ("replayed", when(found.replayed_at)),
        ("replay of", str(letter.replay_of or "-")),
        ("failed again as", ", ".join(failed_again) or "-"),
        ("key", in_a_line(message.key)),
        *((f"header {printable(name)}", in_a_line(value)) for name, value in headers),
    ]
    print_table(f"Dead letter {entry}", ("", ""), [(what, printable(value)) for what, value in said])
    rows = [tuple(printable(text) or "(the whole message)" for text in defect) for defect in defects]
    print_table("Defects", ("where", "what is wrong", "what would be right"), rows)
    CONSOLE.print(f"[bold]{'Beginning of the message' if letter.cut else 'Message'}:[/] {kind}")
    say(text)
    if part:
        say(part)


@dlq.command()
@click.argument("entries", metavar="[ENTRY]…", nargs=-1, type=ENTRY)
@filtered
@click.option("--all", "everything", is_flag=True, help="All that were not sent again yet.")
@click.option("--again", is_flag=True, help="Also those that were sent again already.")
@click.option("--dry-run", is_flag=True, help="Show what would be sent and to where; send nothing.")
@click.option(
    "-n",
    "--limit",
    type=click.IntRange(1),
    default=_REPLAYED,
    show_default=True,
    help="Send so many at most, the oldest first. With more than intake's own limit of dead letters a minute, and no "
    "--rate, intake would stop if they all failed again.",
)
@click.option("--rate", type=click.IntRange(1), help="Send so many a second at most.")
@placed
@json_option
def replay(
    entries: tuple[Entry, ...],
    place: Place,
    wanted: Wanted,
    limit: int,
    rate: int | None,
    *,
    everything: bool,
    again: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Send dead letters again: those named, those that the filters leave, or all.

    The original bytes, key, headers and timestamp go back to the partition they came from, and in the same transaction
    the entry is marked, so none is sent twice by mistake; should a record have counted already, its id keeps it from
    counting again. What fails again is a new dead letter that names this one. Of a message of more than a megabyte a
    dead letter holds only the beginning; that is not sent, and the place of the whole message is shown.

    \b
    Example:
      accrue dlq replay 2:17 0:4
      accrue dlq replay --reason UNKNOWN_TYPE --since 2d --dry-run
      accrue dlq replay --all --limit 100000 --rate 5
    """
    if bool(entries) == (everything or wanted != Wanted()):
        message = "name the entries, or say which ones by filters or --all (one of the two)"
        raise click.UsageError(message)
    with place.log() as log:
        letters = DeadLetters(place, log)
        if entries:
            may, refused = _picked(place, [letters.get(entry) for entry in dict.fromkeys(entries)], again=again)
            if refused:
                raise Unusable(
                    "\n".join(f"{one.entry} is not sent again: {why}{where_whole(one)}" for one, why in refused)
                )
        else:
            found = [one for one in letters.matching(wanted) if again or not one.is_replayed]
            may, refused = _picked(place, found, again=again)
        # Each input partition in its own order, for that is the order within a customer.
        chosen = sorted(may[:limit], key=lambda letter: (letter.origin, letter.entry))
        if dry_run:
            now = SYSTEM_CLOCK.wall()
            messages = [_sent(one) for part in composed(place, letters, chosen, now) for one in part]
        else:
            messages = _send(place, log, letters, chosen, rate, again=again) if chosen else []
    left = len(may) - len(chosen)
    if as_json:
        refusals = [{"entry": str(one.entry), "why": why, "cut": cut_fields(one)} for one, why in refused]
        print_json({"dry_run": dry_run, "messages": messages, "refused": refusals, "left": left})
        return
    _report(messages, refused, left, dry_run=dry_run)
    if none := letters.without(wanted.reasons):
        say(printable(none))
    if len(messages) < len(chosen):
        say(f"{len(chosen) - len(messages):,} were sent again by another replay just before")


def _picked(
    place: Place, found: Sequence[Found], *, again: bool
) -> tuple[list[DeadLetter], list[tuple[DeadLetter, str]]]:
    """The letters that may be sent again, and the others with the reason."""
    may: list[DeadLetter] = []
    refused: list[tuple[DeadLetter, str]] = []
    for one in found:
        why = why_not(one.letter, place.catalog.inputs, place.settings.partitions)
        if why is None and one.is_replayed and not again:
            why = f"it was already, at {when(one.replayed_at)}; --again does so once more"
        if why is None:
            may.append(one.letter)
        else:
            refused.append((one.letter, why))
    return may, refused


def _send(
    place: Place, log: Log, letters: DeadLetters, chosen: Sequence[DeadLetter], rate: int | None, *, again: bool
) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []
    columns = (TextColumn("sending again"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with (
        closing(Replay(place, log, letters, chosen, SYSTEM_CLOCK, again=again)) as run,
        Progress(*columns, console=ERRORS, transient=True, disable=not ERRORS.is_terminal) as progress,
    ):
        bar = progress.add_task("", total=len(run.chosen))

        def on_sent(some: Sequence[Again]) -> None:
            sent.extend(map(_sent, some))
            progress.update(bar, advance=len(some))

        run.send(rate, on_sent)
    return sent


def _report(
    messages: Sequence[dict[str, Any]], refused: Sequence[tuple[DeadLetter, str]], left: int, *, dry_run: bool
) -> None:
    topics = Counter(message["topic"] for message in messages)
    to = ", ".join(f"{count:,} to {topic}" for topic, count in sorted(topics.items()))
    if dry_run and messages:
        columns = ("entry", "reason", "to topic", "partition", "key", "bytes")
        rows = [
            [value if isinstance(value, int | None) else printable(str(value)) for value in message.values()]
            for message in messages
        ]
        print_table("Would be sent again", columns, rows)
    if not messages:
        say("there is nothing to send again")
    elif dry_run:
        say(f"nothing was sent; without --dry-run: {to}")
    else:
        say(f"sent again: {to}; accrue dlq list --not-replayed shows what fails once more")
    for why, count in Counter(why for _, why in refused).items():
        say(f"{count:,} left out: {why}")
        places = [f"{one.entry}{where_whole(one)}" for one, because in refused if because == why and where_whole(one)]
        for told in places[:_PLACES]:
            say(f"  {told}")
        if len(places) > _PLACES:
            say(f"  and {len(places) - _PLACES:,} more; --json has all")
    if left:
        say(f"{left:,} more wait, beyond --limit: run this again")


def _sent(one: Again) -> dict[str, Any]:
    letter, message = one
    return {
        "entry": str(letter.entry),
        "reason": letter.reason,
        "topic": message.topic,
        "partition": message.partition,
        "key": as_json_value(message.key),
        "bytes": len(message.value or b""),
    }
