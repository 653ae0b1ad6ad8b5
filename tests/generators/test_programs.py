"""Whatever `accrue program check` lets through, the engine can run: at every limit that a program may have."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec
import pytest
from hypothesis import HealthCheck, settings, target
from hypothesis import given as forall
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.cli.program_file import load_program
from pipeline.cli.program_problem import InvalidProgram
from pipeline.engine.state import encode_state
from schemas.program import ProgramDefinition
from schemas.records import AnyCustomerRecord, Line
from tests.dsl import Story
from tests.generators.programs import definitions
from tests.steps import Tick, block, bought, brought_back, confirm, did, instant, redeem, release, reverse

MESSAGE_MAX: Final = 1_000_000
"""Bytes that Kafka takes by default, compression apart."""
AMOUNT_MAX: Final = 10**12
bounded = settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])

instants = st.sampled_from(
    [
        instant(day)
        for day in ("1970-01-02", "2024-02-29 23:59", "2024-12-31 23:59", "2025-01-01", "2026-12-31", "9999-12-30")
    ]
)
amounts = st.sampled_from([0, 1, 99, AMOUNT_MAX])
wide = st.sampled_from(["BEANS", "CUP", "\U0001f950" * 64])


@st.composite
def records(draw: st.DrawFn) -> AnyCustomerRecord | Tick:
    """What may come in, at the limits of what intake lets through."""
    at, amount, number = draw(instants), draw(amounts), draw(st.integers(0, 9))
    record_id = "\U0001f950" * 30 + str(number)
    lines = (Line(draw(wide), amount, 1, draw(wide)), Line("other", amount))
    return draw(
        st.sampled_from(
            [
                bought(f"B{number}", None, at, lines=lines, id=record_id),
                bought(f"B{number}", amount, at, id=record_id),
                brought_back(f"B{number}", amount, at, id=record_id),
                brought_back(f"B{number}", None, at, lines=lines[:1], id=record_id),
                did("visit", at, attributes={"grams": amount}, id=record_id),
                did("brew", at, attributes={"grams": 10**15}, id=record_id),
                redeem(max(1, amount), at, id=record_id, bill_number=f"B{number}", hold=draw(st.booleans())),
                confirm(record_id, at, id=record_id),
                reverse(record_id, at, draw(st.sampled_from([None, max(1, amount)])), id=record_id),
                block(max(1, amount), at, id=record_id, until=draw(st.one_of(st.none(), instants))),
                release(record_id, at, id=record_id),
                Tick(at),
                Tick(instant("2199-12-31")),
                Tick(instant("9999-12-31")),
            ]
        )
    )


def accepted(definition: dict[str, Any]) -> ProgramDefinition | None:
    """The program, if `check` takes it."""
    try:
        return load_program(json.dumps(definition))
    except InvalidProgram:
        return None


def journalled(definition: dict[str, Any]) -> ProgramDefinition | None:
    """The program as it is read from a journal, where limits that `check` has now are not asked for."""
    try:
        return ProgramDefinition.model_validate_json(json.dumps(definition))
    except ValidationError:
        return None


@bounded
@pytest.mark.parametrize("read", [accepted, journalled])
@forall(definitions(), st.lists(records(), max_size=12))
def test_program_that_can_be_in_force_decides_whatever_comes(
    read: Callable[[dict[str, Any]], ProgramDefinition | None],
    definition: dict[str, Any],
    history: list[AnyCustomerRecord | Tick],
) -> None:
    program = read({**definition, "org_id": 1})
    target(float(program is not None))
    if program is None:
        return
    story = Story(program)
    for step in sorted(history, key=lambda step: step.time if isinstance(step, Tick) else step.event_time):
        story.play(step)
        assert max(integers(msgspec.to_builtins(story.groups)), default=0) < 2**63
        assert max(integers(msgspec.to_builtins(story.state.head.sections)), default=0) < 2**63


def integers(value: object) -> Iterator[int]:
    """Every integer in a value, whatever it is nested in."""
    if isinstance(value, int):
        yield abs(value)
    elif isinstance(value, dict):
        yield from (number for pair in value.items() for part in pair for number in integers(part))
    elif isinstance(value, list | tuple):
        yield from (number for part in value for number in integers(part))


@bounded
@forall(definitions())
def test_program_that_check_accepts_reads_the_same_from_the_journal(definition: dict[str, Any]) -> None:
    program = accepted(definition)

    if program is not None:
        text = program.model_dump_json()
        assert ProgramDefinition.model_validate_json(text) == program
        assert load_program(text) == program


def full(**parts: Any) -> ProgramDefinition:
    head = {"org_id": 1, "program_id": 1, "version": 1, "name": "Full", "zone": "UTC", "currency": "GBP"}
    return load_program(json.dumps({**head, **parts}))


LONG_ID: Final = "x" * 60
FULLEST: Final[dict[str, dict[str, Any]]] = {
    "spend rules": {
        "rules": [
            {"id": f"{LONG_ID}{number:04}", "kind": "spend", "points": 10**12, "per_minor": 1}
            for number in range(1_000)
        ]
    },
    "milestones and streaks": {
        "rules": [
            {"id": f"{LONG_ID}{number:04}", "kind": "spend", "points": 1, "per_minor": 1} for number in range(330)
        ],
        "milestones": [
            {
                "id": f"{LONG_ID}{number:04}",
                "target_id": number + 1,
                "name": "M",
                "period": "day",
                "counts": {"of": "transactions"},
                "target": 1,
                "points": 10**12,
            }
            for number in range(200)
        ],
        "streaks": [
            {
                "id": f"{LONG_ID}{number:04}",
                "streak_id": number + 1,
                "name": "S",
                "milestone": f"{LONG_ID}{0:04}",
                "levels": [{"name": "L", "periods": 1, "points": 10**12}],
            }
            for number in range(17)
        ],
    },
}


def test_facts_of_one_bill_fit_into_a_message_however_full_the_program_is() -> None:
    bill = bought("\U0001f950" * 32, AMOUNT_MAX, "2026-11-29", id="\U0001f950" * 32)

    stories = {name: Story(full(**parts)).when(bill) for name, parts in FULLEST.items()}
    sizes = {name: len(msgspec.msgpack.encode(story.groups)) for name, story in stories.items()}

    assert min(sizes.values()) > MESSAGE_MAX // 20  # they are full
    assert max(sizes.values()) < MESSAGE_MAX, sizes
    for story in stories.values():
        assert len(encode_state(story.state.head)) < MESSAGE_MAX
        assert all(len(encode_state(entry)) < MESSAGE_MAX for entry in story.state.entries.values())
