"""How a model is laid out on nodes, and what is asked of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from fraudray.cli.exits import InputError
from fraudray.deployments.planning.hardware import Instance
from fraudray.deployments.planning.models import Dtype, ModelShape

LLM_BUDGET_S = 1.7
"""Of the 2 s in which a transaction is answered: 0.15 s are for the read tools, the rest for everything else."""


@dataclass(frozen=True, slots=True)
class Layout:
    """`replicas` of the model, each on tensor_parallel x pipeline_parallel GPUs of `nodes` machines."""

    nodes: int
    tensor_parallel: int
    pipeline_parallel: int = 1
    replicas: int = 1
    dtype: Dtype = "bf16"
    network: Literal["efa", "tcp"] = "efa"
    """Between nodes; counts only where a replica spans several."""
    slots: int = 64
    """Most requests of a replica in one step (vLLM's max_num_seqs)."""
    batched_tokens: int = 8192
    """Of one piece of a chunked prefill (max_num_batched_tokens)."""
    memory_share: float = 0.90
    """Of the free memory that the engine takes (gpu_memory_utilization)."""

    @property
    def gpus_per_replica(self) -> int:
        """GPUs, and processes of the engine."""
        return self.tensor_parallel * self.pipeline_parallel

    def spans_nodes(self, instance: Instance) -> bool:
        """Whether a replica's stages are on several nodes."""
        return self.gpus_per_replica > instance.gpus

    def nodes_for(self, replicas: int, instance: Instance) -> int:
        """Nodes that so many replicas take, no stage being split over nodes."""
        return math.ceil(replicas * self.pipeline_parallel / (instance.gpus // self.tensor_parallel))

    def nodes_per_replica(self, instance: Instance) -> int:
        """Nodes that one replica touches."""
        return self.nodes_for(1, instance)

    def replicas_on(self, nodes: int, instance: Instance) -> int:
        """How many replicas so many nodes hold."""
        return nodes * (instance.gpus // self.tensor_parallel) // self.pipeline_parallel

    def check(self, model: ModelShape, instance: Instance) -> None:
        """Raise InputError where the nodes cannot hold the replicas, or the model cannot be split so."""
        for name, count in (
            ("--nodes", self.nodes), ("--tp", self.tensor_parallel), ("--pp", self.pipeline_parallel),
            ("--replicas", self.replicas), ("--slots", self.slots), ("--batched-tokens", self.batched_tokens),
        ):  # fmt: skip
            if count < 1:
                raise InputError(f"{name}: {count} is below 1")
        if not 0 < self.memory_share <= 1:
            raise InputError(f"--memory-share: {self.memory_share} is no share above 0 up to 1")
        if self.tensor_parallel > instance.gpus:
            raise InputError(
                f"--tp: {self.tensor_parallel} GPUs share each layer, but {instance.name} has {instance.gpus}; "
                "split further with --pp"
            )
        if model.heads % self.tensor_parallel:
            raise InputError(f"--tp: {model.name} has {model.heads} heads, which {self.tensor_parallel} do not divide")
        if self.pipeline_parallel > model.layers:
            raise InputError(f"--pp: {model.name} has {model.layers} layers, fewer than {self.pipeline_parallel}")
        if (needed := self.nodes_for(self.replicas, instance)) > self.nodes:
            raise InputError(
                f"{self.replicas} x TP={self.tensor_parallel} x PP={self.pipeline_parallel} on {instance.name} takes "
                f"{needed} nodes; --nodes is {self.nodes}"
            )


@dataclass(frozen=True, slots=True)
class Load:
    """Transactions, and what the model writes about those that are escalated to it."""

    transactions_per_s: float
    escalated: float
    """Share of the transactions, 0 to 1."""
    prompt_tokens: int = 2000
    cached: float = 0.0
    """Share of the prompt that the prefix cache holds already."""
    answer_tokens: int = 300
    """Reasoning and verdict: what is written until the verdict can be read."""
    text_tokens: int = 100
    """Prose after that: it delays no verdict, but takes the engine's time."""
    budget_s: float = LLM_BUDGET_S
    """In which the verdict has to be there."""

    def __post_init__(self) -> None:
        if not 0 <= self.escalated <= 1:
            raise InputError(f"--escalated: {self.escalated} is no share from 0 to 1")
        if not 0 <= self.cached < 1:
            raise InputError(f"--cached: {self.cached} is no share from 0 to below 1")
        if not self.transactions_per_s > 0 or not math.isfinite(self.transactions_per_s):
            raise InputError(f"--rate: {self.transactions_per_s} transactions a second; it has to be above 0")
        if not self.budget_s > 0:
            raise InputError(f"--budget-s: {self.budget_s} s; it has to be above 0")
        for name, tokens, least in (
            ("--prompt-tokens", self.prompt_tokens, 1), ("--answer-tokens", self.answer_tokens, 1),
            ("--text-tokens", self.text_tokens, 0),
        ):  # fmt: skip
            if tokens < least:
                raise InputError(f"{name}: {tokens} is below {least}")

    @property
    def requests_per_s(self) -> float:
        """Of the model: escalated transactions."""
        return self.transactions_per_s * self.escalated

    @property
    def written_tokens(self) -> int:
        """Of one request."""
        return self.answer_tokens + self.text_tokens

    @property
    def context_tokens(self) -> int:
        """Of one request at its end: what its KV cache must hold."""
        return self.prompt_tokens + self.written_tokens
