"""Quantities as Kubernetes reads them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudray.deployments.cluster.quantities import mib, quantity


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("500m", "0.5"), (2, "2"), ("1.5", "1.5"), ("5120Mi", 5120 * 2**20), ("1Gi", 2**30),
        ("1G", 10**9), ("2e3", "2000"),
        ("1E", 10**18), ("1Ei", 2**60), (".5", "0.5"), ("-1", "-1"), ("100k", "100000"), ("12E6", "12000000"),
    ],
)  # fmt: skip
def test_a_quantity_is_the_number_it_stands_for(text: Any, number: Any) -> None:
    assert quantity(text) == Decimal(number)


@pytest.mark.parametrize("text", ["", "1 Gi", "1KiB", "one", "1mm", None, "1ki", True])
def test_what_is_none_is_refused_with_what_it_was(text: Any) -> None:
    with pytest.raises(ValueError, match="is no quantity of Kubernetes"):
        quantity(text)


@given(st.integers(0, 2**40), st.sampled_from(["Ki", "Mi", "Gi"]))
def test_a_binary_suffix_is_1024_of_the_one_before(count: int, suffix: str) -> None:
    smaller = {"Ki": "", "Mi": "Ki", "Gi": "Mi"}[suffix]

    assert quantity(f"{count}{suffix}") == quantity(f"{count * 1024}{smaller}")


def test_bytes_are_told_in_mebibytes() -> None:
    assert mib(quantity("5Gi")) == "5,120 MiB"
