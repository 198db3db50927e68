"""Figures of a back-test: each against a computation on the single rows, or by hand."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from fraudray.batch.report import Costs, Tallies, costs_schema, figures, load_costs, summary_lines
from fraudray.batch.report.claim import claim
from fraudray.batch.report.estimate import RESAMPLES, Draws
from fraudray.batch.report.outcomes import Outcomes
from fraudray.batch.report.quality import FLAG_ONLY, NO_FRAUD, NO_GENUINE, NO_LABELS, NO_ROWS
from fraudray.batch.report.ranking import FPR_PER_10000, Ranks, ranking
from fraudray.batch.report.tallies import CARD_DAYS, OUTCOMES
from fraudray.domain.errors import PolicyError, SettingsError

from .backtests import CODES, FIRST_DAY, SCENARIOS, merged, outcomes, rows, tallies

FREE = Costs(review_cost=0, chargeback_fee=0, false_block_cost=0, false_block_share=0)
ROW = st.fixed_dictionaries(
    {
        "day": st.integers(FIRST_DAY, FIRST_DAY + 3),
        "fraud": st.sampled_from([-1, 0, 0, 1]),
        "scenario": st.sampled_from([None, "a", "b"]),
        "decision": st.integers(0, 2),
        "evidence_decision": st.integers(0, 2),
        "score": st.integers(0, 100),
        "risk": st.integers(0, 6).map(lambda sixth: round(sixth / 6, 4)),
        "plain": st.integers(0, 1),
        "count": st.integers(1, 3),
        "amount": st.integers(0, 10_000).map(lambda cents: cents / 100),
    }
)
TABLES = st.lists(ROW, min_size=1, max_size=40)


def table(found: list[dict[str, Any]]) -> Any:
    """Rows as the table of outcomes."""
    return pa.Table.from_pylist(found, OUTCOMES)


def single(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Each transaction on its own: rows repeated by their count (the amount of a row spread over them)."""
    columns = {name: np.array([row[name] for row in found]) for name in ROW_NUMBERS}
    count = columns["count"]
    columns["amount"] = columns["amount"] / count
    return {name: np.repeat(values, count) for name, values in columns.items()}


ROW_NUMBERS = ("day", "fraud", "decision", "evidence_decision", "score", "risk", "plain", "count", "amount")


def mean(values: Any) -> float | None:
    return float(np.mean(values)) if len(values) else None


def value(measure: dict[str, Any]) -> float | None:
    """The value; where there is none, a reason must be."""
    found: float | None = measure["value"]
    assert (found is None) <= bool(measure["reason"])
    return found


def close(found: float | None, wanted: float | None) -> bool:
    return found is wanted if wanted is None else found == pytest.approx(wanted, abs=1e-9)


@settings(max_examples=150, deadline=None)
@given(TABLES)
def test_quality_is_that_of_the_single_labelled_rows(found: list[dict[str, Any]]) -> None:
    document = figures(Tallies(table(found)), FREE)
    each = single(found)
    fraud, genuine = each["fraud"] == 1, each["fraud"] == 0
    for side, view, decision in (
        ("champion", "decided", each["decision"]), ("champion", "evidence", each["evidence_decision"]),
        ("plain", "decided", each["plain"]),
    ):  # fmt: skip
        measures = document["sides"][side][view]["measures"]
        for suffix, level in (("", 1), ("_block", 2)):
            flagged = decision >= level
            if side == "plain" and level == 2:
                assert measures["recall_block"] == {"value": None, "low": None, "high": None, "reason": FLAG_ONLY}
                continue
            assert close(value(measures[f"recall{suffix}"]), mean(flagged[fraud]))
            assert close(value(measures[f"fpr{suffix}"]), mean(flagged[genuine]))
            assert close(value(measures[f"precision{suffix}"]), mean(fraud[flagged & (fraud | genuine)]))
        assert close(value(measures["alert_rate"]), mean(decision >= 1))
        caught = each["amount"][fraud & (decision >= 1)].sum() if fraud.any() else None
        assert close(value(measures["money_caught"]), caught)
        blocked = each["amount"][genuine & (decision == 2)].sum() if genuine.any() else None
        assert close(value(measures["money_blocked_by_mistake"]), blocked)
        counts = document["sides"][side][view]["counts"]
        assert sum(counts["fraud"].values()) == fraud.sum()
        assert sum(counts["unlabelled"].values()) == (each["fraud"] == -1).sum()
    assert document["rows"]["all"] == len(each["day"])


