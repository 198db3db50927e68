"""How things stand: rates and outcomes as small drawings, and what each figure means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from fraudray.ui.views.queue import span
from fraudray.ui.words import number

WIDTH, HEIGHT = 720.0, 160.0
OUTBOX_LATE_S = 60
OUTCOMES = ("APPROVE", "REVIEW", "BLOCK")
STAGES = {
    "total": "All of it", "state": "What is known", "tools": "Tools", "policy": "Policy", "store": "Record",
    "investigator": "Waiting for the model",
}  # fmt: skip
TOOLS = {
    "transaction-risk": "Transaction risk", "identity-verifier": "Identity verifier",
    "geolocation-checker": "Geolocation checker",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bar:
    """Decisions of one outcome in one step of time."""

    x: float
    y: float
    width: float
    height: float
    outcome: str


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure."""

    title: str
    value: str
    note: str = ""
    state: str = ""
    """`good`, `bad` or nothing."""


@dataclass(frozen=True, slots=True)
class LiveView:
    """Everything that the page shows."""

    tiles: tuple[Tile, ...]
    bars: tuple[Bar, ...]
    most: str
    counts: tuple[tuple[str, int], ...]
    refused: int
    stages: tuple[tuple[str, Mapping[str, Any]], ...]
    tools: tuple[tuple[str, int, int], ...]
    minutes: int


def live_view(found: Mapping[str, Any]) -> LiveView:
    """The API's answer as it is shown."""
    series = found["series"]
    step_s = found["step_s"]
    highest = max((sum(step[name] for name in OUTCOMES) for step in series), default=0)
    return LiveView(
        tiles=tuple(_tiles(found)), bars=tuple(_bars(series, highest)), most=f"{number(round(highest / step_s, 1))}/s",
        counts=tuple((name, sum(step[name] for step in series)) for name in OUTCOMES),
        refused=sum(step["refused"] for step in series),
        stages=tuple((STAGES[name], figures) for name, figures in found["latency_ms"].items() if figures),
        tools=tuple((TOOLS.get(name, name), one["answers"], one["failures"]) for name, one in found["tools"].items()),
        minutes=len(series) * step_s // 60,
    )  # fmt: skip


def _tiles(found: Mapping[str, Any]) -> list[Tile]:
    rates, cases, labels = found["per_second"], found["cases"], found["labels"]
    active = f"{number(cases['active'])} active, {number(cases['overdue'])} overdue"
    caught = f"{number(labels['fraud_flagged'])} of {number(labels['fraud'])} labelled frauds"
    flagged = f"{number(labels['genuine_flagged'])} of {number(labels['genuine'])} labelled genuine"
    return [
        Tile(
            "Decisions a second", number(round(rates["10s"], 1)), f"{number(round(rates['300s'], 2))} in five minutes"
        ),
        Tile("Cases ready", number(cases["ready"]), active, "bad" if cases["overdue"] else ""),
        _outbox(found["outbox"]),
        _model(found["model"]),
        Tile("Detection", _share(labels["detection_rate"]), f"{caught}, {labels['days']} days"),
        Tile("False positives", _share(labels["false_positive_rate"]), f"{flagged}; mostly from cases, so too high"),
        _usage(found["llm_today"]),
    ]


def _outbox(outbox: Mapping[str, Any]) -> Tile:
    dead, pending, oldest_s = outbox["dead"]["count"], outbox["pending"]["count"], outbox["pending"]["oldest_s"]
    waits = f"the oldest for {span(timedelta(seconds=oldest_s))}" if oldest_s else "nothing waits"
    bad = dead or (oldest_s or 0) > OUTBOX_LATE_S
    return Tile("Outbox", number(pending), f"{waits}; {number(dead)} given up", "bad" if bad else "good")


def _model(model: Mapping[str, Any]) -> Tile:
    if not model["configured"]:
        return Tile("Model", "none", "the policy decides alone")
    state = model.get("breaker", "closed")
    words = {"closed": ("answers", "good"), "open": ("down", "bad"), "half-open": ("being tried", "bad")}
    word, mood = words.get(state, (state, ""))
    return Tile("Model", word, "decisions go on without it" if mood == "bad" else "", mood)


def _usage(used: Mapping[str, Any]) -> Tile:
    cost = used["usd"]
    note = (
        f"{number(used['prompt_tokens'])} read, {number(used['completion_tokens'])} written by "
        f"{number(used['investigations'])} investigations and {number(used['questions'])} questions"
    )
    priced = f"USD {cost:,.2f}" if cost is not None else "no price set"
    return Tile("Tokens today (UTC)", number(used["prompt_tokens"] + used["completion_tokens"]), f"{note}; {priced}")


def _bars(series: Sequence[Mapping[str, Any]], highest: int) -> list[Bar]:
    if not highest:
        return []
    width = WIDTH / len(series)
    bars = []
    for index, step in enumerate(series):
        top = HEIGHT
        for outcome in OUTCOMES:
            height = step[outcome] / highest * (HEIGHT - 6)
            if height:
                top -= height
                bars.append(
                    Bar(round(index * width, 2), round(top, 2), round(width * 0.85, 2), round(height, 2), outcome)
                )
    return bars


def _share(rate: float | None) -> str:
    return f"{100 * rate:.1f} %" if rate is not None else "–"
