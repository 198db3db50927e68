"""Label selectors."""

from __future__ import annotations

from typing import Any

import pytest

from fraudray.deployments.cluster.selectors import matches

LABELS = {"app": "page", "tier": "web"}


@pytest.mark.parametrize(
    ("selector", "fits"),
    [
        ({}, True), ({"matchLabels": {"app": "page"}}, True), ({"matchLabels": {"app": "page", "tier": "db"}}, False),
        ({"matchExpressions": [{"key": "tier", "operator": "In", "values": ["web", "db"]}]}, True),
        ({"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["web"]}]}, False),
        ({"matchExpressions": [{"key": "other", "operator": "NotIn", "values": ["web"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}, False),
        ({"matchLabels": {"app": "page"}, "matchExpressions": [{"key": "x", "operator": "Exists"}]}, False),
        ({"matchExpressions": [{"key": "app", "operator": "Like", "values": ["p"]}]}, False),
        (None, False),
    ],
)  # fmt: skip
def test_labels_fulfil_a_selector_or_not(selector: Any, fits: bool) -> None:
    assert matches(selector, LABELS) is fits
