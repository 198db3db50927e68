"""What a process exports, read as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

from tests.kuberay_monitoring.catalogue import Source


def exported(text: str) -> dict[str, frozenset[str]]:
    """The series in Prometheus' text format: all labels that they have, by name."""
    found: dict[str, frozenset[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name] = found.get(sample.name, frozenset()) | set(sample.labels)
    return found


def missing(source: Source, found: Mapping[str, frozenset[str]]) -> dict[str, list[str] | str]:
    """What the catalogue says and is not found, by name: "not exported", or the labels that are not there."""
    wrong: dict[str, list[str] | str] = {}
    for metric, labels in source.own_labels.items():
        if metric not in found:
            wrong[metric] = "not exported"
        elif labels - found[metric]:
            wrong[metric] = sorted(labels - found[metric])
    return wrong
