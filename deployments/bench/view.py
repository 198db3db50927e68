"""The figures for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fraudray.cli.tables import fields, listing
from fraudray.llm.tiny_model import MODEL_ID

if TYPE_CHECKING:
    from rich.console import RenderableType

RANDOM = (
    "The model's weights are random: how often it asks, how long it thinks and what it decides say nothing about a "
    "trained model. The figures are of the way there and back."
)


def bench_view(figures: dict[str, Any]) -> RenderableType:
    """A table of each figure beside its baseline and aim, and one of the three kinds of question."""
    from rich.console import Group
    from rich.text import Text

    over, many, cache, loop = (figures[name] for name in ("overhead", "throughput", "prefix_cache", "usual_loop"))
    cpu = many["cpu_us_per_token"]
    rows = [
        (
            "agent beyond the engine, a verdict", _ms(over["verdict_ms"]), f"engine {_ms(over['engine_verdict_ms'])}",
            f"< {over['aim_ms']:g} ms",
        ),
        (
            "agent beyond the engine, whole answer", _ms(over["whole_answer_ms"]),
            f"its tools {_ms(over['tools_ms'])}", "",
        ),
        (
            f"agent at {many['at_once']} at once, of throughput", _percent(many["overhead_percent"]),
            f"{many['agent_tokens_per_s']:,.0f} of {many['bare_tokens_per_s']:,.0f} tokens/s bare",
            f"< {many['aim_percent']:g} %",
        ),
        ("  CPU of the agent's process, a token", f"{cpu['agent']:,.0f} µs", f"bare {cpu['bare']:,.0f} µs", ""),
        (
            "prompt tokens from the prefix cache", _percent(cache["cached_percent"]),
            f"usual loop {_percent(cache['usual_loop_percent'])}", f"> {cache['aim_percent']:g} %",
        ),
        (
            "times faster to a decision", f"{loop['times_faster'] or 0:.1f}",
            f"{_ms(loop['decision_ms'])}; usual loop {_ms(loop['usual_decision_ms'])}", f"≥ {loop['aim_times']:g}",
        ),
        ("round trips", f"{loop['round_trips']:.2f}", f"usual loop {loop['usual_round_trips']:.2f}", ""),
        (
            "tokens written", f"{loop['completion_tokens']:,.0f}",
            f"usual loop {loop['usual_completion_tokens']:,.0f}", "",
        ),
    ]  # fmt: skip
    names = {
        "simple_question_ms": "simple question", "fraud_decision_ms": "fraud decision, when it can be answered",
        "complex_analysis_ms": "complex analysis, to the end of its text",
    }  # fmt: skip
    kinds = [
        (text, *(f"{spread[key]:,.0f}" for key in ("p50", "mean", "p95")))
        for name, text in names.items()
        if (spread := figures["kinds"][name]) is not None
    ]
    without = figures["without_verdict"]
    head = fields(
        [
            ("model", figures["model"]),
            ("investigations", f"{figures['investigations']:,} one at a time, {without:,} without a verdict"),
        ]
    )
    parts: list[RenderableType] = [
        head,
        listing(("", "Mean", "Beside it, in this run", "Aim"), rows, empty=""),
        listing(("Kind (ms)", "p50", "Mean", "p95"), kinds, empty=""),
    ]
    return Group(*parts, Text(RANDOM)) if figures["model"] == MODEL_ID else Group(*parts)


def _ms(spread: dict[str, float] | None) -> str:
    return "none" if spread is None else f"{spread['mean']:,.1f} ms (p50 {spread['p50']:,.1f})"


def _percent(value: float | None) -> str:
    return "not counted" if value is None else f"{value:g} %"