@settings(max_examples=150, deadline=None)
@given(TABLES)
def test_ranking_is_that_of_scikit_learn(found: list[dict[str, Any]]) -> None:
    measures = figures(Tallies(table(found)), FREE)["ranking"]["champion"]["measures"]
    labelled = [row for row in found if row["fraud"] >= 0]
    truth = [row["fraud"] for row in labelled]
    if len(set(truth)) < 2:
        assert measures["auc_roc"]["value"] is measures["average_precision"]["value"] is None
        assert measures["auc_roc"]["reason"] in (NO_FRAUD, NO_GENUINE, NO_LABELS)
        return
    risk, weight = [row["risk"] for row in labelled], [row["count"] for row in labelled]
    assert close(measures["auc_roc"]["value"], roc_auc_score(truth, risk, sample_weight=weight))
    assert close(measures["average_precision"]["value"], average_precision_score(truth, risk, sample_weight=weight))


@settings(max_examples=150, deadline=None)
@given(TABLES)
def test_recall_at_a_rate_is_the_most_that_any_threshold_finds(found: list[dict[str, Any]]) -> None:
    measures = figures(Tallies(table(found)), FREE)["ranking"]["champion"]["measures"]
    each = single(found)
    risk_fraud, risk_genuine = each["risk"][each["fraud"] == 1], each["risk"][each["fraud"] == 0]
    for allowed in FPR_PER_10000:
        best = None
        if len(risk_fraud) and len(risk_genuine):
            best = 0.0
            for threshold in {*each["risk"]}:
                if int((risk_genuine >= threshold).sum()) * 10_000 <= allowed * len(risk_genuine):
                    best = max(best, float((risk_fraud >= threshold).mean()))
        assert close(measures[f"recall_at_fpr_{allowed}"]["value"], best)


def test_a_rate_of_false_positives_may_be_reached_exactly() -> None:
    """2 of 100 genuine rows at 2 %: no rounding may lose the threshold."""
    found = [{"fraud": 1, "risk": 0.5, "count": 7}, {"fraud": 0, "risk": 0.5, "count": 2}]
    found += [{"fraud": 1, "risk": 0.1, "count": 3}, {"fraud": 0, "risk": 0.1, "count": 98}]
    measures = figures(Tallies(table([whole(row) for row in found])), FREE)["ranking"]["champion"]["measures"]
    assert measures["recall_at_fpr_200"]["value"] == pytest.approx(0.7)
    assert measures["recall_at_fpr_100"]["value"] == 0.0


def whole(row: dict[str, Any]) -> dict[str, Any]:
    """A row with what it leaves out."""
    default: dict[str, Any] = {
        "day": FIRST_DAY, "fraud": 0, "scenario": None, "decision": 0, "evidence_decision": 0, "score": 0, "risk": 0.0,
        "plain": 0, "count": 1, "amount": 0.0,
    }  # fmt: skip
    return default | row


