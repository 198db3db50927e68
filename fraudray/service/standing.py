"""How the store stands now: cases, outbox, what labels say of decisions, and what the model used today."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from fraudray.bootstrap import App
from fraudray.domain.decision import Outcome
from fraudray.domain.investigation import Usage
from fraudray.settings import Settings

Document = dict[str, Any]
LABELS_DAYS = 90
WRITTEN_S = 2
"""What ended so long ago is in the database."""


class Standing:
    """Answers within milliseconds, however often it is asked: of the model's use, only what is new is read."""

    def __init__(self, app: App) -> None:
        self._app, self._lock = app, threading.Lock()
        self._read_to: datetime | None = None
        self._used, self._ended = Usage(), Counter[str]()

    def document(self) -> Document:
        """`outbox`, `cases`, `labels`, `llm_today`. Raises StoreFailed."""
        now = self._app.clock.now()
        return {
            "at": now.isoformat(), "outbox": self._outbox(now),
            "cases": self._app.store.cases.counts(now=now, assignee=""),
            "labels": self._labels(now), "llm_today": self._llm(now),
        }  # fmt: skip

    def _outbox(self, now: datetime) -> Document:
        return {
            status: {"count": count, "oldest_s": max(0.0, (now - oldest).total_seconds()) if oldest else None}
            for status, (count, oldest) in self._app.store.outbox.depth().items()
        }

    def _labels(self, now: datetime) -> Document:
        """Of transactions labelled in the last 90 days: how many frauds were flagged, and how many genuine ones. Only
        labelled ones count, which are seldom a fair sample of the genuine."""
        since = now - timedelta(days=LABELS_DAYS)
        counts = self._app.store.figures.labelled(since)
        shown: Document = {"days": LABELS_DAYS}
        for label, rate in (("fraud", "detection_rate"), ("genuine", "false_positive_rate")):
            total = sum(count for (said, _), count in counts.items() if said == label)
            approved = counts.get((label, Outcome.APPROVE.value), 0)
            shown |= {label: total, f"{label}_flagged": total - approved}
            shown[rate] = round((total - approved) / total, 4) if total else None
        return shown

    def _llm(self, now: datetime) -> Document:
        """Tokens of investigations and questions that ended today, and what they cost where a price is set."""
        today = now.replace(hour=0, minute=0, second=0, microsecond=0)
        upto = max(today, now - timedelta(seconds=WRITTEN_S))
        with self._lock:
            if self._read_to is None or self._read_to < today:
                self._read_to, self._used, self._ended = today, Usage(), Counter()
            for kind, used in self._app.store.llm_usage.between(self._read_to, upto):
                self._used += used
                self._ended[kind] += 1
            self._read_to, used_today = upto, self._used
            ended = {kind: self._ended[kind] for kind in ("investigations", "questions")}
        cost = cost_usd(self._app.settings, used_today, (now - today) / timedelta(hours=1))
        return ended | used_today.model_dump() | {"usd": cost}


def cost_usd(settings: Settings, used: Usage, hours: float) -> float | None:
    """What the model cost: its machines by the hour, its tokens by the million; None where no price is set."""
    parts = []
    if settings.llm_usd_per_hour is not None:
        parts.append(settings.llm_usd_per_hour * hours)
    if settings.llm_usd_per_mtok_in is not None:
        parts.append(settings.llm_usd_per_mtok_in * used.prompt_tokens / 1e6)
    if settings.llm_usd_per_mtok_out is not None:
        parts.append(settings.llm_usd_per_mtok_out * used.completion_tokens / 1e6)
    return round(sum(parts), 4) if parts else None
