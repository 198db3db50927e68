"""The estimate: from a model, an instance, a layout and a load to times, rates, replicas and money."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from fraudray.cli.exits import InputError
from fraudray.deployments.planning.hardware import Efficiency, Instance
from fraudray.deployments.planning.layout import Layout, Load
from fraudray.deployments.planning.memory import Memory, memory_of
from fraudray.deployments.planning.models import ModelShape
from fraudray.deployments.planning.queueing import Replica
from fraudray.deployments.planning.timing import Timing, TokenTime

BUSY_SHARE = 0.8
"""Of its capacity that a replica is planned for: above, waits grow fast, and the model is least exact."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What comes of it. Times in seconds; rates of all replicas together unless they say otherwise.

    None is what has no bound: of an overloaded layout, or of a budget that no number of replicas keeps.
    """

    memory: Memory
    token: TokenTime
    """Of an answer that meets no other."""
    prompt_s: float
    alone_s: float
    answer_tokens_in_budget: int
    slots: int
    running: float
    """Requests of one replica under way."""
    requests_per_s: float
    capacity_per_s: float
    busy: float
    """Share of the capacity; above 1 it is overloaded."""
    wait_p50_s: float | None
    verdict_p50_s: float | None
    verdict_p95_s: float | None
    token_loaded_s: float
    tokens_per_s: float
    """Written at this load."""
    tokens_per_s_max: float
    replicas_for_rate: int
    """Busy to 80 % at most."""
    replicas_for_budget: int | None
    """And 95 % of the verdicts within the budget."""
    nodes_for_rate: int
    nodes_for_budget: int | None
    usd_per_million: float | None
    """Transactions, for the nodes of the layout at this rate around the clock."""

    @property
    def overloaded(self) -> bool:
        """More requests come than all replicas bear."""
        return self.busy >= 1

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self) | {"overloaded": self.overloaded}


def replica_of(
    model: ModelShape, instance: Instance, layout: Layout, load: Load, efficiency: Efficiency | None = None
) -> Replica:
    """One replica of the layout. Raises InputError where it cannot be laid out so, or does not fit the memory."""
    layout.check(model, instance)
    memory = memory_of(model, instance, layout)
    if not memory.fits:
        raise InputError(
            f"{model.name} in {layout.dtype} does not fit {instance.name} with TP={layout.tensor_parallel} x "
            f"PP={layout.pipeline_parallel}: weights {memory.weights_gib:.1f} and engine {memory.engine_gib:.1f} GiB a "
            f"GPU, of {memory.budget_gib:.1f}; take more GPUs a replica, or --dtype int4"
        )
    replica = Replica(Timing(model, instance, layout, efficiency or Efficiency()), memory, load)
    if replica.slots < 1:
        raise InputError(
            f"the KV cache holds {memory.kv_tokens:,} tokens, less than one request of {load.context_tokens:,}; "
            "take more GPUs a replica, or fewer --prompt-tokens"
        )
    return replica


def estimate(
    model: ModelShape, instance: Instance, layout: Layout, load: Load,
    efficiency: Efficiency | None = None, usd_per_node_hour: float | None = None,
) -> Estimate:  # fmt: skip
    """The estimate. Pure: the same arguments give the same numbers. Raises InputError as `replica_of`."""
    replica = replica_of(model, instance, layout, load, efficiency)
    each_per_s = load.requests_per_s / layout.replicas
    running = replica.running(each_per_s)
    stretch = replica.stretch(each_per_s)
    capacity_per_s = layout.replicas * replica.capacity_per_s
    served_per_s = min(load.requests_per_s, capacity_per_s)
    for_rate = _replicas(load.requests_per_s, BUSY_SHARE * replica.capacity_per_s)
    within = min(BUSY_SHARE * replica.capacity_per_s, replica.rate_within(load.budget_s))
    for_budget = _replicas(load.requests_per_s, within) if within > 0 else None
    overloaded = each_per_s >= replica.capacity_per_s
    return Estimate(
        memory=replica.memory,
        token=replica.timing.token(1, load.prompt_tokens + load.written_tokens / 2),
        prompt_s=replica.prompt_s,
        alone_s=replica.alone_s,
        answer_tokens_in_budget=replica.answer_tokens_within(load.budget_s),
        slots=replica.slots,
        running=running,
        requests_per_s=load.requests_per_s,
        capacity_per_s=capacity_per_s,
        busy=load.requests_per_s / capacity_per_s,
        wait_p50_s=None if overloaded else replica.wait_s(each_per_s, 0.5),
        verdict_p50_s=replica.verdict_s(each_per_s),
        verdict_p95_s=replica.verdict_s(each_per_s, slow=True),
        token_loaded_s=replica.token_s(max(1.0, running)) * stretch,
        tokens_per_s=served_per_s * load.written_tokens,
        tokens_per_s_max=capacity_per_s * load.written_tokens,
        replicas_for_rate=for_rate,
        replicas_for_budget=for_budget,
        nodes_for_rate=layout.nodes_for(for_rate, instance),
        nodes_for_budget=None if for_budget is None else layout.nodes_for(for_budget, instance),
        usd_per_million=None if usd_per_node_hour is None else per_million(
            layout.nodes * usd_per_node_hour, load.transactions_per_s
        ),
    )  # fmt: skip


def per_million(usd_per_hour: float, transactions_per_s: float) -> float:
    """USD for a million transactions, when so many come every second of the hour."""
    return usd_per_hour / (transactions_per_s * 3600) * 1e6


def _replicas(requests_per_s: float, each_per_s: float) -> int:
    return max(1, math.ceil(requests_per_s / each_per_s - 1e-9))
