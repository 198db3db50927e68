"""What else would keep the time: the same request on one node of each instance, in both forms of the weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from fraudray.cli.exits import InputError
from fraudray.deployments.planning.estimate import BUSY_SHARE, per_million, replica_of
from fraudray.deployments.planning.hardware import KNOWN, Efficiency
from fraudray.deployments.planning.layout import Layout, Load
from fraudray.deployments.planning.models import Dtype, ModelShape

_FORMS: tuple[Dtype, ...] = ("bf16", "int4")


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """One node, one replica over all its GPUs."""

    instance: str
    dtype: Dtype
    alone_s: float
    """To the verdict of a request that meets no other."""
    answer_tokens_in_budget: int
    share_in_budget: float
    """Escalated, per node, with 95 % of the verdicts in time and busy to 80 % at most."""
    usd_per_million: float | None
    """Of transactions, for this one node."""


def elsewhere(
    model: ModelShape, layout: Layout, load: Load, usd_per_node_hour: Callable[[str], float | None],
    efficiency: Efficiency | None = None,
) -> list[Elsewhere]:  # fmt: skip
    """All instances known that hold the model, the fastest first; prices by the instance's name, None for unknown."""
    found = []
    for instance in KNOWN.values():
        for dtype in _FORMS:
            single = replace(
                layout, nodes=1, tensor_parallel=instance.gpus, pipeline_parallel=1, replicas=1, dtype=dtype
            )
            try:
                replica = replica_of(model, instance, single, load, efficiency)
            except InputError:  # cannot be split over so many GPUs, or does not fit them: no alternative
                continue
            each_per_s = min(BUSY_SHARE * replica.capacity_per_s, replica.rate_within(load.budget_s))
            usd = usd_per_node_hour(instance.name)
            found.append(
                Elsewhere(
                    instance.name, dtype, replica.alone_s, replica.answer_tokens_within(load.budget_s),
                    min(1.0, each_per_s / load.transactions_per_s),
                    None if usd is None else per_million(usd, load.transactions_per_s),
                )
            )  # fmt: skip
    return sorted(found, key=lambda one: one.alone_s)
