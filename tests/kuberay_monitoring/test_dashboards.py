"""The dashboards: what Grafana wants of them, and what people who read and change them do."""

from __future__ import annotations

import shutil
from itertools import combinations
from typing import Any

import pytest

from fraudray.deployments.cluster.check import check_manifests
from fraudray.deployments.cluster.manifests import Manifest
from fraudray.deployments.cluster.rendering import render
from tests.kuberay_monitoring.catalogue import KUBERAY
from tests.kuberay_monitoring.objects import DASHBOARDS, dashboard, panels

LINES_MAX = 900
WIDTH = 24
PROMETHEUS = {"type": "prometheus", "uid": "$datasource"}
UNITS = {
    "Bps", "celsius", "d", "hertz", "none", "percent", "percentunit", "pps", "reqps", "s", "short", "watt",
}  # fmt: skip
"""Those of Grafana's that are used here (packages/grafana-data, valueFormats/categories.ts)."""
NAMESPACES = {"decisions": "fraudray", "model": "fraudray-llm"}
needs_kustomize = pytest.mark.skipif(
    not (shutil.which("kubectl") or shutil.which("kustomize")), reason="neither kubectl nor kustomize is installed"
)


def test_dashboards_have_names_of_their_own_that_stay() -> None:
    assert {name: dashboard(name)["uid"] for name in DASHBOARDS} == {
        "decisions": "fraudray-decisions", "model": "fraudray-model",
    }  # fmt: skip
    assert len({dashboard(name)["title"] for name in DASHBOARDS}) == len(DASHBOARDS)


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_dashboard_asks_for_the_data_source_and_the_namespace(name: str) -> None:
    variables = {one["name"]: one["type"] for one in dashboard(name)["templating"]["list"]}
    assert variables == {"datasource": "datasource", "namespace": "query"}
    assert all(panel["datasource"] == PROMETHEUS for panel in panels(name))
    assert all("datasource" not in target for panel in panels(name) for target in panel["targets"])


@pytest.mark.parametrize("name", DASHBOARDS)
def test_every_panel_says_what_it_shows_and_what_good_looks_like(name: str) -> None:
    for panel in panels(name):
        assert panel["title"]
        assert "Good: " in panel["description"], panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        defaults = panel["fieldConfig"]["defaults"]
        assert defaults["unit"] in UNITS, panel["title"]
        first, *others = defaults["thresholds"]["steps"]
        assert first["value"] is None, panel["title"]
        values = [step["value"] for step in others]
        assert values == sorted(set(values)), panel["title"]


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_and_queries_have_ids_of_their_own(name: str) -> None:
    ids = [panel["id"] for panel in dashboard(name)["panels"]]
    assert len(ids) == len(set(ids))
    for panel in panels(name):
        letters = [target["refId"] for target in panel["targets"]]
        assert letters
        assert len(letters) == len(set(letters))


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_lie_beside_one_another(name: str) -> None:
    places = [panel["gridPos"] for panel in dashboard(name)["panels"]]
    assert all(place["x"] + place["w"] <= WIDTH for place in places)
    assert not [(one, other) for one, other in combinations(places, 2) if _overlap(one, other)]


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_dashboard_is_short_enough_to_be_changed_by_hand(name: str) -> None:
    assert len(DASHBOARDS[name].read_text(encoding="utf-8").splitlines()) < LINES_MAX


@needs_kustomize
@pytest.mark.parametrize(("overlay", "shown"), [("cpu-only", ["decisions"]), ("p4d-efa", ["decisions", "model"])])
def test_grafana_finds_the_dashboards_of_what_is_deployed(overlay: str, shown: list[str]) -> None:
    rendered = render(KUBERAY / "overlays" / overlay)
    found = {one.name: one for one in rendered if _labels(one).get("grafana_dashboard") == "1"}
    assert set(found) == {f"fraudray-dashboard-{name}" for name in shown}
    for name in shown:
        document = found[f"fraudray-dashboard-{name}"].document
        assert document["kind"] == "ConfigMap"
        assert document["metadata"]["namespace"] == NAMESPACES[name]
        assert document["data"] == {f"{name}.json": DASHBOARDS[name].read_text(encoding="utf-8")}
    rules = {one.name for one in rendered if one.kind == "PrometheusRule"}
    assert rules == {NAMESPACES[name] for name in shown}
    assert check_manifests(one for one in rendered if one.kind == "PrometheusRule") == []


def _overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    across = one["x"] < other["x"] + other["w"] and other["x"] < one["x"] + one["w"]
    return across and one["y"] < other["y"] + other["h"] and other["y"] < one["y"] + one["h"]


def _labels(manifest: Manifest) -> dict[str, Any]:
    return manifest.document["metadata"].get("labels") or {}
