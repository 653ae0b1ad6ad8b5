"""Programs in force: values, ordered by id, and what an org's programs agree on."""

from __future__ import annotations

import pytest

from pipeline.engine import programs as compiled
from pipeline.engine.calendar import Calendar
from pipeline.engine.programs import Periods, Programs
from schemas.program import PeriodUnit
from tests.dsl import day, instant, program

DAY = 86_400_000


def test_activating_a_program_gives_other_programs_and_leaves_these() -> None:
    none = Programs()
    one = none.activate(program(program_id=2))
    two = one.activate(program(program_id=1))
    assert [[each.id for each in programs.of(1)] for programs in (none, one, two)] == [[], [2], [1, 2]]


def test_next_version_takes_the_place_of_the_earlier_one() -> None:
    programs = Programs().activate(program()).activate(program(version=2, currency="EUR"))
    assert [(each.id, each.version, each.money) for each in programs.of(1)] == [(1, 2, "EUR")]


def test_programs_of_other_orgs_are_left_alone() -> None:
    programs = Programs().activate(program()).activate(program(org_id=2, version=5))
    assert [each.version for org in (1, 2, 3) for each in programs.of(org)] == [1, 5]


@pytest.mark.parametrize(("org", "one", "there"), [(1, 1, True), (1, 2, False), (2, 1, False)])
def test_program_is_found_by_org_and_id(org: int, one: int, there: bool) -> None:  # noqa: FBT001 - a table
    assert (Programs().activate(program()).get(org, one) is not None) == there


def test_org_keeps_to_the_widest_windows_of_its_programs() -> None:
    programs = (
        Programs()
        .activate(program(repeat_window_days=10, returns={"window_days": 60}))
        .activate(program(program_id=2, repeat_window_days=20, returns={"window_days": 30}, add_customers=False))
    )
    org = programs.org(1)
    assert (org.window_ms, org.return_window_ms, org.adds_customers) == (20 * DAY, 60 * DAY, True)


def test_org_without_programs_remembers_ids_for_five_weeks_and_adds_customers() -> None:
    org = Programs().org(1)
    assert (org.window_ms, org.return_window_ms, org.adds_customers) == (35 * DAY, None, True)


def test_full_memory_of_periods_begins_anew_and_answers_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "_PERIODS_MAX", 2)
    periods = Periods(PeriodUnit.MONTH, Calendar("Europe/London"))
    days = [day(f"2011-0{month}-15") for month in (1, 2, 3, 1)]
    assert [periods.around(one).ends_at for one in days] == [
        instant(f"2011-0{month}-01 00:00") for month in (2, 3, 4, 2)
    ]
