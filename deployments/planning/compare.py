"""Two nodes: one replica as a pipeline over both, or a replica on each. In numbers, then in words."""

from __future__ import annotations

from dataclasses import dataclass, replace

from fraudray.cli.exits import InputError
from fraudray.deployments.planning.estimate import Estimate, estimate
from fraudray.deployments.planning.hardware import Efficiency, Instance
from fraudray.deployments.planning.layout import Layout, Load
from fraudray.deployments.planning.models import ModelShape


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both, with as many slots in all. `replicas` is None where one node does not hold the model."""

    pipeline: Estimate
    replicas: Estimate | None
    words: tuple[str, ...]


def compare(
    model: ModelShape, instance: Instance, layout: Layout, load: Load, efficiency: Efficiency | None = None
) -> Comparison:
    """TP over all GPUs of a node x PP=2, beside two replicas of that TP. Raises InputError where neither fits."""
    tensor = instance.gpus
    single = replace(layout, nodes=2, tensor_parallel=tensor, pipeline_parallel=1, replicas=2)
    piped = estimate(
        model, instance, replace(single, pipeline_parallel=2, replicas=1, slots=2 * layout.slots), load, efficiency
    )
    try:
        twice = estimate(model, instance, single, load, efficiency)
    except InputError as error:
        alone = f"Take the pipeline: one {instance.name} does not hold the model ({error})."
        return Comparison(piped, None, (alone,))
    return Comparison(piped, twice, _words(piped, twice, tensor))


def _words(piped: Estimate, twice: Estimate, tensor: int) -> tuple[str, ...]:
    kv_piped, kv_twice = piped.memory.kv_tokens, 2 * twice.memory.kv_tokens
    first, second = f"TP={tensor} x PP=2", f"two TP={tensor} replicas"
    slower_ms = 1e3 * (piped.token.total_s - twice.token.total_s)
    return (
        (
            f"One answer: a pipeline does not shorten it, since its stages work one after the other for it. {first} "
            f"takes {piped.alone_s:.2f} s to a verdict that meets no other, {second} {twice.alone_s:.2f} s; a token "
            f"takes {slower_ms:.2f} ms longer, for the hand-over and the pipeline's own step."
        ),
        (
            f"Throughput: {piped.tokens_per_s_max:,.0f} against {twice.tokens_per_s_max:,.0f} tokens/s with all slots "
            f"taken ({piped.capacity_per_s:.1f} and {twice.capacity_per_s:.1f} requests/s)."
        ),
        (
            f"Loss of a node: {first} answers nothing until both nodes are back and the weights are loaded again; of "
            f"{second} one goes on with half of it, {twice.capacity_per_s / 2:.1f} requests/s."
        ),
        (
            f"KV room: {kv_piped:,} tokens against {kv_twice:,}, since the weights lie there once and not twice: "
            f"{100 * (kv_piped / kv_twice - 1):.0f} % more, and a single request may use all of it (against "
            f"{twice.memory.kv_tokens:,})."
        ),
        f"Take {second}, unless one node does not hold the model or its longest request.",
    )
