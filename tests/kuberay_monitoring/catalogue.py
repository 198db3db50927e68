"""The catalogue of what is exported: names, labels, and where each is known from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

KUBERAY = Path(__file__).parents[2] / "kuberay"
MONITORS = (KUBERAY / "base/monitoring/podmonitors.yaml", KUBERAY / "components/llm/podmonitors.yaml")
EVERY_TARGET = frozenset({"instance", "job"})
EVERY_MONITOR = EVERY_TARGET | {"namespace", "pod", "container", "endpoint"}
"""What prometheus-operator puts on each target of a PodMonitor or ServiceMonitor."""


@dataclass(frozen=True)
class Source:
    """Who exports these metrics."""

    name: str
    source: str
    own_labels: Mapping[str, frozenset[str]]
    target_labels: frozenset[str]

    def labels(self, metric: str) -> frozenset[str]:
        """All labels that a series of that name has in Prometheus."""
        return self.own_labels[metric] | self.target_labels


@cache
def sources() -> Mapping[str, Source]:
    """The catalogue, by source."""
    text = (Path(__file__).parent / "catalogue.yaml").read_text(encoding="utf-8")
    return {name: _source(name, content) for name, content in yaml.safe_load(text).items()}


@cache
def metrics() -> Mapping[str, Source]:
    """Who exports a metric, by its name."""
    return {metric: source for source in sources().values() for metric in source.own_labels}


def _source(name: str, content: Mapping[str, Any]) -> Source:
    targets = frozenset(EVERY_TARGET)
    for monitor in content.get("monitors", ()):
        targets |= _added_by(monitors()[monitor])
    return Source(name, content["source"], {m: frozenset(own) for m, own in content["metrics"].items()}, targets)


@cache
def monitors() -> Mapping[str, Mapping[str, Any]]:
    """The PodMonitors and ServiceMonitors of what is deployed, by name."""
    return {monitor["metadata"]["name"]: monitor for path in MONITORS for monitor in _documents(path)}


def _documents(path: Path) -> Iterator[Mapping[str, Any]]:
    yield from yaml.safe_load_all(path.read_text(encoding="utf-8"))


def _added_by(monitor: Mapping[str, Any]) -> frozenset[str]:
    chosen = {re.sub(r"[^a-zA-Z0-9_]", "_", label) for label in monitor["spec"].get("podTargetLabels", ())}
    return EVERY_MONITOR | chosen | ({"service"} if monitor["kind"] == "ServiceMonitor" else set())
