"""Programs in force: values, ordered by id; which version holds at an instant, and what an org's programs agree on."""

from __future__ import annotations

import pytest

from pipeline.engine import periods as cached
from pipeline.engine.calendar import Calendar
from pipeline.engine.periods import Periods
from pipeline.engine.programs import DAY_MS, SUPERSEDED_MAX, SUPERSEDED_MS, Org, Programs
from schemas.program import PeriodUnit
from tests.steps import ORG, day, instant, program

DAY = 86_400_000


def in_force(programs: Programs, instant: int) -> list[tuple[int, int]]:
    """Id and version of the programs in force at an instant."""
    return [(each.id, each.version) for each in programs.org(ORG).at(instant).programs]


def test_activating_a_program_gives_other_programs_and_leaves_these() -> None:
    none = Programs()
    second = none.activate(program(program_id=2))
    both = second.activate(program(program_id=1))
    assert [[each.id for each in programs.of(ORG)] for programs in (none, second, both)] == [[], [2], [1, 2]]


def test_next_version_takes_the_place_of_the_earlier_one() -> None:
    programs = Programs().activate(program()).activate(program(version=2, currency="EUR"))
    assert [(each.id, each.version, each.money) for each in programs.of(ORG)] == [(1, 2, "EUR")]


@pytest.mark.parametrize("version", [pytest.param(2, id="the-same"), pytest.param(1, id="a-lower-one")])
def test_version_that_is_not_higher_is_ignored(version: int) -> None:
    programs = Programs().activate(program(version=2))
    assert programs.activate(program(version=version, currency="EUR")).of(ORG) == programs.of(ORG)


def test_programs_of_other_orgs_are_left_alone() -> None:
    programs = Programs().activate(program()).activate(program(org_id=2, version=5))
    assert [each.version for org in (1, 2, 3) for each in programs.of(org)] == [1, 5]


@pytest.mark.parametrize(("org", "program_id", "there"), [(1, 1, True), (1, 2, False), (2, 1, False)])
def test_program_is_found_by_org_and_id(org: int, program_id: int, there: bool) -> None:  # noqa: FBT001 - a table
    assert (Programs().activate(program()).get(org, program_id) is not None) == there


VERSIONS = (
    Programs()
    .activate(program())
    .activate(program(version=2), starts_at=100)
    .activate(program(program_id=2), starts_at=150)
    .activate(program(version=3), starts_at=200)
)


@pytest.mark.parametrize(
    ("instant", "versions"),
    [
        pytest.param(0, [(1, 1)], id="the-first"),
        pytest.param(99, [(1, 1)], id="before-the-second-starts"),
        pytest.param(100, [(1, 2)], id="when-the-second-starts"),
        pytest.param(150, [(1, 2), (2, 1)], id="another-program-starts"),
        pytest.param(200, [(1, 3), (2, 1)], id="when-all-have-started"),
        pytest.param(10**15, [(1, 3), (2, 1)], id="long-after"),
    ],
)
def test_in_force_is_the_highest_version_that_has_started(instant: int, versions: list[tuple[int, int]]) -> None:
    assert in_force(VERSIONS, instant) == versions


def test_higher_version_that_starts_earlier_takes_over_for_good() -> None:
    programs = (
        Programs()
        .activate(program())
        .activate(program(version=2), starts_at=200)
        .activate(program(version=3), starts_at=100)
    )
    assert [in_force(programs, instant) for instant in (99, 100, 200)] == [[(1, 1)], [(1, 3)], [(1, 3)]]


def test_programs_in_force_at_an_instant_are_put_together_once() -> None:
    timeline = VERSIONS.org(ORG)
    assert timeline.at(10) is timeline.at(99)
    assert timeline.at(200) is timeline.at(300) is timeline.latest


@pytest.mark.parametrize(
    ("program_id", "instant", "version"),
    [
        pytest.param(1, 99, 1, id="before-the-second-starts"),
        pytest.param(1, 100, 2, id="when-the-second-starts"),
        pytest.param(1, 300, 3, id="long-after"),
        pytest.param(2, 0, 1, id="before-its-own-start"),
    ],
)
def test_version_of_a_program_at_an_instant(program_id: int, instant: int, version: int) -> None:
    versions = VERSIONS.activate(program(program_id=2, version=2), starts_at=300)
    assert versions.org(ORG).program_at(program_id, instant).version == version


