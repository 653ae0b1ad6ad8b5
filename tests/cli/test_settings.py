"""`accrue settings`: a file becomes the settings topic."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from pipeline.cli.place import Place
from pipeline.cli.settings_topic import apply
from pipeline.log.embedded import EmbeddedLog
from pipeline.log.port import Fenced
from pipeline.runtime.settings import Settings
from schemas.settings import FIELD_TYPES, Org, OrgSettings
from tests.cli.terminal import Terminal

EXAMPLE = Path("examples/settings/roastery.yaml")


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(tmp_path / "data", monkeypatch, capsys)


def written(tmp_path: Path, *replaced: tuple[str, str]) -> str:
    text = EXAMPLE.read_text("utf-8")
    for old, new in replaced:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "settings.yaml"
    path.write_text(text, "utf-8")
    return str(path)


def test_apply_writes_what_differs_and_nothing_the_second_time(terminal: Terminal, tmp_path: Path) -> None:
    first = terminal.done("settings", "apply", str(EXAMPLE), "--json").json["changes"]
    assert first[:3] == ["org 100: new", "org 100, store DEFAULT: new", "org 100, store DUBLIN: new"]
    assert terminal.done("settings", "apply", str(EXAMPLE), "--json").json == {"changes": []}

    changed = written(tmp_path, ("code: DUBLIN", "code: CORK"), ("zone: Europe/London", "zone: Europe/Paris"))
    assert terminal.done("settings", "apply", changed).out.splitlines() == [
        "org 100: zone is 'Europe/Paris', was 'Europe/London'",
        "org 100, store CORK: new",
        "org 100, store DUBLIN: removed",
    ]
    (org,) = terminal.done("settings", "show", "--json").json["orgs"]
    assert [store["code"] for store in org["stores"]] == ["CORK", "DEFAULT"]
    assert "Temple Bar" in terminal.done("settings", "show").out


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        pytest.param(
            "{ name: stars, type: number, is",
            "{ name: stars, type: double, is",
            ["org 100, event review_written, field stars: type is 'double', was 'number'"],
            id="a field",
        ),
        pytest.param(
            "          - { name: stars, type: number, is_required: true }\n",
            "          - { name: mood, type: string }\n",
            [
                "org 100, event review_written, field stars: removed",
                "org 100, event review_written, field mood: new",
            ],
            id="another field",
        ),
        pytest.param(
            "values: [app, web]",
            "values: [app, post]",
            [
                "org 100, event review_written, field channel: values has 'post' now",
                "org 100, event review_written, field channel: values has 'web' no more",
            ],
            id="a value",
        ),
        pytest.param(
            "name: Bar }",
            "name: Patio }",
            ["org 100, store DEFAULT, till till-2: name is 'Patio', was 'Bar'"],
            id="a till",
        ),
        pytest.param(
            "identifiers: [mobile, email, externalId, cardNumber]",
            "identifiers: [mobile, email, cardNumber, externalId]",
            [
                (
                    'org 100: identifiers is ["mobile", "email", "cardNumber", "externalId"], '
                    'was ["mobile", "email", "externalId", "cardNumber"]'
                )
            ],
            id="the order of texts",
        ),
        pytest.param(
            """\
          - { code: till-1, name: Counter, external_id: T-001, id: 7001 }
          - { code: till-2, name: Bar }
""",
            """\
          - { code: till-2, name: Bar }
          - { code: till-1, name: Counter, external_id: T-001, id: 7001 }
""",
            ['org 100, store DEFAULT: the order of tills is ["till-2", "till-1"], was ["till-1", "till-2"]'],
            id="the order of parts",
        ),
    ],
)
def test_what_changes_in_a_list_is_told_part_by_part(
    old: str, new: str, told: list[str], terminal: Terminal, tmp_path: Path
) -> None:
    terminal.done("settings", "apply", str(EXAMPLE))

    assert terminal.done("settings", "diff", written(tmp_path, (old, new))).out.splitlines() == told


def test_long_text_is_told_where_it_differs(terminal: Terminal, tmp_path: Path) -> None:
    described = "The customer opened the app."
    long = f"{described} {'It is said in many words. ' * 5}And it ends with"
    terminal.done("settings", "apply", written(tmp_path, (described, f"{long} a rose.")))

    assert terminal.done("settings", "diff", written(tmp_path, (described, f"{long} a thorn."))).out == (
        "org 100, event app_login: description is … And it ends with a thorn.', was … And it ends with a rose.'\n"
    )


def test_every_mistake_has_its_line_and_remedy(terminal: Terminal, tmp_path: Path) -> None:
    wrong = written(
        tmp_path,
        ("country: GB  ", "contry: GB  "),
        ("type: number", "type: nmber"),
        ("[EIConsumer]", "[Email]"),
        ("currency: EUR", "currency: euro"),
    )
    ended = terminal.run("settings", "apply", wrong)

    types, actions = f"write one of {', '.join(FIELD_TYPES)}", "write one or both of EMFConsumer, EIConsumer"
    assert ended.code == 2
    assert ended.err.splitlines() == [
        "error: line 10, orgs[0].country: is missing; add text (in quotes if it looks like a number)",
        "line 14, orgs[0].contry: there is no such key (found 'GB'); did you mean 'country'?",
        "line 36, orgs[0].stores[1].currency: 'euro' is not an ISO 4217 code; write three capitals such as 'GBP'",
        f"line 46, orgs[0].events[1].fields[1].type: 'nmber' is an invalid event field type (1823); {types}",
        f"line 50, orgs[0].events[2].actions: 'Email' is invalid as event actions (1810); {actions}",
    ]


def test_what_may_not_follow_is_refused_and_changes_nothing(terminal: Terminal, tmp_path: Path) -> None:
    terminal.done("settings", "apply", str(EXAMPLE))
    before = terminal.done("settings", "show", "--json").json
    refused = written(tmp_path, ("ids: upstream", "ids: accrue"), ("name: page_viewed", "name: page_seen"))

    ended = terminal.run("settings", "diff", refused)
    assert ended.code == 1
    refusals = [line for line in ended.out.splitlines() if line.startswith("refused")]
    assert refusals[0] == (
        "refused: orgs[0].ids: is accrue, and was upstream: customers have ids of that kind already; keep upstream"
    )
    assert refusals[1:] == [
        (
            "refused: orgs[0].events: the event 'page_viewed' is missing, which may still be on its way; "
            "put it back, with `retired: true` if it has ended"
        )
    ]
    assert terminal.run("settings", "apply", refused).code == 2
    assert terminal.done("settings", "show", "--json").json == before


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    place = Place(Settings(data_dir=tmp_path))
    wanted = OrgSettings(orgs=(Org(org_id=1, name="A", zone="UTC", currency="GBP", country="GB"),))
    with place.log(create=True) as log, closing(log.producer("loyalty.accrue-settings")) as slow:
        assert isinstance(log, EmbeddedLog)
        slow.init(1.0)
        slow.begin()

        assert apply(place, log, wanted)

        with pytest.raises(Fenced):
            slow.commit(1.0)
