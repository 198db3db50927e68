"""Label selectors, as Kubernetes matches them."""

from __future__ import annotations

from typing import Any

from fraudray.deployments.cluster.manifests import strings


def matches(selector: Any, labels: dict[str, str]) -> bool:
    """Whether labels fulfil a selector of matchLabels and matchExpressions. An empty one matches everything."""
    if not isinstance(selector, dict):
        return False
    if not strings(selector.get("matchLabels")).items() <= labels.items():
        return False
    return all(_fulfils(expression, labels) for expression in selector.get("matchExpressions") or [])


def _fulfils(expression: dict[str, Any], labels: dict[str, str]) -> bool:
    value, values = labels.get(str(expression.get("key"))), expression.get("values") or []
    match expression.get("operator"):
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case _:
            return False
