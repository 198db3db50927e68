"""The shape of a language model: what decides how many bytes are read and how many sums are done for a token.

Dense decoders as Llama, Qwen2 and Qwen3 are: grouped-query attention and a gated feed-forward. No mixture of experts.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fraudray.cli.exits import InputError

Dtype = Literal["bf16", "int4"]

KV_BYTES = 2.0
"""Of one number in the KV cache: 16 bits, whatever the weights are."""
_LAYER_BYTES: dict[Dtype, float] = {"bf16": 2.0, "int4": 0.52}
"""int4: 4 bits, and a 16-bit scale and a 4-bit zero point for each group of 128 (AWQ)."""
_OUTER_BYTES = 2.0  # embedding and head stay in 16 bits in AWQ and GPTQ checkpoints
_CONFIG_BYTES_MAX = 1024 * 1024
_EXPERTS = ("num_experts", "num_local_experts", "n_routed_experts")


@dataclass(frozen=True, slots=True)
class ModelShape:
    """Numbers of a Hugging Face `config.json`; `source` says where they are from."""

    name: str
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    vocabulary: int
    source: str
    tied_embeddings: bool = False
    attention_bias: bool = True
    """On query, key and value, as Qwen2 has."""

    @property
    def layer_parameters(self) -> int:
        """Of one layer: attention, gated feed-forward, two norms."""
        query, key_value = self.heads * self.head_dim, self.kv_heads * self.head_dim
        attention = 2 * self.hidden * query + 2 * self.hidden * key_value
        bias = query + 2 * key_value if self.attention_bias else 0
        return attention + bias + 3 * self.hidden * self.intermediate + 2 * self.hidden

    @property
    def outer_parameters(self) -> int:
        """Of embedding, head and last norm."""
        return self.vocabulary * self.hidden * (1 if self.tied_embeddings else 2) + self.hidden

    @property
    def parameters(self) -> int:
        """All of them."""
        return self.layers * self.layer_parameters + self.outer_parameters

    def weight_bytes(self, dtype: Dtype) -> float:
        """What the weights take in memory."""
        return self.layers * self.layer_parameters * _LAYER_BYTES[dtype] + self.outer_parameters * _OUTER_BYTES

    def read_bytes(self, dtype: Dtype) -> float:
        """What is read of them for one step: all but the embedding, of which a step needs a few rows."""
        head = self.vocabulary * self.hidden * _OUTER_BYTES
        return self.layers * self.layer_parameters * _LAYER_BYTES[dtype] + head

    @property
    def step_flops(self) -> float:
        """Floating-point operations for one written token, without attention over what was before."""
        return 2.0 * (self.layers * self.layer_parameters + self.vocabulary * self.hidden)

    def prompt_flops(self, tokens: float, before: float = 0.0) -> float:
        """For `tokens` of a prompt after `before` that are in the cache; the head is needed for the last only."""
        attended = tokens * before + tokens * tokens / 2
        attention = 4.0 * self.layers * self.heads * self.head_dim * attended
        return 2.0 * self.layers * self.layer_parameters * tokens + attention + 2.0 * self.vocabulary * self.hidden

    @property
    def kv_bytes(self) -> float:
        """What a token's keys and values take in all layers, once."""
        return 2 * self.layers * self.kv_heads * self.head_dim * KV_BYTES


def _qwen(name: str, layers: int, hidden: int, heads: int, kv_heads: int, intermediate: int, of: str) -> ModelShape:
    return ModelShape(name, layers, hidden, heads, kv_heads, 128, intermediate, 152_064, f"config.json of {of}")


_TINY = ModelShape(
    "fraudray-tiny", 2, 128, 4, 2, 32, 256, 4096, "fraudray.llm.tiny_model: random weights", attention_bias=False
)
KNOWN = {
    shape.name: shape
    for shape in (
        _qwen("deepseek-r1-distill-qwen-32b", 64, 5120, 40, 8, 27_648, "Qwen2.5-32B"),
        _qwen("deepseek-r1-distill-qwen-14b", 48, 5120, 40, 8, 13_824, "Qwen2.5-14B"),
        _qwen("deepseek-r1-distill-qwen-7b", 28, 3584, 28, 4, 18_944, "Qwen2.5-Math-7B"),
        _TINY,
    )
}


def find_model(name: str) -> ModelShape:
    """A known model by its name, whatever its capitals, or that of the folder `name`. Raises InputError."""
    known = KNOWN.get(name.lower().rpartition("/")[2])
    if known is not None and not Path(name).is_dir():
        return known
    if Path(name).is_dir():
        return read_shape(Path(name))
    raise InputError(
        f"--model: {name} is neither a folder with a config.json nor one of those known here: {', '.join(KNOWN)}"
    )


def read_shape(folder: Path) -> ModelShape:
    """The shape that a model's folder describes in `config.json`. Raises InputError."""
    path = folder / "config.json"
    try:
        if path.stat().st_size > _CONFIG_BYTES_MAX:
            raise InputError(f"{path} has more than {_CONFIG_BYTES_MAX:,} bytes: it is no model's configuration")
        config: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:
        raise InputError(f"{path} is not JSON: {error}") from None
    if not isinstance(config, dict):
        raise InputError(f"{path} is not one JSON object")
    if experts := [name for name in _EXPERTS if config.get(name)]:
        raise InputError(f"{path} has {experts[0]}: a mixture of experts reads other weights for each token; "
                         "only dense models are planned here")  # fmt: skip
    heads = _count(path, config, "num_attention_heads")
    hidden = _count(path, config, "hidden_size")
    if "head_dim" not in config and hidden % heads:
        raise InputError(f"{path}: hidden_size {hidden} is not a multiple of num_attention_heads {heads}; say head_dim")
    return ModelShape(
        name=folder.resolve().name,
        layers=_count(path, config, "num_hidden_layers"),
        hidden=hidden,
        heads=heads,
        kv_heads=_count(path, config, "num_key_value_heads", heads),
        head_dim=_count(path, config, "head_dim", hidden // heads),
        intermediate=_count(path, config, "intermediate_size"),
        vocabulary=_count(path, config, "vocab_size"),
        source=str(path),
        tied_embeddings=config.get("tie_word_embeddings") is True,
        attention_bias=config.get("attention_bias", config.get("model_type") == "qwen2") is True,
    )


def _count(path: Path, config: dict[str, Any], name: str, default: int | None = None) -> int:
    value = config.get(name, default)
    if value is None:
        value = default
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        found = "is missing" if value is None else f"is {value!r}"
        raise InputError(f"{path}: {name} {found}; it has to be a whole number from 1")
    return value
