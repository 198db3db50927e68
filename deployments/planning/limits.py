"""The largest share of transactions that the model can be asked about: by capacity, by time, by money, and by all."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fraudray.deployments.planning.estimate import BUSY_SHARE, per_million, replica_of
from fraudray.deployments.planning.hardware import Efficiency, Instance
from fraudray.deployments.planning.layout import Layout, Load
from fraudray.deployments.planning.models import ModelShape


@dataclass(frozen=True, slots=True)
class Money:
    """What a million transactions may cost, and what is paid: for a GPU node, and for all other things together."""

    usd_per_node_hour: float
    other_usd_per_hour: float = 0.0
    usd_per_million_max: float = 50.0

    def usd_per_million(self, nodes: int, transactions_per_s: float) -> float:
        """Of a fleet with so many GPU nodes, at that rate around the clock."""
        return per_million(nodes * self.usd_per_node_hour + self.other_usd_per_hour, transactions_per_s)

    def nodes(self, transactions_per_s: float) -> int:
        """The most GPU nodes that this buys."""
        usd_per_hour = self.usd_per_million_max * transactions_per_s * 3600 / 1e6
        return max(0, math.floor((usd_per_hour - self.other_usd_per_hour) / self.usd_per_node_hour + 1e-9))


@dataclass(frozen=True, slots=True)
class Limit:
    """One constraint: the largest escalated share under it, 0 to 1, with how many GPU nodes, and why."""

    name: str
    share: float
    nodes: int
    usd_per_million: float
    why: str


def limits(
    model: ModelShape, instance: Instance, layout: Layout, load: Load, money: Money,
    efficiency: Efficiency | None = None,
) -> list[Limit]:  # fmt: skip
    """Each constraint alone, then all together. The load's own escalated share plays no part. Raises InputError."""
    replica = replica_of(model, instance, layout, load, efficiency)
    rate, budget = load.transactions_per_s, load.budget_s
    busy_per_s = BUSY_SHARE * replica.capacity_per_s
    within_per_s = replica.rate_within(budget)
    bought = money.nodes(rate)
    bought_replicas = layout.replicas_on(bought, instance)
    taken = layout.nodes_for(bought_replicas, instance)
    affordable = layout.nodes <= bought
    both_per_s = min(busy_per_s, within_per_s)
    late = (
        f"a single answer of {load.answer_tokens} tokens takes {replica.alone_s:.2f} s alone, above {budget:g} s: "
        f"{replica.answer_tokens_within(budget)} tokens would fit"
    )
    timed = "95 % of the verdicts are there by then" if within_per_s else late
    price = f"{money.usd_per_million_max:g} USD a million"

    def limit(name: str, replicas: int, each_per_s: float, nodes: int, why: str) -> Limit:
        share = min(1.0, replicas * each_per_s / rate)
        return Limit(name, share, nodes, money.usd_per_million(nodes, rate), why)

    return [
        limit(f"{rate:,.0f} transactions/s on these nodes", layout.replicas, busy_per_s, layout.nodes,
              f"each replica busy to {BUSY_SHARE:.0%}, {busy_per_s:.1f} requests/s"),
        limit(f"verdict within {budget:g} s on these nodes", layout.replicas, within_per_s, layout.nodes, timed),
        limit(f"{price}, as many nodes as that buys", bought_replicas, busy_per_s, taken,
              f"it pays for {bought} nodes; {bought_replicas} replicas take {taken}"),
        limit("all three on these nodes", layout.replicas if affordable else 0, both_per_s, layout.nodes,
              timed if affordable else f"these nodes cost more than {price}"),
        limit("all three, as many nodes as the money buys", bought_replicas, both_per_s, taken, timed),
    ]  # fmt: skip
