"""The whole graph on Ray Serve: gateway → investigator → (model, MCP tools), each in a process of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from fraudray.deployments.processes import find_marked, run_marker
from fraudray.testing.endpoint import HOLD, MODEL, ModelEndpoint, Reply, chunk, says
from fraudray.testing.scripted_model import reply, verdict
from tests.collector import Collector
from tests.e2e.test_investigations_http import events
from tests.e2e.test_lifecycle import free_port, started

pytestmark = pytest.mark.serve
BUILD = "fraudray.deployments.app:build_from_environment"
DEVICE = "d1/identity-verifier/device"
CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Script:
    """Asks one question and concludes from its answer, or answers one; says nothing more once `holds` is set."""

    def __init__(self) -> None:
        self.holds = False

    def __call__(self, body: dict[str, Any]) -> Reply:
        if body.get("max_tokens") == 1:
            return says("ok")
        if "answered" in str(body.get("response_format")):
            held = [chunk({"reasoning": "Let me see. "}), HOLD]
            return Reply(held) if self.holds else says(reply("Nobody registered it.", [DEVICE]), reasoning="Whose? ")
        if self.holds:
            return Reply([chunk({"content": '{"risk"'}), HOLD])
        if len(body["messages"]) == 2:
            return says('{"ask":[{"tool":"customer_history","days":30,"limit":5}]}')
        return says(verdict("REVIEW", 60, ["customer_history/1"]), reasoning="They bought before. ")


@pytest.fixture(scope="module")
def script() -> Script:
    return Script()


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with Collector() as made:
        yield made


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dag") / "data"


@pytest.fixture(scope="module")
def endpoint(script: Script) -> Iterator[ModelEndpoint]:
    with ModelEndpoint(script) as started_one:
        yield started_one


@pytest.fixture(scope="module")
def http(endpoint: ModelEndpoint, collector: Collector, data_dir: Path) -> Iterator[httpx.Client]:
    """One server for all tests of this module."""
    port = free_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FRAUDRAY_LLM_URL", endpoint.url)
        patch.setenv("FRAUDRAY_LLM_MODEL", MODEL)
        patch.setenv("FRAUDRAY_OTLP_URL", collector.url)
        with (
            started(data_dir, port, BUILD) as run,
            httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client,
        ):
            run.wait_for("READY")
            yield client


def investigated(http: httpx.Client, transaction_id: str, headers: dict[str, str] | None = None) -> list[Any]:
    """The events of an investigation, as a client reads them."""
    begun = http.post("/v1/investigations", json={"transaction_id": transaction_id}, headers=headers)
    assert begun.status_code == 202, begun.text
    text = http.get(begun.headers["location"] + "/events").text
    return [json.loads(entry["data"]) for entry in events(text)]


def replicas(data_dir: Path, name: str) -> list[psutil.Process]:
    """The processes of a deployment."""
    wanted = f"ray::ServeReplica:fraudray:{name}"
    return [process for process in find_marked(run_marker(data_dir)) if " ".join(process.cmdline()).startswith(wanted)]


def test_an_investigation_crosses_to_the_investigator_and_its_question_to_the_tools(
    http: httpx.Client, data_dir: Path, samples: list[dict[str, Any]]
) -> None:
    for number in range(2):
        row = samples[0] | {"transaction_id": f"T-{number}"}
        assert http.post("/v1/decisions", json=row).status_code == 201
    happened = investigated(http, "T-1")
    kinds = [event["kind"] for event in happened]
    assert happened[2]["body"]["ok"], happened[2]
    assert kinds == ["stage", "tool_call", "tool_result", "stage", "reasoning", "verdict", "prose", "finished"]
    assert happened[2]["body"]["items"]["counted"] == 1
    assert happened[-1]["body"]["verdict"]["evidence"] == ["customer_history/1"]
    for name in ("Gateway", "Investigating", "McpTools"):
        assert len(replicas(data_dir, name)) == 1, name


def test_readiness_and_the_breaker_are_the_investigators(http: httpx.Client) -> None:
    assert http.get("/readyz/investigator").json() == {"status": "ready"}
    assert 'fraudray_investigator_breaker{state="closed"} 1.0' in http.get("/metrics").text


def test_all_of_it_is_one_trace_that_the_caller_began(
    http: httpx.Client, collector: Collector, samples: list[dict[str, Any]]
) -> None:
    row = samples[1] | {"transaction_id": "T-traced"}
    decided = http.post("/v1/decisions", json=row, headers={"traceparent": CALLER}).json()
    investigation_id = decided["investigator"]["investigation_id"]
    http.get(f"/v1/investigations/{investigation_id}/events")
    record = http.get(f"/v1/investigations/{investigation_id}").json()
    assert record["traceparent"].split("-")[1] == CALLER.split("-")[1]

    def named(start: str) -> Any:
        mine = [span for span in collector.spans if span.trace_id.hex() == CALLER.split("-")[1]]
        return next((span for span in mine if span.name.startswith(start)), None)

    chain = ("decision", "invoke_agent", "execute_tool customer_history", "tools/call customer_history")
    collector.wait_for(lambda: all(named(name) for name in chain))
    decision, investigation, question, answered = (named(name) for name in chain)
    assert decision.parent_span_id.hex() == CALLER.split("-")[2]
    assert investigation.parent_span_id == decision.span_id
    assert question.parent_span_id == investigation.span_id
    assert answered.parent_span_id == question.span_id
    served_by = [collector.services[span.span_id] for span in (decision, investigation, answered)]
    assert served_by == ["fraudray", "fraudray-agent", "fraudray-mcp-tools"]


def test_a_question_about_a_case_is_answered_by_the_investigator_and_who_leaves_ends_its_work(
    http: httpx.Client, endpoint: ModelEndpoint, script: Script, samples: list[dict[str, Any]]
) -> None:
    case_id = http.post("/v1/decisions", json=samples[1] | {"transaction_id": "T-asked"}).json()["case_id"]
    asked = {"case_id": case_id, "question": "Whose device is it?", "transaction_id": "T-asked"}
    answer = http.post("/v1/ask", json=asked).json()
    assert (answer["answered"], answer["answer"]) == (True, "Nobody registered it."), answer
    assert answer["citations"][0]["transaction_id"] == "T-asked"
    streamed = {"accept": "text/event-stream"}
    happened = [json.loads(e["data"]) for e in events(http.post("/v1/ask", json=asked, headers=streamed).text)]
    kinds = [event["kind"] for event in happened]
    assert list(dict.fromkeys(kinds)) == ["stage", "reasoning", "answer", "finished"]
    assert happened[-1]["body"]["answer"] == answer["answer"]

    endpoint.left.clear()
    script.holds = True
    with http.stream("POST", "/v1/ask", json=asked, headers=streamed) as stream:
        next(line for line in stream.iter_lines() if line == "event: reasoning")
    assert endpoint.left.wait(60)
    script.holds = False


def test_an_investigator_that_is_killed_costs_a_verdict_and_comes_back(
    http: httpx.Client, data_dir: Path, script: Script, samples: list[dict[str, Any]]
) -> None:
    row = samples[0] | {"transaction_id": "T-killed"}
    assert http.post("/v1/decisions", json=row).status_code == 201
    script.holds = True
    begun = http.post("/v1/investigations", json={"transaction_id": "T-killed"})
    with http.stream("GET", begun.headers["location"] + "/events") as stream:
        lines = stream.iter_lines()
        next(line for line in lines if line == "event: stage")
        for process in replicas(data_dir, "Investigating"):
            process.kill()
        script.holds = False
        finished = "\n".join(lines)
    assert '"failure":"cut"' in finished.replace(" ", "")
    assert http.get("/v1/decisions/T-killed").json()["investigator"]["status"] == "failed"
    assert investigated(http, "T-killed")[-1]["body"]["verdict"]["decision"] == "REVIEW"
