"""Back-tests as lines of a list: where each stands, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fraudray.ui.words import number, short

PAGE_RUNS = 25
PAGE_MAX = 1000
ID_MAX = 64
STATES = {
    "queued": "Waiting",
    "running": "Running",
    "done": "Done",
    "failed": "Failed",
    "cancelled": "Stopped",
    "interrupted": "Interrupted",
}
_MEANINGS = {
    "queued": "It begins when the one before it has ended.",
    "cancelled": "It goes on where it stopped when you resume it.",
    "interrupted": "The server stopped meanwhile. It goes on where it stopped when you resume it.",
    "failed": "Correct what is said, then resume it or start another one.",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for: one back-test (`first`), two compared, or else a page of the list."""

    first: str
    second: str
    page: int

    @property
    def document(self) -> dict[str, Any]:
        """As the page's messages carry it."""
        return {"id": self.first, "with": self.second, "p": str(self.page)}


def asked_of(query: Mapping[str, Any]) -> Asked:
    """What makes no sense is as if it were not there."""
    first, second = (str(query.get(name, "")).strip()[:ID_MAX] for name in ("id", "with"))
    page = str(query.get("p", "1"))[:6]
    return Asked(first, second, max(1, min(int(page), PAGE_MAX)) if page.isascii() and page.isdigit() else 1)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is; `share` None where that is not known."""

    text: str
    share: float | None


@dataclass(frozen=True, slots=True)
class RunLine:
    """One back-test."""

    backtest_id: str
    state: str
    word: str
    meaning: str
    moving: bool
    can_resume: bool
    progress: Progress | None
    history: str
    policy: str
    challenger: str
    period: str
    rows: str
    asked_at: str
    author: str
    detected: str
    false_positives: str
    error: str


def runs_of(jobs: Sequence[Mapping[str, Any]]) -> list[RunLine]:
    """Back-tests as the API lists them."""
    return [run_line(job) for job in jobs]


def run_line(job: Mapping[str, Any]) -> RunLine:
    """One of them."""
    state, result = str(job["state"]), job.get("result") or {}
    moving = state in ("queued", "running")
    return RunLine(
        backtest_id=job["backtest_id"],
        state=state,
        word=STATES.get(state, state),
        meaning=_MEANINGS.get(state, ""),
        moving=moving,
        can_resume=not moving and state != "done",
        progress=_progress(job.get("progress")) if state == "running" else None,
        history=short(str(job["history"]), 64),
        policy=policy_name(job["policy"]),
        challenger=policy_name(job["challenger"]) if job.get("challenger") else "",
        period=_period(job.get("from"), job.get("to")),
        rows=short(str(result.get("Transactions", "")), 20),
        asked_at=job["asked_at"],
        author=short(str(job["author"]), 40),
        detected=short(str(result.get("Detected", "")), 60),
        false_positives=short(str(result.get("False positives", "")), 60),
        error=short(str(job.get("error") or "")),
    )


def policy_name(asked: Mapping[str, Any]) -> str:
    """A policy's name and version, and how it was chosen where that says more."""
    ref = asked.get("ref") or {}
    chosen = {"current": " (in force)", "text": " (own text)"}.get(str(asked.get("asked")), "")
    return short(f"{ref.get('name', '')} {ref.get('version', '')}".strip(), 80) + chosen


def _progress(progress: Mapping[str, Any] | None) -> Progress:
    if not progress:
        return Progress("starting", None)
    done, total = int(progress.get("done", 0)), int(progress.get("total", 0))
    doing = short(str(progress.get("doing", "")), 60)
    if total <= 1:
        return Progress(doing, None)
    return Progress(f"{doing}: {number(done)} of {number(total)}", min(1.0, done / total))


def _period(start: str | None, end: str | None) -> str:
    if start and end:
        return f"{start[:10]} to {end[:10]}"
    return f"from {start[:10]}" if start else f"to {end[:10]}" if end else ""
