"""A tiny language model with random weights, for tests and for trying the serving out. Its verdicts mean nothing.

It is a real Qwen3 in Hugging Face's format, 1.3 M parameters, with a tokenizer trained on fraudray's own texts and a
chat template in the manner of the DeepSeek-R1 distills: `<think>` is opened in the prompt. Tools are called as Hermes
does. Real engines load it like any model. It is made in seconds, without a download, and always the same.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray
    from tokenizers import Tokenizer

WARNING = "The model is tiny and has random weights: its reasoning and verdicts mean nothing."
MODEL_ID = "fraudray-tiny"
CONTEXT_TOKENS = 16_384

_VERSION = 3  # part of the folder's name: raise it when what is made changes
_SEED = 20261125
_VOCABULARY = 4096
_HIDDEN, _LAYERS, _HEADS, _KV_HEADS, _HEAD_DIM, _FEED_FORWARD = 128, 2, 4, 2, 32, 256
_THINK_END_LOGIT = 5.5  # `</think>` in about 3 % of tokens, so that reasoning ends; among 4096 it would hardly be drawn
_NEVER_LOGIT = -40.0
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_END, _START, _PAD = "<|im_end|>", "<|im_start|>", "<|endoftext|>"
_THINK_END = "</think>"
_MARKS = ("<think>", _THINK_END, "<tool_call>", "</tool_call>")
_TEXTS = (
    "fraudray.policy",
    "fraudray.domain",
    "fraudray.evidence",
    "fraudray.tools",
)  # packages whose texts are learnt
_SUFFIXES = (".py", ".yaml", ".json")

_CHAT_TEMPLATE = """\
{%- macro text(content) -%}
{%- if content is string %}{{ content }}{% else %}{% for part in content or [] %}{{ part.text }}{% endfor %}{% endif -%}
{%- endmacro -%}
{%- if tools %}<|im_start|>system
Tools, one JSON schema a line. Call one as <tool_call>{"name": ..., "arguments": {...}}</tool_call>
{%- for tool in tools %}
{{ tool | tojson }}
{%- endfor %}<|im_end|>
{% endif -%}
{%- for message in messages -%}
<|im_start|>{{ message.role }}
{{ text(message.content) }}
{%- for call in message.tool_calls or [] %}
<tool_call>{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}</tool_call>
{%- endfor %}<|im_end|>
{% endfor -%}
{%- if add_generation_prompt %}<|im_start|>assistant
<think>
{% endif -%}
"""


def ensure_tiny_model(parent: Path) -> Path:
    """The model's folder below `parent`, made now if it is not there yet.

    Raises ImportError where the packages of the engine's environment are missing (numpy, safetensors, tokenizers),
    OSError where `parent` cannot be written.
    """
    folder = parent / f"{MODEL_ID}-{_VERSION}"
    if not folder.is_dir():
        parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=parent, prefix=".making-") as workshop:
            made = Path(workshop) / "model"
            made.mkdir()
            write_tiny_model(made)
            try:
                made.rename(folder)
            except OSError:
                if not folder.is_dir():  # else another process was faster, and its files are the same
                    raise
    return folder


def write_tiny_model(folder: Path) -> None:
    """Write the model's files into `folder`, which exists. Raises as `ensure_tiny_model`."""
    from safetensors.numpy import save_file

    tokenizer = _trained_tokenizer()
    tokenizer.save(str(folder / "tokenizer.json"))
    save_file(dict(_weights(tokenizer)), str(folder / "model.safetensors"), metadata={"format": "pt"})
    end, pad = tokenizer.token_to_id(_END), tokenizer.token_to_id(_PAD)
    for name, content in (
        ("config.json", _config(end, pad)),
        ("generation_config.json", {"eos_token_id": [end, pad], "pad_token_id": pad, "do_sample": True}),
        ("tokenizer_config.json", _tokenizer_config()),
    ):
        (folder / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(f"# {MODEL_ID}\n\n{WARNING}\n", encoding="utf-8")


def _trained_tokenizer() -> Tokenizer:
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=_VOCABULARY - len(_MARKS),
        special_tokens=[_PAD, _START, _END],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    files = [
        entry for package in _TEXTS for entry in resources.files(package).iterdir() if entry.name.endswith(_SUFFIXES)
    ]
    texts = [entry.read_text(encoding="utf-8") for entry in sorted(files, key=lambda entry: entry.name)]
    tokenizer.train_from_iterator(texts, trainer)
    # Not special: what the engine's parsers look for must not be left out when tokens become text.
    tokenizer.add_tokens([AddedToken(mark, normalized=False, special=False) for mark in _MARKS])
    return tokenizer


def _weights(tokenizer: Tokenizer) -> Iterator[tuple[str, NDArray[numpy.float32]]]:
    """The tensors by name.

    Hidden dimension 0 is the same for every token and nothing writes to it, so that a column of the last matrix acts as
    a bias: it makes `</think>` likely enough to end the reasoning, and keeps from being drawn the end of a text, which
    would cut the reasoning off, and control characters, which the engine's grammar lets into the strings of an answer
    though JSON forbids them.
    """
    import numpy as np

    random = np.random.default_rng(_SEED)

    def drawn(rows: int, columns: int, deviation: float) -> NDArray[numpy.float32]:
        return (random.standard_normal((rows, columns)) * deviation).astype(np.float32)

    def ones(count: int) -> NDArray[numpy.float32]:
        return np.ones(count, np.float32)

    embedding = drawn(_VOCABULARY, _HIDDEN, 0.5)
    embedding[:, 0] = 1
    yield "model.embed_tokens.weight", embedding
    for layer in range(_LAYERS):
        prefix = f"model.layers.{layer}"
        yield f"{prefix}.input_layernorm.weight", ones(_HIDDEN)
        yield f"{prefix}.post_attention_layernorm.weight", ones(_HIDDEN)
        for name, heads in (("q", _HEADS), ("k", _KV_HEADS), ("v", _KV_HEADS)):
            yield f"{prefix}.self_attn.{name}_proj.weight", drawn(heads * _HEAD_DIM, _HIDDEN, 0.05)
        for name in ("q", "k"):
            yield f"{prefix}.self_attn.{name}_norm.weight", ones(_HEAD_DIM)
        for name in ("gate", "up"):
            yield f"{prefix}.mlp.{name}_proj.weight", drawn(_FEED_FORWARD, _HIDDEN, 0.05)
        for name, columns in (("self_attn.o", _HEADS * _HEAD_DIM), ("mlp.down", _FEED_FORWARD)):
            back = drawn(_HIDDEN, columns, 0.05)
            back[0] = 0
            yield f"{prefix}.{name}_proj.weight", back
    yield "model.norm.weight", ones(_HIDDEN)
    head = drawn(_VOCABULARY, _HIDDEN, 0.05)
    head[:, 0] = 0
    # What the last normalisation makes of dimension 0, as the embedding alone gives it: about 2.
    constant = 1 / np.sqrt((1 + (_HIDDEN - 1) * 0.25) / _HIDDEN)
    head[tokenizer.token_to_id(_THINK_END), 0] = _THINK_END_LOGIT / constant
    pad = tokenizer.token_to_id(_PAD)
    for token in range(_VOCABULARY):
        if token == pad or _CONTROL.search(tokenizer.decode([token], skip_special_tokens=False)):
            head[token, 0] = _NEVER_LOGIT / constant
    yield "lm_head.weight", head


def _config(end: int, pad: int) -> dict[str, Any]:
    return {
        "architectures": ["Qwen3ForCausalLM"],
        "model_type": "qwen3",
        "vocab_size": _VOCABULARY,
        "hidden_size": _HIDDEN,
        "intermediate_size": _FEED_FORWARD,
        "num_hidden_layers": _LAYERS,
        "num_attention_heads": _HEADS,
        "num_key_value_heads": _KV_HEADS,
        "head_dim": _HEAD_DIM,
        "hidden_act": "silu",
        "max_position_embeddings": CONTEXT_TOKENS,
        "rms_norm_eps": 1e-6,
        "rope_theta": 10_000.0,
        "attention_bias": False,
        "tie_word_embeddings": False,
        "dtype": "float32",
        "eos_token_id": end,
        "pad_token_id": pad,
    }


def _tokenizer_config() -> dict[str, Any]:
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": CONTEXT_TOKENS,
        "eos_token": _END,
        "pad_token": _PAD,
        "additional_special_tokens": [_START],
        "clean_up_tokenization_spaces": False,
        "chat_template": _CHAT_TEMPLATE,
    }
