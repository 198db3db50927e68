"""Scoring functions of an installed package: points in a capped family, and whatever the function does."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudray.bootstrap import App
from fraudray.domain.decision import Outcome
from fraudray.domain.errors import PolicyError
from fraudray.domain.transaction import Transaction
from fraudray.policy.policy import Policy
from fraudray.service import LocalService
from tests.own.packages import Install
from tests.own.policies import QUIET, written

Make = Callable[..., dict[str, Any]]
SCORING = """\
scoring:
  - id: own-score
    function: own-score
    code: OWN_SCORE
    family: watch
    facts: [amount_base, merchant, local_hour]
    text: "{points} points for {merchant}: {why}"
"""


@pytest.fixture
def scoring(make_app: Callable[..., App], tmp_path: Path, install: Install) -> Callable[..., App]:
    """An App whose policy asks a function with this body."""

    def make(body: str, *, policy: str = SCORING) -> App:
        code = f"from fraudray.plugin import Scored\ndef score(facts):\n    {body}\n"
        install(code, scoring={"own-score": "score"})
        return make_app(policy_file=written(tmp_path, policy, rules=QUIET))

    return make


def test_points_count_in_their_family_and_are_explained(scoring: Callable[..., App], plain: Make) -> None:
    app = scoring("return Scored(facts['amount_base'] / 2, 'half of it, card 4111 1111 1111 1111 {merchant}')")
    row = plain(amount="90", merchant="Kiosk {x}")
    decision = app.engine.decide(row)
    (reason,) = decision.reasons
    assert (decision.decision, decision.score) == (Outcome.REVIEW, 45)
    assert (reason.code, reason.family, reason.weight, reason.points) == ("OWN_SCORE", "watch", 45, 45)
    assert reason.text == "45 points for Kiosk {x}: half of it, card **** **** **** 1111 {merchant}"
    assert reason.evidence == ["transaction-risk/amount", "transaction-risk/merchant"]
    (rule,) = [r for r in LocalService(app).explain(row)["rules"] if r["id"] == "own-score"]
    assert (rule["state"], rule["weight"], rule["points"], rule["text"]) == ("held", 45, 45, reason.text)
    assert rule["missing"] == ["local_hour"]


def test_the_family_caps_the_points(scoring: Callable[..., App], plain: Make) -> None:
    decision = scoring("return 100").engine.decide(plain())
    assert (decision.score, decision.reasons[0].weight, decision.reasons[0].points) == (60, 100, 60)


def test_only_known_facts_are_given_and_none_of_them_can_be_changed(scoring: Callable[..., App], plain: Make) -> None:
    app = scoring("text = ' '.join(sorted(facts)); facts.clear(); return Scored(1, text)")
    assert app.engine.decide(plain(merchant="M")).reasons[0].text == "1 points for M: amount_base merchant"


def test_no_points_are_no_reason(scoring: Callable[..., App], plain: Make) -> None:
    app = scoring("return 0.4")
    row = plain()
    assert app.engine.decide(row).reasons == []
    (rule,) = [r for r in LocalService(app).explain(row)["rules"] if r["id"] == "own-score"]
    assert rule["state"] == "did not hold"


def test_a_function_none_of_whose_facts_are_known_is_not_asked(scoring: Callable[..., App], plain: Make) -> None:
    policy = SCORING.replace("amount_base, merchant, local_hour", "biometric_matched").replace("{merchant}", "x")
    app = scoring("raise ValueError", policy=policy)
    row = plain()
    assert app.engine.decide(row).decision is Outcome.APPROVE
    (rule,) = [r for r in LocalService(app).explain(row)["rules"] if r["id"] == "own-score"]
    assert rule["state"] == "lacks facts"


@pytest.mark.parametrize(
    "body",
    [
        "raise ValueError(facts['merchant'])", "raise SystemExit", "return None", "return float('nan')",
        "return float('inf')", "return -1", "return 100.5", "return '50'", "return True", "return [1]",
        "return Scored(50, None)", "return Scored(None)", "return Scored('x', 'y')", "return score(facts)",
    ],
)  # fmt: skip
def test_a_function_that_fails_lets_nothing_pass(
    scoring: Callable[..., App], plain: Make, caplog: pytest.LogCaptureFixture, body: str
) -> None:
    app = scoring(body)
    row = plain(merchant="Very Private Name")
    decision = app.engine.decide(row)
    assert (decision.decision, decision.score) == (Outcome.REVIEW, 40)
    (reason,) = decision.reasons
    assert (reason.code, reason.points) == ("RULE_FAILED", 40)
    assert "own-score" in reason.text
    assert "the scoring function own-score cannot be used" in caplog.text
    assert "Very Private Name" not in caplog.text
    (rule,) = [r for r in LocalService(app).explain(row)["rules"] if r["id"] == "own-score"]
    assert rule["state"] == "failed"


def test_numbers_of_numpy_are_numbers(scoring: Callable[..., App], plain: Make) -> None:
    app = scoring("import numpy; return numpy.float32(12.4) if facts['amount_base'] > 50 else numpy.int64(7)")
    assert [app.engine.decide(plain(amount=amount)).score for amount in ("60", "40")] == [12, 7]


def test_a_tool_alone_is_scored_only_where_its_facts_are_the_functions(
    scoring: Callable[..., App], plain: Make
) -> None:
    app = scoring("return 20")
    tx = Transaction.parse(plain(), now=app.clock.now())
    assert app.engine.preview(tx, only="transaction-risk").judgement.score == 20
    assert app.engine.preview(tx, only="identity-verifier").judgement.score == 0


def test_a_policy_with_a_function_travels_between_processes(scoring: Callable[..., App], plain: Make) -> None:
    policy = scoring("return 7").policy
    copy = pickle.loads(pickle.dumps(policy))  # noqa: S301 - our own bytes
    facts = {"spending": True, "amount_base": 1.0, "merchant": "x"}
    assert copy.judge(facts) == policy.judge(facts)
    assert copy.judge(facts).score == 7


@pytest.mark.parametrize(
    ("change", "line", "says"),
    [
        (("function: own-score", "function: other"), 7, "no installed package offers other"),
        (("family: watch", "family: wacht"), 9, "there is no family wacht; did you mean watch"),
        (("local_hour", "local_hours"), 10, "there is no fact local_hours; did you mean local_hour"),
        (("{why}", "{reason}"), 11, "the sentence names reason, which is no fact"),
        (("id: own-score", "id: quiet"), 6, "this id is used twice"),
        (("facts: [amount_base, merchant, local_hour]", "facts: []"), 10, "at least 1 item"),
    ],
)
def test_a_bad_entry_is_refused_with_its_place(
    install: Install, tmp_path: Path, change: tuple[str, str], line: int, says: str
) -> None:
    install("def score(facts): return 1", scoring={"own-score": "score"})
    with pytest.raises(PolicyError, match=says) as caught:
        Policy.load(written(tmp_path, SCORING.replace(*change), rules=QUIET))
    assert caught.value.line == line


def test_what_is_no_function_is_refused(install: Install, tmp_path: Path) -> None:
    install("score = 3", scoring={"own-score": "score"})
    with pytest.raises(PolicyError, match="own-score is no function"):
        Policy.load(written(tmp_path, SCORING, rules=QUIET))


def test_more_points_never_lower_the_score(install: Install, tmp_path: Path) -> None:
    install("def score(facts): return facts['amount_base']", scoring={"own-score": "score"})
    rules = (
        'rules:\n  - {id: a, code: A, family: watch, weight: 30, when: "card_present", text: a}\n'
        "  - {id: b, code: B, family: other, weight: 25, when: spending, text: b}\n"
        "floors:\n  - {id: f, code: F, score: 55, when: card_present, text: f}\n"
    )
    file = written(tmp_path, SCORING, rules=rules)
    file.write_text(file.read_text().replace("families:\n", "families:\n  other: {cap: 40}\n"))
    policy = Policy.load(file)

    @given(st.floats(0, 100), st.floats(0, 100), st.booleans())
    def rises(one: float, other: float, present: bool) -> None:
        facts = {"spending": True, "merchant": "x", "card_present": present}
        low, high = (policy.judge(facts | {"amount_base": points}).score for points in sorted((one, other)))
        assert low <= high

    rises()


def test_a_scoring_function_can_be_muted_for_a_customer(scoring: Callable[..., App], plain: Make) -> None:
    app = scoring("return 45")
    service, row = LocalService(app), plain(customer_id="C-8")
    assert app.engine.decide(row).decision is Outcome.REVIEW
    service.lists.mute("own-score", "C-8", until="1d", reason="known", author="ana")
    assert app.engine.decide(plain(customer_id="C-8")).decision is Outcome.APPROVE
    assert app.engine.decide(plain(customer_id="C-7")).decision is Outcome.REVIEW
    (rule,) = [r for r in service.explain(row)["rules"] if r["id"] == "own-score"]
    assert rule["state"].startswith("muted until")
