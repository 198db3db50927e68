"""What fits a GPU: the sums of the comments in deployments/configs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fraudray.deployments.planning.hardware import GIB, Instance
from fraudray.deployments.planning.layout import Layout
from fraudray.deployments.planning.models import ModelShape


@dataclass(frozen=True, slots=True)
class Memory:
    """GiB of one GPU; tokens and requests of one replica."""

    weights_gib: float
    engine_gib: float
    budget_gib: float
    kv_gib: float
    """Left for KV; below 0 where the model does not fit."""
    kv_bytes_per_token: float
    """On one GPU."""
    kv_tokens: int

    @property
    def fits(self) -> bool:
        """Whether anything is left for KV."""
        return self.kv_gib > 0

    def requests(self, tokens: int) -> int:
        """How many requests of so many tokens the KV cache holds at once."""
        return self.kv_tokens // tokens


def memory_of(model: ModelShape, instance: Instance, layout: Layout) -> Memory:
    """The memory of each GPU of a replica. Weights are taken as evenly split; the first and last stage of a pipeline
    hold an embedding or a head more."""
    weights = model.weight_bytes(layout.dtype) / layout.gpus_per_replica / GIB
    engine = engine_gib(layout.batched_tokens)
    budget = layout.memory_share * instance.gpu.free_gib
    left = budget - weights - engine
    per_token = kv_bytes_per_gpu(model, layout)
    return Memory(weights, engine, budget, left, per_token, max(0, int(left * GIB / per_token)))


def engine_gib(batched_tokens: int) -> float:
    """CUDA graphs, NCCL's buffers and activations: 3.0 GiB at 8,192 batched tokens, 2.5 at 4,096, as in the configs."""
    return 2.0 + batched_tokens / 8192


def kv_bytes_per_gpu(model: ModelShape, layout: Layout) -> float:
    """A token's keys and values on one GPU. A head is never split: with more GPUs than KV heads it is held twice."""
    heads = math.ceil(model.kv_heads / layout.tensor_parallel)
    layers = math.ceil(model.layers / layout.pipeline_parallel)
    return model.kv_bytes * heads / model.kv_heads * layers / model.layers
