"""How long a prompt and a token take: the slower of reading and reckoning, and what the GPUs tell one another."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fraudray.deployments.planning.hardware import Efficiency, Instance, Link
from fraudray.deployments.planning.layout import Layout
from fraudray.deployments.planning.memory import kv_bytes_per_gpu
from fraudray.deployments.planning.models import ModelShape

_ACTIVATION_BYTES = 2.0
_ALL_REDUCES_PER_LAYER = 2  # after attention and after the feed-forward


@dataclass(frozen=True, slots=True)
class TokenTime:
    """One token of one answer, in seconds, by what it is spent on."""

    read_s: float
    """Weights and KV, or the arithmetic where that is slower."""
    all_reduce_s: float
    hand_over_s: float
    engine_s: float

    @property
    def total_s(self) -> float:
        """From one token to the next."""
        return self.read_s + self.all_reduce_s + self.hand_over_s + self.engine_s


@dataclass(frozen=True, slots=True)
class Timing:
    """Times of one replica."""

    model: ModelShape
    instance: Instance
    layout: Layout
    efficiency: Efficiency

    def token(self, running: float, context_tokens: float) -> TokenTime:
        """The time between two tokens of an answer while `running` requests of `context_tokens` each are under way.

        A pipeline's stages work one after the other for one answer and hold a part of the requests each: of `running`,
        a stage has 1/pipeline_parallel in hand at a time (at least 1).
        """
        stages = self.layout.pipeline_parallel
        batch = max(1.0, running / stages)
        gpu, tensor = self.instance.gpu, self.layout.tensor_parallel
        weights = self.model.read_bytes(self.layout.dtype) / tensor
        kv = batch * context_tokens * kv_bytes_per_gpu(self.model, self.layout) * stages
        read_s = (weights + kv) / (gpu.memory_bytes_per_s * self.efficiency.memory)
        reckon_s = batch * self.model.step_flops / (tensor * gpu.flops * self.efficiency.compute)
        engine_s = self.efficiency.step_s + batch * self.efficiency.request_step_s
        if stages > 1:
            engine_s += self.efficiency.pipeline_step_s
        return TokenTime(max(read_s, reckon_s), self._all_reduces_s(batch), self._hand_overs_s(batch), engine_s)

    def prompt_s(self, tokens: float, before: float = 0.0) -> float:
        """The engine's time for `tokens` of a prompt of which `before` more are cached, with nothing else in hand."""
        gpu, tensor = self.instance.gpu, self.layout.tensor_parallel
        pieces = math.ceil(tokens / self.layout.batched_tokens)
        flops = self.model.prompt_flops(tokens, before)
        reckon_s = flops / (tensor * gpu.flops * self.efficiency.compute)
        weights = self.model.read_bytes(self.layout.dtype) / tensor
        read_s = pieces * weights / (gpu.memory_bytes_per_s * self.efficiency.memory)
        talk_s = pieces * (self._all_reduces_s(tokens / pieces) + self._hand_overs_s(tokens / pieces))
        return max(reckon_s, read_s) + talk_s + pieces * self.efficiency.step_s

    def _all_reduces_s(self, tokens: float) -> float:
        message = tokens * self.model.hidden * _ACTIVATION_BYTES
        one = all_reduce_s(message, self.layout.tensor_parallel, self.instance.link, self.efficiency)
        return _ALL_REDUCES_PER_LAYER * self.model.layers * one

    def _hand_overs_s(self, tokens: float) -> float:
        """From stage to stage. Each GPU sends its share of the tokens' activations to its like on the next."""
        stages = self.layout.pipeline_parallel
        share = tokens * self.model.hidden * _ACTIVATION_BYTES / self.layout.tensor_parallel
        crossing = min(stages, self.layout.nodes_per_replica(self.instance)) - 1
        inside = stages - 1 - crossing
        network = self.instance.network_bytes_per_s * self.efficiency.network / self.layout.tensor_parallel
        efa = self.layout.network == "efa" and self.instance.efa
        latency = self.efficiency.efa_hand_over_s if efa else self.efficiency.tcp_hand_over_s
        link = self.efficiency.of_link(self.instance.link)
        return crossing * (latency + share / network) + inside * (self.instance.link.hop_s + share / link)


def all_reduce_s(message_bytes: float, gpus: int, link: Link, efficiency: Efficiency) -> float:
    """The sum of a message over all GPUs of a node: the faster of a ring and of everybody reading all others' parts."""
    if gpus == 1:
        return 0.0
    reached = efficiency.of_link(link)
    ring = 2 * (gpus - 1) * (link.hop_s + message_bytes / gpus / reached)
    if link.one_shot_s is None:
        return ring
    return min(ring, link.one_shot_s + (gpus - 1) * message_bytes / reached)
