"""The figures in the README are those that the estimator gives now."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from fraudray.deployments.cluster.costs import besides_gpu_nodes, bill
from fraudray.deployments.cluster.prices import load_prices
from fraudray.deployments.planning.elsewhere import elsewhere
from fraudray.deployments.planning.layout import Load
from fraudray.deployments.planning.limits import Money, limits

from .shapes import ONE_NODE, P4D, R1_32B, TWO_NODES
from .test_timing import PUBLISHED

README = (Path(__file__).parents[3] / "deployments" / "planning" / "README.md").read_text(encoding="utf-8")


def test_the_table_of_instances_is_right() -> None:
    rows = [
        f"| {one.instance}, {one.dtype} | {one.answer_tokens_in_budget:,} | {one.alone_s:.2f} s |"
        for one in elsewhere(R1_32B, ONE_NODE, Load(1000, 0.002), {}.get)
    ]

    written = re.findall(r"^\| \w+\.\w+, (?:bf16|int4) \|.*$", README, re.MULTILINE)
    assert len(written) == 5
    assert set(written) <= set(rows)


def test_the_shares_of_two_nodes_and_of_what_money_buys_are_right() -> None:
    prices = load_prices()
    rest = bill(besides_gpu_nodes(1000), prices, "on_demand", 1000)
    money = Money(float(prices.per_hour("p4d.24xlarge")), float(rest.usd_per_hour))
    load = replace(Load(1000, 0.002), answer_tokens=120, text_tokens=40)

    *_, here, bought = limits(R1_32B, P4D, TWO_NODES, load, money)

    text = " ".join(README.split())
    assert f"bear {here.share:.2%} of".replace("%", " %") in text
    assert f"at {here.usd_per_million:.2f} USD a million" in text
    assert bought.nodes == 7
    assert f"bear {bought.share:.2%}.".replace("%", " %") in text


@pytest.mark.parametrize("row", [0, 1, 3, 4, 5])
def test_the_estimates_beside_published_figures_are_right(row: int) -> None:
    _, estimated_s, _ = PUBLISHED[row]
    shown = f"{1e3 * estimated_s:.1f} ms" if estimated_s < 0.1 else f"{estimated_s:.{1 if estimated_s > 2 else 2}f} s"

    assert f"| {shown} |" in README
