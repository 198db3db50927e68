"""What the bench investigates: synthetic payments that the packaged policy does not approve, decided by the engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fraudray.bootstrap import App
from fraudray.cli.bench_load import Load
from fraudray.domain.decision import Decision, Outcome
from fraudray.domain.transaction import Transaction
from fraudray.investigations.briefs import Decided, brief_of
from fraudray.ports.investigator import Brief
from fraudray.service import parse_profiles

LIMIT_S = 120.0
"""For everything that the policy limits in seconds: a small machine is measured, not judged."""
CUSTOMERS = 500
ODD_SHARE = 0.5
DRAWN_MAX = 50_000


@dataclass(frozen=True, slots=True)
class Case:
    """A payment as it was sent, its decision, and what an investigation begins with."""

    payment: dict[str, Any]
    decision: Decision
    brief: Brief


def decided_cases(app: App, count: int, seed: int) -> list[Case]:
    """`count` different payments, decided and stored by `app`, each with a case that the policy opened."""
    now = datetime.now(UTC)
    load = Load(now, CUSTOMERS, seed, prefix="bench-llm", odd_share=ODD_SHARE)
    app.store.customers.put(parse_profiles(load.profiles()), actor="bench", at=now)
    cases: list[Case] = []
    for payment, decision in _decided(app, load):
        if decision.decision is not Outcome.APPROVE and decision.case_id is not None:
            cases.append(Case(payment, decision, _brief(app, payment, decision, now)))
        if len(cases) == count:
            break
    return cases


def _decided(app: App, load: Load) -> Iterator[tuple[dict[str, Any], Decision]]:
    for payment in load.payments(DRAWN_MAX):
        yield payment, app.engine.submit(payment).result().decision


def _brief(app: App, payment: dict[str, Any], decision: Decision, now: datetime) -> Brief:
    tx = Transaction.parse(payment, now=now)
    brief = brief_of(app.policy, app.ids.new("inv"), tx, Decided.by(decision), left_s=LIMIT_S, waiting=True)
    budget = brief.budget.model_copy(update={"first_token_s": LIMIT_S, "stall_s": LIMIT_S})
    return brief.model_copy(update={"budget": budget})