@pytest.mark.parametrize(
    ("now", "kept"),
    [
        pytest.param(100 + SUPERSEDED_MS - 1, [(1, 0), (2, 100), (3, 50_000)], id="less-than-seven-days-ago"),
        pytest.param(100 + SUPERSEDED_MS, [(2, 0), (3, 50_000)], id="seven-days-ago"),
        pytest.param(50_000 + SUPERSEDED_MS, [(3, 0)], id="all-but-the-newest"),
    ],
)
def test_superseded_version_is_dropped_seven_days_after_its_successor_started(
    now: int, kept: list[tuple[int, int]]
) -> None:
    programs = Programs().activate(program(returns=None)).activate(program(version=2, returns=None), starts_at=100)
    programs = programs.activate(program(version=3, returns=None), starts_at=50_000, now=now)
    assert [(version, starts_at) for _, _, version, starts_at in programs.versions()] == kept


@pytest.mark.parametrize(
    ("now", "kept"),
    [
        pytest.param(100 + SUPERSEDED_MS + 45 * DAY_MS - 1, [1, 2, 3], id="a-bill-may-still-be-updated"),
        pytest.param(100 + SUPERSEDED_MS + 45 * DAY_MS, [2, 3], id="none-may-any-more"),
    ],
)
def test_superseded_version_stays_as_long_as_bills_of_its_time_may_be_updated(now: int, kept: list[int]) -> None:
    definitions = [program(version=version, repeat_window_days=5, returns={"window_days": 40}) for version in (1, 2, 3)]
    programs = Programs().activate(definitions[0]).activate(definitions[1], starts_at=100)
    programs = programs.activate(definitions[2], starts_at=50_000, now=now)
    assert [version for _, _, version, _ in programs.versions()] == kept


def test_so_many_superseded_versions_are_kept_and_no_more() -> None:
    programs = Programs()
    for version in range(1, SUPERSEDED_MAX + 10):
        programs = programs.activate(program(version=version), starts_at=version * DAY_MS, now=version * DAY_MS)
    kept = [version for _, _, version, _ in programs.versions()]
    within_seven_days = list(range(SUPERSEDED_MAX + 2, SUPERSEDED_MAX + 10))
    assert kept == [*range(within_seven_days[0] - SUPERSEDED_MAX, within_seven_days[0]), *within_seven_days]
    timeline = programs.org(ORG)
    assert timeline.version_of(1, kept[0]).version == timeline.version_of(1, 1).version == kept[0]


def test_versions_are_listed_by_org_program_and_number() -> None:
    programs = VERSIONS.activate(program(org_id=2, version=7), starts_at=9)
    assert programs.versions() == [(1, 1, 1, 0), (1, 1, 2, 100), (1, 1, 3, 200), (1, 2, 1, 150), (2, 1, 7, 9)]


def test_first_version_put_in_force_holds_from_the_beginning_and_later_ones_from_now() -> None:
    programs = Programs().put_in_force(program(), now=500).put_in_force(program(version=2), now=900)
    assert [in_force(programs, instant) for instant in (0, 899, 900)] == [[(1, 1)], [(1, 1)], [(1, 2)]]


@pytest.mark.parametrize(
    ("starts_at", "in_force_from"),
    [pytest.param(1_200, 1_200, id="later"), pytest.param(700, 900, id="not-before-it-is-put-in-force")],
)
def test_version_put_in_force_from_an_instant_on_holds_then(starts_at: int, in_force_from: int) -> None:
    programs = Programs().put_in_force(program(), now=500)
    programs = programs.put_in_force(program(version=2), now=900, starts_at=starts_at)
    assert [in_force(programs, instant) for instant in (in_force_from - 1, in_force_from)] == [[(1, 1)], [(1, 2)]]


def test_org_keeps_to_the_widest_windows_of_its_programs() -> None:
    programs = (
        Programs()
        .activate(program(repeat_window_days=10, returns={"window_days": 60}))
        .activate(program(program_id=2, repeat_window_days=20, returns={"window_days": 30}, add_customers=False))
    )
    org = programs.org(ORG).latest
    assert (org.window_ms, org.return_window_ms, org.adds_customers) == (20 * DAY, 60 * DAY, True)


def test_org_without_programs_remembers_ids_for_five_weeks_and_adds_customers() -> None:
    org = Org()
    assert (org.window_ms, org.return_window_ms, org.adds_customers) == (35 * DAY, None, True)


def test_full_cache_of_periods_starts_over_and_answers_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cached, "_PERIODS_MAX", 2)
    periods = Periods(PeriodUnit.MONTH, Calendar("Europe/London"))
    days = [day(f"2011-0{month}-15") for month in (1, 2, 3, 1)]
    assert [periods.around(number).ends_at for number in days] == [
        instant(f"2011-0{month}-01 00:00") for month in (2, 3, 4, 2)
    ]
