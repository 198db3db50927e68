"""What a back-test ran on, as the report tells it. Everything may be left out."""

from __future__ import annotations

from typing import Any, TypedDict


class PolicyNamed(TypedDict, total=False):
    """Which policy it was."""

    name: str
    version: str
    hash: str
    thresholds: dict[str, int]
    """Scores: review and block."""


class HistoryNamed(TypedDict, total=False):
    """What was replayed; `first` and `last` are ISO 8601 times, `labels` a sentence on where labels come from."""

    name: str
    rows: int
    sources: list[str]
    first: str
    last: str
    labels: str


class Rejected(TypedDict, total=False):
    """Rows that were not replayed, by reason; `example` is a message that never has the value in it."""

    reason: str
    count: int
    example: str


class Run(TypedDict, total=False):
    """One back-test. `policies`: champion and challenger; `wall_s`: seconds by step; `settings`: whatever else."""

    policies: dict[str, PolicyNamed]
    plain: str
    """What the plain rules are, in words."""
    history: HistoryNamed
    base_currency: str
    thresholds: dict[str, int]
    """Those of the champion, where `policies` does not say."""
    feedback_delay_days: float
    wall_s: dict[str, float]
    rejected: list[Rejected]
    notes: list[str]
    settings: dict[str, Any]
    made_at: str
