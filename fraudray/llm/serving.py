"""How a model is served: the typed description that a Serve config file's `args` hold, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Accelerator = Literal["cpu", "A100", "A10G", "H100", "H200", "L4", "L40S"]
"""What the engine runs on: the processor, or a GPU by the name that Ray gives its node's resource."""

_OURS = {
    "model": "model_source",
    "served_model_name": "model_id",
    "tensor_parallel_size": "tensor_parallel",
    "pipeline_parallel_size": "pipeline_parallel",
    "max_model_len": "max_model_len",
    "reasoning_parser": "reasoning_parser",
    "tool_call_parser": "tool_parser",
    "enable_auto_tool_choice": "tool_parser",
    "disable_log_stats": "engine_metrics",
}
_R1_DISTILL = "deepseek-r1-distill"

EnvironmentName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=128)]


class LlmServing(BaseModel):
    """One model on vLLM under Ray Serve. Times are in seconds; counts are for one replica unless they say otherwise."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    model_id: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$", description="The name by which clients ask for it."
    )
    model_source: str = Field(
        min_length=1, max_length=1024, description="A folder with its weights that every node sees, or a hub's name."
    )
    accelerator: Accelerator
    tensor_parallel: int = Field(1, ge=1, le=64, description="GPUs that share each layer; keep them on one node.")
    pipeline_parallel: int = Field(1, ge=1, le=16, description="Stages of layers, which may be on different nodes.")
    placement: Literal["PACK", "SPREAD", "STRICT_PACK"] = Field(
        "PACK", description="How the GPUs of a replica are placed; STRICT_PACK wants them all on one node."
    )
    max_model_len: int = Field(ge=256, le=1_048_576, description="Tokens of prompt and answer together.")
    reasoning_parser: str | None = Field(
        None, description="vLLM's parser that separates the reasoning; that of the DeepSeek-R1 distills is known."
    )
    tool_parser: str | None = Field(None, description="vLLM's parser of native tool calls; the R1 distills have none.")
    engine: dict[str, Any] = Field(default_factory=dict, description="Further arguments of vLLM's engine.")
    env: dict[EnvironmentName, str] = Field(
        default_factory=dict, description="Environment of its processes. No secrets."
    )

    replicas_min: int = Field(1, ge=1, le=64)
    replicas_max: int = Field(1, ge=1, le=64)
    ongoing_target: int = Field(16, ge=1, le=1024, description="Ongoing requests per replica that scaling aims at.")
    ongoing_max: int = Field(64, ge=1, le=4096, description="Most requests that one replica is given at once.")
    queued_max: int = Field(256, ge=1, le=65_536, description="Most requests that wait; more are refused with 503.")
    upscale_delay_s: float = Field(30, ge=0, le=3600)
    downscale_delay_s: float = Field(600, ge=0, le=86_400)
    routing: Literal["prefix", "load"] = Field(
        "prefix", description="With several replicas: to the one that has the prompt's beginning cached, or by load."
    )
    health_period_s: float = Field(10, ge=1, le=300)
    health_timeout_s: float = Field(
        60, ge=1, le=3600, description="A replica deep in a long prefill may be slow to say that it is well."
    )
    drain_s: float = Field(120, ge=0, le=3600, description="What a stopping replica may take to finish its requests.")
    nodes_wait_s: float | None = Field(
        0, ge=0, le=7200,
        description="How long to wait for nodes with enough GPUs; null: do not look, an autoscaler adds them on demand."
    )  # fmt: skip
    start_limit_s: float | None = Field(
        None, ge=10, le=7200,
        description="How long the engine may take to start and answer once. After that NCCL's last lines of every node "
        "are logged and the replica ends, so that another is tried; null: however long.",
    )  # fmt: skip
    engine_metrics: Literal["http", "ray"] = Field(
        "http", description="Where the engine's own metrics are: at /metrics of this application, or with Ray's."
    )
    host: str = Field(
        "127.0.0.1", description="The address that Serve's HTTP listens on; others than loopback need a key "
        "(FRAUDRAY_LLM_API_KEY)."
    )  # fmt: skip
    front_replicas_max: int = Field(1, ge=1, le=64, description="Most replicas of the HTTP front.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.replicas_max < self.replicas_min:
            raise ValueError("replicas_max is below replicas_min")
        if self.replicas_max > 1 and self.engine_metrics == "http":
            raise ValueError("engine_metrics: /metrics would show one of several replicas; use `ray`")
        if self.ongoing_target > self.ongoing_max:
            raise ValueError("ongoing_target is above ongoing_max")
        if self.placement == "STRICT_PACK" and self.pipeline_parallel > 1:
            raise ValueError(
                "placement: STRICT_PACK keeps a replica on one node, where pipeline_parallel gains nothing"
            )
        for name in sorted(self.engine.keys() & _OURS):
            raise ValueError(f"engine.{name}: say it as {_OURS[name]}")
        return self

    @property
    def workers(self) -> int:
        """Processes of one replica: as many GPUs, or on a CPU shares of it."""
        return self.tensor_parallel * self.pipeline_parallel

    @property
    def worker_bundle(self) -> dict[str, float]:
        """What Ray reserves for one of them, without the mark of the GPU's type."""
        return {"CPU": 1} if self.accelerator == "cpu" else {"GPU": 1}

    @property
    def parses_reasoning(self) -> str | None:
        """The reasoning parser in force."""
        if self.reasoning_parser is None and self._is_r1_distill():
            return "deepseek_r1"
        return self.reasoning_parser

    def engine_arguments(self) -> dict[str, Any]:
        """All that vLLM is told but the model's name and place. `engine` has the last word."""
        arguments: dict[str, Any] = {
            "max_model_len": self.max_model_len,
            "tensor_parallel_size": self.tensor_parallel,
            "pipeline_parallel_size": self.pipeline_parallel,
            "enable_prefix_caching": True,
            "enable_chunked_prefill": True,
            "scheduling_policy": "priority",
            # Without `disable_any_whitespace` a weak model fills an answer with blanks until it is cut off.
            "structured_outputs_config": {"backend": "xgrammar", "disable_any_whitespace": True},
            "enable_prompt_tokens_details": True,  # says in `usage` how many tokens of the prompt were cached
            "generation_config": "auto",
        }
        if self.parses_reasoning:
            arguments["reasoning_parser"] = self.parses_reasoning
        if self.tool_parser:
            arguments |= {"enable_auto_tool_choice": True, "tool_call_parser": self.tool_parser}
        return arguments | self.engine

    def autoscaling(self) -> Mapping[str, float]:
        """Serve's autoscaling of the engine's replicas, on ongoing requests."""
        return {
            "min_replicas": self.replicas_min,
            "max_replicas": self.replicas_max,
            "initial_replicas": self.replicas_min,
            "target_ongoing_requests": self.ongoing_target,
            "upscale_delay_s": self.upscale_delay_s,
            "downscale_delay_s": self.downscale_delay_s,
        }

    def _is_r1_distill(self) -> bool:
        return any(_R1_DISTILL in name.lower() for name in (self.model_id, self.model_source))
