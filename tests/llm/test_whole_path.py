"""The whole path with real vLLM: HTTP → gateway → investigator → MCP tools → vLLM → verdict → clamp → case.

The model's weights are random: what it says is not looked at, only what is made of it. The test that harms the engine
comes last.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest

from fraudray.adapters.openai_chat import OpenAIChat
from fraudray.agent.agent import Agent
from fraudray.domain.investigation import FallbackReason
from fraudray.llm.tiny_model import MODEL_ID
from fraudray.ports.clock import SystemClock
from fraudray.ports.llm import ModelAbilities
from tests.agent.briefs import brief, investigated
from tests.agent.test_agent import Box
from tests.collector import Collector
from tests.e2e.test_investigations_http import events
from tests.llm.conftest import ServedModel
from tests.llm.test_engine import engines_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

TRIES = 40
"""The model draws whether it asks."""
BACK_S = 400
CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
SAMPLES = Path(__file__).parents[2] / "fraudray" / "data" / "samples.ndjson"


@pytest.fixture
def http(served: ServedModel) -> Any:
    """The gateway."""
    with httpx.Client(base_url=served.url, timeout=120) as client:
        yield client


def decide(http: httpx.Client, name: str, *, sample: int = 1, headers: dict[str, str] | None = None) -> dict[str, Any]:
    """A sample under an id of its own."""
    row = json.loads(SAMPLES.read_text().splitlines()[sample]) | {"transaction_id": name}
    answer = http.post("/v1/decisions", json=row, headers=headers)
    assert answer.status_code == 201, answer.text
    decision: dict[str, Any] = answer.json()
    return decision


def followed(http: httpx.Client, investigation_id: str) -> list[dict[str, Any]]:
    """What happened in an investigation, when it is over."""
    text = http.get(f"/v1/investigations/{investigation_id}/events").text
    return [json.loads(entry["data"]) for entry in events(text)]


def investigation(http: httpx.Client, transaction_id: str) -> list[dict[str, Any]]:
    begun = http.post("/v1/investigations", json={"transaction_id": transaction_id})
    assert begun.status_code == 202, begun.text
    return followed(http, begun.json()["investigation_id"])


def until(wanted: Callable[[int], Any]) -> Any:
    """The first result that is something."""
    return next(result for number in range(TRIES) if (result := wanted(number)))


def test_a_question_crosses_to_the_mcp_tools_within_the_decisions_trace(
    http: httpx.Client, collector: Collector
) -> None:
    def asked(number: int) -> Any:
        headers = {"traceparent": CALLER.replace("0af76519", f"{number + 1:08x}")}
        decided = decide(http, f"T-trace-{number}", headers=headers)
        happened = followed(http, decided["investigator"]["investigation_id"])
        answered = [event for event in happened if event["kind"] == "tool_result" and event["body"]["ok"]]
        return (headers["traceparent"].split("-")[1], answered[0]["body"]["tool"]) if answered else None

    trace_id, tool = until(asked)
    names = {"decision", "invoke_agent fraudray", f"execute_tool {tool}", f"tools/call {tool}"}

    def spans() -> dict[str, Any]:
        return {span.name: span for span in collector.spans if span.trace_id.hex() == trace_id}

    collector.wait_for(lambda: names <= spans().keys())
    decision, agent, question, answer = (
        spans()[name] for name in ("decision", "invoke_agent fraudray", f"execute_tool {tool}", f"tools/call {tool}")
    )
    assert agent.parent_span_id == decision.span_id
    assert question.parent_span_id == agent.span_id
    assert answer.name == f"tools/call {tool}"
    assert collector.services[answer.span_id] == "fraudray-mcp-tools"
    assert collector.services[agent.span_id] == "fraudray-agent"


def test_a_verdict_is_clamped_stored_and_told_to_the_case(http: httpx.Client) -> None:
    before = decide(http, "T-whole", sample=2)
    followed(http, before["investigator"]["investigation_id"])

    def concluded(_: int) -> Any:
        happened = investigation(http, "T-whole")
        return happened if "verdict" in happened[-1]["body"] else None

    happened = until(concluded)
    kinds = [event["kind"] for event in happened]
    assert kinds.index("verdict") < kinds.index("prose") < kinds.index("finished")
    said = happened[kinds.index("verdict")]["body"]
    decision = http.get("/v1/decisions/T-whole").json()
    levels = ["APPROVE", "REVIEW", "BLOCK"]
    assert levels.index(decision["decision"]) >= levels.index("REVIEW")  # the floor
    assert decision["investigator"]["verdict"] == said["decision"]
    assert decision["investigator"]["effect"] in ("confirmed", "raised", "none")
    case = http.get(f"/v1/cases/{decision['case_id']}").json()
    assert "analysis" in [entry["kind"] for entry in case["entries"]]
    usage = happened[-1]["body"]["usage"]
    assert usage["prompt_tokens"] > usage["cached_tokens"] > 0


def test_what_happens_is_told_while_it_happens(http: httpx.Client) -> None:
    decide(http, "T-stream")

    def streamed(_: int) -> bool:
        begun = http.post("/v1/investigations", json={"transaction_id": "T-stream"}).json()
        came: dict[str, float] = {}
        with http.stream("GET", f"/v1/investigations/{begun['investigation_id']}/events") as stream:
            for line in stream.iter_lines():
                if line.startswith("event: "):
                    came.setdefault(line.removeprefix("event: "), time.monotonic())
        if "verdict" not in came:
            return False
        assert came["stage"] < came["verdict"] < came["finished"]
        return True

    assert until(streamed)


def test_sixteen_at_once_all_come_to_an_end(http: httpx.Client) -> None:
    names = [f"T-many-{number}" for number in range(16)]
    for name in names:
        decide(http, name)
    with ThreadPoolExecutor(16) as threads:
        ends = [happened[-1]["body"] for happened in threads.map(lambda name: investigation(http, name), names)]
    assert sum("verdict" in end for end in ends) >= 8, ends
    known = {reason.value for reason in FallbackReason}
    assert {end["failure"] for end in ends if "verdict" not in end} <= known
    shown = http.get("/metrics").text
    for name in ("investigations_total", "investigation_tokens_total", "investigator_breaker"):
        assert f"fraudray_{name}{{" in shown


@pytest.mark.parametrize("way", ["native", "actions"])
def test_the_model_asks_by_tool_calls_and_by_actions(served: ServedModel, way: Literal["native", "actions"]) -> None:
    def asked(_: int) -> Any:
        box = Box()
        abilities = ModelAbilities(MODEL_ID, tools=way, temperature=1.0)
        given = brief()
        given = given.model_copy(update={"budget": given.budget.model_copy(update={"thinking_tokens_max": 4000})})
        happened, finding = investigated(
            Agent(OpenAIChat(served.openai_url, abilities), box, clock=SystemClock()), given
        )
        kinds = {event.kind for event in happened}
        return finding if box.calls and {"tool_call", "tool_result"} <= kinds else None

    finding = until(asked)
    assert {fact.tool for fact in finding.found} <= {"customer-history", "merchant-history"}
    assert finding.found


def test_an_engine_killed_in_flight_leaves_the_decision_and_service_returns(
    http: httpx.Client, served: ServedModel
) -> None:
    names = [f"T-killed-{number}" for number in range(8)]
    before = [decide(http, name)["decision"] for name in names]
    assert engines_of(served)
    with ThreadPoolExecutor(8) as threads:
        under_way = [threads.submit(investigation, http, name) for name in names]
        time.sleep(0.3)
        for engine in engines_of(served):
            engine.kill()
        ends = [entry.result()[-1]["body"] for entry in under_way]
    assert any("failure" in end for end in ends), ends
    assert [http.get(f"/v1/decisions/{name}").json()["decision"] for name in names] == before
    assert 'fraudray_investigator_breaker{state="closed"} 0.0' in http.get("/metrics").text

    deadline = time.monotonic() + BACK_S
    while http.get("/readyz/investigator").status_code != 200:
        assert time.monotonic() < deadline, f"the engine did not come back within {BACK_S} s"
        time.sleep(2)
    assert until(lambda _: "verdict" in investigation(http, names[0])[-1]["body"])
