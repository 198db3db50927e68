"""The queue: which cases are asked for, and how each line reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from fraudray.ui.words import moment_of, short

PAGE_ROWS = 50
REASONS_SHOWN = 2
PAGES_MAX = 200_000
VIEWS: tuple[tuple[str, str, str], ...] = (
    ("ready", "Ready", "Cases that nobody works on, and that wait for nothing."),
    ("mine", "Mine", "Cases that you have taken."),
    ("escalated", "Escalated", "Cases that were handed on."),
    ("waiting", "Waiting", "Cases that were put off."),
    ("overdue", "Overdue", "Active cases past their due time."),
    ("active", "All active", "Everything that is not closed."),
    ("closed", "Closed", "Cases that have ended."),
)
"""Name, title, what it holds."""
SORTS = (
    ("risk", "Risk, then age"), ("oldest", "Oldest first"), ("newest", "Newest alert first"),
    ("due", "Most overdue first"), ("amount", "Largest amount first"),
)  # fmt: skip
STATUSES = {
    "open": "Open", "claimed": "Taken", "waiting": "Waiting", "escalated": "Escalated", "reopened": "Reopened",
    "closed": "Closed",
}  # fmt: skip
_FIELDS = ("q", "reason", "customer_id", "amount_min", "amount_max", "decision")
_DEFAULT_SORT = {"overdue": "due", "closed": "newest"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for."""

    view: str
    sort: str
    page: int
    fields: Mapping[str, str]

    def query(self, author: str) -> dict[str, Any]:
        """As the API takes it."""
        wanted: dict[str, Any] = dict(self.fields) | {"sort": self.sort}
        match self.view:
            case "mine":
                wanted |= {"status": "claimed", "assignee": author}
            case "overdue":
                wanted |= {"overdue": True}
            case view:
                wanted |= {"status": view}
        return wanted

    def address(self, **changed: Any) -> str:
        """This page's address with something changed; what is as usual is left out."""
        values = {"view": self.view, "sort": self.sort, "p": self.page, **self.fields} | changed
        usual = {"view": "ready", "sort": _DEFAULT_SORT.get(str(values["view"]), "risk"), "p": 1}
        shown = {name: value for name, value in values.items() if value not in ("", usual.get(name))}
        return "queue?" + urlencode(shown) if shown else "queue"

    @property
    def narrowed(self) -> bool:
        """Whether a filter is set."""
        return bool(self.fields)


@dataclass(frozen=True, slots=True)
class Line:
    """One case."""

    case_id: str
    version: int
    customer_id: str
    outcome: str
    score: int
    merchant: str
    amount: Any
    currency: str | None
    reasons: tuple[str, ...]
    more_reasons: int
    status: str
    status_word: str
    who: str
    age: str
    alert_at: str
    due: str
    due_at: str | None
    overdue: bool
    href: str


def asked_of(query: Mapping[str, Any]) -> Asked:
    """What an address asks for; what makes no sense is as if it were not there."""
    view = str(query.get("view", ""))
    view = view if view in {name for name, _, _ in VIEWS} else "ready"
    sort = str(query.get("sort", ""))
    sort = sort if sort in dict(SORTS) else _DEFAULT_SORT.get(view, "risk")
    page = str(query.get("p", "1"))
    number = min(int(page), PAGES_MAX) if page.isascii() and page.isdigit() else 1
    fields = {name: str(query[name]).strip()[:200] for name in _FIELDS if str(query.get(name, "")).strip()}
    return Asked(view, sort, max(1, number), fields)


def lines_of(cases: Sequence[Mapping[str, Any]], now: datetime) -> list[Line]:
    """Cases as lines of the queue."""
    return [_line(case, now) for case in cases]


def ago(moment: str | None, now: datetime) -> str:
    """How long ago something was, as people say it."""
    return span(now - moment_of(moment)) if moment else ""


def span(length: timedelta) -> str:
    """A length of time in its two largest units."""
    minutes = max(0, int(length.total_seconds() // 60))
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [f"{n} {unit}" for n, unit in ((days, "d"), (hours, "h"), (minutes, "min")) if n][:2]
    return " ".join(parts) or "now"


def _line(case: Mapping[str, Any], now: datetime) -> Line:
    reasons = [str(code) for code in case.get("reasons") or []]
    due_at = case.get("due_at") if case["status"] != "closed" else None
    left = moment_of(due_at) - now if due_at else None
    late = left is not None and left < timedelta(0)
    return Line(
        case_id=case["case_id"], version=case["version"], customer_id=short(case["customer_id"], 40),
        outcome=case["decision"], score=case["score"], merchant=short(case.get("merchant") or "", 60),
        amount=case.get("amount"), currency=case.get("currency"), reasons=tuple(reasons[:REASONS_SHOWN]),
        more_reasons=max(0, len(reasons) - REASONS_SHOWN), status=case["status"],
        status_word=_status_word(case, now), who=short(case.get("assignee") or "", 30),
        age=ago(case["last_alert_at"], now), alert_at=case["last_alert_at"],
        due="" if left is None else f"{span(-left)} late" if late else f"in {span(left)}", due_at=due_at, overdue=late,
        href="case?" + urlencode({"id": case["case_id"]}),
    )  # fmt: skip


def _status_word(case: Mapping[str, Any], now: datetime) -> str:
    if case["status"] == "closed":
        return f"Closed: {case['disposition']}" if case.get("disposition") else "Closed"
    if case["status"] == "claimed" and case.get("locked_until") and moment_of(case["locked_until"]) <= now:
        return "Left alone"
    return STATUSES.get(case["status"], str(case["status"]))
