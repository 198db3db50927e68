"""A plan: the estimate, two nodes compared, the limits, and other instances, as one document."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from fraudray.deployments.planning.compare import Comparison, compare
from fraudray.deployments.planning.elsewhere import Elsewhere, elsewhere
from fraudray.deployments.planning.estimate import Estimate, estimate
from fraudray.deployments.planning.hardware import EFFICIENCY_SOURCES, Efficiency, Instance
from fraudray.deployments.planning.layout import Layout, Load
from fraudray.deployments.planning.limits import Limit, Money, limits
from fraudray.deployments.planning.models import ModelShape

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """What was asked and what comes of it; `comparison` is there for two nodes."""

    model: ModelShape
    instance: Instance
    layout: Layout
    load: Load
    efficiency: Efficiency
    money: Money
    estimate: Estimate
    comparison: Comparison | None
    limits: tuple[Limit, ...]
    elsewhere: tuple[Elsewhere, ...]

    @property
    def verdict(self) -> str:
        """The one sentence: does it fit the time?"""
        found, budget, tokens = self.estimate, self.load.budget_s, self.load.answer_tokens
        if found.answer_tokens_in_budget < tokens:
            return (
                f"{budget:g} s and {tokens} tokens of reasoning and verdict do not fit: "
                f"{found.answer_tokens_in_budget} tokens do, of an answer that meets no other; {tokens} take "
                f"{found.alone_s:.2f} s. Let the policy answer and the verdict follow, or let it reason less."
            )
        if found.overloaded:
            return (
                f"Overloaded: {found.requests_per_s:.1f} requests/s come and {found.capacity_per_s:.1f} are borne; "
                f"{found.replicas_for_rate} replicas would bear them."
            )
        if found.verdict_p95_s is None or found.verdict_p95_s > budget:
            need = "no number of replicas keeps it" if found.nodes_for_budget is None else (
                f"{found.replicas_for_budget} replicas on {found.nodes_for_budget} nodes do"
            )  # fmt: skip
            return f"At this load 95 % of the verdicts are not there within {budget:g} s; {need}."
        return f"95 % of the verdicts are there within {found.verdict_p95_s:.2f} s, of {budget:g} s."

    def document(self) -> Document:
        """As `--json` prints it; times in seconds."""
        shape = asdict(self.model) | {"parameters": self.model.parameters}
        compared = self.comparison and {
            "pipeline": self.comparison.pipeline.document(),
            "replicas": self.comparison.replicas and self.comparison.replicas.document(),
            "words": list(self.comparison.words),
        }
        efficiency = {
            name: {"value": value, "source": EFFICIENCY_SOURCES[name]}
            for name, value in asdict(self.efficiency).items()
        }
        return {
            "model": shape, "instance": asdict(self.instance), "layout": asdict(self.layout), "load": asdict(self.load),
            "efficiency": efficiency, "money": asdict(self.money), "estimate": self.estimate.document(),
            "verdict": self.verdict, "two_nodes": compared, "limits": [asdict(limit) for limit in self.limits],
            "elsewhere": [asdict(one) for one in self.elsewhere],
        }  # fmt: skip


def make_plan(
    model: ModelShape, instance: Instance, layout: Layout, load: Load, efficiency: Efficiency, money: Money,
    usd_per_node_hour: Callable[[str], float | None],
) -> Plan:  # fmt: skip
    """All of it; prices of other instances by their names. Raises InputError where the layout cannot be, or does not
    fit."""
    found = estimate(model, instance, layout, load, efficiency, money.usd_per_node_hour)
    compared = None
    if layout.nodes == 2 and model.heads % instance.gpus == 0:
        compared = compare(model, instance, layout, load, efficiency)
    bounds = tuple(limits(model, instance, layout, load, money, efficiency))
    others = tuple(elsewhere(model, layout, load, usd_per_node_hour, efficiency))
    return Plan(model, instance, layout, load, efficiency, money, found, compared, bounds, others)
