"""The figures that are served: those of the report, the same values, within bounds."""

from __future__ import annotations

import itertools
import json
from html import unescape
from typing import Any

import pytest

from fraudray.batch.report import Costs, figures, render
from fraudray.batch.report.page import sections
from fraudray.batch.report.served import CURVE_POINTS_MAX, LEFT_OUT, served, thinned
from fraudray.domain import figure_words as words

from .backtests import RUN, tallies


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    return figures(tallies(), Costs())


@pytest.fixture(scope="module")
def document(found: dict[str, Any]) -> dict[str, Any]:
    """As whoever asks for it gets it."""
    served_as: dict[str, Any] = json.loads(json.dumps(served("bt_1", RUN, found), allow_nan=False))
    return served_as


def rows_of(found: dict[str, Any], section: str, caption: str) -> list[list[str]]:
    """The rows of one of the report's tables."""
    (part,) = (one for one in sections(found, RUN) if one.id == section)
    (table,) = (block for block in part.blocks if getattr(block, "caption", "") == caption)
    return [list(row) for row in table.rows]


def test_the_report_and_what_is_served_say_the_same_of_every_threshold(
    found: dict[str, Any], document: dict[str, Any]
) -> None:
    page = unescape(render(found, RUN))
    for side, title in (("champion", "Champion"), ("challenger", "Challenger")):
        points = {point["threshold"]: point for point in document["sweep"][side]["by_score"]}
        assert sorted(points) == list(range(101))
        for row in rows_of(found, "thresholds", f"{title}: thresholds"):
            point = points[int(row[0])]
            rates = [words.percent(point[name]) for name in ("recall", "fpr", "precision", "alert_rate")]
            amounts = [
                words.money(point[name])
                for name in (
                    "alerts_per_day", "money_caught", "money_missed", "money_flagged_by_mistake", "net_benefit_review",
                    "net_benefit_block",
                )
            ]  # fmt: skip
            assert row[1:] == rates + amounts
            assert all(cell in page for cell in row)


def test_the_report_and_what_is_served_say_the_same_of_every_side(
    found: dict[str, Any], document: dict[str, Any]
) -> None:
    rows = {row[0]: row[1:] for row in rows_of(found, "summary", "Headline figures")}
    sides = list(document["sides"])
    assert sides == ["champion", "challenger", "plain"]
    for title, name, show in (
        ("Detected (REVIEW or BLOCK), of frauds", "recall", words.share),
        ("Alerts a day", "alerts_per_day", words.amount),
        ("Fraud money caught", "money_caught_share", words.share),
        ("Net benefit against approving everything, EUR", "net_benefit", words.amount),
    ):  # fmt: skip
        assert rows[title] == [show(document["sides"][side]["decided"]["measures"][name]) for side in sides]
    auc = [words.unit_value(document["ranking"][side]["measures"]["auc_roc"]) for side in sides[:2]]
    assert rows["AUC ROC (0.5 chance, 1 perfect)"] == [*auc, words.NONE]


def test_at_its_own_thresholds_a_sweep_gives_what_the_policy_did(document: dict[str, Any]) -> None:
    points = {point["threshold"]: point for point in document["sweep"]["champion"]["by_score"]}
    measures = document["sides"]["champion"]["decided"]["measures"]
    for name in ("recall", "fpr", "precision", "alerts_per_day", "money_caught", "money_missed"):
        assert points[40][name] == pytest.approx(measures[name]["value"]), name
    assert points[75]["recall"] == pytest.approx(measures["recall_block"]["value"])
    assert points[75]["money_flagged_by_mistake"] == pytest.approx(measures["money_blocked_by_mistake"]["value"])
    net = points[40]["net_benefit_review"] - points[75]["net_benefit_review"] + points[75]["net_benefit_block"]
    assert net == pytest.approx(measures["net_benefit"]["value"])


def test_it_is_bounded_and_holds_no_transaction_and_no_place_of_a_file(
    found: dict[str, Any], document: dict[str, Any]
) -> None:
    assert not set(document) & set(LEFT_OUT)
    text = json.dumps(document)
    assert len(text) < 300_000
    assert found["changes"][0]["transaction_id"] == "T-1"
    assert '"T-1"' not in text
    assert "part-0001.parquet" not in text
    assert document["run"]["history"]["name"] == "synthetic"
    assert all(len(sweep["by_risk"]) <= CURVE_POINTS_MAX for sweep in document["sweep"].values())


@pytest.mark.parametrize("count", [0, 1, 5, 6, 999])
def test_a_curve_is_thinned_evenly_and_keeps_its_ends(count: int) -> None:
    points = list(range(count))
    kept = thinned(points, 5)
    assert len(kept) == min(count, 5)
    assert kept[:1] == points[:1]
    assert kept[-1:] == points[-1:]
    steps = [b - a for a, b in itertools.pairwise(kept)]
    assert not steps or max(steps) - min(steps) <= 1
