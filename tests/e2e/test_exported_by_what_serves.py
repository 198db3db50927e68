"""The catalogue against what HAProxy and Ray export while `make run` serves.

No setting is needed for either: Serve's HAProxy has Prometheus' format at its metrics port, and each node's Ray agent
at its own, with or without a dashboard.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from ray.dashboard.modules.metrics.dashboards import default_dashboard_panels, serve_dashboard_panels

from fraudray.deployments.processes import find_marked, run_marker
from tests.e2e.conftest import Served
from tests.kuberay_monitoring.catalogue import sources
from tests.kuberay_monitoring.exposition import exported, missing

WITHIN_S = 60
"""Ray's parts report every few seconds."""
Make = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def environment(served: Served) -> Mapping[str, str]:
    """That of the server's processes, which has the ports that it chose."""
    process = find_marked(run_marker(served.data_dir))[0]
    return process.environ()


@pytest.mark.serve
def test_haproxy_exports_what_the_catalogue_says(served: Served, environment: Mapping[str, str], plain: Make) -> None:
    assert httpx.post(f"{served.url}/v1/decisions", json=plain(transaction_id="monitored")).status_code == 201
    found = _scraped(environment["RAY_SERVE_HAPROXY_METRICS_PORT"])
    assert missing(sources()["haproxy"], exported(found)) == {}
    assert _value(found, 'haproxy_frontend_http_responses_total{proxy="http_frontend",code="2xx"}') > 0
    assert 'haproxy_frontend_http_responses_total{proxy="http_frontend",code="5xx"}' in found


@pytest.mark.serve
def test_ray_exports_what_the_catalogue_says(environment: Mapping[str, str]) -> None:
    session = Path(environment["RAY_SERVE_HAPROXY_SOCKET_PATH"]).parents[1] / "session_latest"
    (port,) = (file.read_text(encoding="utf-8") for file in session.glob("metrics_export_port_*"))
    deadline = time.monotonic() + WITHIN_S
    while missing(sources()["ray"], exported(found := _scraped(port))) and time.monotonic() < deadline:
        time.sleep(1)
    assert missing(sources()["ray"], exported(found)) == {}
    running = [line for line in found.splitlines() if line.startswith("ray_serve_application_status{")]
    assert [line.rsplit(" ", 1)[1] for line in running] == ["6.0"]  # what the alerts take for RUNNING


def test_what_ray_exports_in_need_is_what_its_own_dashboards_ask_for() -> None:
    asked = "".join(
        target.expr
        for module in (default_dashboard_panels, serve_dashboard_panels)
        for panels in vars(module).values()
        if isinstance(panels, list)
        for panel in panels
        for target in getattr(panel, "targets", ())
    )
    for metric in sources()["ray-in-need"].own_labels:
        assert f"{metric}{{" in asked, metric


def _scraped(port: str) -> str:
    return httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=30).raise_for_status().text


def _value(text: str, series: str) -> float:
    (line,) = (line for line in text.splitlines() if line.startswith(series + " "))
    return float(line.rsplit(" ", 1)[1])