@settings(max_examples=60, deadline=None)
@given(TABLES)
def test_a_sweep_says_what_each_threshold_would_do(found: list[dict[str, Any]]) -> None:
    costs = Costs(review_cost=2, chargeback_fee=10, false_block_cost=4, false_block_share=0.1, fraud_loss_share=0.5)
    sweep = figures(Tallies(table(found)), costs)["sweep"]["champion"]
    each = single(found)
    fraud, genuine, amount = each["fraud"] == 1, each["fraud"] == 0, each["amount"]
    assert [point["threshold"] for point in sweep["by_score"]] == list(range(100, -1, -1))
    for name in ("by_risk", "by_score"):
        values = each["risk" if name == "by_risk" else "score"]
        for point in sweep[name]:
            flagged = values >= point["threshold"]
            assert close(point["recall"], mean(flagged[fraud]))
            assert close(point["fpr"], mean(flagged[genuine]))
            assert close(point["precision"], mean(fraud[flagged & (fraud | genuine)]))
            assert close(point["alert_rate"], mean(flagged))
            assert close(point["alerts_per_day"], flagged.sum() / len(np.unique(each["day"])))
            assert (point["frauds_caught"], point["genuine_flagged"]) == (
                (fraud & flagged).sum(),
                (genuine & flagged).sum(),
            )
            assert close(point["money_caught"], amount[fraud & flagged].sum())
            assert close(point["money_missed"], amount[fraud & ~flagged].sum())
            assert close(point["money_flagged_by_mistake"], amount[genuine & flagged].sum())
            saved = 0.5 * amount[fraud & flagged].sum() + 10 * (fraud & flagged).sum()
            assert close(point["net_benefit_review"], saved - 2 * (flagged & (fraud | genuine)).sum())
            stopped = genuine & flagged
            assert close(point["net_benefit_block"], saved - 4 * stopped.sum() - 0.1 * amount[stopped].sum())
    assert sweep["by_risk"][-1]["threshold"] == each["risk"].min()


def test_a_long_sweep_keeps_the_shape_of_its_curve() -> None:
    found = rows(40_000, coarse=10_000)
    draw = np.random.default_rng(3)
    found["risk"] = np.round(np.clip(found["risk"] + draw.normal(0, 0.05, 40_000), 0, 1), 4)
    document = figures(Tallies(outcomes(found)), FREE)
    points = document["sweep"]["champion"]["by_risk"]
    assert 100 < len(points) < 2_000 < len(np.unique(found["risk"]))
    xs, ys = [0.0, *(p["fpr"] for p in points)], [0.0, *(p["recall"] for p in points)]
    auc = document["ranking"]["champion"]["measures"]["auc_roc"]["value"]
    assert np.trapezoid(ys, xs) == pytest.approx(auc, abs=2e-4)


def test_the_marks_are_the_lowest_risks_that_the_policy_flags() -> None:
    document = figures(tallies(2000), FREE)
    found = rows(2000)
    for name, level in (("REVIEW", 1), ("BLOCK", 2)):
        lowest = found["risk"][found["evidence_decision"] >= level].min()
        assert document["ranking"]["champion"]["marks"][name] == lowest


def expected_precision(customers: list[tuple[float, bool]], k: int) -> float:
    """Over all orders of customers in which none comes before one of higher risk."""
    shares = []
    for order in itertools.permutations(range(len(customers))):
        risks = [customers[place][0] for place in order]
        if risks == sorted(risks, reverse=True):
            shares.append(np.mean([customers[place][1] for place in order[:k]]))
    return float(np.mean(shares))


@pytest.mark.parametrize("seed", range(12))
def test_card_precision_counts_ties_at_the_edge_by_expectation(seed: int) -> None:
    draw = np.random.default_rng(seed)
    k = int(draw.integers(1, 7))
    found, wanted = [], {}
    for day in range(3):
        customers = [(float(draw.integers(0, 3)) / 10, bool(draw.random() < 0.4)) for _ in range(draw.integers(1, 7))]
        wanted[day] = expected_precision(customers, k)
        found += [
            {
                "side": "champion",
                "day": FIRST_DAY + day,
                "risk": risk,
                "known": 0,
                "customers": 1,
                "fraud_customers": int(bad),
            }
            for risk, bad in customers
        ]
        found += [found[-1] | {"known": 1, "risk": 1.0}, found[-1] | {"side": "challenger", "risk": 1.0}]
    cards = pa.Table.from_pylist(found, CARD_DAYS)
    base = table([whole({"day": FIRST_DAY + day}) for day in range(4)])
    document = figures(Tallies(base, cards), FREE, k=k)["cards"]["champion"]
    assert [row["precision"] for row in document["days"]] == pytest.approx(list(wanted.values()))
    assert value(document["measures"]["card_precision"]) == pytest.approx(np.mean(list(wanted.values())))
    assert all(row["best"] >= row["precision"] - 1e-12 for row in document["days"])


