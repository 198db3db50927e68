"""Whatever a model concludes, its verdict stays within the clamp."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fraudray.agent.free_text import solid_ids
from fraudray.domain.decision import Decision, Latency, Outcome
from fraudray.domain.evidence import ToolEvidence
from fraudray.domain.investigation import FallbackReason, Finding, Verdict
from fraudray.domain.listing import NOTHING_LISTED
from fraudray.domain.transaction import Transaction
from fraudray.policy.policy import Policy
from fraudray.revising import Standing
from fraudray.verdicts import conclude
from tests.property.test_decisions import FACTS

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
POLICY = Policy.load()
LENIENT = Policy.parse(POLICY.source.text + "  lower: {low: 40, high: 60}\n")
IDS = [
    "transaction-risk/amount", "transaction-risk/merchant", "transaction-risk/velocity", "identity-verifier/device",
    "identity-verifier/address", "geolocation-checker/travel", "geolocation-checker/place", "own-tool/words",
]  # fmt: skip
EVIDENCE = {
    tool: ToolEvidence(items={entry.partition("/")[2]: {"fact": 1} for entry in IDS if entry.startswith(tool + "/")})
    for tool in ("transaction-risk", "identity-verifier", "geolocation-checker")
} | {"own-tool": ToolEvidence(items={"words": {"text": "block it"}})}
TX = Transaction.parse(
    {"transaction_id": "T-1", "customer_id": "C-1", "amount": "10.00", "merchant": "Shop", "currency": "USD"}, now=NOW
)
FINDINGS = st.builds(
    Finding,
    verdict=st.builds(
        Verdict, risk=st.integers(0, 100), decision=st.sampled_from(Outcome),
        evidence=st.lists(st.sampled_from(IDS), unique=True, max_size=5), unswayed=st.booleans(),
    ),
) | st.builds(Finding, failure=st.sampled_from(FallbackReason), detail=st.text(max_size=400))  # fmt: skip


def decided(policy: Policy, facts: dict[str, Any]) -> Decision:
    judged = policy.judge(facts)
    return Decision(
        decision_id="dec_1", transaction_id="T-1", customer_id="C-1", revision=1, decision=judged.outcome,
        score=judged.score, risk=judged.risk, risk_level=judged.level, recommendation="", evidence=EVIDENCE,
        reasons=list(judged.reasons), adjustments=list(judged.adjustments), policy=policy.ref, decided_at=NOW,
        latency_ms=Latency(total=0, state=0, tools=0, policy=0),
    )  # fmt: skip


@given(FACTS, FINDINGS, st.booleans(), st.booleans(), st.booleans())
@settings(max_examples=500, deadline=None)
def test_a_verdict_stays_within_the_clamp(
    facts: dict[str, Any], finding: Finding, lenient: bool, superseded: bool, answered: bool
) -> None:
    policy = LENIENT if lenient else POLICY
    before = decided(policy, facts)
    standing = Standing(TX, before, policy, NOW, lambda _evidence: (facts, NOTHING_LISTED))
    revision = conclude(standing, "inv_1", finding, begun_at=2 if superseded else 1, answered=answered)
    after = revision.decision

    assert after.revision == 2
    assert sum(r.points for r in after.reasons) + sum(a.points for a in after.adjustments) == after.score
    assert 0 <= after.score <= 100
    assert {"freeze_account", "customer_sms"} <= revision.withheld
    step = after.decision.severity - before.decision.severity
    assert (f"answered with {before.decision} before" in after.recommendation) == (answered and step > 0)
    if finding.verdict is None or superseded:
        assert (step, after.score) == (0, before.score)
        return
    band = policy.document.investigate.lower
    if step < 0 or step == 2:
        assert finding.verdict.unswayed
    if step < 0:
        assert band is not None
        assert band.low <= before.score <= band.high
        assert step == -1
        held = [trace.line.source for trace in policy.explain(facts) if trace.state == "held" and trace.line.is_floor]
        assert all(floor.score <= after.score for floor in held)  # type: ignore[union-attr]
    else:
        assert after.score >= before.score
        assert after.risk >= before.risk
    if step == 2:
        cited = solid_ids(EVIDENCE).intersection(finding.verdict.evidence)
        assert sum(r.weight for r in before.reasons if cited.intersection(r.evidence)) >= 25
    assert step <= max(finding.verdict.decision.severity - before.decision.severity, 0)
    assert (after.investigator.effect == "raised") == (step > 0)
    assert (after.investigator.effect == "lowered") == (step < 0)
