"""`accrue demo`, as a newcomer runs it: again and again in one folder, with what it says to try next."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import Request, urlopen

import pytest

from pipeline.cli.report.summary import CUSTOMER_COLUMNS, TOTALS
from tests.e2e import shop
from tests.e2e.product import Product, free_port, wait_until

ROASTERY = ("demo", "--members", "60", "--days", "45")


class Demo(NamedTuple):
    """Two runs in one folder, the first for a person and the second for a script."""

    product: Product
    said: str
    figures: dict[str, Any]
    customers: list[dict[str, str]]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    product = Product(tmp_path_factory.mktemp("demo"))
    folder = str(product.data)
    file = product.folder / "customers.csv"
    said = product.run(*ROASTERY, "--data-dir", folder).stdout
    figures = product.json(*ROASTERY, "--data-dir", folder, "--customers", str(file))
    return Demo(product, said, figures, shop.customers_in(file))


def test_figures_have_the_shape_that_scripts_rely_on(demo: Demo) -> None:
    figures = demo.figures

    assert set(figures) == {"customers", "totals", "tiers", "notifications"}
    assert set(figures["totals"]) == set(TOTALS)
    assert figures["notifications"]["customerAdded"] == figures["customers"] <= 60
    assert figures["notifications"]["transactionAdded"] > figures["totals"]["transactions"] > 60  # and returns
    assert sum(figures["tiers"].values()) == figures["customers"]


def test_points_that_came_less_those_that_went_are_the_balance(demo: Demo) -> None:
    totals = demo.figures["totals"]
    came = sum(points for name, points in totals.items() if name.endswith("_points"))
    went = sum(totals[name] for name in ("redeemed", "debited", "reversed", "expired"))
    assert came - went == totals["balance"] > 0


def test_customers_file_adds_up_to_the_totals(demo: Demo) -> None:
    assert len(demo.customers) == demo.figures["customers"]
    assert tuple(demo.customers[0]) == CUSTOMER_COLUMNS
    for name in ("transactions", "purchases", "spend_points", "balance"):
        assert sum(int(row[name]) for row in demo.customers) == demo.figures["totals"][name], name


def test_same_seed_again_in_the_same_folder_gives_the_same_figures(demo: Demo) -> None:
    for name in ("balance", "spend_points", "transactions"):
        assert re.search(rf"{name}\D+{demo.figures['totals'][name]:,}\b", demo.said), (name, demo.said)


def test_what_became_of_tiers_and_milestones_is_what_customers_were_told(demo: Demo) -> None:
    told = demo.figures["notifications"]

    assert re.search(rf"tiers reached\D+{told['tierUpgraded']:,}\b", demo.said), demo.said
    assert re.search(rf"cycles of milestones met\D+{told['targetValueAchieved']:,}\b", demo.said)


def test_report_needs_no_network(demo: Demo) -> None:
    html = (demo.product.data / "report.html").read_text("utf-8")

    assert str(demo.product.data / "report.html") in demo.said
    assert set(re.findall(r"https?://[^\s\"'<]+", html)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"\b(?:src|href)\s*=|@import|url\(|<script|<link|<iframe", html)


def test_every_command_that_it_prints_works_on_its_folder(demo: Demo) -> None:
    printed = demo.said.partition("next:")[2].partition("over HTTP")[0]
    commands = [shlex.split(line) for line in printed.splitlines() if line.strip()]

    assert [command[1] for command in commands] == ["customer", "verify", "tail"]
    for _, *arguments in commands:
        assert demo.product.run(*arguments).stdout.strip()
    assert demo.product.json("verify", "--data-dir", str(demo.product.data))["holds"]


def test_every_request_that_it_prints_works_on_its_folder(demo: Demo) -> None:
    folder, port = str(demo.product.data), free_port()
    # The second demo has replaced the folder, with the key of the first.
    key = demo.product.json("key", "create", "--org", "100", "--scope", "admin", "--data-dir", folder)["key"]
    lines = [shlex.split(line) for line in demo.said.partition("over HTTP")[2].splitlines() if " curl " in line]
    with demo.product.worker("--data-dir", folder, ACCRUE_GATEWAY_PORT=str(port)) as worker:
        wait_until(worker.is_ready, worker)
        answers = []
        for _, url, _, header, *rest in lines:
            assert re.fullmatch(r"Authorization: Bearer ak_\S+", header)
            headers = {"Authorization": f"Bearer {key}"}
            asked = Request(url.replace(":8080/", f":{port}/"), rest[1].encode() if rest else None, headers)
            with urlopen(asked, timeout=60) as answer:
                answers.append(json.loads(answer.read()))
        worker.stop()

    taken, standing = answers
    assert taken["outcome"] == "accepted"
    assert standing["programs"]["1"]["balances"]["POINTS"]


def test_totals_are_shown_with_money(demo: Demo) -> None:
    purchases = demo.figures["totals"]["purchases"]

    assert re.search(rf"purchases\W+£{purchases / 100:,.2f} ", demo.said)


def test_customer_is_shown_with_money(demo: Demo) -> None:
    command = next(line for line in demo.said.partition("next:")[2].splitlines() if " customer " in line)

    said = demo.product.run(*shlex.split(command)[1:]).stdout

    assert re.search(r"purchases £[\d,]+\.\d\d, returned £[\d,]+\.\d\d", said)
    assert re.search(r"75 pounds in a month +│ [\d-]+ +│ £[\d,.]+ +│ £75\.00 ", said)


@pytest.mark.parametrize("command", ["", "customer", "tail"])
def test_examples_of_the_help_work_on_the_folder_of_a_demo(command: str, demo: Demo) -> None:
    _, _, examples = demo.product.run(*command.split(), "--help").stdout.partition("Example:\n")
    on_the_folder = [shlex.split(line) for line in examples.splitlines() if "accrue-demo" in line]

    assert on_the_folder
    for _, *arguments in on_the_folder:
        folder = [str(demo.product.data) if word == "accrue-demo" else word for word in arguments]
        assert demo.product.run(*folder).stdout.strip()


def test_demo_of_a_file_is_as_in_the_naive_model(tmp_path: Path) -> None:
    product = Product(tmp_path)
    file = tmp_path / "customers.csv"
    data = ("--data", str(shop.write_file(tmp_path)), "--until", shop.UNTIL.isoformat())

    figures = product.json("demo", *data, "--data-dir", str(product.data), "--customers", str(file))

    lines = {name: count for name, count in figures.pop("dispositions").items() if count}
    assert (figures.pop("lines"), lines) == (len(shop.ROWS), dict(shop.NAIVE.dispositions))
    assert shop.Figures(figures, shop.customers_in(file)) == shop.expected(shop.NAIVE)


def test_demo_of_a_file_that_is_none_ends_with_what_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "other.csv"
    file.write_text("a,b\n1,2\n")
    product = Product(tmp_path)

    ended = product.run("demo", "--data", str(file), "--data-dir", str(product.data), "--json", code=2)

    assert "other.csv" in ended.stderr
    assert not ended.stdout
