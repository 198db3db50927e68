"""The baseline: the usual agent loop, in which the model calls the six tools one after another and then concludes.

It is given what favours it: short instructions, one argument that names the payment, a verdict in one line, and tools
whose own time does not count; each tool is called with the payment's data, whatever the model wrote.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import openai
from mcp.client.client import Client
from mcp.types import Implementation, TextContent

from fraudray import __version__
from fraudray.bootstrap import App
from fraudray.deployments.bench.payments import Case
from fraudray.domain.investigation import Usage
from fraudray.tools.catalogue import TOOLS
from fraudray.tools.provider import MountedProvider
from fraudray.tools.server import ToolServer

TOKENS_MAX = 1100
"""Of one answer, as of an investigation's by the packaged policy."""
FOUND_MAX = 4096
"""Characters of a tool's answer that the model reads."""
_SYSTEM = (
    "You are a fraud investigator. Check the payment with every tool: risk, identity, geolocation; log the case, send "
    "the alert, write the report. Then give your verdict as JSON."
)
_ARGUMENTS = {
    "type": "object",
    "properties": {"transaction_id": {"type": "string", "maxLength": 40}},
    "required": ["transaction_id"],
    "additionalProperties": False,
}
_VERDICT = {
    "type": "object",
    "properties": {
        "risk": {"type": "integer", "minimum": 0, "maximum": 100},
        "decision": {"type": "string", "enum": ["APPROVE", "REVIEW", "BLOCK"]},
        "reason": {"type": "string", "maxLength": 200},
    },
    "required": ["risk", "decision", "reason"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class LoopRun:
    """What one loop took, in seconds without the tools' own, and in tokens."""

    decision_s: float
    usage: Usage


class UsualLoop:
    """Runs it over one endpoint and the tools of one library."""

    def __init__(self, client: openai.AsyncOpenAI, model: str, temperature: float | None, app: App) -> None:
        """`client` asks `model`; the six servers work on `app`."""
        self._client, self._model = client, model
        self._common: dict[str, Any] = {} if temperature is None else {"temperature": temperature}
        provider = MountedProvider(app)
        self._servers: dict[str, ToolServer] = {entry.name: entry.build(provider) for entry in TOOLS}

    async def run(self, case: Case) -> LoopRun:
        """Decide one payment. Raises openai.APIError, and what a tool raises that cannot be called."""
        began, usage, tools_s = perf_counter(), Usage(), 0.0
        asked = f"Transaction: {json.dumps(case.payment)}"
        messages: list[Any] = [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": asked}]
        tools: Any = [_function(name, entry.summary) for entry, (name, _) in zip(TOOLS, calls(case), strict=True)]
        for entry, (name, arguments) in zip(TOOLS, calls(case), strict=True):
            answer = await self._ask(
                messages, tools=tools, tool_choice={"type": "function", "function": {"name": name}}
            )  # fmt: skip
            usage += _usage(answer)
            said = json.dumps({"transaction_id": case.decision.transaction_id})
            call = {"id": f"call-{entry.name}", "type": "function", "function": {"name": name, "arguments": said}}
            messages.append({"role": "assistant", "content": "", "tool_calls": [call]})
            called_at = perf_counter()
            found = await self._call(entry.name, name, arguments)
            tools_s += perf_counter() - called_at
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": found})
        schema = {"name": "verdict", "strict": True, "schema": _VERDICT}
        answer = await self._ask(messages, response_format={"type": "json_schema", "json_schema": schema})
        usage += _usage(answer)
        return LoopRun(perf_counter() - began - tools_s, usage)

    async def _ask(self, messages: Sequence[Any], **more: Any) -> Any:
        return await self._client.chat.completions.create(
            model=self._model, messages=list(messages), max_tokens=TOKENS_MAX, **self._common, **more
        )

    async def _call(self, server: str, tool: str, arguments: Mapping[str, Any]) -> str:
        info = Implementation(name="fraudray-bench", version=__version__)
        async with Client(self._servers[server], client_info=info) as client:
            result = await client.call_tool(tool, dict(arguments))
        text = "".join(part.text for part in result.content if isinstance(part, TextContent))
        return text[:FOUND_MAX]


def calls(case: Case) -> list[tuple[str, dict[str, Any]]]:
    """The tool of each of the six servers, in the catalogue's order, and what it is called with for a payment."""
    payment, decision = case.payment, case.decision
    ids = {"transaction_id": decision.transaction_id, "customer_id": payment["customer_id"]}
    customer = {"customer_id": payment["customer_id"]}
    return [
        ("check_transaction_risk", ids | {
            "amount": payment["amount"], "merchant": payment["merchant"], "location": payment["location"],
            "transaction_time": payment["timestamp"],
        }),
        ("verify_customer_identity", customer | {
            "device_fingerprint": payment["device_id"], "ip_address": payment["ip_address"],
        }),
        ("check_geolocation_risk", customer | {
            "current_location": payment["location"], "previous_transaction_location": None,
            "time_difference_minutes": None,
        }),
        ("send_fraud_alert_email", ids | {"alert_type": "fraud", "risk_score": decision.score, "details": "bench"}),
        ("log_fraud_case", {
            "case_id": decision.case_id, "transaction_data": {"transaction_id": decision.transaction_id},
            "investigation_notes": "bench", "agent_decision": decision.decision.value, "evidence": [],
        }),
        ("generate_fraud_report", {"case_id": decision.case_id}),
    ]  # fmt: skip


def _function(name: str, description: str) -> dict[str, Any]:
    function = {"name": name, "description": description, "parameters": _ARGUMENTS, "strict": True}
    return {"type": "function", "function": function}


def _usage(answer: Any) -> Usage:
    counted = answer.usage
    if counted is None:
        return Usage(round_trips=1)
    details = counted.prompt_tokens_details
    return Usage(
        round_trips=1, prompt_tokens=counted.prompt_tokens, completion_tokens=counted.completion_tokens,
        cached_tokens=(details.cached_tokens or 0) if details else 0,
    )  # fmt: skip
