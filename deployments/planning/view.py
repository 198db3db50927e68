"""A plan for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fraudray.cli.tables import fields, listing
from fraudray.deployments.planning.hardware import EFFICIENCY_SOURCES

if TYPE_CHECKING:
    from rich.console import RenderableType

    from fraudray.deployments.planning.check import Check
    from fraudray.deployments.planning.compare import Comparison
    from fraudray.deployments.planning.machine import Machine
    from fraudray.deployments.planning.plan import Plan


def plan_view(plan: Plan, *, sources: bool) -> RenderableType:
    """The plan as tables; with `sources`, what it rests on."""
    from rich.console import Group
    from rich.text import Text

    parts: list[RenderableType] = [_head(plan), _estimate(plan), Text(plan.verdict, style="bold"), Text()]
    if plan.comparison is not None:
        parts += [_compared(plan.comparison, plan), *(Text(f"- {line}") for line in plan.comparison.words), Text()]
    parts += [_limits(plan), _elsewhere(plan)]
    parts.append(
        _sources(plan) if sources else Text("Estimated, not measured on GPUs: --sources says on what it rests.")
    )
    return Group(*parts)


def _head(plan: Plan) -> RenderableType:
    model, layout, load = plan.model, plan.layout, plan.load
    return fields(
        [
            ("model", f"{model.name}, {model.parameters / 1e9:.1f}e9 parameters, {layout.dtype}"),
            (
                "layout",
                (
                    f"{layout.nodes} x {plan.instance.name} ({plan.instance.gpus} x {plan.instance.gpu.name}): "
                    f"{layout.replicas} x TP={layout.tensor_parallel} x PP={layout.pipeline_parallel}"
                ),
            ),
            (
                "load",
                (
                    f"{load.transactions_per_s:,.0f} transactions/s, {load.escalated:.3%} escalated: "
                    f"{load.requests_per_s:,.2f} requests/s"
                ),
            ),
            (
                "request",
                (
                    f"prompt {load.prompt_tokens:,} tokens ({load.cached:.0%} cached), {load.answer_tokens:,} until "
                    f"the verdict, {load.text_tokens:,} after it"
                ),
            ),
        ]
    )


def _estimate(plan: Plan) -> RenderableType:
    found, memory, token = plan.estimate, plan.estimate.memory, plan.estimate.token
    budget = f"{plan.load.budget_s:g} s"
    rows = [
        (
            "memory of a GPU",
            f"{memory.weights_gib:.1f} GiB",
            f"weights; engine {memory.engine_gib:.1f}, KV {memory.kv_gib:.1f} of {memory.budget_gib:.1f}",
        ),
        ("KV cache of a replica", f"{memory.kv_tokens:,} tokens", f"{found.slots} requests in a step at most"),
        ("prompt", f"{1e3 * found.prompt_s:,.0f} ms", "the engine's own time"),
        (
            "token, alone",
            f"{1e3 * token.total_s:.2f} ms",
            (
                f"reading {1e3 * token.read_s:.2f}, all-reduces {1e3 * token.all_reduce_s:.2f}, "
                f"hand-over {1e3 * token.hand_over_s:.2f}, engine {1e3 * token.engine_s:.2f}"
            ),
        ),
        (
            "token, at this load",
            f"{1e3 * found.token_loaded_s:.2f} ms",
            f"{found.running:.1f} requests of a replica under way",
        ),
        ("verdict, alone", f"{found.alone_s:.2f} s", f"{found.answer_tokens_in_budget:,} tokens would fit {budget}"),
        (
            "verdict, at this load",
            _seconds(found.verdict_p50_s),
            f"95 % within {_seconds(found.verdict_p95_s)}; waiting for a slot {_seconds(found.wait_p50_s)}",
        ),
        ("requests borne", f"{found.capacity_per_s:,.2f}/s", f"busy to {found.busy:.0%}"),
        ("tokens written", f"{found.tokens_per_s:,.0f}/s", f"{found.tokens_per_s_max:,.0f} with all slots taken"),
        (
            "replicas for the rate",
            f"{found.replicas_for_rate:,}",
            f"on {found.nodes_for_rate:,} nodes, busy to 80 % at most",
        ),
        (
            "and for the time",
            _number(found.replicas_for_budget),
            "no number of them keeps it"
            if found.nodes_for_budget is None
            else f"on {found.nodes_for_budget:,} nodes, 95 % within {budget}",
        ),
        (
            "GPU nodes, a million transactions",
            f"{found.usd_per_million or 0:,.2f} USD",
            (
                f"{plan.layout.nodes} x {plan.money.usd_per_node_hour:,.2f} USD an hour; with all else "
                f"{plan.money.usd_per_million(plan.layout.nodes, plan.load.transactions_per_s):,.2f} USD"
            ),
        ),
    ]
    return listing(("", "Estimate", "Of which"), rows, empty="")


def _compared(comparison: Comparison, plan: Plan) -> RenderableType:
    columns = [comparison.pipeline, *([comparison.replicas] if comparison.replicas else [])]
    tensor = plan.instance.gpus
    rows = [
        ("verdict, alone", *(f"{found.alone_s:.2f} s" for found in columns)),
        ("verdict, at this load", *(_seconds(found.verdict_p50_s) for found in columns)),
        ("tokens/s at most", *(f"{found.tokens_per_s_max:,.0f}" for found in columns)),
        ("requests/s at most", *(f"{found.capacity_per_s:.2f}" for found in columns)),
        ("KV tokens of a replica", *(f"{found.memory.kv_tokens:,}" for found in columns)),
        ("after the loss of a node", *("nothing", "half")[: len(columns)]),
    ]
    names = ("Two nodes", f"TP={tensor} x PP=2", f"2 x TP={tensor}")
    return listing(names[: 1 + len(columns)], rows, empty="")


def _limits(plan: Plan) -> RenderableType:
    rows = [
        (limit.name, _share(limit.share), limit.nodes, f"{limit.usd_per_million:,.2f}", limit.why)
        for limit in plan.limits
    ]
    columns = ("Largest escalated share under", "Share", "Nodes", "USD a million", "Because")
    return listing(columns, rows, empty="")


def _elsewhere(plan: Plan) -> RenderableType:
    rows = [
        (
            f"{one.instance}, {one.dtype}",
            f"{one.alone_s:.2f} s",
            f"{one.answer_tokens_in_budget:,}",
            _share(one.share_in_budget),
            "not priced" if one.usd_per_million is None else f"{one.usd_per_million:,.2f}",
        )
        for one in plan.elsewhere
    ]
    columns = (
        "One node elsewhere, TP = its GPUs",
        "Verdict alone",
        f"Tokens in {plan.load.budget_s:g} s",
        "Escalated in time",
        "USD a million",
    )
    return listing(columns, rows, empty="")


def _share(share: float) -> str:
    return "none" if share == 0 else f"{share:.3%}"


def _sources(plan: Plan) -> RenderableType:
    from dataclasses import asdict

    rows = [
        (plan.model.name, "", plan.model.source),
        (
            plan.instance.gpu.name,
            f"{plan.instance.gpu.memory_bytes_per_s / 1e12:.3f} TB/s, {plan.instance.gpu.flops / 1e12:,.0f} TFLOP/s",
            plan.instance.gpu.source,
        ),
        (
            plan.instance.link.kind,
            f"{plan.instance.link.bytes_per_s / 1e9:,.0f} GB/s one way",
            plan.instance.link.source,
        ),
        (plan.instance.name, f"{plan.instance.network_bytes_per_s / 1e9:,.0f} GB/s network", plan.instance.source),
        *((name, f"{value:g}", EFFICIENCY_SOURCES[name]) for name, value in asdict(plan.efficiency).items()),
    ]
    return listing(("Rests on", "", "From"), rows, empty="")


def check_view(found: Check, machine: Machine) -> RenderableType:
    """The check for people."""
    from rich.console import Group
    from rich.text import Text

    rows = [
        (
            one.what,
            f"{one.predicted:,.3g} {one.unit}",
            f"{one.measured:,.3g} {one.unit}",
            "calibrated by it" if one.calibrated else f"{one.ratio:.2f}",
        )
        for one in found.beside
    ]
    head = fields(
        [
            (
                "memory",
                f"{machine.read_bytes_per_s / 1e9:,.1f} GB/s read, of {machine.working_set_bytes / 2**20:,.1f} MiB",
            ),
            ("arithmetic", f"{machine.flops / 1e9:,.0f} GFLOP/s (32 bits)"),
            ("engine, a step", f"{1e3 * found.step_s:.2f} ms, from the short answer alone"),
            ("a request in it", f"{1e6 * found.request_step_s:,.0f} µs, what the measured rate leaves"),
        ]
    )
    note = "Predicted by measured: 1 is right; above 1 the estimate is too high. For times above 1 is too slow."
    return Group(head, listing(("", "Predicted", "Measured", "Ratio"), rows, empty=""), Text(note))


def _seconds(value: float | None) -> str:
    return "without bound" if value is None else f"{value:.2f} s"


def _number(value: int | None) -> str:
    return "none" if value is None else f"{value:,}"
