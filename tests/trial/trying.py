"""Trials for tests: programs and messages in a few words, and `accrue try` over them in this process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.cli.terminal import Ended, Terminal

WHO = "100:4711"
BASE: dict[str, Any] = {
    "org_id": 100,
    "program_id": 1,
    "version": 1,
    "name": "Club",
    "zone": "Europe/London",
    "currency": "GBP",
    "points": {"name": "POINTS", "expiry": {"days": 365}},
    "rules": [{"id": "spend", "kind": "spend", "points": 1, "per_minor": 100}],
}

Program = dict[str, Any]
Message = dict[str, Any]
Line = dict[str, Any] | str | bytes


def program(**changes: Any) -> Program:
    """The base program with other parts: one point for each pound, for a year."""
    return BASE | changes


def message(kind: str, at: str | int, customer: int = 4711, **fields: Any) -> Message:
    """A message of the org 100."""
    return {"type": kind, "orgId": 100, "customerId": customer, "eventTime": at, **fields}


def bill(number: str, amount: int, at: str, **fields: Any) -> Message:
    """A bill with its number as id."""
    content = {"id": f"bill-{number}", "billNumber": number, "amountMinor": amount, "currency": "GBP"}
    return message("transactionAdded", at, **(content | fields))


def back(number: str, amount: int, at: str, document: str = "R1", **fields: Any) -> Message:
    """A return of a bill, with its document's number as id."""
    content = {"id": f"return-{document}", "billNumber": document, "ofBill": number, "amountMinor": amount}
    return message("transactionReturned", at, **(content | {"currency": "GBP"} | fields))


def event(name: str, at: str, **fields: Any) -> Message:
    """A custom event."""
    return message("customEvent", at, eventName=name, **fields)


def redeem(points: int, at: str, **fields: Any) -> Message:
    """A redemption in program 1."""
    return message("redeemPoints", at, **({"id": f"redeem-{points}", "programId": 1, "points": points} | fields))


def adjust(points: int, at: str, reason: str = "goodwill", **fields: Any) -> Message:
    """An adjustment in program 1."""
    return message("adjustPoints", at, programId=1, points=points, reason=reason, **fields)


def block(points: int, at: str, **fields: Any) -> Message:
    """A block in program 1."""
    return message("blockPoints", at, **({"programId": 1, "points": points, "reason": "stolen card"} | fields))


def arrives(at: str | int, content: Message) -> dict[str, Any]:
    """A message that comes later than it happened."""
    return {"arrives": at, "message": content}


class Trying:
    """Where `accrue try` is run: a folder for its files."""

    def __init__(self, terminal: Terminal, folder: Path) -> None:
        self._terminal = terminal
        self.folder = folder

    def file(self, name: str, content: Program | str) -> str:
        """Write a file, a program as JSON (which is YAML); its path."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return str(path)

    def run(self, *lines: Line, programs: tuple[Program, ...] = (BASE,), options: tuple[str, ...] = ()) -> Ended:
        """Try the programs on the lines."""
        paths = [self.file(f"program-{number}.yaml", one) for number, one in enumerate(programs, 1)]
        messages = self.folder / "messages.jsonl"
        messages.write_bytes(b"\n".join(map(_written, lines)) + b"\n")
        return self._terminal.run("try", *paths, str(messages), *options)

    def result(
        self,
        *lines: Line,
        programs: tuple[Program, ...] = (BASE,),
        versions: tuple[Program, ...] = (),
        until: str | None = None,
    ) -> Any:
        """The JSON of a trial; `versions` are there as `v2.yaml`, `v3.yaml` and so on, for lines that name them."""
        for number, one in enumerate(versions, 2):
            self.file(f"v{number}.yaml", one)
        end = () if until is None else ("--until", until)
        ended = self.run(*lines, programs=programs, options=("--json", *end))
        assert ended.code in {0, 1}, ended
        return ended.json


def membership(result: Any, who: str = WHO, program_id: int = 1) -> Any:
    """Where a customer stands in a program."""
    return result["customers"][who]["programs"][str(program_id)]


def balance(result: Any, currency: str = "POINTS", who: str = WHO) -> int:
    """The points that a customer can spend."""
    return int(membership(result, who)["balances"][currency]["current"])


def outcomes(result: Any) -> list[str]:
    """The outcome of each step."""
    return [step["outcome"] for step in result["steps"]]


def kinds(step: Any) -> list[str]:
    """The events that a step tells."""
    return [one["eventName"] for one in step["notifications"]]


def _written(line: Line) -> bytes:
    if isinstance(line, bytes):
        return line
    return (line if isinstance(line, str) else json.dumps(line)).encode()
