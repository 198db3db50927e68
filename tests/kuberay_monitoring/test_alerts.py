"""The alerts: what they tell whoever they wake, and when they do, by Prometheus' own `promtool test rules`."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from tests.kuberay_monitoring import promql
from tests.kuberay_monitoring.catalogue import KUBERAY, metrics
from tests.kuberay_monitoring.objects import ALERTS, Alert, alerts, rule_file

TESTS = Path(__file__).parent / "alerts"
ALL = {alert.name: alert for alert in alerts()}
TOLD = {"summary", "description", "runbook_url"}
needs_promtool = pytest.mark.skipif(
    not shutil.which("promtool"), reason="promtool is not installed (Debian: in the package prometheus)"
)


def rule_tests(file: str) -> list[dict[str, Any]]:
    """The tests in a file of `alerts/`."""
    content: list[dict[str, Any]] = yaml.safe_load((TESTS / f"{file}.yaml").read_text(encoding="utf-8"))["tests"]
    return content


def promtool(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["promtool", *arguments], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize("alert", ALL.values(), ids=ALL.keys())
def test_an_alert_waits_a_while_and_says_how_grave_it_is_and_what_to_do(alert: Alert) -> None:
    assert re.fullmatch(r"[1-9]\d*m", alert.lasts or "")
    assert set(alert.labels) == {"severity"}
    assert alert.labels["severity"] in ("critical", "warning")
    assert set(alert.annotations) == TOLD
    assert not alert.annotations["summary"].endswith(".")
    assert alert.annotations["description"].endswith(".")
    assert len(alert.annotations["description"]) > 80


def test_alerts_have_names_of_their_own() -> None:
    names = [alert.name for alert in alerts()]
    assert len(names) == len(set(names))
    assert all(name.startswith("Fraudray") for name in names)


@pytest.mark.parametrize("alert", ALL.values(), ids=ALL.keys())
def test_a_runbook_is_a_section_that_is_there(alert: Alert) -> None:
    file, _, anchor = alert.annotations["runbook_url"].partition("#")
    headings = re.findall(r"^#+ (.+)$", (KUBERAY.parent / file).read_text(encoding="utf-8"), re.MULTILINE)
    assert anchor in {heading.lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("alert", ALL.values(), ids=ALL.keys())
def test_an_alert_has_a_test_in_which_it_fires_and_one_in_which_it_does_not(alert: Alert) -> None:
    """And the quiet one has every series of a firing one, so that it is not quiet for want of them."""
    fires, quiet = [], []
    for test in rule_tests(alert.file):
        for expected in test["alert_rule_test"]:
            if expected["alertname"] == alert.name:
                (fires if expected["exp_alerts"] else quiet).append(_series(test) & promql.names(alert.expr))
    assert fires
    assert any(there >= needed for there in quiet for needed in fires)


@pytest.mark.parametrize("file", ALERTS)
def test_the_tests_are_on_series_as_they_are_exported(file: str) -> None:
    for test in rule_tests(file):
        for entry in test["input_series"]:
            selector = promql_parser.parse(entry["series"])
            assert isinstance(selector, promql_parser.VectorSelector)
            given = {matcher.name for matcher in selector.matchers.matchers}
            assert given <= metrics()[str(selector.name)].labels(str(selector.name)), entry["series"]


@needs_promtool
@pytest.mark.parametrize("file", ALERTS)
def test_the_alerts_fire_when_they_should_and_not_otherwise(file: str, tmp_path: Path) -> None:
    """Without their texts, which promtool would want repeated; the next test reads those."""
    groups = rule_file(file)
    for rule in _rules(groups):
        del rule["annotations"]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(groups), encoding="utf-8")
    shutil.copy(TESTS / f"{file}.yaml", tmp_path / "tests.yaml")
    done = promtool("test", "rules", "tests.yaml", folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
@pytest.mark.parametrize("file", ALERTS)
def test_prometheus_takes_the_rules_with_their_texts(file: str, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rule_file(file)), encoding="utf-8")
    done = promtool("check", "rules", "--lint=all", "--lint-fatal", "rules.yaml", folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def _rules(groups: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for group in groups["groups"]:
        yield from group["rules"]


def _series(test: dict[str, Any]) -> set[str]:
    return {entry["series"].partition("{")[0] for entry in test["input_series"]}