def test_net_benefit_by_hand() -> None:
    found = [
        whole({"fraud": 1, "decision": 2, "amount": 300.0, "count": 3}),  # stopped: 0.8 * 300 + 3 * 25
        whole({"fraud": 1, "decision": 1, "amount": 100.0, "count": 2}),  # half stopped: (80 + 50) / 2; 2 reviews of 4
        whole({"fraud": 1, "decision": 0, "amount": 999.0}),  # missed, as without us
        whole({"fraud": 0, "decision": 1, "amount": 70.0, "count": 5}),  # 5 reviews of 4 and 5 waits of 1
        whole({"fraud": 0, "decision": 2, "amount": 200.0, "count": 2}),  # 2 * 6 + 0.1 * 200
        whole({"fraud": 0, "decision": 0, "amount": 5000.0, "count": 50}),
        whole({"fraud": -1, "decision": 2, "amount": 5000.0, "count": 50}),  # no label: no money
    ]
    costs = Costs(
        review_cost=4, review_friction=1, review_catch_share=0.5, fraud_loss_share=0.8, chargeback_fee=25,
        false_block_cost=6, false_block_share=0.1,
    )  # fmt: skip
    document = figures(Tallies(table(found)), costs)["sides"]["champion"]["decided"]
    assert document["benefit_parts"] == {
        "losses_prevented": 280.0, "fees_prevented": 100.0, "reviews": -28.0, "friction": -5.0, "false_blocks": -32.0,
    }  # fmt: skip
    assert value(document["measures"]["net_benefit"]) == pytest.approx(315.0)
    assert value(document["measures"]["net_benefit_per_1000"]) == pytest.approx(315_000 / 63)


def test_tables_add_up_whatever_their_parts_and_order() -> None:
    found = outcomes(rows(3000), challenger=True)
    shuffled = merged(found).take(np.random.default_rng(4).permutation(merged(found).num_rows))
    assert without_rounding(figures(Tallies(found), Costs())) == without_rounding(figures(Tallies(shuffled), Costs()))


def without_rounding(document: Any) -> Any:
    """Numbers to nine digits: sums in another order differ in the last."""
    if isinstance(document, float):
        return float(f"{document:.9g}")
    if isinstance(document, dict):
        return {key: without_rounding(one) for key, one in document.items()}
    return [without_rounding(one) for one in document] if isinstance(document, list) else document


def test_intervals_are_those_of_days_drawn_again_one_by_one() -> None:
    found = outcomes(rows(1500, days=9))
    measured = figures(Tallies(found), FREE, seed=11)
    arrays = Outcomes.of(Tallies(found))
    weights = np.random.default_rng(11).multinomial(9, np.full(9, 1 / 9), size=RESAMPLES)
    recalls, aucs, precisions = [], [], []
    for drawn in weights:
        weight = drawn[arrays.day] * arrays.count
        fraud, labelled = arrays.label == 1, arrays.label < 2
        side = arrays.sides[0]
        assert side.risk is not None
        recalls.append(weight[fraud & (side.views["decided"] > 0)].sum() / weight[fraud].sum())
        kept = labelled & (weight > 0)
        aucs.append(roc_auc_score(fraud[kept], side.risk[kept], sample_weight=weight[kept]))
        precisions.append(average_precision_score(fraud[kept], side.risk[kept], sample_weight=weight[kept]))
    measures, ranked = measured["sides"]["champion"]["decided"]["measures"], measured["ranking"]["champion"]["measures"]
    for measure, drawn in (
        (measures["recall"], recalls), (ranked["auc_roc"], aucs), (ranked["average_precision"], precisions),
    ):  # fmt: skip
        assert [measure["low"], measure["high"]] == pytest.approx(np.quantile(drawn, (0.025, 0.975)))
    assert measured["intervals"] == {
        "level": 0.95, "resamples": RESAMPLES, "days": 9, "labelled_days": 9, "reason": None,
    }  # fmt: skip


