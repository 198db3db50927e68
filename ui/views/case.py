"""A case: its head, what was noted on it, and its trail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fraudray.ui.views.queue import STATUSES, ago, span
from fraudray.ui.words import short

ENTRIES_MAX = 200
TRAIL_MAX = 200
BODY_TEXT_MAX = 4000
_KINDS = {
    "note": "noted", "claimed": "took it", "released": "gave it back", "waiting": "put it off",
    "escalated": "escalated it", "closed": "closed it", "reopened": "reopened it",
    "due_changed": "changed its due time", "merged": "merged it",
    "merged_in": "merged a case into it", "unmerged": "took a merge back", "undone": "took a change back",
    "file_added": "attached a file", "file_removed": "destroyed a file", "alert_resent": "sent the alert again",
    "analysis": "analysed it", "question": "answered a question", "step_up": "answered the step-up",
}  # fmt: skip
_SHOWN = (
    ("notes", ""), ("reason", ""), ("disposition", "as"), ("until", "until"), ("due", "due"), ("to_whom", "to"),
    ("into", "into"), ("case_id", "case"), ("act", "the act"), ("name", ""), ("result", "result"), ("analysis", ""),
    ("question", "Question:"), ("answer", "Answer:"), ("claimed_decision", "claims"),
)  # fmt: skip
_MOMENTS = ("until", "due")


@dataclass(frozen=True, slots=True)
class Head:
    """What is known of a case at a glance."""

    case_id: str
    version: int
    customer_id: str
    outcome: str
    score: int
    status: str
    status_word: str
    who: str
    opened_at: str
    age: str
    due: str
    overdue: bool
    due_at: str | None
    disposition: str
    merged_into: str | None
    merged: tuple[str, ...]
    erased: bool


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of what was noted: a word before it, and the text, or a moment."""

    word: str
    text: str
    moment: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing noted on the case."""

    entry_id: str
    at: str
    author: str
    said: str
    parts: tuple[Part, ...]
    kind: str
    from_case: str | None
    mark: str = ""


def head_of(case: Mapping[str, Any], now: datetime) -> Head:
    """The head of a case."""
    due_at = case.get("due_at") if case["status"] != "closed" else None
    left = datetime.fromisoformat(due_at) - now if due_at else None
    late = left is not None and left.total_seconds() < 0
    return Head(
        case_id=case["case_id"], version=case["version"], customer_id=case["customer_id"], outcome=case["decision"],
        score=case["score"], status=case["status"], status_word=STATUSES.get(case["status"], case["status"]),
        who=short(case.get("assignee") or "", 60), opened_at=case["opened_at"], age=ago(case["opened_at"], now),
        due="" if left is None else f"{span(-left)} late" if late else f"in {span(left)}", overdue=late, due_at=due_at,
        disposition=case.get("disposition") or "", merged_into=case.get("merged_into"),
        merged=tuple(case.get("merged") or ()), erased=bool(case.get("erased")),
    )  # fmt: skip


def entries_of(case: Mapping[str, Any]) -> list[Entry]:
    """What was noted, newest first."""
    newest = case["entries"][-ENTRIES_MAX:][::-1]
    return [_entry(entry, case["case_id"]) for entry in newest]


def trail_of(entries: Sequence[Mapping[str, Any]]) -> list[Entry]:
    """The audit trail as it is kept: who did what when, from which status to which, and why."""
    shown = []
    for entry in entries[:TRAIL_MAX]:
        body = entry["body"]
        parts = [Part("", f"{body['from']} → {body['to']}")] if "from" in body and "to" in body else []
        if entry.get("reason"):
            parts.append(Part("", short(entry["reason"], BODY_TEXT_MAX)))
        said = str(entry["kind"]).removeprefix("case_").replace("_", " ")
        shown.append(Entry(str(entry["seq"]), entry["at"], entry["actor"], said, tuple(parts), entry["kind"], None))
    return shown


def _entry(entry: Mapping[str, Any], case_id: str) -> Entry:
    body = entry["body"]
    if body.get("erased"):
        parts: tuple[Part, ...] = (Part("", "erased with the customer’s data"),)
    else:
        parts = tuple(
            Part(word, short(str(body[name]), BODY_TEXT_MAX), name in _MOMENTS)
            for name, word in _SHOWN
            if isinstance(body.get(name), str) and body[name]
        )
    kind = entry["kind"]
    return Entry(
        entry_id=entry["entry_id"], at=entry["at"], author=short(entry["author"], 60), said=_KINDS.get(kind, kind),
        parts=parts, kind=kind, from_case=entry["case_id"] if entry.get("case_id") not in (None, case_id) else None,
    )  # fmt: skip
