"""The report of one case: a JSON document in sections; `case_page` has what HTML and PDF show of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from fraudray.domain.case import Case, shown_body
from fraudray.domain.decision import Decision
from fraudray.domain.errors import Refused
from fraudray.reports.case_page import case_page, value
from fraudray.reports.templates import page_html, render

__all__ = ["SECTIONS", "build_report", "render", "render_html"]

SECTIONS = ("summary", "timeline", "evidence", "recommendation")


def build_report(case: Case, *, made_at: datetime, sections: Sequence[str] | None = None) -> dict[str, Any]:
    """The report as a JSON document with the wanted sections, all of them by default.

    Raises:
        ValueError: an unknown section, naming those there are.
        Refused: the case's decisions were erased with its customer's data.
    """
    if case.erased and not case.decisions:
        raise Refused(
            f"the decisions of {case.case_id} were erased with their customer's data; there is nothing to report"
        )
    wanted = SECTIONS if sections is None else tuple(dict.fromkeys(sections))
    unknown = [name for name in wanted if name not in SECTIONS]
    if unknown or not wanted:
        raise ValueError(f"unknown section {', '.join(unknown) or '(none)'}; there are {', '.join(SECTIONS)}")
    builders = {
        "summary": _summary, "timeline": _timeline, "evidence": _evidence, "recommendation": _recommendation,
    }  # fmt: skip
    head = {"report_id": case.case_id, "case_id": case.case_id, "made_at": made_at.isoformat()}
    return head | {name: builders[name](case) for name in wanted}


def render_html(report: dict[str, Any]) -> str:
    """The report as a self-contained page. Everything from a transaction is escaped."""
    return page_html(case_page(report))


def _worst(case: Case) -> Decision | None:
    return max(case.decisions, key=lambda decision: decision.score, default=None)


def _summary(case: Case) -> dict[str, Any]:
    worst = _worst(case)
    return {
        "customer_id": case.customer_id,
        "status": case.status,
        "decision": case.decision.value,
        "score": case.score,
        "risk_level": worst.risk_level.value if worst else None,
        "decisions": len(case.decisions),
        "opened_at": case.opened_at.isoformat(),
        "reasons": [reason.model_dump() for reason in worst.reasons] if worst else [],
        "adjustments": [adjustment.model_dump() for adjustment in worst.adjustments] if worst else [],
        "personal_data_erased": case.erased,
    }


def _timeline(case: Case) -> list[dict[str, Any]]:
    events = [
        {
            "at": decision.decided_at.isoformat(),
            "what": f"{decision.decision} {decision.score} on {decision.transaction_id}",
            "author": "engine",
            "details": [f"{action.kind}: {action.status}" for action in decision.actions],
        }
        for decision in case.decisions
    ]
    events += [
        {
            "at": entry.at.isoformat(),
            "what": entry.kind,
            "author": entry.author,
            "details": [f"{name}: {value(fact)}" for name, fact in shown_body(entry.body).items() if fact is not None],
        }
        for entry in case.entries
    ]
    return sorted(events, key=lambda event: str(event["at"]))


def _evidence(case: Case) -> list[dict[str, Any]]:
    return [
        {
            "transaction_id": decision.transaction_id,
            "tools": {name: found.model_dump(exclude_none=True) for name, found in decision.evidence.items()},
        }
        for decision in case.decisions
    ]


def _recommendation(case: Case) -> dict[str, Any]:
    worst = _worst(case)
    return {
        "text": worst.recommendation if worst else "Manual review recommended",
        "policy": worst.policy.model_dump() if worst else None,
        "actions": [action.model_dump(exclude_none=True) for action in worst.actions] if worst else [],
    }
