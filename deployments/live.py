"""The last quarter of an hour of one gateway, in steps of some seconds: what a page shows as it happens.

Prometheus' counters (`metrics.py`) are for those who keep them; this forgets.
"""

from __future__ import annotations

import math
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fraudray.domain.decision import Decision, Outcome

STEP_S = 5
STEPS = 180
LATELY_S = 300
"""What quantiles and tools are counted over."""
STAGES = ("total", "state", "tools", "policy", "store", "investigator")
_GROWTH = math.log(1.1)
_LEAST_MS = 0.001


@dataclass(slots=True)
class _Step:
    """Some seconds: decisions by outcome, requests refused, latencies and tools."""

    at: int
    outcomes: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    stages: dict[str, Counter[int]] = field(default_factory=lambda: {name: Counter() for name in STAGES})
    tools: Counter[tuple[str, bool]] = field(default_factory=Counter)
    """By tool and whether it answered."""


class LiveWindow:
    """Counts as decisions are made; safe to use from several threads."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        """`now` gives seconds since 1970."""
        self._now, self._lock = now, threading.Lock()
        self._steps: deque[_Step] = deque(maxlen=STEPS)

    def decided(self, decision: Decision) -> None:
        """Count a decision that was just made."""
        with self._lock:
            step = self._step()
            step.outcomes[decision.decision.value] += 1
            for name, counts in step.stages.items():
                took_ms = getattr(decision.latency_ms, name)
                if took_ms is not None:
                    counts[_bucket(took_ms)] += 1
            for tool, found in decision.evidence.items():
                step.tools[tool, found.status == "ok"] += 1

    def refused(self) -> None:
        """Count a request that was not accepted."""
        with self._lock:
            self._step().refused += 1

    def document(self) -> dict[str, Any]:
        """What happened lately: decisions by outcome in each step, oldest first, those without any included; rates per
        second; quantiles of latency by stage in ms (to within 10 %); answers and failures of each tool."""
        now = self._now()
        last = int(now) // STEP_S * STEP_S
        with self._lock:
            steps = {step.at: step for step in self._steps if step.at > last - STEP_S * STEPS}
        lately = [step for step in steps.values() if step.at > now - LATELY_S]
        series = [_shown(steps.get(at), at) for at in range(last - STEP_S * (STEPS - 1), last + 1, STEP_S)]
        tools: dict[str, dict[str, int]] = {}
        for step in lately:
            for (tool, answered), count in step.tools.items():
                found = tools.setdefault(tool, {"answers": 0, "failures": 0})
                found["answers" if answered else "failures"] += count
        return {
            "step_s": STEP_S, "lately_s": LATELY_S, "series": series,
            "per_second": {f"{span}s": _rate(steps.values(), now, span) for span in (10, 60, 300)},
            "latency_ms": {name: _quantiles(step.stages[name] for step in lately) for name in STAGES},
            "tools": dict(sorted(tools.items())),
        }  # fmt: skip

    def _step(self) -> _Step:
        at = int(self._now()) // STEP_S * STEP_S
        if not self._steps or self._steps[-1].at < at:
            self._steps.append(_Step(at))
        return self._steps[-1]


def _shown(step: _Step | None, at: int) -> dict[str, int]:
    counts: Mapping[str, int] = step.outcomes if step else {}
    return {"at": at, "refused": step.refused if step else 0} | {one.value: counts.get(one.value, 0) for one in Outcome}


def _rate(steps: Iterable[_Step], now: float, span_s: int) -> float:
    """Decisions per second over the whole steps of the last `span_s`, and the one that is under way."""
    wanted = [step for step in steps if step.at > now - span_s]
    return round(sum(step.outcomes.total() for step in wanted) / span_s, 3)


def _bucket(took_ms: float) -> int:
    return int(math.log(max(took_ms, _LEAST_MS) / _LEAST_MS) / _GROWTH)


def _quantiles(counters: Iterable[Counter[int]]) -> dict[str, float] | None:
    counts: Counter[int] = Counter()
    for counter in counters:
        counts.update(counter)
    total = counts.total()
    if not total:
        return None
    found, seen = {}, 0
    wanted = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
    for bucket, count in sorted(counts.items()):
        seen += count
        for name, share in wanted.items():
            if name not in found and seen >= share * total:
                found[name] = round(_LEAST_MS * math.exp((bucket + 0.5) * _GROWTH), 3)
    return found | {"count": total}