def test_the_same_seed_gives_the_same_document_and_another_one_other_intervals() -> None:
    found = tallies(1500)
    first, again, other = (json.dumps(figures(found, Costs(), seed=seed), allow_nan=False) for seed in (3, 3, 4))
    assert first == again != other
    recall = [json.loads(one)["sides"]["champion"]["decided"]["measures"]["recall"] for one in (first, other)]
    assert recall[0]["value"] == recall[1]["value"]
    assert recall[0]["low"] != recall[1]["low"]


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    """200 histories whose days differ (a bad day catches less): 95 % intervals of the recall, whose truth is 0.7."""
    covered = 0
    for seed in range(200):
        draw = np.random.default_rng([7, seed])
        frauds = draw.integers(5, 15, 40)
        caught = draw.binomial(frauds, draw.beta(7, 3, 40))
        found = [
            whole({"day": FIRST_DAY + day, "fraud": 1, "decision": decision, "count": int(count)})
            for day in range(40)
            for decision, count in ((1, caught[day]), (0, frauds[day] - caught[day]))
        ]
        recall = figures(Tallies(table(found)), FREE, seed=seed)["sides"]["champion"]["decided"]["measures"]["recall"]
        covered += recall["low"] <= 0.7 <= recall["high"]
    assert 0.88 <= covered / 200 <= 0.99


def test_too_few_days_have_no_intervals_and_say_so() -> None:
    document = figures(tallies(800, days=4), Costs())
    assert document["intervals"]["resamples"] == 0
    recall = document["sides"]["champion"]["decided"]["measures"]["recall"]
    assert recall["value"] is not None
    assert recall["low"] is recall["high"] is None
    assert recall["reason"] == document["intervals"]["reason"] == "no interval: 4 days with labels; 5 at least"


def test_frauds_on_few_days_have_no_interval_where_genuine_rows_have_one() -> None:
    found = [whole({"day": FIRST_DAY + day, "decision": int(day % 3 == 0), "count": 5 + day}) for day in range(20)]
    found += [whole({"day": FIRST_DAY + day, "fraud": 1, "decision": day}) for day in range(2)]
    measures = figures(Tallies(table(found)), FREE)["sides"]["champion"]["decided"]["measures"]
    assert measures["recall"]["value"] == 0.5
    assert measures["recall"]["reason"] == "no interval: frauds on 2 days only; 5 at least"
    assert measures["fpr"]["low"] < measures["fpr"]["value"] < measures["fpr"]["high"]


def test_where_every_day_agrees_there_is_no_interval() -> None:
    found = [whole({"day": FIRST_DAY + day, "fraud": day % 2, "decision": day % 2}) for day in range(20)]
    recall = figures(Tallies(table(found)), FREE)["sides"]["champion"]["decided"]["measures"]["recall"]
    assert recall == {
        "value": 1.0, "low": None, "high": None, "reason": "no interval: every draw of days gives the same value",
    }  # fmt: skip


DEGENERATE: dict[str, tuple[list[dict[str, Any]], str | None, str | None]] = {
    "zero rows": ([], NO_FRAUD, NO_ROWS),
    "no labels": (
        [whole({"fraud": -1, "day": FIRST_DAY + day, "decision": day % 3}) for day in range(9)],
        NO_FRAUD,
        None,
    ),
    "no fraud": ([whole({"day": FIRST_DAY + day, "decision": day % 3}) for day in range(9)], NO_FRAUD, None),
    "no genuine": ([whole({"fraud": 1, "day": FIRST_DAY + day, "decision": day % 3}) for day in range(9)], None, None),
    "one row": ([whole({"fraud": 1})], None, None),
}


