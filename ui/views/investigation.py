"""An investigation as it happens: what the model thinks, asks, is answered and concludes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from fraudray.ui.views.evidence import Fact, facts_view
from fraudray.ui.words import short

THINKING_CHARS_MAX = 12_000
STEPS_MAX = 80
ARGUMENTS_MAX = 300
_FAILURES = {
    "not_configured": "no model is set", "refused_connection": "the model does not answer", "unauthorized":
    "the model refuses our key", "rate_limited": "the model is asked too often", "server_error": "the model failed",
    "late": "the time for it ended", "slow_first_token": "the model was too slow to begin", "stalled":
    "the model stopped in the middle", "overloaded": "too many investigations were under way", "budget":
    "it used up its steps or tokens", "superseded": "the decision was revised in the meantime",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that the model did or was told."""

    kind: str
    """`ask`, `answer`, `refused` or `rejected`."""
    title: str
    text: str = ""
    facts: tuple[Fact, ...] = ()
    evidence_id: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the model concludes."""

    outcome: str
    risk: int
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InvestigationView:
    """All of it so far."""

    running: bool = True
    stage: str = "waiting for the model"
    thinking: str = ""
    steps: tuple[Step, ...] = ()
    verdict: Verdict | None = None
    analysis: str = ""
    next_checks: tuple[str, ...] = ()
    customer_reason: str = ""
    failure: str = ""
    usage: Mapping[str, Any] = field(default_factory=dict)
    seconds: float | None = None
    model: str = ""

    @property
    def cut(self) -> bool:
        """Whether only the end of the thinking is shown."""
        return len(self.thinking) >= THINKING_CHARS_MAX


_STAGES = {
    "prompt": "preparing what it is told", "model": "the model works", "tools": "tools answer", "deciding": "deciding",
}  # fmt: skip


def follow(events: Iterable[Mapping[str, Any]]) -> InvestigationView:
    """The view after these events."""
    view = InvestigationView()
    for event in events:
        view = after(view, event)
    return view


def after(view: InvestigationView, event: Mapping[str, Any]) -> InvestigationView:
    """The view after one more event."""
    body = event["body"]
    match event["kind"]:
        case "stage":
            return replace(view, stage=_STAGES.get(body.get("name", ""), str(body.get("name", ""))))
        case "reasoning":
            return replace(view, thinking=(view.thinking + str(body.get("text", "")))[-THINKING_CHARS_MAX:])
        case "tool_call":
            arguments = short(json.dumps(body.get("arguments") or {}, ensure_ascii=False), ARGUMENTS_MAX)
            return _with(view, Step("ask", str(body.get("tool", "")), "" if arguments == "{}" else arguments))
        case "tool_result" if body.get("ok"):
            found = str(body.get("evidence") or "")
            return _with(view, Step("answer", found or "answer", "", facts_view(body.get("items") or {}), found))
        case "tool_result":
            return _with(view, Step("refused", "no answer", short(str(body.get("error") or ""))))
        case "tool_refused":
            return _with(view, Step("refused", str(body.get("tool", "")), short(str(body.get("why", "")))))
        case "verdict_rejected":
            return _with(
                view, Step("rejected", "answer not usable", short(str(body.get("detail") or body.get("reason"))))
            )
        case "verdict":
            cited = tuple(str(one) for one in body.get("evidence", [])[:STEPS_MAX])
            return replace(view, verdict=Verdict(str(body["decision"]), int(body["risk"]), cited))
        case "prose":
            return _with_prose(view, body)
        case "finished":
            return _finished(view, body)
        case _:
            return view


def _with(view: InvestigationView, step: Step) -> InvestigationView:
    return replace(view, steps=(*view.steps, step)[-STEPS_MAX:])


def _with_prose(view: InvestigationView, body: Mapping[str, Any]) -> InvestigationView:
    return replace(
        view,
        analysis=short(str(body.get("analysis") or ""), 4000),
        next_checks=tuple(short(str(check)) for check in (body.get("next_checks") or [])[:20]),
        customer_reason=short(str(body.get("customer_reason") or "")),
    )


def _finished(view: InvestigationView, finding: Mapping[str, Any]) -> InvestigationView:
    verdict = finding.get("verdict")
    if verdict:
        view = _with_prose(view, verdict)
        cited = tuple(str(one) for one in verdict.get("evidence", [])[:STEPS_MAX])
        view = replace(view, verdict=Verdict(str(verdict["decision"]), int(verdict["risk"]), cited))
    failure = finding.get("failure")
    said = finding.get("detail") or _FAILURES.get(str(failure), str(failure)) if failure else ""
    total_ms = (finding.get("timing") or {}).get("total_ms")
    return replace(
        view, running=False, failure=short(str(said)), usage=finding.get("usage") or {},
        model=str(finding.get("model") or ""), seconds=None if total_ms is None else total_ms / 1000,
    )  # fmt: skip
