"""The catalogue against what a gateway exports that decided, missed a tool, asked a model, refused, and verified."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest

from fraudray.bootstrap import App
from fraudray.deployments.gateway import build_gateway
from fraudray.deployments.standby import Standby
from fraudray.domain.decision import InvestigatorState
from fraudray.domain.evidence import Item
from fraudray.domain.investigation import FallbackReason
from fraudray.evidence.context import Inquiry
from fraudray.rules.shelf import default_tools
from fraudray.settings import load_settings
from fraudray.testing.endpoint import MODEL, ModelEndpoint, says
from fraudray.testing.scripted_model import verdict
from tests.kuberay_monitoring.catalogue import sources
from tests.kuberay_monitoring.exposition import exported, missing
from tests.kuberay_monitoring.objects import alerts
from tests.ui.running import free_port, serving


class Broken:
    """A read tool that always fails."""

    name = "identity-verifier"
    local = True
    limit_s = None

    def gather(self, inquiry: Inquiry) -> dict[str, Item]:
        raise ConnectionError(f"nobody to ask about {inquiry.tx.merchant}")


@pytest.fixture
def shown(tmp_path: Path, samples: list[dict[str, Any]]) -> str:
    """/metrics, after all that, of a gateway that others may follow, as on EKS."""
    tools = [Broken(), *(tool for tool in default_tools() if tool.name != Broken.name)]
    said = says(verdict("BLOCK", 90, ["transaction-risk/amount"], "A new device."))
    with ModelEndpoint(lambda _: said) as endpoint:
        settings = load_settings(data_dir=tmp_path / "data", llm_url=endpoint.url, llm_model=MODEL)
        gateway = build_gateway(App(settings, tools=tools))
        port = free_port()
        standby = Standby(
            lambda: gateway, settings.data_dir, f"http://127.0.0.1:{port}", first=gateway, fail=threading.Event().set
        )
        with serving(standby, port) as url, httpx.Client(base_url=url, timeout=60) as http:
            for sample in samples:
                assert http.post("/v1/decisions", json=sample).status_code == 201
            assert http.post("/v1/decisions", json=samples[0]).status_code == 200
            assert http.post("/v1/decisions", json={}).status_code == 422
            begun = http.post("/v1/investigations", json={"transaction_id": samples[0]["transaction_id"]})
            assert begun.status_code == 202, begun.text
            assert "finished" in http.get(begun.headers["location"] + "/events").text
            case_id = http.get("/v1/cases").json()["cases"][0]["case_id"]
            assert http.post("/v1/ask", json={"case_id": case_id, "question": "Why?"}).status_code == 200
            assert http.get("/v1/audit/verify").json()["whole"] is True
            return http.get("/metrics").text


def test_a_gateway_exports_what_the_catalogue_says(shown: str) -> None:
    assert missing(sources()["fraudray"], exported(shown)) == {}


def test_what_is_not_exported_and_labels_that_are_not_there_are_found() -> None:
    wrong = missing(sources()["fraudray"], exported('fraudray_policy_stale 0\nfraudray_webhooks_total{why="x"} 1\n'))
    assert wrong["fraudray_replays_total"] == "not exported"
    assert wrong["fraudray_webhooks_total"] == ["result"]
    assert "fraudray_policy_stale" not in wrong


def test_a_failed_investigation_is_one_without_a_verdict() -> None:
    """The alert's pattern spares the effects that a verdict may have, and of the reasons what is nobody's failure."""
    (alert,) = (one for one in alerts() if one.name == "FraudrayInvestigationsFail")
    (pattern,) = re.findall(r'result!~"([a-z_|]+)"', alert.expr)
    effects = set(get_args(get_args(InvestigatorState.model_fields["effect"].annotation)[0]))
    assert set(pattern.split("|")) == effects | {FallbackReason.SUPERSEDED}