@pytest.mark.parametrize("case", DEGENERATE)
def test_what_cannot_be_measured_is_null_with_a_reason(case: str) -> None:
    found, no_recall, no_alerts = DEGENERATE[case]
    document = figures(Tallies(table(found)), Costs())
    json.dumps(document, allow_nan=False)
    measures = document["sides"]["champion"]["decided"]["measures"]
    assert (measures["recall"]["value"] is None) == (no_recall is not None)
    assert no_recall is None or measures["recall"]["reason"] == no_recall
    assert (measures["alert_rate"]["value"] is None) == (no_alerts is not None)
    ranked = document["ranking"]["champion"]["measures"]
    assert all(one["value"] is None and one["reason"] in (NO_FRAUD, NO_GENUINE, NO_LABELS) for one in ranked.values())
    assert document["claim"]["by_ranking"] == "unknown"
    for text in (*itertools.chain.from_iterable(summary_lines(document)), document["claim"]["sentence"]):
        assert "nan" not in text.lower()
        assert "None" not in text


def test_scenarios_add_up_to_all_frauds() -> None:
    document = figures(tallies(4000), Costs())
    names = {row["scenario"] for row in document["scenarios"]}
    assert names == {*SCENARIOS, None}
    assert sum(row["count"] for row in document["scenarios"]) == document["rows"]["fraud"]
    recall = document["sides"]["champion"]["decided"]["measures"]["recall"]["value"]
    weighted = sum(row["count"] * row["champion"]["decided"]["recall"]["value"] for row in document["scenarios"])
    assert weighted / document["rows"]["fraud"] == pytest.approx(recall)
    missed = sum(row["champion"]["decided"]["missed_amount"] for row in document["scenarios"])
    assert missed == pytest.approx(document["sides"]["champion"]["decided"]["measures"]["money_missed"]["value"])


def test_very_many_scenarios_are_shown_as_others() -> None:
    found = [whole({"fraud": 1, "scenario": f"s{n}", "count": 100 - n, "decision": n % 2}) for n in range(60)]
    document = figures(Tallies(table(found)), Costs())
    assert [row["others"] for row in document["scenarios"]] == [False] * 40 + [True]
    assert document["scenarios"][-1]["count"] == sum(100 - n for n in range(40, 60))
    assert document["scenarios"][-1]["champion"]["decided"]["recall"]["value"] == pytest.approx(
        sum(100 - n for n in range(41, 60, 2)) / sum(100 - n for n in range(40, 60))
    )


def test_segments_are_ordered_as_people_expect_and_count_everything() -> None:
    document = figures(tallies(4000), Costs())
    found = {one["segment"]: one["values"] for one in document["segments"]}
    assert [row["value"] for row in found["hour"]] == [str(hour) for hour in range(24)]
    assert [row["value"] for row in found["amount"]] == ["under 10", "10 to 50", "50 to 200", "over 200"]
    for values in found.values():
        assert sum(row["fraud"] for row in values) == document["rows"]["fraud"]
        assert sum(row["genuine"] + row["unlabelled"] for row in values) == 4000 - document["rows"]["fraud"]
        caught = sum(row["recall"] * row["fraud"] for row in values)
        evidence = document["sides"]["champion"]["evidence"]["counts"]["fraud"]
        assert caught == pytest.approx(evidence["REVIEW"] + evidence["BLOCK"])


def test_rules_are_measured_against_all_frauds_and_all_genuine_rows() -> None:
    of = {"code": "A", "family": "f", "points": 0, "amount": 0.0, "lowered_amount": 0.0}
    table_ = pa.Table.from_pylist(
        [
            of | {"fraud": 1, "fired": 6, "alone": 2, "lowered": 3},
            of | {"fraud": 1, "fired": 2, "alone": 0, "lowered": 1},
            of | {"fraud": 0, "fired": 24, "alone": 1, "lowered": 12},
            of | {"code": "B", "fraud": 1, "fired": 5, "alone": 0, "lowered": 0},
        ]
    )
    overlap = pa.table({"code_a": ["A", "A"], "code_b": ["B", "B"], "fraud": [1, 1], "count": [1, 2]})
    base = table([whole({"fraud": 1, "count": 20}), whole({"count": 200})])
    document = figures(Tallies(base, rules=table_, overlaps=overlap), Costs())
    first, second = document["rules"]
    assert (first["code"], second["code"]) == ("A", "B")
    assert first["fired"] == {"fraud": 8, "genuine": 24, "unlabelled": 0}
    assert first["precision"] == pytest.approx(8 / 32)
    assert first["fraud_share"] == pytest.approx(8 / 20)
    assert first["lowered_fraud_share"] == pytest.approx(4 / 20)
    assert first["lowered_genuine_share"] == pytest.approx(12 / 200)
    assert document["overlaps"] == [
        {
            "code_a": "A", "code_b": "B", "fraud": 3, "genuine": 0, "unlabelled": 0, "shared": pytest.approx(3 / 10),
            "shared_genuine": 0.0,
        }
    ]  # fmt: skip
    assert {rule["code"] for rule in figures(tallies(500), Costs())["rules"]} == set(CODES)


