"""The dashboard and the alerts use what a worker exports, and have what Grafana and Prometheus need."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from pipeline.runtime.host.metrics import Metrics
from pipeline.runtime.loop.progress import Progress

FOLDER = Path(__file__).parents[1] / "monitoring"
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "grafana-dashboard.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"] for rule in group["rules"]
]
QUERIES = {f"{panel['title']} {one['refId']}": one for panel in PANELS for one in panel["targets"]}
EXPRESSIONS = {name: one["expr"] for name, one in QUERIES.items()} | {rule["alert"]: rule["expr"] for rule in RULES}

LABELS = re.compile(r"\{[^}]*\}|\b(?:by|on) \([^)]*\)|\[[^\]]*\]")
NAME = re.compile(r"\b[a-z_]{3,}\b(?! *\()")
WORDS = {"and"}
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}


def exported() -> set[str]:
    """Every metric of a worker, whether or not there is something to tell of it yet."""
    text = Metrics("accrue", [Progress("loyalty")], {}, dict).text()
    return {family.name + suffix for family in text_string_to_metric_families(text) for suffix in SUFFIXES[family.type]}


def metrics_in(expression: str) -> set[str]:
    return set(NAME.findall(LABELS.sub("", expression))) - WORDS


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_every_metric_asked_for_is_one_that_a_worker_exports(name: str) -> None:
    used = metrics_in(EXPRESSIONS[name])

    assert used
    assert used <= exported()


def test_every_metric_of_a_worker_is_looked_at() -> None:
    used = {metric for expression in EXPRESSIONS.values() for metric in metrics_in(expression)}
    families = {re.sub("_(bucket|count|sum)$", "", name) for name in exported()}

    assert {name for name in families if not any(one.startswith(name) for one in used)} == set()


@pytest.mark.parametrize("name", QUERIES)
def test_every_label_in_a_legend_is_left_by_its_query(name: str) -> None:
    query = QUERIES[name]
    kept = {label for labels in re.findall(r"by \(([^)]*)\)", query["expr"]) for label in labels.split(", ")}

    assert set(re.findall(r"\{\{(\w+)\}\}", query["legendFormat"])) == kept - {"le"}


def test_dashboard_has_what_grafana_needs() -> None:
    assert (DASHBOARD["uid"], DASHBOARD["title"]) == ("accrue", "Accrue")
    assert DASHBOARD["schemaVersion"] >= 36
    assert [(one["name"], one["type"]) for one in DASHBOARD["templating"]["list"]] == [
        ("datasource", "datasource"),
        ("instance", "query"),
    ]
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("panel", PANELS, ids=lambda one: one["title"])
def test_every_panel_is_told_and_asks_the_chosen_prometheus(panel: dict[str, Any]) -> None:
    assert panel["type"] in {"stat", "timeseries"}
    assert panel["title"]
    assert panel["description"]
    assert panel["targets"]
    assert {one["datasource"]["uid"] for one in (panel, *panel["targets"])} == {"${datasource}"}
    assert {(one["refId"], bool(one["expr"])) for one in panel["targets"]} == {
        (chr(ord("A") + number), True) for number in range(len(panel["targets"]))
    }


def test_no_two_panels_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + across, at["y"] + down) for across in range(at["w"]) for down in range(at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells


def test_alerts_tell_what_happened_and_what_to_do() -> None:
    assert len({rule["alert"] for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert set(rule["annotations"]) == {"summary", "description"}
