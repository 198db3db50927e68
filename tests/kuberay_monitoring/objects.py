"""The alerts and dashboards as they lie in kuberay/."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from tests.kuberay_monitoring.catalogue import KUBERAY

ALERTS = {
    "gateway": KUBERAY / "base/monitoring/alerts.yaml",
    "model": KUBERAY / "components/llm/alerts.yaml",
}
"""By the name of the file with their tests in `alerts/`."""
DASHBOARDS = {
    "decisions": KUBERAY / "base/monitoring/dashboards/decisions.json",
    "model": KUBERAY / "components/llm/dashboards/model.json",
}


@dataclass(frozen=True)
class Alert:
    """One alerting rule."""

    file: str
    name: str
    expr: str
    lasts: str | None
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


def rule_file(file: str) -> dict[str, Any]:
    """The groups of a PrometheusRule, as Prometheus itself reads them."""
    spec: dict[str, Any] = yaml.safe_load(ALERTS[file].read_text(encoding="utf-8"))["spec"]
    return spec


def alerts() -> Iterator[Alert]:
    """All of them."""
    for file in ALERTS:
        for group in rule_file(file)["groups"]:
            for rule in group["rules"]:
                yield Alert(
                    file, rule["alert"], rule["expr"], rule.get("for"), rule.get("labels", {}), rule["annotations"]
                )


def dashboard(name: str) -> dict[str, Any]:
    """A dashboard."""
    content: dict[str, Any] = json.loads(DASHBOARDS[name].read_text(encoding="utf-8"))
    return content


def panels(name: str) -> list[dict[str, Any]]:
    """A dashboard's panels, without the rows."""
    return [panel for panel in dashboard(name)["panels"] if panel["type"] != "row"]