def test_a_challenger_is_compared_row_by_row() -> None:
    found = rows(3000)
    document = figures(Tallies(outcomes(found, challenger=True)), Costs())
    matrix = document["change_matrix"]["decided"]["counts"]
    for was, now in itertools.product(range(3), repeat=2):
        wanted = (found["fraud"] == 1) & (found["decision"] == was) & (found["challenger_decision"] == now)
        names = ("APPROVE", "REVIEW", "BLOCK")
        assert matrix["fraud"][names[was]][names[now]] == wanted.sum()
    sides, delta = document["sides"], document["deltas"]["challenger_champion"]
    for view in ("decided", "evidence"):
        for name, measure in delta[view].items():
            less = (
                sides["challenger"][view]["measures"][name]["value"]
                - sides["champion"][view]["measures"][name]["value"]
            )
            assert measure["value"] == pytest.approx(less, abs=1e-9)
    narrow = delta["decided"]["recall"]["high"] - delta["decided"]["recall"]["low"]
    alone = sides["champion"]["decided"]["measures"]["recall"]
    assert narrow < alone["high"] - alone["low"], "the same draws of days for both"


def test_a_challenger_that_is_the_champion_changes_nothing() -> None:
    found = rows(2000)
    found |= {f"challenger_{name}": found[name] for name in ("decision", "evidence_decision", "score", "risk")}
    document = figures(Tallies(outcomes(found, challenger=True)), Costs())
    assert document["change_matrix"]["decided"]["changed"] == {"genuine": 0, "fraud": 0, "unlabelled": 0}
    assert all(one["value"] == 0 for one in document["deltas"]["challenger_champion"]["decided"].values())


@pytest.mark.parametrize(
    ("days", "unit", "first"), [(20, "day", "2024-10-04"), (200, "week", "2024-09-30"), (900, "month", "2024-10-01")]
)
def test_time_is_by_day_week_or_month_and_adds_up(days: int, unit: str, first: str) -> None:
    document = figures(tallies(5000, days=days), Costs())
    found = document["over_time"]
    assert (found["unit"], found["rows"][0]["from"]) == (unit, first)
    counts = document["sides"]["champion"]["decided"]["counts"]
    assert (
        sum(row["champion"]["true_positives"] for row in found["rows"])
        == counts["fraud"]["REVIEW"] + counts["fraud"]["BLOCK"]
    )
    assert sum(row["champion"]["true_negatives"] for row in found["rows"]) == counts["genuine"]["APPROVE"]
    assert sum(row["days"] for row in found["rows"]) == document["intervals"]["days"]


def measure(value_: float | None, low: float | None = None, high: float | None = None) -> Any:
    return {"value": value_, "low": low, "high": high, "reason": None if low is not None else "no interval: 3 days"}


