"""What templates are given, without a browser or a server."""

from __future__ import annotations

from typing import Any

import pytest

from fraudray.ui.templates import render
from fraudray.ui.views.actions import actions_view, are_pending
from fraudray.ui.views.decision import cited_ids, decision_view
from fraudray.ui.views.evidence import evidence_view
from fraudray.ui.views.investigation import THINKING_CHARS_MAX, InvestigationView, after, follow


def reason(code: str, points: int, weight: int | None = None, evidence: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "code": code, "family": "place", "weight": weight or points, "points": points, "text": f"{code} spoke",
        "evidence": list(evidence),
    }  # fmt: skip


def decision(**changes: Any) -> dict[str, Any]:
    return {
        "transaction_id": "T-1", "customer_id": "C-1", "revision": 1, "decision": "BLOCK", "score": 95,
        "risk_level": "CRITICAL", "recommendation": "Block", "reasons": [], "adjustments": [], "evidence": {},
        "actions": [], "policy": {"name": "card-payments", "version": "2", "hash": "sha256:0"},
        "decided_at": "2026-11-29T07:47:18.716Z",
        "latency_ms": {"total": 9.8, "state": 2.6, "tools": 5.4, "policy": 1.7},
    } | changes  # fmt: skip


def event(kind: str, **body: Any) -> dict[str, Any]:
    return {"seq": 1, "at": "2026-11-29T07:47:18.716Z", "kind": kind, "body": body}


def test_the_bars_of_a_score_add_up_to_it() -> None:
    reasons = [reason("A", 25), reason("B", 40), reason("C", 0, 10), reason("D", 60)]
    view = decision_view(
        decision(reasons=reasons, adjustments=[{"code": "CEILING", "points": -30, "text": "cut"}]), None
    )
    assert [bar.points for bar in view.bars] == [60, 40, 25, 0, -30]
    assert sum(bar.points for bar in view.bars) == view.score
    assert view.scale_max == 125
    assert (view.bars[0].start, view.bars[0].end) == (0, 48)
    assert [bar.start for bar in view.bars[1:3]] == [bar.end for bar in view.bars[:2]]
    assert (view.bars[-1].start, view.bars[-1].end, view.bars[-1].kind) == (76, 100, "down")
    assert view.bars[3].kind == "capped"


def test_a_score_without_reasons_is_drawn_against_a_hundred() -> None:
    view = decision_view(decision(score=0, decision="APPROVE"), None)
    assert (view.bars, view.scale_max, view.word) == ((), 100, "Approve")


def test_thresholds_come_from_the_policy_that_is_read() -> None:
    policy = {"document": {"thresholds": {"review": 40, "block": 75}}}
    shown = decision_view(decision(), policy).thresholds
    assert shown is not None
    assert (shown.review, shown.block) == (40, 75)
    assert decision_view(decision(), None).thresholds is None


def test_stages_of_latency_are_shown_in_their_order() -> None:
    assert [stage for stage, _ in decision_view(decision(), None).latency] == ["state", "tools", "policy", "total"]


def test_evidence_that_reasons_rest_on_comes_first_and_the_rest_is_kept() -> None:
    found = {
        "identity-verifier": {
            "status": "ok", "latency_ms": 1.2,
            "items": {"device": {"known": False, "age_days": 0.0}, "biometric": {"status": "not_given"}},
        },
        "my-tool": {"status": "unavailable", "latency_ms": 150, "items": {}, "error": "too slow"},
    }  # fmt: skip
    cited = cited_ids(decision(reasons=[reason("A", 5, evidence=("identity-verifier/device",))]))
    identity, own = evidence_view(found, cited)
    assert (identity.title, [item.title for item in identity.cited]) == ("Identity verifier", ["Device"])
    assert [(fact.name, fact.value) for fact in identity.cited[0].facts] == [("known", "no"), ("age days", "0")]
    assert [(item.title, item.absent) for item in identity.others] == [("Biometric", "not given")]
    assert (own.title, own.ok, own.error) == ("My tool", False, "too slow")


def test_amounts_in_evidence_are_money() -> None:
    items = {"amount": {"amount": "385000", "currency": "JPY", "amount_base": 2456.7, "base_currency": "USD"}}
    (tool,) = evidence_view({"transaction-risk": {"status": "ok", "items": items}}, [])
    assert [fact.value for fact in tool.others[0].facts] == ["JPY 385,000", "USD 2,456.70"]


def test_moments_in_evidence_are_shown_in_the_readers_zone() -> None:
    items = {"device": {"first_seen": "2026-11-29T08:41:57.825554Z", "list_date": "2026-10-05"}}
    tools = evidence_view({"identity-verifier": {"status": "ok", "items": items}}, [])
    assert [fact.is_moment for fact in tools[0].others[0].facts] == [True, False]
    html = render("evidence.html", tools=tools)
    assert '<time datetime="2026-11-29T08:41:57.825554Z">2026-11-29 08:41:57 UTC</time>' in html


def test_actions_are_words_with_a_mark() -> None:
    made = decision(
        actions=[
            {"kind": "email_alert", "status": "pending"},
            {"kind": "manual_review", "status": "recommended", "detail": "soon"},
        ]
    )
    assert [(one.title, one.word, one.mark, one.detail) for one in actions_view(made)] == [
        ("Email alert", "waiting", "…", ""), ("Manual review", "recommended", "→", "soon"),
    ]  # fmt: skip
    assert are_pending(made)
    assert not are_pending(decision())


def test_an_investigation_is_shown_as_it_goes_on() -> None:
    view = follow([event("stage", name="model"), event("reasoning", text="Whose "), event("reasoning", text="device?")])
    assert (view.running, view.stage, view.thinking) == (True, "the model works", "Whose device?")
    view = after(view, event("tool_call", call_id="1", tool="device_history", arguments={"days": 30}))
    view = after(
        view, event("tool_result", call_id="1", tool="device_history", ok=True, evidence="x/1", items={"uses": 3})
    )
    view = after(view, event("tool_refused", call_id="2", tool="freeze", why="it acts"))
    assert [(step.kind, step.title, step.text) for step in view.steps] == [
        ("ask", "device_history", '{"days": 30}'), ("answer", "x/1", ""), ("refused", "freeze", "it acts"),
    ]  # fmt: skip
    view = after(view, event("verdict", decision="BLOCK", risk=90, evidence=["identity-verifier/device"]))
    view = after(view, event("prose", analysis="Stolen.", next_checks=["call"], customer_reason=""))
    assert view.verdict is not None
    assert (view.verdict.outcome, view.verdict.risk, view.analysis, view.next_checks) == (
        "BLOCK",
        90,
        "Stolen.",
        ("call",),
    )


@pytest.mark.parametrize(
    ("finding", "said"),
    [
        ({"failure": "late"}, "the time for it ended"), ({"failure": "new_one"}, "new_one"),
        ({"failure": "cut", "detail": "x"}, "x"),
    ],
)  # fmt: skip
def test_an_investigation_without_a_verdict_says_why(finding: dict[str, Any], said: str) -> None:
    view = follow([event("finished", **finding)])
    assert (view.running, view.failure, view.verdict) == (False, said, None)


def test_endless_thinking_is_bounded() -> None:
    view = follow(event("reasoning", text="a" * 1000) for _ in range(50))
    assert len(view.thinking) == THINKING_CHARS_MAX
    assert view.cut


def test_an_event_that_is_not_known_changes_nothing() -> None:
    assert follow([event("weather", rain=True)]) == InvestigationView()
