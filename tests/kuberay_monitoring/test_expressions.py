"""What dashboards and alerts ask Prometheus: it can be read, and names what is exported, by labels that are there."""

from __future__ import annotations

import re

import pytest

from tests.kuberay_monitoring import promql
from tests.kuberay_monitoring.catalogue import metrics, monitors, sources
from tests.kuberay_monitoring.objects import DASHBOARDS, alerts, dashboard, panels

EXPRESSIONS = {f"{alert.file}: {alert.name}": alert.expr for alert in alerts()} | {
    f"{board}: {panel['id']} {panel['title']} {target['refId']}": target["expr"]
    for board in DASHBOARDS
    for panel in panels(board)
    for target in panel["targets"]
}
GATEWAY = "namespace", "service", "pod", "container", "endpoint", "job", "instance"


@pytest.mark.parametrize("expression", EXPRESSIONS.values(), ids=EXPRESSIONS.keys())
def test_an_expression_asks_for_what_is_exported_by_labels_that_are_there(expression: str) -> None:
    promql.labels(expression)


@pytest.mark.parametrize("board", DASHBOARDS)
def test_a_legend_names_labels_that_are_there(board: str) -> None:
    for panel in panels(board):
        for target in panel["targets"]:
            for label in re.findall(r"{{\s*(\w+)\s*}}", target["legendFormat"]):
                assert label in promql.labels(target["expr"]), (panel["title"], label)


def test_an_alert_speaks_of_labels_that_are_there() -> None:
    for alert in alerts():
        for text in alert.annotations.values():
            for label in re.findall(r"\$labels\.(\w+)", text):
                assert label in promql.labels(alert.expr), (alert.name, label)


@pytest.mark.parametrize("board", DASHBOARDS)
def test_the_namespaces_to_choose_from_are_those_of_what_is_exported(board: str) -> None:
    variable = next(one for one in dashboard(board)["templating"]["list"] if one["name"] == "namespace")
    found = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["definition"])
    assert found
    assert variable["query"]["query"] == variable["definition"]
    assert found.group(2) in promql.labels(found.group(1))


def test_the_catalogue_holds_nothing_that_is_not_asked_for() -> None:
    asked = set().union(*(promql.names(expression) for expression in EXPRESSIONS.values()))
    assert asked == set(metrics())
    assert sum(len(source.own_labels) for source in sources().values()) == len(metrics())


def test_a_target_has_the_labels_that_its_monitor_gives_it() -> None:
    assert sources()["fraudray"].target_labels == set(GATEWAY)
    assert "ray_io_node_type" in sources()["ray"].target_labels
    assert "namespace" not in sources()["dcgm"].target_labels
    assert set(monitors()) == {"fraudray-gateway", "fraudray-haproxy", "fraudray-ray", "fraudray-llm"}


@pytest.mark.parametrize(
    ("expression", "wrong"),
    [
        ("rate(fraudray_decision_total[5m])", "fraudray_decision_total is not in the catalogue"),
        ('up{nodename="a"}', "no label nodename"),
        ("sum by (outcome) (fraudray_decisions_total)", "no label outcome"),
        ("sum by (decision) (sum by (pod) (fraudray_decisions_total))", "no label decision"),
        ("histogram_quantile(0.9, sum by (stage) (rate(fraudray_decision_seconds_bucket[5m])))", "no label le"),
        ("fraudray_policy_stale / fraudray_outbox_depth", "never match"),
        ("sum(fraudray_policy_stale) unless max by (status) (fraudray_outbox_depth)", "never match"),
        ("up and on (tool) fraudray_tool_errors_total", "left of and on: no label tool"),
        ("fraudray_tool_errors_total and on (tool) up", "right of and on: no label tool"),
        ('absent(fraudray_policy_stale{state="x"})', "no label state"),
    ],
)
def test_a_mistake_in_an_expression_is_found(expression: str, wrong: str) -> None:
    with pytest.raises(promql.Wrong, match=wrong):
        promql.labels(expression)


def test_an_expression_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(ValueError, match="parenthesis"):
        promql.labels("sum(up")


def test_labels_are_followed_through_an_expression() -> None:
    assert promql.labels("sum by (tool) (rate(fraudray_tool_errors_total[$__rate_interval])) > 3") == {"tool"}
    assert promql.labels("sum without (tool) (fraudray_tool_errors_total)") == set(GATEWAY)
    assert promql.labels("max(up) or vector(0)") == frozenset()
    assert promql.labels('absent(up{namespace="a"} == 1)') == frozenset()