@pytest.mark.parametrize(
    ("recall", "fpr", "ranked", "verdict"),
    [
        (measure(0.97, 0.96, 0.98), measure(0.01, 0.009, 0.012), measure(0.5, 0.4, 0.6), "holds"),
        (measure(0.76, 0.73, 0.79), measure(0.019, 0.018, 0.02), measure(0.96, 0.951, 0.97), "holds"),
        (measure(0.96, 0.93, 0.98), measure(0.01, 0.009, 0.012), measure(0.9, 0.88, 0.92), "open"),
        (measure(0.97, 0.96, 0.98), measure(0.05, 0.04, 0.06), measure(0.9, 0.88, 0.92), "fails"),
        (measure(0.97), measure(0.02), measure(0.9), "holds"),
        (measure(None), measure(0.02), measure(None), "unknown"),
    ],
)  # fmt: skip
def test_the_promise_is_judged_by_intervals(recall: Any, fpr: Any, ranked: Any, verdict: str) -> None:
    found = claim(recall, fpr, ranked, measure(0.6), measure(0.1))
    assert found["verdict"] == verdict
    says = {"holds": "holds on", "open": "neither", "fails": "does not hold", "unknown": "cannot be judged"}[verdict]
    assert says in found["sentence"]


def test_a_table_that_is_not_as_agreed_is_refused() -> None:
    good = table([whole({})])
    with pytest.raises(ValueError, match="outcomes lacks risk"):
        Tallies(good.drop_columns(["risk"]))
    with pytest.raises(ValueError, match="decision outside 0 to 2"):
        Tallies(table([whole({"decision": 3})]))
    with pytest.raises(ValueError, match="risk outside 0 to 1"):
        Tallies(table([whole({"risk": float("nan")})]))
    with pytest.raises(ValueError, match="rows without plain"):
        Tallies(table([whole({"plain": None})]))
    with pytest.raises(ValueError, match="k is at least 1"):
        figures(Tallies(good), Costs(), k=0)


def test_whatever_a_changed_row_holds_the_document_is_json() -> None:
    odd = {"transaction_id": "T", "amount": float("nan"), "champion": {"score": np.int64(3)}, "gained": {"A"}}
    found = tallies(500)
    document = figures(
        Tallies(found.outcomes, changes=[odd] * 300, investigation={"agreement": np.float64("inf")}), Costs()
    )
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert len(document["changes"]) == 200
    assert document["changes"][0] == {"transaction_id": "T", "amount": None, "champion": {"score": 3}, "gained": ["A"]}


def test_costs_come_from_a_file_that_says_where_it_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "costs.yaml"
    file.write_text("currency: EUR\nreview_cost: 4.5\nreview_catch_share: 0.9\n", encoding="utf-8")
    assert load_costs(file) == Costs(currency="EUR", review_cost=4.5, review_catch_share=0.9)
    file.write_text("currency: EUR\nreview_catch_share: 1.5\n", encoding="utf-8")
    with pytest.raises(PolicyError, match=r"costs\.yaml:2:21: review_catch_share"):
        load_costs(file)
    file.write_text("reviewcost: 1\n", encoding="utf-8")
    with pytest.raises(PolicyError, match="is not a field of a file of costs"):
        load_costs(file)
    assert set(costs_schema()["properties"]) == set(Costs.model_fields)


def test_costs_in_another_currency_than_the_amounts_are_refused() -> None:
    assert Costs(review_cost=2).in_base("EUR") == Costs(review_cost=2, currency="EUR")
    with pytest.raises(SettingsError, match="the costs are in USD, but the policy's base currency is EUR"):
        Costs(currency="USD").in_base("EUR")


def test_figures_do_not_load_what_only_the_page_needs() -> None:
    code = "import sys; from fraudray.batch.report import figures, summary_lines; print('matplotlib' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"


def test_draws_are_days_with_replacement() -> None:
    draws = Draws.of(12, 12, seed=1)
    assert draws.weights.shape == (RESAMPLES + 1, 12)
    assert (draws.weights.sum(axis=1) == 12).all()
    assert (draws.weights[0] == 1).all()


def test_draws_are_computed_in_parts_that_agree() -> None:
    found = Outcomes.of(Tallies(outcomes(rows(500, days=10))))
    risk = found.sides[0].risk
    assert risk is not None
    ranks, draws = Ranks.of(found, risk), Draws.of(10, 10, seed=2)
    whole_ = ranking(ranks, draws)["auc_roc"].values
    for place in (0, 63, 64, 65, RESAMPLES):
        alone = ranking(ranks, Draws(draws.weights[place : place + 1], None))["auc_roc"].values
        assert whole_[place] == pytest.approx(alone[0])
