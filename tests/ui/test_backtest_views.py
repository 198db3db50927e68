"""What the page of back-tests shows: figures with their meaning, drawings, thresholds, comparisons, the form."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

import pytest

from fraudray.domain.errors import FieldProblem, InvalidTransaction, PolicyError, Refused
from fraudray.ui.templates import render
from fraudray.ui.views import backtest_bars as bars
from fraudray.ui.views import backtest_curves as curves
from fraudray.ui.views.backtest import run_view, sides_of, thresholds_of
from fraudray.ui.views.backtest_compare import caveats, challenged, differences, rule_changes
from fraudray.ui.views.backtest_form import form_view, problems_of, request_of
from fraudray.ui.views.backtest_list import asked_of, run_line, runs_of
from fraudray.ui.views.charts import Chart, Scale, round_values, spread
from fraudray.ui.views.thresholds import setting, threshold_view
from tests.ui.backtests import HISTORY, THRESHOLDS, empty_figures, figures_of, job
from tests.ui.test_states import HOSTILE


def charts_of(figures: dict[str, Any]) -> list[Chart]:
    """Every drawing of a run."""
    sides = sides_of(figures)
    found = [
        curves.roc(sides, zoomed=False), curves.roc(sides, zoomed=True), curves.precision_recall(sides),
        curves.sweep(sides[0]), bars.scores(sides[0], thresholds_of(figures, "champion")),
        bars.over_time(sides, "recall", "Detection", "%"), bars.alerts(sides[0]), bars.money(sides, "EUR"),
    ]  # fmt: skip
    return [chart for chart in found if chart is not None]


def no_text(number: int) -> str:
    raise AssertionError("no version was chosen")


def test_sliders_at_the_policys_thresholds_give_what_it_did() -> None:
    figures = figures_of()
    view = threshold_view(figures["sweep"]["champion"]["by_score"], THRESHOLDS, "EUR")
    assert view is not None
    measures = figures["sides"]["champion"]["decided"]["measures"]
    found = setting(view.data["columns"], 40, 75)
    for name in (
        "recall",
        "recall_block",
        "fpr",
        "precision",
        "alerts_per_day",
        "money_caught",
        "money_missed",
        "net_benefit",
    ):
        assert found[name] == pytest.approx(measures[name]["value"]), name
    assert found["money_held"] == pytest.approx(measures["money_reviewed_by_mistake"]["value"])
    assert found["money_stopped"] == pytest.approx(measures["money_blocked_by_mistake"]["value"])
    assert (view.review, view.block) == (40, 75)
    assert view.sentence.startswith("Review from 40, block from 75: ")


def test_lower_thresholds_catch_more_and_flag_more() -> None:
    view = threshold_view(figures_of()["sweep"]["champion"]["by_score"], THRESHOLDS, "EUR")
    assert view is not None
    steps = [setting(view.data["columns"], score, 100) for score in range(101)]
    for name in ("recall", "fpr", "alerts_per_day", "money_caught"):
        values = [step[name] or 0.0 for step in steps]
        assert values == sorted(values, reverse=True), name
    assert steps[0]["recall"] == steps[0]["fpr"] == 1.0
    assert steps[0]["money_missed"] == pytest.approx(0)


def test_a_sweep_that_lacks_scores_has_no_sliders() -> None:
    points = figures_of()["sweep"]["champion"]["by_score"]
    assert threshold_view(points[1:], THRESHOLDS, "EUR") is None
    assert threshold_view([], THRESHOLDS, "EUR") is None


def test_figures_are_shown_with_what_they_mean_for_every_side() -> None:
    view = run_view(figures_of())
    assert view.names == ("Champion card-payments 2", "Challenger card-payments 3", "Plain rules")
    rows = {row.title: row for row in view.measures}
    assert {"Detected", "False positives", "Alerts a day", "Net benefit, EUR", "AUC ROC", "Card precision@100"} <= set(
        rows
    )
    assert all(row.meaning.endswith(".") and len(row.values) == 3 for row in view.measures)
    assert rows["AUC ROC"].values[2] == "–"
    assert re.fullmatch(r"[\d.]+ % \([\d.]+–[\d.]+\)", rows["Detected"].values[0])
    assert view.changed.startswith("The challenger decides ")
    assert run_view(figures_of(challenger=False)).names == ("card-payments 2", "Plain rules")


def test_every_drawing_stays_inside_its_frame_and_has_a_text_and_a_table() -> None:
    charts = charts_of(figures_of())
    assert len(charts) == 8
    for chart in charts:
        assert chart.text.endswith("."), chart.title
        assert len(chart.table.rows) > 1, chart.title
        assert {len(row) for row in chart.table.rows} == {len(chart.table.columns)}, chart.title
        for line in chart.lines:
            numbers = [float(number) for number in re.findall(r"-?[\d.]+", line.path)]
            assert all(chart.left <= x <= chart.right for x in numbers[::2]), chart.title
            assert all(chart.top <= y <= chart.bottom for y in numbers[1::2]), chart.title
        for bar in chart.bars:
            assert chart.left <= bar.x <= bar.x + bar.width <= chart.width, chart.title
            assert chart.top - 2 <= bar.y <= bar.y + bar.height <= chart.bottom + 0.1, chart.title
        drawn = {line.look for line in chart.lines} | {bar.look for bar in chart.bars} | {m.look for m in chart.marks}
        assert drawn <= {key.look for key in chart.keys}, chart.title


def test_a_line_breaks_where_nothing_can_be_measured() -> None:
    line = Scale(0, 3, 0, 1).line("x", "a", [(0, 0.5), (1, None), (2, 0.5), (3, 1.0)])
    assert line.path.count("M") == 2
    assert line.path.count("L") == 1


@pytest.mark.parametrize(("low", "high", "wanted"), [(0, 1, 0.2), (0, 0.0031, 0.001), (0, 151_000, 50_000), (-3, 7, 2)])
def test_ticks_are_round_and_few(low: float, high: float, wanted: float) -> None:
    values = round_values(low, high, 5)
    assert 3 <= len(values) <= 7
    assert values[1] - values[0] == pytest.approx(wanted)
    assert low <= values[0] < values[-1] <= high


def test_a_scale_without_a_span_is_no_error() -> None:
    assert round_values(3, 3, 5) == [3]
    assert Scale(0, 0, 0, 0).x(5) == Scale(0, 0, 0, 0).x(0)
    assert spread([], 5) == []


def test_a_run_without_labels_has_figures_and_no_error() -> None:
    figures = empty_figures()
    view = run_view(figures)
    assert any("no transaction" in reason.lower() for reason in view.reasons)
    assert "–" in {row.title: row for row in view.measures}["Detected"].values[0]
    assert charts_of(figures)


def test_differences_say_in_words_which_way_is_better() -> None:
    first, second = figures_of(seed=1, challenger=False), figures_of(seed=2, challenger=False)
    for figures, recall, fpr in ((first, 0.5, 0.02), (second, 0.9, 0.08)):
        measures = figures["sides"]["champion"]["decided"]["measures"]
        measures["recall"] = {"value": recall, "low": recall - 0.05, "high": recall + 0.05, "reason": None}
        measures["fpr"] = {"value": fpr, "low": fpr - 0.001, "high": fpr + 0.001, "reason": None}
        measures["precision"] = {"value": 0.3 + fpr, "low": 0.2, "high": 0.6, "reason": None}
        measures["recall_block"] = {"value": 0.1, "low": None, "high": None, "reason": "x"}
        measures["fpr_block"] = {"value": None, "low": None, "high": None, "reason": "no label"}
    rows = {row.title: row for row in differences(first, second)}
    assert (rows["Detected"].change, rows["Detected"].words) == ("+40.0 points", "more: better")
    assert (rows["False positives"].change, rows["False positives"].words) == ("+6.0 points", "more: worse")
    assert (rows["Precision"].verdict, rows["Precision"].words) == ("open", "more: better, perhaps by chance")
    assert (rows["Detected by blocking"].verdict, rows["Detected by blocking"].words) == ("same", "the same")
    assert rows["Blocked by mistake"].words == "cannot be compared"
    assert rows["Alerts a day"].verdict in ("none", "open")


def test_a_challenger_is_compared_by_the_intervals_of_its_differences() -> None:
    figures = figures_of()
    deltas = figures["deltas"]["challenger_champion"]["decided"]
    deltas["recall"] = {"value": 0.02, "low": -0.01, "high": 0.05, "reason": None}
    deltas["fpr"] = {"value": -0.02, "low": -0.03, "high": -0.01, "reason": None}
    rows = {row.title: row for row in challenged(figures)}
    assert rows["Detected"].words == "more: better, perhaps by chance"
    assert rows["False positives"].words == "less: better"


def test_what_makes_runs_hard_to_compare_is_said() -> None:
    first = figures_of(challenger=False)
    assert caveats(first, figures_of(challenger=False)) == []
    other = figures_of(seed=2, days=20, challenger=False)
    other["run"]["base_currency"] = "USD"
    other["costs"]["review_cost"] = 9
    said = " ".join(caveats(first, other))
    assert "different days" in said
    assert "EUR and USD" in said
    assert "different costs" in said
    other["run"]["history"] = {"name": "others"}
    assert "different histories" in caveats(first, other)[0]


def test_rules_that_spoke_otherwise_are_told() -> None:
    first, second = figures_of(challenger=False), figures_of(challenger=False)
    assert rule_changes(first, second) == []
    gone = second["rules"].pop(0)
    second["rules"][0]["fired"]["fraud"] += 3
    found = {change.code: change for change in rule_changes(first, second)}
    assert found[gone["code"]].words == "spoke only in the first"
    assert found[second["rules"][0]["code"]].words == "speaks for 3 more frauds"
    assert len(found) == 2


def test_a_list_says_how_far_each_is() -> None:
    lines = runs_of([
        job(state="running", progress={"doing": "deciding", "done": 500, "total": 2000}),
        job(state="running", progress={"doing": "starting", "done": 0, "total": 0}),
        job(state="failed", error="no transaction to measure"), job(state="interrupted"), job(),
    ])  # fmt: skip
    assert [line.word for line in lines] == ["Running", "Running", "Failed", "Interrupted", "Done"]
    assert lines[0].progress is not None
    assert (lines[0].progress.text, lines[0].progress.share) == ("deciding: 500 of 2,000", 0.25)
    assert lines[1].progress is not None
    assert lines[1].progress.share is None
    assert [(line.moving, line.can_resume) for line in lines[1:]] == [
        (True, False), (False, True), (False, True), (False, False),
    ]  # fmt: skip
    asked = {"asked": "text", "ref": {"name": "mine", "version": "7"}}
    line = run_line(job(policy=asked, challenger=asked, **{"from": "2026-06-01T00:00:00.000Z"}))
    assert (line.policy, line.challenger, line.period) == ("mine 7 (own text)", "mine 7 (own text)", "from 2026-06-01")


@pytest.mark.parametrize("page", ["0", "-1", "x", "", "²", "9" * 40])
def test_an_address_that_makes_no_sense_shows_the_first_pages(page: str) -> None:
    assert 1 <= asked_of({"p": page}).page <= 1000
    assert len(asked_of({"id": "x" * 500}).first) == 64


def test_the_form_offers_histories_with_what_they_hold_and_policies() -> None:
    versions = [{"number": 3, "version": "2.1", "reason": "Fewer alerts"}]
    view = form_view(
        [HISTORY, HISTORY | {"name": "bare", "fraud": 0, "genuine": 0}], {"name": "mine", "version": "4"}, versions
    )
    assert [one.text for one in view.histories] == [
        "payments · 20,000 payments · 2026-05-01 to 2026-06-29 · 147 labelled as fraud",
        "bare · 20,000 payments · 2026-05-01 to 2026-06-29 · no labels",
    ]
    assert view.policies[:2] == (("current", "In force: mine 4"), ("version:3", "Version 3: 2.1, Fewer alerts"))
    assert view.challengers[0] == ("none", "None")


def test_what_was_entered_becomes_a_request() -> None:
    entered = {
        "history": "payments", "policy": "current", "policy_text": "left over", "challenger": "none",
        "challenger_text": "", "from": "2026-05-10", "to": "",
    }  # fmt: skip
    assert request_of(entered, no_text) == {"history": "payments", "policy": "current", "from": "2026-05-10"}
    own = request_of(entered | {"policy": "text", "challenger": "version:3"}, lambda number: f"text of {number}")
    assert (own["policy_text"], own["challenger_text"]) == ("left over", "text of 3")
    assert "policy" not in own
    with pytest.raises(InvalidTransaction) as raised:
        request_of(entered | {"challenger": "text"}, no_text)
    assert [problem.field for problem in raised.value.problems] == ["challenger_text"]


def test_what_is_wrong_is_said_at_its_field() -> None:
    wrong = InvalidTransaction([FieldProblem("from", "order", "from must lie before to")])
    (problem,) = problems_of(wrong)
    assert (problem.field, problem.label) == ("from", "Measure from")
    (problem,) = problems_of(PolicyError("did not find ]", file="policy_text", line=2, column=1))
    assert (problem.field, problem.message) == ("policy_text", "policy_text:2:1: did not find ]")
    assert problems_of(Refused("too many")) == []


def test_names_of_histories_policies_and_rules_are_text() -> None:
    figures = figures_of(notes=[HOSTILE], base_currency=HOSTILE[:3])
    for policy in figures["run"]["policies"].values():
        policy["name"] = HOSTILE
    figures["run"]["history"]["name"] = HOSTILE
    figures["rules"][0]["code"] = figures["rules"][0]["family"] = HOSTILE
    figures["scenarios"][0]["scenario"] = HOSTILE
    asked = {"asked": "text", "ref": {"name": HOSTILE, "version": HOSTILE}}
    run = job(
        backtest_id=HOSTILE, history=HOSTILE, policy=asked, challenger=asked, author=HOSTILE, error=HOSTILE,
        state="failed", result={"Detected": HOSTILE, "Transactions": HOSTILE},
    )  # fmt: skip
    sides, view = sides_of(figures), run_view(figures)
    names = [side.name for side in sides]
    change = {"text": HOSTILE}
    thresholds = threshold_view(figures["sweep"]["champion"]["by_score"], THRESHOLDS, HOSTILE)
    form = form_view([HISTORY | {"name": HOSTILE}], {"name": HOSTILE, "version": HOSTILE})
    asked_for, done = asked_of({"id": HOSTILE}), run | {"state": "done"}
    shown = [
        render("backtests/list.html", runs=runs_of([run]), asked=asked_for, more=True, histories=[HISTORY], at="x"),
        render("backtests/run.html", run=run_line(done), others=runs_of([run]), asked=asked_for, at="x"),
        render("backtests/figures.html", view=view), render("backtests/parts.html", view=view),
        render("backtests/thresholds.html", view=thresholds, drawing=curves.sweep(sides[0]), of=HOSTILE),
        render("backtests/drawings.html", id="x", title="x", charts=charts_of(figures), text=HOSTILE),
        render(
            "backtests/differences.html", title="x", caveats=[HOSTILE], names=names, rows=challenged(figures), text="",
        ),
        render("backtests/changes.html", policy={"changes": [change] * 20, "left_out": 0}, names=names, rules=[]),
        render("backtests/compared.html", runs=runs_of([run])), render("backtests/form.html", view=form, open=True),
        render("backtests/said.html", kind="error", title=HOSTILE, text=HOSTILE, problems=problems_of(
            PolicyError(HOSTILE, file=HOSTILE)), backtest_id=HOSTILE),
        render("backtests/gone.html", why=HOSTILE, backtest_id=HOSTILE),
    ]  # fmt: skip
    for html in shown:
        assert "<img" not in html
        assert "<script" not in html
        assert "&lt;img" in html or "\\u003cimg" in html


def test_the_data_of_the_sliders_arrive_as_they_are() -> None:
    figures = figures_of()
    view = threshold_view(figures["sweep"]["champion"]["by_score"], THRESHOLDS, "EUR")
    html = render("backtests/thresholds.html", view=view, drawing=curves.sweep(sides_of(figures)[0]), of="")
    (data,) = re.findall(r'data-thresholds="([^"]*)"', html)
    assert view is not None
    assert json.loads(unescape(data)) == json.loads(json.dumps(view.data))
    assert len(html) < 60_000
