"""Running cases against policies: what each expected, what it got, and which rules no case reached."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fraudray.answer import Outlook
from fraudray.domain.customer import CustomerProfile
from fraudray.domain.decision import Decision
from fraudray.domain.errors import FraudrayError
from fraudray.policy.book import PolicyBook
from fraudray.policy.compiling import nearest
from fraudray.policy.policy import Policy
from fraudray.policy.schema import Floor, Rule, Scoring
from fraudray.trial.cases import Case, Expect, Message, ScoreRange
from fraudray.trial.engine import Trial, Trials

_NOT_OF_THE_FILE = ("CEILING", "CERTAIN", "RULE_FAILED", "EVIDENCE_UNAVAILABLE")


@dataclass(frozen=True, slots=True)
class CaseResult:
    """How a case came out; `failures` is empty when all was as expected."""

    case: Case
    failures: tuple[str, ...]
    decision: Decision | None

    def document(self) -> dict[str, Any]:
        """As JSON-ready values."""
        got = self.decision
        return {
            "name": self.case.name, "line": self.case.line, "passed": not self.failures,
            "failures": list(self.failures),
            "expected": self.case.expect.model_dump(mode="json", exclude_unset=True),
            "got": got and {
                "decision": got.decision.value, "score": got.score, "policy": got.policy.name,
                "reasons": [reason.model_dump(include={"code", "points", "text"}) for reason in got.reasons],
                "adjustments": [adjustment.model_dump() for adjustment in got.adjustments],
            },
        }  # fmt: skip


@dataclass(slots=True)
class CaseRun:
    """All results, and the rules and floors that held in one of them at least."""

    book: PolicyBook
    results: list[CaseResult] = field(default_factory=list)
    reached: set[tuple[str, str]] = field(default_factory=set)

    @property
    def failed(self) -> int:
        """How many cases did not come out as expected."""
        return sum(bool(result.failures) for result in self.results)

    @property
    def unreached(self) -> list[tuple[str, str]]:
        """Rules, floors and scoring functions that held in no case, as (policy, id)."""
        return [
            (policy.document.name, line.source.id)
            for policy in self.book
            for line in policy.speaking
            if (policy.document.name, line.source.id) not in self.reached
        ]


def run_cases(
    trials: Trials, cases: Sequence[Case], customers: Iterable[CustomerProfile], *, start: datetime
) -> CaseRun:
    """Run every case on a store of its own. A case that cannot be decided has failed."""
    run, registered = CaseRun(trials.book), list(customers)
    for case in cases:
        trial = trials.begin(registered, start=start)
        run.results.append(_result(case, trial, run))
    return run


def _result(case: Case, trial: Trial, run: CaseRun) -> CaseResult:
    try:
        for message in case.history:
            _decide(message, trial, run)
        decision = _decide(case.message, trial, run)
    except FraudrayError as error:
        return CaseResult(case, (f"cannot be decided: {error}",), None)
    return CaseResult(case, tuple(_failures(case.expect, decision, run.book)), decision)


def _decide(message: Message, trial: Trial, run: CaseRun) -> Decision:
    trial.wait(message.after)
    run.reached |= _held(trial.look(message.tx))
    return trial.decide(message.tx).decision


def _held(outlook: Outlook) -> set[tuple[str, str]]:
    policy = outlook.policy
    return {
        (policy.document.name, trace.line.source.id)
        for trace in policy.explain(outlook.facts)
        if trace.state == "held"
    }  # fmt: skip


def _failures(expect: Expect, got: Decision, book: PolicyBook) -> Iterable[str]:
    if expect.policy is not None and expect.policy != got.policy.name:
        yield f"policy: expected {expect.policy}, got {got.policy.name}"
    if expect.decision is not None and expect.decision is not got.decision:
        yield f"decision: expected {expect.decision}, got {got.decision}"
    if expect.score is not None and not _scored(expect.score, got.score):
        yield f"score: expected {_spelt(expect.score)}, got {got.score}"
    there = [*(reason.code for reason in got.reasons), *(adjustment.code for adjustment in got.adjustments)]
    codes = _codes(book)
    for code in expect.reasons:
        if code not in there:
            yield f"reasons: expected {code}, got {', '.join(there) or 'none'}{_unknown(code, codes)}"
    for code in expect.without:
        if code in there or code not in codes:
            yield f"without: {code} " + ("is there" if code in there else "means nothing") + _unknown(code, codes)


def _scored(expected: int | ScoreRange, score: int) -> bool:
    return expected.min <= score <= expected.max if isinstance(expected, ScoreRange) else score == expected


def _spelt(expected: int | ScoreRange) -> str:
    return f"{expected.min} to {expected.max}" if isinstance(expected, ScoreRange) else str(expected)


def _codes(book: PolicyBook) -> set[str]:
    """Every code that a decision may carry."""
    return {code for policy in book for code in _codes_of(policy)} | set(_NOT_OF_THE_FILE)


def _codes_of(policy: Policy) -> set[str]:
    document = policy.document
    lines: list[Rule | Floor | Scoring] = [*document.rules, *document.floors, *document.scoring]
    return {line.code for line in lines}


def _unknown(code: str, codes: set[str]) -> str:
    """A misspelt code would be absent from every decision."""
    return "" if code in codes else f"; no policy here has the code {code}{nearest(code, codes)}"
