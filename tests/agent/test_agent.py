"""The agent: bounded conversations with models that behave, and with endpoints that do not."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import pytest

from fraudray.adapters.openai_chat import OpenAIChat
from fraudray.agent.agent import Agent
from fraudray.agent.breaker import Breaker
from fraudray.domain.decision import Outcome
from fraudray.domain.investigation import FallbackReason
from fraudray.ports.clock import SystemClock
from fraudray.ports.llm import ChatRequest, Delta, ModelAbilities, ModelFailed, TokenCount, ToolPiece, ToolSpec
from fraudray.ports.toolbox import ToolAnswer
from fraudray.testing.endpoint import HOLD, MODEL, ModelEndpoint, Reply, chunk, says
from fraudray.testing.misbehaviour import Misbehaviour, misbehaving
from fraudray.testing.scripted_model import Script, ScriptedModel, verdict
from tests.agent.briefs import AMOUNT, BUDGET, MERCHANT, TRAVEL, brief, investigated

SAID = verdict("BLOCK", 88, [AMOUNT, TRAVEL], "Two signs agree.")


class Box:
    """A toolbox that answers from a table; `together` counts how many calls were under way at once."""

    def __init__(self, *, free_text: bool = False, error: str | None = None) -> None:
        self.answer = ToolAnswer({} if error else {"payments": 3}, error, free_text)
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.traceparents: list[str | None] = []
        self.now = self.together = 0

    def tools(self) -> Sequence[ToolSpec]:
        days = {"type": "integer", "minimum": 1, "maximum": 365}
        return [
            ToolSpec("customer-history", "What the customer did", {"type": "object", "properties": {"days": days}}),
            ToolSpec("merchant-history", "What came of the merchant", {"type": "object", "properties": {}}),
        ]

    async def call(
        self, name: str, arguments: Mapping[str, Any], *, transaction_id: str, limit_s: float, traceparent: str | None
    ) -> ToolAnswer:
        self.calls.append((name, dict(arguments)))
        self.traceparents.append(traceparent)
        self.now += 1
        self.together = max(self.together, self.now)
        await asyncio.sleep(0)
        self.now -= 1
        return self.answer


def agent(script: Script | Sequence[Any], box: Box | None = None, *, tools: Any = "actions") -> Agent:
    return Agent(ScriptedModel(script, abilities=ModelAbilities("m", tools=tools)), box, clock=SystemClock())


def over_http(url: str, breaker: Breaker | None = None) -> Agent:
    return Agent(OpenAIChat(url, ModelAbilities(MODEL)), clock=SystemClock(), breaker=breaker)


def ask(*wanted: dict[str, Any]) -> str:
    return orjson.dumps({"ask": list(wanted)}).decode()


def test_a_verdict_is_read_and_what_it_cost_is_known() -> None:
    events, finding = investigated(agent([SAID]))
    assert finding.verdict is not None
    assert finding.verdict.decision is Outcome.BLOCK
    assert finding.verdict.evidence == [AMOUNT, TRAVEL]
    assert finding.verdict.analysis == "Two signs agree."
    assert finding.usage.round_trips == 1
    assert finding.timing.total_ms is not None
    assert [event.kind for event in events] == ["stage", "verdict", "prose", "finished"]


def test_the_verdict_leaves_before_its_prose_is_written() -> None:
    async def first_events(url: str) -> list[str]:
        kinds = []
        async for event in (run := over_http(url).investigate(brief())):
            kinds.append(event.kind)
            if event.kind == "verdict":
                break
        await run.aclose()
        return kinds

    core = '{"risk":50,"decision":"REVIEW","evidence":["transaction-risk/amount"]'
    with ModelEndpoint(lambda _: Reply([chunk({"content": core}), HOLD])) as endpoint:
        assert asyncio.run(first_events(endpoint.url)) == ["stage", "verdict"]
        assert endpoint.left.wait(20)


def test_prose_that_breaks_off_takes_nothing_from_the_verdict() -> None:
    half = SAID[: SAID.index("signs")]
    with ModelEndpoint(lambda _: Reply([chunk({"content": half}), chunk({"content": "x"})])) as endpoint:
        _, finding = investigated(over_http(endpoint.url))
    assert finding.failure is None
    assert finding.verdict is not None
    assert finding.verdict.analysis.startswith("Two")


@pytest.mark.parametrize("kind", [kind for kind in Misbehaviour if kind not in (
    Misbehaviour.SLOW_FIRST_TOKEN, Misbehaviour.STALLED,
)])  # fmt: skip
def test_an_endpoint_that_misbehaves_gives_no_verdict_and_says_how(kind: Misbehaviour) -> None:
    with misbehaving(kind) as url:
        _, finding = investigated(over_http(url))
    assert finding.verdict is None
    assert finding.failure is kind.reason
    assert finding.detail


@pytest.mark.parametrize("kind", [Misbehaviour.SLOW_FIRST_TOKEN, Misbehaviour.STALLED])
def test_a_model_that_is_slow_is_left_and_freed(kind: Misbehaviour) -> None:
    hasty = BUDGET.model_copy(update={"first_token_s": 0.3, "stall_s": 0.3})
    with misbehaving(kind) as url:
        _, finding = investigated(over_http(url), brief(hasty))
    assert finding.failure is kind.reason


def test_the_time_of_the_policy_ends_it_whatever_the_model_does() -> None:
    hasty = BUDGET.model_copy(update={"limit_s": 0.3})
    with misbehaving(Misbehaviour.SLOW_FIRST_TOKEN) as url:
        _, finding = investigated(over_http(url), brief(hasty))
    assert finding.failure is FallbackReason.LATE


THOUGHTS = "The amount is high, but the place fits."


@pytest.mark.parametrize("deltas", [
    [Delta(content=f"<think>{THOUGHTS}</think>"), Delta(content=SAID)],
    [Delta(content=THOUGHTS), Delta(content="</thi"), Delta(content="nk>\n\n" + SAID[:5]), Delta(content=SAID[5:])],
    [Delta(reasoning=THOUGHTS), Delta(content=SAID)],
    [Delta(reasoning=THOUGHTS + SAID)],
    [Delta(content=f"<think>{THOUGHTS}"), Delta(content=SAID)],
], ids=["tags", "no opening tag", "field", "verdict in the reasoning", "never closed"])  # fmt: skip
def test_thinking_is_told_from_the_verdict_wherever_the_server_puts_it(deltas: list[Delta]) -> None:
    events, finding = investigated(agent([[*deltas, Delta(finish="stop")]]))
    assert finding.verdict is not None
    assert finding.verdict.risk == 88
    thought = "".join(event.body["text"] for event in events if event.kind == "reasoning")
    assert thought.startswith(THOUGHTS)
    assert "<think>" not in thought


def test_a_verdict_that_cites_what_does_not_exist_is_asked_for_once_more() -> None:
    invented = verdict("BLOCK", 99, ["transaction-risk/invented"])
    events, finding = investigated(agent([invented, SAID]))
    assert finding.verdict is not None
    assert [event.body["reason"] for event in events if event.kind == "verdict_rejected"] == ["unknown_evidence"]
    _, finding = investigated(agent([invented, invented, SAID]))
    assert finding.failure is FallbackReason.UNKNOWN_EVIDENCE


def test_questions_are_put_at_once_and_their_answers_can_be_cited() -> None:
    box = Box()
    cites = verdict("BLOCK", 80, ["customer-history/1"])
    events, finding = investigated(
        agent([ask({"tool": "customer-history", "days": 30}, {"tool": "merchant-history"}), cites], box)
    )
    assert box.together == 2
    assert [fact.id for fact in finding.found] == ["customer-history/1", "merchant-history/1"]
    assert finding.verdict is not None
    assert finding.verdict.evidence == ["customer-history/1"]
    assert [event.kind for event in events].count("tool_result") == 2


def test_native_tool_calls_ask_and_conclude() -> None:
    def script(request: ChatRequest) -> list[Delta]:
        assert {tool.name for tool in request.tools} == {"customer-history", "merchant-history", "conclude"}
        if len(request.messages) == 2:
            call = ToolPiece(0, "c1", "customer-history", '{"days"'), ToolPiece(0, arguments=":7}")
            return [Delta(tools=(piece,)) for piece in call] + [Delta(finish="tool_calls")]
        assert request.messages[-1].role == "tool"
        return [Delta(tools=(ToolPiece(0, "c2", "conclude", SAID),)), Delta(finish="tool_calls")]

    box = Box()
    _, finding = investigated(agent(script, box, tools="native"))
    assert box.calls == [("customer-history", {"days": 7})]
    assert finding.verdict is not None
    assert finding.verdict.risk == 88


@pytest.mark.parametrize("tool", ["email-alerts", "send_alert", "freeze_account", "fraud-logger", "conclude-now"])
@pytest.mark.parametrize("tools", ["actions", "native"])
def test_an_acting_or_unknown_tool_is_refused_recorded_and_told_to_the_model(tool: str, tools: str) -> None:
    first: Any = ask({"tool": tool})
    if tools == "native":
        first = [Delta(tools=(ToolPiece(0, "c", tool, "{}"),)), Delta(finish="tool_calls")]
    box = Box()
    events, finding = investigated(agent([first, SAID], box, tools=tools))
    assert [event.body["tool"] for event in events if event.kind == "tool_refused"] == [tool]
    assert not box.calls
    assert finding.verdict is not None


def test_the_same_question_is_put_once_and_the_budget_of_questions_holds() -> None:
    box = Box()
    many = ask(*({"tool": "customer-history", "days": days} for days in (1, 1, 2, 3, 4, 5)))
    events, _ = investigated(agent([many, SAID], box))
    assert [arguments["days"] for _, arguments in box.calls] == [1, 2, 3, 4]
    assert [event.body["why"] for event in events if event.kind == "tool_refused"] == [
        "it was asked before", "the policy allows no more questions",
    ]  # fmt: skip


@pytest.mark.parametrize("arguments", ['{"days": }', "[7]", r'{"days": "\ud83d"}'])
def test_arguments_that_are_no_json_object_are_rejected_and_asked_for_again(arguments: str) -> None:
    call = [Delta(tools=(ToolPiece(0, "c", "customer-history", arguments),)), Delta(finish="tool_calls")]
    box = Box()
    events, finding = investigated(agent([call, SAID], box, tools="native"))
    assert [event.kind for event in events].count("verdict_rejected") == 1
    assert finding.verdict is not None
    assert not box.calls


def test_a_tool_that_fails_is_no_evidence_and_ends_nothing() -> None:
    _, finding = investigated(agent([ask({"tool": "merchant-history"}), SAID], Box(error="no answer")))
    assert finding.found == []
    assert finding.verdict is not None


def test_a_model_that_only_asks_comes_to_its_end() -> None:
    requests = []

    def script(request: ChatRequest) -> str:
        requests.append(request)
        return ask({"tool": "customer-history", "days": len(requests)})

    _, finding = investigated(agent(script, Box()))
    assert len(requests) == BUDGET.steps_max
    assert finding.failure is FallbackReason.BUDGET
    assert requests[-1].schema is not None
    assert "anyOf" not in requests[-1].schema


def test_the_tokens_of_the_policy_hold_over_all_round_trips() -> None:
    count = Delta(finish="stop", tokens=TokenCount(100, 0, BUDGET.tokens_max))
    _, finding = investigated(agent([[Delta(content=ask({"tool": "merchant-history"})), count], SAID], Box()))
    assert finding.failure is FallbackReason.BUDGET


def test_the_part_that_is_the_same_for_every_payment_comes_first() -> None:
    model = ScriptedModel([SAID, SAID])
    for merchant in ("Best Buy", "Corner Shop"):
        investigated(Agent(model, Box(), clock=SystemClock()), brief(merchant=merchant))
    first, second = ([message.content for message in request.messages] for request in model.requests)
    assert first[0] == second[0]
    assert first[1].partition("Payment")[0] == second[1].partition("Payment")[0]
    assert first[1] != second[1]


def test_an_engine_that_is_down_is_asked_once_and_asked_again_when_it_answers() -> None:
    now = [0.0]
    breaker = Breaker(now=lambda: now[0], jitter=lambda: 0.0)
    up = [False]

    def script(_body: dict[str, Any]) -> Reply:
        return says(SAID) if up[0] else Reply(status=401, error="no")

    async def run(url: str) -> list[FallbackReason | None]:
        tried = over_http(url, breaker)

        async def once() -> FallbackReason | None:
            events = [event async for event in tried.investigate(brief())]
            return FallbackReason(events[-1].body["failure"]) if "failure" in events[-1].body else None

        seen = [await once() for _ in range(3)]
        up[0], now[0] = True, 100.0
        seen.append(await once())  # begins the probe
        while breaker.state != "closed":  # noqa: ASYNC110 - the probe is the agent's own
            await asyncio.sleep(0.01)
        seen.append(await once())
        await tried.close()
        return seen

    with ModelEndpoint(script) as endpoint:
        seen = asyncio.run(run(endpoint.url))
    opened = [FallbackReason.BREAKER_OPEN] * 3
    assert seen == [FallbackReason.UNAUTHORIZED, *opened, None]
    assert len(endpoint.requests) == 3  # the first, the probe, the last


def test_an_investigation_that_nobody_follows_any_more_frees_the_engine() -> None:
    async def leave(url: str) -> None:
        tried = over_http(url)
        run = tried.investigate(brief())
        assert (await anext(run)).kind == "stage"
        following = asyncio.ensure_future(anext(run))
        await asyncio.sleep(0.2)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await run.aclose()
        await tried.close()

    with ModelEndpoint(lambda _: Reply([HOLD])) as endpoint:
        asyncio.run(leave(endpoint.url))
        assert endpoint.left.wait(20)


def test_a_failure_to_begin_is_a_finding_too() -> None:
    def fail(_request: ChatRequest) -> ModelFailed:
        return ModelFailed(FallbackReason.SERVER_ERROR, "down")

    _, finding = investigated(agent(fail))
    assert (finding.failure, finding.detail) == (FallbackReason.SERVER_ERROR, "down")
    assert MERCHANT not in str(finding)
